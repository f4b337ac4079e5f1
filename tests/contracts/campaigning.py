"""The shortest way to run a campaign in titanoboa's chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import Any, Final

from chargecoin.campaign_calls import NewCampaign
from chargecoin.campaigns import Budget, Kind
from tests.contracts.world import DAY_S, TOKEN, World, now

OWNER, CONNECTOR = 1, 1
SETTLING_S: Final = 102 * DAY_S
"""The longest session, and the age at which one is too old."""


def off_peak(**changes: Any) -> NewCampaign:
    """An owner's discount of a fifth for thirty days, at all hours."""
    new = NewCampaign(
        kind=Kind.OFF_PEAK,
        owner_id=OWNER,
        name="Nights",
        starts_at=now(),
        ends_at=now() + 30 * DAY_S,
        rate_bps=2_000,
    )
    return replace(new, **changes)


def co_branded(**changes: Any) -> NewCampaign:
    """A sponsor's: the same, with a day cap of 5 tokens."""
    sponsored = {"kind": Kind.CO_BRANDED, "owner_id": 0, "name": "Roaster", "day_cap": 5 * TOKEN}
    return off_peak(**sponsored | changes)


def create(
    world: World,
    new: NewCampaign | None = None,
    connectors: Sequence[int] = (CONNECTOR,),
    budget: int = 0,
    by: Any = None,
) -> int:
    """Create a campaign of the station owner, unless said otherwise."""
    by = by or world.station_owner
    if budget:
        world.fund(by, budget)
    campaign: int = world.campaigns.create(
        astuple(new or off_peak()), list(connectors), budget, sender=by
    )
    return campaign


def fund(world: World, campaign: int, amount: int, by: Any) -> None:
    """Have someone add to a budget."""
    world.fund(by, amount)
    world.campaigns.fund(campaign, amount, sender=by)


def budget_of(world: World, campaign: int) -> Budget:
    """What settlement holds for a campaign."""
    return Budget(*world.settlement.budget(campaign))


def give_back(world: World, campaign: int, amount: int) -> None:
    """Have a refund return money to a budget out of the owner's accrual, as Adjustments does."""
    booking = (0, 0, 0, OWNER, -amount, 0, campaign, amount, 0, 0)
    world.settlement.book(booking, sender=world.settlement.adjustments())
