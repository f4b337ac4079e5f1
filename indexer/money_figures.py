"""What the read model hands out about money beside settlement: plain values, as `figures`.

Amounts are base units of the payment token (CHG has 18 decimals), times UTC seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Literal, NamedTuple

from chargecoin.record import Status
from indexer.figures import Provenance

EntryKind = Literal[
    "settled", "collected", "withdrawn", "paid_out", "fee_returned", "refunded", "held", "released"
]
DisputeState = Literal["open", "upheld", "dismissed", "conceded", "lapsed"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an owner's statement, and the accrual after it.

    `reference` is the batch (settled), the session id (collected, refunded), the dispute
    (held, released, refunded by one) or 0. `amount` and `debt_change` changed `balance`
    and `debt`; `earned` (net of `fee`) was credited before the debt took its part.
    """

    key: int
    kind: EntryKind
    reference: int
    sessions: int
    earned: int
    fee: int
    amount: int
    debt_change: int
    balance: int
    debt: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class SpanLine:
    """What the entries of one kind came to, as in `Entry`."""

    kind: EntryKind
    entries: int
    sessions: int
    earned: int
    fee: int
    amount: int
    debt_change: int


@dataclass(frozen=True, slots=True)
class Span:
    """An owner's accrual over a span of the chain, by entries that are final.

    `opening` and `closing` are accrual and debt; `lines` lead from one to the other. Of what
    sessions brought in the span, less refunds: `received` by the payer's and the campaign's
    payments, with the `vat` and the protocol's `fee` in it. `not_final` counts entries that are
    left out, and what they come to. `keys` bound its rows; `last_block` is the last that the
    contract's own word on the closing can be asked at.
    """

    keys: tuple[int, int]
    last_block: int
    opening: tuple[int, int]
    closing: tuple[int, int]
    lines: tuple[SpanLine, ...]
    received: int
    vat: int
    fee: int
    not_final: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PayoutPlan:
    """When and where an owner is paid.

    `cycle` is 0 on demand, 1 daily, 2 weekly, 3 monthly. `destination` is in force at the
    moment asked about: None is the owner's account. `pending` takes its place at
    `effective_at` (None: nothing does); a pending None with a time returns to the account.
    """

    cycle: int
    threshold: int
    destination: str | None
    reference: str
    pending: str | None
    pending_reference: str
    effective_at: int | None
    last_paid_at: int | None


@dataclass(frozen=True, slots=True)
class PayoutFailure:
    """A payout that the token refused; nothing moved."""

    amount: int
    recipient: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Refund:
    """What a session's refund moved. `dispute` is 0 where the owner refunded by itself.

    `reason`: 1 energy, 2 price, 3 charger fault, 4 goodwill, 5 duplicate, 6 correction,
    7 conceded, 8 ruling.
    """

    session_id: int
    owner_id: int
    account: int
    campaign_id: int
    dispute: int
    waived: int
    to_payer: int
    to_campaign: int
    fee_back: int
    reason: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute: what was opened, what the owner and the arbiters said, what is put aside now.

    Of `hold`, `short` is not there yet; `owed` was granted and is not paid. `answer` and
    `ruling_reason` are hashes of statements published elsewhere.
    """

    dispute: int
    session_id: int
    owner_id: int
    account: int
    state: DisputeState
    amount: int
    bond: int
    reason: int
    deadline: int
    hold: int
    short: int
    owed: int
    refunded: int
    answer: str | None
    ruling: int | None
    ruling_reason: str | None
    closed_at: int | None
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class CampaignTotals:
    """Exact sums of what a campaign did, by settlement.

    `sessions` named it and were not rejected; of them `refused` had no benefit.
    `campaign` came from the budget, `discount` from the owner's net beyond it;
    `returned` of the first came back by refunds.
    """

    sessions: int = 0
    refused: int = 0
    energy_wh: int = 0
    gross: int = 0
    paid: int = 0
    campaign: int = 0
    discount: int = 0
    fee: int = 0
    returned: int = 0

    @classmethod
    def of(cls, parts: Iterable[CampaignTotals]) -> CampaignTotals:
        """Add up field by field."""
        return cls(*map(sum, zip(*map(_EACH, parts), strict=True)))


_EACH: Final = attrgetter(*CampaignTotals.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign: its rules, its budget now, what it did.

    `ends_at` is exclusive and already that of an early close; `pauses` are [from, to),
    None where it lasts. `day_spent` is of UTC day `day` (days since 1970). `owner_id` 0: a
    sponsor's. `day_cap`, `min_sessions`, `window_days`, `driver_cap` 0: no such rule.
    `enrolled_at` is when the last of its connectors joined, 0 while it has none.
    """

    campaign_id: int
    kind: int
    owner_id: int
    creator: str
    name: str
    starts_at: int
    ends_at: int
    closed: bool
    pauses: tuple[tuple[int, int | None], ...]
    hour_mask: int
    rate_bps: int
    session_cap: int
    day_cap: int
    min_sessions: int
    window_days: int
    driver_cap: int
    connectors: tuple[int, ...]
    enrolled_at: int
    funded: int
    released: int
    left: int
    spent: int
    day: int
    day_spent: int
    totals: CampaignTotals
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class CampaignDay:
    """A campaign's sums of one settlement day of the sites."""

    day: int
    totals: CampaignTotals


