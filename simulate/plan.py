"""What will happen at the virtual charge points: one `SessionPlan` a session.

The generator and the importers write plans; the fleet plays them over OCPP; the
demo works out from the same plans what must come out at the other end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from chargecoin.errors import ConfigurationError

MAX_DURATION_S: Final = 1_036_800
"""The longest session a record holds: 12 days (docs/protocol.md, section 1)."""


class Cause(StrEnum):
    """Why a planned session is not simply settled."""

    SHORT_VAULT = "short_vault"
    LIMIT = "limit"
    NO_MANDATE = "no_mandate"
    NO_END = "no_end"
    REGISTER_BACKWARD = "register_backward"
    REGISTER_IMPLAUSIBLE = "register_implausible"
    TAMPERED = "tampered"


UNFUNDED: Final = frozenset({Cause.SHORT_VAULT, Cause.LIMIT, Cause.NO_MANDATE})
"""Settled on the chain as unfunded."""
QUARANTINED: Final = frozenset(Cause) - UNFUNDED
"""Held back by the oracle; they never take a sequence."""


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """One session as it truly happens; `cause` says how its report goes wrong.

    Times are UTC seconds, `started_at` plug-in and `ended_at` plug-out; `idle_s`
    are the last seconds of it, when the vehicle no longer asks for power.
    `energy_wh` is what the register gains. `token` is the driver's idTag.
    """

    charge_point: str
    connector: int
    started_at: int
    ended_at: int
    idle_s: int
    energy_wh: int
    token: str = ""
    cause: Cause | None = None

    def __post_init__(self) -> None:
        """Refuse a session that cannot have happened."""
        if not 0 <= self.idle_s <= self.duration_s <= MAX_DURATION_S:
            raise ConfigurationError(
                f"session at {self.charge_point}/{self.connector}: idle {self.idle_s} s of "
                f"{self.duration_s} s; a session lasts 0 to {MAX_DURATION_S} s and idles within"
            )
        if self.energy_wh < 0:
            raise ConfigurationError(f"energy is {self.energy_wh} Wh, must not be negative")

    @property
    def duration_s(self) -> int:
        """Seconds plugged in."""
        return self.ended_at - self.started_at

    @property
    def place(self) -> str:
        """Name the connector as the onboarding does: `<identity>/<connector number>`."""
        return f"{self.charge_point}/{self.connector}"


def save_plans(plans: Iterable[SessionPlan], path: Path) -> None:
    """Write one JSON object a line."""
    with path.open("w") as file:
        file.writelines(json.dumps(asdict(plan)) + "\n" for plan in plans)


def load_plans(path: Path) -> list[SessionPlan]:
    """Read what `save_plans` wrote. Raises `ConfigurationError` naming the line that is wrong."""
    return list(_read_plans(path))


def _read_plans(path: Path) -> Iterator[SessionPlan]:
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise ConfigurationError(f"cannot read sessions: {error}") from error
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
            cause = fields.pop("cause", None)
            yield SessionPlan(**fields, cause=Cause(cause) if cause else None)
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"{path}, line {number} is no session: {error}") from error


def overlaps(intervals: Iterable[tuple[object, float, float]]) -> int:
    """Count starts before the running maximum end at the same place.

    Each interval is (place, start, end); order does not matter.
    """
    latest: dict[object, float] = {}
    found = 0
    for place, start, end in sorted(intervals, key=lambda one: one[1:]):
        before = latest.get(place, start)
        found += start < before
        latest[place] = max(before, end)
    return found
