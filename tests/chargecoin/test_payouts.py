"""When payouts are due, and the calls of an owner."""

from datetime import UTC, datetime

import pytest

from chargecoin.chain.calls import function
from chargecoin.deployments import Deployment
from chargecoin.errors import CodecError
from chargecoin.payouts import (
    Cycle,
    began,
    day_of,
    is_due,
    pay,
    pay_now,
    reference_of,
    reference_text,
    set_schedule,
)

DEPLOYMENT = Deployment(31_337, 0, {"Payouts": "0x" + "50" * 20})


def day(year: int, month: int, of_month: int) -> int:
    return day_of(datetime(year, month, of_month, 23, 59, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("cycle", "today", "first"),
    [
        (Cycle.DAILY, (2026, 11, 22), (2026, 11, 22)),
        (Cycle.WEEKLY, (2026, 11, 22), (2026, 11, 16)),  # a Sunday
        (Cycle.WEEKLY, (2026, 11, 23), (2026, 11, 23)),
        (Cycle.WEEKLY, (2028, 1, 2), (2027, 12, 27)),
        (Cycle.MONTHLY, (2026, 11, 1), (2026, 11, 1)),
        (Cycle.MONTHLY, (2026, 11, 30), (2026, 11, 1)),
        (Cycle.MONTHLY, (2028, 2, 29), (2028, 2, 1)),
    ],
)
def test_a_cycle_begins_at_midnight_on_monday_or_on_the_first(
    cycle: Cycle, today: tuple[int, int, int], first: tuple[int, int, int]
) -> None:
    assert began(cycle, day(*today)) == day(*first)


def test_who_is_paid_on_demand_has_no_cycle() -> None:
    with pytest.raises(ValueError, match="ask for a payout"):
        began(Cycle.ON_DEMAND, 20_000)
    assert not is_due(Cycle.ON_DEMAND, 0, balance=1, paid_day=0, today=20_000)


@pytest.mark.parametrize(
    ("threshold", "balance", "paid_day", "due"),
    [
        (0, 1, 19_999, True),
        (0, 1, 20_000, False),
        (0, 0, 0, False),
        (10_000, 9_999, 0, False),
        (10_000, 10_000, 0, True),
    ],
)
def test_a_payout_is_due_from_the_threshold_on_once_a_cycle(
    threshold: int, balance: int, paid_day: int, due: bool
) -> None:
    given = is_due(Cycle.DAILY, threshold, balance=balance, paid_day=paid_day, today=20_000)
    assert given is due


def test_calls_are_those_of_the_contract() -> None:
    calls = [
        (set_schedule(DEPLOYMENT, 7, Cycle.WEEKLY, 50_000), "set_schedule", (7, 2, 50_000)),
        (pay(DEPLOYMENT, [1, 2]), "pay", ([1, 2],)),
        (pay_now(DEPLOYMENT, 7), "pay_now", (7,)),
    ]
    for call, name, args in calls:
        assert call.to == DEPLOYMENT.address("Payouts")
        assert call.data == function("Payouts", name).encode(*args)


@pytest.mark.parametrize("text", ["", "ACME-10442", "Zahlung Nr. 7 für März", "0x" + "07" * 32])
def test_a_reference_is_read_as_it_was_written(text: str) -> None:
    assert len(reference_of(text)) == 32
    assert reference_text(reference_of(text)) == text


@pytest.mark.parametrize("text", ["x" * 33, "ü" * 17, "a\nb", "0x" + "zz" * 32])
def test_a_reference_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(CodecError):
        reference_of(text)


def test_what_is_no_text_is_read_in_hex() -> None:
    assert reference_text(b"\xff" * 32) == "0x" + "ff" * 32
    assert reference_text(b"a\x01".ljust(32, b"\0")) == "0x6101" + "00" * 30
