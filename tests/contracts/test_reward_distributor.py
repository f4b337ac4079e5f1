"""The reward distributor: epochs, roots, the challenge window, claims, expiry."""

from collections.abc import Iterator
from typing import Any

import boa
import pytest

from chargecoin import rewards
from chargecoin.rewards import Amounts, Kind, Reward, RewardTree
from tests.contracts.world import events
from tests.support.rewards import (
    CHG_UNIT,
    START,
    TOKEN_UNIT,
    WEEK_S,
    RewardChain,
    a_chain,
    source,
    wait,
)

EPOCH = START // WEEK_S
FUNDS = 1_000 * TOKEN_UNIT


@pytest.fixture
def chain() -> Iterator[RewardChain]:
    with a_chain():
        yield RewardChain()


@pytest.fixture
def distributor(chain: RewardChain) -> Any:
    return chain.driver_rewards


@pytest.fixture
def tree(chain: RewardChain, distributor: Any) -> RewardTree:
    """Three drivers' rewards of an epoch that has 1,000 tokens and 90 CHG; it is time to post."""
    chain.arrive(distributor, FUNDS)
    distributor.sync(sender=chain.stranger)
    chain.sponsor_chg(distributor, EPOCH, 90 * CHG_UNIT)
    boa.env.timestamp = rewards.postable_from(EPOCH)
    given = [Reward(1, 300 * TOKEN_UNIT, 50 * CHG_UNIT), Reward(2, 1, 0), Reward(4, 0, CHG_UNIT)]
    return RewardTree(chain.sdk(distributor), EPOCH, given)


def funds(distributor: Any, epoch: int = EPOCH) -> Amounts:
    return Amounts(*distributor.funds(epoch))


# Funding


def test_what_arrives_belongs_to_the_running_epoch(chain: RewardChain, distributor: Any) -> None:
    for epoch in (EPOCH, EPOCH + 1):
        chain.arrive(distributor, FUNDS)
        assert distributor.current_epoch() == epoch
        assert distributor.sync(sender=chain.stranger) == (FUNDS, 0)
        wait(WEEK_S)
    assert funds(distributor) == funds(distributor, EPOCH + 1) == Amounts(FUNDS)
    assert distributor.liabilities() == (2 * FUNDS, 0)
    with boa.reverts("reward_distributor: nothing arrived"):
        distributor.sync()


def test_chg_sent_without_a_call_is_a_reward_too(chain: RewardChain, distributor: Any) -> None:
    chain.chg.transfer(distributor, 5, sender=chain.sponsor)
    distributor.sync()
    assert funds(distributor) == Amounts(0, 5)


def test_a_sponsor_funds_this_epoch_or_one_of_the_next_52(
    chain: RewardChain, distributor: Any
) -> None:
    for epoch in (EPOCH, EPOCH + 52):
        chain.sponsor_chg(distributor, epoch, CHG_UNIT)
        assert funds(distributor, epoch) == Amounts(0, CHG_UNIT)
    for epoch in (EPOCH - 1, EPOCH + 53):
        with boa.reverts("reward_distributor: epoch out of range"):
            chain.sponsor_chg(distributor, epoch, CHG_UNIT)
    with boa.reverts("reward_distributor: nothing to add"):
        chain.sponsor_chg(distributor, EPOCH, 0)


def test_who_funds_an_epoch_is_told(chain: RewardChain, distributor: Any) -> None:
    chain.arrive(distributor, FUNDS)
    distributor.sync(sender=chain.stranger)
    [fees] = events(distributor, "EpochFunded")
    assert (fees.epoch, fees.source, fees.payment, fees.chg) == (EPOCH, chain.stranger, FUNDS, 0)
    chain.sponsor_chg(distributor, EPOCH + 1, 7)
    [gift] = events(distributor, "EpochFunded")
    assert (gift.epoch, gift.source, gift.payment, gift.chg) == (EPOCH + 1, chain.sponsor, 0, 7)


# Roots


