"""When station owners are paid, and what they send for it (docs/protocol.md, section 11).

Days are days since 1970 (UTC), amounts base units. The functions that return a call
send nothing, so they suit any wallet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from typing import Any, Final

from chargecoin.chain.transactions import Call, contract_call
from chargecoin.deployments import Deployment

MAX_OWNERS: Final = 100
CENT: Final = 10_000
MAX_THRESHOLD: Final = ((1 << 30) - 1) * CENT
_EPOCH: Final = date(1970, 1, 1)
_PAY_GAS: Final = 8_000_000  # 100 owners who never held the token before


class Cycle(IntEnum):
    """How often an owner is paid."""

    ON_DEMAND = 0
    DAILY = 1
    WEEKLY = 2
    MONTHLY = 3


def day_of(at: float) -> int:
    """Return the day of a time in UTC seconds."""
    return (datetime.fromtimestamp(at, UTC).date() - _EPOCH).days


def began(cycle: Cycle, today: int) -> int:
    """Return the first day of the cycle that `today` is in.

    Weeks begin on Monday and months on the first. Raises `ValueError` on demand, where
    there is no cycle.
    """
    on = _EPOCH + timedelta(days=today)
    match cycle:
        case Cycle.DAILY:
            return today
        case Cycle.WEEKLY:
            return today - on.weekday()
        case Cycle.MONTHLY:
            return today - on.day + 1
        case Cycle.ON_DEMAND:
            raise ValueError("who is paid on demand has no cycle; ask for a payout")


def is_due(cycle: Cycle, threshold: int, *, balance: int, paid_day: int, today: int) -> bool:
    """Whether a batch pays an owner: its cycle began since, and its balance reaches."""
    if cycle == Cycle.ON_DEMAND:
        return False
    return balance >= max(threshold, 1) and paid_day < began(cycle, today)


def _payouts(deployment: Deployment, name: str, *args: Any, gas: int = 500_000) -> Call:
    return contract_call("Payouts", name, deployment.address("Payouts"), *args, gas=gas)


def set_schedule(deployment: Deployment, owner_id: int, cycle: Cycle, threshold: int = 0) -> Call:
    """Say when an owner is paid, and from how much on: whole cents up to `MAX_THRESHOLD`."""
    return _payouts(deployment, "set_schedule", owner_id, int(cycle), threshold)


def pay(deployment: Deployment, owners: Sequence[int]) -> Call:
    """Have those paid who are due, of at most 100 owners."""
    return _payouts(deployment, "pay", list(owners), gas=_PAY_GAS)


def pay_now(deployment: Deployment, owner_id: int) -> Call:
    """Have an owner's whole accrual paid; its account sends this."""
    return _payouts(deployment, "pay_now", owner_id)
