"""What is accrued, when and where it is paid out, and the statement that adds up to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlencode

from eth_utils.hexadecimal import is_hex
from fastapi import APIRouter, Request, Response

from chargecoin.record import Status
from dashboard.errors import BadAddressError, NotFoundError
from dashboard.language import Text, gettext
from dashboard.pages import Page, Table, whole
from dashboard.query import choice_of, month_of, number_of
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.spans import local_day, months_after, starts
from dashboard.views.overview import owner_of
from indexer.read_model import (
    Entry,
    EntryKind,
    Owner,
    Payout,
    PayoutFailure,
    PayoutPlan,
    ReadModel,
    SessionFilter,
    SessionRow,
    Span,
    SpanLine,
)

router = APIRouter()

PAGE: Final = 50
PAYOUTS: Final = 10
DEBTS: Final = 10
KEY: Final = (1 << 62) - 1
# The contract's calendar.
ZONE: Final = "UTC"
OUT: Final = ("paid_out", "withdrawn")
# What the reader may narrow the statement to, and the entries that it holds.
KINDS: Final[dict[str, tuple[Text, tuple[EntryKind, ...]]]] = {
    "sessions": (Text("Sessions"), ("settled",)),
    "debts": (Text("Debts collected"), ("collected",)),
    "refunds": (Text("Refunds"), ("refunded", "fee_returned")),
    "disputes": (Text("Disputes"), ("held", "released")),
    "payouts": (Text("Payouts"), OUT),
}
# An entry of the ledger as a row to take away.
CELLS: Final = (
    "block_timestamp",
    "kind",
    "reference",
    "sessions",
    "earned",
    "fee",
    "amount",
    "debt_change",
    "balance",
    "debt",
    "transaction",
    "block_number",
)
COLUMNS: Final = (*CELLS, "finality")


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """What the statement is narrowed to; the keys continue it and the list of payouts."""

    kind: str | None = None
    month: date | None = None
    after: int | None = None
    paid: int | None = None

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> LedgerQuery:
        """Read an address; empty fields narrow nothing. Raises `BadAddressError`."""
        kind = choice_of(values, "kind", KINDS)
        month = month_of(values, "month") if values.get("month", "").strip() else None
        if month is not None and not 1970 <= month.year < 9999:
            raise BadAddressError(
                gettext(
                    "month is one that a chain may have seen, not %(month)s",
                    month=format(month, "%Y-%m"),
                )
            )
        return cls(
            kind=kind,
            month=month,
            after=number_of(values, "after", KEY),
            paid=number_of(values, "paid", KEY),
        )

    @property
    def any(self) -> bool:
        """Whether it narrows the statement."""
        return self.kind is not None or self.month is not None

    @property
    def kinds(self) -> tuple[EntryKind, ...]:
        """The entries it holds; none stands for all."""
        return KINDS[self.kind][1] if self.kind else ()

    @property
    def times(self) -> tuple[int, int] | None:
        """The month in UTC seconds, [from, to); the contract's calendar is UTC as well."""
        if self.month is None:
            return None
        return starts(self.month, ZONE), starts(months_after(self.month, 1), ZONE)

    def address(self, **changes: Any) -> str:
        """Return the query string of this filter with some fields changed."""
        values = asdict(replace(self, **changes))
        if values["month"]:
            values["month"] = f"{values['month']:%Y-%m}"
        return "?" + urlencode({k: str(v) for k, v in values.items() if v is not None})


@dataclass(frozen=True, slots=True)
class NextPayout:
    """When an owner is paid next.

    `demand`: only when it asks. `due`: with the next payout run. `short`: as soon as the
    accrual reaches the threshold, for the cycle has begun. `planned`: from `at` on, where
    the threshold is reached by then.
    """

    state: Literal["demand", "due", "short", "planned"]
    at: int | None


@dataclass(frozen=True, slots=True)
class PayoutsPage:
    """Money base units, times UTC seconds. `debt` is owed by the owner to disputes' holds.

    `receivable` is what payers owe; `debts` are the newest sessions of it.
    """

    owner: Owner
    query: LedgerQuery
    accrued: int
    debt: int
    disputes: int
    held: int
    receivable: int
    plan: PayoutPlan
    following: NextPayout
    rows: tuple[Entry, ...]
    next: str | None
    payouts: tuple[Payout, ...]
    next_payouts: str | None
    failures: tuple[PayoutFailure, ...]
    debts: tuple[SessionRow, ...]


@dataclass(frozen=True, slots=True)
class PayoutPage:
    """One payout, and the span since the one before it, whose entries it is made of.

    `lines` are those without the payout itself; `kept` is what stayed accrued.
    """

    owner: Owner
    payout: Payout
    span: Span
    lines: tuple[SpanLine, ...]
    kept: int

    @property
    def adds_up(self) -> bool:
        """Whether what was there and what came in since is what was paid and what stayed."""
        came = self.span.opening[0] + sum(one.amount for one in self.lines)
        return came - self.kept == self.payout.amount


def _cycle(cycle: int, day: date) -> tuple[date, date]:
    """Return when the cycle that a day is in began and when the next one does.

    docs/protocol.md, section 11: daily, weekly from Monday, monthly from the first.
    """
    if cycle == 1:
        return day, day + timedelta(days=1)
    if cycle == 2:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, months_after(first, 1)


