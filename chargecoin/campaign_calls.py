"""What a station owner or a sponsor sends to run a campaign (docs/protocol.md, section 10).

The functions return calls and send nothing, so they suit any wallet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final

from chargecoin.campaigns import ALL_HOURS, MAX_SESSION_CAP, Kind
from chargecoin.chain.transactions import Call, contract_call
from chargecoin.deployments import Deployment
from chargecoin.payer import allow

MAX_CONNECTORS: Final = 256
CREATE_GAS: Final = 10_000_000  # 256 connectors that share no slot


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign to be created, with the fields of `CampaignManager.create` in their order.

    Times are UTC seconds, `ends_at` exclusive; a start in the past is the time of the
    block. `owner_id` is 0 for a co-branded one, which needs a `day_cap`. `min_sessions`
    and `window_days` are a loyalty boost's. Caps are base units; a `driver_cap` (sessions
    of one payer) of 0 is none.
    """

    kind: Kind
    owner_id: int
    name: str
    starts_at: int
    ends_at: int
    hour_mask: int = ALL_HOURS
    rate_bps: int = 0
    session_cap: int = MAX_SESSION_CAP
    day_cap: int = 0
    min_sessions: int = 0
    window_days: int = 0
    driver_cap: int = 0


def _manager(deployment: Deployment, name: str, *args: Any, gas: int = 500_000) -> Call:
    return contract_call(
        "CampaignManager", name, deployment.address("CampaignManager"), *args, gas=gas
    )


def create(
    deployment: Deployment,
    new: NewCampaign,
    connectors: Sequence[int],
    budget: int,
    allowance: int = 0,
) -> list[Call]:
    """Create a campaign at connectors with a budget (base units, may be 0).

    `allowance` is what the token says settlement may take of the sender already.
    """
    made = _manager(deployment, "create", astuple(new), list(connectors), budget, gas=CREATE_GAS)
    return [*allow(deployment, budget, allowance), made]


def enrol(deployment: Deployment, campaign: int, connectors: Sequence[int]) -> Call:
    """Add at most 256 connectors. None is ever taken away."""
    return _manager(deployment, "enrol", campaign, list(connectors), gas=CREATE_GAS)


def fund(deployment: Deployment, campaign: int, amount: int, allowance: int = 0) -> list[Call]:
    """Add base units to a budget. `allowance` as in `create`.

    Check first, in a final block, that the campaign of that number is the one meant.
    """
    return [*allow(deployment, amount, allowance), _manager(deployment, "fund", campaign, amount)]


def pause(deployment: Deployment, campaign: int) -> Call:
    """Stop a campaign for sessions that start from now on."""
    return _manager(deployment, "pause", campaign)


def resume(deployment: Deployment, campaign: int) -> Call:
    """Go on with a paused campaign, for sessions that start from now on."""
    return _manager(deployment, "resume", campaign)


def close(deployment: Deployment, campaign: int) -> Call:
    """End a campaign now, for good."""
    return _manager(deployment, "close", campaign)


def reclaim(deployment: Deployment, campaign: int, funder: str) -> Call:
    """Give a funder its share of what is left; anyone may send it."""
    return _manager(deployment, "reclaim", campaign, funder)
