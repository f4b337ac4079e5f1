"""Check that the chain holds what is compiled here, set up as the book says."""

from __future__ import annotations

from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand

from chargecoin.errors import ConfigurationError, WrongChainError
from scripts._ape import deployment_option, run
from scripts._book import Book, Settings, book_path
from scripts._pipeline import Pipeline
from scripts._verification import code_differences, parameter_differences
from scripts.export_abi import SOLIDITY, VYPER, compile_solidity, compile_vyper


def compiled_here(names: set[str]) -> dict[str, str]:
    """Return creation code by contract, as the sources in this folder give it."""
    artifacts = [compile_vyper(name) for name in VYPER if name in names]
    artifacts += compile_solidity(tuple(name for name in SOLIDITY if name in names))
    return {artifact["name"]: artifact["bytecode"] for artifact in artifacts}


@click.command(
    cls=ConnectedProviderCommand,
    short_help="Check code and parameters on chain against the sources and the book",
    epilog="Example: ape run verify_deployment --network ethereum:mainnet:node "
    "--deployment deployments/1.json",
)
@deployment_option
@click.option(
    "--settings", type=click.Path(path_type=Path), help="settings (TOML) instead of the book's"
)
def cli(book: Path | None, settings: Path | None) -> None:
    """Compile the contracts and compare: code, constructor arguments, parameters.

    Exits 1 and says what differs. Sends nothing.
    """

    async def work(pipeline: Pipeline) -> list[str]:
        path = book_path(book, pipeline.chain_id)
        entered = Book(path, pipeline.chain_id)
        wanted = Settings.from_toml(settings) if settings else entered.settings
        if wanted is None:
            raise ConfigurationError(f"{path} is no finished address book; run `ape run deploy`")
        click.echo("compiling…")
        ours = {entry["contract"] for entry in entered.contracts.values() if "contract" in entry}
        faults = await code_differences(pipeline.rpc, entered, compiled_here(ours))
        if not faults:
            wanted = wanted.checked(pipeline.chain_id)
            faults = await parameter_differences(pipeline.rpc, entered, wanted)
        for fault in faults:
            click.echo(fault)
        if faults:
            raise WrongChainError(f"{len(faults)} of the checks failed")
        return list(entered.contracts)

    click.echo(f"verified: {', '.join(run(work))}")
