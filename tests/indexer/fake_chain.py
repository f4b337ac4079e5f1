"""A chain that is made up: blocks with the contracts' logs, and branches to reorganise onto.

What it logs obeys the contracts' own rules (ids and sequences without gaps, runs
before sessions before their batch), so the indexer's checks hold; everything else is
drawn from a seeded generator. The same block content is never repeated: hashes
differ by branch.
"""

from __future__ import annotations

import random
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from msgspec import structs

from chargecoin import contracts
from chargecoin.campaigns import benefit
from chargecoin.deployments import Deployment
from chargecoin.record import (
    Outcome,
    OutcomeFlag,
    Reason,
    SessionRecord,
    Status,
    session_id,
)
from chargecoin.tariff import Prices, Tariff
from indexer.events import CONTRACTS
from indexer.rpc import Header, Log

GENESIS = 1_767_225_600
CAMPAIGN_BPS = 1_500
CAMPAIGN_CAP = 2_000_000
ZONES = ("Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York", "Nowhere/Land")
DEPLOYMENT = Deployment(
    chain_id=31337,
    start_block=1,
    contracts={
        "StationRegistry": "0x00000000000000000000000000000000000000A1",
        "Settlement": "0x00000000000000000000000000000000000000a2",
        "FeeRouter": "0x00000000000000000000000000000000000000A3",
        "Adjustments": "0x00000000000000000000000000000000000000a4",
        "CampaignManager": "0x00000000000000000000000000000000000000a5",
        "Payouts": "0x00000000000000000000000000000000000000A6",
        "StakingPool": "0x00000000000000000000000000000000000000a7",
        "DriverRewards": "0x00000000000000000000000000000000000000A8",
        "StationRewards": "0x00000000000000000000000000000000000000a9",
    },
)
ABIS = {
    (name, event.name): event
    for name in DEPLOYMENT.contracts
    for event in contracts.events(CONTRACTS[name].interface).values()
}


def address(number: int) -> str:
    return "0x" + keccak(number.to_bytes(8, "big"))[-20:].hex()


def event(contract: str, name: str, /, **values: Any) -> tuple[str, list[str], str]:
    """Return (contract, topics, data) of a log, encoded by eth_abi."""
    abi = ABIS[contract, name]
    assert [one["name"] for one in abi.inputs] == list(values), name
    topics = ["0x" + abi.topic.hex()]
    types, plain = [], []
    for one in abi.inputs:
        value = values[one["name"]]
        if one["indexed"]:
            topics.append("0x" + encode([one["type"]], [value]).hex())
        else:
            types.append(one["type"])
            plain.append(value)
    return contract, topics, "0x" + encode(types, plain).hex()


@dataclass(frozen=True)
class State:
    """What the next log must follow on; a value, so that every block keeps its own."""

    owners: int = 0
    sites: tuple[int, ...] = ()  # owner of each
    stations: tuple[int, ...] = ()  # site of each
    connectors: tuple[int, ...] = ()  # station of each
    tariffs: tuple[tuple[int, ...], ...] = ()  # slots of each connector
    accounts: int = 0
    heads: tuple[int, ...] = ()
    batches: int = 0
    epochs: int = 0
    unpaid: tuple[tuple[int, int, int, int], ...] = ()  # session id, payer, owner, debt
    campaigns: tuple[int, ...] = ()  # owner of each, 0 a sponsor's
    # session id, payer, owner, paid and campaign_paid of some that were paid
    settled: tuple[tuple[int, int, int, int, int], ...] = ()
    # number, session id, payer, owner, amount
    disputes: tuple[tuple[int, int, int, int, int], ...] = ()
    disputed: int = 0
    payouts: int = 0
    positions: int = 0


@dataclass
class FakeBlock:
    number: int
    hash: str
    parent: str
    timestamp: int
    logs: list[Log]
    state: State

    def header(self, *, bloom: str) -> Header:
        return Header(hex(self.number), self.hash, self.parent, hex(self.timestamp), bloom)


