"""The real contracts on a real anvil: stakes, the fees that are streamed to them, reward epochs."""

from __future__ import annotations

import pytest
from sqlalchemy import Table, select

from chargecoin.chain.transactions import Call
from chargecoin.local_node import CHAIN_ID
from chargecoin.rewards import (
    CHALLENGE_S,
    CLAIM_S,
    Amounts,
    Distributor,
    Kind,
    Reward,
    RewardTree,
    epoch_of,
    postable_from,
)
from chargecoin.typed_data import order_signatures
from indexer import schema
from tests.indexer.acting import Cast, against_storage, assert_found, assert_verified
from tests.indexer.real import DAY, Real

CHG = 10**18
NO_LOCK, DAYS_30 = 0, 1
OTHER = "0x00000000000000000000000000000000000000aa"


def amounts(real: Real, table: Table) -> list[int]:
    """Return the amounts of a table's rows in the order of the chain."""
    with real.store.engine.connect() as connection:
        return list(connection.scalars(select(table.c.amount).order_by(table.c.id)))


class Rewarding(Cast):
    """Who stakes, and who pays rewards."""

    async def route(self, *then: Call) -> None:
        """Settle sessions and send their fees where they go."""
        await self.settle()
        await self.act(
            "deployer",
            self.call("Settlement", "route_fees"),
            self.call("FeeRouter", "route"),
            *then,
        )

    async def stake(self, role: str, amount: int, lock: int) -> None:
        pool = self.book.address("StakingPool")
        holder = self.signer(role).address
        await self.act("deployer", self.call("ChargeCoin", "transfer", holder, amount))
        await self.act(
            role,
            self.call("ChargeCoin", "approve", pool, amount),
            self.call("StakingPool", "stake", amount, lock),
        )

    async def leave(self, role: str, entry: str, position: int) -> None:
        """Claim or unstake, to the staker."""
        to = self.signer(role).address
        await self.act(role, self.call("StakingPool", entry, position, to))

    def post(self, name: str, tree: RewardTree, totals: Amounts, attempt: int) -> Call:
        """Return the posting of a root, signed by the committee."""
        digest = tree.distributor.root_digest(
            committee_epoch=1, epoch=tree.epoch, attempt=attempt, root=tree.root, totals=totals
        )
        members = self.real.protocol.members[: self.real.protocol.threshold]
        signatures = order_signatures(digest, [one.sign(digest) for one in members])
        stated = (totals.payment, totals.chg)
        return self.call(name, "post_root", tree.epoch, tree.root, stated, 1, signatures)

    def claim(self, name: str, tree: RewardTree, reward: Reward) -> Call:
        proof = tree.proof(reward.recipient)
        pair = (reward.payment, reward.chg)
        return self.call(name, "claim", tree.epoch, reward.recipient, pair, proof)


@pytest.fixture
def cast(real: Real) -> Rewarding:
    return Rewarding(real)


STAKES = [
    (f"UPDATE stakes SET owner = '{OTHER}'", "staking pool"),
    ("UPDATE stakes SET amount = '1' WHERE position = 1", "staking pool"),
    ("UPDATE stakes SET weight = '1' WHERE position = 2", "staking pool"),
    ("UPDATE stakes SET unlocks_at = unlocks_at - 2592000 WHERE position = 2", "staking pool"),
    ("DELETE FROM stakes WHERE position = 2", "staking pool"),
    ("UPDATE unstakes SET amount = '1'", "staking pool"),
    ("UPDATE unstakes SET position = 1", "staking pool"),
    ("DELETE FROM unstakes", "staking pool"),
    ("UPDATE stake_claims SET amount = '1'", "staking pool"),
    ("UPDATE stake_claims SET position = 3 - position", "staking pool"),
    ("DELETE FROM stake_claims", "staking pool"),
    ("UPDATE streams SET amount = '7'", "staking pool"),
    ("UPDATE streams SET begins_at = begins_at + 86400", "staking pool"),
    ("DELETE FROM stream_rollovers", "staking pool"),
    ("UPDATE stream_rollovers SET amount = '1'", "staking pool"),
    ("UPDATE fees_routed SET amount = '1'", "ledger"),
    (f"UPDATE fee_destinations SET stakers = '{OTHER}'", "fee router"),
    (f"UPDATE reimbursed_oracles SET oracles = '{OTHER}'", "fee router"),
    ("UPDATE reimbursements SET amount = '1'", "fee router"),
]


async def test_stakes_and_what_streams_to_them_are_followed_to_the_unit(
    real: Real, cast: Rewarding
) -> None:
    sync = cast.call("StakingPool", "sync")
    await cast.route(sync)
    await assert_verified(real)
    # Nobody stakes for the first days of the stream: that part is streamed again.
    cast.pass_time(2 * DAY + 12_345)
    await assert_verified(real)
    await cast.stake("fleet", 5 * CHG + 1, NO_LOCK)
    cast.pass_time(DAY + 54_321)
    await cast.stake("driver", 3 * CHG + 7, DAYS_30)
    await assert_verified(real)
    assert amounts(real, schema.stream_rollovers)[0] > 0
    await cast.route(sync)
    cast.pass_time(3 * DAY)
    await cast.leave("fleet", "claim", 1)
    await assert_verified(real)
    # Both locked and not, the lock being over, and taken out.
    cast.pass_time(20 * DAY)
    await assert_verified(real)
    cast.pass_time(10 * DAY)
    await assert_verified(real)
    await cast.route(sync)
    cast.pass_time(5 * DAY)
    await cast.leave("driver", "unstake", 2)
    await assert_verified(real)
    await cast.leave("driver", "claim", 2)
    cast.pass_time(DAY)
    await assert_verified(real)
    claims = amounts(real, schema.stake_claims)
    assert len(claims) == 2
    assert 0 < sum(claims) < sum(amounts(real, schema.streams))
    await assert_found(real, STAKES, against_storage)
    # More days than one call counts, and one that brings the pool up to then without an event.
    cast.pass_time(500 * DAY)
    await assert_verified(real)
    await cast.act("fleet", cast.call("StakingPool", "checkpoint"))
    await assert_verified(real)


