"""What a dishonest quorum signs and settles as if it were true: the bundle itself gives it away."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chargecoin import carbon
from chargecoin.sessions.metering import VOUCHED_BY_OWNER
from tests.support.chain import ATTESTERS
from tests.support.charging import START, Charging, Meter
from tests.support.evidence import (
    ACCOUNT,
    CONNECTOR,
    TARIFF,
    Settled,
    mandate_for,
    report_of,
    settled_session,
)

SIGNED = settled_session(Meter())
UNSIGNED = settled_session()


async def failed(changed: dict[str, Any], base: Settled = SIGNED) -> tuple[str, ...]:
    return (await report_of(base.anchored(changed))).failed


async def test_settling_the_honest_bundle_again_holds() -> None:
    assert await failed(SIGNED.json) == ()


async def test_a_frame_that_is_not_what_its_hash_says_fails_at_frames() -> None:
    value = SIGNED.json
    value["frames"][-1]["text"] = value["frames"][-1]["text"].replace("Accepted", "Acceptee")
    assert await failed(value) == ("frames",)


async def test_a_frame_that_names_a_driver_fails_at_frames() -> None:
    value = SIGNED.json
    text = '[2,"x","Authorize",{"idTag":"04AB076A345B85"}]'
    digest = hashlib.sha256(text.encode()).hexdigest()
    value["frames"].append({"at": 1, "from": "charge_point", "text": text, "sha256": digest})
    assert await failed(value) == ("frames",)


async def test_a_frame_that_is_no_message_fails_at_frames() -> None:
    value = SIGNED.json
    text, digest = "garbage", hashlib.sha256(b"garbage").hexdigest()
    value["frames"].append({"at": 1, "from": "charge_point", "text": text, "sha256": digest})
    assert await failed(value) == ("frames",)


@pytest.mark.parametrize(
    ("field", "value"),
    [("begin_wh", "57583"), ("end_wh", "58685.0"), ("method", "register")],
)
async def test_a_reading_that_the_frames_do_not_give_fails_at_reading(
    field: str, value: object
) -> None:
    changed = SIGNED.json
    changed["reading"][field] = value
    assert await failed(changed) == ("reading",)


async def test_energy_that_the_frames_do_not_give_fails_at_reading_though_all_else_agrees() -> None:
    """A quorum that adds a kWh and prices it rightly is caught by the frames."""
    changed = SIGNED.json
    energy = 2101
    changed["reading"]["energy_wh"] = energy
    changed["price"]["lines"][0] |= {
        "quantity": energy,
        "amount_exact": str(energy * 450_000 * 3600),
    }
    changed["price"]["gross"] = energy * 450
    changed["record"] |= {"energy_wh": energy, "gross": energy * 450}
    record = SIGNED.bundle.record
    word = replace(record, energy_wh=energy, gross=energy * 450).encode()
    changed["word"] = f"0x{word:064x}"
    assert await failed(changed) == ("reading",)


async def test_another_transaction_id_fails_at_reading() -> None:
    changed = SIGNED.json
    changed["session"]["transaction_id"] = 4712
    assert await failed(changed) == ("reading",)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("serial", "OTHER"),
        ("pagination", ["T144", "T146"]),
        ("curve", 3),
        ("fingerprint", "0x" + "00" * 32),
        ("public_key", Meter(number=8).public_key.hex()),
        ("public_key", "zz"),
        ("signed", []),
    ],
)
async def test_a_meter_that_is_not_the_one_that_signed_fails_at_signature(
    field: str, value: object
) -> None:
    changed = SIGNED.json
    changed["meter"][field] = value
    assert await failed(changed) == ("signature",)


async def test_a_tampered_signed_value_fails_at_signature_though_the_frames_carry_it() -> None:
    changed = SIGNED.json
    text = changed["meter"]["signed"][1]
    tampered = text.replace('"GI":"TEST"', '"GI":"TESS"')
    assert tampered != text
    changed["meter"]["signed"][1] = tampered
    for frame in changed["frames"]:
        if "T145" in frame["text"]:
            frame["text"] = frame["text"].replace("TEST", "TESS")
            frame["sha256"] = hashlib.sha256(frame["text"].encode()).hexdigest()
    assert await failed(changed) == ("signature",)


async def test_a_signature_left_out_fails_at_signature() -> None:
    changed = SIGNED.json | {"meter": None}
    assert (await failed(changed))[0] == "signature"


async def test_a_meter_stated_where_nothing_is_signed_fails_at_signature() -> None:
    changed = UNSIGNED.json | {"meter": SIGNED.json["meter"]}
    assert (await failed(changed, UNSIGNED))[0] == "signature"


async def test_a_key_that_the_registry_does_not_hold_fails_at_signature() -> None:
    one = settled_session(Meter())
    one.chain.keys.clear()
    assert (await report_of(one)).failed == ("signature",)


@pytest.mark.parametrize(
    "change", [{"valid_from": START + 1}, {"revoked_at": START}, {"curve": 3}, {"voucher_kind": 1}]
)
async def test_a_key_that_did_not_hold_at_the_start_fails_at_signature(
    change: dict[str, Any],
) -> None:
    one = settled_session(Meter())
    one.chain.keys = {at: key._replace(**change) for at, key in one.chain.keys.items()}
    assert (await report_of(one)).failed == ("signature",)


async def test_a_key_revoked_or_vouched_for_later_still_holds() -> None:
    one = settled_session(Meter(), voucher_kind=VOUCHED_BY_OWNER)
    one.chain.keys = {
        at: key._replace(revoked_at=START + 1, voucher_kind=3) for at, key in one.chain.keys.items()
    }
    assert (await report_of(one)).ok


@pytest.mark.parametrize(
    "change",
    [
        lambda payer: payer | {"token": "0x" + "00" * 32},
        lambda payer: payer | {"mandate": None},
        lambda payer: payer | {"signature": None},
        lambda payer: payer | {"signature": "0x" + "11" * 65},
        lambda payer: payer | {"signature": payer["signature"].upper()},
        lambda payer: payer | {"mandate": payer["mandate"] | {"tokens": []}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"max_per_session": "495449"}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"max_per_session": "-1"}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"max_per_session": "many"}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"valid_from": str(START + 1)}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"valid_until": str(START)}},
        lambda payer: payer | {"mandate": payer["mandate"] | {"account": 6}},
    ],
)
async def test_a_mandate_that_does_not_cover_the_session_fails_at_payer(
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    changed = SIGNED.json
    changed["payer"] = change(changed["payer"])
    assert await failed(changed) == ("payer",)


async def test_a_price_of_exactly_the_mandates_limit_is_covered() -> None:
    one = settled_session(max_per_session=495_450)
    assert (await report_of(one)).ok
    assert (await report_of(settled_session(max_per_session=495_449))).failed == ("payer",)


async def test_nobody_paying_by_a_mandate_fails_at_payer() -> None:
    changed = settled_session(paid=False).json
    changed["payer"] |= {"signature": "0x" + "11" * 65}
    assert await failed(changed, UNSIGNED) == ("payer",)


async def test_an_account_of_another_holder_fails_at_payer() -> None:
    one = settled_session()
    one.chain.holders[ACCOUNT] = ATTESTERS[2].address
    assert (await report_of(one)).failed == ("payer",)


@pytest.mark.parametrize(
    ("revoked_at", "expected"), [(START - 1, ("payer",)), (START, ()), (START + 1, ())]
)
async def test_a_mandate_revoked_before_the_start_fails_at_payer(
    revoked_at: int, expected: tuple[str, ...]
) -> None:
    one = settled_session()
    mandate_id = mandate_for(Charging().token).struct_hash()
    one.chain.revocations[ACCOUNT, mandate_id] = revoked_at
    assert (await report_of(one)).failed == expected


async def test_a_tariff_that_is_not_the_registrys_fails_at_price() -> None:
    one = settled_session()
    cheaper = replace(TARIFF.maximum, kwh=440_000)
    one.chain.tariffs[CONNECTOR, 1] = replace(TARIFF, minimum=cheaper, maximum=cheaper)
    assert (await report_of(one)).failed == ("price",)
    one.chain.tariffs.clear()
    assert (await report_of(one)).failed == ("price",)


async def test_a_slot_with_anything_in_its_padding_fails_at_price() -> None:
    changed = SIGNED.json
    changed["price"]["tariff"] = f"0x{TARIFF.encode() | 1:064x}"
    assert await failed(changed) == ("price",)


async def test_a_tariff_with_bounds_has_no_price_to_check() -> None:
    one = settled_session()
    bounds = replace(TARIFF, minimum=replace(TARIFF.maximum, kwh=1))
    one.chain.tariffs[CONNECTOR, 1] = bounds
    changed = one.json
    changed["price"]["tariff"] = f"0x{bounds.encode():064x}"
    assert (await report_of(one.anchored(changed))).failed == ("price",)


@pytest.mark.parametrize("change", [{"valid_from": START + 1}, {"valid_to": START}])
async def test_a_tariff_not_in_force_at_the_start_fails_at_price(change: dict[str, Any]) -> None:
    one = settled_session()
    one.chain.tariffs[CONNECTOR, 1] = replace(TARIFF, **change)
    assert (await report_of(one)).failed == ("price",)


async def test_the_next_tariff_ending_this_one_changes_no_verdict() -> None:
    one = settled_session()
    one.chain.tariffs[CONNECTOR, 1] = replace(TARIFF, valid_to=START + 1)
    assert (await report_of(one)).ok


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", 450_001),
        ("quantity", 1100),
        ("name", "power"),
        ("unit", "kWh"),
        ("amount_exact", "1"),
    ],
)
async def test_a_receipt_that_the_tariff_does_not_give_fails_at_price(
    field: str, value: object
) -> None:
    changed = SIGNED.json
    changed["price"]["lines"][0][field] = value
    assert await failed(changed) == ("price",)


async def test_a_gross_that_the_lines_do_not_add_up_to_fails_at_price() -> None:
    changed = SIGNED.json
    changed["price"]["gross"] += 1
    assert (await failed(changed))[0] == "price"


@pytest.mark.parametrize(
    "change",
    [
        {"hour_of_week": 73},
        {"grid_gco2e_per_kwh": 1},
        {"renewable_pct": 1},
        {"assurance": 2},
        {"campaign_id": 1},
        {"payer": 6},
        {"idle_s": 1},
        {"energy_wh": 1},
        {"gross": 1},
    ],
)
async def test_a_record_that_does_not_restate_the_bundle_fails_at_record(
    change: dict[str, int],
) -> None:
    changed = SIGNED.json
    changed["record"] |= change
    changed["word"] = f"0x{replace(SIGNED.bundle.record, **change).encode():064x}"
    assert await failed(changed) == ("record",)


async def test_a_word_that_is_not_the_records_fails_at_record() -> None:
    changed = SIGNED.json
    changed["word"] = f"0x{replace(SIGNED.bundle.record, gross=1).encode():064x}"
    assert await failed(changed) == ("record",)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("chain", {"chain_id": 1}),
        ("chain", {"settlement": "0x" + "11" * 20}),
        ("chain", {"registry": "0x" + "11" * 20}),
        ("session", {"charge_point": "CP-0008"}),
        ("session", {"id": "0x" + "00" * 32}),
        ("session", {"sequence": 13}),
        ("session", {"corrects": "0x" + "00" * 32}),
        ("carbon", {"gco2e_per_kwh": 178}),
        ("carbon", {"factor": "GB-2099"}),
        ("carbon", {"zone": "DE"}),
        ("carbon", {"year": 2024}),
        ("carbon", {"source": "none"}),
    ],
)
async def test_what_is_of_another_place_or_table_fails_at_record(
    part: str, change: dict[str, Any]
) -> None:
    changed = SIGNED.json
    changed[part] |= change
    assert (await failed(changed))[0] == "record"


@pytest.mark.parametrize(("year", "expected"), [(2026, ()), (2027, ("record",))])
async def test_a_factor_of_a_year_after_the_session_fails_at_record(
    year: int, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = settled_session()
    factor = carbon.Factor("GB", year, one.bundle.record.grid_gco2e_per_kwh, 127, "later")
    monkeypatch.setattr(carbon, "FACTORS", (*carbon.FACTORS, factor))
    assert (await report_of(one)).ok  # A factor published since changes no verdict.
    changed = one.json
    changed["carbon"] |= {"factor": factor.id, "year": year, "source": "later"}
    assert (await report_of(one.anchored(changed))).failed == expected


async def test_a_connector_of_another_number_or_power_fails_at_record() -> None:
    one = settled_session()
    own = one.chain.connectors[CONNECTOR]
    for change in ({"connector_number": 2}, {"max_power_w": 900}, {"evse": 0}):
        one.chain.connectors[CONNECTOR] = own._replace(**change)
        assert (await report_of(one)).failed == ("record",)


async def test_a_batch_that_settles_under_another_tariff_fails_at_proof() -> None:
    one = settled_session()
    changed = one.json
    changed["price"]["tariff_index"] = 2
    one.chain.tariffs[CONNECTOR, 2] = TARIFF
    assert (await report_of(one.anchored(changed))).failed == ("proof",)


# ------------------------------------------------------------------- exhaustively

# What only the oracles can know: when a frame reached them, and who holds the connection.
STATEMENTS = {"at", "oracle"}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in a JSON value that is not an object or a list."""
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [one for index, inner in enumerate(value) for one in leaves(inner, (*path, index))]
    return [path]


def altered(value: Any, seed: random.Random) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bool) or value is None:
        return "0x00"
    if isinstance(value, int | float):
        return value + seed.choice([-1, 1, 256, 1 << 20])
    if not value:
        return "x"
    position = seed.randrange(len(value))
    other = seed.choice([c for c in "0123456789abcdefT" if c != value[position]])
    return value[:position] + other + value[position + 1 :]


@pytest.mark.parametrize("base", [SIGNED, UNSIGNED], ids=["signed", "unsigned"])
async def test_every_value_that_is_not_the_oracles_own_word_is_checked(base: Settled) -> None:
    """Each value is changed in turn and settled as if it were true: a step must notice."""
    unnoticed = []
    seed = random.Random(7)
    for path in leaves(base.json):
        if STATEMENTS & set(path) or path == ("word",):  # A word is settled as it stands.
            continue
        changed = base.json
        inner = changed
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = altered(inner[path[-1]], seed)
        if (await report_of(base.anchored(changed))).ok:
            unnoticed.append(path)
    assert unnoticed == []