@dataclass
class Writer:
    """The logs of one block, transaction by transaction."""

    number: int
    block_hash: str
    logs: list[Log] = field(default_factory=list)
    transactions: int = 0

    def transaction(self, *events: tuple[str, list[str], str]) -> None:
        hashed = "0x" + keccak(text=f"{self.block_hash} {self.transactions}").hex()
        self.transactions += 1
        for contract, topics, data in events:
            self.logs.append(
                Log(
                    address=DEPLOYMENT.contracts[contract],
                    topics=tuple(topics),
                    data=data,
                    block_number=hex(self.number),
                    block_hash=self.block_hash,
                    transaction_hash=hashed,
                    log_index=hex(len(self.logs)),
                )
            )


class FakeChain:
    """One canonical branch at a time; `reorganise` replaces its end."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        genesis = "0x" + keccak(text=f"genesis {seed}").hex()
        self.blocks = [FakeBlock(0, genesis, "0x" + "00" * 32, GENESIS, [], State())]
        self.mined = 0

    @property
    def head(self) -> FakeBlock:
        return self.blocks[-1]

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            self.mined += 1
            parent = self.head
            number = parent.number + 1
            hashed = "0x" + keccak(text=f"{parent.hash} {self.mined}").hex()
            at = parent.timestamp + self.random.choice((1, 12, 600, 1800, 7200))
            writer = Writer(number, hashed)
            state = parent.state
            for _ in range(self.random.choice((0, 0, 0, 1, 1, 2, 3))):
                state = self._act(writer, state, at)
            self.blocks.append(FakeBlock(number, hashed, parent.hash, at, writer.logs, state))

    def fork(self) -> FakeChain:
        """Return the branch as it is now, which stays so."""
        other = copy(self)
        other.blocks = list(self.blocks)
        return other

    def reorganise(self, depth: int, length: int, *, keep: int = 0) -> None:
        """Replace the last `depth` blocks by `length` others.

        The first `keep` of them hold the transactions that they held before, in new blocks.
        """
        depth = min(depth, len(self.blocks) - 1)
        cut = len(self.blocks) - depth
        gone = self.blocks[cut:]
        del self.blocks[cut:]
        for block in gone[: min(keep, length)]:
            self._mine_again(block)
        self.mine(max(0, length - len(gone[:keep])))

    def _mine_again(self, block: FakeBlock) -> None:
        self.mined += 1
        parent = self.head.hash
        hashed = "0x" + keccak(text=f"{parent} {self.mined}").hex()
        logs = [structs.replace(log, block_hash=hashed) for log in block.logs]
        again = replace(block, hash=hashed, parent=parent, logs=logs)
        self.blocks.append(again)

    # --- what happens in a transaction ---

    def _act(self, writer: Writer, state: State, at: int) -> State:
        if not state.epochs:
            members = [address(n) for n in range(3)]
            writer.transaction(
                event(
                    "Settlement",
                    "CommitteeAppointed",
                    epoch=1,
                    threshold=2,
                    members=members,
                    previous_valid_until=0,
                )
            )
            return replace(state, epochs=1)
        if not state.connectors or self.random.random() < 0.1:
            return self._onboard(writer, state, at)
        actions = (
            *(self._settle, self._settle, self._settle, self._settle),
            *(self._money, self._collect, self._campaign, self._refund),
            *(self._open_dispute, self._close_dispute, self._pay_out, self._reward),
        )
        return self.random.choice(actions)(writer, state, at)

    def _onboard(self, writer: Writer, state: State, at: int) -> State:
        draw = self.random
        owner = state.owners + 1
        site, station, connector = (
            len(state.sites) + 1,
            len(state.stations) + 1,
            len(state.connectors) + 1,
        )
        names = {"name": f"Owner {owner}"}
        prices = Prices(draw.randrange(10**6), draw.randrange(10**5), 0, draw.randrange(10**6))
        tariff = Tariff.flat(prices, at).encode()
        account = address(1000 + owner)
        registry = "StationRegistry"
        writer.transaction(
            event(registry, "OwnerRegistered", owner_id=owner, account=account, **names),
            event(
                registry,
                "SiteAdded",
                site_id=site,
                owner_id=owner,
                name="Site",
                time_zone=draw.choice(ZONES),
                country="GB",
                grid_zone="GB",
            ),
            event(
                registry,
                "StationAdded",
                station_id=station,
                site_id=site,
                identity=f"CP-{station}",
                vendor="Vendor",
                model="Model",
            ),
            event(
                registry,
                "EvseAdded",
                evse=connector,
                station_id=station,
                evse_number=1,
                evse_id="GB*1",
            ),
            event(
                registry,
                "ConnectorAdded",
                connector_id=connector,
                evse=connector,
                connector_number=1,
                standard=4,
                power_type=2,
                max_power_w=22_000,
            ),
            event(
                registry,
                "TariffPublished",
                connector_id=connector,
                index=1,
                tariff=tariff,
                vat_bps=2000,
                terms_hash=bytes(32),
            ),
            event("Settlement", "AccountOpened", account=state.accounts + 1, holder=account),
        )
        return replace(
            state,
            owners=owner,
            sites=(*state.sites, owner),
            stations=(*state.stations, site),
            connectors=(*state.connectors, station),
            tariffs=(*state.tariffs, (tariff,)),
            accounts=state.accounts + 1,
            heads=(*state.heads, 0),
        )

    def _money(self, writer: Writer, state: State, _at: int) -> State:
        account = self.random.randint(1, state.accounts)
        # More than 63 bits: what the contract's 80 bits hold must be stored exactly.
        amount = self.random.randrange(1, 1 << self.random.choice((20, 40, 79)))
        writer.transaction(
            event("Settlement", "Deposited", account=account, sender=address(7), amount=amount),
            event("Settlement", "DailyLimitSet", account=account, limit=amount % (1 << 56)),
        )
        return state

    def _settle(self, writer: Writer, state: State, at: int) -> State:
        draw = self.random
        heads, unpaid, settled = list(state.heads), list(state.unpaid), list(state.settled)
        count = min(draw.randint(1, 3), len(heads))
        events, sessions = [], 0
        for connector in sorted(draw.sample(range(1, len(heads) + 1), count)):
            if draw.random() < 0.1:
                events.append(
                    event(
                        "Settlement",
                        "RunSkipped",
                        connector_id=connector,
                        first_sequence=1,
                        head_sequence=heads[connector - 1],
                    )
                )
                continue
            owner = state.sites[state.stations[state.connectors[connector - 1] - 1] - 1]
            length = draw.randint(1, 4)
            first = heads[connector - 1] + 1
            run = connector << 224 | owner << 192 | first << 160 | 1 << 128 | length << 112
            events.append(event("Settlement", "Run", run=run))
            slot = state.tariffs[connector - 1][0]
            for sequence in range(first, first + length):
                word, outcome = self._session(session_id(connector, sequence), slot, at, state)
                events.append(
                    event("Settlement", "Session", session=outcome.encode(), word=word.encode())
                )
                if outcome.debt:
                    unpaid.append((outcome.session_id, word.payer, owner, outcome.debt))
                elif outcome.paid:
                    parts = (outcome.paid, outcome.campaign_paid)
                    settled.append((outcome.session_id, word.payer, owner, *parts))
            sessions += length
            heads[connector - 1] += length
        if sessions:
            events.append(
                event(
                    "Settlement",
                    "BatchSettled",
                    batch=state.batches + 1,
                    epoch=1,
                    evidence_root=keccak(text=f"root {writer.block_hash}"),
                    commitment=keccak(text=f"commitment {writer.block_hash}"),
                    sessions=sessions,
                    submitter=address(9),
                )
            )
        writer.transaction(*events)
        batches = state.batches + int(sessions > 0)
        return replace(
            state,
            heads=tuple(heads),
            batches=batches,
            unpaid=tuple(unpaid),
            settled=tuple(settled[-12:]),
        )

    def _session(
        self, identifier: int, slot: int, at: int, state: State
    ) -> tuple[SessionRecord, Outcome]:
        draw = self.random
        duration = draw.choice((0, 60, 3600, 5400, 86_400, 4 * 86_400))
        idle = draw.randint(0, duration)
        energy = draw.randint(0, 90_000)
        tariff = Tariff.decode(slot)
        due, _ = tariff.bounds(energy_wh=energy, duration_s=duration, idle_s=idle)
        recorded = due if draw.random() < 0.8 else min(due + draw.randint(0, 1000), (1 << 40) - 1)
        flags = OutcomeFlag.CLAMPED if recorded != due else OutcomeFlag(0)
        status, reason = draw.choice(
            (
                (Status.SETTLED, Reason.NONE),
                (Status.SETTLED, Reason.NONE),
                (Status.UNFUNDED, Reason.BALANCE_SHORT),
                (Status.UNFUNDED, Reason.NO_PAYER),
                (Status.REJECTED, Reason.TOO_OLD),
            )
        )
        paid = {Status.SETTLED: due, Status.UNFUNDED: due // 3, Status.REJECTED: 0}[status]
        payer = draw.randint(1, state.accounts)
        if reason is Reason.NO_PAYER:
            payer = paid = 0
        debt = due - paid if reason is Reason.BALANCE_SHORT else 0
        campaign, granted = 0, 0
        if state.campaigns and status is Status.SETTLED and draw.random() < 0.5:
            campaign = draw.randint(1, len(state.campaigns))
            granted = draw.randint(0, benefit(due, CAMPAIGN_BPS, CAMPAIGN_CAP))
            paid -= granted
            if draw.random() < 0.2:
                flags |= OutcomeFlag.CAMPAIGN_NOT_APPLIED
                paid, granted = paid + granted, 0
        return (
            SessionRecord(
                payer=payer,
                started_at=at - duration - draw.randint(0, 4000),
                duration_s=duration,
                idle_s=idle,
                energy_wh=energy,
                gross=recorded,
                campaign_id=campaign,
                hour_of_week=draw.randint(0, 167),
                grid_gco2e_per_kwh=draw.choice((0, 177, 900, 4095)),
                renewable_pct=127,
                assurance=draw.randint(1, 3),
            ),
            Outcome(identifier, status, reason, flags, paid, granted, debt),
        )

    def _collect(self, writer: Writer, state: State, _at: int) -> State:
        if not state.unpaid:
            return state
        identifier, payer, owner, debt = state.unpaid[0]
        amount = self.random.randint(1, debt)
        writer.transaction(
            event(
                "Adjustments",
                "DebtCollected",
                session_id=identifier,
                account=payer,
                owner_id=owner,
                amount=amount,
                fee=amount // 1000,
            )
        )
        rest = ((identifier, payer, owner, debt - amount),) if amount < debt else ()
        return replace(state, unpaid=(*rest, *state.unpaid[1:]))

    # --- campaigns, adjustments, payouts, rewards ---

    def _campaign(self, writer: Writer, state: State, at: int) -> State:
        draw = self.random
        campaign = len(state.campaigns) + 1
        own = draw.random() < 0.7
        owner = draw.randint(1, state.owners) if own else 0
        connectors = sorted(draw.sample(range(1, len(state.connectors) + 1), 1))
        manager = "CampaignManager"
        writer.transaction(
            event(
                manager,
                "CampaignCreated",
                campaign=campaign,
                creator=address(1000 + owner),
                owner_id=owner,
                kind=1 if own else 3,
                name=f"Campaign {campaign}",
                starts_at=at,
                ends_at=at + 86_400 * 30,
                hour_mask=(1 << 168) - 1,
                rate_bps=CAMPAIGN_BPS,
                session_cap=CAMPAIGN_CAP,
                day_cap=0 if own else 10**9,
                min_sessions=0,
                window_days=0,
                driver_cap=0,
            ),
            event(manager, "ConnectorsEnrolled", campaign=campaign, connectors=connectors),
            event(
                "Settlement",
                "BudgetFunded",
                campaign=campaign,
                funder=address(1000 + owner),
                amount=draw.randrange(1, 1 << draw.choice((30, 70))),
            ),
        )
        if draw.random() < 0.5:
            writer.transaction(event(manager, "CampaignPaused", campaign=campaign, paused_from=at))
            writer.transaction(event(manager, "CampaignResumed", campaign=campaign, paused_to=at))
        return replace(state, campaigns=(*state.campaigns, owner))

    def _refund(self, writer: Writer, state: State, _at: int) -> State:
        if not state.settled:
            return state
        (session, payer, owner, paid, granted), *rest = state.settled
        back = self.random.randint(0, paid)
        writer.transaction(
            self._refunded(session, payer, owner, 0, back, min(granted, 5)),
            event("Adjustments", "FeeReturned", owner_id=owner, amount=back // 2_000),
        )
        return replace(state, settled=tuple(rest))

    @staticmethod
    def _refunded(
        session: int, payer: int, owner: int, dispute: int, to_payer: int, to_campaign: int
    ) -> tuple[str, list[str], str]:
        return event(
            "Adjustments",
            "SessionRefunded",
            session_id=session,
            account=payer,
            owner_id=owner,
            dispute=dispute,
            waived=0,
            to_payer=to_payer,
            to_campaign=to_campaign,
            fee_back=to_payer // 1000,
            reason=8 if dispute else 1,
        )

    def _open_dispute(self, writer: Writer, state: State, at: int) -> State:
        if not state.settled:
            return state
        (session, payer, owner, paid, granted), *rest = state.settled
        dispute = state.disputed + 1
        amount = paid + granted
        writer.transaction(
            event(
                "Adjustments",
                "DisputeOpened",
                dispute=dispute,
                session_id=session,
                account=payer,
                owner_id=owner,
                amount=amount,
                hold=amount - amount // 1000,
                bond=10**6,
                deadline=at + 14 * 86_400,
                reason=1,
            )
        )
        one = (dispute, session, payer, owner, amount)
        return replace(
            state,
            settled=tuple(rest),
            disputes=(*state.disputes, one),
            disputed=dispute,
        )

    def _close_dispute(self, writer: Writer, state: State, _at: int) -> State:
        if not state.disputes:
            return state
        draw = self.random
        (dispute, session, payer, owner, amount), *rest = state.disputes
        refund = draw.choice((0, amount // 3, amount))
        events = []
        if refund:
            events = [
                event("Adjustments", "FeeReturned", owner_id=owner, amount=refund // 3000),
                self._refunded(session, payer, owner, dispute, refund, 0),
            ]
        closed = event(
            "Adjustments",
            "DisputeClosed",
            dispute=dispute,
            session_id=session,
            result=1 if refund else 2,
            refunded=refund,
            released=max(0, amount - amount // 1000 - refund),
            bond_to_owner=0 if refund else 10**6,
        )
        writer.transaction(*events, closed)
        return replace(state, disputes=tuple(rest))

    def _pay_out(self, writer: Writer, state: State, at: int) -> State:
        draw = self.random
        owner, number = draw.randint(1, state.owners), state.payouts + 1
        to = address(1000 + owner)
        amount = draw.randrange(1, 1 << 20)
        reference = keccak(text=f"reference {number}")
        batch = event(
            "Payouts",
            "PayoutBatch",
            batch=number,
            submitter=address(5),
            paid=1,
            failed=1,
            amount=amount,
        )
        writer.transaction(
            event("Payouts", "ScheduleSet", owner_id=owner, cycle=number % 4, threshold=amount),
            event(
                "Settlement",
                "DestinationSet",
                owner_id=owner,
                to=to,
                reference=reference,
                effective_at=at + 3 * 86_400,
            ),
            event(
                "Settlement", "PaidOut", owner_id=owner, to=to, amount=amount, reference=reference
            ),
            event("Settlement", "PayoutFailed", owner_id=owner, to=to, amount=amount),
            batch,
        )
        return replace(state, payouts=number)

    def _reward(self, writer: Writer, state: State, at: int) -> State:
        draw = self.random
        which = draw.choice(("DriverRewards", "StationRewards"))
        epoch = at // 604_800
        position = state.positions + 1
        amounts = {"payment": draw.randrange(10**9), "chg": draw.randrange(1 << 89)}
        writer.transaction(
            event(which, "EpochFunded", epoch=epoch, source=address(3), **amounts),
            event(
                which,
                "RewardClaimed",
                epoch=epoch,
                recipient=1,
                to=address(4),
                **amounts,
            ),
            event("StakingPool", "RewardClaimed", position=1, to=address(4), amount=5),
            event(
                "StakingPool",
                "Staked",
                position=position,
                owner=address(4),
                amount=amounts["chg"],
                weight=2 * amounts["chg"],
                unlocks_at=at + 604_800,
            ),
            event("StakingPool", "Unstaked", position=position, to=address(4), amount=1),
            event("StakingPool", "StreamAdded", amount=amounts["payment"], begins_at=at),
            event(
                which,
                "RootPosted",
                epoch=epoch,
                attempt=1,
                committee_epoch=1,
                root=keccak(text=f"root {at}"),
                **amounts,
                claimable_at=at + 172_800,
                expires_at=at + 7_776_000,
            ),
        )
        return replace(state, positions=position)
