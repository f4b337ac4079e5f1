"""The checks of a bundle, one function a step of docs/evidence.md, each pure.

A check is handed the bundle and the facts of the chain that it needs, and
returns a sentence that says what holds, or raises `EvidenceCheckError`. Whoever
verifies calls them with facts read from a node (`chargecoin.evidence.verify`);
attesters call the same ones before they sign, when there is no proof yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak

from chargecoin import carbon, tariff
from chargecoin.chain.values import RegisteredKey
from chargecoin.deployments import Deployment
from chargecoin.errors import ChargeCoinError, EvidenceCheckError, EvidenceError
from chargecoin.evidence.bundle import record_of
from chargecoin.evidence.format import (
    Bundle,
    CarbonPart,
    MandatePart,
    ReadingPart,
    hexed,
    session_hex,
    unhexed,
    word_hex,
)
from chargecoin.record import SessionRecord
from chargecoin.sessions import frames, metering
from chargecoin.sessions.metering import MeterKey
from chargecoin.sessions.transaction import Transaction, fold
from chargecoin.tariff import Prices, Tariff
from chargecoin.typed_data import Domain, Mandate, recover

BUNDLE_STEPS: Final = ("frames", "reading", "signature", "payer", "price", "campaign", "record")
NOBODY: Final = 0
VOUCHERS: Final = {
    metering.VOUCHED_BY_OWNER: "its owner alone",
    metering.VOUCHED_BY_MANUFACTURER: "its manufacturer",
    metering.VOUCHED_BY_AUTHORITY: "an authority",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What the registry says of a connector: where it is and what it can deliver (W)."""

    charge_point: str
    connector_number: int
    max_power_w: int
    time_zone: str
    grid_zone: str


@contextmanager
def step(name: str) -> Iterator[None]:
    """Let every fault found inside carry the step's name."""
    try:
        yield
    except EvidenceCheckError:
        raise
    except ChargeCoinError as error:
        raise EvidenceCheckError(name, str(error)) from error


def require(holds: object, otherwise: str) -> None:
    """Raise `EvidenceError` with a sentence unless something holds."""
    if not holds:
        raise EvidenceError(otherwise)


def require_equal(name: str, stated: object, found: object) -> None:
    """Raise `EvidenceError` unless what is stated is what is found."""
    require(stated == found, f"{name} is stated as {stated}, and is {found}")


def _transaction(bundle: Bundle) -> Transaction:
    return fold(bundle.stored_frames())


@step("frames")
def check_frames(bundle: Bundle) -> str:
    """Each frame has the hash beside it, is an OCPP message and names nobody."""
    for number, frame in enumerate(bundle.frames):
        digest = hashlib.sha256(frame.text.encode()).hexdigest()
        require_equal(f"the hash of frame {number}", frame.sha256, digest)
        frames.redact(frame.text, _require_commitment)
    return f"{len(bundle.frames)} OCPP messages have their hashes"


def _require_commitment(value: str) -> str:
    """Let only what hides a token stand where frames name a driver."""
    unhexed(value, 32)
    return value


@step("reading")
def check_reading(bundle: Bundle) -> str:
    """Folding the frames again gives the transaction and the reading as stated."""
    transaction = _transaction(bundle)
    require_equal("transaction_id", bundle.session.transaction_id, transaction.transaction_id)
    found = ReadingPart.of(metering.read(transaction))
    for name in ReadingPart.__struct_fields__:
        require_equal(name, getattr(bundle.reading, name), getattr(found, name))
    return f"the frames give {found.energy_wh} Wh by {found.method}"


