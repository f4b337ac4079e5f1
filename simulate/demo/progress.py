"""How far the demo is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_EVERY_S: Final = 5.0

Advance = Callable[[int], None]
"""Takes how much is done so far."""


class Display:
    """Where the demo tells what it does."""

    def __init__(self, console: Console) -> None:
        """Write to a console."""
        self.console = console

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def count(self, what: str, total: int) -> Iterator[Advance]:
        """Show progress from 0 to `total`, with rate and time left."""
        shown = self._bar(what, total) if self.console.is_terminal else self._lines(what, total)
        with shown as advance:
            yield advance

    @contextmanager
    def _bar(self, what: str, total: int) -> Iterator[Advance]:
        columns = (
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(what, total=total, rate="")
            since = time.monotonic()

            def advance(done: int) -> None:
                rate = done / max(time.monotonic() - since, 1e-9)
                progress.update(task, completed=done, rate=f"{rate:.0f}/s")

            yield advance

    @contextmanager
    def _lines(self, what: str, total: int) -> Iterator[Advance]:
        since = last = time.monotonic()

        shown = 0

        def advance(done: int) -> None:
            nonlocal last, shown
            now = time.monotonic()
            if done == shown or (now - last < LINE_EVERY_S and done < total):
                return
            last, shown = now, done
            rate = done / max(now - since, 1e-9)
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            self.say(f"{what}: {done} of {total}, {rate:.0f}/s{left}")

        yield advance
