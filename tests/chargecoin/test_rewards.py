"""An epoch's rewards: the rule of the shares; charging oneself costs more than it earns."""

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chargecoin import rewards
from chargecoin.errors import CodecError, FieldRangeError
from chargecoin.rewards import (
    Amounts,
    Distributor,
    Kind,
    ProducedFee,
    Reward,
    RewardTree,
    allot,
    epoch_of,
    postable_from,
)

DRIVERS = Distributor(31_337, "0x" + "ab" * 20, Kind.DRIVERS)

FEES = st.lists(
    st.builds(
        ProducedFee, st.integers(0, 6), st.integers(1, 4), st.integers(0, 10**9), st.integers(1, 3)
    ),
    max_size=12,
)
FUNDS = st.builds(Amounts, st.integers(0, 10**12), st.integers(0, 10**24))


def paid(given_: list[Reward], recipient: int) -> int:
    return sum(one.payment for one in given_ if one.recipient == recipient)


# The rule


def test_shares_are_in_proportion_of_fees_and_weigh_by_assurance() -> None:
    fees = [
        ProducedFee(1, 7, 4_000, 3),
        ProducedFee(1, 8, 4_000, 2),
        ProducedFee(2, 8, 8_000, 1),
        ProducedFee(0, 8, 9_000, 3),
    ]
    # Drivers weigh 4,000 + 2,000 and 2,000.
    assert allot(Kind.DRIVERS, fees, Amounts(800, 80)) == [Reward(1, 600, 60), Reward(2, 200, 20)]
    # Stations weigh 4,000 and 2,000 + 2,000 + 9,000.
    assert allot(Kind.STATIONS, fees, Amounts(1_700, 0)) == [Reward(7, 400, 0), Reward(8, 1_300, 0)]


def test_nobody_is_given_back_more_than_a_quarter_of_a_fee() -> None:
    fees = [ProducedFee(1, 1, 1_000, 3), ProducedFee(2, 1, 1_000, 1)]
    assert allot(Kind.DRIVERS, fees, Amounts(10**9)) == [Reward(1, 250, 0), Reward(2, 250, 0)]


def test_the_bound_is_each_fees_own() -> None:
    fees = [ProducedFee(1, 1, 1_000, 3), ProducedFee(1, 1, 1_000, 1)]
    # 400 and 100: what the first may not have, the second does not get in its place.
    assert allot(Kind.DRIVERS, fees, Amounts(500)) == [Reward(1, 250 + 100, 0)]


def test_no_fees_no_rewards() -> None:
    assert allot(Kind.DRIVERS, [], Amounts(5, 5)) == []
    assert allot(Kind.DRIVERS, [ProducedFee(1, 1, 0, 3)], Amounts(5, 5)) == []


@given(FEES, FUNDS, st.sampled_from(Kind))
def test_rewards_are_at_most_the_funds(fees: list[ProducedFee], funds: Amounts, kind: Kind) -> None:
    given_ = allot(kind, fees, funds)
    assert sum(one.payment for one in given_) <= funds.payment
    assert sum(one.chg for one in given_) <= funds.chg
    assert [one.recipient for one in given_] == sorted({one.recipient for one in given_})


@given(FEES, FUNDS, st.sampled_from(Kind), st.randoms(use_true_random=False))
def test_the_order_of_sessions_changes_nothing(
    fees: list[ProducedFee], funds: Amounts, kind: Kind, random: object
) -> None:
    shuffled = list(fees)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert allot(kind, shuffled, funds) == allot(kind, fees, funds)


@given(FEES, FUNDS, st.integers(1, 10**9), st.integers(1, 3), st.data())
def test_splitting_oneself_into_many_accounts_gains_nothing(
    others: list[ProducedFee], funds: Amounts, fee: int, assurance: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, fee))
    whole = allot(Kind.DRIVERS, [*others, ProducedFee(90, 1, fee, assurance)], funds)
    halves = [ProducedFee(90, 1, cut, assurance), ProducedFee(91, 1, fee - cut, assurance)]
    split = [one for one in allot(Kind.DRIVERS, [*others, *halves], funds) if one.recipient >= 90]
    assert sum(one.payment for one in split) <= paid(whole, 90)
    assert sum(one.chg for one in split) <= sum(one.chg for one in whole if one.recipient == 90)


@pytest.mark.parametrize(("fee", "assurance"), [(-1, 3), (1, 0), (1, 4)])
def test_a_fee_that_no_session_has_is_refused(fee: int, assurance: int) -> None:
    with pytest.raises(FieldRangeError):
        ProducedFee(1, 1, fee, assurance)


# Charging oneself

# The shares that a deployment begins with: stakers, drivers, stations, treasury.
STAKERS_BPS, DRIVERS_BPS, STATIONS_BPS, TREASURY_BPS = 4_000, 2_000, 2_000, 2_000


