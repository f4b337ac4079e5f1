"""Registering from nothing: what pages prepare is what the registry takes, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
from eth_abi.abi import default_codec
from sqlalchemy import Engine

from chargecoin.chain.calls import function
from chargecoin.clock import ManualClock
from dashboard.services import Services
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.people import sign_in
from tests.dashboard.serving import client, services, text_of
from tests.dashboard.world import ACCOUNT, ADDRESSES, DEPLOYMENT, World
from tests.support.charging import Meter

OWNER: Final = "/owners/1/onboarding"
SITE: Final = {
    "add": "site",
    "name": "Quay",
    "time_zone": "Europe/Berlin",
    "country": "DE",
    "grid_zone": "",
}
STATION: Final = {
    "add": "station",
    "site": "1",
    "identity": "TAY-09",
    "vendor": "Vendor",
    "model": "AC-22",
}


def called(prepared: dict[str, Any], name: str) -> tuple[Any, ...]:
    """Return what a prepared transaction gives to a function of the registry."""
    asked = function("StationRegistry", name)
    data = bytes.fromhex(prepared["data"][2:])
    assert (prepared["to"], data[:4]) == (ADDRESSES["StationRegistry"], asked.selector)
    return tuple(default_codec.decode(asked.inputs, data[4:]))


async def prepared(pages: httpx.AsyncClient, path: str, fields: Any) -> list[dict[str, Any]]:
    """Return what a form prepares."""
    answer = await pages.get(f"{path}.json?{urlencode(fields, doseq=True)}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["prepared"]
    return found


def begun(world: World) -> None:
    """Register a third owner with a site and a station that has two EVSEs and no connector."""
    owner = {"owner_id": 3, "account": ACCOUNT, "name": "Quayside"}
    site = {"site_id": 9, "owner_id": 3, "name": "Quay", "time_zone": "Europe/London"}
    place = site | {"country": "GB", "grid_zone": "GB"}
    station = {"station_id": 9, "site_id": 9, "identity": "Q-1", "vendor": "V", "model": "M"}
    world.mine(
        NOW - 60,
        [
            ("StationRegistry", "OwnerRegistered", owner),
            ("StationRegistry", "SiteAdded", place),
            ("StationRegistry", "StationAdded", station),
        ],
    )


def with_evses(world: World) -> None:
    """Add two EVSEs to that station."""
    parts = [
        {"evse": 90 + number, "station_id": 9, "evse_number": number, "evse_id": ""}
        for number in (1, 2)
    ]
    world.mine(NOW - 50, [("StationRegistry", "EvseAdded", one) for one in parts])


def settle_blocks(world: World) -> None:
    """Make everything so far final."""
    for number in range(3):
        world.mine(NOW - 40 + number)


async def steps(pages: httpx.AsyncClient, path: str = "/owners/3/onboarding/9") -> dict[str, str]:
    """Return the state of each step of a station."""
    answer = await pages.get(path + ".json")
    return {one["name"]: one["state"] for one in answer.json()["progress"]["steps"]}


async def test_whoever_signs_becomes_the_owner(pages: httpx.AsyncClient, town: Town) -> None:
    [one] = await prepared(pages, "/owners/new", {"name": "Quayside"})
    assert one["sender"] == ""
    assert called(one, "register_owner") == ("Quayside",)
    html = (await pages.get("/owners/new?name=Quayside")).text
    assert "any account of yours" in html
    assert "/owners/new" in (await pages.get("/")).text


async def test_a_site_and_a_station_are_prepared(pages: httpx.AsyncClient, town: Town) -> None:
    [site] = await prepared(pages, OWNER, SITE)
    assert site["sender"] == ACCOUNT
    assert called(site, "add_site") == (1, "Quay", "Europe/Berlin", "DE", "DE")
    [other] = await prepared(pages, OWNER, SITE | {"grid_zone": "DE-NORTH"})
    assert called(other, "add_site")[-1] == "DE-NORTH"
    [station] = await prepared(pages, OWNER, STATION)
    assert called(station, "add_station") == (1, "TAY-09", "Vendor", "AC-22")


async def test_what_the_registry_would_refuse_is_refused_before(
    pages: httpx.AsyncClient, town: Town
) -> None:
    settle_blocks(town.world)
    for fields, words in (
        (SITE | {"name": ""}, "enter name"),
        (SITE | {"name": "ü" * 33}, "at most 64 bytes"),
        (SITE | {"name": "Harbour"}, "is registered already"),
        (SITE | {"time_zone": "Mars/Olympus"}, "choose a time zone"),
        (SITE | {"country": "ZZ"}, "choose a country"),
        (SITE | {"grid_zone": "x" * 33}, "at most 32 bytes"),
        (STATION | {"site": "3"}, "owner's sites that is final"),
        (STATION | {"identity": "no spaces"}, "OCPP identity"),
        (STATION | {"identity": "TAY-01"}, "is registered already here"),
        (STATION | {"identity": "NL-01"}, "by another owner; give the charger another identity"),
        (STATION | {"model": "x" * 51}, "at most 50 bytes"),
    ):
        answer = await pages.get(f"{OWNER}?{urlencode(fields)}")
        assert answer.status_code == 400
        assert words.lower() in text_of(answer.text).lower()
        assert "data-wallet-send" not in answer.text


async def test_each_step_waits_until_the_one_before_is_final(
    pages: httpx.AsyncClient, town: Town
) -> None:
    begun(town.world)
    assert (await steps(pages))["station"] == "waiting"
    assert (await steps(pages))["evses"] == "later"
    refused = await pages.get(f"/owners/3/onboarding?{urlencode(STATION | {'site': '9'})}")
    assert "final on the chain" in text_of(refused.text)
    settle_blocks(town.world)
    assert (await steps(pages))["evses"] == "now"
    path = "/owners/3/onboarding/9"
    two = await prepared(pages, path, {"step": "evses", "count": "2", "evse_ids": "A*1 A*2"})
    assert [called(one, "add_evse") for one in two] == [(9, 1, "A*1"), (9, 2, "A*2")]
    with_evses(town.world)
    assert (await steps(pages))["evses"] == "waiting"
    assert (await steps(pages))["connectors"] == "later"
    settle_blocks(town.world)
    assert (await steps(pages))["connectors"] == "now"
    form = {"step": "connectors", "evse": ["91", "92"], "standard": "5", "power_type": "3"}
    two = await prepared(pages, path, form | {"kilowatts": "7,4"})
    assert [called(one, "add_connector") for one in two] == [
        (91, 1, 5, 3, 7_400),
        (92, 2, 5, 3, 7_400),
    ]
    # What was begun is found again, and leads to where it stopped.
    listed = (await pages.get("/owners/3/onboarding.json")).json()["stations"]
    assert [(one["identity"], one["lacks"]) for one in listed] == [("Q-1", "connectors")]


async def test_parts_that_cannot_be_are_refused(pages: httpx.AsyncClient, town: Town) -> None:
    begun(town.world)
    with_evses(town.world)
    settle_blocks(town.world)
    for fields, words in (
        ({"step": "evses", "count": "0"}, "how many"),
        ({"step": "evses", "count": "17"}, "count is a whole number up to 16"),
        ({"step": "evses", "count": "2", "evse_ids": "A"}, "2 EVSE ids, or none"),
        (
            {"step": "connectors", "evse": "1", "standard": "4", "power_type": "2"},
            "EVSEs of this station",
        ),
        ({"step": "connectors", "evse": "91", "standard": "9", "power_type": "2"}, "up to 8"),
        ({"step": "connectors", "evse": "91", "standard": "4", "power_type": ""}, "AC or DC"),
        (
            {"step": "connectors", "evse": "91", "standard": "4", "power_type": "2"},
            "the most it delivers",
        ),
    ):
        answer = await pages.get(f"/owners/3/onboarding/9?{urlencode(fields)}")
        assert answer.status_code == 400
        assert words.lower() in text_of(answer.text).lower()
        assert "data-wallet-send" not in answer.text


async def test_a_stations_first_tariff_may_start_at_once(
    pages: httpx.AsyncClient, town: Town
) -> None:
    begun(town.world)
    with_evses(town.world)
    connector = {"connector_id": 99, "evse": 91, "connector_number": 1, "standard": 4}
    power = {"power_type": 2, "max_power_w": 22_000}
    town.world.mine(NOW - 30, [("StationRegistry", "ConnectorAdded", connector | power)])
    form = {"connector": "99", "kwh": "0.45", "shows": "/owners/3/onboarding/9"}
    [one] = await prepared(pages, "/owners/3/tariffs/new", form)
    assert called(one, "publish_tariff")[1] == NOW
    assert one["shows"] == "/owners/3/onboarding/9"


async def test_a_meters_key_is_recognised_tried_and_called_what_it_is(
    pages: httpx.AsyncClient, town: Town
) -> None:
    settle_blocks(town.world)
    meter = Meter("ECDSA-brainpool256r1-SHA256")
    fields = {
        "connector": "1",
        "key": meter.public_key.hex(),
        "sample": meter.sign(meter.reading("B", "1.000", NOW)),
    }
    answer = await pages.post(f"{OWNER}/1/key.json", data=fields)
    assert answer.status_code == 200, answer.text
    [one] = answer.json()["prepared"]
    assert called(one, "add_meter_key") == (1, 6, meter.public_key, NOW)
    html = text_of((await pages.post(f"{OWNER}/1/key", data=fields)).text)
    assert "brainpoolP256r1" in html
    assert f"it verifies the sample of meter {meter.serial}" in html
    assert "you alone, until its manufacturer or an authority does" in html
    other = Meter("ECDSA-brainpool256r1-SHA256", number=8)
    for changes, words in (
        ({"key": other.public_key.hex()}, "not that of the meter of the sample"),
        ({"key": "abc"}, "hex, base64 or PEM"),
        ({"sample": "{}"}, "no signed data set"),
        ({"key": fields["sample"], "sample": ""}, "does not hold its public key"),
        ({"connector": "5"}, "connector of this station"),
    ):
        refused = await pages.post(f"{OWNER}/1/key", data=fields | changes)
        assert refused.status_code == 400
        assert words in text_of(refused.text)


CENTRAL: Final[dict[str, Any]] = {
    "oracle": "0x" + "ab" * 20,
    "url": "wss://ocpp.example/ocpp/",
    "owners": [1],
}


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    """What was posted to the oracle."""
    return []


@pytest.fixture
async def admitting(
    engine: Engine, clock: ManualClock, town: Town, asked: list[dict[str, Any]]
) -> AsyncIterator[httpx.AsyncClient]:
    """A dashboard whose oracle takes requests of owner 1 for the charger TAY-01."""

    def oracle(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/charge-points":
            return httpx.Response(404)
        if request.method == "GET":
            return httpx.Response(200, json=CENTRAL)
        body = httpx.Response(200, content=request.content).json()
        asked.append(body)
        if body["identity"] != "TAY-01":
            return httpx.Response(409, json={"reason": "not_newer", "detail": "it was taken"})
        return httpx.Response(200, json={"identity": "TAY-01", "url": CENTRAL["url"] + "TAY-01"})

    has: Services = services(engine, DEPLOYMENT, clock, wall=ManualClock(NOW), oracle=oracle)
    settle_blocks(town.world)
    async with client(has) as made:
        yield made


async def test_the_oracles_that_take_the_owners_chargers_are_offered(
    admitting: httpx.AsyncClient,
) -> None:
    html = (await admitting.get(f"{OWNER}/1?step=password")).text
    assert "data-wallet-admit" in html
    assert "ChargePointPassword" in html
    assert "charge-point add --owner 1 TAY-01" in text_of(html)
    other = text_of((await admitting.get("/owners/2/onboarding/3?step=password")).text)
    assert "takes no requests of owner 2" in other


async def test_a_signed_request_is_passed_on_and_the_oracles_word_is_told(
    admitting: httpx.AsyncClient, asked: list[dict[str, Any]]
) -> None:
    fields = {
        "oracle": "http://oracle.test",
        "salt": "0x" + "01" * 32,
        "hash": "0x" + "02" * 32,
        "issuedAt": str(NOW),
        "signature": "0x" + "03" * 65,
    }
    assert (await admitting.post(f"{OWNER}/1/password.json", data=fields)).status_code == 401
    await sign_in(admitting, "station_owner")
    answer = await admitting.post(f"{OWNER}/1/password.json", data=fields)
    assert answer.json() == {"identity": "TAY-01", "url": "wss://ocpp.example/ocpp/TAY-01"}
    assert asked == [
        {
            "identity": "TAY-01",
            "owner_id": 1,
            "salt": fields["salt"],
            "hash": fields["hash"],
            "issued_at": NOW,
            "signature": fields["signature"],
        }
    ]
    refused = await admitting.post(f"{OWNER}/2/password.json", data=fields)
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "The oracle says: it was taken.",
    )
    elsewhere = fields | {"oracle": "http://169.254.169.254"}
    answer = await admitting.post(f"{OWNER}/1/password.json", data=elsewhere)
    assert answer.status_code == 409
    assert len(asked) == 2
