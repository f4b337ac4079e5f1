"""The header's links: sections of an owner, the pages of the one the reader is in."""

from __future__ import annotations

import httpx
import pytest

from dashboard.navigation import EVERYBODYS, OWN, navigation
from tests.dashboard.conftest import Town


def marked(path: str, owner_id: int | None) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Labels that are current and how, in both rows."""
    made = navigation(path, owner_id)
    first, second = (
        [(one.label, one.current) for one in row if one.current]
        for row in (made.sections, made.pages)
    )
    return first, second


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        ("/owners/1", [("Overview", "page")], []),
        ("/owners/1/sessions", [("Sessions", "page")], [("Sessions", "page")]),
        ("/owners/1/chargers", [("Stations", "true")], [("Chargers", "page")]),
        ("/owners/1/stations/3", [("Stations", "true")], [("Stations", "true")]),
        ("/owners/1/campaigns/2", [("Campaigns", "true")], []),
        ("/owners/1/feed", [("Stations", "true")], [("Uptime", "true")]),
        ("/owners/1/tariffs/new", [("Stations", "true")], [("Stations", "true")]),
        ("/owners/1/carbon/inputs", [("Carbon", "true")], [("Factors and certificates", "page")]),
        ("/sessions/7/1", [("Sessions", "true")], [("Sessions", "true")]),
        ("/verify", [("Verify", "page")], []),
    ],
)
def test_one_entry_of_each_row_is_current(
    path: str, first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    assert marked(path, 1) == (first, second)


def test_another_owners_pages_are_not_current() -> None:
    assert marked("/owners/12/sessions", 1) == ([], [])


def test_without_an_owner_only_what_is_everybodys_is_offered() -> None:
    made = navigation("/", None)
    offered = [(one.label, one.href) for one in made.sections]
    assert offered == [(str(label), href) for label, href in EVERYBODYS]
    assert made.pages == ()


async def test_every_page_in_the_header_exists(pages: httpx.AsyncClient, busy_town: Town) -> None:
    base = f"/owners/{busy_town.first}"
    for _, below in [one for _, entries in OWN for one in entries]:
        answer = await pages.get(base + below)
        assert answer.status_code in (200, 303), below
        assert answer.status_code == 303 or 'aria-current="page"' in answer.text
