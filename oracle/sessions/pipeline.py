"""Closed transactions become pending sessions, or wait in quarantine with a reason.

A session is worked on once everything that decides over it is final: its start
lies before the last final block, so that the tariff in force and every revoked
mandate are known. What the contract would reject is found here, before the
session takes a sequence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import structlog

from chargecoin.carbon import factor_for
from chargecoin.clock import Clock
from chargecoin.deployments import Deployment
from chargecoin.errors import (
    ChainError,
    ChargeCoinError,
    MeteringError,
    StoreError,
)
from chargecoin.evidence import bundle as evidence
from chargecoin.evidence.bundle import Payer, SessionRef, Terms
from chargecoin.evidence.format import to_bytes, unhexed
from chargecoin.sessions.metering import Reading, measure, plausible_power
from chargecoin.sessions.transaction import Transaction, fold
from chargecoin.tariff import Tariff
from chargecoin.tariff import gross as price
from oracle.crash import seam
from oracle.registry import Registry
from oracle.sessions import campaigns
from oracle.sessions.redaction import Redaction
from oracle.signals import Signal
from oracle.store import frames, mandates, sessions, transactions
from oracle.store.database import Database
from oracle.store.mandates import Opening, SignedMandate
from oracle.store.sessions import Pending
from oracle.store.transactions import OpenedTransaction

log = structlog.get_logger()

AT_ONCE: Final = 64
# Settlement rejects what ended 90 days ago; a day of it is left for proposing and mining.
MAX_AGE_S: Final = 89 * 86_400
# 12 days is the longest session; later than that no StopTransaction is waited for.
MAX_OPEN_S: Final = 12 * 86_400 + 3600


class QuarantineError(ChargeCoinError):
    """A session that must wait for a person. `code` is machine-readable."""

    def __init__(self, code: str, sentence: str) -> None:
        """Give a code and a sentence for the station's owner."""
        super().__init__(sentence)
        self.code = code


class NotYetFinalError(ChargeCoinError):
    """What decides over the session is not final yet."""


@dataclass(frozen=True, slots=True)
class _Paying:
    signed: SignedMandate
    opening: Opening


