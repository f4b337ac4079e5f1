"""Sessions that are not simply settled: what each is, why, how much, and what to do.

Some are on the chain, others only with the oracles: open at a charger by the signed feed,
on their way to a batch or held back by what an oracle's API says. Both become the same
`Line`, and are never mixed in one list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Literal, get_args
from urllib.parse import urlencode

from chargecoin.record import OutcomeFlag, Reason, Status
from dashboard import words
from dashboard.errors import BadAddressError
from dashboard.formats import zone_of
from dashboard.language import Texts, gettext
from dashboard.oracles import HeldBack, OnTheWay
from dashboard.query import choice_of, day_of, number_of
from indexer.read_model import (
    Connector,
    ConnectorState,
    ExceptionFilter,
    ExceptionKind,
    FailedStart,
    SessionException,
)

OffChain = Literal["in_flight", "on_its_way", "failed_start", "quarantined"]
OFF_CHAIN: Final[tuple[OffChain, ...]] = get_args(OffChain)
ON_CHAIN: Final[tuple[ExceptionKind, ...]] = get_args(ExceptionKind)
# A batch is due after a quarter of an hour; what waits for longer than this is worth a word.
LATE_S: Final = 3_600
_LARGEST_KEY: Final = (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class ExceptionQuery:
    """What the lists are narrowed to, as it stands in the address.

    `after` continues the list of the chain, `open` the other one (`at` and `tie` of its last line).
    """

    kind: OffChain | ExceptionKind | None = None
    site: int | None = None
    since: date | None = None
    until: date | None = None
    after: int | None = None
    open: str | None = None

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> ExceptionQuery:
        """Read an address. Raises `BadAddressError`."""
        kind: Any = choice_of(values, "kind", (*OFF_CHAIN, *ON_CHAIN))
        further = values.get("open", "").strip() or None
        if further is not None and not further.partition(".")[0].isdecimal():
            raise BadAddressError(
                gettext("open is where a page before ended, not %(further)s", further=repr(further))
            )
        return cls(
            kind=kind,
            site=number_of(values, "site", (1 << 32) - 1),
            since=day_of(values, "since"),
            until=day_of(values, "until"),
            after=number_of(values, "after", _LARGEST_KEY),
            open=further,
        )

    @property
    def any(self) -> bool:
        """Whether it narrows anything."""
        return replace(self, after=None, open=None) != ExceptionQuery()

    def address(self, **changes: Any) -> str:
        """Return the query string of this filter with some fields changed."""
        values = {k: v for k, v in asdict(replace(self, **changes)).items() if v is not None}
        return "?" + urlencode({name: str(value) for name, value in values.items()})

    def of(self, owner_id: int, kind: ExceptionKind | None) -> ExceptionFilter:
        """Return its site and days as the read model takes them, for one kind or all."""
        return ExceptionFilter(owner_id, kind, self.site, self.since, self.until)

    def on_chain(self, owner_id: int) -> ExceptionFilter | None:
        """Return it as the read model takes it; None if it asks for nothing of the chain."""
        kind = next((one for one in ON_CHAIN if one == self.kind), None)
        if kind is None and self.kind is not None:
            return None
        return self.of(owner_id, kind)

    def holds(self, line: Line) -> bool:
        """Whether a line that is not on the chain is of this site and these days."""
        day = datetime.fromtimestamp(line.at, zone_of(line.zone)).date()
        return (
            (self.site is None or line.site_id == self.site)
            and (self.since is None or day >= self.since)
            and (self.until is None or day <= self.until)
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One exception. Amounts are base units and None where none is known, times UTC seconds.

    `amount` is what `amount_of` says: what is owed, put aside, given back, or the price.
    `session` is the session's key where the chain knows it; `origin` is who says so where
    it does not. `dispute` is the number of the one that is open or has ended. `tie`
    orders lines of one second.
    """

    kinds: tuple[OffChain | ExceptionKind, ...]
    at: int
    tie: str
    site_id: int | None
    site: str
    zone: str
    station: str
    connector: int | None
    connector_id: int | None
    session: str
    energy_wh: int | None
    amount: int | None
    amount_of: str
    why: str
    what_to_do: str
    deadline: int | None = None
    origin: str = ""
    dispute: int | None = None

    @property
    def key(self) -> str:
        """What continues a list after this line."""
        return f"{self.at}.{self.tie}"