@step("signature")
def check_signature(bundle: Bundle, registered: RegisteredKey | None) -> str:
    """The signed values are those of the frames and verify under the connector's key.

    `registered` is what the registry holds under `meter.fingerprint`, `None` where
    `meter` is. The sentence says so where the meter does not sign.
    """
    reading = metering.read(_transaction(bundle))
    meter = bundle.meter
    if meter is None:
        require(not reading.signed, "the meter signed, and the bundle leaves its signature out")
        return "skipped: this meter does not sign, so nothing below OCPP is proven"
    public_key = unhexed("0x" + meter.public_key)
    require_equal("signed", meter.signed, reading.signed)
    require_equal("pagination", meter.pagination, reading.pagination)
    require_equal("serial", meter.serial, reading.serial)
    require_equal("fingerprint", meter.fingerprint, hexed(keccak(public_key)))
    if registered is None or not registered.curve:
        raise EvidenceError("the registry holds no such key for this connector")
    require_equal("curve", meter.curve, registered.curve)
    key = _meter_key(public_key, registered)
    require(key.in_force(reading.started_at), "the key was not in force at the start")
    # Someone stronger may have vouched for the key since; nobody takes that back.
    require(
        metering.VOUCHED_BY_OWNER <= meter.voucher_kind <= key.voucher_kind,
        "the registry knows of no such voucher of the key",
    )
    metering.verify_signed(meter.signed, public_key)
    voucher = VOUCHERS[meter.voucher_kind]
    signed = f"{len(meter.signed)} data sets of meter {meter.serial}"
    return f"{signed} verify under its key, which {voucher} vouches for"


def _meter_key(public_key: bytes, registered: RegisteredKey) -> MeterKey:
    return MeterKey(
        curve=registered.curve,
        public_key=public_key,
        fingerprint=keccak(public_key),
        voucher_kind=registered.voucher_kind,
        valid_from=registered.valid_from,
        revoked_at=registered.revoked_at or None,
    )


def mandate_of(part: MandatePart) -> Mandate:
    """Return the mandate that a bundle states. Raises `EvidenceError`."""
    try:
        limit, valid_from, valid_until = (
            int(text) for text in (part.max_per_session, part.valid_from, part.valid_until)
        )
    except ValueError as error:
        raise EvidenceError(f"a mandate's numbers are decimal: {error}") from error
    return Mandate(
        account=part.account,
        tokens=tuple(unhexed(token, 32) for token in part.tokens),
        max_per_session=limit,
        valid_from=valid_from,
        valid_until=valid_until,
    )


@step("payer")
def check_payer(bundle: Bundle, domain: Domain, *, holder: str, revoked_at: int) -> str:
    """The account's holder signed a mandate, in force at the start, that covers the session.

    `holder` is the account's on chain and `revoked_at` when the mandate was revoked
    (UTC seconds, 0 if it was not); neither is looked at where nobody pays.
    """
    payer = bundle.payer
    require_equal("token", payer.token, _transaction(bundle).token)
    if payer.account == NOBODY:
        require(
            payer.mandate is None and payer.signature is None, "nobody pays, and yet by a mandate"
        )
        return "nobody pays: no mandate covers the token"
    if payer.mandate is None or payer.signature is None:
        raise EvidenceError("an account pays without a signed mandate")
    mandate = mandate_of(payer.mandate)
    started_at = bundle.reading.started_at
    require_equal("the mandate's account", mandate.account, payer.account)
    require(unhexed(payer.token, 32) in mandate.tokens, "the mandate does not name the token")
    require(mandate.in_force(started_at), "the mandate is not in force at the start")
    require(
        bundle.price.gross <= mandate.max_per_session,
        f"the price {bundle.price.gross} is over the mandate's {mandate.max_per_session} a session",
    )
    signer = recover(mandate.digest(domain), unhexed(payer.signature))
    require(signer == holder, f"signed by {signer}, and the account's holder is {holder}")
    require(
        not revoked_at or started_at <= revoked_at,
        f"the mandate was revoked at {revoked_at}, before the start",
    )
    return f"the holder of account {payer.account} signed a mandate for the token"


