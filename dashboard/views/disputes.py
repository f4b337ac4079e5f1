"""Disputes: where each stands and what waits in it; conceding and answering by wallet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from eth_utils.crypto import keccak
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from chargecoin import adjustments
from chargecoin.chain.transactions import Call
from chargecoin.errors import ChainError, CodecError
from chargecoin.refunds import Refund, Standing
from dashboard.adjusting import Presented, presented
from dashboard.errors import BadAddressError, NotFoundError
from dashboard.formats import session_key
from dashboard.language import gettext
from dashboard.pages import Page, Table, whole
from dashboard.prepare import Prepared, prepare, trial
from dashboard.query import money_of, number_of
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.views.overview import owner_of
from dashboard.views.session import detail_of
from indexer.read_model import Dispute, Owner, ReadModel, SessionDetail

router = APIRouter()

PATH: Final = "/owners/{owner_id}/disputes"
PAGE: Final = 50
KEY: Final = (1 << 62) - 1
MAX_NUMBER: Final = (1 << 32) - 1
MAX_STATEMENT: Final = 1_500
COLUMNS: Final = (
    "dispute",
    "session_id",
    "state",
    "opened_at",
    "deadline",
    "amount",
    "bond",
    "hold",
    "short",
    "owed",
    "refunded",
    "answer",
    "ruling",
    "closed_at",
)


@dataclass(frozen=True, slots=True)
class DisputesPage:
    """An owner's disputes, newest first; `open` of them, for which `held` is put aside."""

    owner: Owner
    open: int
    held: int
    rows: tuple[Dispute, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class DisputePage:
    """One dispute. `standing` is the chain's word on its session, None while the node is silent.

    `statement` is the hash of what was entered as an answer, `refund` what conceding the amount
    entered comes to.
    """

    owner: Owner
    dispute: Dispute
    detail: SessionDetail
    given: dict[str, str]
    evidence: str
    late: bool
    standing: Standing | None = None
    refund: Refund | None = None
    statement: str = ""
    prepared: Prepared | None = None
    problem: str = ""
    refusal: str = ""


def _export(model: ReadModel, owner_id: int) -> Iterator[tuple[Any, ...]]:
    """Yield all of an owner's disputes, newest first."""
    for one in whole(lambda after, limit: model.disputes(owner_id, None, after, limit)):
        yield (
            one.dispute,
            hex(one.session_id),
            one.state,
            one.provenance.block_timestamp,
            one.deadline,
            one.amount,
            one.bond,
            one.hold,
            one.short,
            one.owed,
            one.refunded,
            one.answer,
            one.ruling,
            one.closed_at,
        )


@router.get(PATH)
def disputes(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """List an owner's disputes: state, deadline, what is put aside, the payer's bond."""
    owner = owner_of(has, owner_id)
    after = number_of(request.query_params, "after", KEY)
    found = has.model.disputes(owner_id, None, after, PAGE)
    count, held = has.model.open_disputes(owner_id)
    base = PATH.format(owner_id=owner_id)
    page = DisputesPage(
        owner,
        count,
        held,
        found.items,
        None if found.after is None else f"{base}?after={found.after}",
    )
    return render(
        Page(
            "disputes.html",
            gettext("Disputes of %(owner)s", owner=owner.name),
            page,
            Table(COLUMNS, _export(has.model, owner_id)),
            live=live_address(owner_id) if after is None else None,
            context={"owner_id": owner_id},
        )
    )


def _blank(has: Services, owner_id: int, number: int, request: Request) -> DisputePage:
    owner = owner_of(has, owner_id)
    found = has.model.dispute(number) if number <= MAX_NUMBER else None
    if found is None or found.owner_id != owner_id:
        raise NotFoundError(f"{owner.name} has no dispute {number}.")
    detail, _ = detail_of(has, found.session_id)
    return DisputePage(
        owner=owner,
        dispute=found,
        detail=detail,
        given={name: text.strip() for name, text in request.query_params.items()},
        evidence=f"{request.base_url}sessions/{session_key(found.session_id)}/bundle",
        late=has.now() >= found.deadline,
    )


def _conceded(has: Services, form: DisputePage, found: Presented) -> tuple[str, Call, Refund]:
    """Return what conceding the amount entered does. Raises `BadAddressError`."""
    standing = found.standing
    amount = standing.most if form.given.get("all") else money_of(form.given, "amount", 1 << 62)
    if not amount:
        raise BadAddressError(gettext("enter an amount above 0, or concede all of it"))
    refund = standing.refund(amount, has.now(), found.paused_until)
    number, money = form.dispute.dispute, has.formats.money_plain(amount)
    if amount == standing.most:
        name = gettext("Concede dispute %(number)s: %(amount)s", number=number, amount=money)
    else:
        name = gettext(
            "Concede %(amount)s of dispute %(number)s, which goes on", number=number, amount=money
        )
    return name, adjustments.concede_call(has.node.deployment, number, amount), refund


def _asked(has: Services, form: DisputePage, found: Presented) -> DisputePage:
    """Return a page with what its form asks for. Raises `BadAddressError`, `CodecError`."""
    book, number = has.node.deployment, form.dispute.dispute
    match form.given.get("do"):
        case "concede":
            name, call, refund = _conceded(has, form, found)
            form = replace(form, refund=refund)
        case "answer":
            text = form.given.get("statement", "")
            if not 0 < len(text) <= MAX_STATEMENT:
                message = gettext("a statement has 1 to %(most)s letters", most=MAX_STATEMENT)
                raise BadAddressError(message)
            hashed = keccak(text=text)
            form = replace(form, statement="0x" + hashed.hex())
            name = gettext(
                "Answer dispute %(number)s with the hash of your statement", number=number
            )
            call = adjustments.answer_dispute_call(book, number, hashed)
        case "lapse":
            name = gettext("Close dispute %(number)s, which nobody ruled on", number=number)
            call = adjustments.lapse_call(book, number)
        case "execute":
            name = gettext("Pay what dispute %(number)s granted and lacked", number=number)
            call = adjustments.execute_call(book, number)
        case _:
            return form
    shows = f"{PATH.format(owner_id=form.owner.owner_id)}/{number}"
    return replace(form, prepared=prepare(has, name, form.owner.account, call, shows))


async def _filled(has: Services, form: DisputePage) -> tuple[DisputePage, int]:
    """Ask the chain how the session stands; return the page and its status."""
    try:
        found = await presented(has, form.detail)
        form = replace(form, standing=found.standing)
        form = _asked(has, form, found)
    except ChainError as error:
        await has.node.close()
        return replace(form, problem=str(error)), 503
    except (BadAddressError, CodecError) as error:
        return replace(form, problem=str(error)), 400
    if form.prepared is not None:
        form = replace(form, refusal=await trial(has, form.prepared))
    return form, 200


@router.get(PATH + "/{number}")
async def dispute(
    has: Has, render: Render, request: Request, owner_id: int, number: int
) -> Response:
    """Show one dispute, and prepare what the owner does about it."""
    form = await run_in_threadpool(_blank, has, owner_id, number, request)
    form, status = await _filled(has, form)
    prepared = form.prepared
    table = Table(
        ("what", "from", "to", "data"),
        [(prepared.name, prepared.sender, prepared.to, prepared.data)] if prepared else [],
    )
    page = Page(
        "dispute.html",
        gettext("Dispute %(number)s with %(owner)s", number=number, owner=form.owner.name),
        form,
        table,
        status,
        live=None if form.given else live_address(owner_id),
        context={"owner_id": owner_id, "longest": MAX_STATEMENT},
    )
    return await run_in_threadpool(render, page)
