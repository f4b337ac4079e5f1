"""`chargecoin rewards`: an epoch's rewards from the chain alone, and whether the root is theirs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from chargecoin.reward_history import EpochHistory
    from chargecoin.rewards import Reward, RewardTree

KINDS: Final = ("drivers", "stations")
RECIPIENTS: Final = {"drivers": "account", "stations": "owner"}
DIFFERS: Final = 1
NOTHING_POSTED: Final = 3
TOKEN_UNIT: Final = 10**6
CHG_UNIT: Final = 10**18
FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
COMPUTE: Final = """\b
Example:
  chargecoin rewards compute drivers 2954 --rpc http://127.0.0.1:8545 \\
    --deployment deployments/31337.json --out rewards-2954.json
"""
SIGN: Final = """\b
Example:
  chargecoin rewards sign drivers 2954 --rpc http://127.0.0.1:8545 \\
    --deployment deployments/31337.json --key-file attester.key > signed-1.json
"""
POST: Final = """\b
Example:
  chargecoin rewards post signed-1.json signed-2.json --rpc http://127.0.0.1:8545 \\
    --deployment deployments/31337.json --key-file gas.key
"""
STATED: Final = ("chain_id", "distributor", "kind", "epoch", "attempt", "root", "totals")
"""What a root is signed with, beside the committee."""
VERIFY: Final = """\b
Example:
  chargecoin rewards verify drivers 2954 --rpc http://127.0.0.1:8545 \\
    --deployment deployments/31337.json
"""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option(
            "--blocks",
            type=click.IntRange(min=1),
            default=10_000,
            help="Blocks a request for events; fewer where the node refuses (10000).",
        ),
        click.option("--deployment", required=True, type=FILE, help="Address book of the chain."),
        click.option("--rpc", required=True, help="JSON-RPC address of a node you trust."),
        click.argument("epoch", type=click.IntRange(min=0)),
        click.argument("kind", type=click.Choice(KINDS), metavar="KIND"),
    ):
        command = option(command)
    return command


def _key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--passphrase-file",
            type=FILE,
            help="Passphrase of the keystore; asked for unless given.",
        ),
        click.option(
            "--key-file",
            required=True,
            type=FILE,
            help="Keystore, or a file only you can read with the key in hex.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def cli() -> None:
    """Recompute an epoch's rewards from the chain; check, sign or post its root.

    Example: chargecoin rewards verify drivers 2954 --rpc http://127.0.0.1:8545
    --deployment deployments/31337.json
    """


@cli.command(epilog=COMPUTE)
@_options
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write leaves and proofs here, to claim by."
)
def compute(
    kind: str,
    epoch: int,
    rpc: str,
    deployment: Path,
    blocks: int,
    as_json: bool,  # noqa: FBT001
    out: Path | None,
) -> None:
    """Compute the rewards of EPOCH (weeks since 1970) to KIND, drivers or stations.

    From events of finalized blocks alone, by the rule of docs/rewards.md. Before the
    refund window is over the figures are preliminary, and say so.
    """
    found = asyncio.run(_read(kind, epoch, rpc, deployment, blocks))
    computed = _computed(found, deployment)
    if out is not None:
        out.write_text(json.dumps(computed, indent=1) + "\n")
    if as_json:
        click.echo(json.dumps(computed))
        return
    _print(computed, kind)
    if not found.final:
        click.echo("PRELIMINARY: refunds can still change it, and no root can be posted yet")
    if out is not None:
        click.echo(f"leaves and proofs: {out}")


@cli.command(epilog=VERIFY)
@_options
def verify(
    kind: str,
    epoch: int,
    rpc: str,
    deployment: Path,
    blocks: int,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Check the root of EPOCH (weeks since 1970) for KIND, drivers or stations.

    Exits 0 if root and totals agree, 1 if they differ, 3 if none stands posted. Where
    they differ within three days of posting, the guardian can void the root.
    """
    found = asyncio.run(_read(kind, epoch, rpc, deployment, blocks))
    computed = _computed(found, deployment)
    posted = found.standing
    stated = None
    if posted is not None:
        stated = {"root": "0x" + posted.root.hex(), "totals": asdict(posted.totals)}
    agrees = stated is not None and all(stated[name] == computed[name] for name in stated)
    if as_json:
        click.echo(json.dumps({"agrees": agrees, "posted": stated, "computed": computed}))
    else:
        _print(computed, kind)
        _judge(stated, computed, agrees=agrees)
    sys.exit(NOTHING_POSTED if stated is None else 0 if agrees else DIFFERS)


