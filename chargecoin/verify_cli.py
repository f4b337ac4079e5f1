"""`chargecoin verify`: evidence against a chain, trusting nobody who serves it."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from chargecoin.verify_report_cli import report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chargecoin.deployments import Deployment
    from chargecoin.evidence.format import Proof
    from chargecoin.evidence.verify import Report

MARKS: Final = {True: "ok", False: "FAILED", None: "-"}
LEVELS: Final = {
    1: "a backend reported it, and nobody watched the charge point",
    2: "the charge point was watched, and its meter's reading is its owner's word",
    3: "the meter signed it, and not only its owner vouches for the key",
}
EXAMPLE: Final = """\b
Example:
  chargecoin verify session 7/12 --evidence http://127.0.0.1:8711 \\
    --rpc http://127.0.0.1:8545 --deployment deployments/31337.json
  chargecoin verify session --bundle bundle.json --proof proof.json \\
    --rpc http://127.0.0.1:8545 --deployment deployments/31337.json
"""
FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


class SessionId(click.ParamType):
    """A session id: `0x` and hex, or `CONNECTOR/SEQUENCE`."""

    name = "SESSION_ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return `0x` and 32 bytes of hex."""
        from chargecoin.evidence.format import session_hex
        from chargecoin.record import split_session_id

        try:
            if value.startswith("0x"):
                return session_hex(*split_session_id(int(value, 16)))
            connector_id, sequence = value.split("/")
            return session_hex(int(connector_id), int(sequence))
        except ValueError:
            self.fail(f"{value!r} is neither 0x… nor CONNECTOR/SEQUENCE", param, ctx)


@click.group()
def cli() -> None:
    """Verify evidence.

    Example: chargecoin verify session 7/12 --rpc http://127.0.0.1:8545
    --deployment deployments/31337.json --evidence http://127.0.0.1:8711
    """


cli.add_command(report)


@cli.command(epilog=EXAMPLE)
@click.argument("session_id", type=SessionId(), required=False)
@click.option("--rpc", required=True, help="JSON-RPC address of a node you trust.")
@click.option("--deployment", required=True, type=FILE, help="Address book of the chain.")
@click.option(
    "--evidence", multiple=True, help="HTTP address of an oracle that serves evidence; repeatable."
)
@click.option("--bundle", type=FILE, help="The bundle's bytes, instead of --evidence.")
@click.option("--proof", type=FILE, help="The proof's JSON, beside --bundle.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def session(
    session_id: str | None,
    rpc: str,
    deployment: Path,
    evidence: tuple[str, ...],
    bundle: Path | None,
    proof: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Check a session from its charge point's frames up to the block; exit 0 if all holds.

    SESSION_ID is 0x… or CONNECTOR/SEQUENCE. Who serves the evidence need not be
    trusted: every step is computed again here, and compared with the chain.
    """
    if (bundle is None) != (proof is None) or (bundle is None) == (not evidence):
        raise click.UsageError("give either --evidence, or --bundle together with --proof")
    if bundle is None and session_id is None:
        raise click.UsageError("say which session: SESSION_ID, as 0x… or CONNECTOR/SEQUENCE")
    from chargecoin import deployments

    book = deployments.load(deployment)
    given = (bundle.read_bytes(), proof.read_bytes()) if bundle and proof else None

    async def evidence_of_it() -> tuple[bytes, Proof]:
        from chargecoin.evidence.fetch import fetch
        from chargecoin.evidence.format import Proof

        if given is not None:
            return given[0], Proof.from_json(given[1])
        return await fetch(session_id or "", evidence)

    data, report = asyncio.run(_verified(session_id, evidence_of_it, rpc, book))
    if as_json:
        click.echo(json.dumps({"ok": report.ok, "failed": report.failed, **asdict(report)}))
    else:
        _print(report, data)
    sys.exit(0 if report.ok else 1)


async def _verified(
    session_id: str | None,
    evidence: Callable[[], Awaitable[tuple[bytes, Proof]]],
    rpc: str,
    book: Deployment,
) -> tuple[bytes, Report]:
    """Return the bundle and what was found; node and book first, so that each fault is its own."""
    from chargecoin.chain import Chain
    from chargecoin.errors import EvidenceError
    from chargecoin.evidence.verify import verify

    async with await Chain.connect(rpc, book) as chain:
        data, proof = await evidence()
        if session_id is not None and proof.session_id != session_id:
            raise EvidenceError(f"the proof is of session {proof.session_id}, not of {session_id}")
        return data, await verify(data, proof, chain)


def _print(report: Report, data: bytes) -> None:
    from chargecoin.evidence.format import from_bytes

    click.echo(f"session {report.session_id}")
    for result in report.steps:
        click.echo(f"  {MARKS[result.ok]:<7} {result.step:<12} {result.detail}")
    if report.ok:
        level = from_bytes(data).record.assurance
        click.echo(f"every step holds; assurance {level}: {LEVELS[level]}")
    else:
        click.echo(f"NOT VERIFIED: failed at {', '.join(report.failed)}")
