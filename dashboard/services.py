"""What the views work with, made once and handed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from chargecoin.clock import Clock
from dashboard.config import Config
from dashboard.formats import Formats
from dashboard.node import Node
from dashboard.oracles import Oracles
from dashboard.watch import Watch
from indexer.read_model import ReadModel


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside the process that a page may read from."""

    config: Config
    model: ReadModel
    clock: Clock
    formats: Formats
    oracles: Oracles
    node: Node
    watch: Watch

    def now(self) -> int:
        """Return UTC seconds."""
        return int(self.clock.now())


def services(request: Request) -> Services:
    """Return the application's services."""
    found: Services = request.app.state.services
    return found


Has = Annotated[Services, Depends(services)]
