"""What needs an owner's attention, each with the list behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from chargecoin.record import Reason, Status
from dashboard.exceptions import LATE_S, Line
from dashboard.formats import Formats
from dashboard.language import gettext, ngettext
from dashboard.words import CHARGER, EXCEPTION, REASON, WHAT_TO_DO
from indexer.read_model import (
    Campaign,
    Dispute,
    PayoutFailure,
    PayoutPlan,
    ReasonCount,
    Site,
    Utilisation,
)

# A budget of which less is left than this part of what was put in is nearly spent.
NEARLY_SPENT: Final = 10
# Sessions are looked at for so long; what payers owe stands among the receivables after it.
RECENT_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Attention:
    """One matter: its tone, its name, what it means, and where the list of it is."""

    tone: str
    name: str
    meaning: str
    href: str


@dataclass(frozen=True, slots=True)
class Concerns:
    """What is looked at. `since` is from when on sessions are, `yesterday` failed starts.

    `exceptions` and `remarks` (by kind) count sessions of the chain since then, `open` is what
    only oracles tell of; `disputes` are open ones, `disputed` how many there are in all.
    """

    base: str
    now: int
    since: date
    yesterday: date
    exceptions: tuple[ReasonCount, ...]
    remarks: dict[str, int]
    open: Sequence[Line]
    failed_starts: int
    disputes: tuple[Dispute, ...]
    disputed: int
    plan: PayoutPlan
    failures: tuple[PayoutFailure, ...]
    campaigns: tuple[Campaign, ...]
    utilisation: Utilisation
    sites: tuple[Site, ...]


def _short(counted: ReasonCount, n: str) -> str:
    """Say how many sessions ended with a reason."""
    count = counted.sessions
    match counted.reason:
        case Reason.BALANCE_SHORT:
            return ngettext(
                "%(n)s session short of money in the vault",
                "%(n)s sessions short of money in the vault",
                count,
                n=n,
            )
        case Reason.LIMIT_SHORT:
            return ngettext(
                "%(n)s session over the payer's limit for the day",
                "%(n)s sessions over the payer's limit for the day",
                count,
                n=n,
            )
        case Reason.NO_PAYER:
            return ngettext(
                "%(n)s session without a vault", "%(n)s sessions without a vault", count, n=n
            )
        case Reason.UNKNOWN_ACCOUNT:
            return ngettext(
                "%(n)s session of an account that does not exist",
                "%(n)s sessions of an account that does not exist",
                count,
                n=n,
            )
        case _:
            return ngettext("%(n)s session rejected", "%(n)s sessions rejected", count, n=n)


def _sessions(asked: Concerns, formats: Formats) -> Iterator[Attention]:
    for counted in asked.exceptions:
        rejected = counted.status == Status.REJECTED
        meaning = REASON[counted.reason]
        if counted.debt:
            owed = formats.money_plain(counted.debt)
            meaning += " " + gettext("%(amount)s is owed.", amount=owed)
        status = "rejected" if rejected else "unfunded"
        yield Attention(
            tone="bad" if rejected else "info" if counted.reason == Reason.NO_PAYER else "warn",
            name=_short(counted, formats.number(counted.sessions)),
            meaning=meaning,
            href=f"{asked.base}/sessions?status={status}&reason={counted.reason}"
            f"&since={asked.since}",
        )
    for kind, count in asked.remarks.items():
        n = formats.number(count)
        if count:
            yield Attention(
                tone=EXCEPTION[kind].tone,
                name=ngettext(
                    "%(n)s session without all of its campaign",
                    "%(n)s sessions without all of their campaign",
                    count,
                    n=n,
                )
                if kind == "campaign"
                else ngettext(
                    "%(n)s session's price cut to its tariff",
                    "%(n)s sessions' prices cut to their tariff",
                    count,
                    n=n,
                ),
                meaning=WHAT_TO_DO[kind],
                href=f"{asked.base}/exceptions?kind={kind}&since={asked.since}",
            )


def _disputes(asked: Concerns, formats: Formats) -> Iterator[Attention]:
    if asked.disputed:
        unanswered = [one for one in asked.disputes if one.answer is None]
        first = min(one.deadline for one in unanswered or asked.disputes)
        by = formats.moment(first, "UTC").striptags()
        count = formats.number(asked.disputed)
        yield Attention(
            tone="bad" if unanswered else "info",
            name=ngettext(
                "%(n)s dispute is open", "%(n)s disputes are open", asked.disputed, n=count
            ),
            meaning=gettext("The first is to be answered and ruled on by %(time)s.", time=by)
            if unanswered
            else gettext("All are answered; the arbiters rule on the first by %(time)s.", time=by),
            href=f"{asked.base}/exceptions?kind=disputed",
        )


def _payouts(asked: Concerns, formats: Formats) -> Iterator[Attention]:
    since = asked.plan.last_paid_at or 0
    failed = sum(1 for one in asked.failures if one.provenance.block_timestamp > since)
    if failed:
        yield Attention(
            tone="bad",
            name=ngettext(
                "%(n)s payout failed", "%(n)s payouts failed", failed, n=formats.number(failed)
            ),
            meaning=gettext(
                "The token refused the destination. The money stays in the accrual; look at the "
                "destination."
            ),
            href=f"{asked.base}/payouts#failed",
        )
    if asked.plan.effective_at is not None:
        moment = formats.moment(asked.plan.effective_at, "UTC").striptags()
        yield Attention(
            tone="warn",
            name=gettext("The payout destination changes"),
            meaning=gettext(
                "From %(time)s. If you did not ask for it, set it back before then.", time=moment
            ),
            href=f"{asked.base}/payouts#plan",
        )


def _campaigns(asked: Concerns, formats: Formats) -> Iterator[Attention]:
    for one in asked.campaigns:
        runs = one.starts_at <= asked.now < one.ends_at
        paused = any(until is None for _, until in one.pauses)
        put_in = one.funded - one.released
        if runs and not paused and put_in and one.left * NEARLY_SPENT < put_in:
            left, whole = formats.money_plain(one.left), formats.money_plain(put_in)
            yield Attention(
                tone="warn",
                name=gettext("The budget of %(name)s is nearly spent", name=one.name)
                if one.left
                else gettext("The budget of %(name)s is spent", name=one.name),
                meaning=gettext("%(left)s of %(whole)s is left.", left=left, whole=whole),
                href=f"{asked.base}/campaigns/{one.campaign_id}",
            )


def _connectors(use: str, count: int, n: str) -> str:
    """Say how many connectors are in a state."""
    match use:
        case "faulted":
            return ngettext("%(n)s connector faulted", "%(n)s connectors faulted", count, n=n)
        case "offline":
            return ngettext("%(n)s connector offline", "%(n)s connectors offline", count, n=n)
        case _:
            return ngettext("%(n)s connector unknown", "%(n)s connectors unknown", count, n=n)


def _chargers(asked: Concerns, formats: Formats) -> Iterator[Attention]:
    for use in ("faulted", "offline", "unknown"):
        count = asked.utilisation.counts[use]
        if count:
            word = CHARGER[use]
            yield Attention(
                tone="bad" if use == "faulted" else "warn",
                name=_connectors(use, count, formats.number(count)),
                meaning=word.meaning,
                href=f"{asked.base}/chargers?use={use}",
            )
    failed = asked.failed_starts
    if failed:
        yield Attention(
            tone="warn",
            name=ngettext(
                "%(n)s failed start since yesterday",
                "%(n)s failed starts since yesterday",
                failed,
                n=formats.number(failed),
            ),
            meaning=WHAT_TO_DO["failed_start"],
            href=f"{asked.base}/exceptions?kind=failed_start&since={asked.yesterday}",
        )


def _open(asked: Concerns, formats: Formats) -> Iterator[Attention]:
    held = sum(1 for line in asked.open if "quarantined" in line.kinds)
    if held:
        yield Attention(
            tone="warn",
            name=ngettext(
                "%(n)s session held back",
                "%(n)s sessions held back",
                held,
                n=formats.number(held),
            ),
            meaning=gettext(
                "The oracle could not make a session of what the charger sent; nothing was settled "
                "for them."
            ),
            href=f"{asked.base}/exceptions?kind=quarantined",
        )
    late = sum(
        1 for line in asked.open if "on_its_way" in line.kinds and asked.now - line.at > LATE_S
    )
    if late:
        yield Attention(
            tone="warn",
            name=ngettext(
                "%(n)s session on its way for more than an hour",
                "%(n)s sessions on their way for more than an hour",
                late,
                n=formats.number(late),
            ),
            meaning=WHAT_TO_DO["on_its_way late"],
            href=f"{asked.base}/exceptions?kind=on_its_way",
        )


def _sites(asked: Concerns) -> Iterator[Attention]:
    for site in asked.sites:
        if not site.time_zone_known:
            yield Attention(
                tone="warn",
                name=gettext("%(site)s has no known time zone", site=site.name),
                meaning=gettext(
                    "%(zone)s is not a time zone; its days are counted in UTC.",
                    zone=repr(site.time_zone),
                ),
                href=f"{asked.base}/sessions?site={site.site_id}",
            )


def gather(asked: Concerns, formats: Formats) -> tuple[Attention, ...]:
    """Return what an owner should look at, worst first."""
    found = [
        *_disputes(asked, formats),
        *_payouts(asked, formats),
        *_sessions(asked, formats),
        *_chargers(asked, formats),
        *_open(asked, formats),
        *_campaigns(asked, formats),
        *_sites(asked),
    ]
    order = {"bad": 0, "warn": 1, "info": 2}
    return tuple(sorted(found, key=lambda one: order[one.tone]))
