"""What Adjustments can have settlement write down, and what not."""

from dataclasses import astuple, dataclass
from typing import Any

import boa
import pytest

from tests.contracts.adjusting import dispute, pay
from tests.contracts.campaigning import co_branded, create
from tests.contracts.world import HOUR_S, TOKEN, World, session, wait

OWNER, CONNECTOR, CAMPAIGN = 1, 1, 1
NET = 9 * TOKEN - 9_000


@dataclass(frozen=True)
class Booking:
    """As in contracts/interfaces/ISettlementBooks.vyi."""

    account: int = 0
    to_account: int = 0
    debt_waived: int = 0
    owner_id: int = 0
    to_owner: int = 0
    owner_debt: int = 0
    campaign: int = 0
    to_budget: int = 0
    to_fees: int = 0
    to_held: int = 0


@pytest.fixture
def busy(world: World, account: int) -> World:
    """One session settled, another of an account without money: the owner has 8.991 tokens."""
    world.settle_one(CONNECTOR, session(account))
    poor = world.open_account(world.fleet, limit=60 * TOKEN)
    assert world.settle_one(CONNECTOR, session(poor)).debt == 9 * TOKEN
    return world


def book(world: World, **changes: int) -> None:
    world.settlement.book(astuple(Booking(**changes)), sender=world.adjustments.address)


def books(world: World) -> list[Any]:
    """All that a booking can change."""
    settlement = world.settlement
    return [
        settlement.account(1),
        settlement.account(2),
        settlement.accrual(OWNER),
        settlement.budget(CAMPAIGN),
        settlement.unrouted_fees(),
        settlement.held(),
    ]


def test_only_adjustments_books_and_collects(busy: World) -> None:
    for caller in (busy.governance, busy.station_owner, busy.stranger):
        with boa.reverts("settlement: not adjustments"):
            busy.settlement.book(astuple(Booking()), sender=caller)
        with boa.reverts("settlement: not adjustments"):
            busy.settlement.collect_debt(2, 0, OWNER, TOKEN, 0, sender=caller)


def test_a_booking_moves_what_it_says_and_nothing_else(busy: World) -> None:
    settlement = busy.settlement
    before = busy.owed()
    account, accrual = settlement.account(1), settlement.accrual(OWNER)
    book(busy, account=1, to_account=2_000, owner_id=OWNER, to_owner=-2_500, to_held=500)
    book(busy, account=2, debt_waived=4 * TOKEN)
    book(busy, owner_id=OWNER, owner_debt=TOKEN, to_owner=7, to_fees=-7)
    assert settlement.account(1) == (account[0] + 2_000, *account[1:])
    assert settlement.account(2)[::4] == (0, 5 * TOKEN)
    assert settlement.accrual(OWNER) == (accrual[0] - 2_493, TOKEN, *accrual[2:])
    assert (settlement.held(), settlement.unrouted_fees()) == (500, 9_000 - 7)
    assert busy.owed() == before == settlement.liabilities()


def test_a_booking_of_one_unit_moves_it(busy: World) -> None:
    settlement = busy.settlement
    account, accrual = settlement.account(1), settlement.accrual(OWNER)
    book(busy, account=1, to_account=1, to_fees=-1)
    book(busy, account=2, debt_waived=1)
    book(busy, owner_id=OWNER, to_owner=1, to_fees=-1)
    book(busy, owner_id=OWNER, owner_debt=1)
    assert settlement.account(1)[0] == account[0] + 1
    assert settlement.account(2)[4] == 9 * TOKEN - 1
    assert settlement.accrual(OWNER)[:2] == (accrual[0] + 1, 1)
    assert settlement.unrouted_fees() == 9_000 - 2


def test_a_booking_moves_a_balance_of_80_bits(busy: World) -> None:
    rich = busy.open_account(busy.stranger, balance=2**79)
    book(busy, account=rich, to_account=1, to_fees=-1)
    assert busy.settlement.account(rich)[0] == 2**79 + 1


