"""Gathering exactly as many signatures as the contract wants: the others' first, ours last.

Ours comes last because it binds us: once signed, a word holds its sequence until
the batch has expired.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import msgspec
import structlog

from chargecoin.errors import CodecError
from chargecoin.typed_data import Signer, recover
from oracle.committee.proposal import SIGNATURE_HEADER, Proposal, Refusal, seal
from oracle.crash import seam

log = structlog.get_logger()

TIMEOUT_S: Final = 60.0


@dataclass(slots=True)
class Collected:
    """What the attesters answered: signatures by signer, refusals that name a session."""

    signatures: dict[str, bytes] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)

    def hopeless(self, tolerated: int) -> list[Refusal]:
        """Return one refusal of each session that more than `tolerated` attesters refuse."""
        by_session = {refusal.session: refusal for refusal in self.refused if refusal.session}
        counts = Counter(refusal.session for refusal in self.refused)
        return [one for session, one in by_session.items() if counts[session] > tolerated]


class Collector:
    """Asks the other members, in turn beginning with another one each time."""

    def __init__(self, urls: Sequence[str], signer: Signer) -> None:
        self._urls = list(urls)
        self._signer = signer
        self._first = 0
        self._session: aiohttp.ClientSession | None = None

    @property
    def members(self) -> int:
        """How many other members there are to ask."""
        return len(self._urls)

    async def close(self) -> None:
        """End the connections."""
        if self._session:
            await self._session.close()

    async def collect(self, proposal: Proposal, digest: bytes, wanted: int) -> Collected:
        """Ask for `wanted` signatures of others, going on to more members as some refuse.

        `digest` is the batch's. Never raises for what a member answers.
        """
        body, signature = seal(proposal, self._signer)
        collected = Collected()
        order = self._urls[self._first :] + self._urls[: self._first]
        self._first = (self._first + 1) % max(1, len(self._urls))
        while order and len(collected.signatures) < wanted:
            ask = order[: wanted - len(collected.signatures)]
            del order[: len(ask)]
            await asyncio.gather(
                *(self._ask(url, body, signature, digest, collected) for url in ask)
            )
        return collected

    async def _ask(
        self, url: str, body: bytes, signature: str, digest: bytes, collected: Collected
    ) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT_S))
        headers = {SIGNATURE_HEADER: signature, "Content-Type": "application/json"}
        try:
            async with self._session.post(f"{url}/attest", data=body, headers=headers) as response:
                answer = await response.read()
                status = response.status
            if status == 200:
                given = msgspec.json.decode(answer, type=dict[str, str])["signature"]
                signed = bytes.fromhex(given.removeprefix("0x"))
                collected.signatures[recover(digest, signed)] = signed
                seam("attestation_received")
                return
            refusal = msgspec.json.decode(answer, type=Refusal)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("attester_unavailable", attester=url, error=repr(error))
        except (msgspec.DecodeError, KeyError, ValueError, CodecError) as error:
            log.warning("attester_not_understood", attester=url, error=repr(error))
        else:
            log.warning(
                "attestation_refused",
                attester=url,
                reason=refusal.reason,
                session=refusal.session,
                detail=refusal.detail,
            )
            collected.refused.append(refusal)
