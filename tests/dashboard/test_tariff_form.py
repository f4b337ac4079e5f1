"""Publishing a tariff: what the page prepares is what the registry takes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from eth_abi.abi import default_codec

from chargecoin.chain.calls import function
from chargecoin.tariff import MAX_PRICE
from dashboard.errors import BadAddressError
from dashboard.query import money_of
from tests.dashboard.conftest import Town
from tests.dashboard.serving import text_of
from tests.dashboard.world import ACCOUNT, ADDRESSES, at

PATH = "/owners/1/tariffs/new"
GOOD = {
    "connector": ["1", "2"],
    "kwh": "0.49",
    "hour": "",
    "idle_hour": "6",
    "session": "0,35",
    "vat": "20",
    "starts": "2026-11-23T06:30",
}


def address(form: str = "", **changes: Any) -> str:
    """Return the form's address when it is filled in."""
    return f"{PATH}{form}?{urlencode(GOOD | changes, doseq=True)}"


async def test_each_connector_has_its_transaction(pages: httpx.AsyncClient, town: Town) -> None:
    answer = await pages.get(address(".json"))
    assert answer.status_code == 200
    page = answer.json()
    assert [one["name"] for one in page["prepared"]] == [
        "Publish this tariff for TAY-01/1",
        "Publish this tariff for TAY-01/2",
    ]
    publish = function("StationRegistry", "publish_tariff")
    for connector, one in enumerate(page["prepared"], 1):
        assert (one["sender"], one["to"]) == (ACCOUNT, ADDRESSES["StationRegistry"])
        data = bytes.fromhex(one["data"][2:])
        assert data[:4] == publish.selector
        given = default_codec.decode(publish.inputs, data[4:])
        start = at("2026-11-23 06:30", "Europe/London")
        prices = (490_000, 490_000, 0, 0, 6_000_000, 6_000_000, 350_000)
        assert given == (connector, start, prices, 2_000, bytes(32))


async def test_the_page_says_what_drivers_would_pay(pages: httpx.AsyncClient, town: Town) -> None:
    html = (await pages.get(address())).text
    # 30 kWh at 0.49, half an hour idle at 6.00, 0.35 a session.
    assert "€18.05" in text_of(html)
    assert html.count("data-wallet-send=") == 2
    assert "Content-Security-Policy" not in html
    blank = (await pages.get(PATH + "?connector=2")).text
    assert 'value="2" checked' in blank
    assert "data-wallet-send" not in blank


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kwh": "-1"}, "kwh is an amount from 0 to"),
        ({"kwh": "0.1234567"}, "six decimals at most"),
        ({"kwh": "200"}, "kwh is an amount from 0 to 134"),
        ({"kwh": "", "idle_hour": "0", "session": ""}, "at least one price"),
        ({"vat": "60"}, "vat is an amount from 0 to 50"),
        ({"vat": "19.125"}, "two decimals at most"),
        ({"starts": "2026-11-22T13:30"}, "at least an hour and a quarter from now"),
        ({"starts": "tomorrow"}, "at least an hour and a quarter from now"),
        ({"connector": []}, "choose at least one connector"),
    ],
)
async def test_a_form_that_cannot_be_says_why_and_prepares_nothing(
    pages: httpx.AsyncClient, town: Town, changes: dict[str, Any], words: str
) -> None:
    answer = await pages.get(address(**changes))
    assert answer.status_code == 400
    assert words in text_of(answer.text).lower()
    assert "data-wallet-send" not in answer.text


async def test_anothers_connector_is_refused(pages: httpx.AsyncClient, town: Town) -> None:
    answer = await pages.get(address(connector=["5"]))
    assert answer.status_code == 400
    assert "own connectors" in text_of(answer.text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0", 0), ("1", 1_000_000), ("0,5", 500_000), ("12.345678", 12_345_678), ("", None)],
)
def test_amounts_are_read_exactly(text: str, amount: int | None) -> None:
    assert money_of({"price": text}, "price", MAX_PRICE) == amount


@pytest.mark.parametrize("text", ["1e3", "1.", ".5", "1.2345678", "€1", "1 000", "٣", "1.0.0"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(BadAddressError):
        money_of({"price": text}, "price", MAX_PRICE)
