"""The demo's processes: each in a group of its own, its output in a file, all ended at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from chargecoin.errors import ChargeCoinError, ConfigurationError

STOP_TIMEOUT_S: Final = 10.0
MOST_RESTARTS: Final = 3
"""How often a process may end by itself before the demo gives up on it."""
TAIL_LINES: Final = 15


class ProcessEndedError(ChargeCoinError):
    """A process of the demo ended, and what it said last."""


class Process:
    """One program and its output file. It is started again as often as it is told to be."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> None:
        """Describe the program; `start` runs it."""
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = {**os.environ, **environment}
        self._running: asyncio.subprocess.Process | None = None
        self._output: IO[bytes] | None = None

    async def start(self) -> None:
        """Run the program, its output appended to the log."""
        self._output = self.log.open("ab")
        try:
            self._running = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=self._output,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment,
                # Ctrl-C goes to the whole foreground group; the demo ends its processes itself.
                start_new_session=True,
            )
        except OSError as error:
            raise ConfigurationError(f"cannot run {self._command[0]}: {error}") from error

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._running
        return running.pid if running and running.returncode is None else None

    async def ended(self) -> int:
        """Wait until it ends and return its exit code, negative for a signal."""
        if self._running is None:
            raise ConfigurationError(f"{self.name} was never started")
        code = await self._running.wait()
        self._close()
        return code

    def kill(self) -> None:
        """End it at once and without warning, as a crash would (SIGKILL)."""
        self._signal(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        self._signal(signal.SIGTERM)
        if self._running:
            try:
                await asyncio.wait_for(self._running.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self.kill()
                await self._running.wait()
        # What it started itself and left behind is in its group.
        self._signal_group(signal.SIGKILL)
        self._close()

    def tail(self) -> str:
        """Return the last lines of its output."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return "\n".join(lines[-TAIL_LINES:])

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            self._signal_group(number)

    def _signal_group(self, number: signal.Signals) -> None:
        if self._running:
            # A session of its own: the group's number is the process's.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._running.pid, number)

    def _close(self) -> None:
        if self._output:
            self._output.close()
            self._output = None


class Supervisor:
    """Starts processes, starts again those that may die, and ends all on the way out.

    `failed` is set to the reason once a process has ended that must not, or has
    ended by itself too often.
    """

    def __init__(self) -> None:
        """Supervise nothing yet."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._processes: dict[str, Process] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._killed: set[str] = set()

    async def start(self, process: Process, *, restart: bool = False) -> None:
        """Start a process and watch it from now on."""
        self._processes[process.name] = process
        await process.start()
        self._watchers.append(asyncio.create_task(self._watch(process, restart=restart)))

    async def _watch(self, process: Process, *, restart: bool) -> None:
        deaths: list[float] = []
        while True:
            code = await process.ended()
            expected = process.name in self._killed
            self._killed.discard(process.name)
            if not expected:
                deaths.append(time.monotonic())
            if not restart or len(deaths) > MOST_RESTARTS:
                if not self.failed.done():
                    self.failed.set_exception(
                        ProcessEndedError(
                            f"{process.name} ended with {code}; its last words "
                            f"({process.log}):\n{process.tail()}"
                        )
                    )
                return
            await process.start()

    def kill(self, name: str) -> None:
        """Kill a process without warning; the watcher starts it again."""
        self._killed.add(name)
        self._processes[name].kill()

    async def stop(self) -> None:
        """End every process, the last started first."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        self._watchers.clear()
        await asyncio.gather(*(one.stop() for one in reversed(self._processes.values())))
        self._processes.clear()
        self.failed.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.stop()


async def unless_failed(supervisor: Supervisor, work: Coroutine[Any, Any, Any]) -> Any:
    """Do some work, unless a process ends that must not."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, supervisor.failed}, return_when=asyncio.FIRST_COMPLETED)
        if supervisor.failed.done():
            supervisor.failed.result()
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
