"""An epoch's fees and funds are read from events alone, and refunds are counted in their window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from eth_abi.abi import encode

from chargecoin.chain.values import Block, Log
from chargecoin.contracts import events
from chargecoin.deployments import Deployment
from chargecoin.errors import InconsistentNodeError
from chargecoin.record import Outcome, OutcomeFlag, Reason, SessionRecord, Status
from chargecoin.reward_history import EpochHistory, EpochReader
from chargecoin.rewards import EPOCH_S, REFUND_WINDOW_S, Amounts, Kind, ProducedFee

EPOCH: Final = 3_000
BEGIN: Final = EPOCH * EPOCH_S
END: Final = BEGIN + EPOCH_S
POSTABLE: Final = END + REFUND_WINDOW_S
TOKEN: Final = 10**6
ADDRESSES: Final = {
    name: f"0x{number:040x}"
    for number, name in enumerate(
        ("Settlement", "Adjustments", "DriverRewards", "StationRewards"), start=16
    )
}
INTERFACES: Final = {"DriverRewards": "RewardDistributor", "StationRewards": "RewardDistributor"}


@dataclass
class FakeChain:
    """Blocks of any times, and the events that are put into them."""

    times: list[int] = field(default_factory=lambda: [BEGIN - 100 * EPOCH_S])
    held: list[Log] = field(default_factory=list)
    deployment: Deployment = field(default_factory=lambda: Deployment(1, 0, ADDRESSES))
    requests: int = 0

    async def block(self, number: int) -> Block | None:
        if number >= len(self.times):
            return None
        return Block(number, bytes(32), bytes(32), self.times[number], 0)

    async def logs(
        self,
        from_block: int,
        to_block: int,
        contracts: tuple[str, ...],
        topics: tuple[tuple[bytes, ...], ...],
    ) -> list[Log]:
        self.requests += 1
        addresses = {self.deployment.address(name) for name in contracts}
        return [
            log
            for log in self.held
            if from_block <= log.block_number <= to_block
            and log.address in addresses
            and log.topics[0] in topics[0]
        ]

    def put(self, at: int, contract: str, name: str, /, **args: Any) -> None:
        """Log an event in a block of this time, the last one's or a later."""
        if self.times[-1] != at:
            assert at > self.times[-1]
            self.times.append(at)
        interface = INTERFACES.get(contract, contract)
        [found] = [one for one in events(interface).values() if one.name == name]
        plain = [one for one in found.inputs if not one["indexed"]]
        topics = [
            encode([one["type"]], [args[one["name"]]]) for one in found.inputs if one["indexed"]
        ]
        data = encode([one["type"] for one in plain], [args[one["name"]] for one in plain])
        number = len(self.times) - 1
        log = Log(
            ADDRESSES[contract], (found.topic, *topics), data, number, b"", b"", len(self.held)
        )
        self.held.append(log)

    def settle(
        self,
        at: int,
        session: int,
        paid: int,
        *,
        owner: int = 7,
        account: int = 1,
        campaign_paid: int = 0,
        debt: int = 0,
        assurance: int = 3,
    ) -> None:
        """Settle one session of a run of its own."""
        run = 1 << 224 | owner << 192 | session << 160 | 1 << 128 | 1 << 112
        record = SessionRecord(account, at - 99, 9, 0, 1, 1, 0, 0, 4_095, 127, assurance)
        status = Status.UNFUNDED if debt else Status.SETTLED
        outcome = Outcome(session, status, Reason.NONE, OutcomeFlag(0), paid, campaign_paid, debt)
        self.put(at, "Settlement", "Run", run=run)
        self.put(at, "Settlement", "Session", session=outcome.encode(), word=record.encode())

    def collect(self, at: int, session: int, fee: int) -> None:
        """Collect a session's debt."""
        args = {"session_id": session, "account": 1, "owner_id": 7, "amount": fee * 1_000}
        self.put(at, "Adjustments", "DebtCollected", **args, fee=fee)

    def refund(self, at: int, session: int, fee_back: int) -> None:
        """Refund a session."""
        names = ("account", "owner_id", "dispute", "waived", "to_payer", "to_campaign", "reason")
        args = dict.fromkeys(names, 1) | {"session_id": session, "fee_back": fee_back}
        self.put(at, "Adjustments", "SessionRefunded", **args)

    async def read(
        self, kind: Kind = Kind.DRIVERS, *, until: int = POSTABLE, blocks: int = 10_000
    ) -> EpochHistory:
        """Read the epoch with a last block of this time."""
        if self.times[-1] < until:
            self.times.append(until)
        last = max(i for i, time in enumerate(self.times) if time <= until)
        block = await self.block(last)
        assert block is not None
        return await EpochReader(self, block, blocks).read(kind, EPOCH)  # type: ignore[arg-type]


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


