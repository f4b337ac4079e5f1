"""What the indexer's read API says: one definition for who serves it and who reads it.

Money is an integer of base units, written as a decimal string because JSON readers lose
digits of large numbers; energy is in Wh, time in UTC seconds, hashes and addresses are
hex with 0x. docs/indexer.md describes the API, docs/protocol.md the fields.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

Finality = Literal["seen", "safe", "final"]
State = Literal["backfill", "live", "behind", "mending"]
Money = Annotated[
    int,
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^-?[0-9]+$", "examples": ["495450"]}),
]
Hash = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$")]
Address = Annotated[str, Field(pattern="^0x[0-9a-fA-F]{40}$")]
SessionId = Hash
T = TypeVar("T")


class Model(BaseModel):
    """Values that do not change once read. Fields that a newer indexer adds are ignored."""

    model_config = ConfigDict(frozen=True)


class Block(Model):
    """The block that a row hangs off."""

    number: int
    hash: Hash
    timestamp: int


class OnChain(Model):
    """Where a row stands on the chain. `key` sorts rows in chain order and continues lists."""

    key: int
    block: Block
    transaction: Hash
    log_index: int
    finality: Finality


class Page(Model, Generic[T]):
    """One page of a list; pass `after` to continue it, it is null at the end."""

    items: tuple[T, ...]
    after: int | None


class Problem(Model):
    """Why there is no answer, in words."""

    detail: str


# --- places ---


class Owner(OnChain):
    """A station owner. `account` is the address in force now, which receives payouts."""

    owner_id: int
    account: Address
    name: str


class Site(OnChain):
    """A place with stations."""

    site_id: int
    owner_id: int
    name: str
    time_zone: str
    country: str
    grid_zone: str


class Station(OnChain):
    """A charge point."""

    station_id: int
    site_id: int
    owner_id: int
    identity: str
    vendor: str
    model: str


class Connector(OnChain):
    """A connector. `standard` and `power_type` are docs/protocol.md's indices."""

    connector_id: int
    connector_number: int
    standard: int
    power_type: int
    max_power_w: int
    evse: int
    evse_number: int
    evse_id: str
    station_id: int
    station_identity: str
    site_id: int
    owner_id: int


class Tariff(OnChain):
    """A published tariff: the registry's slot (docs/protocol.md, section 3) and VAT."""

    connector_id: int
    tariff_index: int
    slot: Hash
    vat_bps: int
    terms_hash: Hash


# --- settlement ---


class Batch(OnChain):
    """A settled batch."""

    batch: int
    epoch: int
    sessions: int
    evidence_root: Hash
    commitment: Hash
    submitter: Address


class Session(OnChain):
    """A session and its outcome.

    `gross` is what was due after the tariff's bounds, `recorded_gross` what the record
    says; `fee` is what this settlement was charged, `discount` what an owner's own
    campaign granted beyond its budget. `day` is the settlement day at the site.
    """

    session_id: SessionId
    connector_id: int
    sequence: int
    owner_id: int
    site_id: int
    tariff_index: int
    batch: int
    settled_at: int
    day: date
    payer: int
    started_at: int
    duration_s: int
    idle_s: int
    energy_wh: int
    recorded_gross: Money
    campaign_id: int
    hour_of_week: int
    grid_gco2e_per_kwh: int
    renewable_pct: int
    assurance: int
    status: int
    reason: int
    flags: int
    paid: Money
    campaign_paid: Money
    debt: Money
    gross: Money
    fee: Money
    discount: Money


class Collection(OnChain):
    """A debt, or a part of it, paid later."""

    session_id: SessionId
    owner_id: int
    site_id: int
    account: int
    amount: Money
    fee: Money


class Refund(OnChain):
    """What an owner gave back. `dispute` is 0 where there was none."""

    session_id: SessionId
    owner_id: int
    site_id: int
    campaign_id: int
    account: int
    dispute: int
    waived: Money
    to_payer: Money
    to_campaign: Money
    fee_back: Money
    reason: int


class Dispute(OnChain):
    """A disputed session.

    `answer` is the hash of the owner's statement. `result` is 1 upheld, 2 dismissed, 3
    conceded, 4 lapsed; null while it is open, and so are the sums that it decides.
    """

    dispute: int
    session_id: SessionId
    account: int
    owner_id: int
    amount: Money
    hold: Money
    bond: Money
    deadline: int
    reason: int
    answer: Hash | None
    result: int | None
    refunded: Money | None
    released: Money | None
    bond_to_owner: Money | None


# --- campaigns ---


