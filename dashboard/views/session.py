"""One session: what the chain says of it, and the evidence it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from chargecoin import merkle
from chargecoin.carbon import avoided_g, emitted_g
from chargecoin.errors import ChargeCoinError, EvidenceError, FieldRangeError
from chargecoin.evidence.anchors import signers
from chargecoin.evidence.format import (
    Bundle,
    FramePart,
    LinePart,
    Proof,
    evidence_hash,
    from_bytes,
    word_hex,
)
from chargecoin.record import (
    FIELDS,
    GRID_UNKNOWN,
    RENEWABLE_UNKNOWN,
    RESERVED_BITS,
    OutcomeFlag,
    session_id,
)
from chargecoin.sessions.frames import Call, parse
from chargecoin.tariff import SCALE, Tariff, vat_part
from dashboard.access.visitor import Asking, Visitor
from dashboard.carbon import SessionCarbon, session_carbon
from dashboard.errors import NotFoundError
from dashboard.formats import Formats, session_key
from dashboard.language import Text, gettext, pgettext
from dashboard.oracles import EvidenceUnavailableError, Fetched, NoEvidenceError
from dashboard.pages import Page, Table
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.words import ASSURANCE, CURVE, FLAGS, OWNER_KEY, VOUCHER, Word
from indexer.read_model import Owner, SessionDetail

router = APIRouter()

# As the command line writes a session, for example 7/12.
PATH: Final = "/sessions/{connector_id}/{sequence}"
_ACCREDITED: Final = (2, 3)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the record word. `offset` counts bits from the most significant."""

    name: str
    offset: int
    bits: int
    value: int
    hex: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the receipt; `exact` is in base units, a fraction where it does not divide."""

    label: str
    quantity: str
    price: int
    per: str
    exact: Fraction


@dataclass(frozen=True, slots=True)
class Message:
    """One frame, with the OCPP action where it is a call."""

    at: float
    sender: str
    action: str
    text: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an oracle served for a session, read; nothing of it is checked but its binding.

    `binds` says whether the bundle's hash leads to the batch's evidence root.
    """

    bundle: Bundle | None
    proof: Proof | None
    origin: str
    size: int
    problem: str
    binds: bool | None


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One session, from the charger's frames to the block."""

    owner: Owner
    detail: SessionDetail
    chain_id: int
    word: str
    outcome: str
    fields: tuple[Field, ...]
    tariff: Tariff | None
    vat_bps: int | None
    vat: int | None
    emitted_g: int | None
    avoided_g: int | None
    carbon: SessionCarbon
    evidence: Evidence
    lines: tuple[Line, ...]
    exact_sum: Fraction | None
    signers: tuple[str, ...]


def named(connector_id: int, sequence: int) -> int:
    """Return the id of the session that an address names. Raises `NotFoundError`."""
    try:
        return session_id(connector_id, sequence)
    except FieldRangeError as error:
        raise NotFoundError(gettext("There is no such session: %(error)s.", error=error)) from None


SessionId = Annotated[int, Depends(named)]