@given(
    FEES,
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 3)), min_size=1, max_size=4),
    st.integers(0, 10**12),
)
def test_charging_oneself_costs_more_than_it_earns_even_for_who_owns_all_the_stake(
    others: list[ProducedFee], own: list[tuple[int, int]], rolled_over: int
) -> None:
    """Account 1 and owner 1 are one person, who has real sessions too and adds made-up ones.

    `rolled_over` is what earlier epochs left, so funds may be any multiple of the fees.
    """
    made_up = [ProducedFee(1, 1, fee, assurance) for fee, assurance in own]
    cost = sum(one.fee for one in made_up)

    def earned(fees: list[ProducedFee]) -> int:
        total = sum(one.fee for one in fees)
        drivers = allot(Kind.DRIVERS, fees, Amounts(rolled_over + total * DRIVERS_BPS // 10_000))
        stations = allot(Kind.STATIONS, fees, Amounts(rolled_over + total * STATIONS_BPS // 10_000))
        return paid(drivers, 1) + paid(stations, 1) + total * STAKERS_BPS // 10_000

    gain = earned([*others, *made_up]) - earned(others)
    # 25 % as driver, 25 % as station, 40 % as the only staker; single units by rounding.
    most = 2 * rewards.MAX_RETURN_BPS + STAKERS_BPS
    assert most < 10_000
    assert gain <= cost * most // 10_000 + 12


def test_a_sponsors_chg_can_only_be_farmed_where_it_is_worth_more_than_what_fees_keep_back() -> (
    None
):
    fees_of_others, own = 100_000_000, 1_000_000
    kept_back = 10_000 - 2 * rewards.MAX_RETURN_BPS  # Without any stake: half of the fee.

    def net(worth_of_chg: int) -> int:
        """What making up `own` fees nets, if the epoch's CHG is worth so many base units."""
        fees = [ProducedFee(2, 2, fees_of_others, 3), ProducedFee(1, 1, own, 3)]
        given_ = allot(Kind.DRIVERS, fees, Amounts(0, worth_of_chg))
        gain = next(one.chg for one in given_ if one.recipient == 1)
        return gain - own * kept_back // 10_000

    break_even = (fees_of_others + own) * kept_back // 10_000
    assert net(break_even - 1_000) < 0 < net(break_even + 1_000)


# Epochs


def test_a_root_is_postable_when_no_fee_of_its_epoch_can_be_given_back() -> None:
    assert epoch_of(7 * 86_400 - 1) == 0
    assert epoch_of(7 * 86_400) == 1
    assert postable_from(1) == (2 * 7 + 21 + 4) * 86_400


# Tree and signature


def test_a_tree_of_one_is_its_leaf_without_a_proof() -> None:
    tree = RewardTree(DRIVERS, 5, [Reward(3, 7, 8)])
    assert tree.root == DRIVERS.leaf(5, Reward(3, 7, 8))
    assert tree.proof(3) == []
    assert tree.totals == Amounts(7, 8)


@given(st.integers(1, 40))
def test_every_proof_leads_to_the_root(count: int) -> None:
    tree = RewardTree(DRIVERS, 5, [Reward(i, i, 0) for i in range(1, count + 1)])
    for one in tree.rewards:
        node = DRIVERS.leaf(5, one)
        for sibling in tree.proof(one.recipient):
            node = keccak(min(node, sibling) + max(node, sibling))
        assert node == tree.root


def test_a_tree_without_rewards_or_with_two_of_one_recipient_is_refused() -> None:
    with pytest.raises(CodecError, match="no root"):
        RewardTree(DRIVERS, 5, [])
    with pytest.raises(CodecError, match="one reward an epoch"):
        RewardTree(DRIVERS, 5, [Reward(1, 1, 0), Reward(1, 2, 0)])
    with pytest.raises(CodecError, match="9 has no reward in epoch 5"):
        RewardTree(DRIVERS, 5, [Reward(1, 1, 0)]).proof(9)


def test_the_digest_is_that_of_eip_712() -> None:
    message = encode_typed_data(
        {
            "name": "ChargeCoin RewardDistributor",
            "version": "1",
            "chainId": DRIVERS.chain_id,
            "verifyingContract": DRIVERS.address,
        },
        {
            "RewardRoot": [
                {"name": "committeeEpoch", "type": "uint256"},
                {"name": "epoch", "type": "uint256"},
                {"name": "attempt", "type": "uint256"},
                {"name": "root", "type": "bytes32"},
                {"name": "payment", "type": "uint256"},
                {"name": "chg", "type": "uint256"},
            ]
        },
        {
            "committeeEpoch": 4,
            "epoch": 5,
            "attempt": 1,
            "root": b"\x07" * 32,
            "payment": 8,
            "chg": 9,
        },
    )
    expected = keccak(b"\x19" + message.version + message.header + message.body)
    digest = DRIVERS.root_digest(
        committee_epoch=4, epoch=5, attempt=1, root=b"\x07" * 32, totals=Amounts(8, 9)
    )
    assert digest == expected
