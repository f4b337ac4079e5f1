"""How available a connector was, from what the operational feed said of it. Pure.

The formula is NEVI's, 23 CFR 680.116(b)(3): uptime = (T − (T_outage − T_excluded)) / T,
with one difference that is always said beside it: time in which no oracle vouches for a
word is neither up nor down, so T is the time that was observed. Up is what 680.116(b)(2)
calls up: online and available, or in use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

from dashboard.private.settings import Exclusion
from indexer.read_model import FeedWord, Silence

# 23 CFR 680.116(b)(1): an average of greater than 97 percent.
REQUIRED: Final = Fraction(97, 100)
SILENCE_S: Final = 900
NO_ERROR: Final = "NoError"
# OCPP 1.6, ChargePointStatus (section 7.7); `Offline`: the charge point is not connected.
_OUTAGE: Final = frozenset({"Faulted", "Unavailable", "Offline"})

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Uptime:
    """One connector over [since, until), UTC seconds; all durations in seconds.

    `began` is when its feed begins, None if it never did; `excluded_s` is the part of
    `outage_s` that exclusions cover.
    """

    since: int
    until: int
    began: int | None
    observed_s: int
    outage_s: int
    excluded_s: int

    @property
    def enough(self) -> bool:
        """Whether the feed had begun when the span began."""
        return self.began is not None and self.began <= self.since

    @property
    def unobserved_s(self) -> int:
        """Time in which nobody vouched for a word."""
        return self.until - self.since - self.observed_s

    @property
    def share(self) -> Fraction | None:
        """The uptime, None where nothing was observed."""
        if not self.observed_s:
            return None
        return 1 - Fraction(self.outage_s - self.excluded_s, self.observed_s)

    @property
    def basis_points(self) -> int | None:
        """The uptime in hundredths of a percent, rounded down; None without history."""
        share = self.share
        return None if share is None or not self.enough else int(share * 10_000)


@dataclass(frozen=True, slots=True)
class Spell:
    """A span in which one word held."""

    since: int
    until: int
    status: str
    error_code: str
    kind: str


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How often and how long a connector reported an error."""

    error_code: str
    times: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened to a connector: it was lost, came back, restarted, faulted."""

    at: int
    what: str
    error_code: str
    lasted_s: int | None


def spells(
    words: Sequence[FeedWord], silences: Iterable[Silence], since: int, until: int
) -> tuple[Spell, ...]:
    """Return what held when, within [since, until); `words` are one connector's, in order.

    A word holds until the next one, but not through its oracle's silence, nor where the
    count says that words after it are missing.
    """
    silent: dict[str, list[Span]] = {}
    for one in silences:
        silent.setdefault(one.oracle, []).append((one.since, one.until))
    found: list[Spell] = []
    for number, word in enumerate(words, 1):
        following = words[number] if number < len(words) else None
        low, high = max(word.at, since), until if following is None else following.at
        if following is not None and _missing(word, following):
            continue
        for start, end in _without(low, min(high, until), silent.get(word.oracle, ()), word.at):
            found.append(Spell(start, end, word.status, word.error_code, word.kind))
    return tuple(found)


def _missing(word: FeedWord, following: FeedWord) -> bool:
    """Whether words between the two are missing, by the connector's count (one oracle's)."""
    if (word.oracle, word.epoch) != (following.oracle, following.epoch):
        return False
    return following.seq != word.seq + 1


def _without(low: int, high: int, cuts: Iterable[Span], said_at: int) -> Iterator[Span]:
    """Yield what is left of [low, high) without `cuts`.

    A word said within a silence ends it for another 15 minutes: it is a sign of life.
    """
    for start, end in cuts:
        begin = max(start, said_at + SILENCE_S) if start <= said_at < end else start
        if begin >= high or end <= low:
            continue
        if begin > low:
            yield low, begin
        low = max(low, end)
    if low < high:
        yield low, high


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the union of spans, in order."""
    found: list[Span] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def overlap(left: Iterable[Span], right: Iterable[Span]) -> int:
    """Return for how many seconds two unions of spans overlap."""
    cuts = merged(right)
    return sum(
        max(0, min(high, end) - max(low, start))
        for low, high in merged(left)
        for start, end in cuts
    )


def uptime(
    words: Sequence[FeedWord],
    silences: Iterable[Silence],
    exclusions: Iterable[Exclusion],
    since: int,
    until: int,
) -> Uptime:
    """Return one connector's uptime over [since, until).

    `words` are that connector's, in order, its last one before `since` among them.
    """
    held = spells(words, silences, since, until)
    outage = [(one.since, one.until) for one in held if one.status in _OUTAGE]
    excluded = [(one.since, one.until) for one in exclusions]
    return Uptime(
        since=since,
        until=until,
        began=words[0].at if words else None,
        observed_s=sum(one.until - one.since for one in held),
        outage_s=sum(high - low for low, high in outage),
        excluded_s=overlap(outage, excluded),
    )


def errors(held: Iterable[Spell]) -> tuple[ErrorCount, ...]:
    """Return the errors that were reported, the longest first."""
    times: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    before = NO_ERROR
    for one in held:
        if one.error_code not in {NO_ERROR, ""}:
            seconds[one.error_code] += one.until - one.since
            times[one.error_code] += one.error_code != before
        before = one.error_code
    return tuple(
        ErrorCount(code, times[code], seconds[code])
        for code in sorted(seconds, key=lambda code: (-seconds[code], code))
    )


def incidents(words: Sequence[FeedWord], since: int) -> tuple[Incident, ...]:
    """Return what happened from `since` on, newest first; `words` are one connector's."""
    found: list[Incident] = []
    for before, word in pairwise(words):
        if word.at < since:
            continue
        what = _what(before, word)
        if what:
            lasted = word.at - before.at if what in {"reconnected", "recovered"} else None
            code = word.error_code if what == "faulted" else before.error_code
            found.append(Incident(word.at, what, "" if code == NO_ERROR else code, lasted))
    return tuple(reversed(found))


def _what(before: FeedWord, word: FeedWord) -> str:
    if word.kind == "restart":
        return "restarted"
    if word.status == "Offline":
        return "" if before.status == "Offline" else "lost"
    if before.status == "Offline":
        return "reconnected"
    if word.status == "Faulted":
        return "" if before.status == "Faulted" else "faulted"
    return "recovered" if before.status == "Faulted" else ""
