"""Samples of what is read are read again by eth_abi: a difference stops the indexer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from chargecoin.errors import CodecError
from indexer import events
from indexer.assemble import read_contracts
from indexer.rows import SessionRow
from indexer.rpc import Log
from indexer.samples import SAMPLED, Samples
from tests.indexer.fake_chain import DEPLOYMENT, FakeChain
from tests.indexer.fake_node import FakeNode
from tests.indexer.tables import catch_up, fresh

FINALITY = 8


async def index(folder: Path) -> None:
    chain = FakeChain(3)
    chain.mine(60)
    await catch_up(
        FakeNode(chain, finality=FINALITY), fresh(folder / "a.sqlite"), finality=FINALITY
    )


async def test_an_amount_that_two_decoders_read_differently_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = events.Event.read

    def misread(self: events.Event, log: Log) -> list[Any]:
        values = read(self, log)
        return [*values[:-1], values[-1] + 1] if self.name == "Deposited" else values

    monkeypatch.setattr(events.Event, "read", misread)
    with pytest.raises(CodecError, match="two ways"):
        await index(tmp_path)


async def test_a_session_whose_row_is_not_what_was_logged_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = Samples.compare

    def with_a_fault(self: Samples, rows: Iterable[tuple[int, ...]]) -> None:
        sessions = [SessionRow(*row) for row in rows]
        compare(self, [row._replace(energy_wh=row.energy_wh ^ 1) for row in sessions])

    monkeypatch.setattr(Samples, "compare", with_a_fault)
    with pytest.raises(CodecError, match="not in its row as it was logged"):
        await index(tmp_path)


def test_each_kind_is_sampled_and_one_in_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = FakeChain(5)
    while sum(len(block.logs) for block in chain.blocks) < 3 * SAMPLED:
        chain.mine(20)
    logs = [log for block in chain.blocks for log in block.logs]
    found = read_contracts(DEPLOYMENT)
    checked: list[Any] = []
    monkeypatch.setattr(
        events.Event, "check", lambda self, log, _values: checked.append((self.topic, id(log)))
    )
    Samples(found, logs)
    kinds = {(log.address, log.topics[0]) for log in logs}
    assert {topic for topic, _ in checked} == {topic for _, topic in kinds}
    assert {id(log) for log in logs[::SAMPLED]} <= {one for _, one in checked}
    assert len(checked) < len(logs) / 4
