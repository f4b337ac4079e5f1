"""Making a history: months of charging in compressed time, settled and checked."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from chargecoin import deployments
from chargecoin.chain import Chain
from chargecoin.clock import FileClock
from chargecoin.errors import ChargeCoinError
from simulate import folder as files
from simulate.demo.business import Business
from simulate.demo.check import Found, Holding, differences, holding
from simulate.demo.local_chain import LocalChain
from simulate.demo.processes import Supervisor, unless_failed
from simulate.demo.progress import Display
from simulate.demo.roles import (
    BOOK,
    CLOCK,
    GAS_WEI,
    HISTORY,
    PROPOSER,
    THRESHOLD,
    Roles,
    committee,
    proposer_address,
)
from simulate.demo.settings import Settings
from simulate.fleet import Fleet
from simulate.history import build
from simulate.mandates import signed_mandate
from simulate.payers import expect
from simulate.plan import Cause

SHORTEST_STEP_S: Final = 6 * 3600
LONGEST_STEP_S: Final = 24 * 3600
SESSIONS_A_STEP: Final = 8
"""So many sessions a step keep both cores busy; few sessions do not make a run long."""
BEFORE_S: Final = 24 * 3600
"""How long before the first session the chain begins."""
MANDATE_S: Final = 365 * 24 * 3600
SETTLED_WITHIN_S: Final = 2 * 24 * 3600
"""The demo's time waits for the oracle where sessions that ended before this are not settled."""
SETTLE_TIMEOUT_S: Final = 120.0
WAIT_S: Final = 0.2
WAIT_PASSES_S: Final = 30
"""How much of the demo's time passes in one look at an oracle that is waited for."""
SETTLING_S: Final = 1800
"""How long before now a history ends, so that there is time left to settle it."""
KILL_AFTER_S: Final = 0.05
"""How far into a step the proposer is killed, so that the fleet is in the middle of it."""
ONBOARDED: Final = "onboarded.json"
CHAIN: Final = "chain.state"
METERS: Final = "meters.json"

# What the oracle says of a session that went wrong in one of our ways.
CODES: Final = {
    Cause.NO_END: "no_end",
    Cause.REGISTER_BACKWARD: "negative_energy",
    Cause.REGISTER_IMPLAUSIBLE: "over_consumption",
    Cause.TAMPERED: "signature_invalid",
}


class DemoError(ChargeCoinError):
    """The demo could not be done, or its own check found something that is not as planned."""


