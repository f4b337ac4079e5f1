"""The indexer's settings: one TOML file, every key described in docs/indexer.md."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from chargecoin.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class IndexerConfig:
    """Settings of `chargecoin indexer`. Paths in the file are relative to the file.

    `database` is a path (SQLite) or a `postgresql+psycopg://` URL; `oracles` are the
    HTTP addresses whose feeds are followed; `other_rpc_urls` are asked where `rpc_url` fails
    and compared with it; `ws_url` announces new heads; `finality_depth` counts where the node
    does not know `finalized`. Seconds are seconds.
    """

    deployment: Path
    rpc_url: str
    database: str
    other_rpc_urls: tuple[str, ...] = ()
    ws_url: str | None = None
    http_host: str = "127.0.0.1"
    http_port: int = 8720
    clock: Path | None = None
    oracles: tuple[str, ...] = ()
    poll_interval_s: float = 0.25
    audit_interval_s: float = 60.0
    finality_depth: int = 64
    feed_days: int = 90

    @property
    def database_url(self) -> str:
        """The database as SQLAlchemy names it."""
        return self.database if "://" in self.database else f"sqlite:///{self.database}"


def load(path: Path, *, clock: Path | None = None) -> IndexerConfig:
    """Read a configuration; `clock` takes the place of its own.

    Raises `ConfigurationError` naming the key that is wrong.
    """
    try:
        raw = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigurationError(f"no configuration at {path}; docs/indexer.md shows one") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error
    known = {field.name for field in fields(IndexerConfig)}
    unknown = sorted(raw.keys() - known)
    if unknown:
        raise ConfigurationError(f"{path}: unknown key {unknown[0]}; known are {sorted(known)}")
    for name in ("deployment", "rpc_url", "database"):
        if name not in raw:
            raise ConfigurationError(f"{path}: {name} is missing")
    values = {name: _checked(path, name, value) for name, value in raw.items()}
    if clock is not None:
        values["clock"] = clock
    return IndexerConfig(**values)


def _checked(path: Path, name: str, value: Any) -> Any:
    folder = path.parent
    numbers = {
        **dict.fromkeys(("http_port", "finality_depth", "feed_days"), int),
        **dict.fromkeys(("poll_interval_s", "audit_interval_s"), float),
    }
    if name in numbers:
        allowed = (int,) if numbers[name] is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, allowed) or value < 0:
            raise ConfigurationError(f"{path}: {name} must be a number from 0, not {value!r}")
        return numbers[name](value)
    if name in {"oracles", "other_rpc_urls"}:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ConfigurationError(f"{path}: {name} must be a list of addresses, not {value!r}")
        return tuple(one.rstrip("/") if name == "oracles" else one for one in value)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{path}: {name} must be text, not {value!r}")
    if name in {"deployment", "clock"}:
        return folder / value
    if name == "database" and "://" not in value:
        return str(folder / value)
    return value
