"""A change that any number of tasks may wait for, none of which is missed."""

from __future__ import annotations

import asyncio


class Signal:
    """Counts changes. Read `version`, look at the state, then wait for what came after."""

    def __init__(self) -> None:
        self.version = 0
        self._changed = asyncio.Event()

    def set(self) -> None:
        """Wake everyone who waits."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, seen: int) -> None:
        """Return once there is a change after version `seen`, at once if there was one."""
        while self.version == seen:
            await self._changed.wait()

    async def wait_at_most(self, seen: int, timeout: float) -> None:
        """Wait as `wait` does, for at most `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self.wait(seen)
        except TimeoutError:
            pass
