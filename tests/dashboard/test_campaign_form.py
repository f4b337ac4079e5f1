"""The form of a campaign: what it reads, what it refuses, and what it would have cost."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.datastructures import QueryParams

from chargecoin.campaigns import ALL_HOURS, Kind, daily_hours
from dashboard.campaigns.form import Filled, read
from dashboard.spans import starts
from indexer.read_model import ReadModel
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import text_of
from tests.dashboard.world import World

PATH = "/owners/1/campaigns/new"
NIGHTS = daily_hours(22, 6)
GOOD = {
    "kind": "off_peak",
    "name": "Nights at the harbour",
    "site": ["1"],
    "first": "2026-12-01",
    "last": "2026-12-31",
    "hours": f"{NIGHTS:x}",
    "rate": "12.5",
    "cap": "2,50",
    "budget": "250",
    "show": "preview",
}


def address(form: str = "", **changes: Any) -> str:
    """Return the form's address when it is filled in."""
    return f"{PATH}{form}?{urlencode(GOOD | changes, doseq=True)}"


def filled(world: World, **changes: Any) -> Filled:
    """Read a form."""
    query = QueryParams(urlencode(GOOD | changes, doseq=True))
    return read(query, ReadModel(world.engine).connectors(1), 1, NOW)


def test_a_whole_form_is_what_the_contract_takes(town: Town) -> None:
    form = filled(town.world)
    assert form.problems == {}
    assert form.wanted is not None
    new = form.wanted.new
    assert (new.kind, new.owner_id, new.name) == (Kind.OFF_PEAK, 1, "Nights at the harbour")
    # The last day is whole, by the clock of the site.
    assert new.starts_at == starts(date(2026, 12, 1), "Europe/London")
    assert new.ends_at == starts(date(2027, 1, 1), "Europe/London")
    assert (new.hour_mask, new.rate_bps, new.session_cap) == (NIGHTS, 1_250, 2_500_000)
    assert form.wanted.connectors == tuple(town.harbour)
    assert form.wanted.budget == 250_000_000


def test_sites_and_connectors_add_up_and_an_empty_first_day_is_now(town: Town) -> None:
    form = filled(town.world, connector=[str(town.station[1])], first="")
    assert form.wanted is not None
    assert form.wanted.connectors == (*town.harbour, town.station[1])
    assert form.wanted.new.starts_at == 0


def test_the_owner_of_a_sponsors_campaign_is_nobody(town: Town) -> None:
    form = filled(town.world, kind="co_branded", day_cap="20")
    assert form.wanted is not None
    assert (form.wanted.new.owner_id, form.wanted.new.day_cap) == (0, 20_000_000)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "Give it a name"),
        ({"name": "ä" * 33}, "name", "1 to 64 letters"),
        ({"site": []}, "sites", "at least one site"),
        ({"hours": ""}, "hours", "at least one hour"),
        ({"first": "tomorrow"}, "first", "2026-12-01"),
        ({"last": ""}, "last", "Enter the last day"),
        ({"last": "2026-11-30"}, "last", "not before the first"),
        ({"first": "", "last": "2026-11-21"}, "last", "not over"),
        ({"last": "2027-12-31"}, "last", "within 366 days"),
        ({"last": "9999-12-31"}, "last", "this century"),
        ({"rate": "0"}, "rate", "above 0"),
        ({"rate": "101"}, "rate", "up to 100"),
        ({"rate": "12.345"}, "rate", "two decimals"),
        ({"cap": ""}, "cap", "comes off one session"),
        ({"budget": ""}, "budget", "0 is none"),
        ({"budget": "-1"}, "budget", "such as 250"),
        ({"kind": "co_branded"}, "day_cap", "has to have it"),
        ({"kind": "co_branded", "day_cap": "5", "budget": "0"}, "budget", "such as 250"),
        ({"kind": "loyalty", "window_days": "30"}, "min_sessions", "had before"),
        ({"kind": "loyalty", "min_sessions": "3", "window_days": "9999"}, "window_days", "366"),
        ({"driver_cap": "many"}, "driver_cap", "leave it empty"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_what_was_filled_in_stays(
    pages: httpx.AsyncClient, town: Town, changes: dict[str, Any], field: str, words: str
) -> None:
    assert list(filled(town.world, **changes).problems) == [field]
    answer = await pages.get(address(**changes))
    assert answer.status_code == 400
    assert f'href="#{field}"' in answer.text
    assert words in text_of(answer.text)
    assert "data-wallet-send" not in answer.text
    for name in GOOD.keys() - {"kind", "site", "hours", "show"}:
        assert f'value="{changes.get(name, GOOD[name])}"' in answer.text


@pytest.mark.parametrize(
    "changes",
    [{"site": ["3"]}, {"connector": ["5"]}, {"kind": "free"}, {"hour": ["168"]}, {"hours": "xyz"}],
)
async def test_what_no_form_of_ours_sends_is_refused(
    pages: httpx.AsyncClient, town: Town, changes: dict[str, Any]
) -> None:
    assert (await pages.get(address(**changes))).status_code == 400


def test_buttons_of_the_week_switch_on_or_off_what_they_stand_for(town: Town) -> None:
    night, weekend = daily_hours(22, 6), daily_hours(0, 24, (5, 6))

    def mask(**changes: Any) -> int:
        return filled(town.world, show="", **changes).hour_mask

    both = mask(hours=f"{night:x}", toggle=f"{weekend:x}")
    assert both == night | weekend
    # All of the weekend is on now: the same button switches it off.
    assert mask(hours=f"{both:x}", toggle=f"{weekend:x}") == both & ~weekend
    assert mask(hours="", hour=["0", "167"]) == 1 | 1 << 167
    assert mask(hours=f"{ALL_HOURS:x}", clear="1") == 0


async def test_the_week_works_without_script(pages: httpx.AsyncClient, town: Town) -> None:
    page = (await pages.get(address(show="", hours="1"))).text
    assert page.count('name="hour"') == 168
    assert page.count('type="checkbox" name="hour"') == 168
    assert 'value="0" aria-label="Monday 00 to 01 h" checked' in page
    assert 'value="1" aria-label="Monday 01 to 02 h">' in page
    # A blank page says nothing about what is missing yet.
    assert "Nothing is prepared yet" not in page


def test_an_address_made_of_a_form_fills_it_in_again(town: Town) -> None:
    form = filled(town.world, connector=[str(town.station[0])], hour=["5"])
    again = read(
        QueryParams(form.address()[1:]), ReadModel(town.world.engine).connectors(1), 1, NOW
    )
    assert again.wanted == form.wanted
