"""Publishing a tariff: a form, what it would cost drivers, and the transactions to sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response

from chargecoin.chain.transactions import contract_call
from chargecoin.tariff import MAX_PRICE, NOTICE_S, Prices, gross
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.prepare import Prepared, prepare
from dashboard.query import money_of, way_back
from dashboard.render import Render
from dashboard.services import Has, Services
from dashboard.spans import moment_of
from dashboard.views.overview import owner_of
from indexer.read_model import Connector, Owner

router = APIRouter()

PRICES: Final = ("kwh", "hour", "idle_hour", "session")
# A quarter of an hour more than the notice: it takes a while to read and to sign.
MARGIN_S: Final = 900
FLAT: Final = bytes(32)
MAX_VAT_BPS: Final = 5_000
# Sessions a driver would recognise: Wh, seconds plugged in, seconds idle.
EXAMPLES: Final = ((10_000, 3_600, 0), (30_000, 7_200, 1_800), (50_000, 2_400, 0))


@dataclass(frozen=True, slots=True)
class Example:
    """What one session would cost, base units, VAT included."""

    energy_wh: int
    duration_s: int
    idle_s: int
    gross: int


@dataclass(frozen=True, slots=True)
class TariffForm:
    """What was filled in; `problem` says why nothing is prepared, where it is not empty.

    `first`: none of the connectors has a tariff, so that this one may start at once.
    """

    owner: Owner
    connectors: tuple[Connector, ...]
    chosen: tuple[int, ...]
    given: dict[str, str]
    problem: str
    prices: Prices | None
    starts_at: int | None
    zone: str
    first: bool
    examples: tuple[Example, ...]
    prepared: tuple[Prepared, ...]


def _chosen(request: Request, own: Mapping[int, Connector]) -> tuple[int, ...]:
    found = []
    for text in request.query_params.getlist("connector"):
        if not (text.isdecimal() and int(text) in own):
            raise BadAddressError(
                gettext("choose the owner's own connectors, not %(text)s", text=repr(text))
            )
        found.append(int(text))
    return tuple(dict.fromkeys(found))


def _start(has: Services, given: Mapping[str, str], zone: str, *, first: bool) -> int:
    """Return when the tariff begins, UTC seconds; a connector's first one may at once."""
    text = given.get("starts", "")
    if first and not text:
        return has.now()
    start = moment_of(text, zone)
    earliest = has.now() + (0 if first else NOTICE_S + MARGIN_S)
    if start is None or start < earliest:
        raise BadAddressError(
            "a first tariff starts at once, or later"
            if first
            else "a tariff starts at least an "
            "hour and a quarter from now: an hour is its notice, the rest is for signing"
        )
    return start


def _terms(
    has: Services, given: Mapping[str, str], zone: str, *, first: bool
) -> tuple[Prices, int, int]:
    """Read the form: prices, VAT in basis points, start. Raises `BadAddressError`."""
    amounts = [money_of(given, name, MAX_PRICE) or 0 for name in PRICES]
    if not any(amounts):
        raise BadAddressError(gettext("a tariff has at least one price; enter 0 for the others"))
    vat = money_of(given, "vat", MAX_VAT_BPS * 10_000) or 0
    if vat % 10_000:
        raise BadAddressError("VAT is a percentage with two decimals at most, such as 20 or 7.5")
    return Prices(*amounts), vat // 10_000, _start(has, given, zone, first=first)


@router.get("/owners/{owner_id}/tariffs/new")
def new(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """Prepare a tariff for the owner's wallet to sign; nothing is kept here."""
    owner = owner_of(has, owner_id)
    connectors = has.model.connectors(owner_id)
    own = {one.connector_id: one for one in connectors}
    chosen = _chosen(request, own)
    given = {name: text.strip() for name, text in request.query_params.items()}
    zone = own[chosen[0]].time_zone if chosen else "UTC"
    problem, prices, start = "", None, None
    prepared: tuple[Prepared, ...] = ()
    examples: tuple[Example, ...] = ()
    shows = way_back(given.get("shows", ""), "")
    first = bool(chosen) and not any(has.model.tariffs(one) for one in chosen)
    if "kwh" in given:
        try:
            if not chosen:
                raise BadAddressError(gettext("choose at least one connector"))
            if len({own[one].time_zone for one in chosen}) > 1:
                raise BadAddressError("choose connectors of one time zone at once")
            prices, vat_bps, start = _terms(has, given, zone, first=first)
        except BadAddressError as error:
            problem = str(error)
        else:
            examples = tuple(
                Example(wh, plugged, idle, _cost(prices, wh, plugged, idle))
                for wh, plugged, idle in EXAMPLES
            )
            prepared = tuple(
                _publish(has, owner, own[one], prices, vat_bps, start, shows) for one in chosen
            )
    page = TariffForm(
        owner, connectors, chosen, given, problem, prices, start, zone, first, examples, prepared
    )
    table = Table(
        ("what", "from", "to", "data"),
        [(one.name, one.sender, one.to, one.data) for one in prepared],
    )
    context = {"owner_id": owner_id}
    return render(
        Page(
            "tariff_new.html",
            gettext("New tariff of %(owner)s", owner=owner.name),
            page,
            table,
            400 if problem else 200,
            context=context,
        )
    )


def _cost(prices: Prices, energy_wh: int, duration_s: int, idle_s: int) -> int:
    return gross(prices, energy_wh=energy_wh, duration_s=duration_s, idle_s=idle_s)


def _publish(
    has: Services,
    owner: Owner,
    connector: Connector,
    prices: Prices,
    vat_bps: int,
    start: int,
    shows: str,
) -> Prepared:
    """Return the transaction that publishes a flat tariff for one connector."""
    low_high = [price for price in (prices.kwh, prices.hour, prices.idle_hour) for _ in range(2)]
    call = contract_call(
        "StationRegistry",
        "publish_tariff",
        has.node.deployment.address("StationRegistry"),
        connector.connector_id,
        start,
        [*low_high, prices.session],
        vat_bps,
        FLAT,
    )
    name = f"Publish this tariff for {connector.station_identity}/{connector.connector_number}"
    return prepare(has, name, owner.account, call, shows)