class Pipeline:
    """Works on the sessions of one store, oldest first."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        deployment: Deployment,
        oracle: str,
        secret: bytes,
        clock: Clock,
        owner_of: Callable[[str], int | None],
    ) -> None:
        """`oracle` is our address, `secret` what salts are made from.

        `owner_of` says whom a charge point was let in for, None where nobody said.
        """
        self._database = database
        self._registry = registry
        self._deployment = deployment
        self._oracle = oracle
        self._secret = secret
        self._clock = clock
        self._owner_of = owner_of
        self.worked = Signal()

    async def run(self, closed: Signal) -> None:
        """Work whenever a session closed or the final chain moved on, until cancelled."""
        while True:
            closed_seen, final_seen = closed.version, self._registry.advanced.version
            try:
                await self.give_up()
                while await self.step():
                    self.worked.set()
                # The final chain has moved on perhaps, and with it what may be proposed.
                self.worked.set()
            except (ChainError, StoreError) as error:
                log.warning("pipeline_waits", error=str(error))
            await _either(closed, closed_seen, self._registry.advanced, final_seen)

    async def give_up(self) -> None:
        """Set aside transactions that have been open for longer than a session can last."""
        at = self._clock.now()
        old = await self._database.read(
            lambda connection: transactions.opened_before(connection, at - MAX_OPEN_S)
        )
        for opened in old:
            because = f"it has been open for more than {MAX_OPEN_S // 86_400} days"
            await self._database.write(
                lambda connection, opened=opened, because=because: transactions.abandon(  # type: ignore[misc]
                    connection, opened, at, because
                )
            )

    async def step(self) -> int:
        """Work on up to 64 closed sessions and return how many went on."""
        final = self._registry.time
        numbers = await self._database.read(
            lambda connection: sessions.closed(connection, final, AT_ONCE)
        )
        done = 0
        for number in numbers:
            try:
                session = await self.prepare(number)
            except NotYetFinalError:
                continue
            except QuarantineError as error:
                await self._set_aside(number, error.code, str(error))
            except MeteringError as error:
                await self._set_aside(number, error.code, str(error))
            except (ChainError, StoreError):
                raise
            except ChargeCoinError as error:
                await self._set_aside(number, "no_evidence", str(error))
            except Exception:
                # A bug of ours must not stop everybody else's sessions.
                log.exception("session_failed", session=number)
                sentence = "This session made the oracle fail; the log of that moment says how."
                await self._set_aside(number, "internal_error", sentence)
            else:
                seam("session_measured")
                await self._database.write(
                    lambda connection, session=session: sessions.make_pending(connection, session)  # type: ignore[misc]
                )
                seam("session_pending")
            done += 1
        return done

    async def _set_aside(self, number: int, code: str, sentence: str) -> None:
        at = self._clock.now()
        log.info("session_quarantined", session=number, code=code)
        await self._database.write(
            lambda connection: sessions.put_in_quarantine(connection, number, at, code, sentence)
        )

    async def prepare(self, number: int) -> Pending:
        """Measure, price and check one closed session; nothing is changed.

        Raises `QuarantineError`, `MeteringError` and other `ChargeCoinError` with
        what stands against it, `NotYetFinalError` if it is too early to say.
        """
        opened = await self._database.read(lambda c: transactions.one(c, number))
        connector_id = self._registry.ids.get((opened.charge_point, opened.connector_number))
        if connector_id is None:
            raise QuarantineError(
                "unknown_connector",
                f"Connector {opened.connector_number} of charge point {opened.charge_point} is not "
                "in the registry (or not final there); register it, then replay.",
            )
        await self._check_owner(opened, connector_id)
        paying = await self._paying(opened)
        redaction = Redaction(self._secret, number, paying.opening if paying else None)
        raw = await self._database.read(lambda c: frames.of_transaction(c, number))
        redacted = redaction.frames(raw)
        transaction = fold(redacted)
        if not transaction.token:
            raise QuarantineError(
                "no_token",
                "StartTransaction names no token, so nobody can be told to have charged.",
            )
        reading = measure(transaction, await self._registry.meter_keys(connector_id))
        if reading.started_at > self._registry.time:
            raise NotYetFinalError
        terms = await self._terms(connector_id, reading)
        place = await self._registry.place(connector_id)
        if not plausible_power(reading, place.max_power_w):
            raise QuarantineError(
                "over_consumption",
                f"{reading.energy_wh} Wh in {reading.duration_s} s is more than the connector's "
                f"{place.max_power_w} W can give.",
            )
        gross = await self._gross(terms.tariff, reading)
        if paying and gross > paying.signed.mandate.max_per_session:
            paying = None
        campaign = await self._database.read(
            lambda c: campaigns.choose(
                c,
                account=paying.signed.mandate.account if paying else 0,
                connector_id=connector_id,
                started_at=reading.started_at,
                hour_of_week=evidence.hour_of_week(reading.started_at, place.time_zone),
                gross=gross,
            )
        )
        made = evidence.build(
            deployment=self._deployment,
            oracle=self._oracle,
            session=SessionRef(
                connector_id=connector_id,
                sequence=0,
                charge_point=opened.charge_point,
                transaction_id=transaction.transaction_id,
                time_zone=place.time_zone,
            ),
            frames=redacted,
            reading=reading,
            payer=_payer(transaction, paying),
            terms=replace(terms, campaign=campaign),
            factor=factor_for(place.grid_zone, reading.started_at),
        )
        return Pending(
            id=number,
            charge_point=opened.charge_point,
            connector_id=connector_id,
            tariff_index=terms.index,
            started_at=reading.started_at,
            ended_at=reading.ended_at,
            word=int(made.word, 16),
            draft=to_bytes(made),
            openings=msgspec.json.encode(redaction.openings),
            sequence=None,
        )

    async def _check_owner(self, opened: OpenedTransaction, connector_id: int) -> None:
        """Book nothing for who only registered the identity of somebody else's charger."""
        expected = self._owner_of(opened.charge_point)
        if expected is None:
            return
        registered = await self._registry.owner(connector_id)
        if registered != expected:
            raise QuarantineError(
                "other_owner",
                f"Charge point {opened.charge_point} is owner {expected}'s, and owner {registered} "
                "registered its identity. Give the charger another identity and register that.",
            )

    async def _paying(self, opened: OpenedTransaction) -> _Paying | None:
        """Return the newest mandate that covers the token at the start, if one does.

        Raises `NotYetFinalError` while its account is in no final block.
        """
        started_at = opened.started_at
        if started_at is None:
            return None
        for signed, opening in await self._database.read(
            lambda c: mandates.for_token(c, opened.token, started_at)
        ):
            mandate = signed.mandate
            revoked_at = await self._registry.revoked_at(mandate.account, mandate.struct_hash())
            if not revoked_at or started_at <= revoked_at:
                return _Paying(signed, opening)
        return None

    async def _terms(self, connector_id: int, reading: Reading) -> Terms:
        found = await self._registry.tariff_at(connector_id, reading.started_at)
        if found is None:
            raise QuarantineError(
                "no_tariff",
                f"Connector {connector_id} had no tariff in force when the session started.",
            )
        index, tariff = found
        if not tariff.is_flat:
            raise QuarantineError(
                "tariff_not_flat",
                f"Tariff {index} of connector {connector_id} has bounds and no terms that this "
                "oracle can price by; publish a flat tariff.",
            )
        return Terms(index, tariff)

    async def _gross(self, tariff: Tariff, reading: Reading) -> int:
        """Return the price (base units), if settlement would take it."""
        gross = price(
            tariff.maximum,
            energy_wh=reading.energy_wh,
            duration_s=reading.duration_s,
            idle_s=reading.idle_s,
        )
        cap = (await self._registry.caps()).session
        if gross > cap:
            raise QuarantineError(
                "session_cap", f"The price {gross} is over the cap of {cap} base units a session."
            )
        if reading.ended_at < self._registry.time - MAX_AGE_S:
            raise QuarantineError(
                "too_old",
                f"It ended more than {MAX_AGE_S // 86_400} days ago; settlement takes none "
                "older than 90 days.",
            )
        return gross


def _payer(transaction: Transaction, paying: _Paying | None) -> Payer:
    token = unhexed(transaction.token, 32)
    if paying is None:
        return Payer(token)
    mandate = paying.signed.mandate
    return Payer(token, mandate.account, mandate, paying.signed.signature)


async def _either(one: Signal, one_seen: int, other: Signal, other_seen: int) -> None:
    """Return when either signal has changed."""
    waiting = [
        asyncio.ensure_future(one.wait(one_seen)),
        asyncio.ensure_future(other.wait(other_seen)),
    ]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
