"""What the views work with, made once and handed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Self

from fastapi import Depends, Request

from chargecoin.clock import Clock
from dashboard.access.store import AccessStore
from dashboard.config import Config
from dashboard.epochs import Epochs
from dashboard.formats import Formats
from dashboard.language import language
from dashboard.node import Node
from dashboard.oracles import Oracles
from dashboard.private.carbon import CarbonStore
from dashboard.private.settings import SettingsStore
from dashboard.watch import Watch
from indexer.read_model import ReadModel


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside the process that a page may read from.

    `clock` is the chain's time, by which figures go; `wall` is the machine's, by which
    sign-ins and links expire.
    """

    config: Config
    model: ReadModel
    clock: Clock
    wall: Clock
    access: AccessStore
    settings: SettingsStore
    carbon: CarbonStore
    formats_by_language: Mapping[str, Formats]
    oracles: Oracles
    node: Node
    watch: Watch
    epochs: Epochs = field(default_factory=Epochs)

    @contextmanager
    def at_once(self) -> Iterator[Self]:
        """Yield the same services, whose tables all stand still: figures of one page agree."""
        with self.model.at_once() as model:
            yield replace(self, model=model)

    @property
    def formats(self) -> Formats:
        """How figures are written for the reader of the request that is being answered."""
        return self.formats_by_language[language()]

    def now(self) -> int:
        """Return UTC seconds."""
        return int(self.clock.now())

    def wall_now(self) -> int:
        """Return UTC seconds of the machine's clock."""
        return int(self.wall.now())


def services(request: Request) -> Services:
    """Return the application's services."""
    found: Services = request.app.state.services
    return found


Has = Annotated[Services, Depends(services)]
