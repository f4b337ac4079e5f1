"""What the commands of `chargecoin payer` share: whose key acts where, amounts, accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from chargecoin.errors import ConfigurationError

if TYPE_CHECKING:
    from chargecoin.payer import Payer

T = TypeVar("T")

DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class Session:
    """Where the chain is and whose key acts; read from the options of the group."""

    rpc_url: str
    deployment: Path | None
    key_file: Path | None
    passphrase_file: Path | None
    clock: str | None

    def run(self, work: Callable[[Payer], Coroutine[Any, Any, T]]) -> T:
        """Return what `work` does with the payer, connected to the chain."""
        from chargecoin import deployments
        from chargecoin.chain import Chain
        from chargecoin.payer import Payer

        # Asked for here, so that every command's --help works without them.
        if self.deployment is None:
            raise ConfigurationError("name the address book: --deployment deployments/<chain>.json")
        if self.key_file is None:
            raise ConfigurationError("name your key: --key-file FILE, or CHARGECOIN_KEY_FILE")
        book = deployments.load(self.deployment)
        secret = read_key(self.key_file, self.passphrase_file)

        async def connected() -> T:
            async with await Chain.connect(self.rpc_url, book) as chain:
                return await work(Payer(chain, secret))

        return asyncio.run(connected())

    def now(self) -> int:
        """Return UTC seconds by the clock that was named."""
        from chargecoin.clock import open_clock

        return int(open_clock(self.clock).now())


def read_key(path: Path, passphrase_file: Path | None) -> bytes:
    """Return the secret in a keystore (version 3) or in a file with 64 hex digits.

    A file that is not encrypted must be readable by its owner only. Raises
    `ConfigurationError`.
    """
    from eth_account import Account

    try:
        text = path.read_text().strip()
        if not text.startswith("{"):
            if path.stat().st_mode & 0o077:
                raise ConfigurationError(f"others can read the key in {path}; chmod 600 {path}")
            secret = bytes.fromhex(text.removeprefix("0x"))
            if len(secret) != 32:
                raise ConfigurationError(f"{path} holds neither a keystore nor 64 hex digits")
            return secret
        passphrase = (
            passphrase_file.read_text().rstrip("\n")
            if passphrase_file
            else click.prompt(f"Passphrase of {path}", hide_input=True, err=True)
        )
        return bytes(Account.decrypt(text, passphrase))
    except OSError as error:
        raise ConfigurationError(f"the key file cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{path} gives no key: not a keystore, another passphrase, or not hex ({error})"
        ) from None


class TokenAmount(click.ParamType):
    """An amount in tokens, such as 25.50, as base units."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return base units; nothing is rounded."""
        if isinstance(value, int):
            return value
        try:
            units = Decimal(value).scaleb(DECIMALS)
            if not units.is_finite() or units != units.to_integral_value() or units < 0:
                raise InvalidOperation
        except InvalidOperation:
            self.fail(f"{value!r} is not an amount of at most {DECIMALS} decimals", param, ctx)
        return int(units)


AMOUNT = TokenAmount()
ACCOUNT = click.option(
    "--account", type=int, metavar="NUMBER", help="vault account, if the key opened several"
)


def money(units: int) -> str:
    """Return base units as tokens, exact."""
    return f"{units // 10**DECIMALS}.{units % 10**DECIMALS:06}"


def moment(at: int) -> str:
    """Return UTC seconds for a person to read."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


async def chosen(payer: Payer, named: int | None) -> int:
    """Return the account to act on. Raises `ConfigurationError` if it is not clear which."""
    accounts = await payer.accounts()
    if named is not None:
        if named not in accounts:
            raise ConfigurationError(f"{payer.address} did not open account {named}")
        return named
    if not accounts:
        raise ConfigurationError(
            f"{payer.address} has no vault account yet; open one with `chargecoin payer open`"
        )
    if len(accounts) > 1:
        numbers = ", ".join(map(str, accounts))
        raise ConfigurationError(f"{payer.address} has accounts {numbers}; say which: --account")
    return accounts[0]
