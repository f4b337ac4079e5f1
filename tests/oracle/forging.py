"""Proposals as a dishonest proposer would make them, and an attester to ask."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from chargecoin import canonical, merkle, record
from chargecoin.chain import Head
from chargecoin.errors import AttestationRefusedError
from chargecoin.evidence.format import evidence_hash, hexed, word_hex
from chargecoin.record import Run, SessionRecord, encode_runs
from oracle.committee import proposal as proposals
from oracle.committee.attester import Attester
from oracle.committee.proposal import Proposal
from oracle.proposer import builder
from oracle.store import sessions
from tests.oracle.harness import Node, World, until
from tests.support.charging import Charging, Meter

Json = dict[str, Any]


@dataclass
class Forgery:
    """A proposal taken apart, so that a test changes one thing and puts it together again."""

    epoch: int
    expiry: int
    heads: dict[int, Head]
    bundles: list[Json]
    openings: Json
    tariff_index: int = 1
    root: bytes | None = None

    def sign_records(self) -> None:
        """Let each bundle's word be that of its record, as a forger would."""
        for bundle in self.bundles:
            bundle["word"] = word_hex(SessionRecord(**bundle["record"]).encode())

    def proposal(self, texts: list[str] | None = None) -> Proposal:
        """Put it together: runs and root are those of the bundles as they stand."""
        texts = texts or [canonical.dumps(bundle).decode() for bundle in self.bundles]
        runs: dict[int, list[int]] = {}
        leaves = []
        for bundle, text in zip(self.bundles, texts, strict=True):
            word = int(bundle["word"], 16)
            connector = bundle["session"]["connector_id"]
            words = runs.setdefault(connector, [])
            head = self.heads[connector]
            place = record.session_id(connector, head.sequence + 1 + len(words))
            words.append(word)
            leaves.append(merkle.leaf(place, word, evidence_hash(text.encode())))
        encoded = encode_runs(
            [
                Run(
                    connector,
                    self.heads[connector].sequence + 1,
                    self.tariff_index,
                    self.heads[connector].hash,
                    tuple(words),
                )
                for connector, words in runs.items()
            ]
        )
        return Proposal(
            epoch=self.epoch,
            expiry=self.expiry,
            evidence_root=hexed(self.root or merkle.root(leaves)),
            runs=hexed(encoded),
            bundles=texts,
            openings=msgspec.convert(self.openings, dict[str, proposals.Opening]),
        )


@dataclass
class Case:
    """A proposer with pending sessions, and an attester to ask."""

    world: World
    proposer: Node
    node: Node
    now: int

    @property
    def attester(self) -> Attester:
        assert self.node.oracle.attester
        return self.node.oracle.attester

    async def forgery(self) -> Forgery:
        """Return what would be proposed now, taken apart."""
        oracle = self.proposer.oracle
        waiting = await oracle.database.read(lambda c: sessions.pending(c, 2**32, 256))
        connectors = {session.connector_id for session in waiting}
        heads = {one: await oracle.chain.head(one) for one in connectors}
        block = await oracle.chain.block()
        assert block
        built = builder.build(
            waiting,
            owners=dict.fromkeys(connectors, 1),
            heads=heads,
            epoch=1,
            expiry=block.timestamp + 3600,
        ).proposal
        return Forgery(
            built.epoch,
            built.expiry,
            heads,
            [json.loads(text) for text in built.bundles],
            msgspec.to_builtins(built.openings),
        )

    async def refusal(
        self, proposal: Proposal, proposer: str | None = None
    ) -> AttestationRefusedError:
        """Ask for a signature and return the refusal."""
        with pytest.raises(AttestationRefusedError) as refused:
            await self.attester.attest(proposal, proposer or self.proposer.oracle.signer.address)
        return refused.value


@asynccontextmanager
async def case_in(world: World) -> AsyncIterator[Case]:
    """Run a proposer with one pending session of a mandate, one of a signing meter; an attester."""
    never = {"batch_min_sessions": 1_000_000, "batch_max_age_s": 10**9}
    async with world.oracles(2, **never) as (proposer, node):
        await world.advance(10, proposer)
        assert (await proposer.post("/mandates", world.mandate()))[0] == 200
        begin = world.now
        await world.advance(3700, proposer, node)
        await world.take(proposer, world.charging(begin))
        await world.take(proposer, signed(begin, Meter()))
        await until(proposer, lambda s: s["sessions"]["pending"] == 2)
        yield Case(world, proposer, node, begin)


def signed(begin: int, meter: Meter, wh: int = 57_584, connector: int = 2) -> Charging:
    """Return an hour at a signing meter."""
    readings = [(meter.reading("B", f"{wh / 1000:.3f}", begin), begin)]
    readings.append((meter.reading("E", f"{(wh + 1101) / 1000:.3f}", begin + 3600), begin + 3600))
    charging = Charging(connector_id=connector, token="NOBODY").start(begin, meter=wh)
    for reading, at in readings:
        charging.signed(at, meter.sign(reading))
    return charging.stop(begin + 3600, meter=wh + 1101)


def billed(forgery: Forgery) -> Json:
    """Return the bundle of the session that a mandate pays."""
    return next(bundle for bundle in forgery.bundles if bundle["payer"]["account"])


def metered(forgery: Forgery) -> Json:
    """Return the bundle of the session that a meter signed."""
    return next(bundle for bundle in forgery.bundles if bundle["meter"])


async def refused_for(case: Case, forgery: Forgery, bundle: Json) -> str:
    """Return the check that refuses a forged bundle, which must name its session."""
    refused = await case.refusal(forgery.proposal())
    assert refused.session_id == int(bundle["session"]["id"], 16)
    return refused.check
