"""How far a station has come, from its registration to its first session paid on the chain.

What is registered and settled the chain says; that a charger is connected and charges, the
signed feed. A later step that is done proves those before it: the feed is kept for a while
only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dashboard.services import Services
from indexer.read_model import (
    Connector,
    ConnectorState,
    Equipment,
    Evse,
    FirstSigns,
    MeterKey,
    Site,
    Station,
)

# `final`: done for good; `done`: done, by what can still change; `waiting`: in a block that
# could be replaced; `now`: can be done; `later`: after what is before it.
State = Literal["final", "done", "waiting", "now", "later"]
# By `words.ONBOARDING`, in this order.
FORMS: Final = ("evses", "connectors", "tariff", "key", "password")
OPTIONAL: Final = frozenset({"key"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `at` is when it was done, UTC seconds, where that is known."""

    name: str
    state: State
    at: int | None = None

    @property
    def behind(self) -> bool:
        """Whether it is done."""
        return self.state in {"final", "done"}


@dataclass(frozen=True, slots=True)
class Progress:
    """A station, its parts, and its steps in order."""

    site: Site
    station: Station
    evses: tuple[Evse, ...]
    connectors: tuple[Connector, ...]
    keys: tuple[MeterKey, ...]
    states: tuple[ConnectorState, ...]
    first: FirstSigns | None
    steps: tuple[Step, ...]

    @property
    def bare(self) -> tuple[Evse, ...]:
        """EVSEs without a connector."""
        used = {one.evse for one in self.connectors}
        return tuple(one for one in self.evses if one.evse not in used)

    @property
    def next(self) -> str:
        """The first step that its owner can do now, empty where none is left."""
        for one in self.steps:
            if one.name in FORMS and one.state == "now" and one.name not in OPTIONAL:
                return one.name
        return ""

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(one.behind for one in self.steps)


def _registered(*, there: bool, final: bool, before: bool) -> State:
    if there:
        return "final" if final else "waiting"
    return "now" if before else "later"


def _earliest(moments: Sequence[int | None]) -> int | None:
    return min((one for one in moments if one is not None), default=None)


def _first(signs: Sequence[FirstSigns]) -> FirstSigns | None:
    """Return the first signs of a station: of each kind that of the connector that was first."""
    if not signs:
        return None
    paid = [one for one in signs if one.settled_at is not None]
    first = min(paid, key=lambda one: one.settled_at or 0, default=signs[0])
    return FirstSigns(
        connector_id=first.connector_id,
        connected_at=_earliest([one.connected_at for one in signs]),
        began_at=_earliest([one.began_at for one in signs]),
        ended_at=_earliest([one.ended_at for one in signs]),
        recorded=any(one.recorded for one in signs),
        sequence=first.sequence,
        settled_at=first.settled_at,
        finality=first.finality,
    )


def _seen(name: str, at: int | None, *, later: bool, before: bool) -> Step:
    if at is not None or later:
        return Step(name, "done", at)
    return Step(name, "now" if before else "later")


def _steps(
    equipment: Equipment,
    site: Site,
    station: Station,
    evses: Sequence[Evse],
    connectors: Sequence[Connector],
    keys: Sequence[MeterKey],
    states: Sequence[ConnectorState],
    first: FirstSigns | None,
) -> tuple[Step, ...]:
    ids = {one.connector_id for one in connectors}
    used = {one.evse for one in connectors}
    all_used = bool(evses) and all(one.evse in used for one in evses)
    all_final = ids <= equipment.connectors_final
    keyed = bool(ids) and {one.connector_id for one in keys if one.revoked_at is None} >= ids
    final_evses = bool(evses) and all(one.finality == "final" for one in evses)
    registered = (
        Step("site", "final" if site.site_id in equipment.sites_final else "waiting"),
        Step("station", "final" if station.finality == "final" else "waiting"),
        Step(
            "evses",
            _registered(there=bool(evses), final=final_evses, before=station.finality == "final"),
        ),
        Step("connectors", _registered(there=all_used, final=all_final, before=final_evses)),
        Step(
            "tariff",
            _registered(
                there=bool(ids) and ids <= equipment.priced,
                final=True,
                before=all_used and all_final,
            ),
        ),
        Step("key", _registered(there=keyed, final=True, before=all_used and all_final)),
    )
    paid = first is not None and first.settled_at is not None
    recorded = first is not None and first.recorded
    ended = first.ended_at if first else None
    began = first.began_at if first else None
    connected = first.connected_at if first else None
    priced = registered[4].behind
    after_end = recorded or ended is not None
    after_begin = after_end or began is not None
    heard = any(one.use not in {"unknown", "offline"} for one in states)
    was_connected = connected is not None or after_begin
    settled: State = "now" if after_end else "later"
    if paid:
        settled = "final" if first and first.finality == "final" else "waiting"
    return (
        *registered,
        _seen("password", None, later=was_connected, before=station.finality == "final"),
        _seen("connected", connected, later=after_begin, before=priced),
        Step("heard", "done" if heard else "now" if was_connected else "later"),
        _seen("began", began, later=after_end, before=was_connected),
        _seen("ended", ended, later=recorded, before=after_begin),
        Step("settled", settled, first.settled_at if first else None),
    )


def progress(
    has: Services, equipment: Equipment, owner_id: int, station_id: int
) -> Progress | None:
    """Return how far a station of an owner has come, None if it has no such station."""
    station = next((one for one in equipment.stations if one.station_id == station_id), None)
    if station is None:
        return None
    site = next(one for one in equipment.sites if one.site_id == station.site_id)
    evses = tuple(one for one in equipment.evses if one.station_id == station_id)
    connectors = tuple(one for one in equipment.connectors if one.station_id == station_id)
    ids = [one.connector_id for one in connectors]
    keys = tuple(key for one in ids for key in has.model.meter_keys(one))
    found = has.model.utilisation(owner_id, has.now(), site.site_id).connectors
    states = tuple(one for one in found if one.connector.station_id == station_id)
    first = _first(has.model.first_signs(ids))
    steps = _steps(equipment, site, station, evses, connectors, keys, states, first)
    return Progress(site, station, evses, connectors, keys, states, first, steps)
