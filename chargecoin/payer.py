"""For payers: vault transactions and signed mandates (docs/payer.md).

The functions that return a `Call` or a `SignedMandate` touch nothing and suit a
wallet of one's own; `Payer` sends with a key held in memory.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chargecoin.adjustments import (
    Presentation,
    RefundReason,
    collect_call,
    open_dispute_call,
    present_from,
)
from chargecoin.chain import Account, Chain, Receipt, Withdrawal
from chargecoin.chain.events import decode_events
from chargecoin.chain.transactions import (
    Call,
    KeySigner,
    contract_call,
    execute,
)
from chargecoin.chain.values import to_bytes
from chargecoin.deployments import Deployment
from chargecoin.errors import ChainError, ConfigurationError, MandateError, RevertedError
from chargecoin.typed_data import Domain, Mandate, Signer, token_commitment

SALT_SIZE: Final = 32
TEST_TOKEN: Final = "TESTUSD"  # contracts/solidity/TestStablecoin.sol
_OPENED: Final = keccak(text="AccountOpened(uint256,address)")


def _settlement(deployment: Deployment, name: str, *args: Any) -> Call:
    return contract_call("Settlement", name, deployment.address("Settlement"), *args)


def open_account(deployment: Deployment) -> Call:
    """Open a vault account; whoever sends it becomes the holder. Its daily limit is 0."""
    return _settlement(deployment, "open_account")


def deposit(deployment: Deployment, account: int, amount: int, allowance: int = 0) -> list[Call]:
    """Pay `amount` base units into an account, after allowing settlement to take exactly that.

    `allowance` is what the token says settlement may take already; one that is too
    small is set to zero first, since tokens such as USDT refuse to change it.
    """
    return [
        *allow(deployment, amount, allowance),
        _settlement(deployment, "deposit", account, amount),
    ]


def allow(deployment: Deployment, amount: int, allowance: int = 0) -> list[Call]:
    """Let settlement take `amount` base units, unless it may already; see `deposit`."""
    if allowance >= amount:
        return []
    token, spender = deployment.address("Token"), deployment.address("Settlement")
    return [
        contract_call("TestStablecoin", "approve", token, spender, value)
        for value in ((0, amount) if allowance else (amount,))
    ]


def set_daily_limit(deployment: Deployment, account: int, limit: int) -> Call:
    """Set how much may leave an account on a day (UTC), base units.

    Raising is immediate; lowering binds sessions that start later.
    """
    return _settlement(deployment, "set_daily_limit", account, limit)


def request_withdrawal(deployment: Deployment, account: int, amount: int) -> Call:
    """Ask for `amount` base units back; they can be had from 72 to 96 hours later."""
    return _settlement(deployment, "request_withdrawal", account, amount)


def cancel_withdrawal(deployment: Deployment, account: int) -> Call:
    """Take a withdrawal request back."""
    return _settlement(deployment, "cancel_withdrawal", account)


def withdraw(deployment: Deployment, account: int, to: str) -> Call:
    """Pay what was requested, at most what the account holds beyond its debt, to an address."""
    return _settlement(deployment, "withdraw", account, to)


def revoke_mandate(deployment: Deployment, account: int, mandate: bytes) -> Call:
    """End a mandate, by its id, for sessions that start later."""
    return _settlement(deployment, "revoke_mandate", account, mandate)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a token's commitment hides."""

    salt: bytes
    token: str


@dataclass(frozen=True, slots=True)
class SignedMandate:
    """A mandate, its holder's signature, and the openings of its tokens.

    The openings are personal data: they go to oracles and nowhere else.
    """

    mandate: Mandate
    signature: bytes
    openings: tuple[Opening, ...]

    @property
    def id(self) -> bytes:
        """The id by which it is revoked."""
        return self.mandate.struct_hash()

    def to_json(self) -> dict[str, Any]:
        """Return what is posted to oracles (`POST /mandates`)."""
        return {
            "id": "0x" + self.id.hex(),
            "mandate": {
                "account": self.mandate.account,
                "tokens": ["0x" + one.hex() for one in self.mandate.tokens],
                "max_per_session": str(self.mandate.max_per_session),
                "valid_from": self.mandate.valid_from,
                "valid_until": self.mandate.valid_until,
            },
            "signature": "0x" + self.signature.hex(),
            "openings": [
                {"salt": "0x" + one.salt.hex(), "token": one.token} for one in self.openings
            ],
        }


