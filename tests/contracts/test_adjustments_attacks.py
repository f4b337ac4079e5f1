"""Attacks on refunds, disputes and rulings, each by its name. None may take or keep anything."""

from collections.abc import Callable
from typing import Any

import boa
import pytest

from chargecoin.typed_data import ADJUSTMENTS_NAME, CURVE_ORDER, Domain, ruling_digest
from tests.contracts.adjusting import (
    CONNECTOR,
    FEE,
    GROSS,
    OWNER,
    REASONS,
    Presented,
    balanced,
    dispute,
    owe,
    pay,
    position,
    refund,
    rule,
    rulings,
    settle,
    sign_ruling,
    top_up,
)
from tests.contracts.world import (
    DAY_S,
    HOUR_S,
    TOKEN,
    World,
    attesters,
    events,
    session,
    source,
    wait,
)

NET = GROSS - FEE


@pytest.fixture
def number(world: World, account: int) -> int:
    """A dispute of nine tokens."""
    return dispute(world, pay(world, account))


def submit(world: World, number: int, amount: int, signatures: bytes, epoch: int = 1) -> None:
    world.adjustments.rule(number, amount, REASONS, epoch, signatures, sender=world.stranger)


# Spam


def test_dispute_spam(world: World, account: int) -> None:
    """At most three disputes of an account are open, each with a bond."""
    paid = [pay(world, account) for _ in range(4)]
    numbers = [dispute(world, one) for one in paid[:3]]
    with boa.reverts("adjustments: too many open disputes"):
        dispute(world, paid[3])
    rule(world, numbers[0], 0)
    assert dispute(world, paid[3]) == 4
    assert world.adjustments.open_disputes(account) == 3
    # Another account is in nobody's way.
    other = world.open_account(world.fleet, 20 * TOKEN, 20 * TOKEN)
    dispute(world, pay(world, other), by=world.fleet)


@pytest.mark.parametrize("after", ["while it is open", "dismissed", "upheld", "lapsed"])
def test_a_second_dispute_of_one_session(world: World, account: int, after: str) -> None:
    paid = pay(world, account)
    number = dispute(world, paid)
    if after == "lapsed":
        wait(14 * DAY_S)
        world.adjustments.lapse(number, sender=world.stranger)
    elif after != "while it is open":
        rule(world, number, TOKEN * (after == "upheld"))
    with boa.reverts("adjustments: disputed before"):
        dispute(world, paid)


def test_disputes_of_a_vault_without_money(world: World) -> None:
    """Who cannot pay the bond disputes nothing, also on its way out."""
    account = world.open_account(world.driver, GROSS + TOKEN - 1, 60 * TOKEN)
    paid = pay(world, account)
    with boa.reverts("adjustments: balance below the bond"):
        dispute(world, paid)
    top_up(world, account, 1)
    dispute(world, paid)
    assert world.settlement.account(account)[0] == 0


def test_an_owner_closes_a_dispute_by_conceding_a_unit(
    world: World, account: int, number: int
) -> None:
    world.adjustments.concede(number, 1, sender=world.station_owner)
    assert world.adjustments.dispute(number).result == 0
    rule(world, number, GROSS - 1)
    assert world.settlement.account(account)[0] == 100 * TOKEN


# Replays


def test_ruling_replay_on_the_same_dispute(world: World, number: int) -> None:
    signatures = sign_ruling(world, number, TOKEN)
    submit(world, number, TOKEN, signatures)
    with boa.reverts("adjustments: no open dispute"):
        submit(world, number, TOKEN, signatures)


def test_ruling_replay_on_another_dispute(world: World, account: int, number: int) -> None:
    other = dispute(world, pay(world, account))
    signatures = sign_ruling(world, number, GROSS)
    with boa.reverts():
        submit(world, other, GROSS, signatures)
    submit(world, number, GROSS, signatures)


