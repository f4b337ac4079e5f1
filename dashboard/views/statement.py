"""A month's statement: what was accrued at first, what moved it, what at last; final only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response

from dashboard.documents import Column, Kind, Report, Section
from dashboard.errors import BadAddressError
from dashboard.formats import session_key
from dashboard.language import gettext, ngettext
from dashboard.pages import Page, Table, whole
from dashboard.query import month_of
from dashboard.render import Render
from dashboard.services import Has, Services
from dashboard.spans import last_day, local_day, months_after, starts
from dashboard.views.overview import owner_of
from dashboard.views.payouts import CELLS, ZONE, cells
from dashboard.words import ENTRY
from indexer.read_model import Entry, Owner, ReadModel, Span, SpanLine

router = APIRouter()


@dataclass(frozen=True, slots=True)
class StatementPage:
    """A month of an owner's accrual, base units. `receivable` is what payers owe today.

    `over`: the month has ended by the chain's time.
    """

    owner: Owner
    month: date
    over: bool
    span: Span
    receivable: int

    @property
    def credits(self) -> tuple[SpanLine, ...]:
        """Kinds of entries that came in."""
        return tuple(one for one in self.span.lines if one.amount >= 0)

    @property
    def debits(self) -> tuple[SpanLine, ...]:
        """Kinds of entries that went out."""
        return tuple(one for one in self.span.lines if one.amount < 0)

    @property
    def credit(self) -> int:
        """The opening balance and what came in."""
        return self.span.opening[0] + sum(one.amount for one in self.credits)

    @property
    def debit(self) -> int:
        """What went out and the closing balance."""
        return self.span.closing[0] - sum(one.amount for one in self.debits)

    @property
    def adds_up(self) -> bool:
        """Whether debits and credits are the same, of the accrual and of the debt to disputes."""
        debt = self.span.opening[1] + sum(one.debt_change for one in self.span.lines)
        return self.credit == self.debit and debt == self.span.closing[1]


def month_wanted(has: Services, values: Mapping[str, str]) -> date:
    """Return the month asked for, else the last that is over. Raises `BadAddressError`."""
    current = local_day(has.now(), ZONE).replace(day=1)
    if not values.get("month", "").strip():
        return months_after(current, -1)
    month = month_of(values, "month")
    if not 1970 <= month.year < 9999 or month > current:
        raise BadAddressError(f"month is one that has begun, not {month:%Y-%m}")
    return month


def read(has: Services, owner: Owner, month: date) -> StatementPage:
    """Return a month's statement."""
    begins, ends = starts(month, ZONE), starts(months_after(month, 1), ZONE)
    return StatementPage(
        owner=owner,
        month=month,
        over=has.now() >= ends,
        span=has.model.span(owner.owner_id, (begins, ends)),
        receivable=has.model.receivable(owner.owner_id),
    )


def _entries(model: ReadModel, page: StatementPage) -> Iterator[Entry]:
    """Yield the month's entries, oldest first."""
    owner_id, keys = page.owner.owner_id, page.span.keys
    return whole(lambda after, limit: model.span_entries(owner_id, keys, after, limit))


def _rows(model: ReadModel, page: StatementPage) -> Iterator[tuple[Any, ...]]:
    """Yield the month as a table: the opening, each entry, the closing."""
    nothing = (None,) * 6
    yield (starts(page.month, ZONE), "opening", *nothing, *page.span.opening, None, None)
    yield from map(cells, _entries(model, page))
    ends = starts(months_after(page.month, 1), ZONE)
    yield (ends, "closing", *nothing, *page.span.closing, None, page.span.last_block)


def _about(one: Entry) -> str:
    """Return what an entry refers to, as people name it."""
    if one.kind == "settled":
        return ngettext(
            "Batch %(number)s, %(num)s session",
            "Batch %(number)s, %(num)s sessions",
            one.sessions,
            number=one.reference,
        )
    if one.reference >> 64:
        return gettext("Session %(key)s", key=session_key(one.reference))
    return gettext("Dispute %(number)s", number=one.reference) if one.reference else ""


