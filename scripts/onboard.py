"""Register owners and equipment, open and fill payers' vaults: `ape run onboard --help`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson
from ape.cli import ConnectedProviderCommand

from chargecoin import deployments
from chargecoin.chain import Chain
from scripts._ape import account_option, deployment_option, run, signer
from scripts._book import LOCAL_CHAINS, Book, book_path
from scripts._onboarding import onboard
from scripts._onboarding_file import load
from scripts._pipeline import Pipeline

LOCAL_GAS_MONEY = 10**18


@click.command(
    cls=ConnectedProviderCommand,
    short_help="Register owners and equipment, open and fill payers' vaults",
    epilog="Example: ape run onboard --network ethereum:local:foundry --input onboarding.json "
    "--out onboarded.json",
)
@account_option
@deployment_option
@click.option("--input", "source", required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="where ids go (JSON)")
@click.option("--gas-money", type=int, metavar="WEI", help="what each key is topped up to")
def cli(
    account: str | None, book: Path | None, source: Path, out: Path, gas_money: int | None
) -> None:
    """Do what the file says (docs/onboarding.md) and is not done yet; write the ids.

    Running it again finds what exists by its events and adds what is missing.
    """

    async def work(pipeline: Pipeline) -> dict[str, Any]:
        path = book_path(book, pipeline.chain_id)
        onboarding = load(source)
        entered = Book(path, pipeline.chain_id)
        chain = Chain(pipeline.rpc, deployments.load(path))
        await chain.check()
        gas = gas_money
        if gas is None:
            gas = LOCAL_GAS_MONEY if pipeline.chain_id in LOCAL_CHAINS else 0
        [giver] = await pipeline.senders([signer(account, pipeline.chain_id)])
        return await onboard(pipeline, entered, chain, giver, onboarding, gas)

    out.write_bytes(orjson.dumps(run(work), option=orjson.OPT_INDENT_2) + b"\n")
    click.echo(f"ids: {out}")
