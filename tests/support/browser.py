"""The browser that page tests drive: Chromium from npm, through Playwright.

Playwright's own browser download is not used. `tools/chromium.mjs` unpacks a headless shell with
the libraries and the font it needs, so that it starts on a bare machine, as root or not.
"""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).resolve().parents[2]

ARGS = (
    # Chromium's sandbox needs a privilege that containers and root do not have; the pages are ours.
    "--no-sandbox",
    # A small /dev/shm, as containers have, must not end the browser.
    "--disable-dev-shm-usage",
    "--disable-gpu",
    # Nothing but the page under test is to be asked for over the network.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # The same glyph positions, and so the same screenshots, on every machine.
    "--font-render-hinting=none",
)


class BrowserMissingError(RuntimeError):
    """No browser could be found or unpacked; the message says what to do."""


@cache
def chromium_path(root: Path = ROOT) -> Path:
    """Path of the Chromium executable, unpacked from node_modules the first time (about 2 s).

    Args:
        root: The checkout whose browser is wanted.

    Raises:
        BrowserMissingError: node_modules is not installed and no Chromium is on the PATH.
    """
    found = subprocess.run(
        ["node", str(root / "tools" / "chromium.mjs")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if found.returncode:
        raise BrowserMissingError(found.stderr.strip())
    return Path(found.stdout.strip())


def browser_environment(executable: Path) -> dict[str, str]:
    """Environment for the browser process: this process's, and the libraries that came with it."""
    environment = dict(os.environ)
    libraries = executable.parent / "lib"
    fonts = executable.parent / "fonts.conf"
    if libraries.is_dir() and fonts.is_file():  # A system's Chromium has neither beside it.
        inherited = environment.get("LD_LIBRARY_PATH")
        environment["LD_LIBRARY_PATH"] = f"{libraries}:{inherited}" if inherited else str(libraries)
        environment["FONTCONFIG_FILE"] = str(fonts)
    return environment


def launch(playwright: Playwright) -> Browser:
    """Start the browser headless. The caller closes it.

    Raises:
        BrowserMissingError: As for `chromium_path`.
    """
    executable = chromium_path()
    return playwright.chromium.launch(
        executable_path=executable,
        headless=True,
        chromium_sandbox=False,
        args=list(ARGS),
        env=dict(browser_environment(executable)),
    )