def _off_chain(kind: OffChain, at: float, tie: str, where: Connector | None, **more: Any) -> Line:
    found: dict[str, Any] = {
        "kinds": (kind,),
        "at": int(at),
        "tie": tie,
        "site_id": where.site_id if where else None,
        "site": where.site_name if where else "",
        "zone": where.time_zone if where else "UTC",
        "station": where.station_identity if where else "",
        "connector": where.connector_number if where else None,
        "connector_id": where.connector_id if where else None,
        "session": "",
        "energy_wh": None,
        "amount": None,
        "amount_of": "",
    }
    return Line(**(found | more))


def in_flight(states: Iterable[ConnectorState]) -> list[Line]:
    """Return the transactions that are open, by the last signed word on each connector."""
    found = []
    for one in states:
        if one.session is None or one.at is None:
            continue
        away = one.use in {"offline", "unknown"}
        found.append(
            _off_chain(
                "in_flight",
                one.since or one.at,
                f"c{one.connector.connector_id}",
                one.connector,
                why=gettext(
                    "Transaction %(number)s. The connector: %(state)s.",
                    number=one.session,
                    state=words.CHARGER[one.use].name,
                ),
                what_to_do=words.WHAT_TO_DO["in_flight offline" if away else "in_flight"],
                origin=one.oracle or "",
            )
        )
    return found


_STATE: Final = Texts(
    {
        "closed": "It waits to be measured and priced.",
        "pending": "It is measured and priced, and waits for a batch.",
        "proposed": "It is in a batch that is on its way to the chain.",
    }
)


def on_its_way(
    backlog: Iterable[OnTheWay], places: Mapping[tuple[str, int], Connector], now: int
) -> list[Line]:
    """Return what has ended and is not settled, as oracles say, at an owner's connectors."""
    found = []
    for one in backlog:
        where = places.get((one.charge_point, one.connector_number))
        if where is None:
            continue
        late = now - one.closed_at > LATE_S
        found.append(
            _off_chain(
                "on_its_way",
                one.closed_at,
                f"t{one.transaction_id}@{one.origin}",
                where,
                why=gettext("Transaction %(number)s.", number=one.transaction_id)
                + f" {_STATE.get(one.state, one.state)}",
                what_to_do=words.WHAT_TO_DO["on_its_way late" if late else "on_its_way"],
                energy_wh=one.energy_wh,
                amount=None if one.gross is None else int(one.gross),
                amount_of="price",
                origin=one.origin,
            )
        )
    return found


def held_back(entries: Iterable[HeldBack], stations: Mapping[str, Connector]) -> list[Line]:
    """Return what oracles hold in quarantine for an owner's stations."""
    return [
        _off_chain(
            "quarantined",
            one.at,
            f"q{one.id}@{one.origin}",
            stations[one.charge_point],
            connector=None,
            connector_id=None,
            why=f"{one.sentence} ({one.code})",
            what_to_do=str(words.HELD_BACK.get(one.code, words.HELD_BACK_OTHERWISE)),
            origin=one.origin,
        )
        for one in entries
        if one.charge_point in stations
    ]


def failed(starts: Iterable[FailedStart], places: Mapping[int, Connector]) -> list[Line]:
    """Return failed starts, as oracles signed them."""
    return [
        _off_chain(
            "failed_start",
            one.at,
            f"f{one.n}@{one.oracle}",
            places[one.connector_id],
            energy_wh=one.energy_wh,
            why=gettext("A transaction began and ended without energy.")
            if one.energy_wh is not None
            else gettext("A card was presented or a vehicle plugged in, and no transaction began."),
            what_to_do=words.WHAT_TO_DO["failed_start"],
            origin=one.oracle,
        )
        for one in starts
    ]


def newest_first(lines: Iterable[Line]) -> list[Line]:
    """Return lines in the order in which they are listed."""
    return sorted(lines, key=lambda line: (-line.at, line.tie))