def _meaning(name: str, value: int, formats: Formats) -> str:  # noqa: PLR0911 -- one a field
    match name:
        case "payer":
            return (
                gettext("vault account %(account)s", account=value)
                if value
                else gettext("no vault")
            )
        case "started_at":
            return str(formats.moment(value, "UTC", seconds=True).striptags())
        case "duration_s" | "idle_s":
            return formats.duration(value)
        case "energy_wh":
            return f"{formats.kwh(value)} kWh"
        case "gross":
            return formats.money_text(value)
        case "campaign_id":
            return (
                gettext("campaign %(number)s", number=value)
                if value
                else pgettext("campaign", "none")
            )
        case "hour_of_week":
            return gettext(
                "%(day)s, %(hour)s h at the site",
                day=formats.weekday(value // 24 % 7),
                hour=format(value % 24, "02d"),
            )
        case "grid_gco2e_per_kwh":
            return (
                gettext("unknown")
                if value == GRID_UNKNOWN
                else gettext("%(factor)s g CO2e a kWh", factor=value)
            )
        case "renewable_pct":
            return (
                gettext("unknown")
                if value == RENEWABLE_UNKNOWN
                else gettext("%(share)s %% renewable", share=value)
            )
        case "assurance":
            return (
                ASSURANCE[value].name.lower()
                if value in ASSURANCE
                else pgettext("assurance", "none")
            )
        case _:
            return gettext("must be zero")


def decode_fields(word: int, formats: Formats) -> tuple[Field, ...]:
    """Return the fields of a record word, most significant first."""
    found = []
    offset = 0
    for name, bits in (*FIELDS, ("reserved", RESERVED_BITS)):
        value = word >> (256 - offset - bits) & ((1 << bits) - 1)
        digits = -(-bits // 4)
        meaning = _meaning(name, value, formats)
        found.append(Field(name, offset, bits, value, f"{value:0{digits}x}", meaning))
        offset += bits
    return tuple(found)


_LINES: Final = {
    "energy": (Text("Energy"), Text("a kWh")),
    "time": (Text("Time charging"), Text("an hour")),
    "idle": (Text("Time idle"), Text("an hour")),
    "session": (Text("Session fee"), Text("a session")),
}


def receipt_line(line: LinePart, formats: Formats) -> Line:
    """Return a line of the bundle's price as the receipt shows it."""
    label, per = _LINES.get(line.name, (line.name, f"a {line.unit}"))
    quantity = {
        "Wh": lambda: f"{formats.kwh(line.quantity)} kWh",
        "s": lambda: formats.duration_exact(line.quantity),
    }.get(line.unit, lambda: formats.number(line.quantity))()
    return Line(str(label), quantity, line.price, str(per), Fraction(int(line.amount_exact), SCALE))


def message(frame: FramePart) -> Message:
    """Return a frame with its action; what is not OCPP is shown as it stands."""
    try:
        parsed = parse(frame.text)
    except ChargeCoinError:
        action = gettext("not an OCPP message")
    else:
        action = parsed.action if isinstance(parsed, Call) else "answer"
    return Message(frame.at, frame.sender, action, frame.text, frame.sha256)


def _binds(data: bytes, proof: Proof, detail: SessionDetail) -> bool:
    try:
        leaf = merkle.leaf(detail.row.session_id, detail.word, evidence_hash(data))
        root = merkle.root_from(leaf, [merkle.Step.decode(text) for text in proof.path])
    except ChargeCoinError:
        return False
    return "0x" + root.hex() == detail.evidence_root


async def fetch(has: Services, detail: SessionDetail) -> Evidence:
    """Fetch a session's evidence from an oracle. What goes wrong is in `problem`."""
    one = detail.row.session_id
    proof = None
    try:
        fetched: Fetched = await has.oracles.bundle(one)
    except EvidenceUnavailableError as error:
        return Evidence(None, None, "", 0, str(error), None)
    problem = ""
    try:
        proof, _ = await has.oracles.proof(one)
    except (EvidenceUnavailableError, EvidenceError) as error:
        problem = gettext("The proof could not be fetched. %(error)s", error=error)
    binds = None if proof is None else _binds(fetched.data, proof, detail)
    try:
        bundle = from_bytes(fetched.data)
    except EvidenceError as error:
        bundle, problem = (
            None,
            gettext(
                "%(origin)s serves a bundle that cannot be read: %(error)s.",
                origin=fetched.origin,
                error=error,
            ),
        )
    return Evidence(bundle, proof, fetched.origin, len(fetched.data), problem, binds)


def assurance_words(detail: SessionDetail, bundle: Bundle | None) -> Word:
    """Return the assurance in words; a key that only the owner entered is called that."""
    meter = bundle.meter if bundle else None
    if meter is not None and meter.voucher_kind not in _ACCREDITED:
        return OWNER_KEY
    return ASSURANCE[detail.row.assurance]


def _signers(has: Services, proof: Proof | None) -> tuple[str, ...]:
    if proof is None:
        return ()
    try:
        return tuple(signers(proof, has.node.deployment.domain))
    except ChargeCoinError:
        return ()


def detail_of(has: Services, one: int) -> tuple[SessionDetail, Owner]:
    """Return what the chain says of a session. Raises `NotFoundError`."""
    detail = has.model.session(one)
    owner = None if detail is None else has.model.owner(detail.row.owner_id)
    if detail is None or owner is None:
        raise NotFoundError(
            gettext(
                "The chain knows no session %(key)s. If you saw it before, the block it was "
                "in was replaced; it comes back under the same number once it is settled "
                "again.",
                key=session_key(one),
            )
        )
    return detail, owner


async def read(has: Services, one: int, visitor: Visitor) -> SessionPage:
    """Read everything that a session's page says to a visitor."""
    detail, owner = await run_in_threadpool(detail_of, has, one)
    sees = await run_in_threadpool(visitor.sees, owner)
    carbon = await run_in_threadpool(session_carbon, has, owner, detail, private=sees)
    evidence = await fetch(has, detail)
    bundle = evidence.bundle
    formats = has.formats
    lines = tuple(receipt_line(one, formats) for one in bundle.price.lines) if bundle else ()
    tariff, vat_bps = detail.tariff, None if detail.tariff is None else detail.tariff.vat_bps
    row = detail.row
    return SessionPage(
        owner=owner,
        detail=detail,
        chain_id=has.node.deployment.chain_id,
        word=word_hex(detail.word),
        outcome=word_hex(detail.outcome),
        fields=decode_fields(detail.word, formats),
        tariff=None if tariff is None else Tariff.decode(tariff.slot),
        vat_bps=vat_bps,
        vat=None if not vat_bps else vat_part(row.gross, vat_bps),
        emitted_g=emitted_g(row.energy_wh, detail.grid_gco2e_per_kwh),
        avoided_g=avoided_g(row.energy_wh, detail.grid_gco2e_per_kwh),
        carbon=carbon,
        evidence=evidence,
        lines=lines,
        exact_sum=sum((line.exact for line in lines), Fraction()) if lines else None,
        signers=_signers(has, evidence.proof),
    )


def context(page: SessionPage) -> dict[str, Any]:
    """Return what only the HTML shows: words, and comparisons made for the eye."""
    bundle = page.evidence.bundle
    meter = bundle.meter if bundle else None
    reading = bundle.reading if bundle else None
    gross = page.detail.recorded_gross
    total = page.exact_sum
    return {
        "owner_id": page.owner.owner_id,
        "bundle": bundle,
        "messages": [message(frame) for frame in bundle.frames] if bundle else [],
        "assurance": assurance_words(page.detail, bundle),
        "flags": [
            text for flag, text in FLAGS.items() if OutcomeFlag(page.detail.row.flags) & flag
        ],
        "voucher": VOUCHER.get(meter.voucher_kind) or gettext("nobody") if meter else "",
        "curve": CURVE.get(meter.curve) or gettext("an unknown curve") if meter else "",
        "exact_wh": f"{Decimal(reading.end_wh) - Decimal(reading.begin_wh):f}" if reading else "",
        "adds_up": total is not None and total.numerator // total.denominator == gross,
        "dropped": total is not None and total.denominator != 1,
    }


@router.get(PATH)
async def session(has: Has, render: Render, visitor: Asking, one: SessionId) -> Response:
    """Show one session, step by step, from the charger's frames to the block."""
    page = await read(has, one, visitor)
    return await run_in_threadpool(
        render,
        Page(
            "session.html",
            gettext("Session %(key)s", key=session_key(one)),
            page,
            Table(
                ("field", "offset_bits", "bits", "value", "hex", "meaning"),
                [(f.name, f.offset, f.bits, f.value, f.hex, f.meaning) for f in page.fields],
            ),
            live=live_address(page.owner.owner_id),
            context=context(page),
        ),
    )


@router.get("/sessions/{session_hex}")
def session_by_id(session_hex: str) -> Response:
    """Lead from a session's id in hex to its page."""
    try:
        key = session_key(int(session_hex, 16))
    except ValueError:
        raise NotFoundError(
            gettext("There is no session %(session_hex)s.", session_hex=session_hex)
        ) from None
    return RedirectResponse(f"/sessions/{key}", 308)


@router.get(PATH + "/bundle")
async def bundle(has: Has, one: SessionId) -> Response:
    """Return the bundle's bytes exactly as an oracle serves them."""
    try:
        return _download(await has.oracles.bundle(one), one, "bundle")
    except NoEvidenceError:
        await run_in_threadpool(detail_of, has, one)
        raise


@router.get(PATH + "/proof")
async def proof(has: Has, one: SessionId) -> Response:
    """Return the proof exactly as an oracle serves it."""
    try:
        _, fetched = await has.oracles.proof(one)
    except NoEvidenceError:
        await run_in_threadpool(detail_of, has, one)
        raise
    return _download(fetched, one, "proof")


def file_name(one: int, what: str) -> str:
    """Return what a downloaded part of a session's evidence is called."""
    return f"{session_key(one).replace('/', '-')}.{what}.json"


def _download(fetched: Fetched, one: int, what: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{file_name(one, what)}"'}
    return Response(fetched.data, 200, headers, "application/json")
