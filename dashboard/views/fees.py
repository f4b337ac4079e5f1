"""Every cent: where what an owner received went, for a session, a site, a month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dashboard.access.roles import Role
from dashboard.access.visitor import Asking
from dashboard.errors import BadAddressError, NotFoundError
from dashboard.fees import CARD, Breakdown, SitePrices, breakdown, routed, total
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.private.settings import CardRate, PurchasePrice
from dashboard.query import month_of, number_of
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.spans import last_day
from dashboard.views.overview import owner_of
from dashboard.views.stations import months_around
from dashboard.views.uptime import this_month
from indexer.read_model import Booking, Owner, RoutedFees, Site

router = APIRouter()

EPOCH: Final = date(1970, 1, 1)
COLUMNS: Final = (
    "kind",
    "connector_id",
    "sequence",
    "site_id",
    "settled_day",
    "received",
    "vat_bps",
    "vat",
    "energy_wh",
    "energy_cost",
    "fee",
    "own_campaign",
    "margin",
    "card_processor",
)


@dataclass(frozen=True, slots=True)
class Line:
    """A site over the month."""

    site: Site
    sum: Breakdown


@dataclass(frozen=True, slots=True)
class FeesPage:
    """Where a month's money went. `private`: purchase prices are in it, where entered."""

    owner: Owner
    month: date
    site: int | None
    lines: tuple[Line, ...]
    sum: Breakdown
    routed: dict[str, int]
    all_fees: RoutedFees
    card: CardRate
    card_is_own: bool
    private: bool

    @property
    def adds_up(self) -> bool:
        """Whether parts and sites make the whole, and the routes make the fee."""
        whole = total(one.sum for one in self.lines) == self.sum and self.sum.adds_up
        return whole and sum(self.routed.values()) == max(0, self.sum.fee)


@dataclass(frozen=True, slots=True)
class SessionFeesPage:
    """Where one session's money went, booking by booking."""

    owner: Owner
    connector_id: int
    sequence: int
    bookings: tuple[tuple[Booking, Breakdown], ...]
    sum: Breakdown
    private: bool


class Pricing:
    """What breakdowns are worked from: purchase prices by site, the card rate."""

    def __init__(self, has: Services, owner_id: int, *, private: bool) -> None:
        """Read an owner's settings; without `private`, none of them."""
        self.sites = {site.site_id: site for site in has.model.sites(owner_id)}
        prices: Sequence[PurchasePrice] = ()
        own = None
        if private:
            prices = has.settings.purchase_prices(owner_id)
            own = has.settings.card_rate(owner_id)
        self.card, self.card_is_own = own or CARD, own is not None
        self._prices = {
            site_id: SitePrices([one for one in prices if one.site_id == site_id], site.time_zone)
            for site_id, site in self.sites.items()
        }

    def of(self, booking: Booking) -> Breakdown:
        """Return where a booking went."""
        return breakdown(booking, self._prices[booking.site_id], self.card)


def _row(booking: Booking, one: Breakdown, *, private: bool) -> tuple[Any, ...]:
    return (
        booking.kind,
        booking.connector_id,
        booking.sequence,
        booking.site_id,
        EPOCH + timedelta(days=booking.day),
        one.received,
        booking.vat_bps,
        one.vat,
        one.energy_wh,
        one.energy_cost if private else None,
        one.fee,
        one.campaign,
        one.margin if private else None,
        one.card,
    )


def report(
    has: Services, owner: Owner, month: date, *, private: bool, site_id: int | None = None
) -> Page:
    """Return a month's fees; with the owner's own prices if `private`."""
    pricing = Pricing(has, owner.owner_id, private=private)
    bookings = has.model.bookings(owner.owner_id, month, last_day(month), site_id)
    each = [(booking, pricing.of(booking)) for booking in bookings]
    sites = [one for key, one in pricing.sites.items() if site_id in {None, key}]
    lines = tuple(
        Line(site, total(one for booking, one in each if booking.site_id == site.site_id))
        for site in sites
    )
    whole = total(one for _, one in each)
    all_fees = has.model.routed_fees()
    page = FeesPage(
        owner=owner,
        month=month,
        site=site_id,
        lines=lines,
        sum=whole,
        routed=routed(whole.fee, all_fees),
        all_fees=all_fees,
        card=pricing.card,
        card_is_own=pricing.card_is_own,
        private=private,
    )

    def rows() -> Iterator[tuple[Any, ...]]:
        return (_row(booking, one, private=private) for booking, one in each)

    return Page(
        "fees.html",
        gettext("Fees of %(owner)s", owner=owner.name),
        page,
        Table(COLUMNS, rows()),
        context={
            "owner_id": owner.owner_id,
            "audit": False,
            "edits": False,
            "all_sites": tuple(pricing.sites.values()),
            **months_around(has, owner.owner_id, month),
        },
    )


@router.get("/owners/{owner_id}/fees")
def fees(has: Has, render: Render, visitor: Asking, request: Request, owner_id: int) -> Response:
    """Show where a month's money went, by site."""
    owner = owner_of(has, owner_id)
    asked = request.query_params
    month = month_of(asked, "month") if asked.get("month") else this_month(has, owner_id)
    site_id = number_of(asked, "site", (1 << 32) - 1)
    if site_id is not None and site_id not in {one.site_id for one in has.model.sites(owner_id)}:
        raise BadAddressError(
            gettext("%(owner)s has no site %(site_id)s", owner=owner.name, site_id=site_id)
        )
    page = report(has, owner, month, private=visitor.sees(owner), site_id=site_id)
    page.context["edits"] = visitor.role(owner) >= Role.FINANCE
    return render(page)


@router.get("/owners/{owner_id}/fees/{connector_id}/{sequence}")
def session_fees(
    has: Has, render: Render, visitor: Asking, owner_id: int, connector_id: int, sequence: int
) -> Response:
    """Show where one session's money went."""
    owner = owner_of(has, owner_id)
    if max(connector_id, sequence) >> 32 or min(connector_id, sequence) < 0:
        raise NotFoundError(gettext("There is no such session."))
    private = visitor.sees(owner)
    pricing = Pricing(has, owner_id, private=private)
    found = has.model.session_bookings(owner_id, connector_id, sequence)
    if not found:
        raise NotFoundError(
            gettext(
                "No money of %(owner)s moved for a session %(connector_id)s/%(sequence)s.",
                owner=owner.name,
                connector_id=connector_id,
                sequence=sequence,
            )
        )
    each = tuple((booking, pricing.of(booking)) for booking in found)
    page = SessionFeesPage(
        owner, connector_id, sequence, each, total(one for _, one in each), private
    )
    rows = [_row(booking, one, private=private) for booking, one in each]
    return render(
        Page(
            "session_fees.html",
            gettext(
                "Session %(connector_id)s/%(sequence)s, every cent",
                connector_id=connector_id,
                sequence=sequence,
            ),
            page,
            Table(COLUMNS, rows),
            live=live_address(owner_id),
            context={"owner_id": owner_id},
        )
    )
