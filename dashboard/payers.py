"""What a payer's wallet signs: forms read and checked, calls prepared (docs/payer.md)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chargecoin import payer
from chargecoin.chain import Account, Withdrawal
from chargecoin.chain.transactions import Call
from chargecoin.errors import ChainError, MandateError
from chargecoin.payer import Opening, SignedMandate
from chargecoin.typed_data import MANDATE_TYPE, Mandate, token_commitment, typed_data
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.prepare import Prepared, prepare
from dashboard.query import money_of, number_of
from dashboard.services import Services
from indexer.read_model import VaultAccount

DAY_S: Final = 86_400
# A daily limit has 56 bits in its slot; a balance has more, but no form needs more.
MAX_AMOUNT: Final = (1 << 53) - 1
MAX_CARDS: Final = 20
MAX_CARD: Final = 36
MAX_DAYS: Final = 3_660


@dataclass(frozen=True, slots=True)
class Vault:
    """What the chain says of an account now. `purse` is what its holder has in tokens.

    `allowance` of it settlement may take; `today` is the chain's day, counted from 1970.
    """

    state: Account
    withdrawal: Withdrawal
    purse: int
    allowance: int
    today: int

    @property
    def spent(self) -> int:
        """What left it in settlement today (UTC)."""
        return self.state.spent if self.state.day == self.today else 0

    @property
    def left(self) -> int:
        """What sessions can still take today: by the limit, and by what is there."""
        return max(0, min(self.state.daily_limit - self.spent, self.state.balance))

    def due(self, now: int) -> bool:
        """Whether a withdrawal can be executed at `now`, UTC seconds."""
        asked = self.withdrawal
        return bool(asked.amount) and asked.executable_at <= now < asked.lapses_at


async def vault(has: Services, account: VaultAccount) -> Vault | None:
    """Ask the node about an account, None while it does not answer."""
    try:
        chain = await has.node.chain()
        state = await chain.account(account.account)
        withdrawal = await chain.withdrawal(account.account)
        purse = await chain.token_balance(account.holder)
        allowance = await chain.allowance(account.holder)
    except ChainError:
        await has.node.close()
        return None
    return Vault(state, withdrawal, purse, allowance, has.now() // DAY_S)


def open_account(has: Services) -> Prepared:
    """Prepare a new account; whoever signs becomes its holder."""
    name = gettext("Open a vault account; its daily limit is 0 until you set one")
    return prepare(has, name, "", payer.open_account(has.node.deployment))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A form of an account, and what it is answered from."""

    has: Services
    account: VaultAccount
    vault: Vault
    given: Mapping[str, str]
    again: str

    def prepare(self, name: str, call: Call, shows: str = "") -> Prepared:
        """Prepare a call of the holder's."""
        shows = shows or f"/payers/{self.account.account}"
        return prepare(self.has, name, self.account.holder, call, shows)

    def money(self, amount: int) -> str:
        """Return an amount in the reader's words."""
        return self.has.formats.money_plain(amount)

    def amount(self) -> int:
        """Return the amount that was entered. Raises `BadAddressError` if it is none."""
        amount = money_of(self.given, "amount", MAX_AMOUNT)
        if not amount:
            raise BadAddressError(gettext("enter an amount above zero"))
        return amount


def _deposit(asked: _Asked) -> tuple[Prepared, int]:
    amount, held = asked.amount(), asked.vault.purse
    money = asked.money(amount)
    if amount > held:
        raise BadAddressError(
            gettext(
                "your wallet holds %(held)s and you want to deposit %(wanted)s",
                held=asked.money(held),
                wanted=money,
            )
        )
    number, allowance = asked.account.account, asked.vault.allowance
    first, *later = payer.deposit(asked.has.node.deployment, number, amount, allowance)
    if not later:
        return asked.prepare(gettext("Pay %(money)s into the vault", money=money), first), 0
    name = gettext("Let settlement take %(money)s of your wallet, and no more", money=money)
    if len(later) > 1:
        name = gettext("Set what settlement may take of your wallet to zero first")
    return asked.prepare(name, first, asked.again), len(later)


def _limit(asked: _Asked) -> tuple[Prepared, int]:
    limit = money_of(asked.given, "amount", MAX_AMOUNT)
    if limit is None:
        raise BadAddressError(gettext("enter the new limit; 0 lets nothing leave"))
    name = gettext("Let at most %(money)s leave a day", money=asked.money(limit))
    call = payer.set_daily_limit(asked.has.node.deployment, asked.account.account, limit)
    return asked.prepare(name, call), 0


