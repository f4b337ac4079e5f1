"""Adjustments beside a settlement: who appoints arbiters, and what the specification says."""

import re
from dataclasses import replace
from pathlib import Path

import boa
from eth_utils.address import to_checksum_address

from chargecoin import adjustments as sdk
from chargecoin import windows
from chargecoin.chain import Log
from chargecoin.contracts import artifact, events
from chargecoin.deployments import Deployment
from tests.contracts.adjusting import (
    CONNECTOR,
    GROSS,
    OWNER,
    dispute,
    pay,
    rule,
    rulings,
    top_up,
)
from tests.contracts.world import HOUR_S, TOKEN, World, attesters, now, session, wait
from tests.contracts.world import events as logged

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]


def section() -> str:
    """Section 9 of the specification."""
    text = (ROOT / "docs" / "protocol.md").read_text()
    return text[text.index("\n## 9. Adjustments") :].split("\n## ")[1]


def test_it_stands_beside_its_settlement(world: World) -> None:
    adjustments, settlement = world.adjustments, world.settlement
    assert (adjustments.settlement(), settlement.adjustments()) == (
        settlement.address,
        adjustments.address,
    )
    assert adjustments.registry() == world.registry.address
    assert (adjustments.governance(), adjustments.guardian()) == (world.governance, world.guardian)
    assert (adjustments.current_epoch(), adjustments.dispute_count()) == (1, 0)
    assert adjustments.committee(1) == (2, 2**40 - 1)
    assert all(adjustments.is_member(1, one.address) for one in world.arbiters)


def test_governance_replaces_the_arbiters_with_a_grace(world: World, account: int) -> None:
    first, second = (dispute(world, pay(world, account)) for _ in range(2))
    team = attesters(5, "next arbiter")
    world.adjustments.appoint_arbiters(
        [one.address for one in team], 3, HOUR_S, sender=world.governance
    )
    [event] = logged(world.adjustments, "CommitteeAppointed")
    assert (event.epoch, event.threshold, event.previous_valid_until) == (2, 3, now() + HOUR_S)
    wait(HOUR_S - 1)
    rule(world, first, TOKEN)
    wait(1)
    with boa.reverts("settlement: wrong committee epoch"):
        rule(world, second, TOKEN)
    rule(world, second, TOKEN, epoch=2, by=team[1:4])


def test_python_and_the_contract_name_the_same_domain_and_constants(world: World) -> None:
    adjustments = world.adjustments
    assert adjustments.DOMAIN_SEPARATOR() == rulings(world).separator
    assert (adjustments.REFUND_WINDOW_S(), adjustments.DISPUTE_WINDOW_S()) == (
        windows.REFUND_WINDOW_S,
        windows.DISPUTE_WINDOW_S,
    )
    assert adjustments.RULING_WINDOW_S() == windows.RULING_WINDOW_S
    assert (adjustments.MIN_BOND(), adjustments.MAX_OPEN()) == (sdk.MIN_BOND, sdk.MAX_OPEN)


def test_the_sdk_presents_what_the_contract_takes(world: World, account: int) -> None:
    settlement, adjustments = world.settlement, world.adjustments
    book = Deployment(
        chain_id=rulings(world).chain_id,
        start_block=0,
        contracts={"Settlement": settlement.address, "Adjustments": adjustments.address},
    )
    poor = world.open_account(world.fleet, TOKEN, 60 * TOKEN)
    other = world.add_connector(OWNER)
    wait(2 * HOUR_S)
    skipped = replace(world.run(other, [session(account).encode()]), first_sequence=3)
    words = [session(one).encode() for one in (account, poor)]
    batch = world.batch([skipped, world.run(CONNECTOR, words)])
    settlement.settle(*batch.arguments, sender=world.stranger)
    logs = [
        Log(
            to_checksum_address(address),
            tuple(topic.to_bytes(32, "big") for topic in topics),
            data,
            block_number=0,
            block_hash=b"",
            transaction_hash=b"",
            log_index=index,
        )
        for index, (_, address, topics, data) in enumerate(
            settlement._computation.get_raw_log_entries()
        )
    ]
    call_data = settlement.settle.prepare_calldata(*batch.arguments)
    paid, debt = (sdk.present(book, call_data, logs, (CONNECTOR << 64) | n) for n in (1, 2))
    assert (paid.settled_at, debt.outcome.debt) == (now(), GROSS - TOKEN)
    for call, sender in (
        (sdk.refund_call(book, paid, TOKEN, sdk.RefundReason.PRICE), world.station_owner),
        (sdk.open_dispute_call(book, paid, sdk.RefundReason.ENERGY), world.driver),
        (sdk.concede_call(book, 1, TOKEN), world.station_owner),
        (sdk.refund_call(book, debt, 2 * TOKEN, sdk.RefundReason.GOODWILL), world.station_owner),
    ):
        boa.env.raw_call(adjustments.address, sender=sender, data=call.data, gas=call.gas)
    assert adjustments.adjustment(paid.outcome.session_id) == (0, 2 * TOKEN, 0, 0, 1)
    assert adjustments.adjustment(debt.outcome.session_id) == (0, 0, 0, 2 * TOKEN, 0)
    top_up(world, poor, 20 * TOKEN)
    boa.env.raw_call(adjustments.address, data=sdk.collect_call(book, debt).data)
    assert adjustments.adjustment(debt.outcome.session_id)[0] == GROSS - 3 * TOKEN


def test_every_function_is_in_the_specification() -> None:
    text = section()
    names = {one["name"] for one in artifact("Adjustments")["abi"] if one["type"] == "function"}
    assert not {name for name in names if f"`{name}(" not in text}


def test_the_events_are_those_of_the_specification() -> None:
    text = section()
    for event in events("Adjustments").values():
        arguments = ", ".join(
            one["name"]
            + "*" * one["indexed"]
            + (f" {one['type']}" if one["type"] != "uint256" else "")
            for one in event.inputs
        )
        assert f"`{event.name}({arguments})`" in text


def test_every_test_that_an_invariant_names_exists() -> None:
    rows = [row for row in section().splitlines() if re.match(r"\| \d\d \|", row)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(30, 43))
    tests = "".join(path.read_text() for path in FOLDER.glob("test_*.py"))
    for name, file in re.findall(r"`(\w+)(\.py)?`", " ".join(row.split("|")[3] for row in rows)):
        assert (FOLDER / f"{name}.py").exists() if file else f"def {name}(" in tests
