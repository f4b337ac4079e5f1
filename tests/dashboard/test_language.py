"""Readers are answered in their language, in words and figures; machines in none."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import Engine

from chargecoin.clock import ManualClock
from dashboard.formats import in_every_language
from dashboard.language import gettext, language, ngettext, preferred, speaking
from tests.dashboard.conftest import Town
from tests.dashboard.serving import client, services
from tests.dashboard.world import DEPLOYMENT

GERMAN = {"accept-language": "de-DE,de;q=0.9,en;q=0.8"}


@pytest.mark.parametrize(
    ("chosen", "accepted", "configured", "language"),
    [
        ("de", "en", "en_GB", "de"),
        ("fr", "en", "de_DE", "en"),
        (None, "fr, de;q=0.4, en;q=0.3", "en_GB", "de"),
        (None, "de;q=0, en;q=0.1", "de_DE", "en"),
        (None, "de-AT", "en_GB", "de"),
        (None, "DE", "en_GB", "de"),
        (None, "*", "de_DE", "de"),
        (None, "", "de_DE", "de"),
        (None, "", "fr_FR", "en"),
        (None, "de;q=much", "en_GB", "en"),
    ],
)
def test_a_readers_language_is_their_choice_then_their_browsers_then_the_settings(
    chosen: str | None, accepted: str, configured: str, language: str
) -> None:
    assert preferred(chosen, accepted, configured) == language


def test_a_text_is_in_the_language_of_the_request() -> None:
    assert gettext("%(age)s ago", age="2 h") == "2 h ago"
    with speaking("de"):
        assert language() == "de"
        assert gettext("%(age)s ago", age="2 h") == "vor 2 h"
        assert gettext("") == ""
    assert ngettext("%(num)s site", "%(num)s sites", 2) == "2 sites"


def test_the_settings_locale_is_for_readers_of_its_language() -> None:
    austrian = in_every_language("de_AT", "EUR")
    assert {one: made.locale_name for one, made in austrian.items()} == {
        "en": "en_GB",
        "de": "de_AT",
    }
    french = in_every_language("fr_FR", "EUR")
    assert french["en"].locale_name == "fr_FR"
    assert french["en"].language == "en"


async def test_a_browser_that_asks_for_german_gets_it(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    answer = await pages.get("/owners/1", headers=GERMAN)
    assert '<html lang="de-DE">' in answer.text
    assert "Zum Inhalt springen" in answer.text
    assert answer.headers["content-language"] == "de"
    assert answer.headers["vary"] == "cookie, accept-language"
    english = await pages.get("/owners/1")
    assert '<html lang="en-GB">' in english.text


async def test_a_choice_is_kept_and_leads_back(pages: httpx.AsyncClient, busy_town: Town) -> None:
    before = await pages.get("/owners/1/sessions?status=settled")
    assert 'name="next" value="/owners/1/sessions?status=settled"' in before.text
    sent = {"language": "de", "next": "/owners/1/sessions?status=settled"}
    answer = await pages.post("/language", data=sent)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/owners/1/sessions?status=settled"
    kept = answer.headers["set-cookie"]
    assert kept.startswith("language=de;")
    assert "HttpOnly" in kept
    after = await pages.get(answer.headers["location"], headers={"accept-language": "en"})
    assert '<html lang="de-DE">' in after.text


async def test_a_choice_that_is_none_is_refused_and_leads_nowhere_else(
    pages: httpx.AsyncClient, town: Town
) -> None:
    answer = await pages.post("/language", data={"language": "xx"})
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers
    astray = await pages.post("/language", data={"language": "de", "next": "//else.example"})
    assert astray.headers["location"] == "/"


@pytest.mark.parametrize("form", ["json", "csv"])
async def test_what_machines_read_is_in_no_readers_language(
    pages: httpx.AsyncClient, busy_town: Town, form: str
) -> None:
    for page in ("/owners/1", "/owners/1/sessions", "/owners/1/campaigns/9", "/nowhere"):
        plain = await pages.get(f"{page}.{form}")
        german = await pages.get(f"{page}.{form}", headers=GERMAN)
        assert german.text == plain.text


async def test_faults_are_said_in_the_readers_language(
    pages: httpx.AsyncClient, town: Town
) -> None:
    answer = await pages.get("/nowhere", headers=GERMAN)
    assert answer.status_code == 404
    assert "Hier ist nichts" in answer.text


async def test_the_settings_say_the_language_of_who_asks_for_none(
    engine: Engine, clock: ManualClock, busy_town: Town
) -> None:
    async with client(services(engine, DEPLOYMENT, clock, locale="de_AT")) as pages:
        assert '<html lang="de-AT">' in (await pages.get("/owners/1")).text
        english = await pages.get("/owners/1", headers={"accept-language": "en-US"})
        assert '<html lang="en-GB">' in english.text
