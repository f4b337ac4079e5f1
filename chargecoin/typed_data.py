"""What is signed, and by whom: EIP-712 digests of batches, mandates and rulings, and recovery.

The digests are computed here, not by a generic typed-data encoder, because they
are on the hot path and have exactly three shapes; a test holds them equal to
eth-account's encoder and to the contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from coincurve import PrivateKey, PublicKey
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chargecoin.errors import CodecError

DOMAIN_NAME: Final = "ChargeCoin Settlement"
ADJUSTMENTS_NAME: Final = "ChargeCoin Adjustments"
DOMAIN_VERSION: Final = "1"
DOMAIN_TYPE: Final = (
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
BATCH_TYPE: Final = "Batch(uint256 epoch,uint256 expiry,bytes32 evidenceRoot,bytes runs)"
MANDATE_TYPE: Final = (
    "Mandate(uint256 account,bytes32[] tokens,uint256 maxPerSession,"
    "uint64 validFrom,uint64 validUntil)"
)
RULING_TYPE: Final = "Ruling(uint256 epoch,uint256 dispute,uint256 refund,bytes32 reason)"
SIGNATURE_SIZE: Final = 65
CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_DOMAIN_TYPE_HASH: Final = keccak(text=DOMAIN_TYPE)
_BATCH_TYPE_HASH: Final = keccak(text=BATCH_TYPE)
_MANDATE_TYPE_HASH: Final = keccak(text=MANDATE_TYPE)
_RULING_TYPE_HASH: Final = keccak(text=RULING_TYPE)


def word(value: int) -> bytes:
    """Return an unsigned integer as 32 bytes, as EIP-712 encodes it."""
    if not 0 <= value < 1 << 256:
        raise CodecError(f"{value} does not fit a word of 256 bits")
    return value.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Domain:
    """The chain and the contract a signature is for; `Settlement` unless named otherwise."""

    chain_id: int
    contract: str
    name: str = DOMAIN_NAME
    separator: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute the EIP-712 domain separator once."""
        parts = (
            _DOMAIN_TYPE_HASH,
            keccak(text=self.name),
            keccak(text=DOMAIN_VERSION),
            word(self.chain_id),
            bytes(12) + bytes.fromhex(self.contract.removeprefix("0x")),
        )
        object.__setattr__(self, "separator", keccak(b"".join(parts)))

    def digest(self, struct_hash: bytes) -> bytes:
        """Return the 32 bytes that are signed for a struct hash."""
        return keccak(b"\x19\x01" + self.separator + struct_hash)


def typed_data(domain: Domain, type_: str, message: dict[str, Any]) -> dict[str, Any]:
    """Return what `eth_signTypedData_v4` takes for a struct of atomic members.

    `type_` is the struct as EIP-712 encodes it, `message` its members; integers wider than
    JSON's are given as text.
    """
    return {
        "types": dict(map(_members, (DOMAIN_TYPE, type_))),
        "primaryType": _members(type_)[0],
        "domain": {
            "name": domain.name,
            "version": DOMAIN_VERSION,
            "chainId": domain.chain_id,
            "verifyingContract": domain.contract,
        },
        "message": message,
    }


def _members(type_: str) -> tuple[str, list[dict[str, str]]]:
    name, _, members = type_.removesuffix(")").partition("(")
    pairs = [member.split(" ") for member in members.split(",")]
    return name, [{"name": member, "type": kind} for kind, member in pairs]


def batch_digest(
    domain: Domain, *, epoch: int, expiry: int, evidence_root: bytes, runs: bytes
) -> bytes:
    """Return what a committee member signs for a batch. `expiry` is UTC seconds."""
    parts = (_BATCH_TYPE_HASH, word(epoch), word(expiry), evidence_root, keccak(runs))
    return domain.digest(keccak(b"".join(parts)))


def ruling_digest(domain: Domain, *, epoch: int, dispute: int, refund: int, reason: bytes) -> bytes:
    """Return what an arbiter signs (docs/protocol.md, section 9), in the domain of `Adjustments`.

    `refund` is base units, 0 dismisses; `reason` is keccak256 of the published reasons.
    """
    parts = (_RULING_TYPE_HASH, word(epoch), word(dispute), word(refund), reason)
    return domain.digest(keccak(b"".join(parts)))


def token_commitment(salt: bytes, token: str) -> bytes:
    """Return `keccak256(salt ‖ utf8(token))`, how a token stands in a mandate. 32-byte salt.

    OCPP 1.6 compares idTags without regard to case (7.15, CiString20Type), so
    the token is upper-cased first.
    """
    if len(salt) != 32:
        raise CodecError("a token's salt is 32 random bytes")
    return keccak(salt + token.upper().encode())


@dataclass(frozen=True, slots=True)
class Mandate:
    """A payer's signed permission to debit a vault for the tokens it names.

    `max_per_session` is in base units; validity in UTC seconds, end exclusive.
    """

    account: int
    tokens: tuple[bytes, ...]
    max_per_session: int
    valid_from: int
    valid_until: int

    def struct_hash(self) -> bytes:
        """Return the EIP-712 struct hash, which is the mandate's id."""
        parts = (
            _MANDATE_TYPE_HASH,
            word(self.account),
            keccak(b"".join(self.tokens)),
            word(self.max_per_session),
            word(self.valid_from),
            word(self.valid_until),
        )
        return keccak(b"".join(parts))

    def digest(self, domain: Domain) -> bytes:
        """Return what the account's holder signs."""
        return domain.digest(self.struct_hash())

    def in_force(self, at: int) -> bool:
        """Whether a session that starts at `at` falls under this mandate."""
        return self.valid_from <= at < self.valid_until


def address_of(public_key: PublicKey) -> str:
    """Return the checksummed address of a secp256k1 key."""
    return to_checksum_address(keccak(public_key.format(compressed=False)[1:])[-20:])


class Signer:
    """A secp256k1 key that signs 32-byte digests."""

    def __init__(self, secret: bytes) -> None:
        """Hold a 32-byte secret."""
        self._key = PrivateKey(secret)
        self.address = address_of(self._key.public_key)

    def sign(self, digest: bytes) -> bytes:
        """Return `r ‖ s ‖ v` with low `s` (libsecp256k1 normalises) and v 27 or 28."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])


def recover(digest: bytes, signature: bytes) -> str:
    """Return the address that signed. Raises `CodecError` for what the contract refuses."""
    if len(signature) != SIGNATURE_SIZE or signature[64] not in {27, 28}:
        raise CodecError("a signature is r, s and v (27 or 28), 65 bytes")
    if int.from_bytes(signature[32:64], "big") > CURVE_ORDER // 2:
        raise CodecError("a signature's s must be in the lower half of the curve's order")
    compact = signature[:64] + bytes([signature[64] - 27])
    try:
        return address_of(PublicKey.from_signature_and_message(compact, digest, hasher=None))
    except Exception as error:
        raise CodecError(f"no key recovers from this signature: {error}") from error


def order_signatures(digest: bytes, signatures: Sequence[bytes]) -> bytes:
    """Return signatures joined in the order the contract wants: ascending by signer."""
    ordered = sorted(signatures, key=lambda one: int(recover(digest, one), 16))
    return b"".join(ordered)
