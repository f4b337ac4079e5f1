"""How an oracle makes a session's evidence bundle: all that follows is computed, not handed in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chargecoin import tariff
from chargecoin.carbon import Factor
from chargecoin.deployments import Deployment
from chargecoin.errors import ConfigurationError, EvidenceError
from chargecoin.evidence.format import (
    SOURCE_OCPP_1_6,
    VERSION,
    Bundle,
    CampaignPart,
    CarbonPart,
    ChainPart,
    FramePart,
    LinePart,
    MandatePart,
    MeterPart,
    PayerPart,
    PricePart,
    ReadingPart,
    SessionPart,
    SourcePart,
    hexed,
    session_hex,
    word_hex,
)
from chargecoin.record import GRID_UNKNOWN, RENEWABLE_UNKNOWN, Assurance, SessionRecord
from chargecoin.sessions.frames import Frame
from chargecoin.sessions.metering import Reading
from chargecoin.tariff import Tariff
from chargecoin.typed_data import Mandate


@dataclass(frozen=True, slots=True)
class SessionRef:
    """Which session, and where: `charge_point` is its OCPP identity, `time_zone` its site's."""

    connector_id: int
    sequence: int
    charge_point: str
    transaction_id: int | None
    time_zone: str


@dataclass(frozen=True, slots=True)
class Payer:
    """The payer of one session: the token's commitment, and the mandate that covers it."""

    token: bytes
    account: int = 0
    mandate: Mandate | None = None
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The tariff in force at the start, its index at the connector, and the campaign if any."""

    index: int
    tariff: Tariff
    campaign: CampaignPart | None = None


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationError(
            f"{name!r} is not a time zone of the IANA database; correct the site in the registry"
        ) from error


def hour_of_week(at: int, time_zone: str) -> int:
    """Return 0 to 167, Monday 00 being 0, in the site's local time. `at` is UTC seconds."""
    local = datetime.fromtimestamp(at, UTC).astimezone(_zone(time_zone))
    return local.weekday() * 24 + local.hour


def record_of(
    reading: Reading | ReadingPart,
    *,
    payer: int,
    gross: int,
    campaign_id: int,
    time_zone: str,
    grid: CarbonPart | None,
    assurance: Assurance,
) -> SessionRecord:
    """Return the record that reading, payer, price (base units) and carbon amount to."""
    return SessionRecord(
        payer=payer,
        started_at=reading.started_at,
        duration_s=reading.duration_s,
        idle_s=reading.idle_s,
        energy_wh=reading.energy_wh,
        gross=gross,
        campaign_id=campaign_id,
        hour_of_week=hour_of_week(reading.started_at, time_zone),
        grid_gco2e_per_kwh=grid.gco2e_per_kwh if grid else GRID_UNKNOWN,
        renewable_pct=grid.renewable_pct if grid else RENEWABLE_UNKNOWN,
        assurance=assurance,
    )


def _meter_part(reading: Reading) -> MeterPart | None:
    if not reading.signed:
        return None
    if reading.key is None:
        raise EvidenceError("a signed reading needs the key it was verified under; use `measure`")
    return MeterPart(
        serial=reading.serial,
        pagination=reading.pagination,
        public_key=reading.key.public_key.hex(),
        fingerprint=hexed(reading.key.fingerprint),
        curve=reading.key.curve,
        voucher_kind=reading.key.voucher_kind,
        signed=reading.signed,
    )


def _mandate_part(mandate: Mandate) -> MandatePart:
    return MandatePart(
        account=mandate.account,
        tokens=tuple(hexed(token) for token in mandate.tokens),
        max_per_session=str(mandate.max_per_session),
        valid_from=str(mandate.valid_from),
        valid_until=str(mandate.valid_until),
    )


def _payer_part(payer: Payer) -> PayerPart:
    return PayerPart(
        account=payer.account,
        token=hexed(payer.token),
        mandate=_mandate_part(payer.mandate) if payer.mandate is not None else None,
        signature=hexed(payer.signature) if payer.signature is not None else None,
    )


def _price_part(reading: Reading, terms: Terms) -> PricePart:
    if not terms.tariff.is_flat:
        raise EvidenceError("only a flat tariff has one price; this one has bounds")
    prices = terms.tariff.maximum
    quantities = {
        "energy_wh": reading.energy_wh,
        "duration_s": reading.duration_s,
        "idle_s": reading.idle_s,
    }
    return PricePart(
        tariff_index=terms.index,
        tariff=word_hex(terms.tariff.encode()),
        lines=tuple(
            LinePart(
                name=line.name,
                quantity=line.quantity,
                unit=line.unit,
                price=line.price,
                amount_exact=str(line.amount_exact),
            )
            for line in tariff.price_lines(prices, **quantities)
        ),
        gross=tariff.gross(prices, **quantities),
    )


def _frame_part(frame: Frame) -> FramePart:
    return FramePart(
        at=frame.at,
        sender=frame.sender,
        text=frame.text,
        sha256=hashlib.sha256(frame.text.encode()).hexdigest(),
    )


def _carbon_part(factor: Factor) -> CarbonPart:
    return CarbonPart(
        zone=factor.zone,
        gco2e_per_kwh=factor.gco2e_per_kwh,
        renewable_pct=factor.renewable_pct,
        factor=factor.id,
        year=factor.year,
        source=factor.source,
    )


def build(
    *,
    deployment: Deployment,
    oracle: str,
    session: SessionRef,
    frames: Sequence[Frame],
    reading: Reading,
    payer: Payer,
    terms: Terms,
    factor: Factor | None,
) -> Bundle:
    """Return the bundle of one session, its price and its record computed from the rest.

    `oracle` is the address that holds the connection, `frames` have their personal
    fields replaced (`frames.redact`), `reading` comes from `metering.measure` of the
    same frames. Raises `FieldRangeError` where the record cannot hold a value,
    `EvidenceError` where a part is missing.
    """
    price = _price_part(reading, terms)
    carbon = _carbon_part(factor) if factor is not None else None
    record = record_of(
        reading,
        payer=payer.account,
        gross=price.gross,
        campaign_id=terms.campaign.id if terms.campaign else 0,
        time_zone=session.time_zone,
        grid=carbon,
        assurance=reading.assurance,
    )
    return Bundle(
        version=VERSION,
        chain=ChainPart(
            chain_id=deployment.chain_id,
            settlement=deployment.address("Settlement"),
            registry=deployment.address("StationRegistry"),
        ),
        session=SessionPart(
            id=session_hex(session.connector_id, session.sequence),
            connector_id=session.connector_id,
            sequence=session.sequence,
            charge_point=session.charge_point,
            transaction_id=session.transaction_id,
            corrects=None,
        ),
        source=SourcePart(kind=SOURCE_OCPP_1_6, oracle=oracle),
        frames=tuple(_frame_part(frame) for frame in frames),
        reading=ReadingPart.of(reading),
        meter=_meter_part(reading),
        payer=_payer_part(payer),
        price=price,
        carbon=carbon,
        campaign=terms.campaign,
        record=record,
        word=word_hex(record.encode()),
    )