def next_payout(plan: PayoutPlan, accrued: int, now: int) -> NextPayout:
    """Return when an owner with this accrual is paid next, by the rule of the contract."""
    if plan.cycle == 0:
        return NextPayout("demand", None)
    began, begins = _cycle(plan.cycle, local_day(now, ZONE))
    paid = plan.last_paid_at
    if paid is not None and local_day(paid, ZONE) >= began:
        return NextPayout("planned", starts(begins, ZONE))
    reached = accrued >= max(plan.threshold, 1)
    return NextPayout("due" if reached else "short", starts(began, ZONE))


def cells(one: Entry) -> tuple[Any, ...]:
    """Return an entry of the ledger as a row of `CELLS`."""
    at = one.provenance
    return (
        at.block_timestamp,
        one.kind,
        hex(one.reference) if one.reference >> 64 else one.reference,
        one.sessions,
        one.earned,
        one.fee,
        one.amount,
        one.debt_change,
        one.balance,
        one.debt,
        at.transaction,
        at.block_number,
    )


def _export(model: ReadModel, owner_id: int, query: LedgerQuery) -> Iterator[tuple[Any, ...]]:
    """Yield the whole filter, newest first."""
    kinds, times = query.kinds, query.times
    for one in whole(lambda after, limit: model.statement(owner_id, after, limit, kinds, times)):
        yield (*cells(one), one.provenance.finality)


def _read(has: Services, owner_id: int, query: LedgerQuery, base: str) -> PayoutsPage:
    owner, model, now = owner_of(has, owner_id), has.model, has.now()
    newest = model.statement(owner_id, limit=1).items
    found = model.statement(owner_id, query.after, PAGE, query.kinds, query.times)
    paid = model.payouts(owner_id, query.paid, PAYOUTS)
    plan = model.payout_plan(owner_id, now)
    disputes, held = model.open_disputes(owner_id)
    unfunded = SessionFilter(owner_id=owner_id, status=int(Status.UNFUNDED))
    accrued = newest[0].balance if newest else 0
    return PayoutsPage(
        owner=owner,
        query=query,
        accrued=accrued,
        debt=newest[0].debt if newest else 0,
        disputes=disputes,
        held=held,
        receivable=model.receivable(owner_id),
        plan=plan,
        following=next_payout(plan, accrued, now),
        rows=found.items,
        next=None if found.after is None else base + query.address(after=found.after),
        payouts=paid.items,
        next_payouts=None if paid.after is None else base + query.address(paid=paid.after),
        failures=model.payout_failures(owner_id, PAYOUTS),
        debts=tuple(
            one
            for one in model.sessions(unfunded, None, PAGE).items
            if one.debt > one.collected + one.waived
        )[:DEBTS],
    )


@router.get("/owners/{owner_id}/payouts")
def payouts(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """Show an owner's accrual, its next payout, its statement and what was paid out."""
    query = LedgerQuery.parse(request.query_params)
    base = f"/owners/{owner_id}/payouts"
    with has.at_once() as still:
        page = _read(still, owner_id, query, base)
    return render(
        Page(
            "payouts.html",
            gettext("Payouts of %(owner)s", owner=page.owner.name),
            page,
            Table(COLUMNS, _export(has.model, owner_id, query)),
            live=live_address(owner_id) if query.after is None and query.paid is None else None,
            context={
                "owner_id": owner_id,
                "kinds": {name: label for name, (label, _) in KINDS.items()},
                "month": f"{query.month:%Y-%m}" if query.month else "",
                "first": base + query.address(after=None),
                "newest_payouts": base + query.address(paid=None),
            },
        )
    )


@router.get("/owners/{owner_id}/payouts/{transaction}")
def payout(has: Has, render: Render, owner_id: int, transaction: str) -> Response:
    """Follow one payout from what it is made of to where it went."""
    owner = owner_of(has, owner_id)
    found = None
    if len(transaction) == 66 and transaction.startswith("0x") and is_hex(transaction):
        found = has.model.payout(owner_id, transaction.lower())
    if found is None:
        raise NotFoundError(
            gettext(
                "No transaction %(transaction)s paid %(owner)s anything.",
                transaction=transaction,
                owner=owner.name,
            )
        )
    paid, span = found
    page = PayoutPage(
        owner,
        paid,
        span,
        lines=tuple(one for one in span.lines if one.kind not in OUT),
        kept=span.closing[0],
    )
    rows = [(one.kind, one.entries, one.amount) for one in page.lines]
    table = Table(
        ("what", "entries", "amount"),
        [
            ("left_from_before", None, span.opening[0]),
            *rows,
            ("stayed_accrued", None, -page.kept),
            (paid.kind, 1, -paid.amount),
        ],
    )
    live = None if paid.provenance.finality == "final" else live_address(owner_id)
    context = {"owner_id": owner_id}
    return render(
        Page(
            "payout.html",
            gettext("Payout of %(owner)s", owner=owner.name),
            page,
            table,
            live=live,
            context=context,
        )
    )
