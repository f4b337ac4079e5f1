"""What a refund comes to before it is signed: the twin of the contract's rule.

docs/protocol.md, section 9; `contracts/modules/adjustments.vy`. Amounts are base units, times
UTC seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chargecoin.errors import FieldRangeError
from chargecoin.windows import REFUND_WINDOW_S, window_end

# The fee is a thousandth of what was paid and not refunded in time.
FEE_DIVISOR: Final = 1_000


@dataclass(frozen=True, slots=True)
class Refund:
    """What a refund moves: debt that is waived, money to the payer's vault and the budget.

    `fee_back` is the protocol fee that the owner is given back.
    """

    waived: int
    to_payer: int
    to_campaign: int
    fee_back: int

    @property
    def from_owner(self) -> int:
        """What leaves the owner's accrual."""
        return self.to_payer + self.to_campaign


@dataclass(frozen=True, slots=True)
class Standing:
    """How a session stands: what was settled, and what was adjusted since."""

    paid: int
    campaign_paid: int
    debt: int
    settled_at: int
    collected: int = 0
    refunded: int = 0
    refunded_late: int = 0
    waived: int = 0

    @property
    def outstanding(self) -> int:
        """What is left of the debt."""
        return self.debt - self.collected - self.waived

    @property
    def net(self) -> int:
        """What the fee is a thousandth of."""
        return self.paid + self.campaign_paid + self.collected - self.refunded

    @property
    def refundable(self) -> int:
        """What was paid and is not refunded."""
        return self.net - self.refunded_late

    @property
    def most(self) -> int:
        """The largest refund: all that is owed is waived, all that was paid goes back."""
        return self.outstanding + self.refundable

    def fee_until(self, paused_until: int) -> int:
        """Return until when a refund gives the fee back."""
        return window_end(self.settled_at, REFUND_WINDOW_S, paused_until)

    def refund(self, amount: int, at: int, paused_until: int) -> Refund:
        """Return what refunding an amount comes to at a time.

        Debt is waived first; of the rest the campaign's part is by difference, so that all
        refunds together are in proportion to the unit. Raises `FieldRangeError` for more than
        `most`.
        """
        if not 0 < amount <= self.most:
            raise FieldRangeError("refund", amount, self.most, minimum=1)
        waived = min(amount, self.outstanding)
        back = amount - waived
        before = self.refunded + self.refunded_late
        campaign = 0
        if self.campaign_paid:
            whole = self.paid + self.campaign_paid + self.collected
            campaign = (before + back) * self.campaign_paid // whole
            campaign -= before * self.campaign_paid // whole
        fee = 0
        if at < self.fee_until(paused_until):
            fee = self.net // FEE_DIVISOR - (self.net - back) // FEE_DIVISOR
        return Refund(waived, back - campaign, campaign, fee)
