"""Creating a campaign: which of its transactions the chain has, and which are left to sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from chargecoin.campaign_calls import NewCampaign, create
from chargecoin.errors import ChainError
from dashboard.campaigns.form import Wanted
from dashboard.language import gettext
from dashboard.services import Services
from dashboard.steps import Purse, Step, paid_steps, purse_of
from indexer.read_model import Campaign

# How many of the newest campaigns are looked at for one that is not in the tables yet.
NEWEST: Final = 8
_RULES: Final = (
    "kind",
    "owner_id",
    "ends_at",
    "hour_mask",
    "rate_bps",
    "session_cap",
    "day_cap",
    "min_sessions",
    "window_days",
    "driver_cap",
)


@dataclass(frozen=True, slots=True)
class Launch:
    """How far an account is with creating a campaign.

    `purse` None: the node does not answer, so nothing is offered. `campaign` is its number
    once it is in a block, `indexed` whether these pages show it. `short`: the account holds
    less than the budget.
    """

    purse: Purse | None
    steps: tuple[Step, ...]
    campaign: int | None
    indexed: bool
    short: bool


def _same(found: Any, account: str, new: NewCampaign, created_at: int | None) -> bool:
    """Whether a campaign is the one wanted; a start in the past became that of its block."""
    begun = found.starts_at == new.starts_at or (
        new.starts_at < found.starts_at and created_at in {None, found.starts_at}
    )
    return (
        begun
        and found.creator == account
        and all(getattr(found, name) == getattr(new, name) for name in _RULES)
    )


def _indexed(known: Sequence[Campaign], account: str, wanted: Wanted) -> int | None:
    """Return the number of the campaign wanted, where the tables have it."""
    for one in reversed(known):
        if (
            not one.closed
            and one.name == wanted.new.name
            and set(wanted.connectors) <= set(one.connectors)
            and one.funded >= wanted.budget
            and _same(one, account, wanted.new, one.provenance.block_timestamp)
        ):
            return one.campaign_id
    return None


async def _mined(
    has: Services, account: str, wanted: Wanted, known: Sequence[Campaign]
) -> int | None:
    """Return its number where the chain has it and the tables do not. Raises `ChainError`."""
    chain = await has.node.chain()
    count, seen = await chain.campaign_count(), {one.campaign_id for one in known}
    for number in range(count, max(0, count - NEWEST), -1):
        if number not in seen and _same(await chain.campaign(number), account, wanted.new, None):
            return number
    return None


async def launch(has: Services, account: str, wanted: Wanted, here: str) -> Launch:
    """Return how far an account is with creating a campaign, and what is left to sign.

    `here` is the page's address, to come back to after each step.
    """
    known = await run_in_threadpool(has.model.campaigns_of, account)
    number = _indexed(known, account, wanted)
    indexed = number is not None
    purse = await purse_of(has, account)
    if purse is not None and not indexed:
        try:
            number = await _mined(has, account, wanted, known)
        except ChainError:
            await has.node.close()
            purse = None
    if purse is None:
        return Launch(None, (), number, indexed, short=False)
    done = number is not None
    name = gettext("Create the campaign “%(name)s”", name=wanted.new.name)
    if wanted.budget:
        name = gettext(
            "Create the campaign “%(name)s” and move %(money)s into its budget",
            name=wanted.new.name,
            money=has.formats.money_plain(wanted.budget),
        )
    *_, call = create(has.node.deployment, wanted.new, wanted.connectors, wanted.budget)
    return Launch(
        purse=purse,
        steps=paid_steps(has, purse, wanted.budget, name, call, shows=here, done=done),
        campaign=number,
        indexed=indexed,
        short=not done and purse.balance < wanted.budget,
    )
