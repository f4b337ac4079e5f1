"""Reads of a real chain, typed and at a stated block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from eth_utils.crypto import keccak

from chargecoin.chain import Chain, ChainReader, Connector, Head
from chargecoin.chain.events import decode_events
from chargecoin.deployments import NO_ADDRESS, Deployment
from chargecoin.errors import (
    ChainError,
    ConfigurationError,
    NodeUnavailableError,
    RevertedError,
    WrongChainError,
)
from chargecoin.local_node import LocalNode
from chargecoin.tariff import OPEN_END, Tariff
from tests.support.protocol import Protocol


@pytest_asyncio.fixture
async def chain(protocol: Protocol) -> AsyncIterator[Chain]:
    async with await Chain.connect(protocol.url, protocol.deployment) as connected:
        yield connected


def as_reader(chain: Chain) -> ChainReader:
    """Let the type checker hold that the real chain is what verification asks for."""
    return chain


async def test_a_connector_is_read_with_everything_around_it(
    chain: Chain, protocol: Protocol
) -> None:
    connector_id = protocol.ids["connectors"]["CP-0002/1"]
    connector = await chain.connector(connector_id)
    assert connector == Connector(2, connector.evse, 1, 5, 3, 150_000)
    evse = await chain.evse(connector.evse)
    station = await chain.station(evse.station_id)
    site = await chain.site(station.site_id)
    assert (evse.evse_number, station.identity, site.owner_id) == (1, "CP-0002", 2)
    assert (site.time_zone, site.country, site.grid_zone) == ("Europe/Berlin", "DE", "DE")
    assert await chain.owner_account(2) == protocol.owner(2).address


async def test_a_tariff_is_read_as_published(chain: Chain) -> None:
    assert await chain.tariff_count(1) == 1
    terms = await chain.tariff(1, 1)
    tariff = Tariff.decode(terms.slot)
    assert (tariff.minimum.kwh, tariff.valid_to, terms.vat_bps) == (450_000, OPEN_END, 2_000)
    assert await chain.run_terms(1, 1) == (1, terms.slot)


async def test_a_vault_is_read_with_its_holder(chain: Chain, protocol: Protocol) -> None:
    payer = protocol.ids["payers"]["driver"]
    account = await chain.account(payer["account"])
    assert (account.balance, account.daily_limit, account.debt) == (100_000_000, 50_000_000, 0)
    assert await chain.account_holder(payer["account"]) == payer["holder"]
    assert await chain.liabilities() == 5_100_000_000


async def test_the_committee_is_read_with_its_members(chain: Chain, protocol: Protocol) -> None:
    epoch = await chain.current_epoch()
    assert epoch == 1
    assert (await chain.committee(epoch)).threshold == protocol.threshold
    assert all([await chain.is_member(epoch, one.address) for one in protocol.members])
    assert not await chain.is_member(epoch, protocol.deployer.address)


async def test_what_does_not_exist_reads_as_zeros(chain: Chain) -> None:
    assert await chain.head(99) == Head(0, 0, 0)
    assert await chain.account_holder(99) == NO_ADDRESS
    assert await chain.batch_commitment(99) == bytes(32)
    assert (await chain.meter_key(1, bytes(32))).curve == 0
    assert await chain.mandate_revoked_at(1, bytes(32)) == 0
    assert (await chain.withdrawal(1)).amount == 0
    assert await chain.transaction(bytes(32)) is None
    assert await chain.receipt(bytes(32)) is None
    assert await chain.block(10**9) is None


async def test_money_of_an_untouched_protocol_is_zero(chain: Chain) -> None:
    assert await chain.accrual(1) == (0, 0, 0, 0, 0)
    assert (await chain.unrouted_fees(), await chain.batch_count()) == (0, 0)
    assert (await chain.caps()).session == 2_000_000_000
    assert await chain.exposure_limit() == 50_000_000


async def test_a_read_is_made_at_the_block_it_names(chain: Chain, protocol: Protocol) -> None:
    start = protocol.deployment.start_block
    assert await chain.account_holder(1) != NO_ADDRESS
    with pytest.raises(ChainError, match="account_holder"):
        await chain.account_holder(1, block=start)  # Settlement was not deployed yet.
    protocol.node.mine(2)
    head = await chain.block()
    safe = await chain.block("safe")
    final = await chain.block("finalized")
    assert head is not None
    assert safe is not None
    assert final is not None
    assert (head.number - safe.number, head.number - final.number) == (1, 2)
    assert head.parent_hash == safe.hash
    assert await chain.account_holder(1, block="finalized") != NO_ADDRESS


async def test_events_are_read_and_decoded(chain: Chain, protocol: Protocol) -> None:
    topic = keccak(text="AccountOpened(uint256,address)")
    start = protocol.deployment.start_block
    logs = await chain.logs(start, "latest", ("Settlement",), (topic, None))
    opened = list(decode_events("Settlement", protocol.deployment.address("Settlement"), logs))
    holders = {event.args["account"]: event.args["holder"].lower() for event in opened}
    assert holders == {
        payer["account"]: payer["holder"].lower() for payer in protocol.ids["payers"].values()
    }
    receipt = await chain.receipt(logs[0].transaction_hash)
    transaction = await chain.transaction(logs[0].transaction_hash)
    assert receipt is not None
    assert transaction is not None
    assert receipt.logs == (logs[0],)
    assert transaction.block_hash == receipt.block_hash == logs[0].block_hash
    assert transaction.to == protocol.deployment.address("Settlement")


async def test_events_are_found_by_any_of_several_topics(chain: Chain, protocol: Protocol) -> None:
    topics = tuple(
        keccak(text=text)
        for text in ("AccountOpened(uint256,address)", "DailyLimitSet(uint256,uint256)")
    )
    start = protocol.deployment.start_block
    logs = await chain.logs(start, "latest", ("Settlement",), (topics,))
    assert {log.topics[0] for log in logs} == set(topics)


async def test_a_refusal_carries_the_contracts_words(chain: Chain, protocol: Protocol) -> None:
    with pytest.raises(RevertedError) as refused:
        await chain.rpc.request(
            "eth_call",
            {
                "from": protocol.deployer.address,
                "to": protocol.deployment.address("Settlement"),
                "data": "0x" + keccak(text="pause()")[:4].hex(),
            },
            "latest",
        )
    assert refused.value.reason == "settlement: not the guardian"


async def test_another_chain_is_refused(protocol: Protocol) -> None:
    elsewhere = replace(protocol.deployment, chain_id=1)
    with pytest.raises(WrongChainError, match="serves chain 31337, the address book is of chain 1"):
        await Chain.connect(protocol.url, elsewhere)


async def test_an_address_without_code_is_refused(anvil: LocalNode) -> None:
    empty = Deployment(31337, 0, {"Settlement": "0x" + "11" * 20})
    with pytest.raises(WrongChainError, match=r"no code at 0x1{40} \(Settlement\)"):
        await Chain.connect(anvil.url, empty)


async def test_a_contract_missing_from_the_book_is_named(anvil: LocalNode) -> None:
    async with await Chain.connect(anvil.url, Deployment(31337, 0, {})) as chain:
        with pytest.raises(ConfigurationError, match="has no Settlement"):
            await chain.batch_count()


async def test_a_node_that_is_gone_is_unavailable(protocol: Protocol) -> None:
    node = LocalNode()
    node.stop()
    with pytest.raises(NodeUnavailableError, match="gives no answer"):
        await Chain.connect(node.url, protocol.deployment)