@pytest.mark.py_evm
def test_ruling_replay_on_a_fork_of_the_chain(world: World, number: int) -> None:
    signatures = sign_ruling(world, number, GROSS)
    chain_id = boa.env.evm.patch.chain_id
    boa.env.evm.patch.chain_id = chain_id + 1
    try:
        with boa.reverts():
            submit(world, number, GROSS, signatures)
        # Signed for the fork, it counts on the fork.
        with boa.env.anchor():
            rule(world, number, GROSS)
    finally:
        boa.env.evm.patch.chain_id = chain_id
    assert world.adjustments.dispute(number).result == 0


def test_ruling_replay_on_another_contract(world: World, number: int) -> None:
    for domain in (
        Domain(rulings(world).chain_id, str(world.settlement.address), ADJUSTMENTS_NAME),
        Domain(rulings(world).chain_id, str(world.adjustments.address)),
    ):
        with boa.reverts():
            submit(world, number, GROSS, sign_ruling(world, number, GROSS, domain=domain))


def test_ruling_of_arbiters_that_were_replaced(world: World, number: int) -> None:
    signatures = sign_ruling(world, number, GROSS)
    team = attesters(3, "other arbiter")
    world.adjustments.appoint_arbiters([one.address for one in team], 2, 0, sender=world.governance)
    with boa.reverts("settlement: wrong committee epoch"):
        submit(world, number, GROSS, signatures)
    # Nor under the new epoch.
    with boa.reverts("settlement: not a member"):
        rule(world, number, GROSS, epoch=2)
    rule(world, number, GROSS, epoch=2, by=team[:2])


def test_ruling_of_arbiters_that_were_revoked(world: World, account: int, number: int) -> None:
    signatures = sign_ruling(world, number, GROSS)
    world.adjustments.revoke_arbiters(1, sender=world.guardian)
    with boa.reverts("settlement: wrong committee epoch"):
        submit(world, number, GROSS, signatures)
    # The dispute lapses: nobody's money stays behind.
    wait(14 * DAY_S)
    world.adjustments.lapse(number, sender=world.stranger)
    assert (position(world), world.settlement.account(account)[0]) == (NET, 91 * TOKEN)


# Signatures


def test_ruling_signed_for_something_else(world: World, number: int) -> None:
    signatures = sign_ruling(world, number, TOKEN)
    with boa.reverts():
        submit(world, number, GROSS, signatures)
    with boa.reverts():
        submit(world, number, TOKEN, signatures, epoch=2)
    with boa.reverts():
        world.adjustments.rule(number, TOKEN, bytes(32), 1, signatures, sender=world.stranger)
    submit(world, number, TOKEN, signatures)


def test_duplicate_arbiter_signature(world: World, number: int) -> None:
    one = sign_ruling(world, number, GROSS, by=world.arbiters[:1])
    with boa.reverts("quorum: signers not ascending"):
        submit(world, number, GROSS, one + one)


def test_malleable_arbiter_signature(world: World, number: int) -> None:
    one = sign_ruling(world, number, GROSS, by=world.arbiters[:1])
    flipped = (
        one[:32]
        + (CURVE_ORDER - int.from_bytes(one[32:64], "big")).to_bytes(32, "big")
        + bytes([55 - one[64]])
    )
    for both in (one + flipped, flipped + one):
        with boa.reverts():
            submit(world, number, GROSS, both)


def test_too_few_and_too_many_arbiters(world: World, number: int) -> None:
    for count in (0, 1, 3):
        by = world.arbiters[:count]
        digest = ruling_digest(
            rulings(world), epoch=1, dispute=number, refund=GROSS, reason=REASONS
        )
        with boa.reverts("quorum: wrong number of signatures"):
            submit(world, number, GROSS, b"".join(one.sign(digest) for one in by))


def test_arbiters_out_of_order(world: World, number: int) -> None:
    signatures = sign_ruling(world, number, GROSS)
    with boa.reverts("quorum: signers not ascending"):
        submit(world, number, GROSS, signatures[65:] + signatures[:65])


