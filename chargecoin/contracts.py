"""The contracts' interfaces, as the compiler stated them (`chargecoin/abi/*.json`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from eth_utils.crypto import keccak

from chargecoin.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class EventAbi:
    """One event: its topic and its arguments in order."""

    name: str
    topic: bytes
    inputs: tuple[dict[str, Any], ...]


@cache
def artifact(name: str) -> dict[str, Any]:
    """Return `{"name", "abi", "bytecode"}` of a contract."""
    try:
        data = files("chargecoin").joinpath("abi", f"{name}.json").read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(
            f"no interface of {name}; run `python scripts/export_abi.py`"
        ) from None
    value: dict[str, Any] = orjson.loads(data)
    return value


def abi(name: str) -> list[dict[str, Any]]:
    """Return a contract's ABI."""
    entries: list[dict[str, Any]] = artifact(name)["abi"]
    return entries


@cache
def events(name: str) -> dict[bytes, EventAbi]:
    """Return a contract's events by topic."""
    found = {}
    for entry in abi(name):
        if entry["type"] == "event":
            signature = f"{entry['name']}({','.join(arg['type'] for arg in entry['inputs'])})"
            topic = keccak(text=signature)
            found[topic] = EventAbi(entry["name"], topic, tuple(entry["inputs"]))
    return found
