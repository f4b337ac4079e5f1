"""The registry, the settlement and its peers with their roles, in titanoboa's chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

import boa
from eth_utils.crypto import keccak

from chargecoin.record import Outcome, Run, SessionRecord, encode_runs
from chargecoin.tariff import Prices, Tariff
from chargecoin.typed_data import Domain, Signer, batch_digest, order_signatures

ZERO_ADDRESS: Final = "0x" + 40 * "0"
CONTRACTS: Final = Path(__file__).resolve().parents[2] / "contracts"
TOKEN: Final = 10**6
DAY_S: Final = 86_400
HOUR_S: Final = 3_600

# Noon of a day (UTC); 20,000 days after 1970.
START: Final = 20_000 * DAY_S + DAY_S // 2
ROOT: Final = keccak(text="evidence")
FLAT: Final = Tariff.flat(Prices(kwh=450_000, hour=0, idle_hour=0, session=0), 0)


class Fault(IntEnum):
    """What a token of contracts/mocks/odd_token_mock.vy does wrong."""

    NOTHING = 1
    TAKES_FEE = 2
    RETURNS_FALSE = 4
    MOVES_NOTHING = 8
    CALLS_BACK = 16


@cache
def source(name: str) -> Any:
    """A contract or mock of ours, compiled once."""
    return boa.load_partial(str(CONTRACTS / f"{name}.vy"))


@cache
def attesters(count: int, team: str = "attester") -> tuple[Signer, ...]:
    """Keys of attesters, ascending by address as a committee is."""
    keys = [Signer(keccak(text=f"{team} {number}")) for number in range(count)]
    return tuple(sorted(keys, key=lambda one: int(one.address, 16)))


def wait(seconds: int) -> None:
    """Let time pass on the chain."""
    boa.env.timestamp += seconds


def now() -> int:
    """The chain's time, UTC seconds."""
    at: int = boa.env.timestamp
    return at