@cli.command(epilog=SIGN)
@_options
@_key_options
def sign(
    kind: str,
    epoch: int,
    rpc: str,
    deployment: Path,
    blocks: int,
    as_json: bool,  # noqa: ARG001, FBT001
    key_file: Path,
    passphrase_file: Path | None,
) -> None:
    """Compute the root of EPOCH (weeks since 1970) for KIND and sign it as an attester.

    Prints one JSON object, which `post` takes. Nothing is signed that was not computed
    here, that refunds can still change, or that nobody has to sign.
    """
    from chargecoin.errors import ConfigurationError
    from chargecoin.payer_session_cli import read_key
    from chargecoin.typed_data import Signer

    found = asyncio.run(_read(kind, epoch, rpc, deployment, blocks))
    computed = _computed(found, deployment)
    if not found.final:
        raise ConfigurationError("refunds can still change this epoch: sign when they cannot")
    if computed["root"] is None:
        raise ConfigurationError("nobody has a reward in this epoch: its funds roll over")
    if found.standing is not None:
        raise ConfigurationError("this epoch has a root; `chargecoin rewards verify` checks it")
    signer = Signer(read_key(key_file, passphrase_file))
    committee = asyncio.run(_committee_of(signer.address, rpc, deployment))
    stated = {name: computed[name] for name in STATED} | {"committee_epoch": committee}
    signature = signer.sign(_digest(stated))
    click.echo(json.dumps(stated | {"signer": signer.address, "signature": "0x" + signature.hex()}))


@cli.command(epilog=POST)
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--rpc", required=True, help="JSON-RPC address of a node.")
@click.option("--deployment", required=True, type=FILE, help="Address book of the chain.")
@_key_options
def post(
    files: tuple[Path, ...],
    rpc: str,
    deployment: Path,
    key_file: Path,
    passphrase_file: Path | None,
) -> None:
    """Post the root that attesters signed, with the key in --key-file, which pays the gas.

    FILES are what `sign` printed for as many members as the committee's threshold. Anyone
    may post.
    """
    from chargecoin.errors import ConfigurationError
    from chargecoin.payer_session_cli import read_key
    from chargecoin.typed_data import order_signatures

    signed = [json.loads(path.read_text()) for path in files]
    stated = {name: signed[0][name] for name in (*STATED, "committee_epoch")}
    for path, one in zip(files, signed, strict=True):
        if {name: one.get(name) for name in stated} != stated:
            raise ConfigurationError(f"{path} signs another root than {files[0]}")
    signatures = [bytes.fromhex(one["signature"][2:]) for one in signed]
    joined = order_signatures(_digest(stated), signatures)
    key = read_key(key_file, passphrase_file)
    transaction = asyncio.run(_send_root(stated, joined, key, rpc, deployment))
    click.echo(
        f"root of epoch {stated['epoch']} posted in 0x{transaction.hex()}; the guardian can void "
        "it for 3 days, then rewards can be claimed"
    )


async def _committee_of(address: str, rpc: str, deployment: Path) -> int:
    """Return the running committee's epoch. Raises `ConfigurationError` for who is not on it."""
    from chargecoin import deployments
    from chargecoin.chain import Chain
    from chargecoin.errors import ConfigurationError

    async with await Chain.connect(rpc, deployments.load(deployment)) as chain:
        epoch = await chain.current_epoch()
        if not await chain.is_member(epoch, address):
            raise ConfigurationError(f"{address} is no member of committee {epoch}")
        return epoch


def _digest(stated: dict[str, Any]) -> bytes:
    from chargecoin.rewards import Amounts, Distributor, Kind

    kind = Kind[stated["kind"].upper()]
    return Distributor(stated["chain_id"], stated["distributor"], kind).root_digest(
        committee_epoch=stated["committee_epoch"],
        epoch=stated["epoch"],
        attempt=stated["attempt"],
        root=bytes.fromhex(stated["root"][2:]),
        totals=Amounts(**stated["totals"]),
    )


