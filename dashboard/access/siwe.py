"""Sign-In with Ethereum: the message a wallet signs, and who signed it.

EIP-4361. The server writes the whole message and keeps what it wrote; what comes back is
a nonce and a signature, so there is nothing of a stranger's to parse.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from eth_abi.abi import default_codec
from eth_utils.crypto import keccak

from chargecoin.errors import ChargeCoinError, RevertedError
from chargecoin.typed_data import recover

STATEMENT: Final = "Sign in to the ChargeCoin dashboard. This costs nothing and moves no money."
# EIP-1271: isValidSignature(bytes32,bytes), which answers with its own selector.
VALID: Final = keccak(text="isValidSignature(bytes32,bytes)")[:4]
MAX_SIGNATURE: Final = 8_192

# (to, data) → what the contract returns; raises `RevertedError` where it refuses.
ContractCall = Callable[[str, bytes], Awaitable[bytes]]


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
        raise SignInError("The signature is hex, 0x and two digits a byte; sign again.")
    return found


async def check(challenge: Challenge, signature: bytes, call: ContractCall) -> None:
    """Raise `SignInError` unless the challenge's address signed it.

    A key's own signature needs no node. Where it is not one, the contract at that
    address is asked (EIP-1271): multi-signature and other contract wallets.
    """
    if len(signature) == 65:
        # Wallets write the recovery number as 0 and 1 or as 27 and 28.
        last = signature[64] + 27 if signature[64] < 27 else signature[64]
        try:
            if recover(challenge.digest, signature[:64] + bytes([last])) == challenge.address:
                return
        except ChargeCoinError:
            pass  # Not a key's signature; a contract may still take it.
    data = VALID + default_codec.encode(("bytes32", "bytes"), (challenge.digest, signature))
    try:
        answer = await call(challenge.address, data)
    except RevertedError:
        answer = b""
    if answer != VALID + bytes(28):
        raise SignInError(
            f"This signature is not {challenge.address}'s. Choose that account in the wallet, or "
            "sign in with the other one."
        )