def sign_mandate(
    signer: Signer,
    domain: Domain,
    account: int,
    tokens: Sequence[str],
    *,
    max_per_session: int,
    valid_from: int,
    valid_until: int,
    salt: Callable[[int], bytes] = secrets.token_bytes,
) -> SignedMandate:
    """Let oracles debit an account for sessions started with these tokens (idTags, eMAIDs).

    `max_per_session` is in base units, validity in UTC seconds, its end exclusive.
    Raises `MandateError` for terms that no session could meet.
    """
    if not tokens or not all(tokens):
        raise MandateError("a mandate names at least one token, and none of them is empty")
    if max_per_session <= 0 or valid_until <= valid_from:
        raise MandateError("a mandate needs an amount above zero and an end after its start")
    openings = tuple(Opening(salt(SALT_SIZE), token) for token in tokens)
    mandate = Mandate(
        account=account,
        tokens=tuple(token_commitment(one.salt, one.token) for one in openings),
        max_per_session=max_per_session,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    return SignedMandate(mandate, signer.sign(mandate.digest(domain)), openings)


class Payer:
    """A payer whose key is in memory. One at a time: it takes the node's word for its nonce."""

    def __init__(self, chain: Chain, secret: bytes) -> None:
        """Act on `chain` with a 32-byte secret."""
        self._chain = chain
        self._deployment = chain.deployment
        self._key = KeySigner(secret)
        self.signer = Signer(secret)
        self.address = self._key.address

    async def _execute(self, call: Call) -> Receipt:
        rpc, chain_id = self._chain.rpc, self._deployment.chain_id
        return await execute(rpc, call, self._key, chain_id=chain_id)

    async def accounts(self) -> list[int]:
        """Return the vault accounts that this payer opened, oldest first."""
        holder = to_bytes(self.address).rjust(32, b"\0")
        start = self._deployment.start_block
        logs = await self._chain.logs(start, "latest", ("Settlement",), (_OPENED, None, holder))
        return [int.from_bytes(log.topics[1], "big") for log in logs]

    async def open_account(self) -> int:
        """Open an account and return its number."""
        receipt = await self._execute(open_account(self._deployment))
        settlement = self._deployment.address("Settlement")
        for event in decode_events("Settlement", settlement, receipt.logs):
            if event.name == "AccountOpened":
                return int(event.args["account"])
        raise ChainError("an account was opened and no event says which")

    async def deposit(self, account: int, amount: int) -> Receipt:
        """Pay `amount` base units into an account.

        Raises `RevertedError` before anything is sent if the payer holds less.
        """
        held = await self._chain.token_balance(self.address)
        if held < amount:
            raise RevertedError(
                "Settlement.deposit",
                f"the token balance of {self.address} is {held} base units, {amount} are needed",
            )
        allowed = await self._chain.allowance(self.address)
        *approvals, last = deposit(self._deployment, account, amount, allowed)
        for call in approvals:
            await self._execute(call)
        return await self._execute(last)

    async def mint(self, amount: int) -> Receipt:
        """Give yourself base units of the test token, which is worth nothing.

        Raises `ConfigurationError` where the vaults hold another token.
        """
        token = self._deployment.address("Token")
        name = await self._chain.token_symbol()
        if name != TEST_TOKEN:
            raise ConfigurationError(
                f"the vaults of chain {self._deployment.chain_id} hold {name}, which nobody mints "
                f"at will; have some sent to {self.address}"
            )
        return await self._execute(
            contract_call("TestStablecoin", "mint", token, self.address, amount)
        )

    async def set_daily_limit(self, account: int, limit: int) -> Receipt:
        """Set how much may leave an account on a day (UTC), base units."""
        return await self._execute(set_daily_limit(self._deployment, account, limit))

    async def request_withdrawal(self, account: int, amount: int) -> Withdrawal:
        """Ask for money back and return when it can be had."""
        await self._execute(request_withdrawal(self._deployment, account, amount))
        return await self._chain.withdrawal(account)

    async def cancel_withdrawal(self, account: int) -> Receipt:
        """Take a withdrawal request back."""
        return await self._execute(cancel_withdrawal(self._deployment, account))

    async def withdraw(self, account: int, to: str | None = None) -> Receipt:
        """Pay what was requested and is due to an address, the payer's own unless named."""
        address = to_checksum_address(to) if to else self.address
        return await self._execute(withdraw(self._deployment, account, address))

    async def revoke_mandate(self, account: int, mandate: bytes) -> Receipt:
        """End a mandate, by its id, for sessions that start later."""
        return await self._execute(revoke_mandate(self._deployment, account, mandate))

    async def present(self, transaction_hash: bytes, session_id: int) -> Presentation:
        """Return how a session is presented, by the transaction that settled it."""
        return await present_from(self._chain, transaction_hash, session_id)

    async def open_dispute(self, presented: Presentation, reason: RefundReason) -> dict[str, Any]:
        """Dispute a session and return what `DisputeOpened` says."""
        call = open_dispute_call(self._deployment, presented, reason)
        return self._logged("DisputeOpened", await self._execute(call))

    async def collect(self, presented: Presentation) -> dict[str, Any]:
        """Have a session's debt paid and return what `DebtCollected` says."""
        call = collect_call(self._deployment, presented)
        return self._logged("DebtCollected", await self._execute(call))

    def _logged(self, name: str, receipt: Receipt) -> dict[str, Any]:
        address = self._deployment.address("Adjustments")
        for event in decode_events("Adjustments", address, receipt.logs):
            if event.name == name:
                return event.args
        raise ChainError(f"a transaction went through and logged no {name}")

    async def account(self, account: int) -> tuple[Account, Withdrawal]:
        """Return an account as it is now, and its open withdrawal request."""
        return await self._chain.account(account), await self._chain.withdrawal(account)

    def sign_mandate(
        self,
        account: int,
        tokens: Sequence[str],
        *,
        max_per_session: int,
        valid_from: int,
        valid_until: int,
    ) -> SignedMandate:
        """Sign a mandate for an account of this payer; see the function of this name."""
        return sign_mandate(
            self.signer,
            self._deployment.domain,
            account,
            tokens,
            max_per_session=max_per_session,
            valid_from=valid_from,
            valid_until=valid_until,
        )
