"""Every cent: each booking's parts make the whole, and so do sites, months and routes."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargecoin.record import Reason, Status
from dashboard.fees import (
    CARD,
    SHARES,
    Breakdown,
    SitePrices,
    breakdown,
    card_cost,
    energy_cost,
    routed,
    total,
    vat_of,
)
from dashboard.private.settings import CardRate, PurchasePrice
from dashboard.services import Services
from indexer.read_model import Booking, RoutedFees
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.people import sign_in
from tests.dashboard.serving import text_of
from tests.dashboard.world import ACCOUNT, Made, at

ZONE = "Europe/Berlin"
YEAR = date(2026, 1, 1)


def booking(**changes: Any) -> Booking:
    """Return an hour's settlement of ten kWh for twelve euros, by default."""
    fields: dict[str, Any] = {
        "kind": "settled",
        "connector_id": 1,
        "sequence": 1,
        "site_id": 1,
        "day": 20_000,
        "vat_bps": 2_000,
        "paid": 12_000_000,
        "campaign": 0,
        "fee": 12_000,
        "own": False,
        "energy_wh": 10_000,
        "started_at": at("2026-06-01 10:00", ZONE),
        "duration_s": 3600,
        "idle_s": 0,
    }
    return Booking(**(fields | changes))


def flat(per_kwh: int) -> SitePrices:
    return SitePrices([PurchasePrice(1, date(2000, 1, 1), 0, 24, per_kwh)], ZONE)


def test_a_session_is_broken_down_by_the_formula() -> None:
    found = breakdown(booking(), flat(200_000), CARD)
    # 12.00 holds 2.00 VAT; ten kWh at 0.20 cost 2.00; 0.1 % is 0.012.
    assert (found.vat, found.energy_cost, found.fee) == (2_000_000, 2_000_000, 12_000)
    assert found.margin == 12_000_000 - 2_000_000 - 2_000_000 - 12_000
    assert found.card == 12_000_000 * 150 // 10_000 + 250_000


def test_an_own_campaign_is_a_cost_and_a_sponsors_is_not() -> None:
    own = breakdown(booking(campaign=3_000_000, paid=9_000_000, own=True), flat(0), CARD)
    theirs = breakdown(booking(campaign=3_000_000, paid=9_000_000), flat(0), CARD)
    assert (own.received, own.campaign, own.sponsored) == (12_000_000, 3_000_000, 0)
    assert (theirs.received, theirs.campaign, theirs.sponsored) == (12_000_000, 0, 3_000_000)
    assert theirs.margin - own.margin == 3_000_000


def test_a_refund_takes_back_vat_and_fee_and_no_energy() -> None:
    back = booking(kind="refunded", paid=-6_000_000, fee=-6_000, energy_wh=0, duration_s=0)
    found = breakdown(back, flat(200_000), CARD)
    assert (found.vat, found.energy_cost, found.card) == (-1_000_000, 0, 0)
    assert found.margin == -6_000_000 + 1_000_000 + 6_000
    assert found.sessions == found.payments == 0


def test_energy_costs_what_each_hour_costs() -> None:
    prices = [
        PurchasePrice(1, YEAR, 0, 24, 300_000),
        PurchasePrice(1, YEAR, 22, 24, 100_000),
        PurchasePrice(1, date(2026, 6, 2), 0, 6, 50_000),
    ]
    price = SitePrices(prices, ZONE)
    # From 21:30 to 0:30: half an hour at 0.30, two hours at 0.10, half an hour at 0.05.
    made = booking(started_at=at("2026-06-01 21:30", ZONE), duration_s=3 * 3600, energy_wh=6_000)
    assert energy_cost(made, price) == 300_000 + 400_000 + 50_000
    # An hour of idling at the end costs no energy.
    idle = booking(
        started_at=at("2026-06-01 21:30", ZONE), duration_s=3 * 3600, idle_s=3600, energy_wh=6_000
    )
    assert energy_cost(idle, price) == 450_000 + 450_000


@given(st.integers(at("2026-03-20"), at("2026-11-05")), st.integers(60, 10**6))
def test_a_day_cut_into_hours_costs_the_same_as_whole(started_at: int, duration_s: int) -> None:
    whole = [PurchasePrice(1, YEAR, 0, 24, 300_000), PurchasePrice(1, date(2026, 6, 1), 0, 24, 7)]
    # A row that never counts, for a later one covers it, but that makes each hour be looked at.
    hours = [PurchasePrice(1, date(2025, 1, 1), 3, 4, 9_999_999), *whole]
    made = booking(started_at=started_at, duration_s=duration_s, energy_wh=987_654)
    assert energy_cost(made, SitePrices(whole, ZONE)) == energy_cost(made, SitePrices(hours, ZONE))


