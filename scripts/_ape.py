"""What the ape scripts share: the network ape is connected to, and keys that ape keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import ape
import click
from eth_utils.address import to_checksum_address

from chargecoin.chain import Rpc
from chargecoin.errors import ChargeCoinError, ConfigurationError
from scripts._book import LOCAL_CHAINS
from scripts._pipeline import Pipeline

T = TypeVar("T")

TEST: Final = "TEST::"
# Which of ape's test accounts `deploy` makes the guardian of a local chain.
GUARDIAN: Final = 1


class ApeSigner:
    """An account of ape as a signer; a keyfile account asks for its passphrase."""

    def __init__(self, account: Any) -> None:
        """Sign with an ape account."""
        self._account = account
        self.address = str(to_checksum_address(account.address))

    def sign_transaction(self, fields: dict[str, Any]) -> bytes:
        """Return the raw signed transaction."""
        transaction = ape.networks.provider.network.ecosystem.create_transaction(**fields)
        signed = self._account.sign_transaction(transaction)
        if signed is None:
            raise ConfigurationError(f"{self.address} did not sign")
        return bytes(signed.serialize_transaction())


def signer(alias: str | None, chain_id: int, *, local: int = 0) -> ApeSigner:
    """Return an account by alias; on a local chain also `TEST::n`, if none is named `local`'s.

    Raises `ConfigurationError` if ape keeps no such account.
    """
    if chain_id in LOCAL_CHAINS:
        alias = alias or f"{TEST}{local}"
        if alias.startswith(TEST):
            return ApeSigner(ape.accounts.test_accounts[int(alias.removeprefix(TEST))])
    if alias is None:
        raise ConfigurationError("name the account to send with: --account ALIAS")
    try:
        return ApeSigner(ape.accounts.load(alias))
    except KeyError:
        raise ConfigurationError(
            f"ape has no account {alias!r}; import one with `ape accounts import {alias}`"
        ) from None


def test_address(index: int) -> str:
    """Return the address of one of ape's test accounts."""
    return str(to_checksum_address(ape.accounts.test_accounts[index].address))


def _account_option(command: Callable[..., Any], local: int) -> Callable[..., Any]:
    return click.option(
        "--account",
        metavar="ALIAS",
        help=f"ape account to send with; on a local chain {TEST}{local} unless named",
    )(command)


def account_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command name the ape account it sends with."""
    return _account_option(command, 0)


def guardian_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command name the ape account of the guardian."""
    return _account_option(command, GUARDIAN)


def deployment_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command name an address book other than the chain's own."""
    return click.option(
        "--deployment",
        "book",
        type=click.Path(path_type=Path),
        help="address book; deployments/<chain id>.json unless named",
    )(command)


def run(work: Callable[[Pipeline], Coroutine[Any, Any, T]]) -> T:
    """Return what `work` did on ape's chain; known faults end the command with their message."""

    async def connected() -> T:
        provider = ape.networks.provider
        rpc = Rpc(str(getattr(provider, "http_uri", None) or provider.uri))
        try:
            # The node's own word: for a local network ape answers with its configuration.
            chain_id = int(await rpc.request("eth_chainId"), 16)
            return await work(Pipeline(rpc, chain_id, report=click.echo))
        finally:
            await rpc.close()

    try:
        return asyncio.run(connected())
    except ChargeCoinError as error:
        raise click.ClickException(str(error)) from error