@step("price")
def check_price(bundle: Bundle, slot: int) -> str:
    """The tariff is the registry's (`slot`), in force at the start, and gives the price.

    The slot's end is compared with the start only: publishing the next tariff ends
    this one, and writes that into the slot.
    """
    price, reading = bundle.price, bundle.reading
    stated = Tariff.decode(int.from_bytes(unhexed(price.tariff, 32), "big"))
    require_equal("the tariff's slot", price.tariff, word_hex(stated.encode()))
    require(slot, f"the connector has no tariff {price.tariff_index}")
    found = Tariff.decode(slot)
    for name in ("valid_from", "minimum", "maximum"):
        require_equal(f"the tariff's {name}", getattr(stated, name), getattr(found, name))
    require(
        stated.in_force(reading.started_at) and found.in_force(reading.started_at),
        "the tariff is not in force at the start",
    )
    require(stated.is_flat, "the tariff has bounds, and the bundle no terms to price it by")
    lines = _lines(stated.maximum, reading)
    require_equal(
        "the receipt",
        _receipt([(o.name, o.quantity, o.unit, o.price, o.amount_exact) for o in price.lines]),
        _receipt([(o.name, o.quantity, o.unit, o.price, str(o.amount_exact)) for o in lines]),
    )
    require_equal("gross", price.gross, sum(one.amount_exact for one in lines) // tariff.SCALE)
    return f"tariff {price.tariff_index} gives {price.gross} base units"


def _receipt(lines: Sequence[tuple[str, int, str, int, str]]) -> str:
    """Return lines as a person reads them, each value told apart from the next."""
    return "; ".join(
        f"{name}: {quantity} {unit} at {price}, exactly {amount}"
        for name, quantity, unit, price, amount in lines
    )


def _lines(prices: Prices, reading: ReadingPart) -> Sequence[tariff.PriceLine]:
    return tariff.price_lines(
        prices,
        energy_wh=reading.energy_wh,
        duration_s=reading.duration_s,
        idle_s=reading.idle_s,
    )


@step("record")
def check_record(bundle: Bundle, deployment: Deployment, place: Place) -> str:
    """The record restates the bundle, at the connector it is of, and encodes to the word."""
    session, chain = bundle.session, bundle.chain
    require_equal("chain_id", chain.chain_id, deployment.chain_id)
    require_equal("settlement", chain.settlement, deployment.address("Settlement"))
    require_equal("registry", chain.registry, deployment.address("StationRegistry"))
    require_equal(
        "the session's id", session.id, session_hex(session.connector_id, session.sequence)
    )
    require_equal("charge_point", session.charge_point, place.charge_point)
    number = _transaction(bundle).connector_number
    require_equal("the connector's number", number, place.connector_number)
    require(session.corrects is None, "corrections are not part of this version")
    if bundle.carbon is not None:
        _check_carbon(bundle.carbon, bundle.reading.started_at, place.grid_zone)
    reading = bundle.reading
    require(
        metering.plausible_power(reading, place.max_power_w),
        f"{reading.energy_wh} Wh in {reading.duration_s} s is more than {place.max_power_w} W give",
    )
    found = record_of(
        reading,
        payer=bundle.payer.account,
        gross=bundle.price.gross,
        campaign_id=bundle.campaign.id if bundle.campaign else 0,
        time_zone=place.time_zone,
        grid=bundle.carbon,
        assurance=metering.assurance(bundle.meter.voucher_kind if bundle.meter else None),
    )
    for name in SessionRecord.__dataclass_fields__:
        require_equal(f"record.{name}", getattr(bundle.record, name), getattr(found, name))
    require_equal("word", bundle.word, word_hex(found.encode()))
    return "the record restates the bundle and is the word"


def _check_carbon(part: CarbonPart, started_at: int, grid_zone: str) -> None:
    require_equal("the grid zone", part.zone, grid_zone)
    factor = next((one for one in carbon.FACTORS if one.id == part.factor), None)
    if factor is None:
        raise EvidenceError(f"there is no factor {part.factor}")
    for name in ("zone", "year", "gco2e_per_kwh", "renewable_pct", "source"):
        require_equal(f"the factor's {name}", getattr(part, name), getattr(factor, name))
    latest = carbon.factor_for(grid_zone, started_at)
    require(latest and factor.year <= latest.year, "the factor is of a year after the session")
