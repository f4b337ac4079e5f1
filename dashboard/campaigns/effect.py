"""What went along with a campaign: use before and since, what it cost, how long it lasts.

Compared as tariffs are (`dashboard.comparison`): whole local days, each weekday with itself, and
within them only the campaign's own hours. A difference is not an effect: the page says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from chargecoin.campaigns import week_grid
from dashboard.comparison import MAX_DAYS, Comparison, by_weekday, compare
from dashboard.formats import zone_of
from dashboard.services import Services
from dashboard.spans import around, starts
from dashboard.weekhours import DaySums, local_days, shares_of
from indexer.read_model import Campaign, CampaignDay, Connector

DAY_S: Final = 86_400
# Of the pace: with fewer days or sessions there is no telling what is usual.
MIN_PACE_DAYS: Final = 7
PACE_DAYS: Final = 28
MIN_PACE_SESSIONS: Final = 20


@dataclass(frozen=True, slots=True)
class Effect:
    """Use in the campaign's hours before and since, a day.

    `use` are shares of time, `energy` Wh; `cost_a_day` is what it took off, base units.
    """

    use: Comparison
    energy: Comparison
    cost_a_day: float

    @property
    def per_kwh(self) -> tuple[float, float, float] | None:
        """What it took off for each kWh more than before: figure, low, high (base units).

        None unless the whole interval is more than before. Any that would have come anyway
        got the discount too; it is in the cost and not in the kWh.
        """
        if self.energy.low <= 0:
            return None
        kwh = (self.energy.difference, self.energy.high, self.energy.low)
        return (
            1000 * self.cost_a_day / kwh[0],
            1000 * self.cost_a_day / kwh[1],
            1000 * self.cost_a_day / kwh[2],
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """What a campaign spent in its last `days` whole days, base units, and in how many sessions."""

    days: int
    sessions: int
    spent: int

    @property
    def enough(self) -> bool:
        """Whether it says anything."""
        return self.days >= MIN_PACE_DAYS and self.sessions >= MIN_PACE_SESSIONS

    def lasts(self, left: int) -> int | None:
        """Return for how many more whole days a budget lasts at this pace, None if unknown."""
        return left * self.days // self.spent if self.enough and self.spent > 0 else None


def pace(campaign: Campaign, days: Sequence[CampaignDay], now: int) -> Pace:
    """Return the pace over at most the last four weeks, by whole settlement days."""
    today = min(now, campaign.ends_at) // DAY_S
    first = max(today - PACE_DAYS, -(-campaign.starts_at // DAY_S))
    counted = [one.totals for one in days if first <= one.day < today]
    return Pace(
        days=max(0, today - first),
        sessions=sum(one.sessions - one.refused for one in counted),
        spent=sum(one.campaign - one.returned for one in counted),
    )


def _paused(campaign: Campaign, day: int, zone: str) -> bool:
    first = date.fromordinal(day)
    low, high = starts(first, zone), starts(first + timedelta(days=1), zone)
    return any(begin < high and (end is None or end > low) for begin, end in campaign.pauses)


def _merge(into: dict[int, DaySums], days: dict[int, DaySums]) -> None:
    for day, sums in days.items():
        into[day] = into.get(day, DaySums()) + sums


def effect(has: Services, campaign: Campaign, connectors: Sequence[Connector]) -> Effect | None:
    """Compare use at connectors before and since, None where there is not enough data.

    Days in which the campaign was paused are left out, and those before the last of its
    connectors joined or had a tariff.
    """
    ids = [one.connector_id for one in connectors]
    began = has.model.priced_since(ids) if ids else None
    if began is None:
        return None
    change, ends = max(campaign.starts_at, campaign.enrolled_at), min(has.now(), campaign.ends_at)
    zones: dict[str, list[int]] = defaultdict(list)
    for one in connectors:
        zones[one.time_zone].append(one.connector_id)
    before: dict[int, DaySums] = {}
    after: dict[int, DaySums] = {}
    for zone, members in zones.items():
        span = around(change, began, ends, zone, MAX_DAYS)
        if span is None:
            return None
        hours = has.model.hours_of(members, span.since, span.until)
        for side, low, high in ((before, span.since, span.low), (after, span.high, span.until)):
            inside = [one for one in hours if low <= one.hour < high]
            days = local_days(inside, len(members), low, high, zone, campaign.hour_mask)
            _merge(side, days)
        for day in [one for one in after if _paused(campaign, one, zone)]:
            del after[day]
    weekdays = [day for day, row in enumerate(week_grid(campaign.hour_mask)) if any(row)]
    use = compare(shares_of(before), shares_of(after), weekdays)
    energy = compare(_energy(before), _energy(after), weekdays)
    if use is None or energy is None:
        return None
    return Effect(use, energy, _cost(has, campaign, connectors, after, weekdays))


def _energy(days: dict[int, DaySums]) -> list[tuple[int, float]]:
    return [((day - 1) % 7, float(sums.energy_wh)) for day, sums in days.items()]


def _cost(
    has: Services,
    campaign: Campaign,
    connectors: Sequence[Connector],
    days: dict[int, DaySums],
    weekdays: Sequence[int],
) -> float:
    """Return what was taken off a day, each weekday weighing the same."""
    zones = {one.connector_id: zone_of(one.time_zone) for one in connectors}
    costs = dict.fromkeys(days, 0)
    # By the calendar of the farthest zones, so that no day is cut off.
    since = starts(date.fromordinal(min(days)), "UTC") - DAY_S
    until = starts(date.fromordinal(max(days)), "UTC") + 2 * DAY_S
    for connector, at, cost in has.model.campaign_costs(campaign.campaign_id, since, until):
        if connector in zones:
            day = datetime.fromtimestamp(at, zones[connector]).toordinal()
            if day in costs:
                costs[day] += cost
    return by_weekday([((day - 1) % 7, float(cost)) for day, cost in costs.items()], weekdays)
