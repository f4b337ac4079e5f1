"""Rewards of stations: what each epoch holds, what an owner was paid of it, and until when.

An epoch is worked out again from the chain on its page, which is also where a reward is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from chargecoin.errors import ChainError
from chargecoin.record import Assurance
from chargecoin.reward_check import Recomputed, claim_call
from chargecoin.rewards import Amounts, Reward
from dashboard.errors import NotFoundError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.prepare import Prepared, prepare, trial
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from dashboard.views.overview import owner_of
from indexer.read_model import Owner, RewardClaim, RewardEpoch

router = APIRouter()

STATIONS: Final = 2
EPOCH_S: Final = 604_800  # docs/protocol.md, section 8: weeks since 1970
MAX_EPOCH: Final = 1 << 20
NOTHING: Final = Amounts()
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


@dataclass(frozen=True, slots=True)
class Produced:
    """Fees of one assurance that an owner's sessions produced, net of refunds (base units)."""

    assurance: int
    fee: int


@dataclass(frozen=True, slots=True)
class EpochPage:
    """An epoch worked out again. `problem` is why it could not be, where it is not empty.

    `agrees` says whether the root that stands posted is the one worked out (None: none stands);
    `reward` is the owner's, `produced` the fees that it is for. `final`: refunds can no longer
    change it.
    """

    owner: Owner
    epoch: int
    begins_at: int
    line: EpochLine | None
    problem: str = ""
    final: bool = False
    seen: int = 0
    posted: str = ""
    posted_totals: Amounts | None = None
    root: str = ""
    totals: Amounts = NOTHING
    funds: Amounts = NOTHING
    recipients: int = 0
    agrees: bool | None = None
    reward: Reward | None = None
    produced: tuple[Produced, ...] = ()
    prepared: Prepared | None = None
    refusal: str = ""


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
            gettext("Rewards of %(owner)s", owner=owner.name),
            page,
            Table(COLUMNS, (_row(line) for line in page.epochs)),
            live=live_address(owner_id),
            context={"owner_id": owner_id},
        )
    )


def _line(has: Services, owner_id: int, epoch: int) -> tuple[Owner, EpochLine | None]:
    """Return what the tables say of an epoch."""
    owner = owner_of(has, owner_id)
    claims = {one.epoch: one for one in has.model.reward_claims(STATIONS, owner_id)}
    found = has.model.reward_epoch(STATIONS, epoch)
    if found is None:
        return owner, None
    state = state_of(found, has.now())
    return owner, EpochLine(found, epoch * EPOCH_S, state, claims.get(epoch))


def _worked_out(page: EpochPage, found: Recomputed) -> EpochPage:
    """Return a page with what was worked out."""
    owner_id, history = page.owner.owner_id, found.history
    posted = history.standing
    fees = dict.fromkeys(Assurance, 0)
    for one in history.fees:
        if one.owner == owner_id:
            fees[Assurance(one.assurance)] += one.fee
    return replace(
        page,
        final=history.final,
        seen=history.seen,
        posted="0x" + posted.root.hex() if posted else "",
        posted_totals=posted.totals if posted else None,
        root="0x" + found.root.hex() if found.root else "",
        totals=found.totals,
        funds=history.funds,
        recipients=len(found.rewards),
        agrees=found.agrees,
        reward=found.reward(owner_id),
        produced=tuple(Produced(int(level), fee) for level, fee in fees.items() if fee),
    )


async def _claim(has: Services, page: EpochPage, found: Recomputed) -> EpochPage:
    """Return a page with the claim, where there is something to claim now."""
    line = page.line
    claimable = line is not None and line.state == "claimable" and line.claim is None
    if not (claimable and page.agrees and page.reward):
        return page
    prepared = prepare(
        has,
        gettext("Claim the reward of week %(epoch)s", epoch=page.epoch),
        page.owner.account,
        claim_call(found, page.owner.owner_id),
        f"/owners/{page.owner.owner_id}/rewards/{page.epoch}",
    )
    return replace(page, prepared=prepared, refusal=await trial(has, prepared))


@router.get("/owners/{owner_id}/rewards/{epoch}")
async def epoch(has: Has, render: Render, owner_id: int, epoch: int) -> Response:
    """Work out an epoch again, say whether the posted root is that, and prepare the claim."""
    owner, line = await run_in_threadpool(_line, has, owner_id, epoch)
    if not 0 <= epoch < MAX_EPOCH:
        raise NotFoundError(f"There is no week {epoch} of the rewards.")
    page = EpochPage(owner, epoch, epoch * EPOCH_S, line)
    status = 200
    try:
        found = await has.epochs.stations(has.node, epoch)
        page = await _claim(has, _worked_out(page, found), found)
    except ChainError as error:
        await has.node.close()
        page, status = replace(page, problem=str(error)), 503
    reward = page.reward or Reward(owner_id, 0, 0)
    table = Table(
        ("epoch", "final", "posted_root", "root", "agrees", "payment", "chg"),
        [(epoch, page.final, page.posted, page.root, page.agrees, reward.payment, reward.chg)],
    )
    title = f"Rewards of week {epoch}, {owner.name}"
    made = Page("reward_epoch.html", title, page, table, status, context={"owner_id": owner_id})
    return await run_in_threadpool(render, made)
