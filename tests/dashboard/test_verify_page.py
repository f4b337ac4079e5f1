"""Verify through the page: evidence as served or pasted, against a real chain, no table asked."""

from __future__ import annotations

import asyncio
import hashlib
import shlex
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import Engine

from chargecoin import canonical
from chargecoin.clock import ManualClock
from chargecoin.evidence.verify import STEPS
from chargecoin.local_node import LocalNode
from dashboard.services import Services
from dashboard.words import STEP
from tests.dashboard.serving import NO_NODE, Handler, client, nobody, services, text_of
from tests.dashboard.settled import Case, Settled, serving
from tests.support.charging import END


class Patient(ManualClock):
    """The clock of somebody who waits between any two requests, and so never sends too much."""

    def now(self) -> float:
        self.advance(2)
        return super().now()


def over(settled: Settled, engine: Engine, oracle: Handler, rpc_url: str = "") -> Services:
    """Return a dashboard over that chain and an oracle; its tables are empty."""
    protocol = settled.protocol
    return services(
        engine,
        protocol.deployment,
        ManualClock(END + 900),
        rpc_url=rpc_url or protocol.url,
        oracle=oracle,
        wall=Patient(END),
    )


@pytest.fixture
async def pages(settled: Settled, engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a dashboard with empty tables, whose oracle serves all three sessions."""
    has = over(settled, engine, serving(settled.cases))
    async with client(has) as made:
        yield made
    await has.node.close()


async def report(pages: httpx.AsyncClient, case: Case) -> dict[str, Any]:
    """Return what the form finds about a bundle and a proof, as JSON."""
    proof = orjson.dumps(case.proof.to_json()).decode()
    form = {"bundle": case.bundle.decode("latin-1"), "proof": proof}
    answer = await pages.post("/verify.json", data=form)
    found: dict[str, Any] = answer.json()
    assert len(found["steps"]) == len(STEPS)
    return found


async def test_what_was_settled_holds_at_every_step(
    pages: httpx.AsyncClient, settled: Settled
) -> None:
    page = (await pages.get(f"/sessions/{settled.signed.key}/verify.json")).json()
    assert [step["step"] for step in page["steps"]] == list(STEPS)
    assert all(step["ok"] for step in page["steps"])
    words = text_of((await pages.get(f"/sessions/{settled.signed.key}/verify")).text)
    assert "Every step holds" in words
    assert "the proof goes down to the meter" in words
    for step in STEPS:
        assert f"{STEP[step].name} holds" in words


async def test_what_does_not_reach_the_meter_is_not_said_to(
    pages: httpx.AsyncClient, settled: Settled
) -> None:
    own = text_of((await pages.get(f"/sessions/{settled.own_key.key}/verify")).text)
    assert "only the station owner vouches for its key" in own
    observed = text_of((await pages.get(f"/sessions/{settled.observed.key}/verify")).text)
    assert "Every step that applies holds" in observed
    assert "Meter's signature skipped" in observed
    assert "not what happened at the charger" in observed
    for words in (own, observed):
        assert "goes down to the meter" not in words


def flip(data: bytes, text: bytes, at: int = 0) -> bytes:
    """Flip one bit of the byte `at` into the first occurrence of a text."""
    position = data.index(text) + at
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def with_bundle(case: Case, text: bytes, at: int = 0) -> Case:
    return replace(case, bundle=flip(case.bundle, text, at))


def with_proof(case: Case, **changes: Any) -> Case:
    return replace(case, proof=replace(case.proof, **changes))


def digit(text: str, at: int = -1) -> str:
    """Return a hex text with one digit changed."""
    digits = list(text)
    digits[at] = "1" if digits[at] == "0" else "0"
    return "".join(digits)


def forged_signature(case: Case) -> Case:
    """Flip a digit of the meter's signature in the frames too, and set their hashes right."""
    bundle = canonical.loads(case.bundle)
    [first, *_] = bundle["meter"]["signed"]
    forged = first[:-6] + digit(first[-6:], 0)
    bundle["meter"]["signed"][0] = forged
    for frame in bundle["frames"]:
        text = frame["text"].replace(
            orjson.dumps(first).decode()[1:-1], orjson.dumps(forged).decode()[1:-1]
        )
        frame["text"] = text
        frame["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return replace(case, bundle=canonical.dumps(bundle))


FLIPS: list[tuple[str, str, Callable[[Case], Case]]] = [
    ("a frame", "frames", lambda case: with_bundle(case, b"StartTransaction")),
    ("the reading", "reading", lambda case: with_bundle(case, b'"energy_wh":1101', 15)),
    ("the meter's signature", "signature", forged_signature),
    ("the mandate", "payer", lambda case: with_bundle(case, b'"valid_until":"41', 16)),
    ("a price line", "price", lambda case: with_bundle(case, b'"quantity":1101', 14)),
    ("the record", "record", lambda case: with_bundle(case, b'"idle_s":300,"payer"', 11)),
    ("the word", "record", lambda case: with_bundle(case, b'"word":"0x', 30)),
    ("the proof's word", "proof", lambda c: with_proof(c, word=digit(c.proof.word))),
    (
        "the proof's path",
        "proof",
        lambda c: with_proof(c, path=(digit(c.proof.path[0]), *c.proof.path[1:])),
    ),
    (
        "an attester's signature",
        "attestation",
        lambda c: with_proof(c, signatures=digit(c.proof.signatures, 20)),
    ),
    (
        "the transaction",
        "settlement",
        lambda c: with_proof(c, transaction=digit(c.proof.transaction)),
    ),
    ("the block", "block", lambda c: with_proof(c, block_number=c.proof.block_number - 1)),
]


@pytest.mark.parametrize(("what", "step", "change"), FLIPS, ids=[one[0] for one in FLIPS])
async def test_one_flipped_byte_fails_at_that_named_step(
    settled: Settled,
    engine: Engine,
    what: str,
    step: str,
    change: Callable[[Case], Case],
) -> None:
    case = change(settled.signed)
    has = over(settled, engine, serving((case,)))
    async with client(has) as pages:
        html = (await pages.get(f"/sessions/{case.key}/verify")).text
        assert f"Fails at: {STEP[step].name}" in text_of(html)
        page = (await pages.get(f"/sessions/{case.key}/verify.json")).json()
        assert page["failed"][0] == step
        assert page["ok"] is False
        # The same, pasted into the form.
        assert (await report(pages, case))["failed"] == page["failed"]
    await has.node.close()


async def test_no_byte_of_a_bundle_can_be_flipped_unseen(
    pages: httpx.AsyncClient, settled: Settled
) -> None:
    data = settled.signed.bundle
    for at in range(0, len(data), 97):
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        page = await report(pages, replace(settled.signed, bundle=flipped))
        assert page["ok"] is False, at


async def test_a_pasted_bundle_with_a_line_end_is_the_same_bundle(
    pages: httpx.AsyncClient, settled: Settled
) -> None:
    case = settled.signed
    page = await report(pages, replace(case, bundle=case.bundle + b"\r\n"))
    assert page["ok"] is True


async def test_nothing_is_said_where_the_chain_cannot_be_asked(
    settled: Settled, engine: Engine
) -> None:
    has = over(settled, engine, serving(settled.cases), rpc_url=NO_NODE)
    async with client(has) as pages:
        answer = await pages.get(f"/sessions/{settled.signed.key}/verify")
        assert answer.status_code == 503
        words = text_of(answer.text)
        assert "The chain could not be asked" in words
        assert "Nothing is said of the evidence." in words
        assert "holds" not in words


async def test_nothing_is_said_where_no_oracle_serves_the_evidence(
    settled: Settled, engine: Engine
) -> None:
    has = over(settled, engine, lambda _request: httpx.Response(500))
    async with client(has) as pages:
        answer = await pages.get(f"/sessions/{settled.signed.key}/verify")
        assert answer.status_code == 503
        assert "No oracle serves it:" in text_of(answer.text)
        for part in ("bundle", "proof"):
            assert (await pages.get(f"/sessions/{settled.signed.key}/{part}")).status_code == 502


@pytest.mark.parametrize("part", ["verify", "bundle", "proof"])
async def test_a_session_that_neither_tables_nor_oracles_know_is_not_there(
    settled: Settled, engine: Engine, part: str
) -> None:
    async with client(over(settled, engine, nobody)) as pages:
        answer = await pages.get(f"/sessions/7/1/{part}")
        assert answer.status_code == 404
        assert "The chain knows no session 7/1." in text_of(answer.text)


async def test_another_oracle_is_asked_when_the_first_is_silent(
    settled: Settled, engine: Engine
) -> None:
    has = over(settled, engine, serving(settled.cases))
    has.oracles.urls = ("http://silent.test", "http://oracle.test")

    good = serving(settled.cases)

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "silent.test":
            raise httpx.ConnectError("refused")
        return good(request)

    has.oracles._client = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    async with client(has) as pages:
        page = (await pages.get(f"/sessions/{settled.signed.key}/verify.json")).json()
        assert (page["ok"], page["origin"]) == (True, "Evidence from http://oracle.test")
    await has.node.close()


async def test_a_proof_of_another_session_is_refused(settled: Settled, engine: Engine) -> None:
    wrong = replace(settled.observed, session_id=settled.signed.session_id)
    has = over(settled, engine, serving((wrong,)))
    async with client(has) as pages:
        answer = await pages.get(f"/sessions/{settled.signed.key}/verify")
        assert "This is another session's proof" in text_of(answer.text)
        assert answer.status_code == 503


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"bundle": "x", "proof": "{}"},
        {"bundle": "{}", "proof": '{"session_id": "0xzz"}'},
    ],
)
async def test_what_is_no_proof_is_said_and_not_a_fault(
    pages: httpx.AsyncClient, form: dict[str, str]
) -> None:
    answer = await pages.post("/verify", data=form)
    assert "The proof cannot be read" in text_of(answer.text)


