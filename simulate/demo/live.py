"""Going on from a finished history in real time, with the dashboard."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import replace
from random import Random
from typing import Final

from chargecoin.clock import FileClock
from simulate import folder as files
from simulate.demo.local_chain import LocalChain
from simulate.demo.making import CHAIN, METERS
from simulate.demo.processes import Supervisor, unless_failed
from simulate.demo.progress import Display
from simulate.demo.roles import CLOCK, LIVE, Roles
from simulate.demo.settings import Settings, dashboard_port
from simulate.fleet import Fleet
from simulate.generator import arrivals

SESSIONS_PER_MINUTE: Final = 4.0
LOOK_S: Final = 0.1


async def go_live(settings: Settings, display: Display) -> None:
    """Go on from the finished history in real time, until cancelled."""
    port = dashboard_port(settings.port)
    shutil.rmtree(settings.live, ignore_errors=True)
    shutil.copytree(settings.history, settings.live, ignore=shutil.ignore_patterns("logs"))
    run_files = files.load(settings.live)
    now = int(time.time())
    clock = FileClock.create(settings.live / CLOCK, now)
    clock.run()
    chain = LocalChain(now)
    try:
        chain.load(settings.live / CHAIN)
        chain.go_live(int(clock.now()))
        async with Supervisor() as supervisor:
            roles = Roles(settings.live, chain.url, run_files.network, run_files.seed, supervisor)
            fleet = Fleet(
                run_files.network, url=roles.ocpp_url, seed=run_files.seed, run=f"{now:x}"
            )
            fleet.load_meters(settings.live / METERS)
            try:
                await asyncio.gather(
                    roles.start_oracles(LIVE), roles.start_indexer(), roles.start_dashboard(port)
                )
                display.say(f"\nThe dashboard is at http://127.0.0.1:{port}/ (Ctrl-C ends all)\n")
                await unless_failed(supervisor, _live(fleet, clock, run_files))
            finally:
                await fleet.close()
                await roles.close()
    finally:
        chain.stop()


async def _live(fleet: Fleet, clock: FileClock, run_files: files.Folder) -> None:
    """Let sessions come in, in real time."""
    now = int(clock.now())
    tokens = [plan.token for plan in run_files.sessions if plan.cause is None]
    await fleet.boot(now)
    rng = Random(f"live {run_files.seed} {now}")
    for plan in arrivals(run_files.network, since=now, per_minute=SESSIONS_PER_MINUTE, rng=rng):
        fleet.add([replace(plan, token=rng.choice(tokens))])
        while (now := int(clock.now())) < plan.started_at:
            await fleet.advance(now)
            await fleet.heartbeat(now)
            await asyncio.sleep(LOOK_S)
