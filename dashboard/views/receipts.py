"""A payer's receipt of one session, and what its holder can do about that session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from chargecoin.adjustments import (
    MAX_OPEN,
    RefundReason,
    bond,
    collect_call,
    open_dispute_call,
    present_from,
)
from chargecoin.chain.transactions import Call
from chargecoin.errors import ChainError, CodecError
from chargecoin.windows import DISPUTE_WINDOW_S, window_end
from dashboard.access.visitor import Asking, ForHolder
from dashboard.documents import Column, Kind, Report, Section
from dashboard.errors import BadAddressError, NotFoundError
from dashboard.formats import session_key
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.prepare import Prepared, prepare, trial
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.views.session import SessionId, SessionPage, read
from dashboard.words import REFUND
from indexer.read_model import Dispute, VaultAccount

router = APIRouter()

PATH: Final = "/payers/{account}/sessions/{connector_id}/{sequence}"
# A dispute's reasons; the last two are what becomes of one.
REASONS: Final = {
    one.name.lower(): one
    for one in RefundReason
    if one not in {RefundReason.CONCEDED, RefundReason.RULED}
}


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """One session as its payer paid it, base units.

    `due` is its price, of which `vault` came from the account, `campaign` from a campaign,
    `refunded` went back and `owed` is still owed. `disputable_until` is UTC seconds; `bond`
    what a dispute costs for now. `dispute` is the one that was opened, if one was.
    """

    account: VaultAccount
    session: SessionPage
    due: int
    vault: int
    campaign: int
    refunded: int
    owed: int
    disputable_until: int
    bond: int
    dispute: Dispute | None
    given: dict[str, str]
    problem: str
    refused: str
    prepared: Prepared | None


def receipt(page: ReceiptPage) -> Report:
    """Return the receipt as a document."""
    session, row = page.session, page.session.detail.row
    key = session_key(row.session_id)
    money = Column(gettext("Amount"), Kind.MONEY)
    rows: list[tuple[str, str, int | None]] = [
        (one.label, one.quantity, int(one.exact)) for one in session.lines if one.exact
    ]
    facts = [
        (gettext("Session"), key),
        (gettext("Site"), row.site_name),
        (gettext("Charge point"), f"{row.station_identity}/{row.connector_number}"),
        (gettext("Paid from"), gettext("vault account %(account)s", account=page.account.account)),
    ]
    if session.vat is not None and session.vat_bps is not None:
        facts.append((gettext("VAT rate"), f"{session.vat_bps / 100:g} %"))
    paid = [
        (gettext("Price, VAT included"), page.due),
        (gettext("of it VAT"), session.vat),
        (gettext("Paid by a campaign"), page.campaign),
        (gettext("Paid from the vault"), page.vault),
        (gettext("Refunded"), page.refunded),
        (gettext("Still owed"), page.owed),
    ]
    when = Section(
        gettext("Charging"),
        (
            Column(gettext("From"), Kind.MOMENT),
            Column(gettext("Until"), Kind.MOMENT),
            Column(gettext("Energy, kWh"), Kind.KWH),
        ),
        [(row.started_at, row.started_at + row.duration_s, row.energy_wh)],
        zone=row.time_zone,
    )
    price = Section(
        gettext("Price"),
        (Column(gettext("For"), width=2), Column(gettext("Quantity")), money),
        rows,
        totals=(gettext("Price, VAT included"), "", page.due),
        notes=(gettext("Lines are cut to the token's last decimal; the sum is exact."),),
    )
    sums = Section(gettext("Payment"), (Column(gettext("What"), width=3), money), paid)
    return Report(
        title=gettext("Receipt of session %(key)s", key=key),
        owner=session.owner.name,
        facts=facts,
        sections=[when, price, sums] if rows else [when, sums],
        evidence=f"chargecoin verify session {key}",
    )


def _read(has: Services, holder: VaultAccount, session: SessionPage) -> ReceiptPage:
    detail = session.detail
    row = detail.row
    if detail.payer != holder.account:
        raise NotFoundError(
            gettext(
                "Session %(key)s is not of account %(account)s.",
                key=session_key(row.session_id),
                account=holder.account,
            )
        )
    owed = max(0, row.debt - row.collected - row.waived)
    vault = row.paid + row.collected
    return ReceiptPage(
        account=holder,
        session=session,
        due=row.gross,
        vault=vault,
        campaign=row.campaign_paid,
        refunded=row.refunded,
        owed=owed,
        disputable_until=window_end(row.settled_at, DISPUTE_WINDOW_S, has.model.paused_until()),
        bond=bond(owed + vault + row.campaign_paid - row.refunded),
        dispute=has.model.dispute_of(row.session_id),
        given={},
        problem="",
        refused="",
        prepared=None,
    )


async def _call(has: Services, page: ReceiptPage, given: dict[str, str]) -> tuple[str, Call]:
    """Return what is asked for, in words and as a call. Raises `BadAddressError`, `ChainError`."""
    detail = page.session.detail
    one, deployment = detail.row.session_id, has.node.deployment
    key = session_key(one)
    wanted = given.get("do", "")
    if wanted not in {"dispute", "collect"}:
        raise BadAddressError(f"do is dispute or collect, not {wanted!r}")
    reason = REASONS.get(given.get("reason", ""))
    if wanted == "dispute" and reason is None:
        raise BadAddressError(gettext("choose what is wrong with the session"))
    if wanted == "dispute" and has.now() >= page.disputable_until:
        raise BadAddressError(gettext("a session can be disputed for 7 days, and they are over"))
    if wanted == "collect" and not page.owed:
        raise BadAddressError(gettext("nothing is owed for this session"))
    chain = await has.node.chain()
    transaction = bytes.fromhex(detail.provenance.transaction[2:])
    presented = await present_from(chain, transaction, one)
    if reason is None:
        name = gettext("Pay what is owed for session %(key)s out of the vault", key=key)
        return name, collect_call(deployment, presented)
    name = gettext("Dispute session %(key)s: %(reason)s", key=key, reason=REFUND[reason])
    return name, open_dispute_call(deployment, presented, reason)


async def _prepared(
    has: Services, page: ReceiptPage, given: dict[str, str]
) -> tuple[Prepared | None, str, str]:
    """Return what was prepared, why it was not, and why the contract would refuse it now."""
    if "do" not in given:
        return None, "", ""
    row = page.session.detail.row
    back = PATH.format(
        account=page.account.account, connector_id=row.connector_id, sequence=row.sequence
    )
    try:
        name, call = await _call(has, page, given)
    except ChainError as error:
        await has.node.close()
        return None, str(error), ""
    except (BadAddressError, CodecError) as error:
        return None, str(error), ""
    prepared = prepare(has, name, page.account.holder, call, back)
    return prepared, "", await trial(has, prepared)


@router.get(PATH)
async def show(
    has: Has,
    render: Render,
    request: Request,
    visitor: Asking,
    one: SessionId,
    holder: ForHolder,
) -> Response:
    """Show the receipt of a session, and prepare a dispute or the payment of its debt."""
    session = await read(has, one, visitor)
    page = await run_in_threadpool(_read, has, holder, session)
    given = {name: text.strip() for name, text in request.query_params.items()}
    prepared, problem, refused = await _prepared(has, page, given)
    page = replace(page, given=given, prepared=prepared, problem=problem, refused=refused)
    row = session.detail.row
    key = session_key(row.session_id)
    lines = [(line.label, line.quantity, line.price, str(line.exact)) for line in session.lines]
    made = Page(
        "receipt.html",
        gettext("Receipt of session %(key)s", key=key),
        page,
        Table(("line", "quantity", "price", "exact"), lines),
        400 if problem else 200,
        live=None if given else live_address(row.owner_id),
        context={"reasons": REASONS, "most": MAX_OPEN, "now": has.now()},
        document=lambda: receipt(page),
        filename=f"receipt-{key.replace('/', '-')}",
    )
    return await run_in_threadpool(render, made)
