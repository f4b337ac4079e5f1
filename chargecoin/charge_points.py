"""What an owner signs so that an oracle lets a charge point connect.

The password itself goes from the owner to the charge point and nowhere else: what is
signed, sent and kept is a salted hash of it (docs/oracle-operator.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.crypto import keccak

from chargecoin.typed_data import Domain, typed_data, word

TYPE: Final = (
    "ChargePointPassword(string identity,uint256 ownerId,address oracle,"
    "bytes32 salt,bytes32 hash,uint64 issuedAt)"
)
# OCPP 2.0.1 part 4, section 3.1.1; no colon, since basic auth ends the user name with one.
IDENTITY: Final = re.compile(r"[A-Za-z0-9*\-_=|@.]{1,48}")
_TYPE_HASH: Final = keccak(text=TYPE)


@dataclass(frozen=True, slots=True)
class ChargePointPassword:
    """Let a charge point of this owner connect to this oracle under a password.

    `hash` is SHA-256 of the 32 bytes of `salt` and the password's text; `issued_at` is
    UTC seconds, and of two requests for one identity the later counts.
    """

    identity: str
    owner_id: int
    oracle: str
    salt: bytes
    hash: bytes
    issued_at: int

    def digest(self, domain: Domain) -> bytes:
        """Return what the owner's account or an operator of it signs."""
        parts = (
            _TYPE_HASH,
            keccak(text=self.identity),
            word(self.owner_id),
            bytes(12) + bytes.fromhex(self.oracle.removeprefix("0x")),
            self.salt,
            self.hash,
            word(self.issued_at),
        )
        return domain.digest(keccak(b"".join(parts)))


def for_wallet(
    domain: Domain, identity: str, owner_id: int, oracle: str, issued_at: int
) -> dict[str, Any]:
    """Return the typed data that a wallet signs, without `salt` and `hash`: the page adds them."""
    message = {
        "identity": identity,
        "ownerId": str(owner_id),
        "oracle": oracle,
        "issuedAt": str(issued_at),
    }
    return typed_data(domain, TYPE, message)