def test_attesters_rule_on_what_they_settled(world: World, number: int) -> None:
    with boa.reverts("settlement: not a member"):
        rule(world, number, GROSS, by=world.committee[:2])


def test_arbiter_who_is_a_settling_attester(world: World, number: int) -> None:
    adjustments, settlement = world.adjustments, world.settlement
    settling = world.committee[0]
    team = sorted((settling, *world.arbiters[:2]), key=lambda one: int(one.address, 16))
    addresses = [one.address for one in team]
    with boa.reverts("adjustments: arbiter settles"):
        adjustments.appoint_arbiters(addresses, 2, 0, sender=world.governance)
    with boa.reverts("adjustments: arbiter settles"):
        World(committee=attesters(3, "arbiter"))
    # An arbiter who is put on the settling committee later rules no more.
    settlement.appoint_committee(
        [one.address for one in world.arbiters[:1]], 1, 0, sender=world.governance
    )
    with boa.reverts("adjustments: arbiter settles"):
        rule(world, number, GROSS)
    rule(world, number, GROSS, by=world.arbiters[1:])


# Money


def test_ruling_for_more_than_was_paid(world: World, number: int) -> None:
    for amount in (GROSS + 1, 2**40, 2**256 - 1):
        with boa.reverts():
            rule(world, number, amount)


def test_an_owner_withdraws_ahead_of_a_dispute(world: World, account: int) -> None:
    """What is gone is owed, and what it earns is held until the payer has it."""
    paid = pay(world, account)
    world.settlement.withdraw_accrual(OWNER, NET, sender=world.station_owner)
    number = dispute(world, paid)
    rule(world, number, GROSS)
    settle(world, session(account))
    with boa.reverts("settlement: amount out of range"):
        world.settlement.withdraw_accrual(OWNER, NET, sender=world.station_owner)
    world.adjustments.execute(number, sender=world.stranger)
    assert world.settlement.account(account)[0] == 100 * TOKEN - GROSS
    balanced(world)


def test_a_puppets_dispute_takes_nothing_that_is_held_for_another(
    world: World, account: int
) -> None:
    """The owner has a payer of its own dispute, and concedes at once."""
    honest = dispute(world, pay(world, account))
    puppet = world.open_account(world.station_owner, 30 * TOKEN, 30 * TOKEN)
    paid = pay(world, puppet)
    world.settlement.withdraw_accrual(OWNER, NET, sender=world.station_owner)
    conceded = dispute(world, paid, by=world.station_owner)
    world.adjustments.concede(conceded, GROSS, sender=world.station_owner)
    [refunded] = events(world.adjustments, "SessionRefunded")
    # No more than its own fee.
    assert refunded.to_payer == FEE
    rule(world, honest, GROSS)
    assert world.settlement.account(account)[0] == 100 * TOKEN
    balanced(world)


def test_a_fee_is_given_back_once(world: World, account: int) -> None:
    """Refunds in a session's dispute and beside it give back its fee and no other's."""
    paid = pay(world, account)
    pay(world, account)
    refund(world, paid, 4 * TOKEN)
    number = dispute(world, paid)
    world.adjustments.concede(number, TOKEN, sender=world.station_owner)
    rule(world, number, 2 * TOKEN)
    refund(world, paid, 2 * TOKEN)
    assert world.settlement.unrouted_fees() == FEE
    assert position(world) == NET
    balanced(world)


def test_exposure_is_not_paid_out_as_a_refund(world: World) -> None:
    """A debt is waived, never paid back, whatever the order of waiving and collecting."""
    account = world.open_account(world.fleet, 3 * TOKEN, 60 * TOKEN)
    debt = owe(world, account)
    before = world.settlement.liabilities()
    top_up(world, account, 2 * TOKEN)
    number = dispute(world, debt, by=world.fleet)
    rule(world, number, 7 * TOKEN)
    assert world.settlement.account(account)[::4] == (2 * TOKEN + TOKEN, 0)
    assert world.settlement.liabilities() == before + 2 * TOKEN
    balanced(world)


