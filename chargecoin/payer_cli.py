"""`chargecoin payer`: the vault of a driver, a fleet or a mobility provider (docs/payer.md)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from chargecoin.errors import (
    ConfigurationError,
    MandateError,
    NodeUnavailableError,
    RevertedError,
)
from chargecoin.payer_adjustments_cli import collect, dispute
from chargecoin.payer_session_cli import ACCOUNT, AMOUNT, Session, chosen, moment, money

if TYPE_CHECKING:
    from chargecoin.chain import Withdrawal
    from chargecoin.payer import Payer

POST_TIMEOUT_S: Final = 20.0
NO_LIMIT_DAYS: Final = 365


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rpc-url", envvar="CHARGECOIN_RPC_URL", default="http://127.0.0.1:8545")
@click.option(
    "--deployment",
    envvar="CHARGECOIN_DEPLOYMENT",
    type=click.Path(path_type=Path),
    help="address book, deployments/<chain id>.json",
)
@click.option(
    "--key-file",
    envvar="CHARGECOIN_KEY_FILE",
    type=click.Path(path_type=Path),
    help="keystore, or a file only you can read with the key in hex",
)
@click.option(
    "--passphrase-file",
    envvar="CHARGECOIN_PASSPHRASE_FILE",
    type=click.Path(path_type=Path),
    help="passphrase of the keystore; asked for unless given",
)
@click.option("--clock", metavar="PATH", help="clock file of a demo; the machine's unless given")
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """Vaults, mandates, disputes, withdrawals. Amounts are in tokens, such as 25.50.

    Example: chargecoin payer --deployment deployments/1.json --key-file key.json show
    """
    context.obj = Session(**options)


cli.add_command(dispute)
cli.add_command(collect)


@cli.command("open")
@click.pass_obj
def open_(session: Session) -> None:
    """Open a vault account; its daily limit is 0 until you set one.

    Example: chargecoin payer open
    """
    click.echo(f"account {session.run(lambda payer: payer.open_account())}")


@cli.command()
@click.argument("amount", type=AMOUNT)
@click.pass_obj
def mint(session: Session, amount: int) -> None:
    """Give yourself AMOUNT of the test token; only on chains whose vaults hold that.

    Example: chargecoin payer mint 100
    """

    async def work(payer: Payer) -> str:
        await payer.mint(amount)
        return f"{payer.address} was given {money(amount)} of the test token"

    click.echo(session.run(work))


@cli.command()
@click.argument("amount", type=AMOUNT)
@ACCOUNT
@click.pass_obj
def deposit(session: Session, amount: int, account: int | None) -> None:
    """Pay AMOUNT into your account; settlement is allowed to take exactly that.

    Example: chargecoin payer deposit 100
    """

    async def work(payer: Payer) -> str:
        number = await chosen(payer, account)
        await payer.deposit(number, amount)
        state, _ = await payer.account(number)
        return f"account {number} holds {money(state.balance)}"

    click.echo(session.run(work))


@cli.command()
@click.argument("amount", type=AMOUNT)
@ACCOUNT
@click.pass_obj
def limit(session: Session, amount: int, account: int | None) -> None:
    """Let at most AMOUNT leave your account on a day (UTC).

    Raising it is immediate; lowering it binds sessions that start later.

    Example: chargecoin payer limit 50
    """

    async def work(payer: Payer) -> str:
        number = await chosen(payer, account)
        await payer.set_daily_limit(number, amount)
        return f"account {number}: at most {money(amount)} a day"

    click.echo(session.run(work))


@cli.command()
@click.option("--token", "tokens", multiple=True, required=True, help="idTag or eMAID")
@click.option("--max-per-session", type=AMOUNT, required=True, metavar="AMOUNT")
@click.option("--days", type=click.IntRange(1), default=NO_LIMIT_DAYS, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="where the mandate goes (JSON)")
@click.option("--post", "urls", multiple=True, metavar="URL", help="oracle to post it to")
@ACCOUNT
@click.pass_obj
def mandate(
    session: Session,
    tokens: tuple[str, ...],
    max_per_session: int,
    days: int,
    out: Path | None,
    urls: tuple[str, ...],
    account: int | None,
) -> None:
    """Sign a mandate: sessions started with these tokens may be debited, from now on.

    The file holds the tokens in the clear; give it to oracles and to nobody else.

    Example: chargecoin payer mandate --token TAG01 --max-per-session 60 --post http://127.0.0.1:8711
    """
    if out is None and not urls:
        raise ConfigurationError("say where the mandate goes: --out FILE, --post URL, or both")
    start = session.now()

    async def work(payer: Payer) -> dict[str, Any]:
        number = await chosen(payer, account)
        signed = payer.sign_mandate(
            number,
            tokens,
            max_per_session=max_per_session,
            valid_from=start,
            valid_until=start + days * 86_400,
        )
        return signed.to_json()

    document = session.run(work)
    if out is not None:
        out.touch(mode=0o600)
        out.write_text(json.dumps(document, indent=2) + "\n")
        click.echo(f"written to {out}")
    for url in urls:
        post(url, document)
        click.echo(f"accepted by {url}")
    click.echo(f"mandate {document['id']}")


def post(url: str, document: dict[str, Any]) -> None:
    """Give a mandate to an oracle. Raises `MandateError` with its words if it refuses."""
    import httpx

    try:
        address = f"{url.rstrip('/')}/mandates"
        answer = httpx.post(address, json=document, timeout=POST_TIMEOUT_S)
    except httpx.HTTPError as error:
        raise NodeUnavailableError(f"{url} gives no answer: {error}; try again later") from error
    if answer.status_code != httpx.codes.OK:
        raise MandateError(f"{url} refuses the mandate ({answer.status_code}): {answer.text}")


@cli.command()
@click.argument("mandate_id", metavar="ID")
@ACCOUNT
@click.pass_obj
def revoke(session: Session, mandate_id: str, account: int | None) -> None:
    """End the mandate with this ID (0x…) for sessions that start later.

    Example: chargecoin payer revoke 0x5a…
    """
    try:
        identifier = bytes.fromhex(mandate_id.removeprefix("0x"))
    except ValueError:
        identifier = b""
    if len(identifier) != 32:
        raise ConfigurationError(
            f"{mandate_id!r} is not a mandate's id; it is in the mandate's file"
        )

    async def work(payer: Payer) -> None:
        await payer.revoke_mandate(await chosen(payer, account), identifier)

    session.run(work)
    click.echo("revoked for sessions that start from now on")


@cli.group(name="withdraw")
def withdraw_group() -> None:
    """Take money out: ask, wait three days, execute within a day.

    Example: chargecoin payer withdraw request 40
    """


def _window(withdrawal: Withdrawal) -> str:
    return (
        f"{money(withdrawal.amount)} from {moment(withdrawal.executable_at)} "
        f"to {moment(withdrawal.lapses_at)}"
    )


@withdraw_group.command()
@click.argument("amount", type=AMOUNT)
@ACCOUNT
@click.pass_obj
def request(session: Session, amount: int, account: int | None) -> None:
    """Ask for AMOUNT back. It stays debitable until you execute the withdrawal.

    Example: chargecoin payer withdraw request 40
    """

    async def work(payer: Payer) -> str:
        requested = await payer.request_withdrawal(await chosen(payer, account), amount)
        return f"can be had: {_window(requested)}"

    click.echo(session.run(work))


@withdraw_group.command()
@click.option("--to", metavar="ADDRESS", help="who receives; your own address unless given")
@ACCOUNT
@click.pass_obj
def execute(session: Session, to: str | None, account: int | None) -> None:
    """Pay out what was requested and is due.

    Example: chargecoin payer withdraw execute
    """

    async def work(payer: Payer) -> str:
        number = await chosen(payer, account)
        before, _ = await payer.account(number)
        try:
            await payer.withdraw(number, to)
        except RevertedError as refused:
            _, asked = await payer.account(number)
            if not asked.amount:
                raise
            again = "after that, ask again: `chargecoin payer withdraw request AMOUNT`"
            raise RevertedError(
                "withdraw", f"{refused.reason}; can be had: {_window(asked)}; {again}"
            ) from refused
        after, _ = await payer.account(number)
        return f"paid out {money(before.balance - after.balance)} to {to or payer.address}"

    click.echo(session.run(work))


@withdraw_group.command()
@ACCOUNT
@click.pass_obj
def cancel(session: Session, account: int | None) -> None:
    """Take the request back.

    Example: chargecoin payer withdraw cancel
    """

    async def work(payer: Payer) -> None:
        await payer.cancel_withdrawal(await chosen(payer, account))

    session.run(work)
    click.echo("the request is taken back")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON object, amounts in base units")
@ACCOUNT
@click.pass_obj
def show(session: Session, account: int | None, *, as_json: bool) -> None:
    """Show your account as the chain has it.

    Example: chargecoin payer show --json
    """

    async def work(payer: Payer) -> tuple[int, Any, Withdrawal]:
        number = await chosen(payer, account)
        return number, *await payer.account(number)

    number, state, withdrawal = session.run(work)
    if as_json:
        fields = {"account": number} | state._asdict() | {"withdrawal": withdrawal._asdict()}
        click.echo(json.dumps(fields))
        return
    spent_on = f"{datetime.fromtimestamp(state.day * 86_400, UTC):%Y-%m-%d}"
    click.echo(f"account      {number}")
    click.echo(f"balance      {money(state.balance)}")
    click.echo(f"daily limit  {money(state.daily_limit)}")
    click.echo(f"spent        {money(state.spent)} on {spent_on} (UTC)")
    click.echo(f"debt         {money(state.debt)}")
    click.echo(f"withdrawal   {_window(withdrawal) if withdrawal.amount else 'none requested'}")
