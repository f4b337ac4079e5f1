"""What the electricity emitted: a carbon report of some months, and its files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from chargecoin.footprint.account import Account, Settled
from chargecoin.footprint.allocation import Used
from chargecoin.footprint.document import Entry
from chargecoin.footprint.files import csv_lines, json_lines
from chargecoin.footprint.lines import STANDARDS, Losses, Sums
from chargecoin.footprint.tables import month_of
from dashboard import carbon_words
from dashboard.access.roles import Role
from dashboard.access.visitor import Asking
from dashboard.carbon import POWERS, CarbonQuery, Reporting
from dashboard.carbon_documents import booklet, workbook
from dashboard.documents import pdf, xlsx
from dashboard.errors import BadAddressError
from dashboard.formats import Formats
from dashboard.language import gettext
from dashboard.pages import Page, Table, form_of
from dashboard.private.carbon import TableEntry
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.spans import months_after
from dashboard.views.overview import owner_of
from dashboard.views.stations import months_around
from dashboard.views.uptime import this_month
from indexer.read_model import Owner, Site

router = APIRouter()

LISTED: Final = 25


@dataclass(frozen=True, slots=True)
class SiteSums:
    """A site over the report's months."""

    site: Site
    sum: Sums


@dataclass(frozen=True, slots=True)
class CarbonPage:
    """A report's figures. `private`: what the owner entered is in it.

    `next` continues the list of sessions; `sources` are the tables that bear on it. A
    certificate's figures are `provisional` while its months are not over.
    """

    owner: Owner
    query: CarbonQuery
    sum: Sums
    sites: tuple[SiteSums, ...]
    losses: tuple[Losses, ...]
    used: tuple[Used, ...]
    provisional: bool
    sources: tuple[TableEntry, ...]
    entries: tuple[tuple[Site, Entry], ...]
    next: int | None
    block: int
    private: bool

    @property
    def lost(self) -> tuple[int, int, int]:
        """Losses of all sites and months together: Wh, g location-based, g market-based."""
        return (
            sum(one.energy_wh for one in self.losses),
            sum(one.location_g or 0 for one in self.losses),
            sum(one.market_g or 0 for one in self.losses),
        )

    @property
    def adds_up(self) -> bool:
        """Whether sites make the whole, and the mix the energy."""
        return self.sum.adds_up and sum((one.sum for one in self.sites), Sums()) == self.sum


def _months(query: CarbonQuery, formats: Formats) -> str:
    """Return the months in words."""
    names = [formats.month_text(one) for one in (query.since, query.until)]
    return names[0] if names[0] == names[1] else f"{names[0]} – {names[1]}"


def _page(has: Services, owner: Owner, query: CarbonQuery, *, private: bool) -> CarbonPage:
    reporting = Reporting(has, owner, query, private=private, whole=False)
    account = reporting.account()
    account.count(reporting.deliveries())
    listed = reporting.listed(query.after, LISTED)
    sums = account.sums()
    sites = {one.site_id: one for one in reporting.sites}
    lines = tuple(
        SiteSums(site, sum((one for pool, one in sums.items() if pool.site_id == key), Sums()))
        for key, site in sites.items()
        if query.site in {None, key}
    )
    known = {one.id for one in reporting.inputs.tables}
    current = month_of(this_month(has, owner.owner_id))
    used = account.method.allocation.used
    return CarbonPage(
        owner=owner,
        query=query,
        sum=sum(sums.values(), Sums()),
        sites=lines,
        losses=account.losses(),
        used=used,
        provisional=any(one.certificate.until >= current for one in used),
        sources=tuple(
            one for one in (has.carbon.listed(owner.owner_id) if private else ()) if one.id in known
        ),
        entries=tuple((sites[one.pool.site_id], account.entry(one)) for one in listed.items),
        next=listed.after,
        block=reporting.scope.block,
        private=private,
    )


