"""Onboarding: what the chain has is found, what is missing is added."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_utils.crypto import keccak

from chargecoin.chain import Chain
from chargecoin.chain.transactions import KeySigner, contract_call
from chargecoin.chain.values import to_bytes
from chargecoin.errors import ConfigurationError
from chargecoin.local_node import CHAIN_ID
from chargecoin.tariff import Tariff
from scripts._book import Book
from scripts._local import GAS_MONEY
from scripts._onboarding import onboard
from scripts._onboarding_file import Onboarding, PayerInput, load
from scripts._pipeline import Pipeline, Sender
from tests.support.protocol import ONBOARDING, Protocol, secret


def meter_key(role: str) -> str:
    """Return the DER public key of a meter, the same in every run."""
    key = ec.derive_private_key(int(secret(role), 16), ec.SECP256R1())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "0x" + spki.hex()


def as_json() -> Any:
    """Return the shared onboarding as its file holds it."""
    return json.loads(msgspec.json.encode(ONBOARDING))


def changed(change: Any) -> Onboarding:
    """Return the shared onboarding with a change made to its JSON."""
    raw = as_json()
    change(raw)
    return msgspec.convert(raw, type=Onboarding)


def connector_of(raw: dict[str, Any], owner: int, evse: int = 0) -> dict[str, Any]:
    station = raw["owners"][owner]["sites"][0]["stations"][0]
    connector: dict[str, Any] = station["evses"][evse]["connectors"][0]
    return connector


class Town:
    """The protocol, and a way to onboard more."""

    def __init__(self, protocol: Protocol, pipeline: Pipeline, giver: Sender, chain: Chain) -> None:
        self.protocol = protocol
        self.chain = chain
        self._pipeline = pipeline
        self._giver = giver
        self._book = Book(protocol.book, CHAIN_ID)

    async def onboard(self, onboarding: Onboarding) -> dict[str, Any]:
        return await onboard(
            self._pipeline, self._book, self.chain, self._giver, onboarding, GAS_MONEY
        )

    def height(self) -> int:
        return int(self.protocol.node.rpc("eth_blockNumber"), 16)


@pytest_asyncio.fixture
async def town(protocol: Protocol, pipeline: Pipeline, deployer: Sender) -> AsyncIterator[Town]:
    yield Town(protocol, pipeline, deployer, Chain(pipeline.rpc, protocol.deployment))


async def test_onboarding_again_sends_nothing_and_finds_the_same_ids(town: Town) -> None:
    before = town.height()
    assert await town.onboard(ONBOARDING) == town.protocol.ids
    assert town.height() == before


async def test_ids_are_given_in_the_order_of_the_file(town: Town) -> None:
    ids = town.protocol.ids
    assert ids["connectors"] == {"CP-0001/1": 1, "CP-0001/2": 2, "CP-0002/1": 3}
    assert ids["sites"] == {"Harbour": 1, "Services North": 2}
    assert [owner["owner_id"] for owner in ids["owners"]] == [1, 2]
    assert [payer["account"] for payer in ids["payers"].values()] == [1, 2]


async def test_what_is_new_in_the_file_is_added(town: Town) -> None:
    def extend(raw: dict[str, Any]) -> None:
        evses = raw["owners"][1]["sites"][0]["stations"][0]["evses"]
        evses.append(evses[0] | {"number": 2, "connectors": [connector_of(raw, 1) | {"number": 2}]})
        raw["payers"].append(
            {"name": "visitor", "key": secret("visitor"), "deposit": 7, "daily_limit": 9}
        )

    ids = await town.onboard(changed(extend))
    assert ids["connectors"] == town.protocol.ids["connectors"] | {"CP-0002/2": 4}
    assert ids["payers"]["visitor"]["account"] == 3
    account = await town.chain.account(3)
    assert (account.balance, account.daily_limit) == (7, 9)


async def test_a_deposit_is_topped_up_and_a_limit_changed(town: Town) -> None:
    def more(raw: dict[str, Any]) -> None:
        raw["payers"][0] |= {"deposit": 150_000_000, "daily_limit": 60_000_000}

    await town.onboard(changed(more))
    account = await town.chain.account(1)
    assert (account.balance, account.daily_limit) == (150_000_000, 60_000_000)


async def test_a_changed_tariff_is_published_with_notice(town: Town) -> None:
    def dearer(raw: dict[str, Any]) -> None:
        connector_of(raw, 0)["tariff"]["kwh"] = 480_000

    block = await town.chain.block()
    assert block is not None
    await town.onboard(changed(dearer))
    assert [await town.chain.tariff_count(one) for one in (1, 2, 3)] == [2, 1, 1]
    tariff = Tariff.decode((await town.chain.tariff(1, 2)).slot)
    assert tariff.minimum.kwh == tariff.maximum.kwh == 480_000
    assert tariff.valid_from >= block.timestamp + 3600


@pytest.mark.parametrize(("voucher", "kind"), [("owner", 1), ("manufacturer", 2), ("authority", 3)])
async def test_a_meter_key_is_entered_by_whoever_stands_behind_it(
    town: Town, voucher: str, kind: int
) -> None:
    key = meter_key("meter")

    def sign(raw: dict[str, Any]) -> None:
        raw["vouchers"] = {"manufacturer": secret("maker"), "authority": secret("authority")}
        connector_of(raw, 1)["meter_key"] = {"curve": 4, "public_key": key, "voucher": voucher}

    onboarding = changed(sign)
    ids = await town.onboard(onboarding)
    registered = await town.chain.meter_key(ids["connectors"]["CP-0002/1"], keccak(to_bytes(key)))
    assert (registered.curve, registered.voucher_kind) == (4, kind)
    before = town.height()
    await town.onboard(onboarding)
    assert town.height() == before


async def test_an_owners_key_is_vouched_for_later(town: Town) -> None:
    key = meter_key("meter")

    def entered(raw: dict[str, Any]) -> None:
        connector_of(raw, 0)["meter_key"] = {"curve": 4, "public_key": key, "voucher": "owner"}

    def vouched(raw: dict[str, Any]) -> None:
        entered(raw)
        raw["vouchers"] = {"authority": secret("authority")}
        connector_of(raw, 0)["meter_key"]["voucher"] = "authority"

    await town.onboard(changed(entered))
    assert (await town.chain.meter_key(1, keccak(to_bytes(key)))).voucher_kind == 1
    await town.onboard(changed(vouched))
    assert (await town.chain.meter_key(1, keccak(to_bytes(key)))).voucher_kind == 3


async def test_whoever_pays_for_gas_may_be_onboarded_too(town: Town) -> None:
    deployer = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    payer = PayerInput("deployer", deployer, 5, 5)
    ids = await town.onboard(Onboarding(payers=(payer,)))
    assert ids["payers"]["deployer"]["holder"] == town.protocol.deployer.address


def write(path: Path, onboarding: dict[str, Any]) -> Path:
    path.write_text(json.dumps(onboarding))
    return path


def test_a_file_is_read_as_documented(tmp_path: Path) -> None:
    file = write(tmp_path / "onboarding.json", as_json())
    assert load(file) == ONBOARDING


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda raw: raw["owners"][0].pop("key"), r"missing required field `key`.*owners\[0\]"),
        (lambda raw: raw["owners"][0].update(key="0x12"), r"matching regex.*owners\[0\]\.key"),
        (lambda raw: raw["payers"][1].update(deposit="5"), r"Expected `int`.*payers\[1\]"),
        (lambda raw: raw["payers"][1].update(limit=5), "unknown field `limit`"),
        (lambda raw: raw["owners"][1].update(name="Harbour Parking"), "owner .* is listed twice"),
        (lambda raw: raw["payers"].append(raw["payers"][0]), "payer 'driver' is listed twice"),
        (
            lambda raw: raw["owners"][0]["sites"].append(raw["owners"][1]["sites"][0]),
            "site 'Services North' is listed twice",
        ),
        (
            lambda raw: connector_of(raw, 0, evse=1).update(number=1),
            r"connector \('CP-0001', 1\) is listed twice",
        ),
        (
            lambda raw: connector_of(raw, 0).update(
                meter_key={"curve": 4, "public_key": "0xff", "voucher": "authority"}
            ),
            "CP-0001/1: the file has no key of the authority",
        ),
    ],
)
def test_a_faulty_file_is_refused_with_the_place_of_the_fault(
    tmp_path: Path, change: Any, fault: str
) -> None:
    raw = as_json()
    change(raw)
    with pytest.raises(ConfigurationError, match=fault):
        load(write(tmp_path / "onboarding.json", raw))


async def test_an_owner_is_found_by_the_account_that_it_was_passed_on_to(
    town: Town, pipeline: Pipeline
) -> None:
    registry = town.chain.deployment.address("StationRegistry")
    new = KeySigner(to_bytes(secret("fleet")))
    old, accepting = await pipeline.senders([town.protocol.owner(1), new])
    for sender, call in (
        (old, contract_call("StationRegistry", "offer_account", registry, 1, new.address)),
        (accepting, contract_call("StationRegistry", "accept_account", registry, 1)),
    ):
        await pipeline.execute([(sender, call)])

    def with_the_new_key(raw: dict[str, Any]) -> None:
        raw["owners"][0]["key"] = secret("fleet")

    before = town.height()
    ids = await town.onboard(changed(with_the_new_key))
    assert town.height() == before
    assert ids["owners"][0] == {"name": "Harbour Parking", "owner_id": 1, "account": new.address}
