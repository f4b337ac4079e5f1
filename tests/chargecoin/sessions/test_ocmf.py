"""OCMF, on data sets of real meters and of our own on every curve."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given
from hypothesis import strategies as st

from chargecoin.errors import CodecError, SignatureInvalidError
from chargecoin.sessions import ocmf
from chargecoin.typed_data import CURVE_ORDER
from tests.support.charging import CURVES, START, Meter

DATA = (
    Path(os.environ.get("CHARGECOIN_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
    / "ocmf"
)
FILES = {
    "OCMF_Test_Data_00.xml": ("ECDSA-secp256k1-SHA256", 2),
    "VW_OCMF_load.xml": ("ECDSA-secp256r1-SHA256", 1),
    "keba_test.xml": ("ECDSA-secp256r1-SHA256", 100),
    "nistP384_0Wh.xml": ("ECDSA-secp384r1-SHA256", 2),
    "ocmf_tariff_1.xml": ("ECDSA-secp256r1-SHA256", 1),
    "test_ocmf_keba_kcp30.xml": ("ECDSA-secp256r1-SHA256", 1),
    "test_ocmf_transaction_two_values.xml": ("ECDSA-secp192k1-SHA256", 2),
}
# The orders of the curves' generators (SEC 2; RFC 5639).
ORDERS = {
    "ECDSA-secp192r1-SHA256": 0xFFFFFFFFFFFFFFFFFFFFFFFF99DEF836146BC9B1B4D22831,
    "ECDSA-secp256k1-SHA256": CURVE_ORDER,
    "ECDSA-secp256r1-SHA256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ECDSA-secp384r1-SHA256": int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
        "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
        16,
    ),
    "ECDSA-brainpool256r1-SHA256": int(
        "A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7", 16
    ),
    "ECDSA-brainpool384r1-SHA256": int(
        "8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B31F166E6CAC0425A7"
        "CF3AB6AF6B7FC3103B883202E9046565",
        16,
    ),
}
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no OCMF data at {DATA}")


def values_of(name: str) -> list[tuple[str, bytes]]:
    """Return the signed texts of a transparency-software file, each with the key beside it."""
    found = re.findall(
        r"<signedData[^>]*>(.*?)</signedData>\s*<publicKey[^>]*>(.*?)</publicKey>",
        (DATA / name).read_text("utf-8-sig"),
        re.DOTALL,
    )
    return [(html.unescape(text), _key(re.sub(r"\s", "", key))) for text, key in found]


def _key(text: str) -> bytes:
    return bytes.fromhex(text) if re.fullmatch("[0-9A-Fa-f]+", text) else base64.b64decode(text)


@needs_data
@pytest.mark.parametrize("name", FILES)
def test_values_of_real_meters_verify(name: str) -> None:
    algorithm, count = FILES[name]
    values = values_of(name)
    assert len(values) == count
    for text, key in values:
        document = ocmf.parse(text)
        assert document.algorithm == algorithm
        ocmf.verify(document, key)


@needs_data
def test_a_real_value_that_was_altered_fails() -> None:
    [(text, key)] = values_of("test_ocmf_keba_kcp30_fail.xml")
    with pytest.raises(SignatureInvalidError, match="page T32, does not verify"):
        ocmf.verify(ocmf.parse(text), key)


@needs_data
def test_a_real_value_beside_anothers_key_fails() -> None:
    (first, first_key), (second, second_key) = values_of("second_key_fail_ocmf.xml")
    ocmf.verify(ocmf.parse(first), first_key)
    with pytest.raises(SignatureInvalidError, match="under a key of secp256r1"):
        ocmf.verify(ocmf.parse(second), second_key)
    ocmf.verify(ocmf.parse(second), first_key)


@needs_data
@pytest.mark.parametrize("name", FILES)
def test_any_character_of_a_real_payload_changed_fails(name: str) -> None:
    text, key = values_of(name)[0]
    document = ocmf.parse(text)
    head, payload, tail = text.split("|")
    positions = range(0, len(payload), max(1, len(payload) // 12))
    for position in positions:
        other = "1" if payload[position] != "1" else "2"
        changed = payload[:position] + other + payload[position + 1 :]
        with pytest.raises((CodecError, SignatureInvalidError)):
            ocmf.verify(ocmf.parse(f"{head}|{changed}|{tail}"), key)
    ocmf.verify(document, key)


@needs_data
def test_what_real_meters_write_is_read() -> None:
    begin = ocmf.parse(values_of("OCMF_Test_Data_00.xml")[0][0])
    assert (begin.pagination, begin.serial) == ("T198", "1DZG0033016824")
    assert begin.readings[0].value_wh == 9038  # written as a text with blanks, "       9.038"
    vw = ocmf.parse(values_of("VW_OCMF_load.xml")[0][0])
    assert [(one.reason, one.register, one.value_wh) for one in vw.readings] == [
        ("B", "1", Decimal(57_584)),
        ("B", "", None),  # export, 2.8.0
        ("E", "1", Decimal(58_685)),
        ("E", "", None),
    ]
    assert vw.readings[1].at == vw.readings[0].at == 1_633_518_836
    assert vw.readings[2].time_status == "R"
    keba = ocmf.parse(values_of("keba_test.xml")[0][0])
    assert keba.serial == "16913115"  # it names the gateway only
    assert keba.readings[0].at == 109  # a clock that was never set
    assert keba.readings[0].time_status == "U"


@pytest.mark.parametrize("algorithm", CURVES)
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_every_curve_and_encoding_verifies(algorithm: str, encoding: str) -> None:
    meter = Meter(algorithm)
    payload = meter.sign(meter.reading("B", "1.000", START)).split("|")[1]
    document = ocmf.parse(meter.sign_text(payload, encoding))
    ocmf.verify(document, meter.public_key)
    with pytest.raises(SignatureInvalidError):
        ocmf.verify(document, Meter(algorithm, number=8).public_key)


@pytest.mark.parametrize("algorithm", CURVES)
@pytest.mark.parametrize("high", [False, True])
def test_a_signature_verifies_with_either_s(algorithm: str, high: bool) -> None:
    meter = Meter(algorithm)
    head, payload, section = meter.sign(meter.reading("B", "1", START)).split("|")
    order = ORDERS[algorithm]
    r, s = decode_dss_signature(bytes.fromhex(json.loads(section)["SD"]))
    other = encode_dss_signature(r, max(s, order - s) if high else min(s, order - s)).hex()
    text = f'{head}|{payload}|{{"SA":"{algorithm}","SD":"{other}"}}'
    ocmf.verify(ocmf.parse(text), meter.public_key)
    for wrong in (0, order, 2 * order + s):
        data = encode_dss_signature(r, wrong).hex()
        text = f'{head}|{payload}|{{"SA":"{algorithm}","SD":"{data}"}}'
        with pytest.raises(SignatureInvalidError):
            ocmf.verify(ocmf.parse(text), meter.public_key)


def test_the_curve_of_the_algorithm_must_be_the_keys() -> None:
    meter = Meter("ECDSA-secp256k1-SHA256")
    document = ocmf.parse(meter.sign(meter.reading("B", "1", START)))
    with pytest.raises(SignatureInvalidError, match="under a key of secp256r1"):
        ocmf.verify(document, Meter("ECDSA-secp256r1-SHA256").public_key)


def test_the_algorithm_is_secp256r1_where_none_is_said() -> None:
    meter = Meter()
    head, payload, section = meter.sign(meter.reading("B", "1", START)).split("|")
    data = json.loads(section)["SD"]
    document = ocmf.parse(f'{head}|{payload}|{{"SD":"{data}"}}')
    assert document.algorithm == "ECDSA-secp256r1-SHA256"
    ocmf.verify(document, meter.public_key)


def test_base64_is_read_where_it_is_not_said() -> None:
    meter = Meter()
    payload = meter.sign(meter.reading("B", "1", START)).split("|")[1]
    head, payload, section = meter.sign_text(payload, "base64").split("|")
    unsaid = {name: value for name, value in json.loads(section).items() if name != "SE"}
    ocmf.verify(ocmf.parse(f"{head}|{payload}|{json.dumps(unsaid)}"), meter.public_key)


def test_an_unknown_algorithm_verifies_nothing() -> None:
    meter = Meter()
    text = meter.sign(meter.reading("B", "1", START)).replace("secp256r1", "secp521r1")
    with pytest.raises(SignatureInvalidError, match="unknown signature algorithm"):
        ocmf.verify(ocmf.parse(text), meter.public_key)


@pytest.mark.parametrize("signature", ["", "00", "3006020100020100", "ff" * 72])
def test_a_signature_that_is_none_verifies_nothing(signature: str) -> None:
    meter = Meter()
    head, payload, _ = meter.sign(meter.reading("B", "1", START)).split("|")
    document = ocmf.parse(f'{head}|{payload}|{{"SD":"{signature}"}}')
    with pytest.raises(SignatureInvalidError):
        ocmf.verify(document, meter.public_key)


def test_a_signature_on_secp192k1_that_is_none_verifies_nothing() -> None:
    spki = bytes.fromhex("3046301006072a8648ce3d020106052b8104001f03320004") + bytes(48)
    document = ocmf.parse(
        'OCMF|{"PG":"T1","RD":[]}|{"SA":"ECDSA-secp192k1-SHA256","SD":"3006020101020101"}'
    )
    with pytest.raises(SignatureInvalidError):
        ocmf.verify(document, spki)


@pytest.mark.parametrize("key", [b"", b"garbage", bytes(72)])
def test_a_key_that_is_none_is_refused(key: bytes) -> None:
    meter = Meter()
    with pytest.raises(CodecError, match="not a public key"):
        ocmf.verify(ocmf.parse(meter.sign(meter.reading("B", "1", START))), key)


@pytest.mark.parametrize(
    ("obis", "register"),
    [
        ("1-b:1.8.0", "1"),
        ("1-0:1.8.0*255", "1"),
        ("01-00:01.08.00.FF", "1"),
        ("01-00:B2.08.00*FF", "B2"),
        ("01-00:98.08.00.FF", "98"),
        ("1-0:2.8.0", ""),  # export
        ("01-00:C2.08.00*FF", ""),  # export
        ("1-b:1.9.0", ""),  # a difference, not a register
        ("01-00:00.08.06.FF", ""),  # a duration
        ("1-0:1.7.0", ""),  # power
        ("energy", ""),
    ],
)
def test_import_registers_are_told_from_other_quantities(obis: str, register: str) -> None:
    meter = Meter()
    [reading] = ocmf.parse(meter.sign(meter.reading("B", "1.5", START, RI=obis))).readings
    assert reading.register == register
    assert reading.value_wh == (1500 if register else None)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (Decimal("0.2596"), "kWh", Decimal("259.6")),
        ("       9.038", "kWh", Decimal(9038)),
        (259, "Wh", Decimal(259)),
        (259, "mOhm", None),
        ("x", "kWh", None),
    ],
)
def test_energy_is_exact_in_its_unit(value: Any, unit: str, expected: Decimal | None) -> None:
    meter = Meter()
    [reading] = ocmf.parse(meter.sign(meter.reading("B", "0", START, RV=value, RU=unit))).readings
    assert reading.value_wh == expected


def test_a_field_left_out_has_the_previous_readings_value() -> None:
    meter = Meter()
    first = meter.reading("B", "1", START)
    document = ocmf.parse(meter.sign(first, {"TX": "C", "RV": 2}, {"RV": 3}, {"TX": "E", "RV": 4}))
    assert [one.reason for one in document.readings] == ["B", "C", "C", "E"]
    assert {one.at for one in document.readings} == {START}
    assert {one.status for one in document.readings} == {"G"}
    assert [one.value_wh for one in document.readings] == [1000, 2000, 3000, 4000]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OCMF",
        "OCMF|{}",
        'OCMF|{"PG":"T1","RD":[]}|{}|{}',
        'XXXX|{"PG":"T1","RD":[]}|{}',
        "OCMF|[]|{}",
        "OCMF|{|{}",
        'OCMF|{"RD":[]}|{}',
        'OCMF|{"PG":"T","RD":[]}|{}',
        'OCMF|{"PG":"X1","RD":[]}|{}',
        'OCMF|{"PG":"T1"}|{}',
        'OCMF|{"PG":"T1","RD":[1]}|{}',
        'OCMF|{"PG":"T1","RD":[]}|{"SD":"?"}',
        'OCMF|{"PG":"T1","RD":[]}|{"SD":"00","SM":"text/plain"}',
        "OCMF|" + "[" * 100_000 + "|{}",
    ],
)
def test_what_is_no_ocmf_is_refused(text: str) -> None:
    with pytest.raises(CodecError):
        ocmf.parse(text)


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for attempt in (text, f"OCMF|{text}|{text}", "{" + text, f'OCMF|{{"PG":"T1","RD":[]}}|{text}'):
        for function in (ocmf.parse, ocmf.extract):
            with contextlib.suppress(CodecError):
                function(attempt)


TEXT = 'OCMF|{"PG":"T1","RD":[]}|{"SD":"00"}'
BASE64 = base64.b64encode(TEXT.encode()).decode()


@pytest.mark.parametrize(
    "carried",
    [
        TEXT,
        f"  {TEXT}\n",
        TEXT.encode().hex(),
        TEXT.encode().hex().upper(),
        BASE64,
        f"{BASE64[:20]}\r\n{BASE64[20:]}",
        json.dumps({"signedMeterValue": BASE64, "encodingMethod": "OCMF", "publicKey": ""}),
        json.dumps({"signedMeterData": BASE64, "signingMethod": "", "encodingMethod": "OCMF"}),
        json.dumps({"signedMeterData": TEXT}),
        json.dumps({"signedMeterData": TEXT.encode().hex()}),
    ],
)
def test_ocmf_is_found_however_ocpp_carries_it(carried: str) -> None:
    assert ocmf.extract(carried) == TEXT


@pytest.mark.parametrize(
    "carried",
    [
        "",
        "12.5",
        "zz",
        "abcd",
        BASE64[:-1],
        "{}",
        '{"signedMeterData":5}',
        '{"signedMeterData":"{}"}',
        "{",
    ],
)
def test_what_carries_no_ocmf_is_refused(carried: str) -> None:
    with pytest.raises(CodecError):
        ocmf.extract(carried)
