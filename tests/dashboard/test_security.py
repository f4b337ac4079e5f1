"""Nothing foreign runs, frames or hears of these pages, and no secret is behind them."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

import dashboard
from chargecoin.clock import ManualClock
from dashboard.security import HEADERS, POLICY
from tests.dashboard.conftest import Town
from tests.dashboard.serving import client, services
from tests.dashboard.world import DEPLOYMENT

HERE = Path(dashboard.__file__).parent
PAGES = (
    "/",
    "/owners/1",
    "/owners/1/sessions",
    "/owners/1/chargers",
    "/owners/1/exceptions",
    "/sessions/1/1",
    "/verify",
    "/batches/1",
    "/methods/co2",
    "/status",
    "/nowhere",
)


@pytest.mark.parametrize("path", [*PAGES, "/health", "/static/style.css", "/owners/1.json"])
async def test_every_answer_carries_the_headers(
    pages: httpx.AsyncClient, busy_town: Town, path: str
) -> None:
    answer = await pages.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value


async def test_who_opened_it_over_tls_comes_back_by_tls(
    engine: Engine, clock: ManualClock, town: Town
) -> None:
    for origin, promised in (("https://dashboard.example", True), ("http://localhost:80", False)):
        async with client(services(engine, DEPLOYMENT, clock, origin=origin)) as pages:
            headers = (await pages.get("/health")).headers
            assert ("strict-transport-security" in headers) is promised


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in POLICY


@pytest.mark.parametrize("path", PAGES)
async def test_pages_hold_no_inline_code_and_ask_nobody_else(
    pages: httpx.AsyncClient, busy_town: Town, path: str
) -> None:
    html = (await pages.get(path)).text
    assert not re.search(r"\son[a-z]+\s*=|\sstyle\s*=|javascript:", html)
    for address in re.findall(r'(?:src|href|action)="([^"]+)"', html):
        assert address.startswith(("/", "#", "?")), address
    for source in re.findall(r"<script([^>]*)>([^<]*)<", html):
        assert "src=" in source[0]
        assert not source[1].strip()


def test_scripts_and_styles_ask_nobody_else() -> None:
    files = [*HERE.glob("static/*.js"), *HERE.glob("static/*.css")]
    assert files
    for file in files:
        assert not re.search(
            r"https?://|//[a-z]+\.", re.sub(r"(?m)^\s*//.*$", "", file.read_text())
        )


def test_the_script_is_small() -> None:
    assert sum(file.stat().st_size for file in HERE.glob("static/*.js")) < 100_000


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_nothing_can_be_written(
    pages: httpx.AsyncClient, busy_town: Town, path: str, method: str
) -> None:
    assert (await pages.request(method, path)).status_code in {404, 405}


async def test_files_outside_the_folder_are_not_served(pages: httpx.AsyncClient) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
        assert (await pages.get(path)).status_code == 404


async def test_pages_are_asked_again_and_files_kept(
    pages: httpx.AsyncClient, busy_town: Town
) -> None:
    answer = await pages.get("/owners/1")
    assert answer.headers["cache-control"] == "no-cache"
    [address] = re.findall(r'href="(/static/style\.css\?v=\w+)"', answer.text)
    assert "immutable" in (await pages.get(address)).headers["cache-control"]


async def test_what_an_owner_typed_into_the_registry_cannot_run(
    pages: httpx.AsyncClient, town: Town
) -> None:
    name = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
    owner = town.world.owner(name, 1_790_000_000)
    town.world.site(owner, name, 1_790_000_000, stations=[(name, 1, 22_000)])
    for path in ("/", f"/owners/{owner}", f"/owners/{owner}/chargers", f"/owners/{owner}/sessions"):
        html = (await pages.get(path)).text
        assert "<img" not in html
        assert "<script>alert" not in html
