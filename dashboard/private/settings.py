"""What an owner entered: exclusions, purchase prices, the card processor's rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

from sqlalchemy import Engine, delete, func, insert, select

from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.private.database import transaction
from dashboard.private.schema import card_rates, exclusions, mandates, purchase_prices

MAX_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A span that does not count against a connector. `reason` is a key of `words.EXCLUDED`."""

    id: int
    connector_id: int
    since: int
    until: int
    reason: str
    note: str
    entered_by: str
    entered_at: int


@dataclass(frozen=True, slots=True)
class PurchasePrice:
    """What a kWh costs the owner (base units, VAT not included) from a day on, in some hours.

    Hours are of the site's day, `hour_to` not included.
    """

    site_id: int
    since: date
    hour_from: int
    hour_to: int
    per_kwh: int


@dataclass(frozen=True, slots=True)
class CardRate:
    """What a card processor takes of a payment: basis points and a fixed amount."""

    bps: int
    fixed: int


@dataclass(frozen=True, slots=True)
class KeptMandate:
    """A mandate's id (hex) and terms: how many cards, base units a session, UTC seconds."""

    mandate: str
    account: int
    cards: int
    max_per_session: int
    valid_from: int
    valid_until: int


class SettingsStore:
    """Settings in the private database; each by owner. `now` is wall time, UTC seconds."""

    def __init__(self, engine: Engine) -> None:
        """Use a database that `open_private` opened."""
        self._engine = engine

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def exclusions(self, owner_id: int) -> tuple[Exclusion, ...]:
        """Return an owner's exclusions, newest first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(exclusions)
                .where(exclusions.c.owner_id == owner_id)
                .order_by(exclusions.c.since.desc(), exclusions.c.id.desc())
            ).all()
        return tuple(
            Exclusion(
                row.id,
                row.connector_id,
                row.since,
                row.until,
                row.reason,
                row.note,
                row.entered_by,
                row.entered_at,
            )
            for row in rows
        )

    def exclude(
        self,
        owner_id: int,
        connector_ids: Sequence[int],
        *,
        since: int,
        until: int,
        reason: str,
        note: str,
        by: str,
        now: int,
    ) -> None:
        """Enter one exclusion for each connector."""
        rows = [
            {
                "owner_id": owner_id,
                "connector_id": connector_id,
                "since": since,
                "until": until,
                "reason": reason,
                "note": note,
                "entered_by": by,
                "entered_at": now,
            }
            for connector_id in connector_ids
        ]
        with transaction(self._engine) as connection:
            count = select(func.count()).where(exclusions.c.owner_id == owner_id)
            if (connection.scalar(count) or 0) + len(rows) > MAX_ROWS:
                raise BadAddressError(
                    gettext("an owner has at most %(max_rows)s exclusions", max_rows=MAX_ROWS)
                )
            connection.execute(insert(exclusions), rows)

    def take_back(self, owner_id: int, exclusion: int) -> None:
        """Let an exclusion no longer count."""
        with transaction(self._engine) as connection:
            connection.execute(
                delete(exclusions).where(
                    exclusions.c.owner_id == owner_id, exclusions.c.id == exclusion
                )
            )

    def purchase_prices(self, owner_id: int) -> tuple[PurchasePrice, ...]:
        """Return an owner's purchase prices by site and day, as entered."""
        table = purchase_prices
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(table)
                .where(table.c.owner_id == owner_id)
                .order_by(table.c.site_id, table.c.since, table.c.id)
            ).all()
        return tuple(
            PurchasePrice(row.site_id, row.since, row.hour_from, row.hour_to, row.per_kwh)
            for row in rows
        )

    def enter_prices(
        self, owner_id: int, prices: Sequence[PurchasePrice], by: str, now: int
    ) -> None:
        """Add purchase prices; each takes the place of one of the same site, day and hours."""
        table = purchase_prices
        with transaction(self._engine) as connection:
            for one in prices:
                connection.execute(
                    delete(table).where(
                        table.c.owner_id == owner_id,
                        table.c.site_id == one.site_id,
                        table.c.since == one.since,
                        table.c.hour_from == one.hour_from,
                        table.c.hour_to == one.hour_to,
                    )
                )
                connection.execute(
                    insert(table).values(
                        owner_id=owner_id,
                        site_id=one.site_id,
                        since=one.since,
                        hour_from=one.hour_from,
                        hour_to=one.hour_to,
                        per_kwh=one.per_kwh,
                        entered_by=by,
                        entered_at=now,
                    )
                )
            count = select(func.count()).where(table.c.owner_id == owner_id)
            if (connection.scalar(count) or 0) > MAX_ROWS:
                raise BadAddressError(
                    gettext("an owner has at most %(max_rows)s purchase prices", max_rows=MAX_ROWS)
                )

    def mandates(self, account: int) -> tuple[KeptMandate, ...]:
        """Return the mandates that an account's holder signed here, newest first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(mandates)
                .where(mandates.c.account == account)
                .order_by(mandates.c.valid_from.desc(), mandates.c.mandate)
            ).all()
        return tuple(KeptMandate(*row) for row in rows)

    def keep_mandate(self, one: KeptMandate) -> None:
        """Remember a mandate that an oracle took; again is harmless."""
        with transaction(self._engine) as connection:
            connection.execute(delete(mandates).where(mandates.c.mandate == one.mandate))
            count = select(func.count()).where(mandates.c.account == one.account)
            if (connection.scalar(count) or 0) >= MAX_ROWS:
                raise BadAddressError(f"an account has at most {MAX_ROWS} mandates here")
            connection.execute(insert(mandates).values(asdict(one)))

    def card_rate(self, owner_id: int) -> CardRate | None:
        """Return the card processor's rate that an owner set."""
        with transaction(self._engine) as connection:
            row = connection.execute(
                select(card_rates.c.bps, card_rates.c.fixed).where(
                    card_rates.c.owner_id == owner_id
                )
            ).one_or_none()
        return None if row is None else CardRate(row.bps, row.fixed)

    def set_card_rate(self, owner_id: int, rate: CardRate, by: str, now: int) -> None:
        """Set the card processor's rate."""
        with transaction(self._engine) as connection:
            connection.execute(delete(card_rates).where(card_rates.c.owner_id == owner_id))
            connection.execute(
                insert(card_rates).values(
                    owner_id=owner_id,
                    bps=rate.bps,
                    fixed=rate.fixed,
                    entered_by=by,
                    entered_at=now,
                )
            )
