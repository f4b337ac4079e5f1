"""What a campaign would have cost in sessions that happened. Pure: it looks back, not ahead.

A past session counts as the contract and the attesters would have counted it: its connector
is enrolled, it started in an hour of the mask by the site's own clock, and the rules of
loyalty and of a driver's cap hold. What it was charged then is what the rate is taken of.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from chargecoin.campaign_calls import NewCampaign
from chargecoin.campaigns import benefit
from indexer.read_model import PastSession

DAY_S: Final = 86_400
WINDOWS: Final = (28, 90)
# With fewer sessions there is no telling what is usual.
MIN_SESSIONS: Final = 20


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the last `days` days would have been, base units.

    `sessions` had a payer at these connectors; `matched` would have got it, of which `other`
    had another campaign's discount then. `benefit` comes off the price of `gross`, and
    `reached` of it is within the cap of each day (UTC). `whole`: all of the connectors had
    a tariff all the time.
    """

    days: int
    sessions: int
    matched: int
    other: int
    energy_wh: int
    gross: int
    benefit: int
    reached: int
    whole: bool

    @property
    def enough(self) -> bool:
        """Whether there were enough sessions to say anything."""
        return self.sessions >= MIN_SESSIONS

    def lasts(self, budget: int) -> int | None:
        """Return for how many whole days a budget would last at this pace, None if unknown."""
        if not (self.whole and self.matched >= MIN_SESSIONS and self.reached and budget):
            return None
        return budget * self.days // self.reached


def _matching(
    new: NewCampaign, sessions: Sequence[PastSession], there: Sequence[PastSession]
) -> Iterable[PastSession]:
    """Return those of `there` that would have had the campaign, loyalty counted in `sessions`."""
    matched: Iterable[PastSession] = [one for one in there if new.hour_mask >> one.hour_of_week & 1]
    if new.min_sessions:
        matched = _loyal(new, sessions, matched)
    return _within_cap(new.driver_cap, matched) if new.driver_cap else matched


def _loyal(
    new: NewCampaign, sessions: Sequence[PastSession], matched: Iterable[PastSession]
) -> Iterator[PastSession]:
    before: defaultdict[int, list[int]] = defaultdict(list)
    for one in sessions:
        if one.settled:
            before[one.payer].append(one.started_at)
    for one in matched:
        starts = before[one.payer]
        earliest = one.started_at - new.window_days * DAY_S
        earlier = bisect_left(starts, one.started_at) - bisect_left(starts, earliest)
        if earlier >= new.min_sessions:
            yield one


def _within_cap(driver_cap: int, matched: Iterable[PastSession]) -> Iterator[PastSession]:
    uses: Counter[int] = Counter()
    for one in matched:
        uses[one.payer] += 1
        if uses[one.payer] <= driver_cap:
            yield one


def outlook(
    new: NewCampaign,
    connectors: Collection[int],
    sessions: Sequence[PastSession],
    days: int,
    now: int,
    priced_since: int | None,
) -> Outlook:
    """Return what the last `days` days would have been.

    `sessions` are the owner's, oldest first, from `window_days` before that on.
    """
    since = now - days * DAY_S
    first = bisect_left(sessions, since, key=attrgetter("started_at"))
    there = [one for one in sessions[first:] if one.connector_id in connectors]
    matched, other, energy_wh, gross = 0, 0, 0, 0
    by_day: defaultdict[int, int] = defaultdict(int)
    for one in _matching(new, sessions, there):
        matched += 1
        other += one.campaign_id != 0
        energy_wh += one.energy_wh
        gross += one.gross
        by_day[one.settled_at // DAY_S] += benefit(one.gross, new.rate_bps, new.session_cap)
    return Outlook(
        days=days,
        sessions=len(there),
        matched=matched,
        other=other,
        energy_wh=energy_wh,
        gross=gross,
        benefit=sum(by_day.values()),
        reached=sum(min(amount, new.day_cap or amount) for amount in by_day.values()),
        whole=priced_since is not None and priced_since <= since,
    )