@dataclass(frozen=True, slots=True)
class CampaignPlace:
    """A campaign's sums at one site, of all time."""

    owner_id: int
    owner: str
    site_id: int
    site: str
    totals: CampaignTotals


@dataclass(frozen=True, slots=True)
class Funder:
    """What somebody put into a campaign's budget, and took back."""

    account: str
    funded: int
    released: int


class PastSession(NamedTuple):
    """A session as a campaign would have seen it.

    `hour_of_week` is 0 for Monday 00 in the site's time. `campaign_id` is the campaign that
    took something off then, 0 for none. `status` is the outcome's.
    """

    connector_id: int
    payer: int
    started_at: int
    settled_at: int
    hour_of_week: int
    energy_wh: int
    gross: int
    campaign_id: int
    status: int

    @property
    def settled(self) -> bool:
        """Whether it was paid in full."""
        return self.status == Status.SETTLED


@dataclass(frozen=True, slots=True)
class BudgetEntry:
    """One change of a campaign's budget, and the budget after it."""

    kind: Literal["funded", "released", "spent", "refunded"]
    reference: int
    sessions: int
    amount: int
    left: int
    spent: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Booking:
    """A session's settlement, a debt collected later, or a refund (negative).

    `paid` came from the payer and `campaign` from a budget, the owner's own where `own`;
    `fee` is the protocol's of both. `vat_bps` None: the tariff is not in the registry.
    Energy and times are the session's where it was settled, 0 in what came later.
    """

    kind: Literal["settled", "collected", "refunded"]
    connector_id: int
    sequence: int
    site_id: int
    day: int
    vat_bps: int | None
    paid: int
    campaign: int
    fee: int
    own: bool
    energy_wh: int
    started_at: int
    duration_s: int
    idle_s: int

    @property
    def received(self) -> int:
        """What the owner was credited before the fee."""
        return self.paid + self.campaign


@dataclass(frozen=True, slots=True)
class RoutedFees:
    """Where the protocol fee went, of all time.

    `unrouted` is with settlement, the shares were routed; `kept` is what destinations
    refused and is kept for them.
    """

    unrouted: int
    oracles: int
    stakers: int
    drivers: int
    stations: int
    treasury: int
    kept: dict[str, int]


@dataclass(frozen=True, slots=True)
class RewardEpoch:
    """One epoch (a week since 1970) of the rewards of drivers (kind 1) or stations (2).

    `funded` is (payment, CHG). The root is the newest that was not voided.
    """

    kind: int
    epoch: int
    funded: tuple[int, int]
    root: str | None
    attempt: int | None
    allotted: tuple[int, int]
    claimable_at: int | None
    expires_at: int | None
    claimed: tuple[int, int]
    claims: int
    rolled_over: tuple[int, int]


@dataclass(frozen=True, slots=True)
class RewardClaim:
    """A reward that was paid to a vault account's holder (kind 1) or an owner (2)."""

    kind: int
    epoch: int
    recipient: int
    account: str
    payment: int
    chg: int
    provenance: Provenance
