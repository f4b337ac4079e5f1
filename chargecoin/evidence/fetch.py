"""Fetching evidence from whoever serves it. Nobody who does need be trusted: verify it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import httpx

from chargecoin.errors import EvidenceError
from chargecoin.evidence.format import Proof

TIMEOUT_S: Final = 20.0
MAX_BYTES: Final = 16 << 20


async def fetch(session_id: str, urls: Sequence[str]) -> tuple[bytes, Proof]:
    """Return a session's bundle and proof from the first oracle that serves both.

    `session_id` is `0x` and 32 bytes of hex, `urls` are oracles' HTTP addresses.
    Raises `EvidenceError` with what each of them answered.
    """
    refusals = []
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
        for url in urls:
            base = url.rstrip("/")
            try:
                data = await _get(client, f"{base}/evidence/{session_id}")
                return data, Proof.from_json(await _get(client, f"{base}/proof/{session_id}"))
            except (httpx.HTTPError, httpx.InvalidURL, EvidenceError) as error:
                refusals.append(f"{url}: {error}")
    raise EvidenceError(
        f"nobody serves the evidence of {session_id}; ask another oracle, or wait until its batch "
        f"is settled ({'; '.join(refusals)})"
    )


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    body = bytearray()
    async with client.stream("GET", url) as response:
        if not response.is_success:
            raise EvidenceError(f"HTTP {response.status_code}")
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_BYTES:
                raise EvidenceError(f"{url} gives more than {MAX_BYTES} bytes")
    return bytes(body)
