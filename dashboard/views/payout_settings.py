"""When and where an owner is paid, and a payout now: prepared for the owner's own wallet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from eth_utils.address import is_address, to_checksum_address
from fastapi import APIRouter, Request, Response

from chargecoin import payouts
from chargecoin.chain.transactions import Call
from chargecoin.deployments import NO_ADDRESS
from chargecoin.errors import CodecError
from chargecoin.payouts import CENT, DESTINATION_DELAY_S, MAX_THRESHOLD, Cycle
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.prepare import Prepared, prepare
from dashboard.query import money_of, number_of
from dashboard.render import Render
from dashboard.services import Has, Services
from dashboard.views.overview import owner_of
from dashboard.words import CYCLE
from indexer.read_model import Owner, PayoutPlan

router = APIRouter()

PATH: Final = "/owners/{owner_id}/payouts"


@dataclass(frozen=True, slots=True)
class PayoutForm:
    """What is set, what was filled in, and what is prepared of it.

    `problem` says why nothing is prepared, where it is not empty; `from_at` is when a change of
    destination would be in force, UTC seconds.
    """

    owner: Owner
    plan: PayoutPlan
    accrued: int
    given: dict[str, str]
    problem: str
    prepared: Prepared | None
    from_at: int


def _form(
    has: Services,
    owner_id: int,
    values: Mapping[str, str],
    call_of: Callable[[PayoutForm], tuple[str, Call] | None],
) -> PayoutForm:
    """Read a form; `call_of` returns what it asks for, in words and as a call, None if nothing."""
    now = has.now()
    owner = owner_of(has, owner_id)
    newest = has.model.statement(owner_id, limit=1).items
    form = PayoutForm(
        owner=owner,
        plan=has.model.payout_plan(owner_id, now),
        accrued=newest[0].balance if newest else 0,
        given={name: text.strip() for name, text in values.items()},
        problem="",
        prepared=None,
        from_at=now + DESTINATION_DELAY_S,
    )
    try:
        found = call_of(form)
    except (BadAddressError, CodecError) as error:
        return replace(form, problem=str(error))
    if found is None:
        return form
    name, call = found
    shows = PATH.format(owner_id=owner_id)
    return replace(form, prepared=prepare(has, name, owner.account, call, shows))


def _page(template: str, title: str, page: PayoutForm) -> Page:
    rows = [(one.name, one.sender, one.to, one.data) for one in (page.prepared,) if one]
    return Page(
        template,
        f"{title}, {page.owner.name}",
        page,
        Table(("what", "from", "to", "data"), rows),
        400 if page.problem else 200,
        context={"owner_id": page.owner.owner_id},
    )


@router.get(PATH + "/schedule")
def schedule(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """Prepare how often and from how much on an owner is paid."""

    def call_of(form: PayoutForm) -> tuple[str, Call] | None:
        cycle = number_of(form.given, "cycle", int(Cycle.MONTHLY))
        if cycle is None:
            return None
        threshold = money_of(form.given, "threshold", MAX_THRESHOLD) or 0
        if threshold % CENT:
            raise BadAddressError(gettext("the threshold is in whole cents, such as 25 or 25.50"))
        name = gettext("Pay %(owner)s %(cycle)s", owner=form.owner.name, cycle=CYCLE[cycle])
        if cycle:
            amount = has.formats.money_plain(max(threshold, 1))
            name = gettext("%(what)s, from %(amount)s on", what=name, amount=amount)
        call = payouts.set_schedule(has.node.deployment, owner_id, Cycle(cycle), threshold)
        return name, call

    form = _form(has, owner_id, request.query_params, call_of)
    return render(_page("payout_schedule.html", gettext("Payout schedule"), form))


@router.get(PATH + "/destination")
def destination(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """Prepare where an owner is paid to, or that a change which waits never comes."""

    def call_of(form: PayoutForm) -> tuple[str, Call] | None:
        book, plan = has.node.deployment, form.plan
        if form.given.get("cancel"):
            if plan.effective_at is None:
                raise BadAddressError(
                    gettext("no change of destination waits that could be taken back")
                )
            reference = bytes.fromhex(plan.reference[2:])
            call = payouts.set_destination(book, owner_id, plan.destination, reference)
            kept = plan.destination or form.owner.account
            return gettext("Keep %(account)s; the change that waits ends", account=kept), call
        where = form.given.get("where")
        if where is None:
            return None
        if where == "own":
            call = payouts.set_destination(book, owner_id, None, bytes(32))
            return gettext("Pay the owner's own account, without a reference"), call
        to = form.given.get("to", "")
        if not is_address(to) or to == NO_ADDRESS:
            raise BadAddressError(gettext("a destination is an address of 0x and 40 hex digits"))
        reference = payouts.reference_of(form.given.get("reference", ""))
        to = to_checksum_address(to)
        name = gettext("Pay to %(account)s", account=to)
        if text := payouts.reference_text(reference):
            name = gettext(
                "Pay to %(account)s with the reference %(reference)s", account=to, reference=text
            )
        return name, payouts.set_destination(book, owner_id, to, reference)

    form = _form(has, owner_id, request.query_params, call_of)
    return render(_page("payout_destination.html", gettext("Payout destination"), form))


@router.get(PATH + "/now")
def now(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """Prepare a payout of all that is accrued, or of a part to the owner's own account."""

    def call_of(form: PayoutForm) -> tuple[str, Call] | None:
        book = has.node.deployment
        if not form.accrued:
            raise BadAddressError(gettext("nothing is accrued that could be paid out"))
        if form.given.get("where") != "own":
            to = form.plan.destination or form.owner.account
            name = gettext("Pay out all that is accrued to %(account)s", account=to)
            return name, payouts.pay_now(book, owner_id)
        amount = money_of(form.given, "amount", form.accrued)
        if amount is None:
            return None
        if not amount:
            raise BadAddressError(gettext("enter an amount above 0"))
        name = gettext(
            "Withdraw %(amount)s to the owner's own account",
            amount=has.formats.money_plain(amount),
        )
        return name, payouts.withdraw_accrual(book, owner_id, amount)

    form = _form(has, owner_id, request.query_params, call_of)
    return render(_page("payout_now.html", gettext("Payout now"), form))