def test_where_a_price_is_missing_nothing_is_made_up() -> None:
    price = SitePrices([PurchasePrice(1, date(2026, 6, 2), 0, 24, 300_000)], ZONE)
    assert price.at(at("2026-06-01 23:59", ZONE))[0] is None
    assert price.at(at("2026-06-02 00:00", ZONE))[0] == 300_000
    over = booking(started_at=at("2026-06-01 23:30", ZONE))
    assert energy_cost(over, price) is None
    found = breakdown(over, price, CARD)
    assert (found.priced_wh, found.energy_wh, found.energy_cost) == (0, 10_000, 0)


AMOUNTS = st.integers(-(10**9), 10**9)
BOOKINGS = st.builds(
    booking,
    kind=st.sampled_from(["settled", "collected", "refunded"]),
    paid=AMOUNTS,
    campaign=AMOUNTS,
    fee=st.integers(-(10**6), 10**6),
    own=st.booleans(),
    vat_bps=st.none() | st.integers(0, 5_000),
    energy_wh=st.integers(0, 10**6),
    started_at=st.integers(at("2026-03-20"), at("2026-11-05")),
    duration_s=st.integers(0, 10**6),
    idle_s=st.integers(0, 10**6),
)
PRICES = st.lists(
    st.builds(
        PurchasePrice,
        site_id=st.just(1),
        since=st.dates(date(2026, 1, 1), date(2026, 10, 1)),
        hour_from=st.integers(0, 12),
        hour_to=st.integers(13, 24),
        per_kwh=st.integers(0, 10**7),
    ),
    max_size=4,
)


@given(st.lists(BOOKINGS, max_size=8), PRICES)
def test_parts_make_the_whole_of_any_bookings(
    bookings: list[Booking], prices: list[PurchasePrice]
) -> None:
    price = SitePrices(prices, ZONE)
    each = [breakdown(one, price, CARD) for one in bookings]
    whole = total(each)
    assert whole.adds_up
    assert all(one.adds_up for one in each)
    assert whole.received == sum(one.paid + one.campaign for one in bookings)
    assert whole.margin == sum(one.margin for one in each)


@given(BOOKINGS, st.integers(0, 10**7))
def test_one_price_all_day_costs_energy_times_price_rounded_once(
    made: Booking, per_kwh: int
) -> None:
    exact = Fraction(made.energy_wh * per_kwh, 1000)
    assert energy_cost(made, flat(per_kwh)) == int(exact + Fraction(1, 2))


@given(AMOUNTS, st.integers(0, 5_000))
def test_vat_is_that_within_the_amount_to_half_a_unit(amount: int, bps: int) -> None:
    exact = Fraction(amount * bps, 10_000 + bps)
    assert abs(vat_of(amount, bps) - exact) <= Fraction(1, 2)
    assert vat_of(-amount, bps) == -vat_of(amount, bps)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**12), min_size=6, max_size=6))
def test_routes_make_the_fee_each_within_a_unit_of_its_share(fee: int, weights: list[int]) -> None:
    names = dict(zip(SHARES, weights, strict=True))
    found = routed(fee, RoutedFees(kept={}, **names))
    assert sum(found.values()) == fee
    whole = sum(weights)
    if whole:
        for name, weight in names.items():
            assert abs(found[name] - Fraction(fee * weight, whole)) < 1


def test_a_card_takes_its_percentage_rounded_half_up_and_its_fixed_amount() -> None:
    assert card_cost(1_000_050, CardRate(100, 5)) == 10_001 + 5
    assert card_cost(1_000_049, CardRate(100, 5)) == 10_000 + 5