def fees(history: EpochHistory) -> list[int]:
    return [one.fee for one in history.fees]


# Fees


async def test_fees_belong_to_the_epoch_in_which_they_were_settled(chain: FakeChain) -> None:
    for at, session in ((BEGIN - 1, 1), (BEGIN, 2), (END - 1, 3), (END, 4)):
        chain.settle(at, session, session * TOKEN)
    assert fees(await chain.read()) == [2_000 + 3_000]


async def test_a_fee_is_a_thousandth_of_what_payer_and_campaign_paid_rounded_down(
    chain: FakeChain,
) -> None:
    chain.settle(BEGIN, 1, 1_500, campaign_paid=499)
    chain.settle(BEGIN, 2, 999)
    assert fees(await chain.read()) == [1]


async def test_fees_are_told_apart_by_payer_owner_and_assurance(chain: FakeChain) -> None:
    chain.settle(BEGIN, 1, TOKEN, account=2, owner=9, assurance=1)
    chain.settle(BEGIN + 1, 2, TOKEN, account=1, owner=9, assurance=2)
    chain.settle(BEGIN + 2, 3, TOKEN, account=1, owner=8, assurance=3)
    chain.settle(BEGIN + 2, 4, TOKEN, account=1, owner=8, assurance=3)
    assert (await chain.read()).fees == (
        ProducedFee(1, 8, 2_000, 3),
        ProducedFee(1, 9, 1_000, 2),
        ProducedFee(2, 9, 1_000, 1),
    )


async def test_a_debt_counts_when_it_is_collected_and_weighs_as_its_session(
    chain: FakeChain,
) -> None:
    chain.settle(BEGIN - 40 * EPOCH_S, 1, TOKEN, debt=5 * TOKEN, assurance=1)
    for day in range(30):
        chain.settle(BEGIN - 30 * EPOCH_S + day * 86_400, 100 + day, TOKEN)
    chain.collect(BEGIN + 5, 1, 5_000)
    for blocks in (1, 7, 10_000):
        assert (await chain.read(blocks=blocks)).fees == (ProducedFee(1, 7, 5_000, 1),)


async def test_a_debt_collected_in_the_epoch_of_its_session_is_added_to_it(
    chain: FakeChain,
) -> None:
    chain.settle(BEGIN, 1, TOKEN, debt=TOKEN)
    chain.settle(BEGIN, 2, 0, debt=TOKEN)
    chain.collect(BEGIN + 5, 1, 700)
    chain.collect(BEGIN + 6, 1, 300)
    chain.collect(END + 6, 2, 1_000)
    assert fees(await chain.read()) == [2_000]


async def test_a_debt_whose_session_the_node_does_not_know_is_not_passed_over(
    chain: FakeChain,
) -> None:
    chain.collect(BEGIN + 5, 1, 5_000)
    with pytest.raises(InconsistentNodeError, match="a debt of session 0x1 and not of the session"):
        await chain.read()


# Refunds


async def test_a_refund_takes_the_fee_off_until_the_root_can_be_posted(chain: FakeChain) -> None:
    chain.settle(BEGIN, 1, 10 * TOKEN)
    chain.settle(BEGIN, 2, 10 * TOKEN, account=2)
    chain.refund(BEGIN + 5, 1, 4_000)
    chain.refund(POSTABLE - 1, 1, 1_000)
    chain.refund(POSTABLE, 2, 10_000)
    history = await chain.read(until=POSTABLE + 9)
    assert history.final
    assert fees(history) == [5_000, 10_000]


async def test_before_that_the_figures_are_preliminary(chain: FakeChain) -> None:
    chain.settle(BEGIN, 1, 10 * TOKEN)
    chain.refund(POSTABLE - 1, 1, 4_000)
    early = await chain.read(until=POSTABLE - 2)
    assert (early.final, fees(early)) == (False, [10_000])
    late = await chain.read(until=POSTABLE - 1)
    assert (late.final, fees(late)) == (False, [6_000])


async def test_a_session_refunded_whole_counts_for_nobody(chain: FakeChain) -> None:
    chain.settle(BEGIN, 1, 10 * TOKEN)
    chain.refund(END, 1, 10_000)
    assert (await chain.read()).fees == ()


