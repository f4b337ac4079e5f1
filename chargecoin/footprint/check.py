"""A carbon report recomputed from itself: every line, every sum, and the digest of it all.

What a line says of a session is compared with its record word, which the evidence binds to
the chain (`chargecoin.footprint.evidence`); what follows from that is worked out again from
the inputs in the report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from chargecoin import record
from chargecoin.errors import CodecError, ReportError
from chargecoin.footprint.account import Account, Settled, charged
from chargecoin.footprint.allocation import HourPools, Pool
from chargecoin.footprint.document import COLUMNS, Anchor, Digest, Reader, Row, Scope, text
from chargecoin.footprint.tables import month_of, zone_of

_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, CodecError)


class Fault(NamedTuple):
    """Something that differs: where (a session, a total), and how."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(slots=True)
class Recomputed:
    """What recomputing a report found; `sessions` are those that its lines state, by id."""

    scope: Scope
    account: Account
    hours: HourPools
    digest: str = ""
    sessions: dict[int, Settled] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, where: str, what: str) -> None:
        """Note something that differs."""
        self.faults.append(Fault(where, what))


def differs(name: str, stated: Any, found: Any) -> str:
    """Return in words how a value differs."""
    return f"{name} is {text(stated) or 'empty'}, and must be {text(found) or 'empty'}"


def key_of(session_id: int) -> str:
    """Return a session as people write it."""
    return "/".join(map(str, record.split_session_id(session_id)))


def recompute(rows: Iterable[Row]) -> Recomputed:
    """Work a report out again. Raises `ReportError` if its head cannot be read."""
    reader, digest = Reader(), Digest()
    found: Recomputed | None = None
    closing: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    sealed = None
    for row in rows:
        if row.kind == "digest":
            sealed = row
            continue
        digest.add(row)
        if row.kind in {"report", "input"}:
            if found is not None:
                found.fault(f"{row.kind} {row.name}", "it comes after the sessions")
            _read(reader, row)
            continue
        found = found or _begin(reader)
        if row.kind == "session":
            _session(found, row)
        else:
            closing[row.kind, row.name].append(row.value)
    found = found or _begin(reader)
    _pools(found)
    _closing(found, closing)
    found.digest = digest.row().value
    if sealed is None or sealed[1:3] != digest.row()[1:3]:
        stated = "missing" if sealed is None else sealed.value
        found.fault("digest", differs("sha256", stated, found.digest) + ": a cell was changed")
    return found


def _read(reader: Reader, row: Row) -> None:
    try:
        reader.add(row)
    except ValueError as error:
        raise ReportError(f"{row.kind} {row.name} cannot be read: {error}") from error


def _begin(reader: Reader) -> Recomputed:
    try:
        inputs = reader.inputs()
        account = Account(reader.scope(), inputs)
    except _UNREADABLE as error:
        raise ReportError(f"it is no carbon report, or its inputs were damaged: {error}") from error
    found = Recomputed(account.scope, account, HourPools(account.method.allocation.solar))
    stated = reader.stated_hashes()
    for table in inputs.tables:
        if stated[table.id] != table.sha256:
            what = differs("sha256", stated[table.id], table.sha256)
            found.fault(f"table {table.id} ({table.source})", what)
    return found


def _session(found: Recomputed, row: Row) -> None:
    said = dict(zip(COLUMNS, row.cells, strict=True))
    where = f"session {said['connector_id']}/{said['sequence']}"
    try:
        one = _settled(said)
        entry = found.account.enter(one)
        found.hours.add(*charged(one.pool, one.anchor.word)[:5])
    except _UNREADABLE as error:
        found.fault(where, f"it cannot be read: {error}")
        return
    for name, stated, value in zip(COLUMNS, row.cells, entry.cells(), strict=True):
        if text(stated) != text(value):
            found.fault(where, differs(name, stated, value))
    session_id = record.session_id(one.connector_id, one.sequence)
    if session_id in found.sessions:
        found.fault(where, "it is in the report twice")
    found.sessions[session_id] = one
    scope = found.scope
    if not scope.since <= one.pool.month <= scope.until:
        found.fault(where, f"{one.pool.month} is not in the report's months")
    if not scope.holds(one.pool.site_id, one.power_type, one.standard):
        found.fault(where, "it is not of the site and connectors that the report is of")
    place = found.account.method.allocation.sites[one.pool.site_id]
    month = month_at(one.settled_at, place.time_zone)
    if month != one.pool.month:
        found.fault(where, differs("month", one.pool.month, month))


def month_at(moment: int, zone: str) -> str:
    """Return the month of a moment (UTC seconds) in a zone."""
    return month_of(datetime.fromtimestamp(moment, zone_of(zone)).date())


def _settled(said: dict[str, str]) -> Settled:
    """Return what a line says of its session; the rest of it is worked out."""
    return Settled(
        connector_id=int(said["connector_id"]),
        sequence=int(said["sequence"]),
        pool=Pool(int(said["site_id"]), said["month"]),
        settled_at=int(said["settled_at"]),
        power_type=said["power_type"],
        standard=said["standard"],
        anchor=Anchor(
            word=int(said["word"], 16),
            batch=int(said["batch"]),
            evidence_root=said["evidence_root"],
            commitment=said["commitment"],
            transaction=said["transaction"],
            block=int(said["block"]),
        ),
    )


def _pools(found: Recomputed) -> None:
    """Compare the pools with the lines, where these are all of them."""
    account, scope = found.account, found.scope
    sums = account.sums()
    if replace(scope, site_id=None).narrowed:
        return
    for pool, energy in account.inputs.pools.items():
        inside = scope.since <= pool.month <= scope.until
        if inside and scope.site_id in {None, pool.site_id}:
            lines = sums[pool].energy_wh if pool in sums else 0
            where = f"pool of site {pool.site_id} in {pool.month}"
            if lines != energy:
                found.fault(where, differs("energy", energy, lines) + " Wh by its lines")
            if account.inputs.hours.get(pool, {}) != found.hours.sums.get(pool, {}):
                found.fault(where, "its hours are not those of its lines")


def _closing(found: Recomputed, stated: dict[tuple[str, str], list[str]]) -> None:
    """Compare the sums, in whatever order they stand."""
    wanted: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in found.account.closing():
        wanted[row.kind, row.name].append(row.value)
    for key in sorted({*wanted, *stated}):
        left, right = stated.get(key, []), wanted.get(key, [])
        where = " ".join(key)
        if len(left) != len(right):
            found.fault(where, f"there are {len(left)} rows, and must be {len(right)}")
        for one, other in zip(left, right, strict=False):
            if one != other:
                found.fault(where, differs("it", one, other))