async def test_a_month_equals_a_recomputation_from_the_sessions(
    pages: httpx.AsyncClient, has: Services, busy_town: Town
) -> None:
    sites = {one.site_id: one for one in has.model.sites(1)}
    has.settings.enter_prices(
        1, [PurchasePrice(one, YEAR, 0, 24, 180_000) for one in sites], ACCOUNT, NOW
    )
    await sign_in(pages, "station_owner")
    page = (await pages.get("/owners/1/fees.json")).json()
    rows = [
        row
        for row in csv.DictReader((await pages.get("/owners/1/sessions.csv")).text.splitlines())
        if row["settled_day"] >= "2026-11-01"
        and row["status"] != "rejected"
        and row["reason"] != "no_payer"
    ]
    paid = [int(row["paid"]) for row in rows]
    found = page["sum"]
    assert found["sessions"] == len(rows) > 200
    assert found["received"] == sum(paid)
    assert found["fee"] == sum(int(row["fee"]) for row in rows)
    assert found["vat"] == sum(int(Fraction(one, 6) + Fraction(1, 2)) for one in paid)
    assert found["energy_cost"] == sum(int(row["energy_wh"]) * 180 for row in rows)
    month = (await pages.get("/owners/1.json")).json()["overview"]["month"]["totals"]
    assert (found["received"], found["fee"]) == (month["paid"], month["fee"])
    for name in found:
        assert found[name] == sum(line["sum"][name] for line in page["lines"])
    exported = list(csv.DictReader((await pages.get("/owners/1/fees.csv")).text.splitlines()))
    assert sum(int(row["margin"]) for row in exported) == Breakdown(**found).margin
    assert "It adds up exactly" in text_of((await pages.get("/owners/1/fees")).text)


async def test_debts_and_refunds_count_on_the_day_they_move(
    pages: httpx.AsyncClient, town: Town
) -> None:
    connector = town.harbour[0]
    october, november = at("2026-10-20 12:00"), at("2026-11-10 12:00")
    made = Made(
        connector,
        october - 7200,
        status=Status.UNFUNDED,
        reason=Reason.BALANCE_SHORT,
        paid=6_000_000,
        debt=3_000_000,
    )
    [session_id] = town.world.settle(october, [made])
    town.world.collect(november, session_id, 3_000_000, paid_before=6_000_000)
    town.world.refund(at("2026-11-12 12:00"), session_id, 1_200_000, fee_back=1_200)
    first = (await pages.get("/owners/1/fees.json?month=2026-10")).json()["sum"]
    second = (await pages.get("/owners/1/fees.json?month=2026-11")).json()["sum"]
    assert (first["received"], first["fee"], first["vat"]) == (6_000_000, 6_000, 1_000_000)
    # Three euros came in and 1.20 went back, each with the VAT and the fee within it.
    assert (second["received"], second["fee"], second["vat"]) == (1_800_000, 1_800, 300_000)
    assert (first["sessions"], second["sessions"], second["energy_wh"]) == (1, 0, 0)
    session = (await pages.get("/owners/1/fees/1/1.json")).json()
    assert [one[0]["kind"] for one in session["bookings"]] == [
        "settled",
        "collected",
        "refunded",
    ]
    assert session["sum"]["received"] == 7_800_000
    assert "Debt collected" in text_of((await pages.get("/owners/1/fees/1/1")).text)


async def test_a_site_alone_is_its_part(pages: httpx.AsyncClient, busy_town: Town) -> None:
    whole = (await pages.get("/owners/1/fees.json")).json()
    for line in whole["lines"]:
        site_id = line["site"]["site_id"]
        alone = (await pages.get(f"/owners/1/fees.json?site={site_id}")).json()
        assert alone["sum"] == line["sum"]
    assert (await pages.get("/owners/1/fees?site=3")).status_code == 400


async def test_without_signing_in_there_is_no_energy_cost_and_it_says_so(
    pages: httpx.AsyncClient, has: Services, busy_town: Town
) -> None:
    has.settings.enter_prices(1, [PurchasePrice(1, YEAR, 0, 24, 180_000)], ACCOUNT, NOW)
    page = (await pages.get("/owners/1/fees.json")).json()
    assert (page["private"], page["sum"]["energy_cost"]) == (False, 0)
    text = text_of((await pages.get("/owners/1/fees")).text)
    assert "Margin before energy" in text
    assert "Sign in to see the margin" in text
    await sign_in(pages, "station_owner")
    text = text_of((await pages.get("/owners/1/fees")).text)
    assert "no price is entered for" in text  # The other site has none yet.


