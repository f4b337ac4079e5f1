"""`chargecoin verify report`: a carbon report recomputed, and compared with its evidence."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from chargecoin.footprint.check import Recomputed

SHOWN: Final = 50
FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
EXAMPLE: Final = """\b
Example:
  chargecoin verify report carbon.csv --rpc http://127.0.0.1:8545 \\
    --deployment deployments/31337.json
  chargecoin verify report carbon.xlsx --bundles evidence/
"""


@click.command(epilog=EXAMPLE)
@click.argument("file", type=FILE)
@click.option("--rpc", help="JSON-RPC address of a node you trust.")
@click.option("--deployment", type=FILE, help="Address book of the chain, beside --rpc.")
@click.option(
    "--bundles", type=FOLDER, help="Folder of bundles and proofs, 7-12.bundle.json; offline."
)
@click.option("--blocks", type=click.IntRange(min=1), help="Blocks asked of the node at once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def report(
    file: Path,
    rpc: str | None,
    deployment: Path | None,
    bundles: Path | None,
    blocks: int | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Recompute a carbon report, FILE as CSV, JSON or XLSX; exit 0 if nothing differs.

    Every line and every total is worked out again from the records and inputs in the
    file. With --rpc the records are compared with the chain, and no session may be missing;
    with --bundles each is compared with its evidence, offline.
    """
    if (rpc is None) != (deployment is None):
        raise click.UsageError("give --rpc together with --deployment")
    from chargecoin.footprint.check import recompute
    from chargecoin.footprint.evidence import against_bundles
    from chargecoin.footprint.files import read

    found = recompute(read(file))
    if bundles is not None:
        against_bundles(found, bundles)
    if rpc is not None and deployment is not None:
        asyncio.run(_chain(found, rpc, deployment, blocks))
    grounds = [
        *(["the chain"] if rpc else []),
        *(["its evidence bundles"] if bundles else []),
    ]
    _print(found, grounds, as_json=as_json)
    sys.exit(1 if found.faults else 0)


async def _chain(found: Recomputed, rpc: str, deployment: Path, blocks: int | None) -> None:
    from chargecoin import deployments
    from chargecoin.chain import Chain
    from chargecoin.chain.history import BLOCKS_A_REQUEST
    from chargecoin.footprint.evidence import against_chain

    def progress(line: str) -> None:
        click.echo(line, err=True)

    async with await Chain.connect(rpc, deployments.load(deployment)) as chain:
        await against_chain(found, chain, progress, blocks or BLOCKS_A_REQUEST)


def _print(found: Recomputed, grounds: list[str], *, as_json: bool) -> None:
    scope = found.scope
    if as_json:
        said = {
            "ok": not found.faults,
            "sessions": len(found.sessions),
            "digest": found.digest,
            "compared_with": grounds,
            "faults": [{"where": where, "what": what} for where, what in found.faults],
        }
        click.echo(json.dumps(said))
        return
    click.echo(f"carbon report of {scope.owner} (owner {scope.owner_id})")
    click.echo(f"settled {scope.since} to {scope.until}, as of block {scope.block}")
    click.echo(f"digest {found.digest}")
    for fault in found.faults[:SHOWN]:
        click.echo(f"  DIFFERS {fault}")
    if len(found.faults) > SHOWN:
        click.echo(f"  and {len(found.faults) - SHOWN} more; --json has all")
    if found.faults:
        click.echo(f"NOT VERIFIED: {len(found.faults)} values differ")
        return
    click.echo(f"every line and total of {len(found.sessions)} sessions holds")
    if grounds:
        click.echo(f"compared with {' and '.join(grounds)}")
    else:
        click.echo("its sums only: give --rpc or --bundles to compare it with evidence as well")