@dataclass(frozen=True, slots=True)
class Files:
    """A report's files. Each reads the sessions anew, so that none is held."""

    has: Services
    owner: Owner
    query: CarbonQuery
    title: str
    private: bool

    def _made(self) -> tuple[Account, Iterator[Settled]]:
        reporting = Reporting(self.has, self.owner, self.query, private=self.private, whole=True)
        return reporting.account(), reporting.sessions()

    def csv(self, _formats: Formats) -> Iterable[str]:
        """Yield the CSV."""
        account, sessions = self._made()
        return csv_lines(account.rows(sessions))

    def json(self, _formats: Formats) -> Iterable[str]:
        """Yield the JSON."""
        account, sessions = self._made()
        return json_lines(account.rows(sessions))

    def xlsx(self, formats: Formats) -> Iterable[bytes]:
        """Yield the workbook."""
        account, sessions = self._made()
        return xlsx(workbook(self.title, account.scope, account.rows(sessions)), formats)

    def pdf(self, formats: Formats) -> Iterable[bytes]:
        """Yield the document to read."""
        account, sessions = self._made()
        made = booklet(self.title, account, sessions, _months(self.query, formats), formats)
        return iter([pdf(made, formats)])


def report(
    has: Services, owner: Owner, query: CarbonQuery, *, private: bool, shown: bool = True
) -> Page:
    """Return a carbon report; with what the owner entered if `private`.

    Its files are written by themselves: the page is worked out only where it is `shown`.
    """
    sites = tuple(has.model.sites(owner.owner_id))
    if query.site is not None and query.site not in {one.site_id for one in sites}:
        raise BadAddressError(
            gettext("%(owner)s has no site %(site_id)s", owner=owner.name, site_id=query.site)
        )
    title = gettext("Carbon report, %(months)s", months=_months(query, has.formats))
    files = Files(has, owner, query, title, private)
    page = _page(has, owner, query, private=private) if shown else None
    base = f"/owners/{owner.owner_id}/carbon"
    context: dict[str, Any] = {
        "owner_id": owner.owner_id,
        "audit": False,
        "terms": carbon_words,
        "edits": False,
        "all_sites": sites,
        "powers": POWERS,
        "standards": STANDARDS,
        "months": _months(query, has.formats),
        "first_list": base + query.address(after=None),
        "next_list": base + query.address(after=page.next) if page and page.next else None,
        **_around(has, owner, query),
    }
    stem = f"carbon-{owner.owner_id}-{month_of(query.since)}"
    return Page(
        "carbon.html",
        gettext("Carbon of %(owner)s", owner=owner.name),
        page,
        Table((), ()),
        live=live_address(owner.owner_id) if query.after is None else None,
        context=context,
        filename=stem if query.since == query.until else f"{stem}-{month_of(query.until)}",
        streams={"csv": files.csv, "json": files.json, "xlsx": files.xlsx, "pdf": files.pdf},
    )


def _around(has: Services, owner: Owner, query: CarbonQuery) -> dict[str, Any]:
    """Return the months before and after, of a report of one month."""
    return {"single": query.since == query.until, **months_around(has, owner.owner_id, query.since)}


def of_month(has: Services, owner: Owner, month: date) -> Page:
    """Return the report of a month, as an auditor's link opens it."""
    return report(has, owner, CarbonQuery(month, month), private=True)


def of_year(has: Services, owner: Owner, month: date) -> Page:
    """Return the report of the calendar year that a month is in."""
    january = month.replace(month=1)
    return report(has, owner, CarbonQuery(january, months_after(january, 11)), private=True)


@router.get("/owners/{owner_id}/carbon")
def carbon(has: Has, render: Render, visitor: Asking, request: Request, owner_id: int) -> Response:
    """Show what the electricity delivered in some months emitted."""
    owner = owner_of(has, owner_id)
    query = CarbonQuery.parse(request.query_params, this_month(has, owner_id))
    shown = form_of(request) == "html"
    page = report(has, owner, query, private=visitor.sees(owner), shown=shown)
    page.context["edits"] = visitor.role(owner) >= Role.FINANCE
    return render(page)
