"""Whether an address signed something: by its own key, or as a contract that says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from eth_abi.abi import default_codec
from eth_utils.crypto import keccak

from chargecoin.errors import CodecError, RevertedError
from chargecoin.typed_data import SIGNATURE_SIZE, recover

# EIP-1271: isValidSignature(bytes32,bytes), which answers with its own selector.
VALID: Final = keccak(text="isValidSignature(bytes32,bytes)")[:4]
MAX_SIGNATURE: Final = 8_192

# (to, data) → what the contract returns; raises `RevertedError` where it refuses.
ContractCall = Callable[[str, bytes], Awaitable[bytes]]


async def signed_by(address: str, digest: bytes, signature: bytes, call: ContractCall) -> bool:
    """Whether an address signed 32 bytes. Raises what `call` raises but for `RevertedError`.

    A key's own signature needs no node. Where it is not one, the contract at that
    address is asked (EIP-1271): multi-signature and other contract wallets.
    """
    if len(signature) == SIGNATURE_SIZE:
        # Wallets write the recovery number as 0 and 1 or as 27 and 28.
        last = signature[64] + 27 if signature[64] < 27 else signature[64]
        try:
            if recover(digest, signature[:64] + bytes([last])) == address:
                return True
        except CodecError:
            pass  # Not a key's signature; a contract may still take it.
    data = VALID + default_codec.encode(("bytes32", "bytes"), (digest, signature))
    try:
        answer = await call(address, data)
    except RevertedError:
        return False
    return answer == VALID + bytes(28)
