"""Schedule, destination and a payout now: what a page prepares is what the contracts take."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
from eth_abi.abi import default_codec

from chargecoin.chain.calls import function
from dashboard.services import Services
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import text_of
from tests.dashboard.test_payouts_page import DAY, OTHER, PARTNER, REFERENCE, pay, send_to
from tests.dashboard.world import ACCOUNT, ADDRESSES, Made

BASE: Final = "/owners/1/payouts"
NOBODY: Final = "0x" + "00" * 20


async def prepared(pages: httpx.AsyncClient, page: str, **form: str) -> dict[str, Any] | None:
    """Return what a form prepares."""
    answer = await pages.get(f"{BASE}/{page}.json?{urlencode(form)}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] | None = answer.json()["prepared"]
    return found


def arguments(one: dict[str, Any] | None, contract: str, name: str) -> tuple[Any, ...]:
    """Return with what a prepared transaction calls a contract's function."""
    assert one is not None
    called, data = function(contract, name), bytes.fromhex(one["data"][2:])
    assert (one["sender"], one["to"]) == (ACCOUNT, ADDRESSES[contract])
    assert data[:4] == called.selector
    return default_codec.decode(called.inputs, data[4:])


async def test_a_schedule_is_prepared_in_the_contracts_terms(
    pages: httpx.AsyncClient, town: Town
) -> None:
    assert await prepared(pages, "schedule") is None
    one = await prepared(pages, "schedule", cycle="2", threshold="25,50")
    assert arguments(one, "Payouts", "set_schedule") == (1, 2, 25_500_000)
    assert one is not None
    assert one["name"] == "Pay Tay Valley Charging every week, from €25.50 on"
    assert one["shows"] == BASE


async def test_a_destination_is_prepared_with_the_partners_reference(
    pages: httpx.AsyncClient, town: Town
) -> None:
    assert await prepared(pages, "destination") is None
    form = {"where": "partner", "to": PARTNER.lower(), "reference": "ACME-10442"}
    one = await prepared(pages, "destination", **form)
    given = arguments(one, "Settlement", "set_destination")
    assert given == (1, PARTNER.lower(), b"ACME-10442".ljust(32, b"\0"))
    own = await prepared(pages, "destination", where="own")
    assert arguments(own, "Settlement", "set_destination") == (1, NOBODY, bytes(32))
    text = text_of((await pages.get(f"{BASE}/destination?{urlencode(form)}")).text)
    assert "counts three days later, from 25 Nov 2026, 13:15 UTC" in text


async def test_a_change_that_waits_is_taken_back_by_setting_what_is_in_force(
    pages: httpx.AsyncClient, town: Town
) -> None:
    send_to(town, NOW - 10 * DAY, PARTNER)
    answer = await pages.get(f"{BASE}/destination?cancel=1")
    assert answer.status_code == 400
    assert "No change of destination waits" in text_of(answer.text)
    send_to(town, NOW - DAY, OTHER)
    html = (await pages.get(f"{BASE}/destination")).text
    assert "Prepare taking it back" in html
    assert OTHER in html
    one = await prepared(pages, "destination", cancel="1")
    given = arguments(one, "Settlement", "set_destination")
    assert given == (1, PARTNER.lower(), REFERENCE)


async def test_a_payout_now_is_of_all_or_of_a_part_to_the_own_account(
    pages: httpx.AsyncClient, town: Town, has: Services
) -> None:
    answer = await pages.get(f"{BASE}/now")
    assert answer.status_code == 400
    assert "Nothing is accrued that could be paid out" in text_of(answer.text)
    town.world.settle(NOW - 900, [Made(town.harbour[0], NOW - 9000)])
    accrued = has.model.statement(1, limit=1).items[0].balance
    one = await prepared(pages, "now")
    assert arguments(one, "Payouts", "pay_now") == (1,)
    assert await prepared(pages, "now", where="own") is None
    part = await prepared(pages, "now", where="own", amount="0.5")
    assert arguments(part, "Settlement", "withdraw_accrual") == (1, 500_000)
    more = await pages.get(f"{BASE}/now?where=own&amount={accrued // 1_000_000 + 1}")
    assert more.status_code == 400


@pytest.mark.parametrize(
    ("page", "form", "words"),
    [
        ("schedule", {"cycle": "4"}, "cycle is a whole number up to 3"),
        ("schedule", {"cycle": "1", "threshold": "0.001"}, "The threshold is in whole cents"),
        ("schedule", {"cycle": "1", "threshold": "99999999"}, "threshold is an amount from 0"),
        ("destination", {"where": "partner", "to": "0x12"}, "40 hex digits"),
        ("destination", {"where": "partner", "to": NOBODY}, "40 hex digits"),
        (
            "destination",
            {"where": "partner", "to": PARTNER, "reference": "x" * 33},
            "at most 32 bytes",
        ),
    ],
)
async def test_what_cannot_be_prepared_says_why(
    pages: httpx.AsyncClient, town: Town, page: str, form: dict[str, str], words: str
) -> None:
    answer = await pages.get(f"{BASE}/{page}?{urlencode(form)}")
    assert answer.status_code == 400
    assert words.lower() in text_of(answer.text).lower()
    assert "data-wallet-send" not in answer.text


async def test_a_payouts_way_adds_up_and_ends_where_nobody_can_see(
    pages: httpx.AsyncClient, town: Town, has: Services
) -> None:
    [one, _] = town.world.settle(
        NOW - 5000, [Made(town.harbour[0], NOW - 9000), Made(town.harbour[1], NOW - 9000)]
    )
    town.world.refund(NOW - 4000, one, 1_000_000, 1_000)
    amount = has.model.statement(1, limit=1).items[0].balance
    pay(town, NOW - 3000, 1, amount)
    town.world.settle(NOW - 2000, [Made(town.harbour[0], NOW - 9000)])
    [paid] = has.model.payouts(1).items
    where = f"{BASE}/{paid.provenance.transaction}"
    page = (await pages.get(f"{where}.json")).json()
    assert [(line["kind"], line["entries"]) for line in page["lines"]] == [
        ("refunded", 1),
        ("settled", 1),
    ]
    assert sum(line["amount"] for line in page["lines"]) == amount == page["payout"]["amount"]
    assert page["kept"] == 0
    text = text_of((await pages.get(where)).text)
    assert "It adds up, to the last unit." in text
    assert "cannot be seen here" in text
    assert where in (await pages.get(BASE)).text
    for wrong in ("0x" + "12" * 32, "0x12", "x"):
        assert (await pages.get(f"{BASE}/{wrong}")).status_code == 404
    other = f"/owners/2/payouts/{paid.provenance.transaction}"
    assert (await pages.get(other)).status_code == 404
