"""Rewards of stations: what each epoch holds, what an owner was paid of it, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from fastapi import APIRouter, Response

from dashboard.pages import Page, Table
from dashboard.render import Render, live_address
from dashboard.services import Has
from dashboard.views.overview import owner_of
from indexer.read_model import Owner, RewardClaim, RewardEpoch

router = APIRouter()

STATIONS: Final = 2
EPOCH_S: Final = 604_800  # docs/protocol.md, section 8: weeks since 1970
COLUMNS: Final = (
    "epoch",
    "begins_at",
    "state",
    "funded",
    "funded_chg",
    "allotted",
    "allotted_chg",
    "claimed_by_all",
    "claimed_by_all_chg",
    "claimed_by_owner",
    "claimed_by_owner_chg",
    "claimable_at",
    "expires_at",
    "root",
)

State = Literal["open", "awaited", "challenge", "claimable", "expired"]


@dataclass(frozen=True, slots=True)
class EpochLine:
    """An epoch of all stations' rewards, and what this owner was paid of it (None: nothing)."""

    epoch: RewardEpoch
    begins_at: int
    state: State
    claim: RewardClaim | None


@dataclass(frozen=True, slots=True)
class RewardsPage:
    """Rewards by epoch, newest first; `paid` is (payment, CHG) of all of the owner's claims."""

    owner: Owner
    paid: tuple[int, int]
    epochs: tuple[EpochLine, ...]


def state_of(epoch: RewardEpoch, now: int) -> State:
    """Return how far an epoch is at a moment, UTC seconds."""
    if epoch.claimable_at is None or epoch.expires_at is None:
        return "open" if now < (epoch.epoch + 1) * EPOCH_S else "awaited"
    if now < epoch.claimable_at:
        return "challenge"
    return "claimable" if now < epoch.expires_at else "expired"


def _row(line: EpochLine) -> tuple[int | str | None, ...]:
    one, claim = line.epoch, line.claim
    return (
        one.epoch,
        line.begins_at,
        line.state,
        *one.funded,
        *one.allotted,
        *one.claimed,
        claim.payment if claim else 0,
        claim.chg if claim else 0,
        one.claimable_at,
        one.expires_at,
        one.root,
    )


@router.get("/owners/{owner_id}/rewards")
def rewards(has: Has, render: Render, owner_id: int) -> Response:
    """List the epochs of stations' rewards, and what the owner was paid."""
    owner = owner_of(has, owner_id)
    now = has.now()
    claims = has.model.reward_claims(STATIONS, owner_id)
    # The contract pays a recipient once an epoch.
    of_epoch = {one.epoch: one for one in claims}
    page = RewardsPage(
        owner,
        (sum(one.payment for one in claims), sum(one.chg for one in claims)),
        tuple(
            EpochLine(one, one.epoch * EPOCH_S, state_of(one, now), of_epoch.get(one.epoch))
            for one in has.model.reward_epochs(STATIONS)
        ),
    )
    return render(
        Page(
            "rewards.html",
            f"Rewards of {owner.name}",
            page,
            Table(COLUMNS, (_row(line) for line in page.epochs)),
            live=live_address(owner_id),
            context={"owner_id": owner_id},
        )
    )
