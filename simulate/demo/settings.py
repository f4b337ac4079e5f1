"""What a demo is asked to do, and where it keeps what it makes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chargecoin.errors import ConfigurationError
from simulate.history import Source

PROJECT: Final = Path(__file__).resolve().parents[2]
DASHBOARD_PORT: Final = 8080
PORTS_TRIED: Final = 100
REUSE_S: Final = 24 * 3600
"""A finished history ends close enough to now for a day."""
HOST: Final = "127.0.0.1"
# What a finished history depends on beside its source.
_CODE: Final = ("chargecoin", "oracle", "indexer", "simulate", "scripts", "contracts")
_CODE_FILES: Final = frozenset({".py", ".vy", ".vyi", ".sol", ".sql", ".json"})


@dataclass(frozen=True, slots=True)
class Settings:
    """One run of the demo. `folder` is absolute; `port` None means 8080 or the next free one."""

    source: Source
    folder: Path
    once: bool = False
    port: int | None = None
    kill_proposer: int = 0

    @property
    def history(self) -> Path:
        """Where a history is made and, once finished, kept."""
        return self.folder / "history"

    @property
    def live(self) -> Path:
        """Where the run goes on from a finished history."""
        return self.folder / "live"

    def stamp(self) -> str:
        """Return what a kept history must have been made from: the source and the code."""
        digest = hashlib.sha256()
        source = self.source
        digest.update(f"{source.sessions} {source.seed} {source.weeks}".encode())
        if source.data:
            digest.update(source.data.read_bytes())
        for name in _CODE:
            for path in sorted((PROJECT / name).rglob("*")):
                if path.suffix in _CODE_FILES and path.is_file():
                    digest.update(f"{path.relative_to(PROJECT)}".encode())
                    digest.update(path.read_bytes())
        return digest.hexdigest()

    def finished_history(self, now: float) -> bool:
        """Whether a history is kept that this run may go on from."""
        try:
            kept = json.loads((self.history / "finished.json").read_text())
            fresh = 0 <= now - float(kept["ended_at"]) < REUSE_S
            return fresh and str(kept["stamp"]) == self.stamp()
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def finish_history(self, stamp: str, ended_at: float) -> None:
        """Note that the history is whole, and what `stamp` said when it was begun."""
        kept = {"stamp": stamp, "ended_at": ended_at}
        (self.history / "finished.json").write_text(json.dumps(kept))


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder for one demo. Raises `ConfigurationError` if another has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError(
                f"another demo runs in {folder}; end it with Ctrl-C, or give this one --dir"
            ) from None
        yield


def free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]


def dashboard_port(wanted: int | None) -> int:
    """Return the port asked for, or 8080 or the next free one.

    Raises `ConfigurationError` if the port asked for is taken.
    """
    first = DASHBOARD_PORT if wanted is None else wanted
    for port in range(first, first + (PORTS_TRIED if wanted is None else 1)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise ConfigurationError(f"port {first} is taken; give another with --port")
