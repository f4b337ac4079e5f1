"""Events of the contracts, decoded by their interface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import default_codec
from eth_abi.exceptions import DecodingError

from chargecoin.chain.values import Log
from chargecoin.contracts import events
from chargecoin.errors import ChainError


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name, its arguments by name, and the log it was read from."""

    name: str
    args: dict[str, Any]
    log: Log


def decode_event(contract: str, log: Log) -> Event | None:
    """Return what a contract logged, None if its interface has no such event.

    Raises `ChainError` if the log is not what the interface says.
    """
    found = events(contract).get(log.topics[0]) if log.topics else None
    if found is None:
        return None
    indexed = [one for one in found.inputs if one["indexed"]]
    plain = [one for one in found.inputs if not one["indexed"]]
    if len(indexed) != len(log.topics) - 1:
        raise ChainError(f"{found.name} has {len(log.topics) - 1} topics, not {len(indexed)}")
    try:
        args = {
            one["name"]: default_codec.decode([one["type"]], topic)[0]
            for one, topic in zip(indexed, log.topics[1:], strict=True)
        }
        values = default_codec.decode([one["type"] for one in plain], log.data)
    except DecodingError as error:
        raise ChainError(f"{found.name} is not what its interface says: {error}") from error
    args.update((one["name"], value) for one, value in zip(plain, values, strict=True))
    return Event(found.name, args, log)


def decode_events(contract: str, address: str, logs: Iterable[Log]) -> Iterator[Event]:
    """Yield what one contract logged, in order, passing over the rest."""
    for log in logs:
        if log.address == address:
            event = decode_event(contract, log)
            if event is not None:
                yield event
