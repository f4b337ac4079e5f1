"""How the protocol is to be set up on a chain, and the address book of what is there."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson
from eth_utils.address import is_address, to_checksum_address

from chargecoin.errors import ConfigurationError
from chargecoin.rewards import MAX_RETURN_BPS

LOCAL_CHAINS: Final = frozenset({1337, 31337})
LONGEST_WITHDRAWAL_S: Final = 96 * 3600
LEAST_DELAY_S: Final = 2 * LONGEST_WITHDRAWAL_S
SHARES: Final = ("stakers", "drivers", "stations", "treasury")
BPS: Final = 10_000
MAX_REIMBURSEMENT: Final = 100 * 10**6
"""The constant of `Settlement`, base units a batch."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the protocol is set up. Without `token`, a worthless one is deployed (local chains).

    Shares of the fees are basis points in the order of `SHARES`; `treasury` receives the
    last. `oracles` receives `reimbursement` (base units) for each settled batch, at most
    what the batch brought in. Without `chg`, CHG is minted to `chg_holder`. The delay is
    in seconds; no executors means that anyone may execute. `predecessor` is a settlement
    whose connectors' heads are continued.
    """

    guardian: str
    members: tuple[str, ...]
    threshold: int
    arbiters: tuple[str, ...]
    arbiter_threshold: int
    proposers: tuple[str, ...]
    treasury: str
    oracles: str
    chg_holder: str | None = None
    chg: str | None = None
    shares: tuple[int, ...] = (4_000, 2_000, 2_000, 2_000)
    reimbursement: int = 10_000
    executors: tuple[str, ...] = ()
    delay_s: int = LEAST_DELAY_S
    token: str | None = None
    predecessor: str | None = None

    def checked(self, chain_id: int) -> Settings:
        """Return the settings in canonical form. Raises `ConfigurationError` if they cannot be."""
        lists = (self.members, self.arbiters, self.proposers, self.executors)
        alone = (self.guardian, self.treasury, self.oracles)
        optional = (self.token, self.chg, self.chg_holder, self.predecessor)
        addresses = [*alone, *(one for some in lists for one in some), *filter(None, optional)]
        for address in addresses:
            if not is_address(address):
                raise ConfigurationError(f"{address!r} is not an address")
        _check_committee("committee", "--member", self.members, self.threshold)
        _check_committee("arbiters' committee", "--arbiter", self.arbiters, self.arbiter_threshold)
        members, arbiters = _ascending(self.members), _ascending(self.arbiters)
        if both := set(members) & set(arbiters):
            raise ConfigurationError(f"{min(both)} cannot both settle sessions and rule on them")
        _check_fees(self.shares, self.reimbursement)
        if not self.proposers:
            raise ConfigurationError("governance needs a proposer")
        if not self.chg and not self.chg_holder:
            raise ConfigurationError(
                "say who receives CHG (chg_holder), or which CHG is used (chg)"
            )
        if chain_id not in LOCAL_CHAINS:
            if self.token is None:
                raise ConfigurationError(f"name the payment token of chain {chain_id}")
            if self.delay_s < LEAST_DELAY_S:
                raise ConfigurationError(
                    f"governance must wait at least {LEAST_DELAY_S} s, twice the longest "
                    f"withdrawal, not {self.delay_s} s"
                )
        return replace(
            self,
            guardian=to_checksum_address(self.guardian),
            members=members,
            arbiters=arbiters,
            proposers=tuple(map(to_checksum_address, self.proposers)),
            executors=tuple(map(to_checksum_address, self.executors)),
            treasury=to_checksum_address(self.treasury),
            oracles=to_checksum_address(self.oracles),
            chg_holder=to_checksum_address(self.chg_holder) if self.chg_holder else None,
            chg=to_checksum_address(self.chg) if self.chg else None,
            token=to_checksum_address(self.token) if self.token else None,
            predecessor=to_checksum_address(self.predecessor) if self.predecessor else None,
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
                arbiters=tuple(raw["arbiters"]["members"]),
                arbiter_threshold=int(raw["arbiters"]["threshold"]),
                proposers=tuple(raw["governance"]["proposers"]),
                executors=tuple(raw["governance"].get("executors", ())),
                delay_s=int(raw["governance"].get("delay_s", LEAST_DELAY_S)),
                treasury=fees["treasury_to"],
                oracles=fees["oracles_to"],
                reimbursement=int(fees["reimbursement"]),
                shares=tuple(int(fees[name]) for name in SHARES),
                token=raw.get("token"),
                chg=raw.get("chg"),
                chg_holder=raw.get("chg_holder"),
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


def _ascending(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(map(to_checksum_address, addresses), key=lambda one: int(one, 16)))


def _check_committee(what: str, option: str, members: tuple[str, ...], threshold: int) -> None:
    if not members:
        raise ConfigurationError(f"the {what} has no members; name them: {option} ADDRESS …")
    if len(set(map(str.lower, members))) != len(members):
        raise ConfigurationError(f"a member of the {what} is named twice")
    if not len(members) < 2 * threshold <= 2 * len(members):
        raise ConfigurationError(
            f"a threshold of {threshold} is not a majority of {len(members)} members of the {what}"
        )


def _check_fees(shares: tuple[int, ...], reimbursement: int) -> None:
    if len(shares) != len(SHARES) or sum(shares) != BPS or min(shares) < 0:
        raise ConfigurationError(f"fee shares {shares} are not four that sum to 10,000")
    stakers, drivers, stations, _ = shares
    # What somebody can have back of a fee that they paid themselves: docs/rewards.md.
    if stakers + max(MAX_RETURN_BPS, drivers) + max(MAX_RETURN_BPS, stations) >= BPS:
        raise ConfigurationError(
            f"with fee shares {shares}, charging oneself could earn more than it costs; "
            "give stakers less (docs/rewards.md)"
        )
    if not 0 <= reimbursement <= MAX_REIMBURSEMENT:
        raise ConfigurationError(
            f"a reimbursement of {reimbursement} base units a batch is not within 0 and "
            f"{MAX_REIMBURSEMENT}"
        )


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

    @property
    def wired(self) -> bool:
        """Whether governance has done all that a new deployment needs."""
        return bool(self.raw.get("wired"))

    def set_wired(self) -> None:
        """Note that governance has done all that a new deployment needs."""
        self.raw["wired"] = True
        self.save()

    def add(self, name: str, entry: dict[str, Any], block_number: int) -> None:
        """Enter a contract and save."""
        if not self.contracts:
            self.raw["start_block"] = block_number
        self.contracts[name] = entry
        self.announce(None)

    @property
    def announced(self) -> dict[str, Any] | None:
        """The creation that was about to be sent when the book was last saved."""
        raw: dict[str, Any] | None = self.raw.get("announced")
        return raw

    def announce(self, creation: dict[str, Any] | None) -> None:
        """Note a creation before it is sent, or that it is no longer waited for; and save."""
        if creation is None:
            self.raw.pop("announced", None)
        else:
            self.raw["announced"] = creation
        self.save()

    def save(self, settings: Settings | None = None) -> None:
        """Write the book, all or nothing."""
        if settings is not None:
            self.raw["settings"] = asdict(settings)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        temporary.write_bytes(orjson.dumps(self.raw, option=orjson.OPT_INDENT_2) + b"\n")
        temporary.replace(self.path)
