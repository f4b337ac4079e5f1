"""Show a deployment as it is on chain: `ape run inspect_deployment --help`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand
from eth_utils.address import to_checksum_address

from chargecoin import deployments
from chargecoin.chain import Chain
from scripts._ape import deployment_option, run
from scripts._book import SHARES, Book, book_path
from scripts._governance import read
from scripts._pipeline import Pipeline
from scripts._verification import committee_in_force

TOKEN_UNIT = 10**6
CHG_UNIT = 10**18


def money(amount: int) -> str:
    """Return base units as tokens, exact."""
    return f"{amount // TOKEN_UNIT:,}.{amount % TOKEN_UNIT:06}"


@click.command(
    cls=ConnectedProviderCommand,
    short_help="Show addresses, committee, caps, fees and balances",
    epilog="Example: ape run inspect_deployment --network ethereum:local:foundry",
)
@deployment_option
def cli(book: Path | None) -> None:
    """Show a deployment as it is on chain at the latest block. Sends nothing."""

    async def work(pipeline: Pipeline) -> list[tuple[str, str]]:
        path = book_path(book, pipeline.chain_id)
        entered = Book(path, pipeline.chain_id)
        chain = Chain(pipeline.rpc, deployments.load(path))
        await chain.check()
        router, token = entered.address("FeeRouter"), entered.address("Token")
        members, threshold = await committee_in_force(pipeline.rpc, entered)
        arbiters, needed = await committee_in_force(pipeline.rpc, entered, "Adjustments")
        caps, exposure, batches, liabilities, unrouted, epoch = await asyncio.gather(
            chain.caps(),
            chain.exposure_limit(),
            chain.batch_count(),
            chain.liabilities(),
            chain.unrouted_fees(),
            chain.current_epoch(),
        )
        [delay] = await read(pipeline.rpc, "Timelock", entered.address("Timelock"), "getMinDelay")
        [shares] = await read(pipeline.rpc, "FeeRouter", router, "shares")
        [to] = await read(pipeline.rpc, "FeeRouter", router, "destinations")
        [reimbursed] = await read(pipeline.rpc, "FeeRouter", router, "reimbursed")
        [kept] = await read(pipeline.rpc, "FeeRouter", router, "total_owed")
        settlement, pool = entered.address("Settlement"), entered.address("StakingPool")
        [reimbursable] = await read(pipeline.rpc, "Settlement", settlement, "reimbursable")
        [held_back] = await read(pipeline.rpc, "Settlement", settlement, "held")
        [staked] = await read(pipeline.rpc, "StakingPool", pool, "total_staked")
        [held] = await read(
            pipeline.rpc, "TestStablecoin", token, "balanceOf", entered.address("Settlement")
        )
        return [
            *((name, entry["address"]) for name, entry in entered.contracts.items()),
            ("governance delay", f"{delay} s"),
            (f"committee {epoch}", f"{threshold} of {len(members)}"),
            *(("  member", member) for member in members),
            ("arbiters", f"{needed} of {len(arbiters)}"),
            *(("  arbiter", arbiter) for arbiter in arbiters),
            ("session cap", money(caps.session)),
            ("owner day cap", money(caps.owner_day)),
            ("committee day cap", money(caps.committee_day)),
            ("exposure limit", money(exposure)),
            *(
                (f"fee share {name}", f"{share / 100:.2f} % to {to_checksum_address(address)}")
                for name, share, address in zip(SHARES, shares, to, strict=True)
            ),
            ("batches settled", str(batches)),
            ("liabilities", money(liabilities)),
            ("held in disputes", money(held_back)),
            ("unrouted fees", money(unrouted)),
            ("oracles reimbursed", f"{money(reimbursed)} of {money(reimbursable)}"),
            ("shares refused", money(kept)),
            ("CHG staked", f"{staked // CHG_UNIT:,}"),
            ("token balance", money(held)),
        ]

    for name, value in run(work):
        click.echo(f"{name:20} {value}")
