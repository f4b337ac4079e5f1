"""What one session, collection or refund adds to the sums of its settlement. Pure.

The formulas of sessions are of one (integers) as of many (an array a column), so that who
writes a batch and who adds up a page's few rows have the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from chargecoin.carbon import BASELINE, grams
from chargecoin.record import GRID_UNKNOWN, Assurance, OutcomeFlag, Reason, Status
from indexer.rows import CollectionRow, RefundRow, Session
from indexer.schema import CAMPAIGN_SUMS, SETTLEMENT_SUMS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

N = TypeVar("N", int, "NDArray[np.int64]")
Sums = tuple[int, ...]

_REJECTED: Final = int(Status.REJECTED)
_UNFUNDED: Final = int(Status.UNFUNDED)
_NO_PAYER: Final = int(Reason.NO_PAYER)
_CLAMPED: Final = int(OutcomeFlag.CLAMPED)
_NOT_APPLIED: Final = int(OutcomeFlag.CAMPAIGN_NOT_APPLIED)
_ASSURANCES: Final = (int(Assurance.REPORTED), int(Assurance.OBSERVED), int(Assurance.SIGNED))


def settlement_sums(session: Session[N]) -> tuple[N, ...]:
    """Return what a session adds to its settlement hour and day, in order of `SETTLEMENT_SUMS`.

    A rejected session is counted and nothing else: its fields may say anything.
    """
    rejected = (session.status == _REJECTED) * 1
    counted = 1 - rejected
    energy = session.energy_wh * counted
    gross = session.gross * counted
    grid = session.grid_gco2e_per_kwh
    known = (grid != GRID_UNKNOWN) * energy
    reported, observed, signed = ((session.assurance == one) * counted for one in _ASSURANCES)
    nothing = 0 * rejected
    return (
        counted,
        (session.status == _UNFUNDED) * 1,
        rejected,
        (session.flags & _CLAMPED) * counted,
        reported,
        observed,
        signed,
        energy,
        energy * signed,
        gross,
        session.paid * counted,
        session.campaign_paid * counted,
        session.fee * counted,
        session.debt * counted,
        gross * (session.reason == _NO_PAYER),
        nothing,
        nothing,
        grams(known, grid),
        grams(known, BASELINE.g_per_kwh - grid),
        known,
        session.discount * counted,
        nothing,
        nothing,
        nothing,
        rejected + counted,
    )


def collection_sums(collection: CollectionRow) -> Sums:
    """Return what a collected debt adds to the hour and day of its collection."""
    values = {"collected": collection.amount, "collected_fee": collection.fee, "parts": 1}
    return tuple(values.get(name, 0) for name in SETTLEMENT_SUMS)


def refund_sums(refund: RefundRow) -> Sums:
    """Return what a refund adds to the hour and day on which it was made."""
    values = {
        "refunded": refund.to_payer + refund.to_campaign,
        "refunded_fee": refund.fee_back,
        "waived": refund.waived,
        "parts": 1,
    }
    return tuple(values.get(name, 0) for name in SETTLEMENT_SUMS)


def campaign_sums(session: Session[N]) -> tuple[N, ...]:
    """Return what a session adds to its campaign's day, in order of `CAMPAIGN_SUMS`.

    Only of sessions that name one and are not rejected.
    """
    one = (session.status == session.status) * 1
    return (
        one,
        (session.flags & _NOT_APPLIED != 0) * 1,
        session.energy_wh,
        session.gross,
        session.paid,
        session.campaign_paid,
        session.discount,
        session.fee,
        0 * one,
        one,
    )


def returned_sums(refund: RefundRow) -> Sums:
    """Return what a refund adds to the day of the campaign that had paid for its session."""
    values = {"returned": refund.to_campaign, "parts": 1}
    return tuple(values.get(name, 0) for name in CAMPAIGN_SUMS)


def outcome_sums(session: Session[N]) -> tuple[N, ...]:
    """Return what a session adds to those that ended as it did, in order of `OUTCOME_SUMS`."""
    return (
        session.flags & _CLAMPED,
        session.energy_wh,
        session.gross,
        session.paid,
        session.campaign_paid,
        session.fee,
        session.debt,
        session.discount,
        (session.status == session.status) * 1,
    )
