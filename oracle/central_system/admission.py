"""Owners let their own charge points connect: a request signed by the account that registered them.

Whose a charge point is, the final registry says; whom this oracle serves, its operator
(`owners` in the settings). What arrives is a salted hash: the password stays with the owner.
"""

from __future__ import annotations

from typing import Any, Final

from chargecoin.chain import Chain
from chargecoin.charge_points import IDENTITY, ChargePointPassword
from chargecoin.errors import CodecError
from chargecoin.signatures import MAX_SIGNATURE, signed_by
from chargecoin.typed_data import SIGNATURE_SIZE, recover
from oracle.central_system.passwords import SCHEME, ChargePoints, Entry, RefusedError
from oracle.config import Config
from oracle.registry import Registry

# How old a request may be, and how far its clock ahead of ours.
MAX_AGE_S: Final = 86_400
MAX_AHEAD_S: Final = 300


def read(body: Any, oracle: str) -> tuple[ChargePointPassword, bytes]:
    """Read a posted request and its signature. Raises `RefusedError`."""
    try:
        request = ChargePointPassword(
            identity=_text(body["identity"]),
            owner_id=_number(body["owner_id"]),
            oracle=oracle,
            salt=bytes.fromhex(body["salt"].removeprefix("0x")),
            hash=bytes.fromhex(body["hash"].removeprefix("0x")),
            issued_at=_number(body["issued_at"]),
        )
        signature = bytes.fromhex(body["signature"].removeprefix("0x"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RefusedError(
            "malformed", f"not a charge point's password: {error!r}; see docs/oracle-operator.md"
        ) from error
    if len(request.salt) != 32 or len(request.hash) != 32:
        raise RefusedError("malformed", "salt and hash are 32 bytes each")
    if not 0 < len(signature) <= MAX_SIGNATURE:
        raise RefusedError("malformed", f"a signature has 1 to {MAX_SIGNATURE} bytes")
    return request, signature


def _text(value: object) -> str:
    if not isinstance(value, str) or not IDENTITY.fullmatch(value):
        raise ValueError("not an OCPP identity")
    return value


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 53:
        raise ValueError("not a number")
    return value


class Admission:
    """Takes owners' requests for one central system."""

    def __init__(
        self,
        config: Config,
        chain: Chain,
        registry: Registry,
        charge_points: ChargePoints,
        oracle: str,
    ) -> None:
        """`oracle` is our address, which requests name."""
        self._config = config
        self._chain = chain
        self._registry = registry
        self._charge_points = charge_points
        self._oracle = oracle

    async def accept(self, body: Any, now: float) -> ChargePointPassword:
        """Check a request against the final registry and let the charge point connect.

        Raises `RefusedError`, and `ChainError` while the node cannot be asked.
        """
        request, signature = read(body, self._oracle)
        if not self._config.serves(request.owner_id):
            raise RefusedError(
                "not_served",
                f"this oracle takes no charge points of owner {request.owner_id} by request; ask "
                "its operator",
            )
        if not now - MAX_AGE_S <= request.issued_at <= now + MAX_AHEAD_S:
            raise RefusedError("out_of_date", "the request is not of today; sign a new one")
        if self._registry.block is None:
            raise RefusedError("not_final", "no final block was read yet; try again later")
        registered = await self._registry.owner_of_station(request.identity)
        if registered != request.owner_id:
            raise RefusedError(
                "not_final" if not registered else "other_owner",
                f"no final block has a station {request.identity} of owner {request.owner_id}"
                + (f"; owner {registered} registered it" if registered else "; try again later"),
            )
        await self._check_signature(request, signature)
        stored = f"{SCHEME}${request.salt.hex()}${request.hash.hex()}"
        entry = Entry(stored, request.owner_id, request.issued_at)
        self._charge_points.set(request.identity, entry)
        return request

    async def _check_signature(self, request: ChargePointPassword, signature: bytes) -> None:
        digest = request.digest(self._chain.deployment.domain)
        account = await self._registry.owner_account(request.owner_id)
        if await signed_by(account, digest, signature, self._call):
            return
        if len(signature) == SIGNATURE_SIZE:
            try:
                signer = recover(digest, signature)
            except CodecError:
                signer = ""
            if signer and await self._registry.is_operator(request.owner_id, signer):
                return
        raise RefusedError(
            "signature",
            f"neither the account of owner {request.owner_id}, {account}, nor an operator of it "
            "signed this",
        )

    async def _call(self, to: str, data: bytes) -> bytes:
        call = {"to": to, "data": "0x" + data.hex()}
        answer = await self._chain.rpc.request("eth_call", call, "latest")
        return bytes.fromhex(str(answer).removeprefix("0x"))
