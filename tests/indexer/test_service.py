"""The whole process: settings, endpoints, commands, and its death at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import MISSING, fields, replace
from pathlib import Path

import aiohttp
import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy import Engine

from chargecoin.chain import Chain
from chargecoin.errors import ConfigurationError, StoreError
from indexer.cli import cli
from indexer.config import IndexerConfig, load
from indexer.database import open_database, open_engine
from indexer.follow import Follower
from indexer.read_model import ReadModel
from indexer.rpc import Rpc
from indexer.service import follow_all
from indexer.store import Store
from scripts._settling import Settler
from tests.indexer.fake_chain import FakeChain
from tests.indexer.fake_node import FakeNode
from tests.indexer.real import Past
from tests.indexer.tables import catch_up, contents, fresh
from tests.support.protocol import Protocol

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60


@pytest.fixture
def config(protocol: Protocol, tmp_path: Path) -> Path:
    path = tmp_path / "indexer.toml"
    path.write_text(
        f'deployment = "{protocol.book}"\n'
        f'rpc_url = "{protocol.url}"\n'
        'database = "index.sqlite"\n'
        "http_port = 0\n"
        "poll_interval_s = 0.02\n"
    )
    return path


@contextlib.asynccontextmanager
async def running(config: IndexerConfig) -> AsyncIterator[str]:
    """Run the service in this process; yield its address."""
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(follow_all(config, stop, port.set_result))
    try:
        yield f"http://127.0.0.1:{await asyncio.wait_for(port, TIMEOUT_S)}"
    finally:
        stop.set()
        await asyncio.wait_for(task, TIMEOUT_S)


async def until_ready(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            async with session.get(f"{url}/ready") as answer:
                if answer.status == 200:
                    return
                assert answer.status == 503
                assert await answer.text()


async def test_a_running_indexer_says_how_it_is(config: Path, protocol: Protocol) -> None:
    async with running(load(config)) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/health") as answer:
            assert await answer.text() == "ok\n"
        await until_ready(session, url)
        async with session.get(f"{url}/status") as answer:
            status = await answer.json()
        head = int(protocol.node.rpc("eth_blockNumber"), 16)
        assert status["ready"]
        assert status["chain"]["number"] == head
        assert status["chain"]["lag"] == 0
        assert status["backfill"] is None
        async with session.get(f"{url}/metrics") as answer:
            metrics = await answer.text()
        assert f"chargecoin_indexer_block_number {head}\n" in metrics
        assert re.search(r"^chargecoin_indexer_rpc_requests_total \d+$", metrics, re.MULTILINE)
        names = re.findall(r"^# TYPE (\S+)", metrics, re.MULTILINE)
        assert len(names) == len(set(names)), "a metric is told twice"
        alerts = yaml.safe_load((ROOT / "docs" / "indexer-alerts.yml").read_text())
        rules = [rule for group in alerts["groups"] for rule in group["rules"]]
        for rule in rules:
            assert {"summary", "action"} == set(rule["annotations"]), rule["alert"]
            asked = set(re.findall(r"\bchargecoin_indexer_\w+", rule["expr"]))
            assert asked <= set(names), f"{rule['alert']} asks for what is not told"


async def test_a_new_block_is_in_the_tables_within_a_second(
    config: Path, protocol: Protocol
) -> None:
    async with running(load(config)) as url, aiohttp.ClientSession() as session:
        await until_ready(session, url)
        model = ReadModel.open(str(config.parent / "index.sqlite"))
        protocol.node.mine()
        head = int(protocol.node.rpc("eth_blockNumber"), 16)
        async with asyncio.timeout(1):
            while await asyncio.to_thread(lambda: model.status().number) < head:
                pass
        model.close()


async def test_a_node_that_is_gone_makes_it_unready_and_does_not_end_it(
    config: Path, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.rpc.FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr("indexer.rpc.ATTEMPTS", 1)
    lost = replace(load(config), rpc_url="http://127.0.0.1:1")
    async with running(lost) as url, aiohttp.ClientSession() as session:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                async with session.get(f"{url}/ready") as answer:
                    assert answer.status == 503
                    if "no node answers (" in await answer.text():
                        break
        async with session.get(f"{url}/health") as answer:
            assert answer.status == 200


async def settle_some(protocol: Protocol, batches: int) -> None:
    async with await Chain.connect(protocol.url, protocol.deployment) as chain:
        past = Past(protocol, Settler(protocol.node, chain, protocol.members[: protocol.threshold]))
        for _ in range(batches):
            await past.settle()


async def test_killed_again_and_again_it_ends_with_the_same_tables(
    config: Path, protocol: Protocol, tmp_path: Path
) -> None:
    await settle_some(protocol, 6)
    database = config.parent / "index.sqlite"
    program = "import sys; from chargecoin.cli import main; sys.argv[0] = 'chargecoin'; main()"
    line = ["-c", program, "indexer", "run", "--config", str(config)]
    for kill_at in (1, 2, None):
        process = await asyncio.create_subprocess_exec(
            sys.executable, *line, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        try:
            await asyncio.wait_for(progress(database, kill_at, protocol), TIMEOUT_S)
        finally:
            process.send_signal(signal.SIGTERM if kill_at is None else signal.SIGKILL)
            _, said = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
        assert process.returncode == (0 if kill_at is None else -signal.SIGKILL), said
        await settle_some(protocol, 1)
    # What was settled after the last kill is followed by a run that nothing disturbs.
    engine, other = open_engine(f"sqlite:///{database}"), open_database(f"sqlite:///{tmp_path}/o")
    for one in (engine, other):
        await index_to_head(protocol, one)
    assert contents(engine) == contents(other)
    engine.dispose()
    other.dispose()


async def index_to_head(protocol: Protocol, engine: Engine) -> None:
    async with Rpc(protocol.url) as rpc:
        follower = Follower(rpc, Store(engine, protocol.deployment))
        while await follower.step():
            pass
        await follower.step()
        await follower.close()


async def progress(database: Path, commits: int | None, protocol: Protocol) -> None:
    """Wait until the indexer has committed a few more times, or is at the head."""
    model = ReadModel.open(str(database))
    before: int | None = None
    seen = 0
    while True:
        # Until the process has made them, there is no database or no table in it.
        with contextlib.suppress(StoreError):
            status = await asyncio.to_thread(model.status)
            seen += before is not None and status.change > before
            before = status.change
            at_head = status.number >= int(protocol.node.rpc("eth_blockNumber"), 16)
            if (commits is not None and seen >= commits) or (at_head and status.state == "live"):
                break
    model.close()


# --- commands and settings -----------------------------------------------------------------------


async def test_verify_and_status_speak_by_exit_code(config: Path, protocol: Protocol) -> None:
    await settle_some(protocol, 1)
    engine = open_database(f"sqlite:///{config.parent / 'index.sqlite'}")
    await index_to_head(protocol, engine)

    def call(*arguments: str) -> tuple[int, str]:
        found = CliRunner().invoke(cli, [*arguments, "--config", str(config)])
        return found.exit_code, found.stdout

    code, said = await asyncio.to_thread(call, "verify")
    assert (code, said.splitlines()[-1]) == (0, "nothing differs")
    code, said = await asyncio.to_thread(call, "verify", "--json", "--offline")
    assert code == 0
    assert json.loads(said)["ok"] is True
    code, said = await asyncio.to_thread(call, "status", "--json")
    assert code == 0
    assert json.loads(said)["ready"] is True

    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE settlement_days SET fee = fee + 1")
    engine.dispose()
    code, said = await asyncio.to_thread(call, "verify", "--offline")
    assert code == 1
    assert "DIFFERS settlement_days from rows" in said
    assert "the tables say" in said


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "indexer.md").read_text().partition("## What an operator asks")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE))
    for field in fields(IndexerConfig):
        said = rows.pop(field.name).strip().strip("`")
        if field.default is MISSING:
            assert said == "required", field.name
        elif field.default not in {None, ()}:
            assert said == str(field.default), field.name
    assert not rows, "settings that do not exist are documented"


def test_every_command_and_endpoint_is_documented() -> None:
    text = (ROOT / "docs" / "indexer.md").read_text()
    for command in cli.commands.values():
        assert f"chargecoin indexer {command.name}" in text
        assert "Example: chargecoin indexer" in (command.help or "")
    for endpoint in ("/health", "/ready", "/status", "/metrics"):
        assert f"| `{endpoint}` |" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "deployment is missing"),
        ("deployment = 1", "rpc_url is missing"),
        ('deployment="d"\nrpc_url="r"\ndatabase="x"\nnonsense=1', "unknown key nonsense"),
        ('deployment="d"\nrpc_url=5\ndatabase="x"', "rpc_url must be text"),
        ('deployment="d"\nrpc_url="r"\ndatabase="x"\nhttp_port="a"', "http_port must be a number"),
        ('deployment="d"\nrpc_url="r"\ndatabase="x"\noracles="a"', "oracles must be a list"),
        ("=", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "indexer.toml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        load(path)


def test_paths_are_relative_to_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "indexer.toml"
    path.write_text('deployment="d.json"\nrpc_url="http://r"\ndatabase="x.db"\nclock="clock"')
    found = load(path)
    assert found.deployment == tmp_path / "d.json"
    assert found.database_url == f"sqlite:///{tmp_path / 'x.db'}"
    assert found.clock == tmp_path / "clock"
    assert load(path, clock=Path("other")).clock == Path("other")


async def test_readers_are_not_disturbed_by_the_writer(tmp_path: Path) -> None:
    """A page's questions all see one state, whatever is committed in between."""
    chain = FakeChain(2)
    chain.mine(30)
    engine = fresh(tmp_path / "index.sqlite")
    node = FakeNode(chain, finality=8)
    await catch_up(node, engine, finality=8)
    with engine.begin() as connection:
        first = connection.exec_driver_sql("SELECT number FROM cursor").scalar()
        chain.mine(5)
        await catch_up(node, engine, finality=8)
        assert connection.exec_driver_sql("SELECT number FROM cursor").scalar() == first
    assert ReadModel(engine).status().number == 35
