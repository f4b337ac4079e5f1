"""What connectors do now, and who says so: the signed feed's word, not proven by the chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from indexer.figures import Connector

# What pages show for a connector; `unknown` means that nobody vouches for the last word.
Use = Literal["in_use", "free", "reserved", "unavailable", "faulted", "offline", "unknown"]
USES: Final[tuple[Use, ...]] = get_args(Use)


@dataclass(frozen=True, slots=True)
class ConnectorState:
    """The newest signed word on a connector, and whether it still holds.

    `status` is the charge point's own (OCPP); `use` is what to show: `unknown` where
    the oracle has been silent, restarted without a snapshot, or left a gap. `age_s`
    counts from the word itself, `silence_s` from the oracle's last sign of life.
    None: never heard of.
    """

    connector: Connector
    use: Use
    status: str | None
    error_code: str
    since: int | None
    at: int | None
    age_s: int | None
    silence_s: int | None
    energy_wh: int | None
    session: str | None
    oracle: str | None


@dataclass(frozen=True, slots=True)
class Utilisation:
    """Connectors by what they are doing now, from the signed feed; not proven by the chain."""

    counts: dict[Use, int]
    connectors: tuple[ConnectorState, ...]
    heard_at: int | None

    @property
    def total(self) -> int:
        """All connectors."""
        return len(self.connectors)


@dataclass(frozen=True, slots=True)
class FeedSource:
    """One oracle's feed as we hold it. `gaps` and `refused` count since the beginning."""

    oracle: str
    url: str
    n: int
    epoch: int
    heard_at: int
    gaps: int
    refused: int
    detail: str


@dataclass(frozen=True, slots=True)
class FeedWord:
    """One signed word on a connector, as it stands in the operational feed.

    `kind` is `snapshot`, `status`, `session`, `restart` or `fault`; `seq` counts the
    connector's words within an `epoch` of the oracle.
    """

    connector_id: int
    oracle: str
    epoch: int
    seq: int
    at: int
    kind: str
    status: str
    error_code: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A span [since, until) in which an oracle's words do not hold, for it was not heard."""

    oracle: str
    since: int
    until: int
