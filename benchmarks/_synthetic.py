"""A year of many owners' sessions and money, as the logs that the contracts would have made.

Made up, because a chain of ten million sessions takes hours to make; read, checked and
stored by the indexer's own decoder and store, which cannot tell the difference.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak

from benchmarks._synthetic_money import Aftermath, Campaigns, Event
from chargecoin.tariff import Prices, Tariff, gross
from indexer.events import BATCH_SETTLED, RUN, SESSION
from indexer.rpc import Log
from indexer.store import Block, Cursor, Store
from tests.indexer.fake_chain import ABIS, DEPLOYMENT, address, event

START: Final = 1_735_689_600  # 2025-01-01
YEAR_S: Final = 365 * 86_400
OWNERS: Final = 200
SITES: Final = 2
CONNECTORS: Final = 5  # a site
PAYERS: Final = 5_000
RUNS: Final = 64  # a batch
RUN_LENGTH: Final = 4
BATCH: Final = RUNS * RUN_LENGTH
# Many, so that the pages of an index that a commit rewrites serve many rows.
BLOCKS_AT_ONCE: Final = 128
ZONES: Final = ("Europe/London", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
PRICES: Final = Prices(kwh=450_000, hour=0, idle_hour=0, session=0)

_TOPICS: Final = {
    name: "0x" + ABIS["Settlement", name].topic.hex() for name in (RUN, SESSION, BATCH_SETTLED)
}
_SETTLEMENT: Final = DEPLOYMENT.contracts["Settlement"]
_REGISTRY: Final = "StationRegistry"


@dataclass(slots=True)
class Place:
    """A connector, and where its next session begins."""

    connector_id: int
    owner_id: int
    head: int = 0


class Year:
    """The blocks of a year in which `sessions` were settled, evenly and in batches."""

    def __init__(self, sessions: int) -> None:
        """Make a year; `sessions` are rounded down to whole batches."""
        self._random = random.Random(1)
        self._places = [
            Place(1 + number, 1 + number // (SITES * CONNECTORS))
            for number in range(OWNERS * SITES * CONNECTORS)
        ]
        self.batches = sessions // BATCH
        self.sessions = self.batches * BATCH
        self._step = YEAR_S / max(self.batches, 1)
        self._campaigns = Campaigns(OWNERS, SITES, CONNECTORS, START)
        self._aftermath = Aftermath(self._random, OWNERS, START)
        self._parent = bytes(32)

    @property
    def end(self) -> int:
        """The time of the last block, UTC seconds."""
        return START + YEAR_S

    def blocks(self) -> Iterator[tuple[Block, list[Log]]]:
        """Yield every block with its logs: the places first, then a batch a block."""
        yield self._block(1, START, self._onboarding())
        for batch in range(1, self.batches + 1):
            at = START + round(batch * self._step)
            yield self._block(1 + batch, at, self._batch(batch, at))

    def _block(
        self, number: int, at: int, logs: list[tuple[str, tuple[str, ...], str]]
    ) -> tuple[Block, list[Log]]:
        hashed = keccak(number.to_bytes(8, "big"))
        block = Block(number, hashed, self._parent, at)
        self._parent = hashed
        named, hexed = hex(number), "0x" + hashed.hex()
        return block, [
            Log(contract, topics, data, named, hexed, hexed, hex(index))
            for index, (contract, topics, data) in enumerate(logs)
        ]

    def _onboarding(self) -> list[tuple[str, tuple[str, ...], str]]:
        tariff = Tariff.flat(PRICES, START).encode()
        found = [
            event(
                "Settlement",
                "CommitteeAppointed",
                epoch=1,
                threshold=2,
                members=[address(n) for n in range(3)],
                previous_valid_until=0,
            )
        ]
        found += [
            event("Settlement", "AccountOpened", account=n, holder=address(10_000 + n))
            for n in range(1, PAYERS + 1)
        ]
        found += [
            event(_REGISTRY, "OwnerRegistered", owner_id=n, account=address(n), name=f"Owner {n}")
            for n in range(1, OWNERS + 1)
        ]
        for site in range(1, OWNERS * SITES + 1):
            found.append(
                event(
                    _REGISTRY,
                    "SiteAdded",
                    site_id=site,
                    owner_id=1 + (site - 1) // SITES,
                    name=f"Site {site}",
                    time_zone=ZONES[site % len(ZONES)],
                    country="GB",
                    grid_zone="GB",
                )
            )
        for place in self._places:
            found += self._charger(place, tariff)
        return _placed(found + self._campaigns.events())

    @staticmethod
    def _charger(place: Place, tariff: int) -> list[tuple[str, list[str], str]]:
        number = place.connector_id
        return [
            event(
                _REGISTRY,
                "StationAdded",
                station_id=number,
                site_id=1 + (number - 1) // CONNECTORS,
                identity=f"CP-{number:05}",
                vendor="Vendor",
                model="Model",
            ),
            event(
                _REGISTRY,
                "EvseAdded",
                evse=number,
                station_id=number,
                evse_number=1,
                evse_id=f"GB*CCN*{number}",
            ),
            event(
                _REGISTRY,
                "ConnectorAdded",
                connector_id=number,
                evse=number,
                connector_number=1,
                standard=4,
                power_type=2,
                max_power_w=50_000,
            ),
            event(
                _REGISTRY,
                "TariffPublished",
                connector_id=number,
                index=1,
                tariff=tariff,
                vat_bps=2_000,
                terms_hash=bytes(32),
            ),
        ]

    def _batch(self, batch: int, at: int) -> list[tuple[str, tuple[str, ...], str]]:
        """Draw the sessions that ended since the last batch at 64 connectors in turn."""
        first = (batch - 1) * RUNS
        found: list[tuple[str, tuple[str, ...], str]] = []
        for number in range(first, first + RUNS):
            place = self._places[number % len(self._places)]
            word = (
                place.connector_id << 224
                | place.owner_id << 192
                | (place.head + 1) << 160
                | 1 << 128
                | RUN_LENGTH << 112
            )
            found.append((_SETTLEMENT, (_TOPICS[RUN],), f"0x{word:064x}"))
            for left in range(RUN_LENGTH, 0, -1):
                place.head += 1
                data = self._session(place, at - left * 5_400, at)
                found.append((_SETTLEMENT, (_TOPICS[SESSION],), data))
        topics = (_TOPICS[BATCH_SETTLED], f"0x{batch:064x}", f"0x{1:064x}")
        data = f"0x{batch:064x}{batch:064x}{BATCH:064x}{9:064x}"
        found.append((_SETTLEMENT, topics, data))
        return found + _placed(self._aftermath.events(at))

    def _session(self, place: Place, started_at: int, settled_at: int) -> str:
        """Draw a session: two in a hundred short of money, one in a thousand rejected.

        One in five of those at a campaign's connectors has its discount.
        """
        draw = self._random.random
        duration = 1_200 + int(draw() * 4_000)
        idle, energy = int(draw() * duration / 4), 4_000 + int(draw() * 50_000)
        due = gross(PRICES, energy_wh=energy, duration_s=duration, idle_s=idle)
        luck = draw()
        status, reason, paid = 1, 0, due
        if luck < 0.001:
            status, reason, paid = 3, 17, 0
        elif luck < 0.021:
            status, reason, paid = 2, 1, due // 3
        debt = due - paid if status == 2 else 0
        payer = 1 + int(draw() * PAYERS)
        campaign, granted = 0, 0
        if status == 1 and luck > 0.8:
            campaign, granted = self._campaigns.of(place.connector_id, settled_at, due)
            paid -= granted
        self._aftermath.settled(
            (place.connector_id, place.head),
            place.owner_id,
            payer,
            paid + granted,
            debt,
            settled_at,
        )
        outcome = (
            (place.connector_id << 64 | place.head) << 160
            | status << 152
            | reason << 144
            | paid << 80
            | granted << 40
            | debt
        )
        word = (
            payer << 216
            | started_at << 184
            | duration << 164
            | idle << 144
            | energy << 120
            | due << 80
            | campaign << 48
            | int(draw() * 168) << 40
            | 177 << 28
            | 43 << 21
            | (2 + int(draw() * 2)) << 19
        )
        return f"0x{outcome:064x}{word:064x}"


def _placed(events: list[Event]) -> list[tuple[str, tuple[str, ...], str]]:
    return [
        (DEPLOYMENT.contracts[contract], tuple(topics), data) for contract, topics, data in events
    ]


def fill(store: Store, year: Year, say: Callable[[str], None]) -> None:
    """Store a year, from where the store is: an interrupted run goes on."""
    reached = store.cursor()
    done = reached.number if reached else 0
    blocks: list[Block] = []
    logs: list[Log] = []
    last = year.batches + 1
    for block, some in year.blocks():
        if block.number <= done:
            continue
        blocks.append(block)
        logs += some
        if len(blocks) == BLOCKS_AT_ONCE or block.number == last:
            at_end = block.number == last
            store.append(
                blocks,
                logs,
                Cursor(
                    number=block.number,
                    hash=block.hash,
                    timestamp=block.timestamp,
                    head_number=last,
                    safe_number=block.number,
                    final_number=block.number,
                    state="live" if at_end else "backfill",
                    detail="",
                    reorgs=0,
                    deepest_reorg=0,
                ),
            )
            say(f"stored {(block.number - 1) * BATCH:,} of {year.sessions:,} sessions")
            blocks, logs = [], []
