"""What a hostile root, an old committee, a replay or a strange token can do: nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boa
import pytest

from chargecoin import rewards
from chargecoin.rewards import Amounts, Kind, Reward, RewardTree
from chargecoin.typed_data import CURVE_ORDER
from tests.contracts.world import Fault
from tests.support.rewards import (
    CHG_UNIT,
    START,
    TOKEN_UNIT,
    WEEK_S,
    RewardChain,
    a_chain,
    signers,
    source,
    wait,
)

EPOCH = START // WEEK_S
FUNDS = 1_000 * TOKEN_UNIT


@pytest.fixture
def chain() -> Iterator[RewardChain]:
    """An epoch of 1,000 tokens whose root can be posted, and as much in the next one."""
    with a_chain():
        chain = RewardChain()
        for _ in range(2):
            chain.arrive(chain.driver_rewards, FUNDS)
            chain.driver_rewards.sync()
            wait(WEEK_S)
        boa.env.timestamp = rewards.postable_from(EPOCH)
        yield chain


@pytest.fixture
def distributor(chain: RewardChain) -> Any:
    return chain.driver_rewards


@pytest.fixture
def tree(chain: RewardChain, distributor: Any) -> RewardTree:
    given = [Reward(1, 600 * TOKEN_UNIT, 0), Reward(2, 400 * TOKEN_UNIT, 0)]
    return RewardTree(chain.sdk(distributor), EPOCH, given)


def post(chain: RewardChain, distributor: Any, tree: RewardTree, signatures: bytes) -> None:
    """Post with the signatures given, whatever they are."""
    totals = (tree.totals.payment, tree.totals.chg)
    distributor.post_root(tree.epoch, tree.root, totals, 1, signatures, sender=chain.stranger)


# Hostile roots


@pytest.mark.parametrize("totals", [Amounts(FUNDS + 1), Amounts(0, 1), Amounts(2 * FUNDS)])
def test_a_root_cannot_state_more_than_its_epoch_has(
    chain: RewardChain, distributor: Any, tree: RewardTree, totals: Amounts
) -> None:
    with boa.reverts("reward_distributor: totals above the epoch's funds"):
        chain.post(distributor, tree, totals)


def test_a_root_whose_leaves_are_more_than_its_totals_pays_only_the_totals(
    chain: RewardChain, distributor: Any
) -> None:
    greedy = RewardTree(
        chain.sdk(distributor), EPOCH, [Reward(1, FUNDS, 0), Reward(2, FUNDS, 0), Reward(3, 0, 1)]
    )
    chain.post(distributor, greedy, Amounts(FUNDS))
    wait(rewards.CHALLENGE_S)
    chain.claim(distributor, greedy, 1)
    for recipient in (2, 3):
        with boa.reverts("reward_distributor: root pays more than its totals"):
            chain.claim(distributor, greedy, recipient)
    assert distributor.funds(EPOCH + 1) == (FUNDS, 0)
    assert chain.token.balanceOf(distributor) == FUNDS


def test_a_compromised_quorum_takes_at_most_the_epochs_without_a_root(
    chain: RewardChain, distributor: Any
) -> None:
    boa.env.timestamp = rewards.postable_from(EPOCH + 1)
    for epoch in (EPOCH, EPOCH + 1):
        loot = RewardTree(chain.sdk(distributor), epoch, [Reward(1, FUNDS, 0)])
        chain.post(distributor, loot)
    later = RewardTree(chain.sdk(distributor), EPOCH + 2, [Reward(1, 0, 0)])
    with boa.reverts("reward_distributor: refund window is open"):
        chain.post(distributor, later)
    for epoch in (EPOCH, EPOCH + 1):
        with boa.reverts("reward_distributor: root can be voided"):
            distributor.claim(epoch, 1, (FUNDS, 0), [])
        distributor.void_root(epoch, sender=chain.guardian)
    assert chain.token.balanceOf(distributor) == distributor.liabilities()[0] == 2 * FUNDS


# Claims that are not due


def test_a_reward_is_paid_once(chain: RewardChain, distributor: Any, tree: RewardTree) -> None:
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S)
    chain.claim(distributor, tree, 1)
    with boa.reverts("reward_distributor: already claimed"):
        chain.claim(distributor, tree, 1)


def test_a_recipient_that_a_hostile_root_lists_twice_is_paid_once(
    chain: RewardChain, distributor: Any
) -> None:
    sdk = chain.sdk(distributor)
    first, second = Reward(1, 10, 0), Reward(1, 20, 0)
    leaves = [sdk.leaf(EPOCH, one) for one in (first, second)]
    root = rewards._parent(*leaves)
    signatures = chain.sign(distributor, EPOCH, root, Amounts(30))
    distributor.post_root(EPOCH, root, (30, 0), 1, signatures)
    wait(rewards.CHALLENGE_S)
    distributor.claim(EPOCH, 1, (20, 0), [leaves[0]])
    with boa.reverts("reward_distributor: already claimed"):
        distributor.claim(EPOCH, 1, (10, 0), [leaves[1]])


@pytest.mark.parametrize(
    ("epoch", "recipient", "payment", "chg"),
    [
        (EPOCH, 1, 600 * TOKEN_UNIT + 1, 0),
        (EPOCH, 1, 600 * TOKEN_UNIT, 1),
        (EPOCH, 3, 600 * TOKEN_UNIT, 0),
    ],
    ids=["more tokens", "chg", "another recipient"],
)
def test_a_changed_leaf_has_no_proof(
    chain: RewardChain,
    distributor: Any,
    tree: RewardTree,
    epoch: int,
    recipient: int,
    payment: int,
    chg: int,
) -> None:
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S)
    with boa.reverts("reward_distributor: wrong proof"):
        distributor.claim(epoch, recipient, (payment, chg), tree.proof(1))


@pytest.mark.parametrize(
    "foreign",
    [{"chain_id": 999}, {"address": "0x" + "22" * 20}, {"kind": Kind.STATIONS}],
    ids=["another chain", "another contract", "another kind"],
)
def test_a_leaf_of_elsewhere_has_no_proof_here(
    chain: RewardChain, distributor: Any, tree: RewardTree, foreign: dict[str, Any]
) -> None:
    elsewhere = replace(tree.distributor, **foreign)
    foreign_tree = RewardTree(elsewhere, EPOCH, tree.rewards)
    chain.post(distributor, foreign_tree)
    wait(rewards.CHALLENGE_S)
    with boa.reverts("reward_distributor: wrong proof"):
        chain.claim(distributor, foreign_tree, 1)


def test_a_leaf_of_another_epoch_has_no_proof(chain: RewardChain, distributor: Any) -> None:
    earlier = RewardTree(chain.sdk(distributor), EPOCH, [Reward(1, FUNDS, 0), Reward(2, 0, 0)])
    chain.post(distributor, earlier)
    boa.env.timestamp = rewards.postable_from(EPOCH + 1)
    signatures = chain.sign(distributor, EPOCH + 1, earlier.root, Amounts(FUNDS))
    distributor.post_root(EPOCH + 1, earlier.root, (FUNDS, 0), 1, signatures)
    wait(rewards.CHALLENGE_S)
    chain.claim(distributor, earlier, 1)
    with boa.reverts("reward_distributor: wrong proof"):
        distributor.claim(EPOCH + 1, 1, (FUNDS, 0), earlier.proof(1))


# Signatures


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": EPOCH + 1},
        {"attempt": 1},
        {"root": b"\x01" * 32},
        {"totals": Amounts(1)},
        {"committee_epoch": 2},
    ],
    ids=["epoch", "attempt", "root", "totals", "committee epoch"],
)
def test_a_signature_covers_everything_that_is_posted(
    chain: RewardChain, distributor: Any, tree: RewardTree, change: dict[str, Any]
) -> None:
    stated: dict[str, Any] = {"epoch": EPOCH, "root": tree.root, "totals": tree.totals}
    signatures = chain.sign(distributor, **(stated | change))
    with boa.reverts():
        post(chain, distributor, tree, signatures)
    post(chain, distributor, tree, chain.sign(distributor, EPOCH, tree.root, tree.totals))


@pytest.mark.parametrize("foreign", [{"chain_id": 999}, {"address": "0x" + "22" * 20}])
def test_a_signature_for_another_chain_or_contract_does_not_count(
    chain: RewardChain, distributor: Any, tree: RewardTree, foreign: dict[str, Any]
) -> None:
    elsewhere = replace(tree.distributor, **foreign)
    signatures = chain.sign(distributor, EPOCH, tree.root, tree.totals, signed_for=elsewhere)
    with boa.reverts():
        post(chain, distributor, tree, signatures)


def test_a_voided_root_cannot_be_posted_again_by_its_old_signatures(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    signatures = chain.sign(distributor, EPOCH, tree.root, tree.totals)
    post(chain, distributor, tree, signatures)
    distributor.void_root(EPOCH, sender=chain.guardian)
    with boa.reverts():
        post(chain, distributor, tree, signatures)
    assert distributor.root(EPOCH)[0] == bytes(32)


def test_exactly_the_threshold_signs(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    for by in (chain.attesters[:1], chain.attesters):
        signatures = chain.sign(distributor, EPOCH, tree.root, tree.totals, by=by)
        with boa.reverts("quorum: wrong number of signatures"):
            post(chain, distributor, tree, signatures)


def test_one_member_does_not_count_twice(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    by = [chain.attesters[0]] * 2
    signatures = chain.sign(distributor, EPOCH, tree.root, tree.totals, by=by)
    with boa.reverts("quorum: signers not ascending"):
        post(chain, distributor, tree, signatures)


def test_the_order_of_signers_is_one(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    signatures = chain.sign(distributor, EPOCH, tree.root, tree.totals)
    with boa.reverts("quorum: signers not ascending"):
        post(chain, distributor, tree, signatures[65:] + signatures[:65])


def test_a_malleable_signature_does_not_count(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    signatures = chain.sign(distributor, EPOCH, tree.root, tree.totals)
    s = CURVE_ORDER - int.from_bytes(signatures[32:64], "big")
    other = signatures[:32] + s.to_bytes(32, "big") + bytes([27 + 28 - signatures[64]])
    with boa.reverts("ecdsa: invalid signature `s` value"):
        post(chain, distributor, tree, other + signatures[65:])


def test_a_stranger_is_no_member(chain: RewardChain, distributor: Any, tree: RewardTree) -> None:
    by = sorted([chain.attesters[0], *signers(99)], key=lambda one: int(one.address, 16))
    signatures = chain.sign(distributor, EPOCH, tree.root, tree.totals, by=by)
    with boa.reverts("quorum: not a member"):
        post(chain, distributor, tree, signatures)


def test_an_old_committee_signs_for_its_grace_and_no_longer(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    signatures = chain.sign(distributor, EPOCH, tree.root, tree.totals)
    members = [one.address for one in signers(21, 22, 23)]
    chain.settlement.appoint_committee(members, 2, 3_600, sender=chain.governance)
    wait(3_600)
    with boa.reverts("quorum: wrong committee epoch"):
        post(chain, distributor, tree, signatures)
    wait(-1)
    post(chain, distributor, tree, signatures)


def test_a_revoked_committee_and_one_that_never_was_sign_nothing(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    chain.settlement.revoke_committee(1, sender=chain.guardian)
    totals = (tree.totals.payment, 0)
    for committee_epoch in (0, 1, 2):
        signatures = chain.sign(
            distributor, EPOCH, tree.root, tree.totals, committee_epoch=committee_epoch
        )
        with boa.reverts("quorum: wrong committee epoch"):
            distributor.post_root(EPOCH, tree.root, totals, committee_epoch, signatures)


def test_a_removed_member_does_not_sign_for_the_next_committee(
    chain: RewardChain, distributor: Any, tree: RewardTree
) -> None:
    removed = chain.attesters[0]
    kept = sorted([*chain.attesters[1:], *signers(14)], key=lambda one: int(one.address, 16))
    chain.settlement.appoint_committee([one.address for one in kept], 2, 0, sender=chain.governance)
    by = sorted([removed, kept[0]], key=lambda one: int(one.address, 16))
    signatures = chain.sign(distributor, EPOCH, tree.root, tree.totals, by=by)
    with boa.reverts("quorum: not a member"):
        distributor.post_root(EPOCH, tree.root, (tree.totals.payment, 0), 2, signatures)


# Strange tokens

STRANGE = """
# pragma version 0.4.3
interface Distributor:
    def sync() -> (uint256, uint256): nonpayable
