"""One oracle process: its parts, wired by the roles it has, started and stopped in order."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Any, Self

import structlog

from chargecoin import deployments
from chargecoin.chain import Chain, Rpc
from chargecoin.chain.transactions import KeySigner
from chargecoin.clock import Clock, open_clock
from chargecoin.errors import NodeUnavailableError
from chargecoin.typed_data import Signer
from oracle.central_system.admission import Admission
from oracle.central_system.intake import Intake
from oracle.central_system.passwords import ChargePoints
from oracle.central_system.server import PATH, CentralSystem
from oracle.committee.attester import Attester
from oracle.config import ATTESTER, CENTRAL_SYSTEM, PROPOSER, Config
from oracle.feed.entries import FeedWriter
from oracle.feed.feed import Feed
from oracle.follower import Follower
from oracle.keys import read_key
from oracle.metrics import Metrics
from oracle.proposer.collection import Collector
from oracle.proposer.drafting import Drafter
from oracle.proposer.proposer import Due, Proposer
from oracle.proposer.submitter import Submitter
from oracle.registry import Registry
from oracle.sessions.pipeline import Pipeline
from oracle.settlements import SettlementReader
from oracle.store import feed as stored_feed
from oracle.store import sessions
from oracle.store.database import Database

log = structlog.get_logger()


def _secret(connection: Connection) -> bytes:
    """Return what salts are made from, made once and kept."""
    connection.execute(
        "INSERT OR IGNORE INTO meta VALUES ('secret', ?)", (secrets.token_bytes(32),)
    )
    row = connection.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone()
    return bytes(row["value"])


class Oracle:
    """A running oracle. Make it with `start`, which returns once it serves; then `close` it."""

    def __init__(self, config: Config, chain: Chain, database: Database, clock: Clock) -> None:
        """Use `start`."""
        self.config = config
        self.chain = chain
        self.database = database
        self.clock = clock
        self.metrics = Metrics()
        self.signer = Signer(read_key(Path(config.signing_key_file)))
        self.registry = Registry(chain, database)
        self.ocpp_port: int | None = None
        self.serving = False
        self.feed: Feed
        self.intake: Intake | None = None
        self.charge_points: ChargePoints | None = None
        self.admission: Admission | None = None
        self.central_system: CentralSystem | None = None
        self.attester: Attester | None = None
        self.pipeline: Pipeline | None = None
        self.proposer: Proposer | None = None
        self._collector: Collector | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    @classmethod
    async def start(cls, config: Config) -> Self:
        """Start an oracle as configured.

        A node that does not answer is waited for: charge points are served without it.
        Raises `ConfigurationError` for what is wrong with the configuration and
        `WrongChainError` if the node is of another chain.
        """
        clock = open_clock(config.clock)
        deployment = deployments.load(Path(config.deployment))
        database = Database(Path(config.store))
        chain = Chain(Rpc(config.rpc_url), deployment)
        oracle = cls(config, chain, database, clock)
        try:
            await oracle._start()
        except BaseException:
            await oracle.close()
            raise
        return oracle

    async def _start(self) -> None:
        config = self.config
        epoch = await self.database.write(stored_feed.begin_epoch)
        secret = await self.database.write(_secret)
        await self.registry.load()
        charge_points = (
            ChargePoints(Path(config.charge_points_file)) if config.charge_points_file else None
        )
        self.feed = Feed(
            self.database,
            FeedWriter(self.signer, epoch),
            self.registry.ids,
            charge_points.knows if charge_points else lambda _: False,
            self.clock,
        )
        follower = Follower(
            self.chain,
            self.database,
            self.registry,
            SettlementReader(self.chain),
            self._on_connectors,
        )
        try:
            await follower.catch_up()
        except NodeUnavailableError as error:
            log.warning("node_unavailable", error=str(error))
        self._spawn("follower", follower.run(config.follow_interval_s))
        if config.has(ATTESTER):
            self.attester = Attester(
                chain=self.chain,
                database=self.database,
                registry=self.registry,
                signer=self.signer,
                batch_valid_s=config.batch_valid_s,
            )
        if config.has(CENTRAL_SYSTEM) and charge_points:
            await self._start_central_system(secret, charge_points)
        if config.has(PROPOSER) and self.attester and self.pipeline:
            self._start_proposer(self.attester, self.pipeline)
        self.serving = True
        log.info("started", roles=config.roles, oracle=self.signer.address, epoch=epoch)

    async def _start_central_system(self, secret: bytes, charge_points: ChargePoints) -> None:
        config = self.config
        self.charge_points = charge_points
        self.admission = Admission(
            config, self.chain, self.registry, charge_points, self.signer.address
        )
        self.intake = Intake(self.database, self.feed, self.clock, self.metrics)
        self.central_system = CentralSystem(charge_points, self.intake, self.feed, self.metrics)
        self.pipeline = Pipeline(
            self.database,
            self.registry,
            self.chain.deployment,
            self.signer.address,
            secret,
            self.clock,
            charge_points.owner,
        )
        await self.feed.start()
        self._spawn("heartbeat", self.feed.beat())
        self._spawn("pipeline", self.pipeline.run(self.intake.session_closed))
        self.ocpp_port = await self.central_system.start(config.ocpp_host, config.ocpp_port)

    def _start_proposer(self, attester: Attester, pipeline: Pipeline) -> None:
        config = self.config
        self._collector = Collector(config.attesters, self.signer)
        drafter = Drafter(
            chain=self.chain,
            database=self.database,
            registry=self.registry,
            attester=attester,
            signer=self.signer,
            clock=self.clock,
            batch_valid_s=config.batch_valid_s,
        )
        signer = KeySigner(read_key(Path(config.gas_key_file or "")))
        self.proposer = Proposer(
            chain=self.chain,
            database=self.database,
            registry=self.registry,
            attester=attester,
            drafter=drafter,
            collector=self._collector,
            submitter=Submitter(self.chain, self.database, signer, self.metrics),
            clock=self.clock,
            metrics=self.metrics,
            due=Due(config.batch_min_sessions, config.batch_max_age_s),
        )
        self._spawn("proposer", self.proposer.run(pipeline.worked))

    @property
    def ready(self) -> bool:
        """Whether it serves and has read the final chain."""
        return self.serving and self.registry.block is not None

    @property
    def ocpp_url(self) -> str:
        """Where charge points connect; their identity follows."""
        found = self.config.ocpp_url or f"ws://{self.config.ocpp_host}:{self.ocpp_port}{PATH}"
        return found.rstrip("/") + "/"

    async def _on_connectors(self, new: Sequence[tuple[str, int]]) -> None:
        if self.central_system and self.serving:
            await self.feed.registered(new, self.central_system.connected)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def failed(self) -> None:
        """Return when a part has ended, which none does by itself; raises what ended it."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def flush(self) -> int:
        """Let whatever waits be proposed now, and return how many sessions wait."""
        if self.proposer is None or self.pipeline is None:
            return 0
        self.proposer.flush()
        self.pipeline.worked.set()
        return await self.backlog()

    async def backlog(self) -> int:
        """Return how many sessions have ended and are neither settled nor in quarantine."""
        counts = await self.database.read(sessions.counts)
        return sum(counts.get(state, 0) for state in ("closed", "pending", "proposed"))

    async def close(self) -> None:
        """Let no charge point in any more, finish what is in hand, and close the store."""
        self.serving = False
        if self.central_system:
            await self.central_system.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._collector:
            await self._collector.close()
        await self.database.close()
        await self.chain.close()
        log.info("stopped")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.close()