async def test_prices_are_entered_by_form_and_by_file(
    pages: httpx.AsyncClient, has: Services, town: Town
) -> None:
    await sign_in(pages, "station_owner")
    one = {"site": "1", "since": "2026-01-01", "hour_from": "", "hour_to": "", "per_kwh": "0,21"}
    assert (await pages.post("/owners/1/prices", data=one)).status_code == 303
    head = "\ufeffsite,since,hour_from,hour_to,per_kwh\r\n"
    many = f"{head}1,2026-02-01,22,24,0.125\r\n2,2026-02-01,,,0.2\r\n"
    assert (await pages.post("/owners/1/prices", data={"csv": many})).status_code == 303
    assert has.settings.purchase_prices(1) == (
        PurchasePrice(1, date(2026, 1, 1), 0, 24, 210_000),
        PurchasePrice(1, date(2026, 2, 1), 22, 24, 125_000),
        PurchasePrice(2, date(2026, 2, 1), 0, 24, 200_000),
    )
    # What the page gives away can be entered again.
    taken = (await pages.get("/owners/1/prices.csv")).text
    assert (await pages.post("/owners/1/prices", data={"csv": taken})).status_code == 303
    assert len(has.settings.purchase_prices(1)) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("since,per_kwh\n2026-01-01,1", "the first line names the columns"),
        ("site,since,per_kwh", "the file holds no price"),
        ("site,since,per_kwh\n1,2026-01-01,0.2\n3,2026-01-01,0.2", "line 3: site is the number"),
        ("site,since,per_kwh\n1,yesterday,0.2", "line 2: since is a date"),
        ("site,since,per_kwh\n1,2026-01-01,11", "line 2: per_kwh is an amount from 0 to 10"),
        ("site,since,per_kwh\n1,2026-01-01,", "line 2: per_kwh is the price"),
        ("site,since,per_kwh\n1,2026-01-01,0.2,9", "line 2: there are more values"),
        ("site,since,hour_from,hour_to,per_kwh\n1,2026-01-01,9,9,1", "line 2: hours go"),
    ],
)
async def test_a_file_with_a_fault_is_refused_whole_and_names_the_line(
    pages: httpx.AsyncClient, has: Services, town: Town, text: str, words: str
) -> None:
    await sign_in(pages, "station_owner")
    answer = await pages.post("/owners/1/prices", data={"csv": text})
    assert answer.status_code == 400
    assert words in text_of(answer.text)
    assert has.settings.purchase_prices(1) == ()


async def test_the_card_rate_is_the_owners_own_once_set(
    pages: httpx.AsyncClient, has: Services, busy_town: Town
) -> None:
    await sign_in(pages, "station_owner")
    before = (await pages.get("/owners/1/fees.json")).json()
    await pages.post("/owners/1/prices/card", data={"percent": "2.9", "fixed": "0.30"})
    after = (await pages.get("/owners/1/fees.json")).json()
    assert has.settings.card_rate(1) == CardRate(290, 300_000)
    assert (before["card_is_own"], after["card_is_own"]) == (False, True)
    assert after["sum"]["card"] > before["sum"]["card"] > after["sum"]["fee"]
    refused = await pages.post("/owners/1/prices/card", data={"percent": "2.999", "fixed": "0.3"})
    assert refused.status_code == 400


async def test_an_auditor_reads_the_months_margin(
    pages: httpx.AsyncClient, has: Services, busy_town: Town
) -> None:
    has.settings.enter_prices(1, [PurchasePrice(1, YEAR, 0, 24, 180_000)], ACCOUNT, NOW)
    now = has.wall_now()
    token = has.access.give_link(1, "fees", date(2026, 11, 1), ACCOUNT, now, 3)
    page = (await pages.get(f"/audit/{token}.json")).json()
    assert page["private"] is True
    assert page["sum"]["energy_cost"] > 0
    assert "opened by an auditor" in text_of((await pages.get(f"/audit/{token}")).text)


async def test_a_session_of_which_no_money_moved_is_not_found(
    pages: httpx.AsyncClient, town: Town
) -> None:
    town.world.settle(NOW - 900, [Made(town.kiel[0], NOW - 9000)])
    for path in ("/owners/1/fees/1/1", "/owners/1/fees/5/1", "/owners/1/fees/9999999999999/1"):
        assert (await pages.get(path)).status_code == 404
    assert (await pages.get("/owners/2/fees/5/1")).status_code == 200


def test_hours_of_a_day_that_repeats_one_are_all_priced() -> None:
    price = SitePrices([PurchasePrice(1, YEAR, 0, 24, 1_000_000)], ZONE)
    midnight = datetime(2026, 10, 25, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    made = booking(started_at=int(midnight.timestamp()), duration_s=25 * 3600, energy_wh=25_000)
    assert energy_cost(made, price) == 25_000_000
    assert midnight + timedelta(hours=25) == datetime(2026, 10, 26, tzinfo=ZoneInfo(ZONE))
