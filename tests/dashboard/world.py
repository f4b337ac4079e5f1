"""A chain written by hand: logs as the contracts would log them, stored by the indexer's own code.

Quick and of any shape, for what pages show. What Verify proves is tested on a real chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from eth_abi.abi import default_codec
from eth_utils.crypto import keccak
from sqlalchemy import Engine

from chargecoin import canonical, contracts
from chargecoin.carbon import factor_for
from chargecoin.deployments import Deployment
from chargecoin.record import (
    GRID_UNKNOWN,
    Outcome,
    OutcomeFlag,
    Reason,
    SessionRecord,
    Status,
    session_id,
)
from chargecoin.tariff import Prices, Tariff, gross
from chargecoin.typed_data import Signer
from dashboard.formats import zone_of
from indexer import feed_entries
from indexer.feed import FeedStore
from indexer.rpc import Log
from indexer.store import Block, Cursor, Store

CHAIN_ID: Final = 31337
ADDRESSES: Final = {
    name: "0x" + keccak(text=name)[-20:].hex()
    for name in (
        "StationRegistry",
        "Settlement",
        "FeeRouter",
        "Adjustments",
        "CampaignManager",
        "Payouts",
        "StationRewards",
    )
}
# Of a contract that is deployed under another name than its own.
INTERFACES: Final = {"StationRewards": "RewardDistributor"}
DEPLOYMENT: Final = Deployment(CHAIN_ID, 1, ADDRESSES)
ACCOUNT: Final = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
ORACLE: Final = Signer(keccak(text="an oracle of tests"))
OPEN_END: Final = (1 << 32) - 1


def at(text: str, zone: str = "UTC") -> int:
    """Return UTC seconds of `2026-11-22 13:15` in a zone."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@dataclass(frozen=True, slots=True)
class Made:
    """A session to be settled. Money in base units; `paid` None pays in full."""

    connector_id: int
    started_at: int
    duration_s: int = 3600
    idle_s: int = 0
    energy_wh: int = 20_000
    payer: int = 1
    assurance: int = 3
    status: Status = Status.SETTLED
    reason: Reason = Reason.NONE
    paid: int | None = None
    debt: int = 0
    flags: int = 0
    campaign_id: int = 0
    campaign_paid: int = 0


@dataclass(slots=True)
class Place:
    """What the world knows of a connector it registered."""

    owner_id: int
    zone: str
    grid: str
    prices: Prices
    sequence: int = 0


