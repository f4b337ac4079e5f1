"""A payer's page: little for everybody, all of it for the holder, and what wallets sign."""

from __future__ import annotations

from typing import Any, Final

import httpx
import pytest
from sqlalchemy import Engine

from chargecoin.chain import Account, Withdrawal
from chargecoin.clock import ManualClock
from chargecoin.errors import MandateError
from chargecoin.typed_data import token_commitment
from dashboard import payers
from dashboard.errors import BadAddressError
from dashboard.payers import Vault
from dashboard.private.settings import KeptMandate
from dashboard.services import Services
from indexer.read_model import VaultAccount
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.people import key, sign_in
from tests.dashboard.serving import client, services, text_of
from tests.dashboard.world import DEPLOYMENT, Made, World

HOLDER: Final = key("payer").address
ACCOUNT: Final = VaultAccount(1, HOLDER, NOW - 900, "final")
TODAY: Final = NOW // 86_400
MANDATE: Final = "0x" + "5e" * 32


def opened(world: World) -> None:
    """Open account 1 for the payer and account 2 for somebody else, and let both charge."""
    accounts = {1: HOLDER, 2: key("other payer").address}
    events = [{"account": account, "holder": holder} for account, holder in accounts.items()]
    world.mine(NOW - 9_000, [("Settlement", "AccountOpened", one) for one in events])
    world.settle(
        NOW - 1_200,
        [
            Made(1, NOW - 8_000),
            Made(2, NOW - 8_000, payer=2, energy_wh=31_000),
        ],
    )


def vault(**changes: Any) -> Vault:
    """Return what a chain might say of the account."""
    state = Account(40_000_000, 20_000_000, 5_000_000, TODAY, 0)._replace(
        **{one: value for one, value in changes.items() if one in Account._fields}
    )
    asked = changes.get("withdrawal", Withdrawal(0, 0, 0))
    return Vault(state, asked, changes.get("purse", 0), changes.get("allowance", 0), TODAY)


@pytest.fixture
def has(engine: Engine, clock: ManualClock, town: Town) -> Services:
    """A dashboard without a node, over two payers with a session each."""
    opened(town.world)
    return services(engine, DEPLOYMENT, clock, wall=ManualClock(NOW))


async def test_sessions_mandates_and_receipts_are_the_holders_alone(has: Services) -> None:
    has.settings.keep_mandate(KeptMandate(MANDATE, 1, 2, 25_000_000, NOW, NOW + 86_400))
    private = ("/payers/1/sessions/1/1", "/payers/1/prepare?do=cancel", "/payers/1/mandates/new")
    async with client(has) as pages:
        for role, seen in (("nobody", False), ("other payer", False), ("payer", True)):
            if role != "nobody":
                await sign_in(pages, role)
            for form in ("", ".json", ".csv"):
                answer = await pages.get("/payers/1" + form)
                assert ("Harbour" in answer.text) is seen, (role, form)
                assert (MANDATE in answer.text) is (seen and form != ".csv"), (role, form)
                assert "station_owner" not in answer.text
            for path in private:
                code = (await pages.get(path)).status_code
                assert code in ({200, 400} if seen else {303} if role == "nobody" else {403}), path
        own = (await pages.get("/payers.json")).json()
        assert [one["account"] for one in own["accounts"]] == [1]
        # Another payer's session is not theirs under their own account either.
        assert (await pages.get("/payers/1/sessions/2/1")).status_code == 404
        assert (await pages.get("/payers/99")).status_code == 404
        assert (await pages.get(f"/payers/{1 << 70}")).status_code == 404


async def test_a_receipt_adds_up_and_goes_out_as_pdf(has: Services) -> None:
    async with client(has) as pages:
        await sign_in(pages, "payer")
        receipt = (await pages.get("/payers/1/sessions/1/1.json")).json()
        assert receipt["due"] == receipt["vault"] + receipt["campaign"] + receipt["owed"] > 0
        html = text_of((await pages.get("/payers/1/sessions/1/1")).text)
        assert "You can dispute it until" in html
        document = await pages.get("/payers/1/sessions/1/1.pdf")
        assert document.headers["content-type"] == "application/pdf"
        assert document.content.startswith(b"%PDF")
        refused = await pages.get("/payers/1/sessions/1/1?do=collect")
        assert "nothing is owed" in text_of(refused.text).lower()


async def test_the_time_to_dispute_was_over_too_early_after_a_pause(
    has: Services, town: Town
) -> None:
    async with client(has) as pages:
        await sign_in(pages, "payer")
        one = "/payers/1/sessions/1/1.json"
        assert (await pages.get(one)).json()["disputable_until"] == NOW - 1_200 + 7 * 86_400
        town.world.mine(NOW - 600, [("Settlement", "Paused", {"until": NOW - 600 + 2 * 86_400})])
        assert (await pages.get(one)).json()["disputable_until"] == NOW - 1_200 + 9 * 86_400


