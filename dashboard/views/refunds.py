"""Refunding a session: what it comes to, and the transaction for the owner's wallet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from chargecoin.adjustments import RefundReason, refund_call
from chargecoin.errors import ChainError, CodecError
from chargecoin.refunds import Refund, Standing
from dashboard.adjusting import Presented, presented
from dashboard.errors import BadAddressError
from dashboard.formats import session_key
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.prepare import Prepared, prepare, trial
from dashboard.query import money_of, number_of
from dashboard.render import Render
from dashboard.services import Has, Services
from dashboard.views.session import PATH, SessionId, detail_of
from indexer.read_model import Owner, SessionDetail

router = APIRouter()

# What an owner gives; the others are a dispute's.
REASONS: Final = tuple(RefundReason)[: RefundReason.CORRECTION]


@dataclass(frozen=True, slots=True)
class RefundForm:
    """A session to refund. `standing` is the chain's word, None while the node is silent.

    `refund` is what the amount asked for comes to; `problem` says why nothing is prepared,
    `refusal` why the contract would refuse it now.
    """

    owner: Owner
    detail: SessionDetail
    accrued: int
    given: dict[str, str]
    standing: Standing | None
    fee_until: int | None
    disputed: int
    refund: Refund | None = None
    prepared: Prepared | None = None
    problem: str = ""
    refusal: str = ""


def _wanted(given: Mapping[str, str], most: int) -> tuple[int, RefundReason] | None:
    """Read the form: amount and reason; None if it is blank. Raises `BadAddressError`."""
    reason = number_of(given, "reason", max(REASONS))
    if reason is None:
        return None
    if not reason:
        raise BadAddressError(gettext("choose a reason"))
    amount = most if given.get("all") else money_of(given, "amount", most)
    if not amount:
        raise BadAddressError(gettext("enter an amount above 0, or refund all of it"))
    return amount, RefundReason(reason)


def _blank(has: Services, one: int, values: Mapping[str, str]) -> RefundForm:
    detail, owner = detail_of(has, one)
    newest = has.model.statement(owner.owner_id, limit=1).items
    dispute = has.model.dispute_of(one)
    return RefundForm(
        owner=owner,
        detail=detail,
        accrued=newest[0].balance if newest else 0,
        given={name: text.strip() for name, text in values.items()},
        standing=None,
        fee_until=None,
        disputed=dispute.dispute if dispute and dispute.state == "open" else 0,
    )


async def _filled(has: Services, form: RefundForm, found: Presented) -> RefundForm:
    """Return a form with what it asks for."""
    standing, key = found.standing, session_key(form.detail.row.session_id)
    form = replace(form, standing=standing, fee_until=standing.fee_until(found.paused_until))
    try:
        wanted = _wanted(form.given, standing.most)
        if wanted is None or form.disputed:
            return form
        amount, reason = wanted
        refund = standing.refund(amount, has.now(), found.paused_until)
    except (BadAddressError, CodecError) as error:
        return replace(form, problem=str(error))
    money = has.formats.money_plain(amount)
    prepared = prepare(
        has,
        gettext("Refund %(amount)s of session %(key)s", amount=money, key=key),
        form.owner.account,
        refund_call(has.node.deployment, found.presentation, amount, reason),
        f"/sessions/{key}",
    )
    refusal = await trial(has, prepared)
    return replace(form, refund=refund, prepared=prepared, refusal=refusal)


@router.get(PATH + "/refund")
async def refund(has: Has, render: Render, request: Request, one: SessionId) -> Response:
    """Prepare a refund of a part of a session or all of it."""
    form = await run_in_threadpool(_blank, has, one, request.query_params)
    status = 200
    try:
        form = await _filled(has, form, await presented(has, form.detail))
    except ChainError as error:
        await has.node.close()
        form, status = replace(form, problem=str(error)), 503
    else:
        status = 400 if form.problem else 200
    moved = form.refund
    table = Table(
        ("waived", "to_payer", "to_campaign", "fee_back", "to", "data"),
        [
            (
                moved.waived,
                moved.to_payer,
                moved.to_campaign,
                moved.fee_back,
                form.prepared.to,
                form.prepared.data,
            )
        ]
        if moved and form.prepared
        else [],
    )
    page = Page(
        "refund.html",
        gettext("Refund of session %(key)s", key=session_key(one)),
        form,
        table,
        status,
        context={"owner_id": form.owner.owner_id, "reasons": REASONS},
    )
    return await run_in_threadpool(render, page)