async def _send_root(
    stated: dict[str, Any], signatures: bytes, key: bytes, rpc: str, deployment: Path
) -> bytes:
    """Send `post_root` and return the transaction's hash. Raises `RevertedError` if refused."""
    from chargecoin import deployments
    from chargecoin.chain import Chain
    from chargecoin.chain import transactions as tx

    root, totals = bytes.fromhex(stated["root"][2:]), stated["totals"]
    call = tx.contract_call(
        *("RewardDistributor", "post_root", stated["distributor"], stated["epoch"], root),
        *((totals["payment"], totals["chg"]), stated["committee_epoch"], signatures),
    )
    sender = tx.KeySigner(key)
    async with await Chain.connect(rpc, deployments.load(deployment)) as chain:
        posted = await tx.execute(chain.rpc, call, sender, chain_id=stated["chain_id"])
        return posted.transaction_hash


async def _read(kind: str, epoch: int, rpc: str, deployment: Path, blocks: int) -> EpochHistory:
    from chargecoin import deployments
    from chargecoin.chain import Chain
    from chargecoin.errors import ChainError
    from chargecoin.reward_history import EpochReader
    from chargecoin.rewards import EPOCH_S, Kind

    async with await Chain.connect(rpc, deployments.load(deployment)) as chain:
        until = await chain.block("finalized")
        if until is None:
            raise ChainError("the node does not say which block is final; name another node")
        if until.timestamp < epoch * EPOCH_S:
            raise ChainError(
                f"epoch {epoch} has not begun at the chain's last final block "
                f"{until.number}; the running one is {until.timestamp // EPOCH_S}"
            )
        try:
            return await EpochReader(chain, until, blocks, _progress).read(
                Kind[kind.upper()], epoch
            )
        finally:
            _progress("")


def _progress(line: str) -> None:
    """Show how far it is on one line of a terminal; an empty one takes it away."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{line}", nl=False, err=True)


def _computed(found: EpochHistory, deployment: Path) -> dict[str, Any]:
    """Return the rewards of an epoch with their root, totals and proofs, as JSON has them."""
    from chargecoin import deployments
    from chargecoin.reward_check import recompute

    made = recompute(found, deployments.load(deployment))
    return {
        "chain_id": made.distributor.chain_id,
        "distributor": made.distributor.address,
        "kind": found.kind.name.lower(),
        "epoch": found.epoch,
        "attempt": found.attempt,
        "block": found.seen,
        "final": found.final,
        "fees": sum(one.fee for one in found.fees),
        "funds": asdict(found.funds),
        "root": "0x" + made.root.hex() if made.root else None,
        "totals": asdict(made.totals),
        "rewards": [_reward(one, made.tree) for one in made.rewards],
    }


def _reward(one: Reward, tree: RewardTree | None) -> dict[str, Any]:
    proof = tree.proof(one.recipient) if tree else []
    return asdict(one) | {"proof": ["0x" + sibling.hex() for sibling in proof]}


def _money(amounts: dict[str, int]) -> str:
    payment, chg = amounts["payment"], amounts["chg"]
    return (
        f"{payment // TOKEN_UNIT:,}.{payment % TOKEN_UNIT:06} and "
        f"{chg // CHG_UNIT:,}.{chg % CHG_UNIT:018} CHG"
    )


def _print(computed: dict[str, Any], kind: str) -> None:
    count = len(computed["rewards"])
    fees = computed["fees"]
    click.echo(f"epoch {computed['epoch']} of {kind}, up to block {computed['block']}")
    click.echo(f"  fees net of refunds {fees // TOKEN_UNIT:,}.{fees % TOKEN_UNIT:06}")
    click.echo(f"  funds               {_money(computed['funds'])}")
    click.echo(f"  rewards             {_money(computed['totals'])} to {count} recipients")
    for one in computed["rewards"][:10]:
        click.echo(f"    {RECIPIENTS[kind]} {one['recipient']:<10} {_money(one)}")
    if count > 10:
        click.echo(f"    … and {count - 10} more (--json shows all)")
    click.echo(f"  root                {computed['root'] or 'none: nobody has a reward'}")


def _judge(stated: dict[str, Any] | None, computed: dict[str, Any], *, agrees: bool) -> None:
    if stated is None:
        click.echo("no root stands posted: nothing to compare with")
        return
    click.echo(f"  posted root         {stated['root']}")
    click.echo(f"  posted totals       {_money(stated['totals'])}")
    if agrees:
        click.echo("the posted root is the one computed from the chain")
        return
    what = " and ".join(name for name in stated if stated[name] != computed[name])
    click.echo(f"THE POSTED ROOT IS WRONG: {what} differ; the guardian can void it for 3 days")