@dataclass(slots=True)
class World:
    """Writes blocks into a migrated database."""

    engine: Engine
    head: int = 0
    finality: int = 2
    reorgs: int = 0
    places: dict[int, Place] = field(default_factory=dict)
    batches: int = 0
    _store: Store | None = None
    _ids: dict[str, int] = field(default_factory=dict)
    _after: dict[int, tuple[dict[int, int], int]] = field(default_factory=dict)
    _salt: int = 0
    _said: int = 0

    @property
    def store(self) -> Store:
        """The indexer's writer."""
        if self._store is None:
            self._store = Store(self.engine, DEPLOYMENT)
        return self._store

    def copy(self, engine: Engine) -> World:
        """Return the same world over a copy of its database."""
        made = deepcopy(replace(self, engine=None, _store=None))  # type: ignore[arg-type]
        made.engine = engine
        return made

    # --- blocks ---

    def _block(self, number: int, timestamp: int) -> Block:
        salt = f"{number}/{self._salt}"
        parent = self.store.stored_hash(number - 1) or bytes(32)
        return Block(number, keccak(text=salt), parent, timestamp)

    def _cursor(self, block: Block, state: str = "live") -> Cursor:
        return Cursor(
            number=block.number,
            hash=block.hash,
            timestamp=block.timestamp,
            head_number=block.number,
            safe_number=max(0, block.number - self.finality // 2),
            final_number=max(0, block.number - self.finality),
            state=state,  # type: ignore[arg-type]
            detail="",
            reorgs=self.reorgs,
            deepest_reorg=min(self.reorgs, 1),
        )

    def mine(self, timestamp: int, events: Sequence[tuple[str, str, dict[str, Any]]] = ()) -> int:
        """Add a block with these events: (contract, event, arguments). Returns its number."""
        number = self.head + 1
        block = self._block(number, timestamp)
        logs = [
            self._log(block, index, contract, name, arguments)
            for index, (contract, name, arguments) in enumerate(events)
        ]
        self.store.append([block], logs, self._cursor(block))
        self.head = number
        sequences = {connector: place.sequence for connector, place in self.places.items()}
        self._after[number] = sequences, self.batches
        return number

    def set_cursor(self, **changes: Any) -> None:
        """Change what the cursor says, as a follower would."""
        cursor = self.store.cursor()
        assert cursor is not None
        self.store.save(replace(cursor, **changes))

    def reorganise(self, blocks: int) -> None:
        """Take back the newest blocks; what is mined next replaces them."""
        target = self.head - blocks
        [ancestor] = self.store.stored_below(target, 1)
        assert ancestor.number == target
        self.reorgs += 1
        self._salt += 1
        self.store.undo(ancestor, self._cursor(ancestor))
        self.head = target
        sequences, self.batches = self._after[target]
        for connector, sequence in sequences.items():
            self.places[connector].sequence = sequence

    def _log(
        self, block: Block, index: int, contract: str, name: str, arguments: dict[str, Any]
    ) -> Log:
        known = contracts.events(INTERFACES.get(contract, contract))
        [abi] = [one for one in known.values() if one.name == name]
        topics, types, values = ["0x" + abi.topic.hex()], [], []
        for one in abi.inputs:
            value = arguments[one["name"]]
            if one["indexed"]:
                topics.append("0x" + default_codec.encode([one["type"]], [value]).hex())
            else:
                types.append(one["type"])
                values.append(value)
        return Log(
            address=ADDRESSES[contract],
            topics=tuple(topics),
            data="0x" + default_codec.encode(types, values).hex(),
            block_number=hex(block.number),
            block_hash="0x" + block.hash.hex(),
            transaction_hash="0x" + keccak(block.hash).hex(),
            log_index=hex(index),
        )

    # --- registry ---

    def _next(self, kind: str) -> int:
        self._ids[kind] = self._ids.get(kind, 0) + 1
        return self._ids[kind]

    def owner(self, name: str, timestamp: int) -> int:
        """Register an owner."""
        owner_id = self._next("owner")
        arguments = {"owner_id": owner_id, "account": ACCOUNT, "name": name}
        self.mine(timestamp, [("StationRegistry", "OwnerRegistered", arguments)])
        return owner_id

    def site(
        self,
        owner_id: int,
        name: str,
        timestamp: int,
        *,
        zone: str = "Europe/London",
        country: str = "GB",
        stations: Sequence[tuple[str, int, int]] = (("CP-0001", 2, 22_000),),
        kwh: int = 450_000,
    ) -> list[int]:
        """Add a site with stations of (identity, connectors, watts). Returns the connector ids."""
        events: list[tuple[str, str, dict[str, Any]]] = []

        def log(event: str, **arguments: Any) -> None:
            events.append(("StationRegistry", event, arguments))

        site_id = self._next("site")
        log(
            "SiteAdded",
            site_id=site_id,
            owner_id=owner_id,
            name=name,
            time_zone=zone,
            country=country,
            grid_zone=country,
        )
        found = []
        prices = Prices(kwh=kwh, hour=0, idle_hour=1_000_000, session=0)
        for identity, count, watts in stations:
            station = self._next("station")
            log(
                "StationAdded",
                station_id=station,
                site_id=site_id,
                identity=identity,
                vendor="Vendor",
                model="Model",
            )
            for number in range(1, count + 1):
                evse, connector = self._next("evse"), self._next("connector")
                log("EvseAdded", evse=evse, station_id=station, evse_number=number, evse_id="")
                log(
                    "ConnectorAdded",
                    connector_id=connector,
                    evse=evse,
                    connector_number=number,
                    standard=4,
                    power_type=3 if watts > 43_000 else 2,
                    max_power_w=watts,
                )
                log(
                    "TariffPublished",
                    connector_id=connector,
                    index=1,
                    tariff=Tariff.flat(prices, 1, OPEN_END).encode(),
                    vat_bps=2_000,
                    terms_hash=bytes(32),
                )
                self.places[connector] = Place(owner_id, zone, country, prices)
                found.append(connector)
        self.mine(timestamp, events)
        return found

    def tariff(self, connector_id: int, index: int, timestamp: int, start: int, kwh: int) -> None:
        """Publish a connector's next tariff, in force from `start`."""
        place = self.places[connector_id]
        place.prices = replace(place.prices, kwh=kwh)
        arguments = {
            "connector_id": connector_id,
            "index": index,
            "tariff": Tariff.flat(place.prices, start, OPEN_END).encode(),
            "vat_bps": 2_000,
            "terms_hash": bytes(32),
        }
        self.mine(timestamp, [("StationRegistry", "TariffPublished", arguments)])

    # --- settlement ---

    def _session(self, made: Made) -> tuple[int, int]:
        place = self.places[made.connector_id]
        place.sequence += 1
        price = gross(
            place.prices,
            energy_wh=made.energy_wh,
            duration_s=made.duration_s,
            idle_s=made.idle_s,
        )
        local = datetime.fromtimestamp(made.started_at, UTC).astimezone(zone_of(place.zone))
        factor = factor_for(place.grid, made.started_at)
        record = SessionRecord(
            payer=made.payer,
            started_at=made.started_at,
            duration_s=made.duration_s,
            idle_s=made.idle_s,
            energy_wh=made.energy_wh,
            gross=price,
            campaign_id=made.campaign_id,
            hour_of_week=local.weekday() * 24 + local.hour,
            grid_gco2e_per_kwh=factor.gco2e_per_kwh if factor else GRID_UNKNOWN,
            renewable_pct=127,
            assurance=made.assurance,
        )
        in_full = price if made.status == Status.SETTLED else 0
        outcome = Outcome(
            session_id=session_id(made.connector_id, place.sequence),
            status=made.status,
            reason=made.reason,
            flags=OutcomeFlag(made.flags),
            paid=in_full if made.paid is None else made.paid,
            campaign_paid=made.campaign_paid,
            debt=made.debt,
        )
        return outcome.encode(), record.encode()

    def settle(self, timestamp: int, sessions: Sequence[Made]) -> list[int]:
        """Settle sessions in one batch, a run a session. Returns their ids."""
        events: list[tuple[str, str, dict[str, Any]]] = []
        ids = []
        for made in sessions:
            place = self.places[made.connector_id]
            outcome, word = self._session(made)
            run = made.connector_id << 32 | place.owner_id
            run = ((run << 32 | place.sequence) << 32 | 1) << 16 | 1
            events.append(("Settlement", "Run", {"run": run << 112}))
            events.append(("Settlement", "Session", {"session": outcome, "word": word}))
            ids.append(outcome >> 160)
        self.batches += 1
        batch = {
            "batch": self.batches,
            "epoch": 1,
            "evidence_root": keccak(text=f"root {self.batches}"),
            "commitment": keccak(text=f"commitment {self.batches}"),
            "sessions": len(sessions),
            "submitter": ORACLE.address,
        }
        events.append(("Settlement", "BatchSettled", batch))
        self.mine(timestamp, events)
        return ids

    def collect(self, timestamp: int, session: int, amount: int, *, paid_before: int) -> None:
        """Collect a debt, or a part of it; the fee is charged by difference."""
        arguments = {
            "session_id": session,
            "account": 1,
            "owner_id": self.places[session >> 64].owner_id,
            "amount": amount,
            "fee": (paid_before + amount) // 1000 - paid_before // 1000,
        }
        self.mine(timestamp, [("Adjustments", "DebtCollected", arguments)])

    def refund(self, timestamp: int, session: int, amount: int, fee_back: int) -> None:
        """Give back a part of what a session's payer paid."""
        arguments = {
            "session_id": session,
            "account": 1,
            "owner_id": self.places[session >> 64].owner_id,
            "dispute": 0,
            "waived": 0,
            "to_payer": amount,
            "to_campaign": 0,
            "fee_back": fee_back,
            "reason": 2,
        }
        self.mine(timestamp, [("Adjustments", "SessionRefunded", arguments)])

    def dispute(self, timestamp: int, number: int, session: int, deadline: int) -> None:
        """Open a dispute of 5.00 about a session; it is put aside whole."""
        arguments = {
            "dispute": number,
            "session_id": session,
            "account": 1,
            "owner_id": self.places[session >> 64].owner_id,
            "amount": 5_000_000,
            "hold": 5_000_000,
            "bond": 1_000_000,
            "deadline": deadline,
            "reason": 2,
        }
        self.mine(timestamp, [("Adjustments", "DisputeOpened", arguments)])

    def answer(self, timestamp: int, number: int, session: int) -> None:
        """Let the owner answer a dispute."""
        owner_id = self.places[session >> 64].owner_id
        arguments = {"dispute": number, "owner_id": owner_id, "statement": keccak(text="answer")}
        self.mine(timestamp, [("Adjustments", "DisputeAnswered", arguments)])

    def close(self, timestamp: int, number: int, session: int) -> None:
        """Dismiss a dispute."""
        arguments = {
            "dispute": number,
            "session_id": session,
            "result": 2,
            "refunded": 0,
            "released": 5_000_000,
            "bond_to_owner": 1_000_000,
        }
        self.mine(timestamp, [("Adjustments", "DisputeClosed", arguments)])

    # --- the operational feed ---

    def feed(
        self,
        now: int,
        states: dict[int, str],
        *,
        errors: dict[int, str] | None = None,
        **more: Any,
    ) -> None:
        """Say what each connector does, signed as the oracle's feed, and take it in.

        `more` are further fields of the entries: their kind, the open session, energy.
        """
        store = FeedStore(self.engine, 90 * 86_400)
        if not store.members():
            committee = {
                "epoch": 1,
                "threshold": 1,
                "members": [ORACLE.address],
                "previous_valid_until": 0,
            }
            self.mine(now, [("Settlement", "CommitteeAppointed", committee)])
        entries = []
        for connector_id, status in states.items():
            self._said += 1
            body: dict[str, Any] = {
                "n": self._said,
                "epoch": 1,
                "connector_id": connector_id,
                "seq": self._said,
                "at": now,
                "kind": "snapshot",
                "status": status,
                "error_code": (errors or {}).get(connector_id, "NoError"),
                "energy_wh": None,
                "session": None,
            } | more
            digest = keccak(feed_entries.DOMAIN + canonical.dumps(body))
            entries.append(
                feed_entries.Entry(
                    **body, oracle=ORACLE.address, signature="0x" + ORACLE.sign(digest).hex()
                )
            )
        assert store.add("http://127.0.0.1:8711", entries, store.members()) == len(entries)
        self.store.tell("feed")


def history(world: World, now: int, days: int, seed: int = 1) -> Iterator[list[int]]:
    """Settle some sessions an hour on all connectors, up to `now`; yields each batch's ids."""
    random = Random(seed)
    connectors = list(world.places)
    start = now - days * 86_400
    for hour in range(start - start % 3600, now - 3600, 3600):
        local_hour = (hour // 3600) % 24
        busy = 0.15 if local_hour < 6 else 0.5 if local_hour < 10 else 1.0
        made = []
        for connector in connectors:
            if random.random() > busy * 0.2:
                continue
            duration = random.randint(1200, 7200)
            fast = connector % 3 == 0
            made.append(
                Made(
                    connector,
                    hour + random.randint(0, 1800) - duration,
                    duration_s=duration,
                    idle_s=random.choice((0, 0, 0, 900)),
                    energy_wh=random.randint(9_000, 58_000)
                    if fast
                    else random.randint(3_000, 22_000),
                    payer=random.randint(1, 90),
                    assurance=3 if connector % 2 else 2,
                )
            )
        if made:
            yield world.settle(hour + 1900, made)