@pytest.mark.parametrize(("given_back", "left"), [(1_000, 5_000), (2_000, 5_000), (3_500, 3_500)])
async def test_a_refund_is_taken_off_what_the_session_paid_first(
    chain: FakeChain, given_back: int, left: int
) -> None:
    chain.settle(BEGIN - 5, 1, 2 * TOKEN, debt=5 * TOKEN)
    chain.collect(BEGIN + 5, 1, 5_000)
    chain.refund(BEGIN + 6, 1, given_back)
    assert fees(await chain.read()) == [left]


async def test_what_was_collected_before_the_epoch_is_not_counted_again(chain: FakeChain) -> None:
    chain.settle(BEGIN - 50, 1, 2 * TOKEN, debt=5 * TOKEN)
    chain.collect(BEGIN - 40, 1, 3_000)
    chain.collect(BEGIN + 5, 1, 2_000)
    chain.refund(BEGIN + 6, 1, 6_000)
    assert fees(await chain.read()) == [1_000]


# Funds and roots


def fund(chain: FakeChain, at: int, epoch: int, payment: int, chg: int) -> None:
    source = "0x" + "01" * 20
    args = {"epoch": epoch, "source": source, "payment": payment, "chg": chg}
    chain.put(at, "DriverRewards", "EpochFunded", **args)


async def test_funds_are_what_came_in_for_this_epoch_and_what_went_over_into_it(
    chain: FakeChain,
) -> None:
    fund(chain, BEGIN - 52 * EPOCH_S, EPOCH, 0, 9)
    fund(chain, BEGIN - 1, EPOCH - 1, 100, 100)
    fund(chain, BEGIN + 1, EPOCH, 500, 1)
    rolled = {"epoch": EPOCH - 9, "into": EPOCH, "payment": 30, "chg": 2}
    chain.put(BEGIN + 2, "DriverRewards", "RolledOver", **rolled)
    chain.put(
        END + 2, "DriverRewards", "RolledOver", **rolled | {"epoch": EPOCH, "into": EPOCH + 1}
    )
    assert (await chain.read()).funds == Amounts(530, 12)
    assert (await chain.read(Kind.STATIONS)).funds == Amounts(0, 0)


def post(chain: FakeChain, at: int, attempt: int, root: bytes) -> None:
    names = ("committee_epoch", "payment", "chg", "claimable_at", "expires_at")
    args = dict.fromkeys(names, 5) | {"epoch": EPOCH, "attempt": attempt, "root": root}
    chain.put(at, "DriverRewards", "RootPosted", **args)


async def test_a_voided_root_does_not_stand_and_counts_as_an_attempt(chain: FakeChain) -> None:
    first, second = b"\x01" * 32, b"\x02" * 32
    post(chain, POSTABLE, 0, first)
    standing = (await chain.read()).standing
    assert standing is not None
    assert (standing.root, standing.totals) == (first, Amounts(5, 5))
    args = {"epoch": EPOCH, "attempt": 0, "root": first}
    chain.put(POSTABLE + 1, "DriverRewards", "RootVoided", **args)
    voided = await chain.read(until=POSTABLE + 1)
    assert (voided.standing, voided.attempt) == (None, 1)
    post(chain, POSTABLE + 2, 1, second)
    again = await chain.read(until=POSTABLE + 2)
    assert again.standing is not None
    assert (again.standing.root, again.attempt) == (second, 1)
    assert (await chain.read(Kind.STATIONS, until=POSTABLE + 2)).roots == ()


async def test_how_many_blocks_a_request_has_changes_nothing(chain: FakeChain) -> None:
    fund(chain, BEGIN, EPOCH, 10, 10)
    for day in range(12):
        chain.settle(BEGIN + day * 86_400, day, TOKEN, debt=TOKEN, account=day + 1)
        chain.collect(BEGIN + day * 86_400 + 9, day, 1_000)
        chain.refund(BEGIN + day * 86_400 + 10, day, 100)
    chain.times.append(POSTABLE)
    last = len(chain.times) - 1
    block = await chain.block(last)
    assert block is not None
    found = [
        await EpochReader(chain, block, blocks).read(Kind.DRIVERS, EPOCH)  # type: ignore[arg-type]
        for blocks in (1, 2, 5, 1_000)
    ]
    assert all(one == found[0] for one in found)
    assert fees(found[0]) == [1_900] * 7
