"""What the owner pays for electricity, and the card processor to compare with; private."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from dashboard.access.visitor import Fields, ForFinance, ForViewer
from dashboard.errors import BadAddressError
from dashboard.fees import CARD
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.private.settings import CardRate, PurchasePrice
from dashboard.query import day_of, money_of, number_of
from dashboard.render import Render
from dashboard.services import Has
from indexer.read_model import Owner, Site

router = APIRouter()

PATH: Final = "/owners/{owner_id}/prices"
COLUMNS: Final = ("site", "since", "hour_from", "hour_to", "per_kwh")
MAX_LINES: Final = 10_000
# Ten of the currency a kWh: more is a slip.
MAX_PER_KWH: Final = 10_000_000
MAX_CARD_BPS: Final = 2_000
MAX_CARD_FIXED: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class PricesPage:
    """An owner's purchase prices and card rate; `finance` may change them."""

    owner: Owner
    sites: tuple[Site, ...]
    prices: tuple[PurchasePrice, ...]
    card: CardRate
    finance: bool


@router.get(PATH)
def prices(has: Has, render: Render, member: ForViewer) -> Response:
    """Show what the owner entered."""
    owner = member.owner
    found = has.settings.purchase_prices(owner.owner_id)
    sites = has.model.sites(owner.owner_id)
    page = PricesPage(
        owner=owner,
        sites=sites,
        prices=found,
        card=has.settings.card_rate(owner.owner_id) or CARD,
        finance=member.role >= 2,
    )
    table = Table(
        COLUMNS,
        [
            (one.site_id, one.since, one.hour_from, one.hour_to, _decimal(one.per_kwh))
            for one in found
        ],
    )
    context = {"owner_id": owner.owner_id, "names": {one.site_id: one.name for one in sites}}
    return render(
        Page(
            "prices.html",
            gettext("Prices of %(owner)s", owner=owner.name),
            page,
            table,
            context=context,
        )
    )


def _decimal(amount: int) -> str:
    return f"{amount // 1_000_000}.{amount % 1_000_000:06d}"


def price_of(values: dict[str, str], sites: set[int]) -> PurchasePrice:
    """Read one price, of a form or of a line of CSV. Raises `BadAddressError`."""
    site = number_of(values, "site", (1 << 32) - 1)
    since = day_of(values, "since")
    start, end = number_of(values, "hour_from", 23) or 0, number_of(values, "hour_to", 24) or 24
    per_kwh = money_of(values, "per_kwh", MAX_PER_KWH)
    if site not in sites:
        raise BadAddressError(gettext("site is the number of one of the owner's sites"))
    if since is None:
        raise BadAddressError(gettext("since is the first day of the price, such as 2026-01-01"))
    if start >= end:
        raise BadAddressError(gettext("hours go from 0 to 24, hour_to after hour_from"))
    if per_kwh is None:
        raise BadAddressError(gettext("per_kwh is the price of a kWh without VAT, such as 0.21"))
    return PurchasePrice(site, since, start, end, per_kwh)


def read_csv(text: str, sites: set[int]) -> list[PurchasePrice]:
    """Read prices from CSV with the columns of `COLUMNS`. Raises `BadAddressError` by line."""
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restval="")
    if lines.fieldnames is None or not {"site", "since", "per_kwh"} <= set(lines.fieldnames):
        raise BadAddressError(
            gettext("the first line names the columns: %(columns)s", columns=",".join(COLUMNS))
        )
    found: list[PurchasePrice] = []
    for line in lines:
        if len(found) >= MAX_LINES:
            raise BadAddressError(
                gettext("a file holds at most %(max_lines)s prices", max_lines=MAX_LINES)
            )
        try:
            if None in line:
                raise BadAddressError(gettext("there are more values than columns"))
            found.append(price_of({name: line[name] or "" for name in line}, sites))
        except BadAddressError as error:
            raise BadAddressError(
                gettext("line %(line_num)s: %(error)s", line_num=lines.line_num, error=error)
            ) from None
    if not found:
        raise BadAddressError(gettext("the file holds no price"))
    return found


def _back(owner: Owner) -> Response:
    return RedirectResponse(f"/owners/{owner.owner_id}/prices", 303)


@router.post(PATH)
def enter(has: Has, member: ForFinance, fields: Fields) -> Response:
    """Enter one price, or many as CSV: all of them or, where one is wrong, none."""
    owner_id = member.owner.owner_id
    sites = {one.site_id for one in has.model.sites(owner_id)}
    given = fields.get("csv", "")
    found = read_csv(given, sites) if given else [price_of(fields, sites)]
    has.settings.enter_prices(owner_id, found, member.address, has.wall_now())
    return _back(member.owner)


@router.post(PATH + "/card")
def card(has: Has, member: ForFinance, fields: Fields) -> Response:
    """Set the card processor's rate: a percentage and a fixed amount."""
    percent = money_of(fields, "percent", MAX_CARD_BPS * 10_000)
    fixed = money_of(fields, "fixed", MAX_CARD_FIXED)
    if percent is None or fixed is None or percent % 10_000:
        raise BadAddressError(
            gettext("a rate is a percentage with two decimals and a fixed amount")
        )
    rate = CardRate(percent // 10_000, fixed)
    has.settings.set_card_rate(member.owner.owner_id, rate, member.address, has.wall_now())
    return _back(member.owner)
