"""What a campaign would have cost in sessions that happened. Pure: it looks back, not ahead.

A past session counts as the contract and the attesters would have counted it: its connector
is enrolled, it started in an hour of the mask by the site's own clock, and the rules of
loyalty and of a driver's cap hold. What it was charged then is what the rate is taken of.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
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
) -> Iterator[PastSession]:
    """Yield those of `there` that would have had the campaign, loyalty counted in `sessions`."""
    before: defaultdict[int, list[int]] = defaultdict(list)
    if new.min_sessions:
        for one in sessions:
            if one.settled:
                before[one.payer].append(one.started_at)
    uses: Counter[int] = Counter()
    for one in there:
        if not new.hour_mask >> one.hour_of_week & 1:
            continue
        if new.min_sessions:
            starts = before[one.payer]
            earliest = one.started_at - new.window_days * DAY_S
            earlier = bisect_left(starts, one.started_at) - bisect_left(starts, earliest)
            if earlier < new.min_sessions:
                continue
        if new.driver_cap and uses[one.payer] >= new.driver_cap:
            continue
        uses[one.payer] += 1
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
    matched = list(_matching(new, sessions, there))
    taken = [(one, benefit(one.gross, new.rate_bps, new.session_cap)) for one in matched]
    by_day: Counter[int] = Counter()
    for one, amount in taken:
        by_day[one.settled_at // DAY_S] += amount
    return Outlook(
        days=days,
        sessions=len(there),
        matched=len(matched),
        other=sum(one.campaign_id != 0 for one in matched),
        energy_wh=sum(one.energy_wh for one in matched),
        gross=sum(one.gross for one in matched),
        benefit=sum(amount for _, amount in taken),
        reached=sum(min(amount, new.day_cap or amount) for amount in by_day.values()),
        whole=priced_since is not None and priced_since <= since,
    )
