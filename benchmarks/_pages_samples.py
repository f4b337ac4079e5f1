"""An address for every page: what stands for each name in a route, drawn from the store.

Routes are asked of the application itself, and one for which nothing can be drawn is an
error here, so that a new page is measured or the benchmark says what it lacks.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

from fastapi.routing import APIRoute
from sqlalchemy import Connection, Table, select

from benchmarks._synthetic import OWNERS, SITES
from chargecoin.footprint.tables import Value
from chargecoin.record import session_id
from chargecoin.typed_data import Signer
from dashboard.access.roles import Role
from dashboard.app import VIEWS
from dashboard.private.carbon import NewTable
from dashboard.services import Services
from indexer import schema
from tests.dashboard.people import key

# Not pages of ours: a stream that does not end, and files that an oracle has.
ELSEWHERE: Final = frozenset(
    {
        "/live",
        "/sessions/{connector_id}/{sequence}/bundle",
        "/sessions/{connector_id}/{sequence}/proof",
    }
)
# For the holder alone, whose key the made-up year does not have.
OF_A_PAYER: Final = "/payers/{account}"
CAMPAIGN_FORMS: Final = frozenset(
    {"/owners/{owner_id}/campaigns/new", "/owners/{owner_id}/campaigns/sponsor"}
)
ALL_HOURS: Final = (1 << 168) - 1
ADMIN: Final = "benchmark"
_NAME: Final = re.compile(r"{(\w+)}")
Values = dict[str, str]


def routes() -> list[str]:
    """Return the addresses of all pages, with names where values go."""
    found = {
        route.path
        for views in VIEWS
        for route in views.router.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    }
    return sorted(one for one in found - ELSEWHERE if not one.startswith(OF_A_PAYER))


class Samples:
    """Draws addresses of pages that exist."""

    def __init__(self, connection: Connection, has: Services, dice: random.Random) -> None:
        """Draw from a store and from private settings that are entered here for a few owners."""
        self._connection = connection
        self._dice = dice
        self._has = has
        self._private: dict[int, tuple[int, str]] = {}
        self._of_owner: dict[str, tuple[Table, str, Callable[[Any], str]]] = {
            "/owners/{owner_id}/campaigns/{campaign_id}": (
                schema.campaigns,
                "campaign_id",
                str,
            ),
            "/owners/{owner_id}/disputes/{number}": (schema.disputes, "dispute", str),
            "/owners/{owner_id}/payouts/{transaction}": (schema.payouts, "tx_hash", _hex),
        }

    def draw(self, route: str) -> str:
        """Return an address of a route. Raises `RuntimeError` where none can be made."""
        values = self._values(route)
        if missing := set(_NAME.findall(route)) - set(values):
            raise RuntimeError(
                f"{route} has no sample: say in benchmarks/_pages_samples.py what stands for "
                f"{', '.join(sorted(missing))}"
            )
        return route.format(**values) + self._query(route, values)

    def _query(self, route: str, values: Values) -> str:
        """Return what is filled in on the form of a campaign, so that it is worked out."""
        if route not in CAMPAIGN_FORMS:
            return ""
        last = datetime.fromtimestamp(self._has.now() + 30 * 86_400, UTC).date()
        site = 1 + (int(values["owner_id"]) - 1) * SITES
        return (
            f"?kind=off_peak&name=Nights&site={site}&last={last}&rate=20&cap=5&budget=25&day_cap=20"
            f"&hours={ALL_HOURS:x}&show=preview"
        )

    def _values(self, route: str) -> Values:
        if route in self._of_owner:
            return self._row_of_owner(route)
        owner_id = self._dice.randint(1, OWNERS)
        session = self._session(owner_id)
        number, token = self._private_of(owner_id)
        found = {
            "owner_id": str(owner_id),
            "connector_id": str(session.connector_id),
            # The made-up year has one station a connector.
            "station_id": str(session.connector_id),
            "sequence": str(session.sequence),
            "session_hex": f"0x{session_id(session.connector_id, session.sequence):064x}",
            "token": token,
        }
        match route:
            case "/batches/{number}":
                found["number"] = str(session.batch)
            case "/owners/{owner_id}/carbon/tables/{number}":
                found["number"] = str(number)
            case "/transactions/{transaction}":
                batches = schema.batches.c
                query = select(batches.tx_hash).where(batches.batch == session.batch)
                found["transaction"] = _hex(self._connection.scalar(query))
            case "/owners/{owner_id}/rewards/{epoch}":
                epochs = self._connection.scalars(select(schema.reward_roots.c.epoch)).all()
                found["epoch"] = str(self._dice.choice(epochs))
            case _ if route.startswith("/sponsors/{address}"):
                campaigns = schema.campaigns.c
                query = select(campaigns.creator, campaigns.campaign_id)
                rows = self._connection.execute(query.where(campaigns.owner_id == 0)).all()
                creator, campaign = self._dice.choice(rows)
                found |= {"address": creator, "campaign_id": str(campaign)}
            case _:
                pass
        return found

    def _row_of_owner(self, route: str) -> Values:
        table, column, words = self._of_owner[route]
        query = select(table.c.owner_id, table.c[column]).where(table.c.owner_id != 0).limit(5_000)
        owner_id, value = self._dice.choice(self._connection.execute(query).all())
        self._private_of(owner_id)
        name = _NAME.findall(route)[-1]
        return {"owner_id": str(owner_id), name: words(value)}

    def _private_of(self, owner_id: int) -> tuple[int, str]:
        """Return a table and a link's token of an owner whose admin reads here."""
        found = self._private.get(owner_id)
        if found is None:
            found = self._private[owner_id] = _enter(self._has, owner_id, key(ADMIN))
        return found

    def _session(self, owner_id: int) -> Any:
        """Draw a session of an owner, new or old."""
        sessions = schema.sessions.c
        newest = self._connection.scalar(select(schema.cursor.c.number)) or 0
        below = self._dice.randint(newest // 2, newest) << schema.LOG_BITS
        query = select(sessions.connector_id, sessions.sequence, sessions.batch)
        query = query.where(sessions.owner_id == owner_id, sessions.id < below)
        return self._connection.execute(query.order_by(sessions.id.desc()).limit(1)).one()


def _hex(value: Any) -> str:
    return "0x" + bytes(value).hex()


def _enter(has: Services, owner_id: int, admin: Signer) -> tuple[int, str]:
    """Let the admin in, and enter what some pages show; return a table and a link's token."""
    now = has.wall_now()
    has.access.invite(owner_id, admin.address, Role.ADMIN, admin.address, now)
    month = datetime.fromtimestamp(has.now(), UTC).strftime("%Y-%m")
    values = [Value(str(1 + (owner_id - 1) * SITES), month, 1_000)]
    table = NewTable("solar", "inverter", "own", "", values)
    number = has.carbon.enter_table(owner_id, table, admin.address, now)
    first = date.fromisoformat(f"{month}-01")
    token = has.access.give_link(owner_id, "uptime", first, admin.address, now, 1)
    return number, token
