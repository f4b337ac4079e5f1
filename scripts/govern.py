"""Do anything that only governance can: `ape run govern --help`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson
from ape.cli import ConnectedProviderCommand

from chargecoin.chain.transactions import contract_call
from scripts._ape import account_option, deployment_option, run, signer
from scripts._book import Book, book_path
from scripts._governance import Governance
from scripts._pipeline import Pipeline

GOVERNED = ("StationRegistry", "Settlement", "Adjustments", "FeeRouter", "Timelock")


def argument(text: str) -> Any:
    """Return an argument as written on a command line: JSON where it is JSON, else as it is."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


@click.command(
    cls=ConnectedProviderCommand,
    short_help="Call a function that only governance can call, through the timelock",
    epilog="Example: ape run govern --network ethereum:mainnet:node --account proposer "
    "StationRegistry set_voucher 0x… 2",
)
@account_option
@deployment_option
@click.option("--again", is_flag=True, help="although the same call was executed before")
@click.argument("contract", type=click.Choice(GOVERNED))
@click.argument("function")
@click.argument("arguments", nargs=-1)
def cli(
    account: str | None,
    book: Path | None,
    contract: str,
    function: str,
    arguments: tuple[str, ...],
    *,
    again: bool,
) -> None:
    """Announce CONTRACT.FUNCTION(ARGUMENTS), or execute it when the delay has passed.

    Run it again with the same values to go on. Lists and tuples are JSON: '[1, 2]'.
    """

    async def work(pipeline: Pipeline) -> str:
        entered = Book(book_path(book, pipeline.chain_id), pipeline.chain_id)
        values = [argument(text) for text in arguments]
        call = contract_call(contract, function, entered.address(contract), *values)
        [sender] = await pipeline.senders([signer(account, pipeline.chain_id)])
        governance = Governance(pipeline, entered.address("Timelock"), sender)
        return (await governance.act(call, once=not again)).message

    click.echo(run(work))
