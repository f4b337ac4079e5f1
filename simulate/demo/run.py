"""One demo: make a history unless one is kept, then go on from it in real time."""

from __future__ import annotations

import json
import time
from typing import Any

from simulate.demo.live import go_live
from simulate.demo.making import DemoError, Making
from simulate.demo.progress import Display
from simulate.demo.settings import Settings, alone_in, dashboard_port


async def run(settings: Settings, display: Display) -> dict[str, Any] | None:
    """Run a demo to its end: with `once` the summary, otherwise until cancelled.

    Raises `DemoError` if the run did not come out as planned, and other
    `ChargeCoinError`s if it could not be done.
    """
    since = time.monotonic()
    if not settings.once:
        # Better now than after two minutes.
        dashboard_port(settings.port)
    with alone_in(settings.folder):
        if settings.once or not settings.finished_history(time.time()):
            found = await Making(settings, display).make()
            summary = found.summary(time.monotonic() - since, settings.source.seed)
            if found.faults:
                display.say(json.dumps(summary))
                raise DemoError("the run is not as planned: " + "; ".join(found.faults))
            if settings.once:
                return summary
        else:
            display.say("going on from the history of the last run")
        await go_live(settings, display)
    return None
