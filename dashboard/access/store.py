"""Who signed in, who was invited, and which links open a report."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Engine, Row, delete, func, insert, select, update

from dashboard.access.roles import Role
from dashboard.access.siwe import Challenge, SignInError
from dashboard.errors import BadAddressError, NotFoundError
from dashboard.language import gettext
from dashboard.private.database import transaction
from dashboard.private.schema import challenges, people, report_links, sign_ins

CHALLENGE_S: Final = 600
SIGN_IN_S: Final = 12 * 3600
# Bounds on what one owner, and everybody together, may put here.
MAX_PEOPLE: Final = 100
MAX_LINKS: Final = 100
MAX_CHALLENGES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invited by an owner's admin."""

    address: str
    role: Role
    entered_by: str
    entered_at: int


@dataclass(frozen=True, slots=True)
class ReportLink:
    """Opens one report of one owner. The token itself is not kept."""

    id: int
    owner_id: int
    report: str
    month: date
    entered_by: str
    entered_at: int
    expires_at: int


def _random() -> str:
    return secrets.token_hex(16)


def _kept(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class AccessStore:
    """Sign-ins, people and links in the private database. `now` is wall time, UTC seconds."""

    def __init__(self, engine: Engine, random: Callable[[], str] = _random) -> None:
        """Use a database that `open_private` opened; `random` gives 128 bits in hex."""
        self._engine = engine
        self._random = random

    # --- signing in ---

    def challenge(self, address: str, origin: str, chain_id: int, now: int) -> Challenge:
        """Give out a nonce for an address. Raises `SignInError` where too many are open."""
        made = Challenge(self._random(), address, origin, chain_id, now, now + CHALLENGE_S)
        with transaction(self._engine) as connection:
            connection.execute(delete(challenges).where(challenges.c.expires_at <= now))
            open_ = connection.scalar(select(func.count()).select_from(challenges)) or 0
            if open_ >= MAX_CHALLENGES:
                raise SignInError(
                    gettext("Too many people are signing in. Try again in ten minutes.")
                )
            connection.execute(
                insert(challenges).values(
                    nonce=made.nonce,
                    address=address,
                    origin=origin,
                    issued_at=now,
                    expires_at=made.expires_at,
                )
            )
        return made

    def take(self, nonce: str, chain_id: int, now: int) -> Challenge:
        """Return the challenge of a nonce, once. Raises `SignInError` if it is used or too old."""
        with transaction(self._engine) as connection:
            row = connection.execute(
                delete(challenges).where(challenges.c.nonce == nonce).returning(challenges)
            ).one_or_none()
        if row is None or row.expires_at <= now:
            raise SignInError(
                gettext(
                    "This message was answered before or is more than ten minutes old. Start again."
                )
            )
        return Challenge(
            row.nonce, row.address, row.origin, chain_id, row.issued_at, row.expires_at
        )

    def sign_in(self, address: str, now: int) -> str:
        """Return a token that stands for an address for twelve hours."""
        token = self._random() + self._random()
        with transaction(self._engine) as connection:
            connection.execute(delete(sign_ins).where(sign_ins.c.expires_at <= now))
            connection.execute(
                insert(sign_ins).values(
                    token=_kept(token), address=address, expires_at=now + SIGN_IN_S
                )
            )
        return token

    def signed_in(self, token: str, now: int) -> str | None:
        """Return whom a token stands for, None if nobody (any more)."""
        with transaction(self._engine) as connection:
            return connection.scalar(
                select(sign_ins.c.address).where(
                    sign_ins.c.token == _kept(token), sign_ins.c.expires_at > now
                )
            )

    def sign_out(self, token: str) -> None:
        """Let a token stand for nobody."""
        with transaction(self._engine) as connection:
            connection.execute(delete(sign_ins).where(sign_ins.c.token == _kept(token)))

    # --- people ---

    def role(self, owner_id: int, address: str) -> Role:
        """Return what an invited address may do."""
        with transaction(self._engine) as connection:
            found = connection.scalar(
                select(people.c.role).where(
                    people.c.owner_id == owner_id, people.c.address == address
                )
            )
        return Role(found or 0)

    def roles(self, address: str) -> dict[int, Role]:
        """Return what an address may do for each owner that invited it."""
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(people.c.owner_id, people.c.role).where(people.c.address == address)
            ).all()
        return {row.owner_id: Role(row.role) for row in rows}

    def people(self, owner_id: int) -> tuple[Person, ...]:
        """Return an owner's people, the mightiest first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(people)
                .where(people.c.owner_id == owner_id)
                .order_by(people.c.role.desc(), people.c.address)
            ).all()
        return tuple(
            Person(row.address, Role(row.role), row.entered_by, row.entered_at) for row in rows
        )

    def invite(self, owner_id: int, address: str, role: Role, by: str, now: int) -> None:
        """Let an address act for an owner, or change its role."""
        values = {"role": int(role), "entered_by": by, "entered_at": now}
        where = (people.c.owner_id == owner_id, people.c.address == address)
        with transaction(self._engine) as connection:
            if connection.execute(update(people).where(*where).values(**values)).rowcount:
                return
            count = select(func.count()).select_from(people).where(people.c.owner_id == owner_id)
            if (connection.scalar(count) or 0) >= MAX_PEOPLE:
                raise BadAddressError(
                    gettext(
                        "an owner has at most %(max_people)s people; take one off",
                        max_people=MAX_PEOPLE,
                    )
                )
            connection.execute(insert(people).values(owner_id=owner_id, address=address, **values))

    def take_off(self, owner_id: int, address: str) -> None:
        """Let an address no longer act for an owner."""
        with transaction(self._engine) as connection:
            connection.execute(
                delete(people).where(people.c.owner_id == owner_id, people.c.address == address)
            )

    # --- auditor's links ---

    def links(self, owner_id: int, now: int) -> tuple[ReportLink, ...]:
        """Return an owner's links that still open something, newest first."""
        with transaction(self._engine) as connection:
            connection.execute(delete(report_links).where(report_links.c.expires_at <= now))
            rows = connection.execute(
                select(report_links)
                .where(report_links.c.owner_id == owner_id)
                .order_by(report_links.c.id.desc())
            ).all()
        return tuple(_link(row) for row in rows)

    def give_link(
        self, owner_id: int, report: str, month: date, by: str, now: int, days: int
    ) -> str:
        """Return the token of a new link to one report, good for `days`."""
        token = self._random() + self._random()
        if len(self.links(owner_id, now)) >= MAX_LINKS:
            raise BadAddressError(
                gettext(
                    "an owner has at most %(max_links)s links; withdraw one", max_links=MAX_LINKS
                )
            )
        with transaction(self._engine) as connection:
            connection.execute(
                insert(report_links).values(
                    token=_kept(token),
                    owner_id=owner_id,
                    report=report,
                    month=month,
                    entered_by=by,
                    entered_at=now,
                    expires_at=now + days * 86_400,
                )
            )
        return token

    def withdraw_link(self, owner_id: int, link: int) -> None:
        """Let a link open nothing any more."""
        with transaction(self._engine) as connection:
            connection.execute(
                delete(report_links).where(
                    report_links.c.owner_id == owner_id, report_links.c.id == link
                )
            )

    def opens(self, token: str, now: int) -> ReportLink:
        """Return what a token opens. Raises `NotFoundError` if nothing (any more)."""
        with transaction(self._engine) as connection:
            row = connection.execute(
                select(report_links).where(
                    report_links.c.token == _kept(token), report_links.c.expires_at > now
                )
            ).one_or_none()
        if row is None:
            raise NotFoundError(
                gettext(
                    "This link opens nothing: it expired or was withdrawn. Ask whoever gave it "
                    "to you."
                )
            )
        return _link(row)


def _link(row: Row[Any]) -> ReportLink:
    return ReportLink(
        row.id,
        row.owner_id,
        row.report,
        row.month,
        row.entered_by,
        row.entered_at,
        row.expires_at,
    )
