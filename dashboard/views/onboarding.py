"""From nothing to the first settled session: what to register next, and what is there already."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from chargecoin.charge_points import for_wallet
from dashboard import registering
from dashboard.access.visitor import Fields, ForAdmin
from dashboard.errors import BadAddressError, NotFoundError
from dashboard.language import gettext
from dashboard.onboarding import FORMS, Progress, progress
from dashboard.oracles import CentralSystem
from dashboard.pages import Page, Table
from dashboard.prepare import Prepared
from dashboard.query import number_of
from dashboard.registering import GivenKey
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.views.overview import owner_of
from indexer.read_model import Equipment, Owner

router = APIRouter()

PATH: Final = "/owners/{owner_id}/onboarding"
STATION: Final = PATH + "/{station_id}"


@dataclass(frozen=True, slots=True)
class StationLine:
    """A station in the list: what it has, and the next thing it lacks, empty if nothing."""

    station_id: int
    identity: str
    site_name: str
    evses: int
    connectors: int
    priced: int
    used: int
    lacks: str


@dataclass(frozen=True, slots=True)
class OnboardingPage:
    """An owner's equipment, and what was filled in to add to it.

    `problem` says why nothing is prepared, where it is not empty.
    """

    owner: Owner | None
    equipment: Equipment | None
    stations: tuple[StationLine, ...]
    given: dict[str, str]
    problem: str
    prepared: tuple[Prepared, ...]


@dataclass(frozen=True, slots=True)
class StationPage:
    """One station's way, and the step that is shown with its form."""

    owner: Owner
    progress: Progress
    step: str
    given: dict[str, str]
    chosen: tuple[str, ...]
    problem: str
    prepared: tuple[Prepared, ...]
    key: GivenKey | None
    oracles: tuple[CentralSystem, ...]


def _lacks(line: tuple[int, int, int, int]) -> str:
    evses, connectors, priced, used = line
    for count, name in ((evses, "evses"), (connectors, "connectors"), (priced, "tariff")):
        if not count:
            return name
    return "" if used else "connected"


def station_lines(equipment: Equipment) -> tuple[StationLine, ...]:
    """Return the stations of an owner, those that lack something first."""
    names = {one.site_id: one.name for one in equipment.sites}
    found = []
    for station in equipment.stations:
        own = [one for one in equipment.connectors if one.station_id == station.station_id]
        counts = (
            sum(one.station_id == station.station_id for one in equipment.evses),
            len(own),
            sum(one.connector_id in equipment.priced for one in own),
            sum(one.connector_id in equipment.used for one in own),
        )
        found.append(
            StationLine(
                station.station_id,
                station.identity,
                names[station.site_id],
                *counts,
                lacks=_lacks(counts),
            )
        )
    return tuple(sorted(found, key=lambda one: (not one.lacks, one.identity)))


def _given(request: Request) -> dict[str, str]:
    return {name: text.strip() for name, text in request.query_params.items()}


def _tried(make: Callable[[], tuple[Prepared, ...]]) -> tuple[tuple[Prepared, ...], str]:
    """Return what was prepared, or why nothing was."""
    try:
        return make(), ""
    except BadAddressError as error:
        return (), str(error)


def _signed(prepared: tuple[Prepared, ...]) -> Table:
    return Table(
        ("what", "from", "to", "data"),
        [(one.name, one.sender, one.to, one.data) for one in prepared],
    )


@router.get("/owners/new")
def new_owner(has: Has, render: Render, request: Request) -> Response:
    """Prepare an owner's registration for whoever wants to be one."""
    given = _given(request)
    prepared: tuple[Prepared, ...] = ()
    problem = ""
    if given:
        prepared, problem = _tried(lambda: (registering.register_owner(has, given),))
    page = OnboardingPage(None, None, (), given, problem, prepared)
    title = "Register as a station owner"
    return render(Page("owner_new.html", title, page, _signed(prepared), 400 if problem else 200))


@router.get(PATH)
def onboarding(has: Has, render: Render, request: Request, owner_id: int) -> Response:
    """List what an owner has registered, and prepare a site or a station."""
    owner = owner_of(has, owner_id)
    equipment = has.model.equipment(owner_id)
    given = _given(request)
    prepared: tuple[Prepared, ...] = ()
    problem = ""
    match given.get("add"):
        case "site":
            prepared, problem = _tried(
                lambda: (registering.add_site(has, owner, equipment, given),)
            )
        case "station":
            prepared, problem = _tried(
                lambda: (registering.add_station(has, owner, equipment, given),)
            )
        case _:
            pass
    lines = station_lines(equipment)
    page = OnboardingPage(owner, equipment, lines, given, problem, prepared)
    table = Table(
        ("station_id", "identity", "site", "evses", "connectors", "priced", "used", "lacks"),
        [
            (
                one.station_id,
                one.identity,
                one.site_name,
                one.evses,
                one.connectors,
                one.priced,
                one.used,
                one.lacks,
            )
            for one in lines
        ],
    )
    return render(
        Page(
            "onboarding.html",
            gettext("Onboarding of %(name)s", name=owner.name),
            page,
            table,
            400 if problem else 200,
            live=None if given.get("add") else live_address(owner_id),
            context={
                "owner_id": owner_id,
                "zones": registering.time_zones(),
                "countries": registering.countries(has.formats.locale),
                "waiting": [
                    one for one in equipment.sites if one.site_id not in equipment.sites_final
                ],
            },
        )
    )