class Campaign(OnChain):
    """A campaign's rules, when it ended or will, and what is left of its budget.

    `kind` is 1 off-peak, 2 loyalty, 3 co-branded; `owner_id` is 0 for a sponsor's.
    """

    campaign_id: int
    creator: Address
    owner_id: int
    kind: int
    name: str
    starts_at: int
    ends_at: int
    hour_mask: Hash
    rate_bps: int
    session_cap: Money
    day_cap: Money
    min_sessions: int
    window_days: int
    driver_cap: int
    budget: Money
    spent: Money


class CampaignEntry(OnChain):
    """What an event changed in a campaign's budget, and what it left there."""

    campaign_id: int
    kind: str
    sessions: int
    amount: Money
    budget: Money
    spent: Money


# --- money ---


class Account(OnChain):
    """A payer's vault account and who holds it."""

    account: int
    holder: Address


class VaultMovement(OnChain):
    """A deposit into a vault or a withdrawal from it; `party` is where it came from or went."""

    account: int
    party: Address
    amount: Money


class LedgerEntry(OnChain):
    """What an event changed in an owner's accrual, and what it left there.

    `earned` and `fee` are what was credited before the owner's debt took its part;
    `balance` and `debt` are the contract's after the event. The sessions of a batch are
    one entry. `reference` names the batch, dispute or payout, by `kind`.
    """

    owner_id: int
    kind: str
    reference: int
    sessions: int
    earned: Money
    fee: Money
    amount: Money
    debt_change: Money
    balance: Money
    debt: Money


class Payout(OnChain):
    """A payout to an owner's destination. `reference` is the owner's own, as registered."""

    owner_id: int
    recipient: Address
    amount: Money
    reference: Hash


class AccrualWithdrawal(OnChain):
    """An owner's own withdrawal from the accrual."""

    owner_id: int
    recipient: Address
    amount: Money


# --- staking and rewards ---


class Stake(OnChain):
    """CHG put into the pool: `weight` is what it counts for, `unlocks_at` UTC seconds."""

    position: int
    owner: Address
    amount: Money
    weight: Money
    unlocks_at: int


class StakeMovement(OnChain):
    """CHG taken out of a position, or fees claimed by it (payment token)."""

    position: int
    recipient: Address
    amount: Money


class Stream(OnChain):
    """Fees that flow to the pool over seven days, from `begins_at` (UTC seconds) on."""

    amount: Money
    begins_at: int


class RewardFunding(OnChain):
    """What came into an epoch's pot. `kind` is 1 for drivers, 2 for stations."""

    kind: int
    epoch: int
    source: Address
    payment: Money
    chg: Money


class RewardRoot(OnChain):
    """What an epoch's pot is shared out by, as the committee signed it; times in UTC seconds."""

    kind: int
    epoch: int
    attempt: int
    committee_epoch: int
    root: Hash
    payment: Money
    chg: Money
    claimable_at: int
    expires_at: int


class RewardClaim(OnChain):
    """What a driver's account or a station's owner (`recipient`) claimed of an epoch."""

    kind: int
    epoch: int
    recipient: int
    account: Address
    payment: Money
    chg: Money


# --- sums ---


class Hour(Model):
    """A local hour of performance, by its UTC start. Approximate: see docs/indexer.md, Rollups."""

    hour: int
    sessions: int
    energy_wh: int
    gross: Money
    net: Money
    fee: Money
    campaign: Money
    avoided_g: int
    occupied_s: int
    charging_s: int
    idle_s: int


class Day(Model):
    """A settlement day at the site, exact. `net` is what owners' accruals rose by."""

    day: date
    sessions: int
    unfunded: int
    rejected: int
    energy_wh: int
    gross: Money
    revenue: Money
    fees: Money
    net: Money
    debt: Money
    emitted_g: int
    avoided_g: int


# --- the operational feed: what oracles say, not what the chain proves ---


class FeedSource(Model):
    """An oracle's feed as the indexer holds it."""

    oracle: Address
    n: int
    epoch: int
    heard_at: int
    gaps: int
    refused: int
    detail: str


class FeedEntry(Model):
    """One signed entry of an oracle's feed, as the oracle numbered it."""

    oracle: Address
    n: int
    epoch: int
    connector_id: int
    seq: int
    at: int
    kind: str
    status: str
    error_code: str
    energy_wh: int | None
    session: str | None
    signature: Annotated[str, Field(pattern="^0x[0-9a-f]{130}$")]


# --- changes ---


class Change(Model):
    """Something that changed; `change` numbers it, `owner_id` 0 concerns all.

    `kind`: `settled`, `registry`, `money`, `block` (only the head moved), `reorg` (rows above
    `block_number` are gone), `state`, `feed`, or `reset` (too much was missed: read anew).
    """

    change: int
    kind: str
    owner_id: int
    block_number: int