balanceOf: public(HashMap[address, uint256])
frozen: HashMap[address, bool]
reentering: bool
@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount
@external
def freeze(who: address):
    self.frozen[who] = True
@external
def lose(who: address):
    self.balanceOf[who] -= 1
@external
def reenter():
    self.reentering = True
@external
def transfer(to: address, amount: uint256) -> bool:
    assert not self.frozen[to], "token: frozen"
    if self.reentering:
        extcall Distributor(msg.sender).sync()
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
    return True
@external
@view
def decimals() -> uint8:
    return 6
"""


def claimable(token: Any) -> tuple[RewardChain, RewardTree]:
    """Two claimable rewards in a token."""
    chain = RewardChain(token)
    distributor = chain.driver_rewards
    chain.arrive(distributor, FUNDS)
    distributor.sync()
    boa.env.timestamp = rewards.postable_from(EPOCH)
    given = [Reward(1, FUNDS // 2, 0), Reward(2, FUNDS // 2, 0)]
    tree = RewardTree(chain.sdk(distributor), EPOCH, given)
    chain.post(distributor, tree)
    wait(rewards.CHALLENGE_S)
    return chain, tree


@pytest.fixture
def strange() -> Iterator[tuple[RewardChain, RewardTree]]:
    """Two claimable rewards in a token that can freeze, call back and lose."""
    with a_chain():
        yield claimable(boa.loads(STRANGE))


def test_a_frozen_recipient_holds_back_nobody_else(
    strange: tuple[RewardChain, RewardTree],
) -> None:
    chain, tree = strange
    chain.token.freeze(chain.drivers[0])
    with boa.reverts("token: frozen"):
        chain.claim(chain.driver_rewards, tree, 1)
    chain.claim(chain.driver_rewards, tree, 2)
    assert chain.token.balanceOf(chain.drivers[1]) == FUNDS // 2
    assert not chain.driver_rewards.claimed(EPOCH, 1)


def test_a_token_that_calls_back_counts_nothing_twice(
    strange: tuple[RewardChain, RewardTree],
) -> None:
    chain, tree = strange
    chain.token.reenter()
    with boa.reverts():
        chain.claim(chain.driver_rewards, tree, 1)
    assert chain.driver_rewards.liabilities() == (FUNDS, 0)


def test_a_token_that_loses_balances_funds_no_epoch(
    strange: tuple[RewardChain, RewardTree],
) -> None:
    chain, _ = strange
    chain.token.lose(chain.driver_rewards)
    with boa.reverts("reward_distributor: token is short"):
        chain.driver_rewards.sync()


def test_a_token_that_says_no_is_believed_and_the_claim_stays() -> None:
    with a_chain():
        token = source("mocks/odd_token_mock").deploy(6)
        chain, tree = claimable(token)
        token.set_fault(Fault.RETURNS_FALSE)
        with boa.reverts("reward_distributor: transfer failed"):
            chain.claim(chain.driver_rewards, tree, 1)
        token.set_fault(Fault.NOTHING)
        chain.claim(chain.driver_rewards, tree, 1)
        assert token.balanceOf(chain.drivers[0]) == FUNDS // 2


def test_a_token_that_answers_nothing_is_claimed_and_sponsored() -> None:
    with a_chain():
        token, chg = (source("mocks/silent_token_mock").deploy() for _ in range(2))
        chain, tree = claimable(token)
        chain.claim(chain.driver_rewards, tree, 1)
        assert token.balanceOf(chain.drivers[0]) == FUNDS // 2
        sponsored = source("RewardDistributor").deploy(chg, chain.settlement.address, Kind.DRIVERS)
        chg.mint(chain.sponsor, CHG_UNIT)
        chg.approve(sponsored, CHG_UNIT, sender=chain.sponsor)
        sponsored.sponsor(sponsored.current_epoch(), CHG_UNIT, sender=chain.sponsor)
        assert sponsored.funds(sponsored.current_epoch()) == (0, CHG_UNIT)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RETURNS_FALSE, "reward_distributor: transfer failed"),
        (Fault.TAKES_FEE, "reward_distributor: token moved another amount"),
        (Fault.MOVES_NOTHING, "reward_distributor: token moved another amount"),
    ],
)
def test_a_sponsors_token_that_does_not_arrive_adds_nothing(
    chain: RewardChain, fault: Fault, error: str
) -> None:
    chg = source("mocks/odd_token_mock").deploy(18)
    sponsored = source("RewardDistributor").deploy(chg, chain.settlement.address, Kind.DRIVERS)
    chg.mint(chain.sponsor, CHG_UNIT)
    chg.approve(sponsored, CHG_UNIT, sender=chain.sponsor)
    chg.set_fault(fault)
    with boa.reverts(error):
        sponsored.sponsor(sponsored.current_epoch(), CHG_UNIT, sender=chain.sponsor)
    assert sponsored.liabilities() == (0, 0)


def test_a_sponsor_cannot_promise_more_than_arrives(chain: RewardChain, distributor: Any) -> None:
    now = distributor.current_epoch()
    with boa.reverts("erc20: insufficient allowance"):
        distributor.sponsor(now, CHG_UNIT, sender=chain.sponsor)
    assert distributor.funds(now) == (0, 0)