def _progress(has: Services, owner_id: int, station_id: int) -> tuple[Owner, Equipment, Progress]:
    owner = owner_of(has, owner_id)
    equipment = has.model.equipment(owner_id)
    found = progress(has, equipment, owner_id, station_id)
    if found is None:
        raise NotFoundError(f"{owner.name} has no station {station_id} on this chain.")
    return owner, equipment, found


def _page(has: Services, render: Render, page: StationPage) -> Response:
    steps = page.progress.steps
    return render(
        Page(
            "onboarding_station.html",
            gettext("Onboarding of %(name)s", name=page.progress.station.identity),
            page,
            Table(("step", "state", "at"), [(one.name, one.state, one.at) for one in steps]),
            400 if page.problem else 200,
            live=live_address(page.owner.owner_id),
            context={
                "owner_id": page.owner.owner_id,
                "offers": [_offer(has, page, one) for one in page.oracles],
            },
        )
    )


def _offer(has: Services, page: StationPage, oracle: CentralSystem) -> dict[str, Any]:
    """Return an oracle, and what a wallet signs to let the charger in there, less the hash."""
    typed = for_wallet(
        has.node.deployment.domain,
        page.progress.station.identity,
        page.owner.owner_id,
        oracle.oracle,
        has.now(),
    )
    served = oracle.owners == "any" or page.owner.owner_id in oracle.owners
    return {"oracle": oracle, "served": served, "typed": json.dumps(typed)}


@router.get(STATION)
async def station(
    has: Has, render: Render, request: Request, owner_id: int, station_id: int
) -> Response:
    """Show a station's way to its first session, and prepare its next step."""
    owner, _, found = await run_in_threadpool(_progress, has, owner_id, station_id)
    given = _given(request)
    step = given.get("step", "") or found.next
    if step and step not in FORMS:
        raise BadAddressError(f"a step is one of {', '.join(FORMS)}, not {step!r}")
    chosen = tuple(request.query_params.getlist("evse"))
    prepared: tuple[Prepared, ...] = ()
    problem = ""
    if step == "evses" and "count" in given:
        prepared, problem = _tried(
            lambda: registering.add_evses(has, owner, found.station, found.evses, given)
        )
    if step == "connectors" and "standard" in given:
        prepared, problem = _tried(
            lambda: registering.add_connectors(
                has, owner, found.station, found.evses, found.connectors, chosen, given
            )
        )
    oracles = await has.oracles.central_systems() if step == "password" else ()
    page = StationPage(owner, found, step, given, chosen, problem, prepared, None, oracles)
    return await run_in_threadpool(_page, has, render, page)


@router.post(STATION + "/key")
def meter_key(has: Has, render: Render, fields: Fields, owner_id: int, station_id: int) -> Response:
    """Read a meter's key and prepare its entry; what was sent is not kept."""
    owner, equipment, found = _progress(has, owner_id, station_id)
    wanted = number_of(fields, "connector", registering.MAX_32)
    own = {one.connector_id: one for one in found.connectors}
    key: GivenKey | None = None
    prepared: tuple[Prepared, ...] = ()
    problem = ""
    try:
        if wanted not in own or wanted not in equipment.connectors_final:
            raise BadAddressError("choose a connector of this station that is final on the chain")
        key = registering.read_meter_key(fields)
        prepared = (registering.add_meter_key(has, owner, own[wanted], key),)
    except BadAddressError as error:
        problem = str(error)
    page = StationPage(owner, found, "key", fields, (), problem, prepared, key, ())
    return _page(has, render, page)


@router.post(STATION + "/password")
async def password(
    has: Has, member: ForAdmin, fields: Fields, owner_id: int, station_id: int
) -> Response:
    """Pass an owner's signed request for its charger on to an oracle; nothing of it is kept."""
    _, _, found = await run_in_threadpool(_progress, has, owner_id, station_id)
    body = {
        "identity": found.station.identity,
        "owner_id": member.owner.owner_id,
        "salt": fields.get("salt", ""),
        "hash": fields.get("hash", ""),
        "issued_at": number_of(fields, "issuedAt", 1 << 53) or 0,
        "signature": fields.get("signature", ""),
    }
    answer = await has.oracles.post(fields.get("oracle", ""), "/charge-points", body)
    return JSONResponse(answer)