def test_what_is_left_today_goes_by_the_limit_and_by_what_is_there() -> None:
    assert vault().left == 15_000_000
    assert vault(balance=3_000_000).left == 3_000_000
    assert vault(daily_limit=1_000_000).left == 0
    # What left on another day does not count today.
    assert vault(day=TODAY - 1).left == 20_000_000


def test_a_withdrawal_is_paid_out_in_its_window(has: Services) -> None:
    asked = vault(withdrawal=Withdrawal(10_000_000, NOW, NOW + 1))
    prepared, later = payers.action(has, ACCOUNT, asked, {"do": "execute"}, "")
    assert (prepared.sender, later) == (HOLDER, 0)
    for window in ((NOW + 1, NOW + 9), (NOW - 9, NOW)):
        early = vault(withdrawal=Withdrawal(10_000_000, *window))
        with pytest.raises(BadAddressError, match="not due, or it has lapsed"):
            payers.action(has, ACCOUNT, early, {"do": "execute"}, "")
    with pytest.raises(BadAddressError, match="no withdrawal is requested"):
        payers.action(has, ACCOUNT, vault(), {"do": "cancel"}, "")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"do": "deposit", "amount": "5"}, "your wallet holds"),
        ({"do": "deposit", "amount": "0"}, "above zero"),
        ({"do": "withdraw", "amount": ""}, "above zero"),
        ({"do": "limit", "amount": ""}, "new limit"),
        ({"do": "revoke", "mandate": "0x12"}, "64 hex digits"),
        ({"do": "dance"}, "do is one of"),
    ],
)
def test_a_form_that_cannot_be_says_why(has: Services, given: dict[str, str], words: str) -> None:
    with pytest.raises(BadAddressError, match=words):
        payers.action(has, ACCOUNT, vault(), given, "")


def test_a_mandate_commits_to_its_cards_and_is_read_back_as_it_was() -> None:
    given = {"cards": "card-1\ncard-2 card-1", "amount": "25", "days": "30"}
    mandate, openings = payers.new_mandate(ACCOUNT, given, NOW)
    assert [one.token for one in openings] == ["CARD-1", "CARD-2"]
    assert mandate.tokens == tuple(token_commitment(one.salt, one.token) for one in openings)
    assert (mandate.max_per_session, mandate.valid_until) == (25_000_000, NOW + 30 * 86_400)
    body = {
        "openings": [{"salt": one.salt.hex(), "token": one.token} for one in openings],
        "max_per_session": mandate.max_per_session,
        "valid_from": mandate.valid_from,
        "valid_until": mandate.valid_until,
    }
    assert payers.signed_mandate(ACCOUNT, body, b"").id == mandate.struct_hash()
    with pytest.raises(MandateError, match="begin again"):
        payers.signed_mandate(ACCOUNT, {"openings": []}, b"")
    for changes in ({"cards": ""}, {"amount": "0"}, {"days": "0"}, {"cards": "x" * 37}):
        with pytest.raises(BadAddressError):
            payers.new_mandate(ACCOUNT, given | changes, NOW)


async def test_cards_are_passed_on_and_kept_nowhere(
    engine: Engine, clock: ManualClock, town: Town
) -> None:
    posted: list[bytes] = []

    def oracle(request: httpx.Request) -> httpx.Response:
        posted.append(request.content)
        return httpx.Response(200, json={"mandate": "0x00"})

    opened(town.world)
    has = services(engine, DEPLOYMENT, clock, wall=ManualClock(NOW), oracle=oracle)
    form = {"cards": "SECRETCARD", "amount": "25", "days": "30"}
    async with client(has) as pages:
        await sign_in(pages, "payer")
        answer = await pages.post("/payers/1/mandates", data=form)
        assert answer.status_code == 200
        mandate, openings = payers.new_mandate(ACCOUNT, form, NOW, bytes)
        body = {
            "openings": [{"salt": openings[0].salt.hex(), "token": "SECRETCARD"}],
            "max_per_session": mandate.max_per_session,
            "valid_from": mandate.valid_from,
            "valid_until": mandate.valid_until,
        }
        sent = {"body": httpx.Response(200, json=body).text, "signature": "0x" + "01" * 65}
        answer = await pages.post("/payers/1/mandates/signed", data=sent)
        assert answer.status_code == 200, answer.text
        assert b"SECRETCARD" in posted[0]
        shown = (await pages.get("/payers/1")).text
        assert "SECRETCARD" not in shown
        assert "0x" + mandate.struct_hash().hex() in shown
    [kept] = has.settings.mandates(1)
    assert kept.cards == 1
