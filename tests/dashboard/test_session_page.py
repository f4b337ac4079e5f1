"""One session's page, on a chain where it was settled for real."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import orjson
import pytest
from sqlalchemy import Engine

from chargecoin.clock import ManualClock
from chargecoin.evidence.format import from_bytes
from chargecoin.record import FIELDS, SessionRecord
from chargecoin.tariff import SCALE
from dashboard.formats import Formats
from dashboard.services import Services
from dashboard.views.session import decode_fields, message
from indexer.database import open_database
from tests.dashboard.conftest import Town
from tests.dashboard.serving import Handler, client, nobody, services, text_of
from tests.dashboard.settled import Settled, index, serving
from tests.support.charging import END

ENGLISH = Formats("en_GB", "EUR")


@pytest.fixture(scope="module")
def indexed(settled: Settled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The chain's tables, made by the indexer."""
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('tables')}/indexer.sqlite")
    asyncio.run(index(settled, engine))
    yield engine
    engine.dispose()


def over(settled: Settled, indexed: Engine, oracle: Handler) -> httpx.AsyncClient:
    """Return a client of a dashboard over that chain and an oracle."""
    protocol = settled.protocol
    clock = ManualClock(END + 900)
    return client(
        services(indexed, protocol.deployment, clock, rpc_url=protocol.url, oracle=oracle)
    )