class Making:
    """Makes a history in `settings.history`."""

    def __init__(self, settings: Settings, display: Display) -> None:
        self._settings = settings
        self._display = display
        self._folder = settings.history
        self._seed = settings.source.seed
        self._stamp = settings.stamp()
        self._end = int(time.time()) - SETTLING_S
        self._history = build(settings.source, self._end)
        plans = self._history.ledger.plans
        self._begin = min(plan.started_at for plan in plans) - BEFORE_S
        self._at = self._begin
        self._clock: FileClock
        self._chain: LocalChain

    async def make(self) -> Found:
        """Return what came of it; the folder then holds all that a live run goes on from."""
        shutil.rmtree(self._folder, ignore_errors=True)
        files.save(self._folder, self._history.network, self._history.ledger, self._seed)
        for reason, number in (self._history.unusable + self._history.left_out).most_common():
            self._display.say(f"  {number} rows of the file are not replayed: {reason}")
        self._clock = FileClock.create(self._folder / CLOCK, self._begin)
        self._chain = LocalChain(self._begin)
        try:
            async with Supervisor() as supervisor:
                found: Found = await unless_failed(supervisor, self._work(supervisor))
            if not found.faults:
                self._chain.save(self._folder / CHAIN)
                self._settings.finish_history(self._stamp, self._end)
        finally:
            self._chain.stop()
        return found

    async def _work(self, supervisor: Supervisor) -> Found:
        owner_ids, accounts = await self._onboard()
        network = self._history.network
        roles = Roles(self._folder, self._chain.url, network, self._seed, supervisor)
        fleet = Fleet(network, url=roles.ocpp_url, seed=self._seed, run=f"{self._begin:x}")
        try:
            self._display.say("starting three oracles and the indexer")
            await asyncio.gather(roles.start_oracles(HISTORY), roles.start_indexer())
            await roles.post_mandates(self._mandates(accounts))
            deployment = deployments.load(self._folder / BOOK)
            async with await Chain.connect(self._chain.url, deployment) as chain:
                business = Business(chain, network, self._seed, owner_ids, accounts)
                await business.open()
                await self._play(fleet, roles, supervisor, business)
                await self._settle(roles)
                fleet.save_meters(self._folder / METERS)
                on_chain = await holding(chain, owner_ids)
                self._display.say("refunds, disputes, payouts, fees and a campaign")
                await business.close(self._at)
            return await self._check(roles, on_chain)
        finally:
            await fleet.close()
            await roles.close()

    async def _onboard(self) -> tuple[list[int], dict[str, int]]:
        """Return the owners' ids and the payers' accounts by name."""
        network, payers = self._history.network, self._history.ledger.payers
        sites = sum(len(owner.sites) for owner in network.owners)
        book = self._folder / BOOK
        self._display.say("deploying the contracts")
        await self._chain.deploy(book, committee(self._seed), THRESHOLD)
        self._display.say(
            f"onboarding {len(network.owners)} station owners, {sites} sites, "
            f"{len(network.places)} connectors and {len(payers)} payers"
        )
        onboarded = self._folder / ONBOARDED
        await self._chain.onboard(book, self._folder / files.ONBOARDING, onboarded)
        self._chain.node.rpc("anvil_setBalance", proposer_address(self._seed), GAS_WEI)
        self._chain.finalize()
        ids = json.loads(onboarded.read_text())
        accounts = {name: payer["account"] for name, payer in ids["payers"].items()}
        return [owner["owner_id"] for owner in ids["owners"]], accounts

    def _mandates(self, accounts: dict[str, int]) -> list[dict[str, Any]]:
        domain = deployments.load(self._folder / BOOK).domain
        valid = (self._begin, self._end + MANDATE_S)
        return [
            signed_mandate(payer, accounts[payer.name], domain, self._seed, valid)
            for payer in self._history.ledger.payers
        ]

    async def _play(
        self, fleet: Fleet, roles: Roles, supervisor: Supervisor, business: Business
    ) -> None:
        plans = self._history.ledger.plans
        span_s = self._end - self._begin
        wanted_s = span_s * SESSIONS_A_STEP // len(plans)
        step_s = max(SHORTEST_STEP_S, min(LONGEST_STEP_S, wanted_s))
        steps = -(-span_s // step_s)
        kills = self._settings.kill_proposer
        kill_at = {steps * number // (kills + 1) for number in range(1, kills + 1)}
        ends = sorted(plan.ended_at for plan in plans)
        known_over = 0
        fleet.add(plans)
        await fleet.boot(self._begin)
        with self._display.count("sessions over", len(plans)) as advance:
            for step in range(1, steps + 1):
                at = min(self._begin + step * step_s, self._end)
                # Time first: nobody may be told of what is still to come.
                self._move_to(at)
                sending = asyncio.ensure_future(fleet.advance(at))
                if step in kill_at:
                    await asyncio.sleep(KILL_AFTER_S)
                    supervisor.kill(PROPOSER)
                await sending
                advance(bisect_right(ends, at))
                await business.pay_weekly(at)
                due = bisect_right(ends, at - SETTLED_WITHIN_S)
                if known_over < due:
                    known_over = await self._keep_up(roles, due)

    async def _keep_up(self, roles: Roles, due: int) -> int:
        """Wait until so many sessions are settled or set aside; return how many are."""
        counts: dict[str, Any] = {}
        with self._oracle_in_time(counts):
            async with asyncio.timeout(SETTLE_TIMEOUT_S):
                while True:
                    counts |= await roles.sessions()
                    over: int = counts["settled"] + counts["quarantined"]
                    if over >= due:
                        return over
                    await self._let_time_pass()

    async def _settle(self, roles: Roles) -> None:
        """Wait until all that ended is settled, final and indexed."""
        self._display.say("settling what is left")
        total = len(self._history.ledger.plans)
        counts: dict[str, Any] = {}
        with self._oracle_in_time(counts):
            async with asyncio.timeout(SETTLE_TIMEOUT_S):
                while True:
                    counts |= await roles.sessions()
                    over = counts["settled"] + counts["quarantined"]
                    if over == total and counts["final"] == counts["settled"]:
                        break
                    await roles.flush()
                    await self._let_time_pass()
                await roles.until_indexed(self._chain.height)

    async def _let_time_pass(self) -> None:
        """Wait a little, and let clock and chain go on: oracles wait for either.

        What was mined becomes final, and what an oracle put off for a minute comes due.
        """
        await asyncio.sleep(WAIT_S)
        self._move_to(min(self._at + WAIT_PASSES_S, int(time.time())))

    def _move_to(self, at: int) -> None:
        """Move clock and chain to a time, UTC seconds; the chain makes blocks in any case."""
        if at > self._at:
            self._at = at
            self._clock.set(at)
            self._chain.advance(at)
        else:
            self._chain.finalize()

    @contextmanager
    def _oracle_in_time(self, counts: dict[str, Any]) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise DemoError(
                f"after {SETTLE_TIMEOUT_S:.0f} s the oracle has not settled what it should have: "
                f"{counts}; see {self._folder / 'logs'}"
            ) from None

    async def _check(self, roles: Roles, on_chain: Holding) -> Found:
        """Compare what the chain held when all was settled, and the indexer as it is now."""
        self._display.say("checking the run against its plan, and the indexer against the chain")
        self._chain.finalize()
        await roles.until_indexed(self._chain.height)
        counts = await roles.sessions()
        waiting = Counter(entry["code"] for entry in await roles.quarantined())
        report = await roles.verify_index()
        plans = self._history.ledger.plans
        seeded = Counter(CODES[plan.cause] for plan in plans if plan.cause in CODES)
        faults = differences(
            expect(self._history.ledger, self._history.network),
            on_chain,
            sessions_in=counts["in"] + counts["open"],
            quarantined=waiting.total(),
        )
        if waiting != seeded:
            faults.append(f"quarantine holds {dict(waiting)}, planned {dict(seeded)}")
        faults += [
            f"{check['name']} differs: {check['differences'][0]}"
            for check in report["checks"]
            if check["differing"]
        ]
        return Found(
            on_chain,
            sessions_in=counts["in"] + counts["open"],
            quarantined=waiting.total(),
            indexer_matches_chain=bool(report["ok"]),
            faults=tuple(faults),
        )
