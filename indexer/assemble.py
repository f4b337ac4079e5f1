"""From logs to rows: each log read, put in its place, and checked against its neighbours.

The contracts leave no gaps: sequences of a connector, numbers of batches, sessions
of a run, sessions of a batch. A node that leaves out a log therefore contradicts
itself or what is stored, and nothing of its answer is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Table

from chargecoin.deployments import Deployment
from chargecoin.errors import CodecError, InconsistentNodeError
from chargecoin.record import OutcomeFlag, Status, decode_run_event, split_session_id
from chargecoin.tariff import FEE_DIVISOR
from indexer import schema
from indexer.events import BATCH_SETTLED, CONTRACTS, DEBT_COLLECTED, RUN, SESSION, Event, events_of
from indexer.ledger import Ledger, Place
from indexer.rollups import Deltas
from indexer.rows import CollectionRow, SessionRow
from indexer.rpc import Log
from indexer.schema import LOG_BITS

_REJECTED: Final = int(Status.REJECTED)
_CLAMPED: Final = int(OutcomeFlag.CLAMPED)
_MASK_19: Final = (1 << 19) - 1
_MASK_20: Final = (1 << 20) - 1
_MASK_24: Final = (1 << 24) - 1
_MASK_32: Final = (1 << 32) - 1
_MASK_40: Final = (1 << 40) - 1


class MissingLogsError(InconsistentNodeError):
    """A log must have been left out, in or after block `since`."""

    def __init__(self, message: str, since: int) -> None:
        """Say what does not follow on what, and from where on logs may be missing."""
        super().__init__(message)
        self.since = since


class Sink(Protocol):
    """Where rows go."""

    deltas: Deltas

    def add(self, table: Table, row: tuple[Any, ...]) -> None:
        """Take a row, in the table's column order."""


@dataclass(slots=True)
class _OpenRun:
    """A run whose sessions are being read."""

    connector_id: int
    owner_id: int
    tariff_index: int
    next_sequence: int
    left: int
    place: Place


