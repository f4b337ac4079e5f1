"""Mandates as payers post them: verified against the final chain, then kept."""

from __future__ import annotations

from typing import Any

from chargecoin.errors import CodecError, MandateError
from chargecoin.typed_data import Domain, Mandate, recover, token_commitment
from oracle.registry import Registry
from oracle.store import mandates as stored
from oracle.store.database import Database
from oracle.store.mandates import Opening, SignedMandate

MAX_TOKENS = 1000
_MAX_64 = (1 << 64) - 1
_MAX_256 = (1 << 256) - 1


class NotYetKnownError(MandateError):
    """The account is in no final block; trying again later may help."""


def read(body: Any) -> tuple[SignedMandate, list[Opening]]:
    """Read a posted mandate: `{"mandate", "signature", "openings"}`. Raises `MandateError`.

    Every opening must open a commitment that the mandate names.
    """
    try:
        fields = body["mandate"]
        mandate = Mandate(
            account=_integer("account", fields["account"], (1 << 40) - 1),
            tokens=tuple(bytes.fromhex(one.removeprefix("0x")) for one in fields["tokens"]),
            max_per_session=_integer("max_per_session", fields["max_per_session"], _MAX_256),
            valid_from=_integer("valid_from", fields["valid_from"], _MAX_64),
            valid_until=_integer("valid_until", fields["valid_until"], _MAX_64),
        )
        signature = bytes.fromhex(body["signature"].removeprefix("0x"))
        openings = [_opening(one) for one in _list(body["openings"])]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MandateError(f"not a signed mandate: {error!r}; see docs/evidence.md") from error
    if not 1 <= len(mandate.tokens) <= MAX_TOKENS or any(len(one) != 32 for one in mandate.tokens):
        raise MandateError(f"a mandate names 1 to {MAX_TOKENS} tokens of 32 bytes")
    for opening in openings:
        if opening.commitment not in mandate.tokens:
            raise MandateError("an opening is of no token that the mandate names")
    return SignedMandate(mandate, signature), openings


def _integer(name: str, value: object, maximum: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise MandateError(f"{name} is not an integer")
    number = int(value)
    if not 0 <= number <= maximum:
        raise MandateError(f"{name} is {number}, must be 0 to {maximum}")
    return number


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise MandateError("openings are a list")
    return value


def _opening(value: dict[str, str]) -> Opening:
    salt, token = bytes.fromhex(value["salt"].removeprefix("0x")), value["token"].upper()
    return Opening(token_commitment(salt, token), salt, token)


async def accept(body: Any, database: Database, registry: Registry, domain: Domain) -> bytes:
    """Verify a posted mandate, keep it and return its id.

    Raises `NotYetKnownError` while no final block has the account, `MandateError`
    for what is malformed or not signed by the account's holder.
    """
    signed, openings = read(body)
    account = signed.mandate.account
    holder = await registry.holder(account)
    if holder is None:
        raise NotYetKnownError(f"account {account} is in no final block yet; try again later")
    try:
        signer = recover(signed.mandate.digest(domain), signed.signature)
    except CodecError as error:
        raise MandateError(str(error)) from error
    if signer != holder:
        raise MandateError(f"signed by {signer}, and the holder of account {account} is {holder}")
    return await database.write(lambda connection: stored.add(connection, signed, openings))
