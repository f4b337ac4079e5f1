"""What needs an owner's attention, each with the list behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chargecoin.record import Reason, Status
from dashboard.formats import Formats
from dashboard.words import CHARGER, REASON
from indexer.read_model import ReasonCount, Site, Utilisation


@dataclass(frozen=True, slots=True)
class Attention:
    """One matter: its tone, its name, what it means, and where the list of it is."""

    tone: str
    name: str
    meaning: str
    href: str


# What a session is called here, by its reason; a rejected one is called that.
_WHAT: Final = {
    int(Reason.BALANCE_SHORT): "short of money in the vault",
    int(Reason.LIMIT_SHORT): "over the payer's limit for the day",
    int(Reason.NO_PAYER): "without a vault",
    int(Reason.UNKNOWN_ACCOUNT): "of an account that does not exist",
}


def _plural(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _sessions(base: str, counted: ReasonCount, formats: Formats) -> Attention:
    rejected = counted.status == Status.REJECTED
    name = (
        f"{formats.number(counted.sessions)} {_plural(counted.sessions, 'session', 'sessions')} "
        f"{_WHAT.get(counted.reason, 'rejected')}"
    )
    owed = f" {formats.money_plain(counted.debt)} is owed." if counted.debt else ""
    status = "rejected" if rejected else "unfunded"
    return Attention(
        tone="bad" if rejected else "info" if counted.reason == Reason.NO_PAYER else "warn",
        name=name,
        meaning=REASON[counted.reason] + owed,
        href=f"{base}/sessions?status={status}&reason={counted.reason}",
    )


def gather(
    base: str,
    *,
    exceptions: tuple[ReasonCount, ...],
    utilisation: Utilisation,
    sites: tuple[Site, ...],
    quarantined: int | None,
    formats: Formats,
) -> tuple[Attention, ...]:
    """Return what an owner should look at, worst first. `base` is the owner's own address."""
    found = [_sessions(base, one, formats) for one in exceptions]
    for use in ("faulted", "offline", "unknown"):
        count = utilisation.counts[use]
        if count:
            word = CHARGER[use]
            found.append(
                Attention(
                    tone="bad" if use == "faulted" else "warn",
                    name=f"{formats.number(count)} {_plural(count, 'connector', 'connectors')} "
                    f"{word.name.lower()}",
                    meaning=word.meaning,
                    href=f"{base}/chargers?use={use}",
                )
            )
    if quarantined:
        found.append(
            Attention(
                tone="warn",
                name=f"{formats.number(quarantined)} "
                f"{_plural(quarantined, 'session', 'sessions')} held back",
                meaning="The oracle could not make a session of what the charger sent; nothing "
                "was settled for them.",
                href=f"{base}/quarantine",
            )
        )
    found += [
        Attention(
            tone="warn",
            name=f"{site.name} has no known time zone",
            meaning=f"{site.time_zone!r} is not a time zone; its days are counted in UTC.",
            href=f"{base}/sessions?site={site.site_id}",
        )
        for site in sites
        if not site.time_zone_known
    ]
    order = {"bad": 0, "warn": 1, "info": 2}
    return tuple(sorted(found, key=lambda one: order[one.tone]))
