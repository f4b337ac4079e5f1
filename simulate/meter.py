"""A virtual meter: a register that only rises and, where it signs, OCMF data sets.

OCMF as in the S.A.F.E. specification, version 1.0 (payload and signature
sections, pagination), ECDSA over SHA-256 of the payload's bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHMS: Final = {
    "secp256k1": "ECDSA-secp256k1-SHA256",
    "secp256r1": "ECDSA-secp256r1-SHA256",
}


@dataclass(frozen=True, slots=True)
class MeterReading:
    """A register reading: UTC seconds and Wh; `reason` is OCMF's `TX`, B(egin) or E(nd)."""

    at: int
    register_wh: int
    reason: str


class Meter:
    """A meter's register and, where it signs, its key and page count."""

    def __init__(
        self,
        serial: str,
        time_zone: str,
        key: ec.EllipticCurvePrivateKey | None,
        *,
        register_wh: int,
        page: int = 0,
    ) -> None:
        """Start at a register in Wh and after the last page signed; no key, no signatures."""
        self.serial = serial
        self.register_wh = register_wh
        self.page = page
        self._zone = ZoneInfo(time_zone)
        self._key = key

    @property
    def signs(self) -> bool:
        """Whether it signs its readings."""
        return self._key is not None

    @property
    def signs_separately(self) -> bool:
        """Whether begin and end are data sets of their own, as with secp256k1 meters in the field.

        The others sign both readings in one set at the end.
        """
        return self._key is not None and self._key.curve.name == "secp256k1"

    def sign(self, *readings: MeterReading) -> str:
        """Return one OCMF data set of these readings under the next page."""
        if self._key is None:
            raise ValueError(f"meter {self.serial} does not sign")
        self.page += 1
        payload = json.dumps(
            {
                "FV": "1.0",
                "GI": "ChargeCoin virtual charge point",
                "GS": self.serial,
                "GV": "1.0",
                "PG": f"T{self.page}",
                "MV": "ChargeCoin",
                "MM": "virtual meter",
                "MS": self.serial,
                "MF": "1.0",
                # The user stays out of what is signed: evidence shows it to everyone.
                "IS": False,
                "IL": "NONE",
                "IF": ["RFID_NONE", "OCPP_NONE", "ISO15118_NONE", "PLMN_NONE"],
                "IT": "NONE",
                "ID": "",
                "RD": [self._reading(reading) for reading in readings],
            },
            separators=(",", ":"),
        )
        signature = self._key.sign(payload.encode(), ec.ECDSA(hashes.SHA256()))
        return _text(payload, ALGORITHMS[self._key.curve.name], signature.hex().upper())

    def _reading(self, reading: MeterReading) -> dict[str, str]:
        local = datetime.fromtimestamp(reading.at, UTC).astimezone(self._zone)
        return {
            "TM": f"{local:%Y-%m-%dT%H:%M:%S},000{local:%z} S",
            "TX": reading.reason,
            "RV": _kwh(reading.register_wh),
            "RI": "1-b:1.8.0",
            "RU": "kWh",
            "EF": "",
            "ST": "G",
        }


def _kwh(register_wh: int) -> str:
    return str(Decimal(register_wh).scaleb(-3))


def _text(payload: str, algorithm: str, signature: str) -> str:
    return f'OCMF|{payload}|{{"SA":"{algorithm}","SD":"{signature}"}}'


def tamper(text: str, register_wh: int, raised_wh: int) -> str:
    """Return signed text with one reading raised and the signature left as it was."""
    return text.replace(f'"RV":"{_kwh(register_wh)}"', f'"RV":"{_kwh(raised_wh)}"')
