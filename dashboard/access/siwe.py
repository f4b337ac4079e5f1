"""Sign-In with Ethereum: the message a wallet signs, and who signed it.

EIP-4361. The server writes the whole message and keeps what it wrote; what comes back is
a nonce and a signature, so there is nothing of a stranger's to parse.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from eth_utils.crypto import keccak

from chargecoin.errors import ChargeCoinError
from chargecoin.signatures import MAX_SIGNATURE, ContractCall, signed_by
from dashboard.language import gettext

STATEMENT: Final = "Sign in to the ChargeCoin dashboard. This costs nothing and moves no money."


class SignInError(ChargeCoinError):
    """Nobody was signed in; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a wallet is asked to sign. `origin` is ours, as `https://host:port`."""

    nonce: str
    address: str
    origin: str
    chain_id: int
    issued_at: int
    expires_at: int

    @property
    def message(self) -> str:
        """The text, as EIP-4361 lays it out."""
        return (
            f"{urlsplit(self.origin).netloc} wants you to sign in with your Ethereum account:\n"
            f"{self.address}\n\n"
            f"{STATEMENT}\n\n"
            f"URI: {self.origin}/sign-in\n"
            "Version: 1\n"
            f"Chain ID: {self.chain_id}\n"
            f"Nonce: {self.nonce}\n"
            f"Issued At: {_iso(self.issued_at)}\n"
            f"Expiration Time: {_iso(self.expires_at)}"
        )

    @property
    def digest(self) -> bytes:
        """The 32 bytes that are signed (EIP-191, version 0x45)."""
        data = self.message.encode()
        return keccak(b"\x19Ethereum Signed Message:\n%d%s" % (len(data), data))


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def signature_bytes(text: str) -> bytes:
    """Read a signature as wallets give it, in hex. Raises `SignInError`."""
    try:
        found = bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        found = b""
    if not 0 < len(found) <= MAX_SIGNATURE:
        raise SignInError(gettext("The signature is hex, 0x and two digits a byte; sign again."))
    return found


async def check(challenge: Challenge, signature: bytes, call: ContractCall) -> None:
    """Raise `SignInError` unless the challenge's address signed it; see `signed_by`."""
    if not await signed_by(challenge.address, challenge.digest, signature, call):
        raise SignInError(
            gettext(
                "This signature is not %(address)s's. Choose that account in the wallet, or "
                "sign in with the other one.",
                address=challenge.address,
            )
        )