@pytest.mark.py_evm
def test_a_booking_reaches_the_topmost_bit_of_a_field_and_leaves_it(busy: World) -> None:
    """All that is beside the fields is set, and stays so."""
    for word in (
        f"vaults._accounts[1] = {(2**79 - 1) << 176 | (2**136 - 1) << 40 | 2**39}",
        f"accruals._accruals[{OWNER}] = {2**79 << 176 | (2**47 - 1) << 128 | 2**128 - 1}",
        f"budgets._budgets[{CAMPAIGN}] = {(2**79 - 1) << 176 | 2**79 << 96 | 2**96 - 1}",
        f"ledger._ledger = {(2**55 - 1) << 200 | 2**200 - 1}",
        f"accruals.held = {2**79 + 1}",
    ):
        busy.settlement.eval(word)
    account, other, accrual, budget, fees, held = books(busy)
    book(
        busy,
        account=1,
        to_account=1,
        debt_waived=1,
        owner_id=OWNER,
        to_owner=-1,
        owner_debt=1,
        campaign=CAMPAIGN,
        to_budget=1,
        to_fees=1,
        to_held=-2,
    )
    assert books(busy) == [
        (2**79, *account[1:4], 2**39 - 1),
        other,
        (2**79 - 1, 2**47, *accrual[2:]),
        (2**79, 2**79 - 1, *budget[2:]),
        2**55,
        2**79 - 1,
    ]
    assert (account[4], accrual[0], budget[1], fees) == (2**39, 2**79, 2**79, 2**55 - 1)
    assert held == 2**79 + 1


ONES = 2**256 - 1


@pytest.mark.py_evm
@pytest.mark.parametrize(
    ("word", "changes"),
    [
        (f"vaults._accounts[1] = {ONES}", {"account": 1, "to_account": 1, "to_fees": -1}),
        (f"accruals._accruals[1] = {ONES}", {"owner_id": OWNER, "to_owner": 1, "to_fees": -1}),
        (f"accruals._accruals[1] = {ONES}", {"owner_id": OWNER, "owner_debt": 1}),
        (f"budgets._budgets[1] = {ONES}", {"campaign": CAMPAIGN, "to_budget": 1, "to_fees": -1}),
        (f"ledger._ledger = {ONES}", {"account": 1, "to_account": -1, "to_fees": 1}),
        (f"accruals.held = {2**80 - 1}", {"to_fees": -1, "to_held": 1}),
    ],
)
def test_a_full_field_takes_no_more(busy: World, word: str, changes: dict[str, int]) -> None:
    busy.settlement.eval(word)
    before = books(busy)
    with boa.reverts("settlement: booking out of range"):
        book(busy, **changes)
    assert books(busy) == before


@pytest.mark.py_evm
@pytest.mark.parametrize(
    ("word", "changes"),
    [
        (f"vaults._accounts[1] = {ONES << 40 & ONES}", {"account": 1, "debt_waived": 1}),
        (
            f"accruals._accruals[1] = {ONES ^ (2**48 - 1) << 128}",
            {"owner_id": OWNER, "owner_debt": -1},
        ),
        (
            f"budgets._budgets[1] = {(2**79 - 1) << 176 | 2**96 - 1}",
            {"campaign": CAMPAIGN, "to_budget": 2, "to_fees": -2},
        ),
    ],
)
def test_an_empty_field_borrows_nothing_from_the_next(
    busy: World, word: str, changes: dict[str, int]
) -> None:
    busy.settlement.eval(word)
    before = books(busy)
    with boa.reverts():
        book(busy, **changes)
    assert books(busy) == before


def test_an_accrual_holds_80_bits_and_no_more(busy: World) -> None:
    """A batch that would earn an owner more reverts, and loses nothing."""
    rich = busy.open_account(busy.stranger, balance=2**80 - 1)
    room = 2**80 - 1 - NET
    book(busy, account=rich, to_account=NET - room, owner_id=OWNER, to_owner=room - NET)
    busy.settle_one(CONNECTOR, session(1))
    assert busy.settlement.accrual(OWNER)[0] == 2**80 - 1
    before = books(busy)
    with boa.reverts("settlement: accrual too large"):
        busy.settle_one(CONNECTOR, session(1))
    assert books(busy) == before


def test_what_a_campaign_paid_goes_back_to_its_budget(busy: World) -> None:
    settlement = busy.settlement
    create(busy, co_branded(), budget=5 * TOKEN, by=busy.stranger)
    wait(2 * HOUR_S)
    assert busy.settle_one(CONNECTOR, session(1, campaign_id=CAMPAIGN)).campaign_paid == 1_800_000
    left, spent, *day = settlement.budget(CAMPAIGN)
    book(busy, owner_id=OWNER, to_owner=-TOKEN, campaign=CAMPAIGN, to_budget=TOKEN)
    assert settlement.budget(CAMPAIGN) == (left + TOKEN, spent - TOKEN, *day)
    book(busy, owner_id=OWNER, to_owner=-1, campaign=CAMPAIGN, to_budget=1)
    assert settlement.budget(CAMPAIGN) == (left + TOKEN + 1, spent - TOKEN - 1, *day)
    # No more comes back than it had spent, and nothing is taken out of it.
    with boa.reverts():
        book(busy, owner_id=OWNER, to_owner=-TOKEN, campaign=CAMPAIGN, to_budget=TOKEN)
    with boa.reverts("settlement: budget taken from"):
        book(busy, owner_id=OWNER, to_owner=TOKEN, campaign=CAMPAIGN, to_budget=-TOKEN)