class Assembler:
    """Turns the logs of consecutive blocks into rows. One a transaction."""

    def __init__(self, events: Mapping[str, Mapping[str, Event]], ledger: Ledger) -> None:
        """Read logs of `events`: contract address in lower case → topic → event."""
        self._events = events
        self._ledger = ledger

    def read(self, logs: Iterable[Log], timestamps: Mapping[int, int], sink: Sink) -> None:
        """Add the rows of `logs`, which are in chain order and whole blocks.

        `timestamps` are the blocks', by number. Raises `MissingLogsError` if a log must
        be missing and `CodecError` for a log that no event of the contracts explains.
        """
        # Rows of the transaction that wait for the number of their batch.
        runs: list[tuple[int, ...]] = []
        sessions: list[tuple[_OpenRun, int, int, int, int]] = []
        run: _OpenRun | None = None
        events = self._events
        for log in logs:
            block = int(log.block_number, 16)
            identifier = block << LOG_BITS | int(log.log_index, 16)
            try:
                event = events[log.address.lower()][log.topics[0]]
            except (KeyError, IndexError):
                raise CodecError(
                    f"a log of {log.address} in block {block} is of no event that this release "
                    "knows; the address book names another contract, or a newer one"
                ) from None
            name = event.name
            if name == SESSION:
                if run is None or not run.left:
                    raise MissingLogsError(f"block {block} has a session that no run covers", block)
                data = log.data
                outcome, word = int(data[2:66], 16), int(data[66:130], 16)
                if outcome >> 160 != run.connector_id << 64 | run.next_sequence:
                    raise MissingLogsError(
                        f"block {block}: session {outcome >> 160:#x} is not the next of its run",
                        block,
                    )
                sessions.append((run, identifier, outcome, word, run.next_sequence))
                run.next_sequence += 1
                run.left -= 1
            elif name == RUN:
                if run is not None and run.left:
                    raise MissingLogsError(f"block {block}: a run ends early", block)
                run = self._open_run(int(log.data, 16), block)
                runs.append(
                    (
                        identifier,
                        run.connector_id,
                        run.owner_id,
                        run.next_sequence,
                        run.tariff_index,
                        run.left,
                    )
                )
            elif name == BATCH_SETTLED:
                values = event.read(log)
                self._check_batch(values[0], values[4], len(sessions), run, block)
                batch = values[0]
                for row in runs:
                    sink.add(schema.runs, (*row, batch))
                self._add_sessions(sessions, batch, timestamps[block], sink)
                sink.add(
                    event.table, (identifier, *values, bytes.fromhex(log.transaction_hash[2:]))
                )
                runs, sessions, run = [], [], None
            elif name == DEBT_COLLECTED:
                self._add_collection(identifier, event.read(log), timestamps[block], log, sink)
            else:
                sink.add(
                    event.table,
                    (identifier, *event.read(log), bytes.fromhex(log.transaction_hash[2:])),
                )
        if sessions or runs:
            raise MissingLogsError(f"block {block} has sessions that no batch covers", block)

    def _open_run(self, word: int, block: int) -> _OpenRun:
        connector_id, owner_id, first, index, count = decode_run_event(word)
        last = self._ledger.head(connector_id)
        if first != last + 1:
            # Batches up to the last one are whole, so what is missing came after it.
            _, since = self._ledger.batch()
            raise MissingLogsError(
                f"block {block}: connector {connector_id} goes on at {first} after {last}", since
            )
        self._ledger.set_head(connector_id, first + count - 1)
        place = self._ledger.place(connector_id)
        return _OpenRun(connector_id, owner_id, index, first, count, place)

    def _check_batch(
        self, batch: int, announced: int, read: int, run: _OpenRun | None, block: int
    ) -> None:
        last, since = self._ledger.batch()
        if batch != last + 1:
            raise MissingLogsError(f"block {block}: batch {batch} comes after {last}", since)
        if announced != read or (run is not None and run.left):
            raise MissingLogsError(
                f"block {block}: batch {batch} has {announced} sessions, the node gave {read}",
                block,
            )
        self._ledger.set_batch(batch, block)

    def _add_sessions(
        self,
        sessions: Iterable[tuple[_OpenRun, int, int, int, int]],
        batch: int,
        settled_at: int,
        sink: Sink,
    ) -> None:
        deltas = sink.deltas
        for run, identifier, outcome, word, sequence in sessions:
            local = run.place.local
            status = outcome >> 152 & 0xFF
            flags = outcome >> 120 & _MASK_24
            paid = outcome >> 80 & _MASK_40
            campaign_paid = outcome >> 40 & _MASK_40
            recorded = word >> 80 & _MASK_40
            duration = word >> 164 & _MASK_20
            idle = word >> 144 & _MASK_20
            energy = word >> 120 & _MASK_24
            gross = recorded
            if flags & _CLAMPED and status != _REJECTED:
                gross = self._clamped(run, recorded, energy, duration, idle)
            row = SessionRow(
                identifier,
                run.connector_id,
                sequence,
                run.owner_id,
                run.place.site_id,
                run.tariff_index,
                batch,
                settled_at,
                local.day(settled_at),
                word >> 216,
                word >> 184 & _MASK_32,
                duration,
                idle,
                energy,
                recorded,
                word >> 48 & _MASK_32,
                word >> 40 & 0xFF,
                word >> 28 & 0xFFF,
                word >> 21 & 0x7F,
                word >> 19 & 3,
                word & _MASK_19,
                status,
                outcome >> 144 & 0xFF,
                flags,
                paid,
                campaign_paid,
                outcome & _MASK_40,
                gross,
                (paid + campaign_paid) // FEE_DIVISOR,
            )
            sink.add(schema.sessions, row)
            deltas.add_session(row, local)

    def _clamped(self, run: _OpenRun, gross: int, energy: int, duration: int, idle: int) -> int:
        """Return what was due where the recorded gross is outside the tariff's bounds."""
        tariff = self._ledger.tariff(run.connector_id, run.tariff_index)
        if tariff is None:
            raise MissingLogsError(
                f"tariff {run.tariff_index} of connector {run.connector_id} was never published", 0
            )
        low, high = tariff.bounds(energy_wh=energy, duration_s=duration, idle_s=idle)
        return max(low, min(gross, high))

    def _add_collection(
        self, identifier: int, values: list[Any], at: int, log: Log, sink: Sink
    ) -> None:
        session_id, account, owner_id, amount, fee = values
        connector_id, sequence = split_session_id(session_id)
        place = self._ledger.place(connector_id)
        row = CollectionRow(
            identifier,
            connector_id,
            sequence,
            owner_id,
            place.site_id,
            account,
            at,
            place.local.day(at),
            amount,
            fee,
            bytes.fromhex(log.transaction_hash[2:]),
        )
        sink.add(schema.collections, row)
        sink.deltas.add_collection(row, place.local)


def read_contracts(deployment: Deployment) -> dict[str, dict[str, Event]]:
    """Return the events of the deployed contracts: address in lower case → topic → event."""
    return {deployment.address(name).lower(): events_of(name) for name in CONTRACTS}