EPOCHS = [
    ("UPDATE reward_fundings SET payment = '1'", "rewards"),
    ("UPDATE reward_fundings SET chg = '1'", "rewards"),
    ("UPDATE reward_fundings SET epoch = epoch + 1", "rewards"),
    ("UPDATE reward_fundings SET kind = 2 WHERE kind = 1", "rewards"),
    ("DELETE FROM reward_fundings", "rewards"),
    ("UPDATE reward_roots SET root = zeroblob(32) WHERE attempt = 1", "rewards"),
    ("UPDATE reward_roots SET attempt = 0", "rewards"),
    ("UPDATE reward_roots SET payment = '1'", "rewards"),
    ("UPDATE reward_roots SET chg = '1'", "rewards"),
    ("UPDATE reward_roots SET claimable_at = claimable_at + 1", "rewards"),
    ("UPDATE reward_roots SET expires_at = expires_at + 1", "rewards"),
    ("DELETE FROM reward_roots", "rewards"),
    ("DELETE FROM reward_voids", "rewards"),
    ("UPDATE reward_voids SET epoch = epoch + 1", "rewards"),
    ("UPDATE reward_claims SET recipient = recipient + 5", "rewards"),
    ("UPDATE reward_claims SET payment = '1'", "rewards"),
    ("UPDATE reward_claims SET chg = '1'", "rewards"),
    ("UPDATE reward_claims SET epoch = epoch + 1", "rewards"),
    ("DELETE FROM reward_claims", "rewards"),
    ("UPDATE reward_rollovers SET payment = '1'", "rewards"),
    ("UPDATE reward_rollovers SET into_epoch = into_epoch + 1", "rewards"),
    ("DELETE FROM reward_rollovers", "rewards"),
]


async def test_epochs_of_rewards_are_followed_from_funds_to_what_goes_over(
    real: Real, cast: Rewarding
) -> None:
    names = {Kind.DRIVERS: "DriverRewards", Kind.STATIONS: "StationRewards"}
    await cast.route(*(cast.call(name, "sync") for name in names.values()))
    epoch = epoch_of(real.now)
    for name in names.values():
        await cast.act(
            "deployer",
            cast.call("ChargeCoin", "approve", cast.book.address(name), 10 * CHG),
            cast.call(name, "sponsor", epoch, 10 * CHG),
        )
    await assert_verified(real)
    cast.pass_time(postable_from(epoch) - real.now)
    # More is stated than the leaves sum to, so some stays allotted; some is not allotted at all.
    totals = Amounts(payment=5_000, chg=8 * CHG)
    rewards = (Reward(1, 1_001, 2 * CHG), Reward(2, 1_999, 3 * CHG + 1))
    trees = {
        name: RewardTree(Distributor(CHAIN_ID, cast.book.address(name), kind), epoch, rewards)
        for kind, name in names.items()
    }
    wrong = RewardTree(trees["DriverRewards"].distributor, epoch, rewards[:1])
    await cast.act("deployer", cast.post("DriverRewards", wrong, totals, attempt=0))
    await assert_verified(real)
    await cast.act("guardian", cast.call("DriverRewards", "void_root", epoch))
    await assert_verified(real)
    attempts = {"DriverRewards": 1, "StationRewards": 0}
    posts = (cast.post(name, tree, totals, attempts[name]) for name, tree in trees.items())
    await cast.act("deployer", *posts)
    cast.pass_time(CHALLENGE_S)
    for name, tree in trees.items():
        await cast.act("fleet", cast.claim(name, tree, rewards[0]))
    await assert_verified(real)
    await cast.act("fleet", *(cast.call(name, "roll_over", epoch) for name in names.values()))
    await assert_verified(real)
    await cast.act("fleet", cast.claim("DriverRewards", trees["DriverRewards"], rewards[1]))
    await assert_verified(real)
    await assert_found(real, EPOCHS, against_storage)
    # What nobody claimed goes over when claims have expired.
    cast.pass_time(CLAIM_S)
    await assert_verified(real)
    await cast.act("fleet", *(cast.call(name, "roll_over", epoch) for name in names.values()))
    await assert_verified(real)
    with real.store.engine.connect() as connection:
        table = schema.reward_rollovers
        query = select(table.c.kind, table.c.chg).order_by(table.c.id)
        gone = [tuple(row) for row in connection.execute(query)]
    # 2 of 10 were not allotted; 3 less a unit, and 6, not claimed.
    assert gone == [(1, 2 * CHG), (2, 2 * CHG), (1, 3 * CHG - 1), (2, 6 * CHG)]