def _request(asked: _Asked) -> tuple[Prepared, int]:
    amount = asked.amount()
    name = gettext("Ask for %(money)s back", money=asked.money(amount))
    call = payer.request_withdrawal(asked.has.node.deployment, asked.account.account, amount)
    return asked.prepare(name, call), 0


def _check_requested(asked: _Asked) -> None:
    if not asked.vault.withdrawal.amount:
        raise BadAddressError(gettext("no withdrawal is requested"))


def _cancel(asked: _Asked) -> tuple[Prepared, int]:
    _check_requested(asked)
    call = payer.cancel_withdrawal(asked.has.node.deployment, asked.account.account)
    return asked.prepare(gettext("Take the withdrawal request back"), call), 0


def _execute(asked: _Asked) -> tuple[Prepared, int]:
    _check_requested(asked)
    if not asked.vault.due(asked.has.now()):
        raise BadAddressError(gettext("the request is not due, or it has lapsed"))
    account = asked.account
    call = payer.withdraw(asked.has.node.deployment, account.account, account.holder)
    return asked.prepare(gettext("Pay out what was asked for to your wallet"), call), 0


def _revoke(asked: _Asked) -> tuple[Prepared, int]:
    try:
        mandate = bytes.fromhex(asked.given.get("mandate", "").removeprefix("0x"))
    except ValueError:
        mandate = b""
    if len(mandate) != 32:
        raise BadAddressError(gettext("a mandate's id is 0x and 64 hex digits"))
    call = payer.revoke_mandate(asked.has.node.deployment, asked.account.account, mandate)
    return asked.prepare(gettext("End a mandate for sessions that start later"), call), 0


ACTIONS: Final = {
    "deposit": _deposit,
    "limit": _limit,
    "withdraw": _request,
    "cancel": _cancel,
    "execute": _execute,
    "revoke": _revoke,
}


def action(
    has: Services, account: VaultAccount, vault: Vault, given: Mapping[str, str], again: str
) -> tuple[Prepared, int]:
    """Prepare what a form asks for, and say how many transactions come after it.

    `again` is the form's own address: what comes after is found there once this one is
    in a block. Raises `BadAddressError`.
    """
    make = ACTIONS.get(given.get("do", ""))
    if make is None:
        raise BadAddressError(f"do is one of {', '.join(ACTIONS)}, not {given.get('do', '')!r}")
    return make(_Asked(has, account, vault, given, again))


# --- mandates ---


def new_mandate(
    account: VaultAccount,
    given: Mapping[str, str],
    now: int,
    salt: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[Mandate, tuple[Opening, ...]]:
    """Read a mandate's form. Raises `BadAddressError`."""
    cards = list(dict.fromkeys(one.upper() for one in given.get("cards", "").split()))
    if not 0 < len(cards) <= MAX_CARDS or any(len(one) > MAX_CARD for one in cards):
        raise BadAddressError(
            gettext("enter 1 to %(most)s card numbers, one a line", most=MAX_CARDS)
        )
    amount = money_of(given, "amount", MAX_AMOUNT)
    days = number_of(given, "days", MAX_DAYS)
    if not amount or not days:
        raise BadAddressError(gettext("enter the most a session may cost, and for how many days"))
    openings = tuple(Opening(salt(payer.SALT_SIZE), card) for card in cards)
    commitments = tuple(token_commitment(one.salt, one.token) for one in openings)
    return Mandate(account.account, commitments, amount, now, now + days * DAY_S), openings


def mandate_typed(has: Services, mandate: Mandate) -> dict[str, Any]:
    """Return a mandate as a wallet signs it."""
    message = {
        "account": str(mandate.account),
        "tokens": ["0x" + one.hex() for one in mandate.tokens],
        "maxPerSession": str(mandate.max_per_session),
        "validFrom": str(mandate.valid_from),
        "validUntil": str(mandate.valid_until),
    }
    return typed_data(has.node.deployment.domain, MANDATE_TYPE, message)


def signed_mandate(account: VaultAccount, body: Any, signature: bytes) -> SignedMandate:
    """Read back what was prepared by `new_mandate`. Raises `MandateError`."""
    try:
        openings = tuple(
            Opening(bytes.fromhex(one["salt"]), str(one["token"])) for one in body["openings"]
        )
        mandate = Mandate(
            account.account,
            tuple(token_commitment(one.salt, one.token) for one in openings),
            int(body["max_per_session"]),
            int(body["valid_from"]),
            int(body["valid_until"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MandateError("this is not the mandate that was prepared; begin again") from error
    return SignedMandate(mandate, signature, openings)