def page_of(lines: list[Line], after: str | None, limit: int) -> tuple[list[Line], str | None]:
    """Return the lines after a key, and the key that continues them."""
    if after is not None:
        at, _, tie = after.partition(".")
        lines = [line for line in lines if (-line.at, line.tie) > (-int(at), tie)]
    shown = lines[:limit]
    return shown, shown[-1].key if len(lines) > limit else None


# --- on the chain ---

_CAMPAIGN: Final = OutcomeFlag.CAMPAIGN_NOT_APPLIED | OutcomeFlag.CAMPAIGN_SHORT
_REJECTED: Final = {
    Reason.SESSION_CAP: "rejected cap",
    Reason.OWNER_DAY_CAP: "rejected cap",
    Reason.COMMITTEE_DAY_CAP: "rejected cap",
    Reason.TARIFF_NOT_IN_FORCE: "rejected tariff",
}


def _kinds(one: SessionException) -> tuple[ExceptionKind, ...]:
    """Return what it is, the gravest first."""
    if one.dispute:
        return ("disputed" if one.dispute.state == "open" else "dispute_ended",)
    if one.refund:
        return ("refunded",)
    row = one.session
    flags = OutcomeFlag(row.flags)
    found: dict[ExceptionKind, bool] = {
        "rejected": row.status == Status.REJECTED,
        "unfunded": row.status == Status.UNFUNDED,
        "campaign": bool(flags & _CAMPAIGN),
        "clamped": bool(flags & OutcomeFlag.CLAMPED),
        "no_energy": row.energy_wh == 0,
    }
    return tuple(kind for kind, holds in found.items() if holds)


def _why(one: SessionException, kinds: tuple[ExceptionKind, ...]) -> str:
    row = one.session
    if one.dispute or one.refund:
        return words.EXCEPTION[kinds[0]].meaning
    said = [words.REASON[row.reason]]
    said += [text for flag, text in words.FLAGS.items() if OutcomeFlag(row.flags) & flag]
    if "no_energy" in kinds:
        said.append(words.EXCEPTION["no_energy"].meaning)
    return " ".join(text for text in said if text)


def _what_to_do(one: SessionException, kind: ExceptionKind) -> str:
    row = one.session
    owed = row.debt - row.collected - row.waived
    if kind == "unfunded":
        if row.reason == Reason.NO_PAYER:
            return words.WHAT_TO_DO["unfunded elsewhere"]
        return words.WHAT_TO_DO["unfunded short" if owed else "unfunded paid" if row.debt else kind]
    if kind == "rejected":
        return words.WHAT_TO_DO[_REJECTED.get(Reason(row.reason), kind)]
    if one.dispute and one.dispute.answer and kind == "disputed":
        return words.WHAT_TO_DO["disputed answered"]
    return words.WHAT_TO_DO[kind]


def _amount(one: SessionException, kind: ExceptionKind) -> tuple[int, str]:
    row = one.session
    if one.dispute:
        closed = kind == "dispute_ended"
        return (one.dispute.refunded, "given back") if closed else (one.dispute.amount, "disputed")
    if one.refund:
        return one.refund.to_payer + one.refund.to_campaign + one.refund.waived, "given back"
    if kind == "unfunded" and row.debt:
        return row.debt - row.collected - row.waived, "owed"
    return row.gross, "price"


def on_chain(one: SessionException, key: Callable[[int], str]) -> Line:
    """Return an exception of the chain as a line; `key` writes a session's id."""
    kinds = _kinds(one)
    row = one.session
    amount, amount_of = _amount(one, kinds[0])
    return Line(
        kinds=kinds,
        at=one.at,
        tie=str(one.key),
        site_id=row.site_id,
        site=row.site_name,
        zone=row.time_zone,
        station=row.station_identity,
        connector=row.connector_number,
        connector_id=row.connector_id,
        session=key(row.session_id),
        energy_wh=row.energy_wh,
        amount=amount,
        amount_of=amount_of,
        why=_why(one, kinds),
        what_to_do=_what_to_do(one, kinds[0]),
        deadline=one.dispute.deadline if one.dispute and kinds[0] == "disputed" else None,
        dispute=one.dispute.dispute if one.dispute else None,
    )