def document(has: Services, page: StatementPage) -> Report:
    """Return the statement as a report."""
    span, formats, book = page.span, has.formats, has.node.deployment
    settlement = book.address("Settlement")
    period = gettext(
        "%(first)s to %(last)s, UTC",
        first=formats.date_text(page.month),
        last=formats.date_text(last_day(page.month)),
    )
    facts = [
        (gettext("Period"), period),
        (gettext("Owner"), f"{page.owner.name}, {page.owner.account}"),
        (gettext("Opening balance"), formats.money_text(span.opening[0])),
        (gettext("Closing balance"), formats.money_text(span.closing[0])),
        (gettext("Received for sessions, less refunds"), formats.money_text(span.received)),
        (gettext("VAT in it"), formats.money_text(span.vat)),
        (gettext("Protocol fee in it"), formats.money_text(span.fee)),
        (gettext("Chain"), f"{book.chain_id}, Settlement {settlement}"),
        (gettext("Up to block"), formats.number(span.last_block)),
    ]
    if span.closing[1]:
        owed = formats.money_text(span.closing[1])
        facts.append((gettext("Owed to disputes, taken from what comes in next"), owed))
    ledger = [
        (gettext("Opening balance"), None, None, span.opening[0]),
        *((str(ENTRY[one.kind].name), one.entries, None, one.amount) for one in page.credits),
        *((str(ENTRY[one.kind].name), one.entries, -one.amount, None) for one in page.debits),
        (gettext("Closing balance"), None, span.closing[0], None),
    ]
    summary = Section(
        gettext("Summary"),
        (
            Column(gettext("What"), Kind.TEXT, 3),
            Column(gettext("Entries"), Kind.COUNT),
            Column(gettext("Debit"), Kind.MONEY, 1.6),
            Column(gettext("Credit"), Kind.MONEY, 1.6),
        ),
        ledger,
        (gettext("Sum"), None, page.debit, page.credit),
    )
    entries = Section(
        gettext("Entries"),
        (
            Column(gettext("When"), Kind.MOMENT, 2.8),
            Column(gettext("What"), Kind.TEXT, 1.8),
            Column(gettext("Reference"), Kind.TEXT, 2.2),
            Column(gettext("Fee within"), Kind.MONEY, 1.6),
            Column(gettext("Change"), Kind.MONEY, 1.9),
            Column(gettext("Balance"), Kind.MONEY, 2),
            Column(gettext("Owed to disputes"), Kind.MONEY, 1.6),
            Column(gettext("Transaction"), Kind.CODE, 4.4),
        ),
        (
            (
                one.provenance.block_timestamp,
                str(ENTRY[one.kind].name),
                _about(one),
                one.fee,
                one.amount,
                one.balance,
                one.debt,
                one.provenance.transaction,
            )
            for one in _entries(has.model, page)
        ),
        (
            gettext("Sum"),
            None,
            None,
            sum(one.fee for one in span.lines),
            sum(one.amount for one in span.lines),
            span.closing[0],
            span.closing[1],
            None,
        ),
    )
    return Report(
        title=gettext("Statement, %(month)s", month=formats.month_text(page.month)),
        owner=page.owner.name,
        facts=facts,
        sections=(summary, entries),
        notes=_notes(has, page),
        evidence=gettext(
            "Check: accrual(%(owner)s) of %(contract)s at block %(block)s",
            owner=page.owner.owner_id,
            contract=settlement,
            block=span.last_block,
        ),
    )


def _notes(has: Services, page: StatementPage) -> list[str]:
    """Return what is to be known of a statement."""
    count, amount = page.span.not_final
    money = has.formats.money_plain
    notes = [gettext("Only entries in final blocks are in it: they can no longer be replaced.")]
    if count:
        notes.append(
            ngettext(
                "%(num)s entry of the month, %(amount)s, is not final yet and left out.",
                "%(num)s entries of the month, %(amount)s, are not final yet and left out.",
                count,
                amount=money(amount),
            )
        )
    if not page.over:
        notes.append(gettext("The month is not over."))
    notes.append(
        gettext(
            "Payers owe %(amount)s today for sessions that were not paid in full: a receivable, "
            "which is not revenue and in no sum here.",
            amount=money(page.receivable),
        )
    )
    notes.append(
        gettext(
            "What sessions bring is credited net of the protocol fee; VAT is within what was "
            "received, at the rate of each session's tariff, rounded once a booking."
        )
    )
    return notes


@router.get("/owners/{owner_id}/statement")
def statement(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """Show a month's statement; it can be taken away as PDF, XLSX and CSV."""
    month = month_wanted(has, request.query_params)
    page = read(has, owner_of(has, owner_id), month)
    return render(
        Page(
            "statement.html",
            gettext("Statement of %(owner)s", owner=page.owner.name),
            page,
            Table(CELLS, _rows(has.model, page)),
            context={
                "owner_id": owner_id,
                "previous": months_after(month, -1),
                "following": months_after(month, 1),
                "current": local_day(has.now(), ZONE).replace(day=1),
                "last": last_day(month),
                "notes": _notes(has, page),
            },
            document=lambda: document(has, page),
            filename=f"statement-{owner_id}-{month:%Y-%m}",
        )
    )