@pytest.fixture
async def pages(settled: Settled, indexed: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a dashboard whose oracle serves all three sessions."""
    async with over(settled, indexed, serving(settled.cases)) as made:
        yield made


async def said(pages: httpx.AsyncClient, path: str) -> str:
    """Return what a page says."""
    answer = await pages.get(path)
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


async def test_every_step_from_the_frames_to_the_block_is_there(
    pages: httpx.AsyncClient, settled: Settled
) -> None:
    case = settled.signed
    html = (await pages.get(f"/sessions/{case.key}")).text
    bundle, proof = from_bytes(case.bundle), case.proof
    words = text_of(html)
    for frame in bundle.frames:
        assert frame.sha256 in html
        who = "Charger" if frame.sender == "charge_point" else "Oracle"
        assert f"{who}: {message(frame).action}" in words
    assert bundle.meter is not None
    for value in (
        "58685 − 57584 = 1101 Wh",
        bundle.meter.serial,
        ", ".join(bundle.meter.pagination),
        "its manufacturer",
        "secp256r1",
        "Vault account 1.",
        "Tariff 1 of this connector",
        bundle.carbon.source if bundle.carbon else "-",
        bundle.word,
        proof.evidence_hash,
        proof.evidence_root,
        *(one[1:] for one in proof.path),
        *(member.address for member in settled.protocol.members[:2]),
        proof.transaction,
        f"{proof.block_number} of chain 31337",
    ):
        assert value in words, value
    assert "04AB076A345B85" not in html  # The card's number is not in the evidence.


async def test_the_lines_of_the_receipt_add_up_exactly_to_the_gross(
    pages: httpx.AsyncClient, settled: Settled
) -> None:
    case = settled.signed
    words = await said(pages, f"/sessions/{case.key}")
    price = from_bytes(case.bundle).price
    total = sum(int(line.amount_exact) for line in price.lines)
    assert (total // SCALE, total % SCALE * 3 // SCALE) == (price.gross, 2)
    for line in (
        "€0.495450",
        "€0.183333 + 1⁄3",
        "€0.083333 + 1⁄3",
        "Exact sum €0.762116 + 2⁄3",
        "The lines add up exactly.",
        "Gross, VAT included €0.76 2116",
        "of it VAT at 20.0% €0.12 7019",
        "Protocol fee, 0.1% -€0.00 0762",
        "Owner's net at settlement €0.76 1354",
    ):
        assert line in words, line


async def test_assurance_is_said_in_plain_words(pages: httpx.AsyncClient, settled: Settled) -> None:
    signed = await said(pages, f"/sessions/{settled.signed.key}")
    assert "The meter itself signed its readings" in signed
    own = await said(pages, f"/sessions/{settled.own_key.key}")
    assert "only the station owner has entered its key" in own
    assert "Vouched for by only the station owner" in own
    observed = await said(pages, f"/sessions/{settled.observed.key}")
    assert "no accredited meter signed it" in observed
    assert "This meter does not sign." in observed
    for words in (own, observed):
        assert "verified" not in words.lower()


async def test_the_record_is_decoded_bit_by_bit(pages: httpx.AsyncClient, settled: Settled) -> None:
    record = from_bytes(settled.signed.bundle).record
    word = record.encode()
    fields = decode_fields(word, ENGLISH)
    assert sum(field.bits for field in fields) == 256
    assert [field.name for field in fields[:-1]] == [name for name, _ in FIELDS]
    values = {field.name: field.value for field in fields[:-1]}
    assert SessionRecord(**values) == record
    rebuilt = 0
    for field in fields:
        rebuilt = rebuilt << field.bits | int(field.hex, 16)
    assert rebuilt == word
    words = await said(pages, f"/sessions/{settled.signed.key}")
    assert "1.101 kWh" in words
    assert "Thursday, 00 h at the site" in words
    assert "177 g CO2e a kWh" in words


async def test_without_evidence_the_page_says_what_the_chain_says(
    settled: Settled, indexed: Engine
) -> None:
    async with over(settled, indexed, nobody) as pages:
        words = await said(pages, f"/sessions/{settled.signed.key}")
        assert "The evidence could not be fetched" in words
        assert "http://oracle.test: answered 404" in words
        assert settled.signed.proof.transaction in words
        assert "€0.76 2116" in words
        answer = await pages.get(f"/sessions/{settled.signed.key}/bundle")
        assert answer.status_code == 502


async def test_evidence_of_another_session_is_called_that(
    settled: Settled, indexed: Engine
) -> None:
    wrong = replace(settled.observed, session_id=settled.signed.session_id)
    async with over(settled, indexed, serving((wrong,))) as pages:
        words = await said(pages, f"/sessions/{settled.signed.key}")
        assert "This evidence does not belong to this session" in words


async def test_a_bundle_that_cannot_be_read_does_not_take_the_page_down(
    settled: Settled, indexed: Engine
) -> None:
    junk = replace(settled.signed, bundle=b'{"version": "<script>alert(1)</script>"}')
    async with over(settled, indexed, serving((junk,))) as pages:
        answer = await pages.get(f"/sessions/{settled.signed.key}")
        assert answer.status_code == 200
        assert "serves a bundle that cannot be read" in answer.text
        assert "<script>alert" not in answer.text


async def test_downloads_are_byte_for_byte(pages: httpx.AsyncClient, settled: Settled) -> None:
    case = settled.signed
    answer = await pages.get(f"/sessions/{case.key}/bundle")
    assert answer.content == case.bundle
    assert 'filename="1-1.bundle.json"' in answer.headers["content-disposition"]
    assert (await pages.get(f"/sessions/{case.key}/proof")).content == orjson.dumps(
        case.proof.to_json()
    )


async def test_an_id_in_hex_leads_to_the_page(pages: httpx.AsyncClient, settled: Settled) -> None:
    case = settled.signed
    answer = await pages.get(f"/sessions/{hex(case.session_id)}")
    assert (answer.status_code, answer.headers["location"]) == (308, f"/sessions/{case.key}")


async def test_the_page_as_json_and_csv_holds_the_same(
    pages: httpx.AsyncClient, settled: Settled
) -> None:
    case = settled.signed
    page = (await pages.get(f"/sessions/{case.key}.json")).json()
    assert page["word"] == from_bytes(case.bundle).word
    assert page["evidence"]["binds"] is True
    assert page["detail"]["row"]["gross"] == 762_116
    assert page["exact_sum"] == "2286350/3"
    lines = (await pages.get(f"/sessions/{case.key}.csv")).text.splitlines()
    assert lines[0] == "field,offset_bits,bits,value,hex,meaning"
    assert len(lines) == len(FIELDS) + 2


async def test_its_batch_lists_all_that_were_settled_with_it(
    pages: httpx.AsyncClient, settled: Settled
) -> None:
    html = (await pages.get("/batches/1")).text
    assert settled.signed.proof.evidence_root in html
    found = re.findall(r'href="/sessions/(\d+/\d+)"', html)
    assert sorted(found) == sorted(case.key for case in settled.cases)


async def test_finality_is_said_as_the_block_ages(settled: Settled, tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/indexer.sqlite")
    await index(settled, engine)
    async with over(settled, engine, nobody) as pages:
        assert "young enough to be replaced" in await said(pages, "/sessions/1/1")
        settled.protocol.node.mine(4)
        await index(settled, engine)
        assert "it can no longer be replaced" in await said(pages, "/sessions/1/1")
    engine.dispose()


async def test_a_session_without_an_owner_on_record_is_not_found(
    has: Services, busy_town: Town
) -> None:
    async with client(has) as pages:
        assert (await pages.get("/sessions/4294967296/1")).status_code == 404
