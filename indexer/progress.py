"""How fast a backfill goes, and how long it takes yet."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

import structlog

log = structlog.get_logger()

# What is measured over: ranges differ in length and in how much happened in them.
WINDOW_S: Final = 60.0
LOGGED_EVERY_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """A backfill's rate over the last minute, and the seconds that are left at that rate."""

    block: int
    head: int
    blocks_per_s: float
    events_per_s: float
    left_s: int


class Progress:
    """Measures a backfill; `pace` is None while there is none, or nothing is measured yet."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Measure by `now`, in seconds."""
        self._now = now
        self._marks: deque[tuple[float, int, int]] = deque()
        self._logged_at = now()
        self.pace: Pace | None = None

    def note(self, block: int, events: int, head: int) -> None:
        """Note that the tables are at `block` and have `events` more than at the last note."""
        now = self._now()
        before = self._marks[-1][2] if self._marks else 0
        self._marks.append((now, block, before + events))
        while len(self._marks) > 2 and self._marks[1][0] <= now - WINDOW_S:
            self._marks.popleft()
        since, first, held = self._marks[0]
        took, blocks = now - since, block - first
        if took <= 0 or blocks <= 0:
            return
        self.pace = Pace(
            block=block,
            head=head,
            blocks_per_s=round(blocks / took, 1),
            events_per_s=round((before + events - held) / took, 1),
            left_s=round((head - block) * took / blocks),
        )
        if now >= self._logged_at + LOGGED_EVERY_S:
            self._logged_at = now
            log.info("backfill", **asdict(self.pace))

    def end(self) -> None:
        """Forget it: the tables are near the head, or went back."""
        self._marks.clear()
        self.pace = None
