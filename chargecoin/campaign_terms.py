"""Which sessions a campaign covers, and which earlier ones a loyalty boost counts.

The contract checks connector, dates, hour, cap and budget (docs/protocol.md, section
10). What it cannot see is how often a payer has charged before; attesters count that
in sessions that the evidence names (docs/evidence.md, step `campaign`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chargecoin.campaigns import benefit

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class CampaignTerms:
    """A campaign's rules as they are on chain.

    `owner_id` is 0 for a sponsor's. `ends_at` is exclusive, `pauses` are
    [from, to) each, all UTC seconds. `rate_bps` is of the gross, `session_cap` base
    units. A loyalty boost asks for `min_sessions` settled sessions of the payer at the
    owner's connectors in the `window_days` before the start; `driver_cap` is the most
    sessions of one payer in all. 0 stands for no such condition.
    """

    id: int
    kind: int
    owner_id: int
    starts_at: int
    ends_at: int
    pauses: tuple[tuple[int, int], ...]
    hour_mask: int
    rate_bps: int
    session_cap: int
    min_sessions: int
    window_days: int
    driver_cap: int

    @property
    def unconditional(self) -> bool:
        """Whether everybody gets it, for as long as it lasts."""
        return not self.min_sessions and not self.driver_cap

    def covers(self, started_at: int, hour_of_week: int) -> bool:
        """Whether a session that starts then is within dates and hours, and in no pause."""
        return (
            self.starts_at <= started_at < self.ends_at
            and bool(self.hour_mask >> hour_of_week & 1)
            and not any(begin <= started_at < end for begin, end in self.pauses)
        )

    def benefit(self, gross: int) -> int:
        """Return what it takes off a gross, base units."""
        return benefit(gross, self.rate_bps, self.session_cap)


@dataclass(frozen=True, slots=True)
class EarlierSession:
    """A session with an account as the chain logged it.

    `transaction` is the one that settled it, `campaign` 0 where none took anything off,
    `settled` whether it was paid in full.
    """

    session_id: int
    transaction: bytes
    account: int
    owner_id: int
    started_at: int
    campaign: int
    settled: bool

    def counts(self, terms: CampaignTerms, account: int, started_at: int) -> bool:
        """Whether it is one that a loyalty boost asks for, for a session that starts then."""
        return (
            self.settled
            and self.account == account
            and self.owner_id == terms.owner_id
            and started_at - terms.window_days * DAY_S <= self.started_at < started_at
        )
