"""Every sum on a page that has a total is what the lines above it add up to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser

import httpx
import pytest

from chargecoin.record import Reason, Status
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.world import Made

PAGES = (
    "/owners/1",
    "/owners/1/sessions",
    "/owners/1/sessions?status=unfunded",
    "/owners/1/stations/1",
    "/owners/1/fees",
    "/sessions/1/1",
    "/owners/1/payouts",
)


class Sums(HTMLParser):
    """Reads each `dl.sum`: its lines as (is it a total, text)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[tuple[bool, str]]] = []
        self._inside = self._line = self._total = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = (dict(attrs).get("class") or "").split()
        if tag == "dl":
            self._inside = "sum" in names
            if self._inside:
                self.found.append([])
        elif tag == "dd" and self._inside:
            self._line = True
            self.found[-1].append(("total" in names, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "dl":
            self._inside = False
        elif tag == "dd":
            self._line = False

    def handle_data(self, data: str) -> None:
        if self._line:
            total, text = self.found[-1][-1]
            self.found[-1][-1] = (total, text + data)


def sums(page: str) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield, for each total on a page, what its lines make and what it says."""
    reader = Sums()
    reader.feed(page)
    for lines in reader.found:
        added = Decimal(0)
        if not any(total for total, _ in lines):
            continue
        for total, text in lines:
            amount = Decimal(re.sub(r"[^\d.-]", "", text))
            if total:
                yield added, amount
                added = Decimal(0)
            else:
                added += amount


@pytest.fixture
def corrected(busy_town: Town) -> Town:
    """The busy town after a refund and a debt of which a part was collected."""
    world = busy_town.world
    first, second = busy_town.harbour
    unpaid = Made(
        second,
        NOW - 8000,
        status=Status.UNFUNDED,
        reason=Reason.BALANCE_SHORT,
        paid=1_250_000,
        debt=7_750_000,
    )
    settled, short = world.settle(NOW - 1100, [Made(first, NOW - 8000), unpaid])
    world.collect(NOW - 1000, short, 700_001, paid_before=1_250_000)
    world.refund(NOW - 900, settled, 2_000_000, 2_000)
    return busy_town


@pytest.mark.parametrize("path", PAGES)
async def test_lines_add_up_to_the_total_below_them(
    pages: httpx.AsyncClient, corrected: Town, path: str
) -> None:
    page = (await pages.get(path)).text
    found = list(sums(page))
    assert found or 'class="sum"' in page
    assert [added for added, _ in found] == [said for _, said in found]


async def test_a_refund_is_a_line_of_todays_sum(pages: httpx.AsyncClient, corrected: Town) -> None:
    page = (await pages.get("/owners/1")).text
    assert page.count("<dt>Refunded</dt><dd>") == 3
