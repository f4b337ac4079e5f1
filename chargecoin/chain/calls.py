"""Contract functions as bytes: selectors and codecs, built once from the ABI."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import default_codec
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.crypto import keccak

from chargecoin.contracts import abi
from chargecoin.errors import ChainError, CodecError, ConfigurationError


def _type(entry: dict[str, Any]) -> str:
    """Return an argument's canonical type, tuples written out."""
    name: str = entry["type"]
    if not name.startswith("tuple"):
        return name
    return f"({','.join(_type(part) for part in entry['components'])}){name.removeprefix('tuple')}"


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a contract."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def encode(self, *args: Any) -> bytes:
        """Return call data. Raises `CodecError` where an argument does not fit its type."""
        try:
            return self.selector + default_codec.encode(self.inputs, args)
        except (EncodingError, ValueError, TypeError) as error:
            raise CodecError(f"{self.name}({', '.join(self.inputs)}): {error}") from error

    def decode(self, data: bytes) -> tuple[Any, ...]:
        """Return what a call gave back. Raises `ChainError` if it is not what the ABI says."""
        try:
            return default_codec.decode(self.outputs, data)
        except DecodingError as error:
            raise ChainError(f"{self.name} answered what its interface does not say") from error


@cache
def functions(contract: str) -> dict[str, Function]:
    """Return a contract's functions by name (none of ours is overloaded)."""
    found = {}
    for entry in abi(contract):
        if entry["type"] == "function":
            inputs = tuple(_type(one) for one in entry["inputs"])
            outputs = tuple(_type(one) for one in entry["outputs"])
            selector = keccak(text=f"{entry['name']}({','.join(inputs)})")[:4]
            found[entry["name"]] = Function(entry["name"], selector, inputs, outputs)
    return found


def function(contract: str, name: str) -> Function:
    """Return one function. Raises `ConfigurationError` if the contract has none of that name."""
    try:
        return functions(contract)[name]
    except KeyError:
        raise ConfigurationError(f"{contract} has no function {name}") from None


def constructor_arguments(contract: str, *args: Any) -> bytes:
    """Return a constructor's arguments as they follow the creation code."""
    for entry in abi(contract):
        if entry["type"] == "constructor":
            types = tuple(_type(one) for one in entry["inputs"])
            try:
                return default_codec.encode(types, args)
            except (EncodingError, ValueError, TypeError) as error:
                raise CodecError(f"constructor of {contract}: {error}") from error
    if args:
        raise CodecError(f"the constructor of {contract} takes no arguments")
    return b""
