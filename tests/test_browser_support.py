"""The browser for page tests starts here, runs scripts, and draws with a font of its own."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.browser import (
    ROOT,
    BrowserMissingError,
    browser_environment,
    chromium_path,
    launch,
)

PAGE = """<!doctype html>
<html lang="en"><title>Sessions</title>
<style>body { margin: 0; font: 20px sans-serif }</style>
<h1>12,50 €</h1>
<button>Count</button> <output>0</output>
<script>
  let n = 0;
  document.querySelector("button").onclick = () =>
    document.querySelector("output").textContent = ++n;
</script>"""

# Text set in a real font is wider for wide letters; with no font at all every glyph is the same.
WIDTHS = """() => ["iiiiiiiiii", "WWWWWWWWWW"].map(text => {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = "20px sans-serif";
  return pen.measureText(text).width;
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


def test_a_page_runs_its_script_and_is_drawn(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 240})
    page.set_content(PAGE)
    page.get_by_role("button", name="Count").click()
    page.get_by_role("button", name="Count").click()

    assert page.title() == "Sessions"
    assert page.locator("output").inner_text() == "2"
    picture = page.screenshot()
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == (320, 240)
    assert picture != browser.new_page(viewport={"width": 320, "height": 240}).screenshot()


def test_text_has_a_font(browser: Browser) -> None:
    narrow, wide = browser.new_page().evaluate(WIDTHS)
    assert wide > 2 * narrow > 0


def test_dark_colours_and_a_phone_can_be_asked_for(browser: Browser) -> None:
    page = browser.new_page(color_scheme="dark", viewport={"width": 320, "height": 640})
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert page.evaluate("innerWidth") == 320


@pytest.fixture
def bare_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project folder without node_modules, with nothing but node (and itself) on the PATH."""
    node = shutil.which("node")
    assert node is not None
    (tmp_path / "node").symlink_to(node)
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "chromium.mjs", tmp_path / "tools")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_a_browser_the_error_says_what_to_do(bare_checkout: Path) -> None:
    with pytest.raises(BrowserMissingError, match="make setup"):
        chromium_path(bare_checkout)


def test_a_browser_of_the_system_serves_where_none_came_along(bare_checkout: Path) -> None:
    system = bare_checkout / "chromium"
    system.touch(mode=0o755)

    assert chromium_path(bare_checkout) == system
    assert "FONTCONFIG_FILE" not in browser_environment(system)
