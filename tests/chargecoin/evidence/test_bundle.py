"""Building bundles, and their form (docs/evidence.md)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chargecoin import canonical
from chargecoin.errors import (
    ConfigurationError,
    EvidenceCheckError,
    EvidenceError,
    FieldRangeError,
)
from chargecoin.evidence import checks
from chargecoin.evidence.bundle import Payer, SessionRef, Terms, build, hour_of_week
from chargecoin.evidence.format import (
    Bundle,
    Proof,
    evidence_hash,
    from_bytes,
    hexed,
    to_bytes,
    unhexed,
    word_hex,
)
from chargecoin.record import GRID_UNKNOWN, RENEWABLE_UNKNOWN, SessionRecord
from chargecoin.sessions.metering import read
from chargecoin.sessions.transaction import fold
from chargecoin.tariff import Prices, Tariff
from tests.support.chain import DEPLOYMENT
from tests.support.charging import START, Charging, Meter, signed_session
from tests.support.evidence import ORACLE, SALT, TARIFF, settled_session

SESSION = SessionRef(7, 12, "CP-0007", 4711, "Europe/London")


def built(charging: Charging | None = None, **changes: Any) -> Bundle:
    charging = charging or Charging().start().stop()
    arguments: dict[str, Any] = {
        "deployment": DEPLOYMENT,
        "oracle": ORACLE.address,
        "session": SESSION,
        "frames": charging.frames,
        "reading": read(fold(charging.frames)),
        "payer": Payer(SALT),
        "terms": Terms(1, TARIFF),
        "factor": None,
    }
    return build(**(arguments | changes))


def test_a_bundle_survives_its_bytes() -> None:
    for one in (settled_session(Meter()), settled_session(), settled_session(paid=False)):
        assert to_bytes(from_bytes(one.data)) == one.data
        assert canonical.loads(one.data)["version"] == 1
        assert evidence_hash(one.data) == keccak(one.data)


def test_a_bundle_states_what_the_page_says() -> None:
    value = settled_session(Meter()).json
    assert set(value) == {
        *("version", "chain", "session", "source", "frames", "reading", "meter", "payer"),
        *("price", "carbon", "campaign", "record", "word"),
    }
    first = value["frames"][0]
    assert first["from"] == "charge_point"
    assert first["sha256"] == hashlib.sha256(first["text"].encode()).hexdigest()
    assert value["reading"] == {
        "method": "ocmf",
        "started_at": START,
        "ended_at": START + 3600,
        "begin_wh": "57584",
        "end_wh": "58685",
        "energy_wh": 1101,
        "idle_s": 300,
        "clock": "charge_point",
    }
    assert value["price"]["gross"] == 495_450
    assert value["session"]["id"] == "0x" + f"{7 << 64 | 12:064x}"
    assert value["payer"]["mandate"]["max_per_session"] == "50000000"
    assert value["carbon"]["factor"].startswith("GB-")


def test_the_record_is_the_word() -> None:
    bundle = built()
    assert SessionRecord.decode(int(bundle.word, 16)) == bundle.record
    assert bundle.record.hour_of_week == 3 * 24
    assert bundle.record.gross == bundle.price.gross == 495_450


def test_where_no_factor_is_known_the_record_says_so() -> None:
    bundle = built()
    assert bundle.carbon is None
    assert bundle.record.grid_gco2e_per_kwh == GRID_UNKNOWN
    assert bundle.record.renewable_pct == RENEWABLE_UNKNOWN


def test_no_token_is_left_in_a_bundle_of_redacted_frames() -> None:
    assert Charging().token.encode() not in settled_session(Meter()).data


def test_a_signed_reading_needs_the_key_it_was_verified_under() -> None:
    charging = signed_session(Meter())
    with pytest.raises(EvidenceError, match="use `measure`"):
        built(charging, reading=read(fold(charging.frames)))


def test_a_tariff_with_bounds_has_no_price_yet() -> None:
    bounds = Tariff(START, START + 1, Prices(1, 0, 0, 0), Prices(2, 0, 0, 0))
    with pytest.raises(EvidenceError, match="flat"):
        built(terms=Terms(1, bounds))


def test_a_price_that_the_record_cannot_hold_is_refused() -> None:
    dear = Tariff.flat(Prices((1 << 27) - 1, 0, 0, 0), START)
    charging = Charging().start(meter=0).stop(meter=(1 << 24) - 1)
    with pytest.raises(FieldRangeError, match="gross"):
        built(charging, terms=Terms(1, dear))


@given(st.integers(0, (1 << 32) - 1), st.sampled_from(["UTC", "Europe/London", "Asia/Kolkata"]))
def test_the_hour_of_week_is_the_sites_local_one(at: int, zone: str) -> None:
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    hour = hour_of_week(at, zone)
    assert divmod(hour, 24) == (local.weekday(), local.hour)
    assert 0 <= hour < 168


def test_summer_time_moves_the_hour() -> None:
    winter = int(datetime(2026, 3, 29, 0, 59, tzinfo=UTC).timestamp())
    assert hour_of_week(winter, "Europe/London") == 6 * 24
    assert hour_of_week(winter + 120, "Europe/London") == 6 * 24 + 2


@pytest.mark.parametrize("zone", ["Nowhere/Else", "", "../etc/passwd"])
def test_a_zone_that_is_none_is_a_matter_of_the_registry(zone: str) -> None:
    with pytest.raises(ConfigurationError, match="registry"):
        hour_of_week(START, zone)


def without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if key != name}


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value | {"version": 2},
        lambda value: value | {"note": "x"},
        lambda value: without(value, "carbon"),
        lambda value: value | {"campaign": {}},
        lambda value: value | {"word": 7},
        lambda value: value | {"frames": None},
        lambda value: value | {"source": value["source"] | {"kind": "ocpp9"}},
        lambda value: value | {"session": value["session"] | {"connector_id": 1 << 32}},
        lambda value: value | {"session": value["session"] | {"connector_id": -1}},
        lambda value: value | {"reading": value["reading"] | {"energy_wh": "1101"}},
        lambda value: value | {"reading": value["reading"] | {"extra": 1}},
        lambda value: value | {"record": value["record"] | {"extra": 1}},
        lambda value: value | {"record": without(value["record"], "gross")},
    ],
)
def test_what_is_not_the_format_is_refused(change: Any) -> None:
    with pytest.raises(EvidenceError):
        from_bytes(canonical.dumps(change(settled_session().json)))


def test_bytes_that_are_not_canonical_are_refused() -> None:
    with pytest.raises(EvidenceError, match="canonical"):
        from_bytes(settled_session().data + b"\n")


def test_a_proof_survives_json() -> None:
    proof = settled_session().proof
    data = canonical.dumps(proof.to_json())
    assert Proof.from_json(data) == proof
    assert Proof.from_json(data.decode()) == proof
    assert Proof.from_json(proof.to_json()) == proof


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", None, {"session_id": 1}, "x"])
def test_what_is_no_proof_is_refused(value: Any) -> None:
    with pytest.raises(EvidenceError, match="not a proof"):
        Proof.from_json(value)


def test_a_proof_out_of_range_is_refused() -> None:
    value = settled_session().proof.to_json()
    for change in ({"index": -1}, {"epoch": 1 << 53}, {"path": "x"}):
        with pytest.raises(EvidenceError, match="not a proof"):
            Proof.from_json(value | change)


@given(st.binary(max_size=40))
def test_hex_is_read_back(data: bytes) -> None:
    assert unhexed(hexed(data)) == data
    assert unhexed(hexed(data), len(data)) == data


@pytest.mark.parametrize("text", ["", "0x0", "00", "0xAB", "0xzz", "0x 00", "0x00 "])
def test_hex_has_one_form(text: str) -> None:
    with pytest.raises(EvidenceError):
        unhexed(text)


def test_hex_of_another_size_is_refused() -> None:
    with pytest.raises(EvidenceError, match="32"):
        unhexed("0x00", 32)
    assert word_hex(1) == "0x" + "00" * 31 + "01"


def test_an_attester_runs_the_same_checks_before_there_is_a_proof() -> None:
    one = settled_session(Meter())
    bundle = one.bundle
    place = checks.Place("CP-0007", 1, 22_000, "Europe/London", "GB")
    [key] = one.chain.keys.values()
    assert checks.check_frames(bundle)
    assert checks.check_reading(bundle)
    assert checks.check_signature(bundle, key)
    holder = one.chain.holders[5]
    assert checks.check_payer(bundle, DEPLOYMENT.domain, holder=holder, revoked_at=0)
    assert checks.check_price(bundle, TARIFF.encode())
    assert checks.check_record(bundle, DEPLOYMENT, place)
    with pytest.raises(EvidenceCheckError) as caught:
        checks.check_record(bundle, DEPLOYMENT, replace(place, connector_number=2))
    assert caught.value.step == "record"
