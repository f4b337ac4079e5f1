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
from chargecoin.deployments import NO_ADDRESS, Deployment
from chargecoin.errors import CodecError

MAX_OWNERS: Final = 100
CENT: Final = 10_000
MAX_THRESHOLD: Final = ((1 << 30) - 1) * CENT
# The constant of contracts/modules/destinations.vy; a test holds them equal.
DESTINATION_DELAY_S: Final = 3 * 86_400
_EPOCH: Final = date(1970, 1, 1)
_PAY_GAS: Final = 80_000  # an owner who never held the token before


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


def reference_of(text: str) -> bytes:
    """Return a payment reference as the contract keeps it: UTF-8, filled up with zeros.

    32 bytes in hex (0x and 64 digits) stand for themselves. Raises `CodecError` for what does
    not fit or cannot be read back.
    """
    if text.startswith("0x") and len(text) == 66:
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            raise CodecError("a reference of 0x is followed by 64 hex digits") from None
    given = text.encode()
    if len(given) > 32 or not text.isprintable():
        raise CodecError(
            "a payment reference has at most 32 bytes of printable text (letters beyond ASCII "
            "have two or more), or is 0x and 64 hex digits"
        )
    return given.ljust(32, b"\0")


def reference_text(reference: bytes) -> str:
    """Return a payment reference as people write it: its text, else hex; empty if it has none."""
    stem = reference.rstrip(b"\0")
    try:
        text = stem.decode()
    except UnicodeDecodeError:
        return "0x" + reference.hex()
    return text if text.isprintable() else "0x" + reference.hex()


def _payouts(deployment: Deployment, name: str, *args: Any, **limits: int) -> Call:
    return contract_call("Payouts", name, deployment.address("Payouts"), *args, **limits)


def set_schedule(deployment: Deployment, owner_id: int, cycle: Cycle, threshold: int = 0) -> Call:
    """Say when an owner is paid, and from how much on: whole cents up to `MAX_THRESHOLD`."""
    return _payouts(deployment, "set_schedule", owner_id, int(cycle), threshold)


def pay(deployment: Deployment, owners: Sequence[int]) -> Call:
    """Have those paid who are due, of at most 100 owners.

    More of them may be due by the time it is mined: a batch that settles in between pays in.
    """
    most = _PAY_GAS * len(owners)
    return _payouts(deployment, "pay", list(owners), gas=_PAY_GAS + most, spare=most)


def pay_now(deployment: Deployment, owner_id: int) -> Call:
    """Have an owner's whole accrual paid; its account sends this."""
    return _payouts(deployment, "pay_now", owner_id)


def set_destination(
    deployment: Deployment, owner_id: int, to: str | None, reference: bytes
) -> Call:
    """Say where an owner is paid from three days on (None: its own account).

    What is in force stays so until then; a change that is not in force yet is replaced.
    """
    return contract_call(
        "Settlement",
        "set_destination",
        deployment.address("Settlement"),
        owner_id,
        to or NO_ADDRESS,
        reference,
        gas=500_000,
    )


def withdraw_accrual(deployment: Deployment, owner_id: int, amount: int) -> Call:
    """Have a part of an owner's accrual sent to its own account, which sends this."""
    address = deployment.address("Settlement")
    return contract_call("Settlement", "withdraw_accrual", address, owner_id, amount, gas=500_000)