@contextmanager
def a_chain() -> Iterator[None]:
    """Undo whatever happens inside, and begin at `START`."""
    with boa.env.anchor():
        boa.env.timestamp = START
        yield


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it was signed; `replace` and sign again for another."""

    epoch: int
    expiry: int
    root: bytes
    runs: bytes
    signatures: bytes = b""

    @property
    def arguments(self) -> tuple[int, int, bytes, bytes, bytes]:
        """What `settle` takes."""
        return self.epoch, self.expiry, self.root, self.runs, self.signatures


@dataclass(frozen=True, slots=True)
class Settled:
    """What the events of one `settle` say.

    `told` are the outcome words with a zero for each skipped run, as the
    commitment has them.
    """

    outcomes: tuple[Outcome, ...] = ()
    told: tuple[int, ...] = ()
    words: tuple[int, ...] = ()
    skipped: tuple[int, ...] = ()
    batch: int | None = None
    commitment: bytes = b""

    @property
    def only(self) -> Outcome:
        """The outcome of the only session."""
        [outcome] = self.outcomes
        return outcome


@dataclass
class World:
    """The contracts, one address a role, and the shortest way to do things with them.

    The settlement's peers are the real ones. A test that wants to be one itself, or has a
    mock for it, gives an address; then nothing is deployed there.
    """

    token: Any = None
    committee: Sequence[Signer] = ()
    threshold: int = 3
    campaigns: Any = None
    adjustments: Any = None
    payouts: Any = None
    predecessor: Any = ZERO_ADDRESS
    registry: Any = None
    arbiters: Sequence[Signer] = field(init=False)
    governance: Any = None
    guardian: Any = None
    driver: Any = None
    fleet: Any = None
    station_owner: Any = None
    operator: Any = None
    stranger: Any = None
    settlement: Any = field(init=False)

    def __post_init__(self) -> None:
        """Deploy."""
        for role in (
            *("governance", "guardian", "driver", "fleet"),
            *("station_owner", "operator", "stranger"),
        ):
            setattr(self, role, getattr(self, role) or boa.env.generate_address(role))
        self.committee = self.committee or attesters(5)
        self.token = self.token or source("mocks/silent_token_mock").deploy()
        self.registry = self.registry or source("StationRegistry").deploy(self.governance)
        peers = {
            name: getattr(self, name) or boa.env.generate_address(name)
            for name in ("campaigns", "adjustments", "payouts")
        }
        self.settlement = source("Settlement").deploy(
            self.token,
            self.registry,
            self.governance,
            self.guardian,
            [one.address for one in self.committee],
            self.threshold,
            tuple(peers.values()),
            self.predecessor,
        )
        self.arbiters = attesters(3, "arbiter")
        arbiters = [one.address for one in self.arbiters]
        for name, contract, arguments in (
            ("campaigns", "CampaignManager", ()),
            ("adjustments", "Adjustments", (arbiters, 2)),
            ("payouts", "Payouts", ()),
        ):
            if getattr(self, name) is None:
                deployed = source(contract).deploy(
                    self.settlement, *arguments, override_address=peers[name]
                )
                setattr(self, name, deployed)

    # Station owners

    def add_owner(self, account: Any = None) -> int:
        """Register an owner."""
        owner: int = self.registry.register_owner("Owner", sender=account or self.station_owner)
        return owner

    def add_connector(self, owner: int, tariff: Tariff | None = FLAT) -> int:
        """Add a site, a station, an EVSE and a connector of an owner, with a tariff from now."""
        by = self.registry.owner_account(owner)
        site = self.registry.add_site(owner, "Site", "Europe/Berlin", "DE", "DE", sender=by)
        identity = f"CP-{self.registry.station_count() + 1}"
        station = self.registry.add_station(site, identity, "Vendor", "Model", sender=by)
        evse = self.registry.add_evse(station, 1, "", sender=by)
        connector: int = self.registry.add_connector(evse, 1, 4, 2, 22_000, sender=by)
        if tariff:
            self.publish(connector, tariff)
        return connector

    def publish(self, connector: int, tariff: Tariff) -> int:
        """Publish a tariff that starts at its `valid_from`."""
        owner = self.registry.connector(connector)[0]
        index: int = self.registry.publish_tariff(
            connector,
            tariff.valid_from,
            tariff.prices7(),
            1_900,
            bytes(32),
            sender=self.registry.owner_account(owner),
        )
        return index

    # Payers

    def fund(self, holder: Any, amount: int) -> None:
        """Give someone tokens that the settlement may take."""
        self.token.mint(holder, amount)
        self.token.approve(self.settlement, 2**256 - 1, sender=holder)

    def open_account(self, holder: Any, balance: int = 0, limit: int = 0) -> int:
        """Open an account with a balance and a daily limit."""
        account: int = self.settlement.open_account(sender=holder)
        if balance:
            self.fund(holder, balance)
            self.settlement.deposit(account, balance, sender=holder)
        if limit:
            self.settlement.set_daily_limit(account, limit, sender=holder)
        return account

    # Batches

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain."""
        return Domain(boa.env.evm.patch.chain_id, str(self.settlement.address))

    def run(self, connector: int, words: Sequence[int], tariff_index: int = 1) -> Run:
        """A run at the connector's head."""
        sequence, _, running = self.settlement.head(connector)
        return Run(connector, sequence + 1, tariff_index, running, tuple(words))

    def sign(self, batch: Batch, by: Sequence[Signer] | None = None) -> Batch:
        """Sign a batch, by the first members of the committee unless others are named."""
        digest = batch_digest(
            self.domain,
            epoch=batch.epoch,
            expiry=batch.expiry,
            evidence_root=batch.root,
            runs=batch.runs,
        )
        signers = self.committee[: self.threshold] if by is None else by
        return replace(
            batch, signatures=order_signatures(digest, [one.sign(digest) for one in signers])
        )

    def batch(self, runs: bytes | Sequence[Run], **changes: Any) -> Batch:
        """A signed batch. `changes` are of its fields, and `by` for other signers."""
        by = changes.pop("by", None)
        data = runs if isinstance(runs, bytes) else encode_runs(runs)
        unsigned = Batch(self.settlement.current_epoch(), now() + DAY_S, ROOT, data)
        return self.sign(replace(unsigned, **changes), by)

    def submit(self, batch: Batch) -> Settled:
        """Have a stranger submit a batch; return what its events say."""
        self.settlement.settle(*batch.arguments, sender=self.stranger)
        found = Settled()
        for event in self.settlement.get_logs():
            match type(event).__name__:
                case "Session":
                    outcome = Outcome.decode(event.session)
                    found = replace(
                        found,
                        outcomes=(*found.outcomes, outcome),
                        told=(*found.told, event.session),
                        words=(*found.words, event.word),
                    )
                case "RunSkipped":
                    skipped = (*found.skipped, event.connector_id)
                    found = replace(found, skipped=skipped, told=(*found.told, 0))
                case "BatchSettled":
                    found = replace(found, batch=event.batch, commitment=event.commitment)
        return found

    def settle(self, runs: Sequence[Run]) -> Settled:
        """Sign and submit runs."""
        return self.submit(self.batch(runs))

    def settle_one(self, connector: int, session: SessionRecord | int) -> Outcome:
        """Settle one session at a connector's head."""
        word = session if isinstance(session, int) else session.encode()
        return self.settle([self.run(connector, [word])]).only

    def owed(self, campaigns: int | None = None) -> int:
        """The sum of what the contract owes, part by part; of all campaigns, or the first."""
        settlement = self.settlement
        vaults = [settlement.account(i + 1)[0] for i in range(settlement.account_count())]
        accruals = [settlement.accrual(i + 1)[0] for i in range(self.registry.owner_count())]
        count = self.campaigns.campaign_count() if campaigns is None else campaigns
        budgets = [settlement.budget(i + 1)[0] for i in range(count)]
        parts = sum(vaults) + sum(accruals) + sum(budgets)
        total: int = parts + settlement.unrouted_fees() + settlement.held()
        return total


def session(payer: int, *, energy_wh: int = 20_000, **changes: Any) -> SessionRecord:
    """A session of an hour that ended a minute ago, priced by the flat tariff."""
    record = SessionRecord(
        payer=payer,
        started_at=now() - 61 * 60,
        duration_s=HOUR_S,
        idle_s=600,
        energy_wh=energy_wh,
        gross=energy_wh * 450,
        campaign_id=0,
        hour_of_week=10,
        grid_gco2e_per_kwh=380,
        renewable_pct=45,
        assurance=2,
    )
    return replace(record, **changes)


def events(contract: Any, name: str) -> list[Any]:
    """The events of a name that the contract's last call logged."""
    return [event for event in contract.get_logs() if type(event).__name__ == name]
