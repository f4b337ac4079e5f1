"""The session list's filter, as it stands in the address."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from chargecoin.record import Status
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from indexer.read_model import SessionFilter

STATUSES: Final = {
    "settled": int(Status.SETTLED),
    "unfunded": int(Status.UNFUNDED),
    "rejected": int(Status.REJECTED),
}


def way_back(text: str, otherwise: str = "/") -> str:
    """Return a path on this site, whatever an address says."""
    own = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if own and text.isprintable() else otherwise


def number_of(values: Mapping[str, str], name: str, highest: int) -> int | None:
    """Return a whole number, None where the field is empty. Raises `BadAddressError`."""
    text = values.get(name, "").strip()
    if not text:
        return None
    if not (text.isdecimal() and int(text) <= highest):
        raise BadAddressError(
            gettext(
                "%(name)s is a whole number up to %(highest)s, not %(text)s",
                name=name,
                highest=highest,
                text=repr(text),
            )
        )
    return int(text)


def choice_of(values: Mapping[str, str], name: str, choices: Collection[str]) -> str | None:
    """Return one of some words, None where the field is empty. Raises `BadAddressError`."""
    text = values.get(name, "").strip()
    if text and text not in choices:
        raise BadAddressError(
            gettext(
                "%(name)s is one of %(choices)s, not %(text)s",
                name=name,
                choices=", ".join(choices),
                text=repr(text),
            )
        )
    return text or None


def day_of(values: Mapping[str, str], name: str) -> date | None:
    """Return a date, None where the field is empty. Raises `BadAddressError`."""
    text = values.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadAddressError(
            gettext(
                "%(name)s is a date such as 2026-11-22, not %(text)s", name=name, text=repr(text)
            )
        ) from None


def month_of(values: Mapping[str, str], name: str) -> date:
    """Return the first day of a month written as 2026-11. Raises `BadAddressError`."""
    text = values.get(name, "").strip()
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise BadAddressError(
            gettext("%(name)s is a month such as 2026-11, not %(text)s", name=name, text=repr(text))
        ) from None


def money_of(values: Mapping[str, str], name: str, highest: int) -> int | None:
    """Return an amount such as 0.45 or 0,45 in millionths, None where the field is empty.

    Exact or refused: raises `BadAddressError` for more than six decimals.
    """
    text = values.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?", text)
    amount = int(found[1] + (found[2] or "").ljust(6, "0")) if found else -1
    if not 0 <= amount <= highest:
        raise BadAddressError(
            gettext(
                "%(name)s is an amount from 0 to %(highest)s with six decimals at most, "
                "not %(text)s",
                name=name,
                highest=format(highest / 1_000_000, "g"),
                text=repr(text),
            )
        )
    return amount


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """What the list is narrowed to; `after` is the key that the page continues from."""

    site: int | None = None
    connector: int | None = None
    status: str | None = None
    reason: int | None = None
    assurance: int | None = None
    campaign: int | None = None
    since: date | None = None
    until: date | None = None
    after: int | None = None

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> SessionQuery:
        """Read an address; empty fields, as forms send them, narrow nothing.

        Raises `BadAddressError`.
        """
        status = choice_of(values, "status", STATUSES)
        return cls(
            site=number_of(values, "site", (1 << 32) - 1),
            connector=number_of(values, "connector", (1 << 32) - 1),
            status=status,
            reason=number_of(values, "reason", 255),
            assurance=number_of(values, "assurance", 3),
            campaign=number_of(values, "campaign", (1 << 32) - 1),
            since=day_of(values, "since"),
            until=day_of(values, "until"),
            after=number_of(values, "after", (1 << 62) - 1),
        )

    @property
    def any(self) -> bool:
        """Whether it narrows anything."""
        return replace(self, after=None) != SessionQuery()

    def selection(self, owner_id: int) -> SessionFilter:
        """Return it as the read model takes it."""
        return SessionFilter(
            owner_id=owner_id,
            site_id=self.site,
            connector_id=self.connector,
            status=STATUSES.get(self.status or ""),
            reason=self.reason,
            assurance=self.assurance,
            campaign_id=self.campaign,
            since=self.since,
            until=self.until,
        )

    def address(self, **changes: Any) -> str:
        """Return the query string of this filter with some fields changed."""
        values = {k: v for k, v in asdict(replace(self, **changes)).items() if v is not None}
        return "?" + urlencode({name: str(value) for name, value in values.items()})