async def test_too_much_is_refused_before_it_is_read(pages: httpx.AsyncClient) -> None:
    answer = await pages.post("/verify", data={"bundle": "x" * (13 << 20)})
    assert answer.status_code == 413


async def test_what_was_pasted_is_shown_again_and_cannot_run(pages: httpx.AsyncClient) -> None:
    html = (await pages.post("/verify", data={"bundle": "</textarea><script>", "proof": "x"})).text
    assert "</textarea><script>" not in html
    assert "&lt;/textarea&gt;&lt;script&gt;" in html


async def run(command: list[str], folder: Path) -> tuple[int | None, str]:
    """Run a command and return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_the_printed_command_does_the_same_on_ones_own_machine(
    pages: httpx.AsyncClient, settled: Settled, tmp_path: Path, node: LocalNode
) -> None:
    case = settled.signed
    page = (await pages.get(f"/sessions/{case.key}/verify.json")).json()
    for what in ("bundle", "proof"):
        answer = await pages.get(f"/sessions/{case.key}/{what}")
        name = answer.headers["content-disposition"].split('"')[1]
        (tmp_path / name).write_bytes(answer.content)
    (tmp_path / "deployment.json").write_bytes(settled.protocol.book.read_bytes())
    program, *arguments = shlex.split(page["command"])
    assert program == "chargecoin"
    assert node.url in arguments
    command = [str(Path(sys.executable).parent / program), *arguments]
    code, output = await run(command, tmp_path)
    assert code == 0, output
    assert "every step holds" in output