def test_no_root_before_the_refund_window_is_over(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    wait(-1)
    with boa.reverts("reward_distributor: refund window is open"):
        chain.post(distributor, tree)
    wait(1)
    chain.post(distributor, tree)
    assert distributor.root(EPOCH) == (tree.root, boa.env.timestamp, 0)
    assert Amounts(*distributor.allotted(EPOCH)) == tree.totals


def test_no_root_when_posting_is_over(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    wait(rewards.POSTING_S)
    with boa.reverts("reward_distributor: too late"):
        chain.post(distributor, tree)


def test_an_epoch_has_one_root(chain: RewardChain, distributor: Any, tree: RewardTree) -> None:
    chain.post(distributor, tree)
    with boa.reverts("reward_distributor: epoch has a root"):
        chain.post(distributor, tree)


def test_a_root_is_something(chain: RewardChain, distributor: Any, tree: RewardTree) -> None:
    signatures = chain.sign(distributor, EPOCH, bytes(32), tree.totals)
    with boa.reverts("reward_distributor: empty root"):
        distributor.post_root(EPOCH, bytes(32), (0, 0), 1, signatures)


def test_only_the_guardian_voids_and_only_in_the_window(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    with boa.reverts("reward_distributor: no root to void"):
        distributor.void_root(EPOCH, sender=chain.guardian)
    chain.post(distributor, tree)
    for role in (chain.governance, chain.stranger):
        with boa.reverts("reward_distributor: not the guardian"):
            distributor.void_root(EPOCH, sender=role)
    wait(rewards.CHALLENGE_S)
    with boa.reverts("reward_distributor: no root to void"):
        distributor.void_root(EPOCH, sender=chain.guardian)
    wait(-1)
    distributor.void_root(EPOCH, sender=chain.guardian)
    assert distributor.root(EPOCH) == (bytes(32), 0, 1)
    assert distributor.allotted(EPOCH) == (0, 0)
    assert funds(distributor) == Amounts(FUNDS, 90 * CHG_UNIT)


def test_a_root_posted_again_after_a_void_is_claimed(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    chain.post(distributor, tree)
    distributor.void_root(EPOCH, sender=chain.guardian)
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S)
    chain.claim(distributor, tree, 1)
    assert chain.token.balanceOf(chain.drivers[0]) == 300 * TOKEN_UNIT


def test_a_root_is_told_with_its_dates_and_so_is_its_end(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    for attempt in (0, 1):
        chain.post(distributor, tree)
        [posted] = events(distributor, "RootPosted")
        assert (posted.epoch, posted.attempt, posted.committee_epoch) == (EPOCH, attempt, 1)
        assert (posted.root, Amounts(posted.payment, posted.chg)) == (tree.root, tree.totals)
        assert posted.claimable_at == boa.env.timestamp + rewards.CHALLENGE_S
        assert posted.expires_at == posted.claimable_at + rewards.CLAIM_S
        distributor.void_root(EPOCH, sender=chain.guardian)
        [voided] = events(distributor, "RootVoided")
        assert (voided.epoch, voided.attempt, voided.root) == (EPOCH, attempt, tree.root)


# Claims


def test_a_stranger_claims_for_the_holder_who_is_paid(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S - 1)
    with boa.reverts("reward_distributor: root can be voided"):
        chain.claim(distributor, tree, 1)
    wait(1)
    for reward in tree.rewards:
        chain.claim(distributor, tree, reward.recipient)
        holder = chain.drivers[reward.recipient - 1]
        assert chain.token.balanceOf(holder) == reward.payment
        assert chain.chg.balanceOf(holder) == reward.chg
        assert distributor.claimed(EPOCH, reward.recipient)
    assert distributor.allotted(EPOCH) == (0, 0)
    left = Amounts(FUNDS - tree.totals.payment, 90 * CHG_UNIT - tree.totals.chg)
    assert funds(distributor) == Amounts(*distributor.liabilities()) == left
    assert chain.token.balanceOf(distributor) == left.payment


def test_what_is_claimed_and_what_goes_over_is_told(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S)
    chain.claim(distributor, tree, 1)
    [claimed] = events(distributor, "RewardClaimed")
    assert (claimed.epoch, claimed.recipient, claimed.to) == (EPOCH, 1, chain.drivers[0])
    assert (claimed.payment, claimed.chg) == (300 * TOKEN_UNIT, 50 * CHG_UNIT)
    spare = distributor.roll_over(EPOCH)
    [rolled] = events(distributor, "RolledOver")
    assert (rolled.epoch, rolled.into) == (EPOCH, distributor.current_epoch())
    assert (rolled.payment, rolled.chg) == spare == (FUNDS - tree.totals.payment, 39 * CHG_UNIT)


def test_a_stations_reward_goes_to_the_owners_account(chain: RewardChain) -> None:
    distributor = chain.station_rewards
    chain.arrive(distributor, FUNDS)
    distributor.sync()
    boa.env.timestamp = rewards.postable_from(EPOCH)
    tree = RewardTree(chain.sdk(distributor), EPOCH, [Reward(2, FUNDS, 0)])
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S)
    chain.claim(distributor, tree, 2)
    assert chain.token.balanceOf(chain.owners[1]) == FUNDS


def test_a_reward_of_nobody_is_not_paid(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    nobody = RewardTree(tree.distributor, EPOCH, [Reward(99, 1, 0)])
    chain.post(distributor, nobody)
    wait(rewards.CHALLENGE_S)
    with boa.reverts("reward_distributor: no such recipient"):
        chain.claim(distributor, nobody, 99)


def test_claims_need_a_root_and_end_after_half_a_year(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    with boa.reverts("reward_distributor: no root"):
        chain.claim(distributor, tree, 1)
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S + rewards.CLAIM_S - 1)
    chain.claim(distributor, tree, 1)
    wait(1)
    with boa.reverts("reward_distributor: expired"):
        chain.claim(distributor, tree, 2)


# Rolling over


def test_what_a_root_leaves_goes_over_when_it_is_final(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S - 1)
    with boa.reverts("reward_distributor: root can be voided"):
        distributor.roll_over(EPOCH)
    wait(1)
    chain.claim(distributor, tree, 1)
    spare = Amounts(FUNDS - tree.totals.payment, 90 * CHG_UNIT - tree.totals.chg)
    assert Amounts(*distributor.roll_over(EPOCH, sender=chain.stranger)) == spare
    assert funds(distributor, boa.env.timestamp // WEEK_S) == spare
    chain.claim(distributor, tree, 2)
    chain.claim(distributor, tree, 4)
    assert funds(distributor) == Amounts()
    with boa.reverts("reward_distributor: nothing to roll over"):
        distributor.roll_over(EPOCH)


def test_what_nobody_claims_goes_over_when_claims_expire(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S + rewards.CLAIM_S - 1)
    distributor.roll_over(EPOCH)
    assert funds(distributor) == tree.totals
    wait(1)
    assert Amounts(*distributor.roll_over(EPOCH)) == tree.totals
    assert funds(distributor) == Amounts(*distributor.allotted(EPOCH)) == Amounts()
    assert Amounts(*distributor.liabilities()) == Amounts(FUNDS, 90 * CHG_UNIT)


def test_an_epoch_without_a_root_goes_over_when_none_can_come(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    wait(rewards.POSTING_S - 1)
    with boa.reverts("reward_distributor: a root can be posted"):
        distributor.roll_over(EPOCH)
    wait(1)
    distributor.roll_over(EPOCH)
    assert funds(distributor) == Amounts()
    assert funds(distributor, boa.env.timestamp // WEEK_S) == Amounts(FUNDS, 90 * CHG_UNIT)


def test_a_running_epoch_does_not_go_over(chain: RewardChain, distributor: Any) -> None:
    chain.arrive(distributor, FUNDS)
    distributor.sync()
    with boa.reverts("reward_distributor: a root can be posted"):
        distributor.roll_over(EPOCH)


# The two languages agree


def test_python_has_the_contracts_constants(distributor: Any) -> None:
    assert distributor.EPOCH_S() == rewards.EPOCH_S
    assert distributor.REFUND_WINDOW_S() == rewards.REFUND_WINDOW_S
    assert distributor.POSTING_S() == rewards.POSTING_S
    assert distributor.CHALLENGE_S() == rewards.CHALLENGE_S
    assert distributor.CLAIM_S() == rewards.CLAIM_S
    assert distributor.MAX_EPOCHS_AHEAD() == rewards.MAX_EPOCHS_AHEAD


@pytest.mark.parametrize("kind", Kind)
def test_python_has_the_contracts_leaf(chain: RewardChain, kind: Kind) -> None:
    distributor = chain.deploy_distributor(kind)
    reward = Reward(7, 2**80, 2**90)
    expected = chain.sdk(distributor).leaf(EPOCH, reward)
    assert distributor.leaf(EPOCH, 7, (2**80, 2**90)) == expected


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_every_proof_of_a_tree_leads_to_its_root(
    chain: RewardChain, distributor: Any, count: int
) -> None:
    chain.arrive(distributor, FUNDS)
    distributor.sync()
    boa.env.timestamp = rewards.postable_from(EPOCH)
    holders = [boa.env.generate_address(f"driver {i}") for i in range(4, count)]
    for holder in holders:
        chain.settlement.open_account(sender=holder)
    given = [Reward(account, account, 0) for account in range(1, count + 1)]
    tree = RewardTree(chain.sdk(distributor), EPOCH, given)
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S)
    for reward in given:
        chain.claim(distributor, tree, reward.recipient)
    assert distributor.allotted(EPOCH) == (0, 0)


def test_it_is_deployed_for_a_kind_with_two_tokens(chain: RewardChain) -> None:
    code = source("RewardDistributor")
    for kind in (0, 3):
        with boa.reverts("reward_distributor: no such kind"):
            code.deploy(chain.chg, chain.settlement.address, kind)
    for token in ("0x" + "00" * 20, chain.token.address):
        with boa.reverts("reward_distributor: wrong token"):
            code.deploy(token, chain.settlement.address, 1)
    assert chain.driver_rewards.guardian() == chain.guardian
    assert chain.driver_rewards.registry() == chain.registry.address


@pytest.mark.py_evm
def test_a_claim_is_cheap(chain: RewardChain, distributor: Any, tree: RewardTree) -> None:
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S)
    chain.claim(distributor, tree, 1)
    assert distributor.call_trace().gas_used < 220_000
