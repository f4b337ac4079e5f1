"""The address book of a chain: `deployments/<chain id>.json`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
from eth_utils.address import to_checksum_address

from chargecoin.errors import ConfigurationError
from chargecoin.typed_data import Domain

# What a contract keeps where nobody is named.
NO_ADDRESS: Final = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contracts of one chain are. `start_block` is where indexing begins."""

    chain_id: int
    start_block: int
    contracts: dict[str, str]

    def address(self, name: str) -> str:
        """Return a contract's checksummed address."""
        try:
            return self.contracts[name]
        except KeyError:
            known = ", ".join(sorted(self.contracts))
            raise ConfigurationError(
                f"the address book of chain {self.chain_id} has no {name} (it has {known}); "
                "deploy it with `ape run deploy`"
            ) from None

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of this deployment's `Settlement`."""
        return Domain(self.chain_id, self.address("Settlement"))


def load(path: Path) -> Deployment:
    """Read an address book. Raises `ConfigurationError` if it is missing or malformed."""
    try:
        raw = orjson.loads(path.read_bytes())
        return Deployment(
            chain_id=int(raw["chain_id"]),
            start_block=int(raw["start_block"]),
            contracts={
                name: to_checksum_address(entry["address"])
                for name, entry in raw["contracts"].items()
            },
        )
    except FileNotFoundError:
        raise ConfigurationError(
            f"no address book at {path}; deploy with `ape run deploy` or name another"
        ) from None
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"{path} is not an address book: not JSON ({error})") from error
    except KeyError as error:
        raise ConfigurationError(
            f"{path} is not an address book: it has no {error}; "
            "name a file that `ape run deploy` wrote"
        ) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(
            f"{path} is not an address book: a value in it is not what it should be ({error}); "
            "name a file that `ape run deploy` wrote"
        ) from error
