"""Public keys of meters, in the forms in which people have them."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from chargecoin.errors import CodecError
from chargecoin.sessions import ocmf
from chargecoin.sessions.meter_keys import MAX_TEXT, find_sample, read_key
from tests.support.charging import CURVES, START, Meter

SHARED: Final = Path(__file__).parents[4] / "shared" / "data"
DATA: Final = Path(os.environ.get("CHARGECOIN_SHARED_DATA", SHARED)) / "ocmf"


def pem(der: bytes) -> str:
    """Return a key as openssl writes it."""
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n"


FORMS: Final[dict[str, Callable[[bytes], str]]] = {
    "hex": lambda der: der.hex().upper(),
    "hex with 0x": lambda der: "0x" + der.hex(),
    "hex in lines": lambda der: "\n".join(der.hex(" ")[at : at + 48] for at in range(0, 400, 48)),
    "base64": lambda der: base64.b64encode(der).decode(),
    "PEM": pem,
    "OCA": lambda der: f"oca:base16:asn1:{der.hex()}",
    "OCA in base64": lambda der: base64.b64encode(f"oca:base16:asn1:{der.hex()}".encode()).decode(),
    "OCPP": lambda der: json.dumps({"signedMeterData": "", "publicKey": der.hex()}),
    "XML": lambda der: f'<values><publicKey encoding="plain">{der.hex()}</publicKey></values>',
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("algorithm", CURVES)
def test_a_key_is_read_and_its_curve_recognised(algorithm: str, form: str) -> None:
    meter = Meter(algorithm)
    key = read_key(FORMS[form](meter.public_key))
    assert (key.der, key.curve) == (meter.public_key, CURVES[algorithm][0])
    assert key.name == ocmf.CURVES[algorithm]
    assert key.fingerprint == meter.key().fingerprint


@pytest.mark.parametrize("algorithm", CURVES)
def test_a_bare_point_is_read_where_a_sample_names_the_curve(algorithm: str) -> None:
    meter = Meter(algorithm)
    point = meter.public_key[-(CURVES[algorithm][1]().key_size // 4) :]
    sample = find_sample(meter.sign(meter.reading("B", "1.000", START)))
    assert sample is not None
    for text in (point.hex(), "04" + point.hex()):
        assert read_key(text, sample).der == meter.public_key
        with pytest.raises(CodecError, match="add a sample"):
            read_key(text)


def test_the_early_meters_curve_is_read_too() -> None:
    # The generator of secp192k1 (SEC 2, section 2.2.1), as a key.
    point = (
        "DB4FF10EC057E9AE26B07D0280B7F4341DA5D1B1EAE06C7D"
        "9B2F2F6D9C5628A7844163D015BE86344082AA88D95E2F9D"
    )
    signed = (
        Meter()
        .sign_text('{"PG":"T1","RD":[]}')
        .replace("ECDSA-secp256r1-SHA256", "ECDSA-secp192k1-SHA256")
    )
    key = read_key(point, find_sample(signed))
    assert key.name == "secp192k1"
    assert read_key(key.der.hex()) == key


def test_a_sample_is_found_in_what_carries_it() -> None:
    meter = Meter()
    text = meter.sign(meter.reading("B", "1.000", START))
    carriers = (
        text,
        text.encode().hex(),
        json.dumps({"signedMeterData": base64.b64encode(text.encode()).decode()}),
        f"<values><value><signedData format='OCMF'>{text}</signedData></value></values>",
    )
    for carrier in carriers:
        sample = find_sample(carrier)
        assert sample is not None
        assert sample.serial == meter.serial
        ocmf.verify(sample, meter.public_key)
    assert find_sample("no sample") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "neither a key in DER nor the point"),
        ("not a key", "hex, base64 or PEM"),
        ("3003020101", "no public key"),
        ("00" * 200, "is all of it there"),
        ("a" * (MAX_TEXT + 1), "at most 512 kB"),
        # An Ed25519 key (RFC 8410, section 10.1).
        ("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=", "of another kind"),
    ],
)
def test_what_is_no_key_is_refused_with_what_to_do(text: str, words: str) -> None:
    with pytest.raises(CodecError, match=words):
        read_key(text)


@pytest.mark.skipif(not DATA.exists(), reason=f"no real signed meter values at {DATA}")
@pytest.mark.parametrize("name", ["VW_OCMF_load", "keba_test", "nistP384_0Wh", "OCMF_Test_Data_00"])
def test_keys_and_samples_of_real_meters_are_read_from_their_files(name: str) -> None:
    text = (DATA / f"{name}.xml").read_text(encoding="utf-8", errors="replace")
    sample = find_sample(text)
    assert sample is not None
    ocmf.verify(sample, read_key(text, sample).der)
