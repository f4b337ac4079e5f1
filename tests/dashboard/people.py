"""People with wallets, who sign in as a browser would."""

from __future__ import annotations

import re
from html import unescape

import httpx
from eth_utils.crypto import keccak

from chargecoin.typed_data import Signer

OWNER_KEY = bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")


def key(role: str) -> Signer:
    """Return somebody's key, by their role."""
    return Signer(OWNER_KEY if role == "station_owner" else keccak(text=f"key of {role}"))


def personal(message: str) -> bytes:
    """Return what a wallet signs for a message (EIP-191, version 0x45)."""
    data = message.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(data)).encode() + data)


async def ask(pages: httpx.AsyncClient, address: str) -> tuple[str, str]:
    """Ask for a message to sign; return it and its nonce."""
    answer = await pages.post("/sign-in", data={"address": address})
    assert answer.status_code == 200, answer.text
    [message] = re.findall(r'(?s)id="message"[^>]*>(.*?)</pre>', answer.text)
    [nonce] = re.findall(r'name="nonce" value="(\w+)"', answer.text)
    return unescape(message), nonce


async def sign_in(pages: httpx.AsyncClient, role: str) -> str:
    """Sign somebody in on a client; return their address."""
    signer = key(role)
    message, nonce = await ask(pages, signer.address)
    signature = signer.sign(personal(message)).hex()
    answer = await pages.post("/sign-in/answer", data={"nonce": nonce, "signature": signature})
    assert answer.status_code == 303, answer.text
    return signer.address
