"""Disputes: what the tables say of them, also while the node is silent."""

from __future__ import annotations

import csv

import httpx
import pytest

from tests.dashboard.conftest import NOW, Town
from tests.dashboard.serving import text_of
from tests.dashboard.world import Made

DAY = 86_400
WHERE = "/owners/1/disputes"


@pytest.fixture
def disputed(town: Town) -> int:
    """A session that its payer disputes; return its id."""
    [one] = town.world.settle(NOW - 2 * DAY, [Made(town.harbour[0], NOW - 3 * DAY)])
    opened = {
        "dispute": 1,
        "session_id": one,
        "account": 1,
        "owner_id": 1,
        "amount": 2_000_000,
        "hold": 1_998_000,
        "bond": 1_000_000,
        "deadline": NOW + 13 * DAY,
        "reason": 2,
    }
    town.world.mine(NOW - DAY, [("Adjustments", "DisputeOpened", opened)])
    return one


async def test_without_a_dispute_the_page_says_what_will_show(
    pages: httpx.AsyncClient, town: Town
) -> None:
    text = text_of((await pages.get(WHERE)).text)
    assert "No dispute is open." in text
    assert "No payer disputed a session" in text
    assert len((await pages.get(f"{WHERE}.csv")).text.splitlines()) == 1


async def test_each_dispute_says_what_waits_in_it_and_until_when(
    pages: httpx.AsyncClient, disputed: int
) -> None:
    text = text_of((await pages.get(WHERE)).text)
    assert "1 dispute is open" in text
    assert "5 Dec 2026, 13:15 UTC" in text
    assert "The price is wrong" in text
    [row] = csv.DictReader((await pages.get(f"{WHERE}.csv")).text.splitlines())
    assert (row["state"], row["hold"], row["bond"]) == ("open", "1998000", "1000000")
    assert row["session_id"] == hex(disputed)


async def test_a_deadline_did_not_stand_still_in_a_pause_after_the_dispute_was_opened(
    pages: httpx.AsyncClient, town: Town, disputed: int
) -> None:
    paused = {"until": NOW - 60 + 2 * DAY}
    town.world.mine(NOW - 60, [("Settlement", "Paused", paused)])
    [one] = (await pages.get(f"{WHERE}.json")).json()["rows"]
    # docs/protocol.md, section 9: windows stand still in a pause.
    assert one["deadline"] == NOW + 15 * DAY
    assert "7 Dec 2026, 13:15 UTC" in text_of((await pages.get(WHERE)).text)
    # A settlement that has stopped for good counts as not paused.
    town.world.mine(NOW - 50, [("Settlement", "Sunset", {"successor": "0x" + "00" * 20})])
    [one] = (await pages.get(f"{WHERE}.json")).json()["rows"]
    assert one["deadline"] == NOW + 13 * DAY


async def test_while_the_node_is_silent_a_dispute_is_shown_and_nothing_prepared(
    pages: httpx.AsyncClient, disputed: int
) -> None:
    answer = await pages.get(f"{WHERE}/1?do=concede&all=1")
    assert answer.status_code == 503
    text = text_of(answer.text)
    assert "Dispute 1" in text
    assert "Nothing is prepared yet" in text
    assert "data-wallet-send" not in answer.text
    refund = await pages.get(f"/sessions/{disputed >> 64}/{disputed & 0xFFFFFFFF}/refund")
    assert refund.status_code == 503
    assert "data-wallet-send" not in refund.text


@pytest.mark.parametrize("path", ["/owners/2/disputes/1", f"{WHERE}/2", f"{WHERE}/{1 << 80}"])
async def test_a_dispute_is_shown_to_its_owners_address_alone(
    pages: httpx.AsyncClient, disputed: int, path: str
) -> None:
    assert (await pages.get(path)).status_code == 404


async def test_a_week_of_rewards_says_so_while_the_node_is_silent(
    pages: httpx.AsyncClient, town: Town
) -> None:
    answer = await pages.get("/owners/1/rewards/2950")
    assert answer.status_code == 503
    assert "could not be worked out now" in text_of(answer.text)
    assert "data-wallet-send" not in answer.text
