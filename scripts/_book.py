"""How the protocol is to be set up on a chain, and the address book of what is there."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson
from eth_utils.address import is_address, to_checksum_address

from chargecoin.errors import ConfigurationError

LOCAL_CHAINS: Final = frozenset({1337, 31337})
LONGEST_WITHDRAWAL_S: Final = 96 * 3600
LEAST_DELAY_S: Final = 2 * LONGEST_WITHDRAWAL_S
SHARES: Final = ("stakers", "drivers", "stations", "treasury")


@dataclass(frozen=True, slots=True)
class Settings:
    """How the protocol is set up. Without `token`, a worthless one is deployed (local chains).

    Shares of the fees are basis points in the order of `SHARES`, `destinations` who
    receives them; the delay is in seconds; no executors means that anyone may execute.
    """

    guardian: str
    members: tuple[str, ...]
    threshold: int
    proposers: tuple[str, ...]
    destinations: tuple[str, ...]
    shares: tuple[int, ...] = (4_000, 2_000, 2_000, 2_000)
    executors: tuple[str, ...] = ()
    delay_s: int = LEAST_DELAY_S
    token: str | None = None

    def checked(self, chain_id: int) -> Settings:
        """Return the settings in canonical form. Raises `ConfigurationError` if they cannot be."""
        lists = (self.members, self.proposers, self.executors, self.destinations)
        addresses = [self.guardian, *(one for some in lists for one in some)]
        for address in [*addresses, *([self.token] if self.token else [])]:
            if not is_address(address):
                raise ConfigurationError(f"{address!r} is not an address")
        if len(set(self.members)) != len(self.members):
            raise ConfigurationError("a committee member is named twice")
        if not self.members:
            raise ConfigurationError(
                "the committee has no members; name them: --member ADDRESS … --threshold N"
            )
        if not len(self.members) < 2 * self.threshold <= 2 * len(self.members):
            raise ConfigurationError(
                f"a threshold of {self.threshold} is not a majority of {len(self.members)} members"
            )
        if len(self.shares) != len(SHARES) or sum(self.shares) != 10_000:
            raise ConfigurationError(f"fee shares {self.shares} are not four that sum to 10,000")
        if not self.proposers:
            raise ConfigurationError("governance needs a proposer")
        if chain_id not in LOCAL_CHAINS:
            if self.token is None:
                raise ConfigurationError(f"name the payment token of chain {chain_id}")
            if self.delay_s < LEAST_DELAY_S:
                raise ConfigurationError(
                    f"governance must wait at least {LEAST_DELAY_S} s, twice the longest "
                    f"withdrawal, not {self.delay_s} s"
                )
        members = sorted(
            (to_checksum_address(one) for one in self.members), key=lambda a: int(a, 16)
        )
        return replace(
            self,
            guardian=to_checksum_address(self.guardian),
            members=tuple(members),
            proposers=tuple(map(to_checksum_address, self.proposers)),
            executors=tuple(map(to_checksum_address, self.executors)),
            destinations=tuple(map(to_checksum_address, self.destinations)),
            token=to_checksum_address(self.token) if self.token else None,
        )

    @classmethod
    def from_toml(cls, path: Path) -> Settings:
        """Read a settings file (docs/protocol-developer.md)."""
        try:
            raw = tomllib.loads(path.read_text())
            fees = raw["fees"]
            return cls(
                guardian=raw["guardian"],
                members=tuple(raw["committee"]["members"]),
                threshold=int(raw["committee"]["threshold"]),
                proposers=tuple(raw["governance"]["proposers"]),
                executors=tuple(raw["governance"].get("executors", ())),
                delay_s=int(raw["governance"].get("delay_s", LEAST_DELAY_S)),
                destinations=tuple(fees[name]["to"] for name in SHARES),
                shares=tuple(int(fees[name]["share"]) for name in SHARES),
                token=raw.get("token"),
            )
        except FileNotFoundError:
            raise ConfigurationError(f"no settings at {path}") from None
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{path} is not a settings file ({error!r}); see docs/protocol-developer.md"
            ) from error

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Settings:
        """Read what an address book keeps."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()
        }
        return cls(**values)


def book_path(named: Path | None, chain_id: int) -> Path:
    """Return where a chain's address book is, unless another place is named."""
    return named or Path("deployments") / f"{chain_id}.json"


class Book:
    """An address book on disk: `chargecoin.deployments` reads what this writes."""

    def __init__(self, path: Path, chain_id: int) -> None:
        """Read the book at `path`, or begin one. Raises `ConfigurationError` on another chain's."""
        self.path = path
        self.raw: dict[str, Any] = {"chain_id": chain_id, "start_block": 0, "contracts": {}}
        if path.exists():
            try:
                self.raw = orjson.loads(path.read_bytes())
                found = int(self.raw["chain_id"])
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
                raise ConfigurationError(f"{path} is not an address book: {error!r}") from error
            if found != chain_id:
                raise ConfigurationError(f"{path} is the address book of chain {found}")

    @property
    def contracts(self) -> dict[str, dict[str, Any]]:
        """The entries by name."""
        entries: dict[str, dict[str, Any]] = self.raw["contracts"]
        return entries

    def address(self, name: str) -> str:
        """Return a contract's address."""
        return str(self.contracts[name]["address"])

    @property
    def settings(self) -> Settings | None:
        """How it was set up the last time, None in a new book."""
        raw = self.raw.get("settings")
        return Settings.from_json(raw) if raw else None

    def add(self, name: str, entry: dict[str, Any], block_number: int) -> None:
        """Enter a contract and save."""
        if not self.contracts:
            self.raw["start_block"] = block_number
        self.contracts[name] = entry
        self.save()

    def save(self, settings: Settings | None = None) -> None:
        """Write the book, all or nothing."""
        if settings is not None:
            self.raw["settings"] = asdict(settings)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        temporary.write_bytes(orjson.dumps(self.raw, option=orjson.OPT_INDENT_2) + b"\n")
        temporary.replace(self.path)
