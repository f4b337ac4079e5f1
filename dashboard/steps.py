"""Several transactions in a row, of which the chain may have some already."""

from __future__ import annotations

from asyncio import gather
from dataclasses import dataclass
from typing import Literal

from chargecoin.chain.transactions import Call, transaction_count
from chargecoin.errors import ChainError
from chargecoin.payer import allow
from dashboard.language import gettext
from dashboard.prepare import Prepared, prepare
from dashboard.services import Services


@dataclass(frozen=True, slots=True)
class Purse:
    """What an account holds and what settlement may take of it, base units.

    `waiting`: a transaction of it is not in a block yet.
    """

    account: str
    balance: int
    allowance: int
    waiting: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction: done already, to be signed now, or after those before it."""

    name: str
    state: Literal["done", "now", "later"]
    prepared: Prepared | None


async def purse_of(has: Services, account: str) -> Purse | None:
    """Ask the node about an account, None if it does not answer."""
    try:
        chain = await has.node.chain()
        balance, allowance, sent, mined = await gather(
            chain.token_balance(account),
            chain.allowance(account),
            transaction_count(chain.rpc, account, "pending"),
            transaction_count(chain.rpc, account, "latest"),
        )
    except ChainError:
        await has.node.close()
        return None
    return Purse(account, balance, allowance, sent > mined)


def paid_steps(
    has: Services,
    purse: Purse,
    amount: int,
    name: str,
    call: Call,
    *,
    shows: str,
    done: bool = False,
) -> tuple[Step, ...]:
    """Return the way to a call for which settlement takes `amount` base units of an account.

    Settlement is allowed that amount first, and no more; `done` says that the chain has the
    call. Whoever comes back to `shows`, the page itself, finds what is left to sign.
    """
    approvals: list[Call] = []
    if amount and not done:
        approvals = allow(has.node.deployment, amount, purse.allowance)
    money = has.formats.money_plain(amount)
    allowed = has.formats.money_plain(purse.allowance)
    zero = gettext(
        "Set what settlement may take of this account to zero first; it is %(allowed)s now",
        allowed=allowed,
    )
    may = gettext("Let settlement take %(money)s of this account, and no more", money=money)
    names = [zero, may][-len(approvals) :] if approvals else []
    finished = [Step(may, "done", None)] if amount and not approvals else []
    if done:
        return (*finished, Step(name, "done", None))
    todo = [*zip(names, approvals, strict=True), (name, call)]
    return (
        *finished,
        *(
            Step(each, "later" if number else "now", prepare(has, each, purse.account, one, shows))
            for number, (each, one) in enumerate(todo)
        ),
    )
