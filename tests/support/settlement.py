"""One signed session, settled by the real contract on a chain of one's own, with its evidence."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from eth_utils.crypto import keccak

from chargecoin import merkle, record
from chargecoin.carbon import factor_for
from chargecoin.chain import Chain, Receipt
from chargecoin.chain.transactions import (
    KeySigner,
    contract_call,
    failure_reason,
    send,
    sign,
    suggest_fees,
    transaction_count,
    wait_for_receipt,
)
from chargecoin.evidence.bundle import Payer, SessionRef, Terms, build
from chargecoin.evidence.format import (
    Bundle,
    Proof,
    evidence_hash,
    hexed,
    session_hex,
    to_bytes,
    word_hex,
)
from chargecoin.record import Run
from chargecoin.sessions.metering import VOUCHED_BY_OWNER, measure
from chargecoin.sessions.transaction import fold
from chargecoin.tariff import Tariff
from chargecoin.typed_data import Mandate, Signer, batch_digest, order_signatures, token_commitment
from tests.support.charging import Meter, signed_session
from tests.support.protocol import Protocol, secret

CONNECTOR: Final = 1
SALT: Final = b"\x05" * 32
EXPIRY: Final = 1 << 40
IDENTITY: Final = "CP-0001"
TIME_ZONE: Final = "Europe/London"


@dataclass(frozen=True, slots=True)
class SettledSession:
    """A settled session: evidence as an oracle serves it, in bytes and in files."""

    protocol: Protocol
    bundle: Bundle
    data: bytes
    proof: Proof
    folder: Path

    @property
    def bundle_file(self) -> Path:
        """The bundle's bytes."""
        return self.folder / "bundle.json"

    @property
    def proof_file(self) -> Path:
        """The proof."""
        return self.folder / "proof.json"


async def _send(
    chain: Chain, signer: KeySigner, contract: str, name: str, *args: object
) -> Receipt:
    call = contract_call(contract, name, chain.deployment.address(contract), *args, gas=3_000_000)
    signed = sign(
        call,
        signer,
        chain_id=chain.deployment.chain_id,
        nonce=await transaction_count(chain.rpc, signer.address),
        fees=await suggest_fees(chain.rpc),
    )
    await send(chain.rpc, signed)
    receipt = await wait_for_receipt(chain.rpc, signed.hash)
    assert receipt.succeeded, await failure_reason(chain.rpc, call, signer.address, receipt)
    return receipt


async def _bundle(protocol: Protocol, chain: Chain, meter: Meter, start: int) -> Bundle:
    charging = signed_session(meter, start=start)
    frames = charging.redacted(lambda token: hexed(token_commitment(SALT, token)))
    transaction = fold(frames)
    driver = Signer(bytes.fromhex(secret("driver")[2:]))
    token = token_commitment(SALT, charging.token)
    mandate = Mandate(protocol.ids["payers"]["driver"]["account"], (token,), 10**8, 0, 1 << 60)
    terms = await chain.run_terms(CONNECTOR, 1)
    return build(
        deployment=protocol.deployment,
        oracle=protocol.members[0].address,
        session=SessionRef(CONNECTOR, 1, IDENTITY, transaction.transaction_id, TIME_ZONE),
        frames=frames,
        reading=measure(transaction, [meter.key(VOUCHED_BY_OWNER, valid_from=1)]),
        payer=Payer(
            token, mandate.account, mandate, driver.sign(mandate.digest(chain.deployment.domain))
        ),
        terms=Terms(1, Tariff.decode(terms.tariff)),
        factor=factor_for("GB", start),
    )


async def _settle(protocol: Protocol, chain: Chain, bundle: Bundle) -> Proof:
    data, word = to_bytes(bundle), int(bundle.word, 16)
    session_id = record.session_id(CONNECTOR, 1)
    # A second session of another connector, so that the proof has a way to go.
    other = Run(2, 1, 1, 0, (word,))
    runs = [other, Run(CONNECTOR, 1, 1, 0, (word,))]
    leaves = [
        merkle.leaf(record.session_id(2, 1), word, keccak(b"another session's evidence")),
        merkle.leaf(session_id, word, evidence_hash(data)),
    ]
    root, wire, epoch = merkle.root(leaves), record.encode_runs(runs), await chain.current_epoch()
    digest = batch_digest(
        chain.deployment.domain, epoch=epoch, expiry=EXPIRY, evidence_root=root, runs=wire
    )
    signers = protocol.members[: protocol.threshold]
    signatures = order_signatures(digest, [signer.sign(digest) for signer in signers])
    receipt = await _send(
        chain, protocol.deployer, "Settlement", "settle", epoch, EXPIRY, root, wire, signatures
    )
    return Proof(
        session_id=session_hex(CONNECTOR, 1),
        word=word_hex(word),
        evidence_hash=hexed(evidence_hash(data)),
        index=1,
        path=tuple(step.encode() for step in merkle.path(leaves, 1)),
        evidence_root=hexed(root),
        epoch=epoch,
        expiry=EXPIRY,
        runs=hexed(wire),
        signatures=hexed(signatures),
        transaction=hexed(receipt.transaction_hash),
        block_number=receipt.block_number,
        batch=await chain.batch_count(),
    )


async def _make(protocol: Protocol, folder: Path) -> SettledSession:
    meter = Meter()
    async with await Chain.connect(protocol.url, protocol.deployment) as chain:
        key = meter.key()
        await _send(
            chain,
            protocol.owner(1),
            "StationRegistry",
            "add_meter_key",
            CONNECTOR,
            key.curve,
            key.public_key,
            1,
        )
        latest = await chain.block()
        assert latest is not None
        protocol.node.set_next_timestamp(latest.timestamp + 7200)
        protocol.node.mine(1)
        bundle = await _bundle(protocol, chain, meter, latest.timestamp + 60)
        proof = await _settle(protocol, chain, bundle)
    one = SettledSession(protocol, bundle, to_bytes(bundle), proof, folder)
    one.bundle_file.write_bytes(one.data)
    one.proof_file.write_text(json.dumps(proof.to_json()))
    return one


@pytest.fixture
def settle_session(protocol: Protocol, tmp_path: Path) -> Callable[[], SettledSession]:
    """Settle one session on the test's chain when called."""
    return lambda: asyncio.run(_make(protocol, tmp_path))


@pytest.fixture
def settled(settle_session: Callable[[], SettledSession]) -> SettledSession:
    """One settled session on the test's chain."""
    return settle_session()


@contextmanager
def serve(settled: SettledSession, **served: bytes) -> Iterator[str]:
    """Serve a session's evidence as an oracle does, at the address yielded."""
    content = {
        f"/evidence/{settled.proof.session_id}": served.get("evidence", settled.data),
        f"/proof/{settled.proof.session_id}": served.get("proof", settled.proof_file.read_bytes()),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = content.get(self.path, b"")
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
