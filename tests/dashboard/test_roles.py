"""Every route as every role: what an owner's people may see and change, and nobody else.

The routes are asked of the application itself: one that is added is tried here, or the
test says what it lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from chargecoin.clock import ManualClock
from chargecoin.footprint.allocation import Certificate
from chargecoin.footprint.tables import Value
from dashboard.access.roles import Role
from dashboard.access.visitor import Holds, Needs
from dashboard.app import VIEWS, routed
from dashboard.private.carbon import NewTable
from dashboard.private.settings import CardRate, KeptMandate, PurchasePrice
from dashboard.services import Services
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.people import key, sign_in
from tests.dashboard.serving import client, services, text_of
from tests.dashboard.verdicts import ADMIN, ANYBODY, FINANCE, HOLDER, VIEWER
from tests.dashboard.world import DEPLOYMENT

# What each of the first owner's people may; the others have no role there. `payer` is the
# holder of the first vault account.
PEOPLE: Final = {
    "nobody": Role.NONE,
    "stranger": Role.NONE,
    "payer": Role.NONE,
    "viewer": Role.VIEWER,
    "finance": Role.FINANCE,
    "station_owner": Role.ADMIN,
}
VALUES: Final = {
    "owner_id": "1",
    "account": "1",
    "connector_id": "1",
    "sequence": "1",
    "number": "1",
    "epoch": "2950",
    "campaign_id": "1",
    "address": "0x" + "12" * 20,
    "token": "none",
    "station_id": "1",
    "site_id": "1",
    "session_hex": "0x" + "00" * 32,
    "transaction": "0x" + "00" * 32,
}
# Not pages: streams that never end.
STREAMS: Final = frozenset({"/live"})
# Sent by anybody, and about nobody's private settings.
OPEN_TO_ALL: Final = frozenset(
    {
        "/verify",
        "/sign-in",
        "/sign-in/answer",
        "/sign-out",
        "/language",
        # Reads a key and prepares its entry, which anybody may.
        "/owners/{owner_id}/onboarding/{station_id}/key",
    }
)
# Stands in every private setting of the first owner, and must show to nobody else.
SECRET: Final = "secretcanary"
SECRET_PRICE: Final = 987_654
SECRET_MANDATE: Final = "0x" + "5e" * 32
SECRET_ADDRESS: Final = key("invited").address


@dataclass(frozen=True)
class Route:
    """One address with one method, and the least role that its own guard lets in."""

    method: str
    path: str
    needs: Role
    holder: bool = False

    @property
    def address(self) -> str:
        """The address with values in it."""
        return self.path.format(**VALUES)

    def lets_in(self, person: str) -> bool:
        """Whether somebody may ask it."""
        return person == "payer" if self.holder else PEOPLE[person] >= self.needs

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def guards(dependant: Dependant) -> Iterator[Needs | Holds]:
    """Yield the guards that a route depends on."""
    for one in dependant.dependencies:
        if isinstance(one.call, Needs | Holds):
            yield one.call
        yield from guards(one)


def routes() -> list[Route]:
    """Return every route of the application."""
    found = []
    for views in VIEWS:
        for route in views.router.routes:
            assert isinstance(route, APIRoute)
            found += _routes(route)
    return found


def _routes(route: APIRoute) -> list[Route]:
    kinds = list(guards(route.dependant))
    needs = max((one.role for one in kinds if isinstance(one, Needs)), default=Role.NONE)
    holder = any(isinstance(one, Holds) for one in kinds)
    return [Route(method, route.path, needs, holder) for method in sorted(route.methods or ())]


ROUTES: Final = [one for one in routes() if one.path not in STREAMS]


@pytest.fixture
def has(engine: Engine, clock: ManualClock, town: Town) -> Services:
    """A dashboard with two owners: the first has people and private settings.

    The second owner's own account is somebody else's, so that the first one's admin is a
    stranger there.
    """
    made = services(engine, DEPLOYMENT, clock, wall=ManualClock(NOW))
    admin = key("station_owner").address
    for role in ("viewer", "finance"):
        made.access.invite(1, key(role).address, PEOPLE[role], admin, NOW)
    account = {"account": 1, "holder": key("payer").address}
    town.world.mine(NOW, [("Settlement", "AccountOpened", account)])
    made.settings.keep_mandate(KeptMandate(SECRET_MANDATE, 1, 1, SECRET_PRICE, NOW, NOW + 900))
    made.access.invite(1, SECRET_ADDRESS, Role.VIEWER, admin, NOW)
    made.settings.exclude(
        1, [1], since=NOW - 900, until=NOW, reason="vandalism", note=SECRET, by=admin, now=NOW
    )
    price = PurchasePrice(1, date(2026, 1, 1), 0, 24, SECRET_PRICE)
    made.settings.enter_prices(1, [price], admin, NOW)
    made.settings.set_card_rate(1, CardRate(bps=777, fixed=SECRET_PRICE), admin, NOW)
    sun = NewTable("solar", SECRET, SECRET, "", [Value("1", "2026-11", SECRET_PRICE)])
    made.carbon.enter_table(1, sun, admin, NOW)
    rego = Certificate(0, "ppa", SECRET, "GB", 1, "2026-11", "2026-11", SECRET_PRICE, 0, True)
    made.carbon.enter_certificate(1, rego, admin, NOW)
    return made


def test_every_address_that_is_served_is_tried_here(has: Services) -> None:
    served = set()
    for one in routed(has).routes:
        # What a router brought along stands behind it.
        router = getattr(one, "original_router", None)
        for route in router.routes if router else [one]:
            if isinstance(route, APIRoute):
                served |= {str(each) for each in _routes(route)}
            else:
                assert getattr(route, "path", "") == "/static", f"{route} has no verdict"
    assert served == {str(one) for one in routes()}


def test_every_route_has_a_verdict_and_its_guard_is_that() -> None:
    verdicts = {
        one: (role, False)
        for role, paths in (
            (Role.NONE, ANYBODY),
            (Role.VIEWER, VIEWER),
            (Role.FINANCE, FINANCE),
            (Role.ADMIN, ADMIN),
        )
        for one in paths
    } | dict.fromkeys(HOLDER, (Role.NONE, True))
    found = {str(one): (one.needs, one.holder) for one in routes()}
    lacking = found.keys() - verdicts.keys()
    assert not lacking, f"who may ask {sorted(lacking)}? Say it in tests/dashboard/verdicts.py"
    assert found == verdicts


def test_whatever_changes_something_is_guarded_by_whose_it_is() -> None:
    for route in ROUTES:
        if route.method != "GET" and route.path not in OPEN_TO_ALL:
            assert route.holder or route.needs >= Role.FINANCE, f"{route} has no guard"
        if route.holder:
            assert "{account}" in route.path, f"{route} does not say whose it is"
        if route.needs:
            assert "{owner_id}" in route.path, f"{route} does not say whose it is"


@pytest.mark.parametrize("person", PEOPLE)
async def test_every_route_lets_in_exactly_whom_it_should(has: Services, person: str) -> None:
    async with client(has) as pages:
        if person != "nobody":
            await sign_in(pages, person)
        for route in ROUTES:
            if route.path == "/sign-out":
                continue
            answer = await pages.request(route.method, route.address)
            where = f"{route} as {person}: {answer.status_code}"
            assert answer.status_code < 500 or answer.status_code in {502, 503}, where
            if route.lets_in(person):
                assert answer.status_code not in {401, 403}, where
                assert "/sign-in" not in answer.headers.get("location", ""), where
            elif person == "nobody" and route.method == "GET":
                assert answer.headers["location"].startswith("/sign-in?next="), where
            else:
                assert answer.status_code == (401 if person == "nobody" else 403), where


@pytest.mark.parametrize("form", ["", ".json", ".csv"])
@pytest.mark.parametrize("person", ["nobody", "stranger"])
async def test_nothing_private_shows_to_others_on_any_page_in_any_form(
    has: Services, person: str, form: str
) -> None:
    async with client(has) as pages:
        if person != "nobody":
            await sign_in(pages, person)
        for route in ROUTES:
            if route.method != "GET" or route.path in {"/", "/health", "/ready"}:
                continue
            answer = await pages.get(route.address + form, follow_redirects=True)
            for secret in (
                SECRET,
                str(SECRET_PRICE),
                "0.987654",
                "987.654",
                "7.77%",
                SECRET_ADDRESS,
                SECRET_MANDATE,
            ):
                assert secret not in answer.text, f"{route}{form} shows {secret} to {person}"


async def test_the_secrets_do_show_to_the_owners_people(has: Services) -> None:
    async with client(has) as pages:
        await sign_in(pages, "viewer")
        assert SECRET in (await pages.get("/owners/1/uptime")).text
        assert SECRET_ADDRESS in (await pages.get("/owners/1/access")).text
        for path in ("/owners/1/carbon", "/owners/1/carbon/inputs", "/owners/1/carbon.csv"):
            assert SECRET in (await pages.get(path)).text
    async with client(has) as pages:
        await sign_in(pages, "payer")
        assert SECRET_MANDATE in (await pages.get("/payers/1")).text


async def test_an_admin_of_one_owner_is_a_stranger_to_another(has: Services, town: Town) -> None:
    other = key("other_owner").address
    event = {"owner_id": 9, "account": other, "name": "Other"}
    town.world.mine(NOW, [("StationRegistry", "OwnerRegistered", event)])
    async with client(has) as pages:
        await sign_in(pages, "station_owner")
        assert (await pages.get("/owners/9/access")).status_code == 403
    async with client(has) as pages:
        await sign_in(pages, "other_owner")
        assert (await pages.get("/owners/9/access")).status_code == 200
        for route in ROUTES:
            if route.needs:
                answer = await pages.request(route.method, route.address)
                assert answer.status_code == 403, str(route)


async def test_an_admin_invites_changes_and_takes_off(has: Services) -> None:
    guest = key("guest").address
    async with client(has) as admin, client(has) as other:
        await sign_in(admin, "station_owner")
        await sign_in(other, "guest")
        assert (await other.get("/owners/1/access")).status_code == 403
        where = "/owners/1/access/people"
        await admin.post(where, data={"address": guest.lower(), "role": "viewer"})
        assert (await other.get("/owners/1/access")).status_code == 200
        assert (await other.post("/owners/1/access/links")).status_code == 403
        await admin.post(where, data={"address": guest, "role": "finance"})
        assert (await other.post("/owners/1/access/links")).status_code == 400
        await admin.post(where + "/remove", data={"address": guest})
        assert (await other.get("/owners/1/access")).status_code == 403


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"address": "0x12", "role": "viewer"}, "40 hex digits"),
        ({"address": key("guest").address, "role": "king"}, "a role is viewer, finance or admin"),
        ({"address": key("station_owner").address, "role": "viewer"}, "is an admin already"),
    ],
)
async def test_an_invitation_that_cannot_be_says_why(
    has: Services, fields: dict[str, str], words: str
) -> None:
    async with client(has) as pages:
        await sign_in(pages, "station_owner")
        answer = await pages.post("/owners/1/access/people", data=fields)
        assert answer.status_code == 400
        assert words in text_of(answer.text)


async def given_link(pages: httpx.AsyncClient, **changes: Any) -> str:
    """Make a link as finance does; return the path it opens."""
    data = {"report": "uptime", "month": "2026-11", "days": "14"} | changes
    answer = await pages.post("/owners/1/access/links", data=data)
    assert answer.status_code == 200, answer.text
    address = text_of(answer.text).split("http://dashboard.test")[1].split(" ")[0]
    assert address.startswith("/audit/")
    return address


async def test_an_auditors_link_opens_one_report_with_what_is_private_in_it(
    has: Services,
) -> None:
    async with client(has) as finance, client(has) as auditor:
        await sign_in(finance, "finance")
        address = await given_link(finance)
        answer = await auditor.get(address)
        assert answer.status_code == 200
        assert SECRET in answer.text
        assert "<form" not in answer.text.split("<main")[1]
        assert (await auditor.get(address + ".csv")).headers["content-type"].startswith("text/csv")
        # The link is that report and nothing else.
        assert SECRET not in (await auditor.get("/owners/1/uptime")).text
        assert (await auditor.get("/owners/1/access")).status_code == 303


async def test_an_auditors_link_expires_and_can_be_withdrawn(has: Services) -> None:
    wall = has.wall
    assert isinstance(wall, ManualClock)
    async with client(has) as finance, client(has) as auditor:
        await sign_in(finance, "finance")
        short, long = await given_link(finance, days="1"), await given_link(finance, days="30")
        await sign_in(finance, "finance")
        links = has.access.links(1, NOW)
        assert await status(auditor, short) == await status(auditor, long) == 200
        wall.advance(86_400)
        assert await status(auditor, short) == 404
        assert await status(auditor, long) == 200
        await sign_in(finance, "finance")
        await finance.post("/owners/1/access/links/remove", data={"link": str(links[0].id)})
        assert await status(auditor, long) == 404
        gone = text_of((await auditor.get(long)).text)
        assert "it expired or was withdrawn" in gone


async def status(pages: httpx.AsyncClient, path: str) -> int:
    """Return with what a path is answered."""
    return (await pages.get(path)).status_code


async def test_one_owner_cannot_withdraw_anothers_link(has: Services) -> None:
    has.access.give_link(2, "uptime", date(2026, 11, 1), SECRET_ADDRESS, NOW, 10)
    [link] = has.access.links(2, NOW)
    async with client(has) as pages:
        await sign_in(pages, "station_owner")
        await pages.post("/owners/1/access/links/remove", data={"link": str(link.id)})
    assert has.access.links(2, NOW) == (link,)


async def test_what_a_member_sees_is_kept_by_no_cache(has: Services) -> None:
    async with client(has) as pages:
        await sign_in(pages, "viewer")
        for path in ("/owners/1/uptime", "/owners/1/uptime.csv", "/owners/1/access.json"):
            assert (await pages.get(path)).headers["cache-control"] == "no-store"
