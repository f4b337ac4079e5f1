"""The dashboard's settings: one TOML file, read once, every key known."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from chargecoin.errors import ConfigurationError

_REQUIRED: Final = frozenset({"database", "rpc_url", "deployment"})
PRIVATE: Final = "dashboard.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where the dashboard reads from and how it writes. Documented in docs/station-owner.md."""

    database: str
    rpc_url: str
    deployment: Path
    evidence: tuple[str, ...]
    clock: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    currency: str = "EUR"
    locale: str = "en_GB"
    title: str = "ChargeCoin"
    origin: str = ""
    private_database: str = PRIVATE

    @classmethod
    def load(cls, path: Path) -> Config:
        """Read a file; paths in it are relative to it. Raises `ConfigurationError`."""
        try:
            raw = tomllib.loads(path.read_text())
        except FileNotFoundError:
            raise ConfigurationError(
                f"no dashboard configuration at {path}; docs/station-owner.md has one to start from"
            ) from None
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path} cannot be read as TOML: {error}") from error
        return cls.parse(raw, path.parent)

    @classmethod
    def parse(cls, raw: dict[str, Any], folder: Path) -> Config:
        """Check a table of settings. Raises `ConfigurationError` naming the key at fault."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(raw.keys() - known):
            raise ConfigurationError(
                f"unknown setting {unknown[0]!r}; the dashboard knows {', '.join(sorted(known))}"
            )
        values: dict[str, Any] = dict(raw)
        for name in known - {"evidence", "port"}:
            value = values.get(name)
            if name in _REQUIRED and value is None:
                raise ConfigurationError(f'the dashboard needs {name} = "…" in its configuration')
            if value is not None and not (isinstance(value, str) and value):
                raise ConfigurationError(f"{name} is text, not {value!r}")
        evidence = values.get("evidence", [])
        if not isinstance(evidence, list) or not all(isinstance(url, str) for url in evidence):
            raise ConfigurationError('evidence is a list of addresses: ["http://127.0.0.1:9001"]')
        values["evidence"] = tuple(url.rstrip("/") for url in evidence)
        values["deployment"] = folder / values["deployment"]
        for name in ("database", "private_database"):
            value = values.get(name) or PRIVATE
            values[name] = value if "://" in value else str(folder / value)
        values["origin"] = _origin(values.get("origin") or "")
        if values.get("clock") is not None:
            values["clock"] = str(folder / values["clock"])
        port = values.get("port", 0)
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port < 1 << 16:
            raise ConfigurationError(f"port is 0 to 65535, not {port!r}")
        return cls(**values)


def _origin(text: str) -> str:
    found = urlsplit(text)
    plain = found.scheme in {"http", "https"} and text == f"{found.scheme}://{found.netloc}"
    if text and not plain:
        raise ConfigurationError(
            f'origin is a scheme and a host, as "https://dashboard.example", not {text!r}'
        )
    return text
