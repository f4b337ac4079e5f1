"""Every total equals what the raw events add up to, over random histories.

The events are kept as they were sent to the chain and added up here in a few lines of
plain Python: none of the indexer's sums, roll-ups or queries is used. Histories have
unpaid and rejected sessions, campaigns, debts collected, refunds, disputes with what they put
aside, replaced blocks, two sites in different zones, and the hour that comes twice in October.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from starlette.types import ASGIApp

from chargecoin.clock import ManualClock
from chargecoin.record import Reason, Status
from dashboard.app import create_app
from dashboard.services import Services
from indexer.database import open_database
from tests.dashboard.serving import ORIGIN, services, text_of
from tests.dashboard.world import ACCOUNT, DEPLOYMENT, Made, World, at

BEGAN: Final = at("2026-10-01 00:00")
FIRST: Final = at("2026-10-23 06:00")
NOW: Final = at("2026-11-03 09:30")
ZONES: Final = ("Europe/Berlin", "Europe/London")
KWH, IDLE_HOUR = 450_000, 1_000_000
BOND: Final = 1_000_000
MAX_STEPS: Final = 24


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that the chain recorded, as it was sent: money in base units."""

    block: int
    at: int
    owner_id: int
    connector: int
    zone: str
    kind: str
    amounts: dict[str, int] = field(default_factory=dict)

    @property
    def day(self) -> date:
        """The local day at the site."""
        return datetime.fromtimestamp(self.at, UTC).astimezone(ZoneInfo(self.zone)).date()