# Contracts


def test_adjustments_of_a_settlement_that_does_not_listen(world: World) -> None:
    arbiters = [one.address for one in world.arbiters]
    with boa.reverts("adjustments: not those of this settlement"):
        source("Adjustments").deploy(world.settlement, arbiters, 2)


@pytest.mark.parametrize("role", ["driver", "station_owner", "guardian", "stranger"])
def test_nobody_appoints_arbiters_but_governance(world: World, role: str) -> None:
    arbiters = [one.address for one in attesters(3, "mine")]
    with boa.reverts("adjustments: not governance"):
        world.adjustments.appoint_arbiters(arbiters, 2, 0, sender=getattr(world, role))


@pytest.mark.parametrize("role", ["driver", "station_owner", "governance", "stranger"])
def test_nobody_revokes_arbiters_but_the_guardian(world: World, role: str) -> None:
    with boa.reverts("adjustments: not the guardian"):
        world.adjustments.revoke_arbiters(1, sender=getattr(world, role))


Entrance = Callable[[World, list[Presented], int], tuple[str, tuple[Any, ...]]]
ENTRANCES: dict[str, Entrance] = {
    "refund": lambda _, paid, __: ("refund", paid[0].arguments(1, 1)),
    "open_dispute": lambda _, paid, __: ("open_dispute", paid[0].arguments(1)),
    "collect": lambda _, paid, __: ("collect", paid[2].arguments()),
    "concede": lambda _, __, number: ("concede", (number, GROSS)),
    "rule": lambda w, _, number: (
        "rule",
        (number, TOKEN, REASONS, 1, sign_ruling(w, number, TOKEN)),
    ),
}


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("exit_", ["withdraw", "withdraw_accrual"])
def test_reentrancy(odd_token: Any, exit_: str, entrance: str) -> None:
    """The token calls adjustments in the middle of settlement's transfer, as whoever may."""
    world = World(token=odd_token)
    # The token itself is driver and owner, so that only the lock stands in its way.
    token = odd_token.address
    world.driver = world.station_owner = token
    world.add_connector(world.add_owner())
    wait(2 * HOUR_S)
    account = world.open_account(token, 100 * TOKEN, 60 * TOKEN)
    poor = world.open_account(token, 0, 60 * TOKEN)
    world.settlement.request_withdrawal(account, 10 * TOKEN, sender=token)
    wait(73 * HOUR_S)
    paid = [pay(world, account), pay(world, account), owe(world, poor), pay(world, account)]
    top_up(world, poor, 20 * TOKEN)
    number = dispute(world, paid[1])
    name, arguments = ENTRANCES[entrance](world, paid, number)
    call = getattr(world.adjustments, name).prepare_calldata(*arguments)
    # On its own the call goes through ...
    with boa.env.anchor():
        boa.env.raw_call(world.adjustments.address, sender=token, data=call)
    odd_token.set_call_back(world.adjustments, call)
    if exit_ == "withdraw":
        world.settlement.withdraw(account, world.stranger, sender=token)
    else:
        world.settlement.withdraw_accrual(OWNER, 1, sender=token)
    # ... and in the middle of a transfer it does not.
    assert not odd_token.called_back()
    balanced(world)


def test_every_session_has_the_owner_of_its_connector(world: World, account: int) -> None:
    """An owner cannot be charged for a session of another by presenting it."""
    other = world.add_owner(world.operator)
    connector = world.add_connector(other)
    wait(2 * HOUR_S)
    theirs = settle(world, session(account), connector=connector)
    pay(world, account)
    number = dispute(world, theirs)
    rule(world, number, GROSS)
    assert (position(world, OWNER), position(world, other)) == (NET, 0)
    assert world.settlement.head(CONNECTOR)[1] == OWNER