@pytest.mark.parametrize(
    "changes",
    [
        {"account": 1, "to_account": 1},
        {"owner_id": OWNER, "to_owner": 1},
        {"to_fees": 1},
        {"to_held": 1},
        {"campaign": CAMPAIGN, "to_budget": 1},
        {"account": 1, "to_account": -2, "to_held": 1},
        {"to_fees": -1, "to_held": 2},
    ],
)
def test_nothing_is_made_or_lost_by_a_booking(busy: World, changes: dict[str, int]) -> None:
    with boa.reverts("settlement: unbalanced booking"):
        book(busy, **changes)


HUGE = 2**255


@pytest.mark.parametrize(
    "changes",
    [
        # More than is there.
        {"account": 1, "to_account": -91 * TOKEN - 1, "to_held": 91 * TOKEN + 1},
        {"owner_id": OWNER, "to_owner": -NET - 1, "to_held": NET + 1},
        {"to_fees": -9_001, "to_held": 9_001},
        {"owner_id": OWNER, "to_owner": 1, "to_held": -1},
        # More than was owed.
        {"account": 2, "debt_waived": 9 * TOKEN + 1},
        {"owner_id": OWNER, "owner_debt": -1},
        # More than fits.
        {"owner_id": OWNER, "owner_debt": 2**48},
        {"to_fees": 2**56, "to_held": -(2**56)},
        # Sums that wrap to zero.
        {"to_fees": -HUGE, "to_held": -HUGE},
        {"account": 1, "to_account": -HUGE, "owner_id": OWNER, "to_owner": -HUGE},
    ],
)
def test_no_field_leaves_its_width(busy: World, changes: dict[str, int]) -> None:
    before = books(busy)
    with boa.reverts():
        book(busy, **changes)
    assert books(busy) == before


@pytest.mark.py_evm
def test_disputes_do_not_take_an_owners_debt_past_48_bits(world: World, account: int) -> None:
    """Adjustments refuses it before it writes down a debt that its own field would cut."""
    presented = [pay(world, account) for _ in range(2)]
    world.settlement.withdraw_accrual(OWNER, 2 * NET, sender=world.station_owner)
    most = 2**48 - 1
    book(world, owner_id=OWNER, owner_debt=most - NET)
    world.adjustments.eval(f"holds._owners[{OWNER}] = {most - NET} << holds.DEBT_SHIFT")
    dispute(world, presented[0])
    assert world.adjustments.owed(OWNER)[0] == world.settlement.accrual(OWNER)[1] == most
    with boa.reverts("adjustments: amount too large"):
        dispute(world, presented[1])


def test_an_account_that_does_not_exist_gets_nothing(busy: World) -> None:
    for account in (0, 3):
        with boa.reverts("settlement: no such account"):
            book(busy, account=account, to_account=1, to_fees=-1)


def test_what_an_owner_owes_comes_out_of_what_it_earns_next(busy: World) -> None:
    settlement = busy.settlement
    book(busy, owner_id=OWNER, owner_debt=10 * TOKEN)
    busy.settle_one(CONNECTOR, session(1))
    assert settlement.accrual(OWNER)[:2] == (NET, 10 * TOKEN - NET)
    assert settlement.held() == NET
    busy.settle_one(CONNECTOR, session(1))
    assert settlement.accrual(OWNER)[:2] == (3 * NET - 10 * TOKEN, 0)
    assert settlement.held() == 10 * TOKEN
    assert busy.owed() == settlement.liabilities() == busy.token.balanceOf(settlement)


def test_no_more_is_collected_than_the_account_owes(busy: World) -> None:
    settlement = busy.settlement
    busy.fund(busy.fleet, 50 * TOKEN)
    settlement.deposit(2, 50 * TOKEN, sender=busy.fleet)
    taken = settlement.collect_debt(2, 0, OWNER, 2**255, 999_999, sender=busy.adjustments.address)
    # The fee is that of all that was paid of the session, less what was charged before.
    assert taken == (9 * TOKEN, 9_000)
    assert settlement.account(2)[::4] == (41 * TOKEN, 0)
    assert settlement.accrual(OWNER)[0] == 2 * NET
    again = settlement.collect_debt(2, 0, OWNER, TOKEN, 0, sender=busy.adjustments.address)
    assert again == (0, 0)
