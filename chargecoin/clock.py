"""Clocks, handed in everywhere: nothing in the project asks the machine for the time.

`FileClock` lets one driver move the time of many processes: it maps a file of
three doubles (rate, real base, simulated base), so that reading costs no system
call and time can stand still, jump or run.
"""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path
from typing import Final, Protocol

from chargecoin.errors import ConfigurationError

_LAYOUT: Final = struct.Struct("<3d")


class Clock(Protocol):
    """Tells the time as UTC seconds since 1970."""

    def now(self) -> float:
        """Return UTC seconds."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return UTC seconds."""
        return time.time()


class ManualClock:
    """A clock that moves only when told to; for tests."""

    def __init__(self, start: float) -> None:
        """Start at `start`, UTC seconds."""
        self._now = start

    def now(self) -> float:
        """Return UTC seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward; never backward."""
        if seconds < 0:
            raise ConfigurationError("a clock does not run backward")
        self._now += seconds


class FileClock:
    """A clock that one process drives and others read, through a mapped file."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """Map an existing clock file. Raises `ConfigurationError` if it is not one."""
        try:
            with path.open("r+b" if writable else "rb") as file:
                access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
                self._map = mmap.mmap(file.fileno(), _LAYOUT.size, access=access)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"no clock file at {path}: {error}") from error

    @classmethod
    def create(cls, path: Path, now: float) -> FileClock:
        """Write a clock that stands still at `now` and map it for driving."""
        path.write_bytes(_LAYOUT.pack(0.0, 0.0, now))
        return cls(path, writable=True)

    def now(self) -> float:
        """Return UTC seconds."""
        # Until two reads agree, lest one falls into the middle of the driver's write.
        while (packed := self._map[:]) != self._map[:]:
            pass
        rate, real, simulated = _LAYOUT.unpack(packed)
        return float(simulated + rate * (time.time() - real) if rate else simulated)

    def set(self, now: float) -> None:
        """Let the time stand still at `now`."""
        self._map[:] = _LAYOUT.pack(0.0, 0.0, now)

    def run(self, rate: float = 1.0) -> None:
        """Let the time run on from here at `rate` seconds a second."""
        self._map[:] = _LAYOUT.pack(rate, time.time(), self.now())


def open_clock(path: str | None) -> Clock:
    """Return the clock named on a command line: a clock file, or the machine's own."""
    return FileClock(Path(path)) if path else SystemClock()
