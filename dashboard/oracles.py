"""What oracles serve over HTTP: bundles and proofs (any will do), and what they hold back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

import httpx
import msgspec

from chargecoin.errors import ChargeCoinError, EvidenceError
from chargecoin.evidence.format import Proof, word_hex
from dashboard.language import gettext

TIMEOUT_S: Final = 5.0
MAX_BYTES: Final = 4 << 20
PAGE: Final = 1_000
# More than this of one oracle is not held in memory; its operator sees all of it.
MAX_LISTED: Final = 20_000


class EvidenceUnavailableError(ChargeCoinError):
    """No oracle served what was asked for; the message says what each one answered."""


class NoEvidenceError(EvidenceUnavailableError):
    """Every oracle answered, and none of them has it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Bytes as served, and by whom."""

    data: bytes
    origin: str


class HeldBack(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an oracle's quarantine. `origin` is the oracle's address, added here."""

    id: int
    at: float
    charge_point: str
    code: str
    sentence: str
    origin: str = ""


class OnTheWay(msgspec.Struct, frozen=True, kw_only=True):
    """A session of an oracle's backlog: it has ended and is not settled.

    `state` is closed, pending or proposed. Once it is measured, `gross` is in base units
    and `started_at` in UTC seconds; once proposed, it has a sequence.
    """

    transaction_id: int
    charge_point: str
    connector_number: int
    state: str
    closed_at: int
    connector_id: int | None
    sequence: int | None
    started_at: int | None
    energy_wh: int | None
    gross: str | None
    origin: str = ""


Listed = TypeVar("Listed", HeldBack, OnTheWay)


class CentralSystem(msgspec.Struct, frozen=True, kw_only=True):
    """Where charge points connect, and whose owners may let theirs; `origin` as of `HeldBack`."""

    oracle: str
    url: str
    owners: Literal["any"] | tuple[int, ...]
    origin: str = ""


class OracleRefusedError(ChargeCoinError):
    """An oracle did not take what was sent to it; the message says why, in its words."""


class _NotFoundError(EvidenceError):
    """An oracle answered that it does not have it."""


class Oracles:
    """Asks oracles, in order, until one answers."""

    def __init__(self, urls: tuple[str, ...], client: httpx.AsyncClient) -> None:
        """Name the oracles' HTTP addresses."""
        self.urls = urls
        self._client = client

    async def bundle(self, session_id: int) -> Fetched:
        """Return a session's bundle, byte for byte.

        Raises `NoEvidenceError` if no oracle has it, `EvidenceUnavailableError` if
        one that may have it does not serve it.
        """
        return await self._first(f"/evidence/{word_hex(session_id)}")

    async def proof(self, session_id: int) -> tuple[Proof, Fetched]:
        """Return a session's proof. Raises as `bundle`, and `EvidenceError` if it is none."""
        fetched = await self._first(f"/proof/{word_hex(session_id)}")
        return Proof.from_json(fetched.data), fetched

    async def held_back(self) -> tuple[HeldBack, ...]:
        """Return what waits in quarantines; an oracle that does not answer is left out."""
        return await self._all("/quarantine", HeldBack, lambda one: one.id)

    async def on_the_way(self) -> tuple[OnTheWay, ...]:
        """Return what has ended and is not settled; an oracle that does not answer is left out."""
        return await self._all("/backlog", OnTheWay, lambda one: one.transaction_id)

    async def _all(
        self, path: str, kind: type[Listed], key: Callable[[Listed], int]
    ) -> tuple[Listed, ...]:
        """Return the pages of a list of every oracle, of each at most `MAX_LISTED` entries."""
        found: list[Listed] = []
        for url in self.urls:
            after = 0
            with suppress(httpx.HTTPError, EvidenceError, msgspec.MsgspecError):
                for _ in range(MAX_LISTED // PAGE):
                    data = await self._get(f"{url}{path}?after={after}&limit={PAGE}")
                    entries = msgspec.json.decode(data, type=list[kind])  # type: ignore[valid-type]
                    found += [msgspec.structs.replace(one, origin=url) for one in entries]
                    if len(entries) < PAGE:
                        break
                    after = key(entries[-1])
        return tuple(found)

    async def central_systems(self) -> tuple[CentralSystem, ...]:
        """Return where charge points connect; an oracle that does not answer is left out."""
        found: list[CentralSystem] = []
        for url in self.urls:
            with suppress(httpx.HTTPError, EvidenceError, msgspec.MsgspecError):
                answer = msgspec.json.decode(
                    await self._get(f"{url}/charge-points"), type=CentralSystem
                )
                found.append(msgspec.structs.replace(answer, origin=url))
        return tuple(found)

    async def post(self, url: str, path: str, body: Any) -> Any:
        """Send JSON to one of the oracles and return its answer.

        Raises `OracleRefusedError` with its reason, `EvidenceUnavailableError` if it is silent.
        """
        if url not in self.urls:
            raise OracleRefusedError("That is none of the oracles that this dashboard knows.")
        try:
            answer = await self._client.post(url + path, json=body, timeout=TIMEOUT_S)
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise EvidenceUnavailableError(f"{url}: {error or type(error).__name__}") from error
        if answer.status_code != httpx.codes.OK:
            detail = told.get("detail") if isinstance(told, dict) else None
            raise OracleRefusedError(f"The oracle says: {detail or answer.status_code}.")
        return told

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()

    async def _first(self, path: str) -> Fetched:
        if not self.urls:
            raise EvidenceUnavailableError(
                gettext(
                    "no oracle is configured; name them under `evidence` in the dashboard's "
                    "settings"
                )
            )
        answers: list[str] = []
        lacking = 0
        for url in self.urls:
            try:
                return Fetched(await self._get(url + path), url)
            except (httpx.HTTPError, EvidenceError) as error:
                lacking += isinstance(error, _NotFoundError)
                answers.append(f"{url}: {error or type(error).__name__}")
        kind = NoEvidenceError if lacking == len(self.urls) else EvidenceUnavailableError
        raise kind(gettext("No oracle serves it: %(answers)s.", answers="; ".join(answers)))

    async def _get(self, url: str) -> bytes:
        data = bytearray()
        async with self._client.stream("GET", url, timeout=TIMEOUT_S) as answer:
            if answer.status_code != httpx.codes.OK:
                missing = answer.status_code == httpx.codes.NOT_FOUND
                raise (_NotFoundError if missing else EvidenceError)(
                    f"answered {answer.status_code}"
                )
            async for part in answer.aiter_bytes():
                data += part
                if len(data) > MAX_BYTES:
                    raise EvidenceError(f"serves more than {MAX_BYTES >> 20} MB")
        return bytes(data)