@dataclass(slots=True)
class History:
    """A world and the raw events that stand on its chain."""

    world: World
    connectors: dict[int, tuple[int, str]]
    events: list[Event] = field(default_factory=list)
    # By session: what its payer paid, what a budget paid, what is still owed, fee given back.
    paid: dict[int, list[int]] = field(default_factory=dict)
    # Of each open dispute: its session and what is put aside for it.
    disputes: dict[int, tuple[int, int]] = field(default_factory=dict)
    opened: int = 0
    # No replaced block lies below this one: what was registered before a history begins stays.
    floor: int = field(init=False)

    def __post_init__(self) -> None:
        """Begin at the world's newest block."""
        self.floor = self.world.head

    def add(self, kind: str, timestamp: int, connector: int, **amounts: int) -> None:
        """Keep an event of the newest block."""
        owner_id, zone = self.connectors[connector]
        self.events.append(
            Event(self.world.head, timestamp, owner_id, connector, zone, kind, amounts)
        )

    def settle(self, timestamp: int, drawn: list[dict[str, Any]]) -> None:
        """Settle sessions in one batch."""
        made = []
        for one in drawn:
            price = (one["wh"] * KWH * 3600 + one["idle"] * IDLE_HOUR * 1000) // 3_600_000
            status, reason, payer, paid, campaign, debt = (
                Status.SETTLED,
                Reason.NONE,
                1,
                price,
                0,
                0,
            )
            match one["fate"]:
                case "campaign":
                    campaign = price * 3 // 10
                    paid = price - campaign
                case "short":
                    status, reason = Status.UNFUNDED, Reason.BALANCE_SHORT
                    paid = price * one["part"] // 100
                    debt = price - paid
                case "elsewhere":
                    status, reason, payer, paid = Status.UNFUNDED, Reason.NO_PAYER, 0, 0
                case "rejected":
                    status, reason, paid = Status.REJECTED, Reason.SESSION_CAP, 0
            made.append(
                (
                    Made(
                        one["connector"],
                        timestamp - 9_000,
                        duration_s=7_200,
                        idle_s=one["idle"],
                        energy_wh=one["wh"],
                        payer=payer,
                        assurance=one["assurance"],
                        status=status,
                        reason=reason,
                        paid=paid,
                        debt=debt,
                        campaign_id=1 if campaign else 0,
                        campaign_paid=campaign,
                    ),
                    price,
                )
            )
        ids = self.world.settle(timestamp, [one for one, _ in made])
        for (kept, price), session in zip(made, ids, strict=True):
            campaign = kept.campaign_paid
            if kept.status == Status.REJECTED:
                self.add("rejected", timestamp, kept.connector_id)
                continue
            assert kept.paid is not None
            self.paid[session] = [kept.paid, campaign, kept.debt, 0]
            self.add(
                "settled",
                timestamp,
                kept.connector_id,
                energy_wh=kept.energy_wh,
                gross=price,
                paid=kept.paid,
                campaign=campaign,
                debt=kept.debt,
                fee=(kept.paid + campaign) // 1000,
                unfunded=int(kept.status == Status.UNFUNDED),
                elsewhere=price if kept.payer == 0 else 0,
                **{("reported", "observed", "signed")[kept.assurance - 1]: 1},
            )

    def collect(self, timestamp: int, share: int) -> None:
        """Collect a part of the first debt there is."""
        for session, one in self.paid.items():
            amount = one[2] * share // 100
            if amount:
                before = one[0] + one[1]
                self.world.collect(timestamp, session, amount, paid_before=before)
                fee = (before + amount) // 1000 - before // 1000
                one[0], one[2] = one[0] + amount, one[2] - amount
                self.add("collected", timestamp, session >> 64, collected=amount, collected_fee=fee)
                return

    def refund(self, timestamp: int, share: int) -> None:
        """Give back a part of the newest session of which something was paid."""
        for session, one in reversed(self.paid.items()):
            amount = one[0] * share // 100
            if amount and not one[2] and amount <= self._accrued(session):
                back = amount // 1000
                self.world.refund(timestamp, session, amount, fee_back=back)
                one[0] -= amount
                self.add("refunded", timestamp, session >> 64, refunded=amount, refunded_fee=back)
                self._return_fee(timestamp + 12, session, back)
                return

    def _accrued(self, session: int) -> int:
        owner_id, _ = self.connectors[session >> 64]
        return accrued([one for one in self.events if one.owner_id == owner_id])

    def _return_fee(self, timestamp: int, session: int, amount: int) -> None:
        """The protocol's fee on a refund comes back by itself, with the next fees there are."""
        owner_id, _ = self.connectors[session >> 64]
        returned = {"owner_id": owner_id, "amount": amount}
        self.world.mine(timestamp, [("Adjustments", "FeeReturned", returned)])
        self.add("returned", timestamp, session >> 64, returned=amount)

    def dispute(self, timestamp: int, share: int) -> None:
        """Open a dispute about a part of what was paid for the newest session that has none."""
        disputed = {session for session, _ in self.disputes.values()}
        for session, one in reversed(self.paid.items()):
            hold = one[0] * share // 100
            if hold and not one[2] and session not in disputed and hold <= self._accrued(session):
                self.opened += 1
                self.disputes[self.opened] = session, hold
                owner_id, _ = self.connectors[session >> 64]
                arguments = {
                    "dispute": self.opened,
                    "session_id": session,
                    "account": 1,
                    "owner_id": owner_id,
                    "amount": hold,
                    "hold": hold,
                    "bond": BOND,
                    "deadline": timestamp + 7 * 86_400,
                    "reason": 2,
                }
                self.world.mine(timestamp, [("Adjustments", "DisputeOpened", arguments)])
                self.add("disputed", timestamp, session >> 64, held=hold)
                return

    def rule(self, timestamp: int, share: int) -> None:
        """Decide the oldest open dispute: a part is given back, or nothing and the bond is lost."""
        if not self.disputes:
            return
        number = min(self.disputes)
        session, hold = self.disputes.pop(number)
        owner_id, _ = self.connectors[session >> 64]
        granted = min(hold * share // 100, self.paid[session][0])
        back, bond = granted // 1000, 0 if granted else BOND
        closed = {
            "dispute": number,
            "session_id": session,
            "result": 1 if granted else 2,
            "refunded": granted,
            "released": hold - granted,
            "bond_to_owner": bond,
        }
        refund = {
            "session_id": session,
            "account": 1,
            "owner_id": owner_id,
            "dispute": number,
            "waived": 0,
            "to_payer": granted,
            "to_campaign": 0,
            "fee_back": back,
            "reason": 2,
        }
        logs = [("Adjustments", "SessionRefunded", refund)] if granted else []
        self.world.mine(timestamp, [*logs, ("Adjustments", "DisputeClosed", closed)])
        amounts = {"refunded": granted, "refunded_fee": back, "unheld": hold, "bond": bond}
        self.add("ruled", timestamp, session >> 64, **amounts)
        self.paid[session][0] -= granted
        if granted:
            self._return_fee(timestamp + 12, session, back)

    def reorganise(self, blocks: int) -> None:
        """Let the chain replace its newest blocks: what they recorded never was."""
        # What was final once is never replaced, however often the chain changes its mind.
        self.floor = max(self.floor, self.world.head - self.world.finality)
        replaced = min(blocks, self.world.head - self.floor)
        if not replaced:
            return
        self.world.reorganise(replaced)
        self.events = [one for one in self.events if one.block <= self.world.head]
        # What is known of sessions may be of blocks that are gone: leave those alone from now on.
        self.paid.clear()
        self.disputes.clear()


SESSION = st.fixed_dictionaries(
    {
        "connector": st.integers(1, 4),
        "wh": st.integers(0, 60_000),
        "idle": st.sampled_from((0, 1, 899, 3_600)),
        "assurance": st.integers(1, 3),
        "fate": st.sampled_from(("paid", "paid", "campaign", "short", "elsewhere", "rejected")),
        "part": st.integers(0, 99),
    }
)
STEP = st.tuples(
    # Often around midnight and around the hour that comes twice.
    st.sampled_from((600, 1_800, 3_600, 5 * 3_600, 9 * 3_600, 17 * 3_600)),
    st.one_of(
        st.tuples(st.just("settle"), st.lists(SESSION, min_size=1, max_size=4)),
        st.tuples(st.just("collect"), st.integers(1, 100)),
        st.tuples(st.just("refund"), st.integers(1, 100)),
        st.tuples(st.just("dispute"), st.integers(1, 100)),
        st.tuples(st.just("rule"), st.integers(0, 100)),
        st.tuples(st.just("reorganise"), st.integers(1, 2)),
    ),
)


def made(engine: Engine, steps: list[Any]) -> History:
    """Write a history: three connectors of the first owner, one of the second."""
    world = World(engine)
    first, second = world.owner("Nordlicht", BEGAN), world.owner("Tay Valley", BEGAN + 60)
    ids = {
        **dict.fromkeys(
            world.site(
                first, "Kiel", BEGAN + 120, stations=[("A", 2, 22_000)], zone=ZONES[0], country="DE"
            ),
            (first, ZONES[0]),
        ),
        **dict.fromkeys(
            world.site(first, "Hull", BEGAN + 180, stations=[("B", 1, 22_000)]), (first, ZONES[1])
        ),
        **dict.fromkeys(
            world.site(second, "Perth", BEGAN + 240, stations=[("C", 1, 22_000)]),
            (second, ZONES[1]),
        ),
    }
    campaign = {
        "campaign": 1,
        "owner_id": 0,
        "creator": ACCOUNT,
        "kind": 3,
        "name": "Partner",
        "starts_at": BEGAN + 300,
        "ends_at": NOW + 86_400,
        "hour_mask": (1 << 168) - 1,
        "rate_bps": 3_000,
        "session_cap": 100_000_000,
        "day_cap": 0,
        "min_sessions": 0,
        "window_days": 0,
        "driver_cap": 0,
    }
    funded = {"campaign": 1, "funder": ACCOUNT, "amount": 10**12}
    world.mine(
        BEGAN + 300,
        [
            ("CampaignManager", "CampaignCreated", campaign),
            ("CampaignManager", "ConnectorsEnrolled", {"campaign": 1, "connectors": list(ids)}),
            ("Settlement", "BudgetFunded", funded),
        ],
    )
    world.mine(BEGAN + 360)
    world.mine(BEGAN + 420)
    history = History(world, ids)
    timestamp = FIRST
    for later, (what, how) in steps:
        timestamp += later
        if timestamp >= NOW:
            break
        getattr(history, what)(*((how,) if what == "reorganise" else (timestamp, how)))
    return history


def total(events: Iterator[Event] | list[Event], name: str) -> int:
    """Add up one amount."""
    return sum(one.amounts.get(name, 0) for one in events)


def net(events: list[Event]) -> int:
    """Return what came in less what went back, each net of the fee."""
    came = sum(total(events, name) for name in ("paid", "campaign", "collected", "refunded_fee"))
    return came - sum(total(events, name) for name in ("fee", "collected_fee", "refunded"))


def accrued(events: list[Event]) -> int:
    """Return what an owner may withdraw.

    Fees on refunds count once they came back, what is put aside for a dispute once it is decided.
    """
    later = total(events, "returned") - total(events, "refunded_fee")
    return net(events) + later - held(events) + total(events, "bond")


def held(events: list[Event]) -> int:
    """Return what is put aside for disputes that are open."""
    return total(events, "held") - total(events, "unheld")


SUMS: Final = (
    "energy_wh", "gross", "paid", "campaign", "fee", "debt", "elsewhere", "unfunded", "collected",
    "collected_fee", "refunded", "refunded_fee", "reported", "observed", "signed",
)  # fmt: skip


CAMPAIGN_SUMS: Final = ("energy_wh", "gross", "paid", "campaign", "fee")
# Connectors by station, as `made` registers them.
STATIONS: Final = {1: {1, 2}, 2: {3}, 3: {4}}
# What is on the chain of the grid's energy, g/kWh: Germany 2024, the United Kingdom 2025.
GRID: Final = dict(zip(ZONES, (363, 177), strict=True))


def carbon_of(events: list[Event]) -> dict[str, int]:
    """Return energy and what it emitted, each session by itself (docs/method-co2.md)."""
    settled = [one for one in events if one.kind == "settled"]
    return {
        "energy_wh": total(settled, "energy_wh"),
        "frozen_g": sum(one.amounts["energy_wh"] * GRID[one.zone] // 1000 for one in settled),
    }


def frozen(sessions: list[dict[str, int]]) -> dict[str, int]:
    """Return the same of a carbon report's sessions."""
    return {name: sum(one[name] for one in sessions) for name in ("energy_wh", "frozen_g")}


def told(events: list[Event]) -> dict[str, int]:
    """Return what a page has to tell of these events."""
    return {
        "sessions": sum(one.kind == "settled" for one in events),
        "rejected": sum(one.kind == "rejected" for one in events),
        **{name: total(events, name) for name in SUMS},
    }


def within(events: list[Event], since: date, until: date) -> list[Event]:
    """Return the events of local days, both inclusive."""
    return [one for one in events if since <= one.day <= until]


def figures(html: str, name: str) -> list[str]:
    """Return what the page writes as a figure, digits and sign only."""
    found = re.findall(rf'data-figure="{name}">(.*?)</(?:div|dd|strong)>', html, re.DOTALL)
    return [re.sub(r"[^0-9-]", "", text_of(one)) for one in found]


async def told_by(pages: httpx.AsyncClient, address: str) -> Any:
    """Return what a page says as JSON."""
    answer = await pages.get(address)
    assert answer.status_code == 200, (address, answer.status_code, answer.text[:2_000])
    return answer.json()


async def compare(history: History, app: ASGIApp) -> None:
    """Ask every page for its totals, and compare them with what the events add up to."""
    today = datetime.fromtimestamp(NOW, UTC).date()
    spans = {
        "today": (today, today),
        "week": (today - timedelta(today.weekday()), today),
        "month": (today.replace(day=1), today),
    }
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as pages:
        for owner_id in (1, 2):
            own = [one for one in history.events if one.owner_id == owner_id]
            base = f"/owners/{owner_id}"
            overview = (await told_by(pages, f"{base}.json"))["overview"]
            for name, (since, until) in spans.items():
                got = overview[name]["totals"]
                want = told(within(own, since, until))
                assert {key: got[key] for key in want} == want, (owner_id, name)
            debt = total(own, "debt") - total(own, "collected")
            assert (overview["accrued"], overview["receivable"]) == (accrued(own), debt)

            html = (await pages.get(base)).text
            if own:
                shown = [
                    *(f"{one}" for one in figures(html, "net-month")),
                    *(f"{one}" for one in figures(html, "accrued")),
                ]
                month = net(within(own, *spans["month"]))
                assert [int(one) for one in shown] == [month, accrued(own)]

            listed = (await told_by(pages, f"{base}/sessions.json"))["totals"]
            settled = [one for one in own if one.kind in {"settled", "rejected"}]
            want = told(settled)
            for key in listed.keys() & want.keys():
                assert listed[key] == want[key], (owner_id, key)

            payouts = await told_by(pages, f"{base}/payouts.json")
            assert (payouts["accrued"], payouts["receivable"]) == (accrued(own), debt)
            if payouts["rows"]:
                assert payouts["rows"][0]["balance"] == accrued(own)

            disputes = await told_by(pages, f"{base}/disputes.json")
            assert disputes["held"] == held(own)
            open_ones = sum(one.kind == "disputed" for one in own)
            open_ones -= sum(one.kind == "ruled" for one in own)
            assert disputes["open"] == open_ones

            counts = (await told_by(pages, f"{base}/exceptions.json"))["counts"]
            assert counts["unfunded"] == total(own, "unfunded")
            assert counts["rejected"] == sum(one.kind == "rejected" for one in own)
            assert counts["disputed"] == open_ones
            assert counts["dispute_ended"] == sum(one.kind == "ruled" for one in own)
            assert counts["refunded"] == sum(one.kind == "refunded" for one in own)

            for first in (date(2026, 10, 1), date(2026, 11, 1)):
                await compare_month(pages, history, owner_id, first)
        await compare_campaign(pages, history)


async def compare_month(
    pages: httpx.AsyncClient, history: History, owner_id: int, first: date
) -> None:
    """Compare the pages that are about a month."""
    base = f"/owners/{owner_id}"
    own = [one for one in history.events if one.owner_id == owner_id]
    last = (first + timedelta(40)).replace(day=1) - timedelta(1)
    events = within(own, first, last)
    fees = (await told_by(pages, f"{base}/fees.json?month={first:%Y-%m}"))["sum"]
    came = sum(total(events, name) for name in ("paid", "campaign", "collected"))
    assert fees["received"] == came - total(events, "refunded")
    fee = total(events, "fee") + total(events, "collected_fee")
    assert fees["fee"] == fee - total(events, "refunded_fee")

    query = f"month={first:%Y-%m}"
    statement = (await told_by(pages, f"{base}/statement.json?{query}"))["span"]
    upto = [one for one in own if one.block <= statement["last_block"]]
    assert statement["closing"] == [accrued(upto), 0]
    lines = sum(one["amount"] for one in statement["lines"])
    assert statement["opening"][0] + lines == accrued(upto)
    carbon = await told_by(pages, f"{base}/carbon.json?{query}")
    assert frozen(carbon.get("session", [])) == carbon_of(events)
    for station, connectors in STATIONS.items():
        if history.connectors[min(connectors)][0] != owner_id:
            continue
        page = await told_by(pages, f"{base}/stations/{station}.json?{query}")
        there = told([one for one in events if one.connector in connectors])
        totals = page["station"]["totals"]
        assert {key: totals[key] for key in there} == there
    stations = (await told_by(pages, f"{base}/stations.json?{query}"))["stations"]
    assert sum(one["totals"]["gross"] for one in stations) == total(events, "gross")


async def compare_campaign(pages: httpx.AsyncClient, history: History) -> None:
    """Compare the campaign's page and the list of owners."""
    campaign = (await told_by(pages, "/owners/1/campaigns/1.json"))["campaign"]
    assert campaign["spent"] == total(history.events, "campaign")
    with_it = [one for one in history.events if one.amounts.get("campaign")]
    assert {name: campaign["totals"][name] for name in CAMPAIGN_SUMS} == {
        name: total(with_it, name) for name in CAMPAIGN_SUMS
    }
    assert campaign["totals"]["sessions"] == len(with_it)
    for one in (await told_by(pages, "/owners.json"))["owners"]:
        own = [each for each in history.events if each.owner_id == one["owner"]["owner_id"]]
        events = within(own, date(2026, 11, 1), date(2026, 11, 3))
        assert one["sessions"] == told(events)["sessions"]
        assert one["energy_wh"] == total(events, "energy_wh")


@dataclass(frozen=True, slots=True)
class Desk:
    """A dashboard whose database is emptied for each history."""

    engine: Engine
    empty: Path
    has: Services
    app: ASGIApp
    wall: ManualClock


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The application, made once."""
    folder = tmp_path_factory.mktemp("totals")
    engine = open_database(f"sqlite:///{folder}/indexer.sqlite")
    engine.dispose()
    empty = folder / "empty.sqlite"
    shutil.copy(folder / "indexer.sqlite", empty)
    wall = ManualClock(NOW)
    has = services(engine, DEPLOYMENT, ManualClock(NOW), wall=wall)
    yield Desk(engine, empty, has, create_app(has), wall)
    engine.dispose()


def run(desk: Desk, steps: list[Any]) -> None:
    """Write one history and compare all pages with it."""
    desk.engine.dispose()
    # Nobody asks faster than the dashboard lets them.
    desk.wall.advance(60)
    path = Path(str(desk.engine.url.database))
    for one in path.parent.glob(f"{path.name}-*"):
        one.unlink()
    shutil.copy(desk.empty, path)
    asyncio.run(compare(made(desk.engine, steps), desk.app))


# The same histories in every run; the deep run looks for others.
@settings(max_examples=8, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=4, max_size=MAX_STEPS))
def test_every_total_is_what_the_raw_events_add_up_to(desk: Desk, steps: list[Any]) -> None:
    run(desk, steps)


# A second or two each; long ones, since short ones are what is drawn most.
@pytest.mark.deep
@pytest.mark.timeout(3600)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=15, max_size=60))
def test_every_total_over_many_histories(desk: Desk, steps: list[Any]) -> None:
    run(desk, steps)
