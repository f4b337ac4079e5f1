"""A place's tariffs over time, and how it was used before and after each change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chargecoin.tariff import Prices, Tariff
from dashboard.comparison import MAX_DAYS, Comparison, compare
from dashboard.services import Services
from dashboard.spans import around
from dashboard.weekhours import days_of
from indexer.read_model import Connector
from indexer.read_model import Tariff as Published


@dataclass(frozen=True, slots=True)
class TariffChange:
    """One tariff as published; `comparison` None where there is not enough data on either side.

    `first` has nothing before it, `future` is not in force yet.
    """

    index: int
    valid_from: int
    low: Prices
    high: Prices
    vat_bps: int
    first: bool
    future: bool
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class TariffHistory:
    """Connectors whose tariffs were the same all along, and those, newest first."""

    connectors: tuple[Connector, ...]
    changes: tuple[TariffChange, ...]


def _compared(
    has: Services, ids: Sequence[int], zone: str, change: int, began: int, ends: int
) -> Comparison | None:
    """Compare whole local days around a change at `change`, from `began` up to `ends`."""
    span = around(change, began, ends, zone, MAX_DAYS)
    if span is None:
        return None
    hours = has.model.hours_of(ids, span.since, span.until)
    sides = ((span.since, span.low), (span.high, span.until))
    before, after = (
        days_of((one for one in hours if low <= one.hour < high), len(ids), low, high, zone)
        for low, high in sides
    )
    return compare(before, after)


def _history(
    has: Services, members: Sequence[Connector], tariffs: Sequence[Published]
) -> TariffHistory:
    ids = [one.connector_id for one in members]
    zone = members[0].time_zone
    decoded = [Tariff.decode(one.slot) for one in tariffs]
    # Nobody could charge before the first tariff was published, whenever it is dated.
    published_at = tariffs[0].provenance.block_timestamp
    begins = [max(one.valid_from, published_at) for one in decoded]
    ends = [*begins[1:], has.now()]
    found = []
    for number, (published, tariff) in enumerate(zip(tariffs, decoded, strict=True)):
        comparison = None
        if number and tariff.valid_from < has.now():
            end = min(ends[number], has.now())
            comparison = _compared(has, ids, zone, tariff.valid_from, begins[number - 1], end)
        found.append(
            TariffChange(
                index=published.tariff_index,
                valid_from=tariff.valid_from,
                low=tariff.minimum,
                high=tariff.maximum,
                vat_bps=published.vat_bps,
                first=not number,
                future=tariff.valid_from > has.now(),
                comparison=comparison,
            )
        )
    return TariffHistory(tuple(members), tuple(reversed(found)))


def histories(has: Services, connectors: Sequence[Connector]) -> tuple[TariffHistory, ...]:
    """Return the tariffs of connectors of one site, those with the same ones together."""
    groups: dict[tuple[tuple[int, int], ...], list[Connector]] = {}
    published: dict[tuple[tuple[int, int], ...], tuple[Published, ...]] = {}
    for one in connectors:
        tariffs = has.model.tariffs(one.connector_id)
        # `valid_to` of a slot as published is open; what follows ends it.
        same = tuple((tariff.slot, tariff.vat_bps) for tariff in tariffs)
        groups.setdefault(same, []).append(one)
        published[same] = tariffs
    return tuple(_history(has, groups[same], published[same]) for same in groups if same)
