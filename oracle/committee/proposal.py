"""A proposed batch on its way to the attesters.

The body is JSON, and the proposer signs keccak256 of it with its committee key,
under a domain of its own: only a member that holds the connections can have seen
the frames, so nobody else's proposals are looked at.
"""

from __future__ import annotations

from typing import Final

import msgspec
from eth_utils.crypto import keccak

from chargecoin.errors import AttestationRefusedError, CodecError
from chargecoin.record import MAX_SESSIONS
from chargecoin.typed_data import Signer, recover

DOMAIN: Final = b"chargecoin-proposal-v1"
SIGNATURE_HEADER: Final = "X-ChargeCoin-Signature"
# 256 bundles of 30 kB, which is a day of signed samples each.
MAX_BODY: Final = 16 * 1024 * 1024


class Opening(msgspec.Struct, frozen=True):
    """What a commitment hides: the salt in hex, the token."""

    salt: str
    token: str


class Proposal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch with all its evidence. Roots and runs are `0x` hex, bundles canonical JSON text.

    `openings` are by commitment and stay with the attester (docs/evidence.md).
    """

    epoch: int
    expiry: int
    evidence_root: str
    runs: str
    bundles: list[str]
    openings: dict[str, Opening]


class Refusal(msgspec.Struct, frozen=True):
    """Why an attester does not sign: the check that failed, the session's id in hex, a sentence."""

    reason: str
    session: str | None
    detail: str


def _digest(body: bytes) -> bytes:
    return keccak(DOMAIN + keccak(body))


def seal(proposal: Proposal, signer: Signer) -> tuple[bytes, str]:
    """Return the body to send and the proposer's signature over it, `0x` hex."""
    body = msgspec.json.encode(proposal)
    return body, "0x" + signer.sign(_digest(body)).hex()


def proposer_of(body: bytes, signature: str) -> str:
    """Return the address that proposes. Raises `AttestationRefusedError` if none signed."""
    try:
        return recover(_digest(body), bytes.fromhex(signature.removeprefix("0x")))
    except (CodecError, ValueError) as error:
        raise AttestationRefusedError("proposer", f"the proposal is not signed: {error}") from error


def read(body: bytes) -> Proposal:
    """Read a proposal. Raises `AttestationRefusedError`."""
    try:
        proposal = msgspec.json.decode(body, type=Proposal)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise AttestationRefusedError("malformed", f"not a proposal: {error}") from error
    if len(proposal.bundles) > MAX_SESSIONS:
        raise AttestationRefusedError("malformed", f"a batch holds {MAX_SESSIONS} sessions at most")
    return proposal
