"""From logs to rows: each log read, put in its place, and checked against its neighbours.

The contracts leave no gaps: sequences of a connector, numbers of batches, sessions
of a run, sessions of a batch. A node that leaves out a log therefore contradicts
itself or what is stored, and nothing of its answer is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chargecoin.campaigns import benefit
from chargecoin.deployments import Deployment
from chargecoin.errors import CodecError
from chargecoin.record import OutcomeFlag, Status, decode_run_event
from chargecoin.tariff import FEE_DIVISOR
from indexer import schema
from indexer.books import Books, Earned, Spent
from indexer.events import BATCH_SETTLED, CONTRACTS, REQUIRED, RUN, SESSION, Event, events_of
from indexer.ledger import Ledger, MissingLogsError, Place
from indexer.moves import Moves, Sink
from indexer.rows import SessionRow
from indexer.rpc import Log
from indexer.samples import Samples
from indexer.schema import LOG_BITS

_REJECTED: Final = int(Status.REJECTED)
_CLAMPED: Final = int(OutcomeFlag.CLAMPED)
_NOT_APPLIED: Final = int(OutcomeFlag.CAMPAIGN_NOT_APPLIED)
_MASK_19: Final = (1 << 19) - 1
_MASK_20: Final = (1 << 20) - 1
_MASK_24: Final = (1 << 24) - 1
_MASK_32: Final = (1 << 32) - 1
_MASK_40: Final = (1 << 40) - 1


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

    def read(self, logs: Sequence[Log], timestamps: Mapping[int, int], sink: Sink) -> None:
        """Add the rows of `logs`, which are in chain order and whole blocks.

        `timestamps` are the blocks', by number. Raises `MissingLogsError` if a log must
        be missing and `CodecError` for a log that no event of the contracts explains.
        """
        # Rows of the transaction that wait for the number of their batch.
        runs: list[tuple[int, ...]] = []
        sessions: list[tuple[_OpenRun, int, int, int, int]] = []
        run: _OpenRun | None = None
        events = self._events
        books = Books(self._ledger, sink)
        moves = Moves(self._ledger, sink, books)
        samples = Samples(events, logs)
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
                books.finish()
                batch = values[0]
                for row in runs:
                    sink.add(schema.runs, (*row, batch))
                at = (identifier, bytes.fromhex(log.transaction_hash[2:]))
                settled_at = timestamps[block]
                owners, budgets = self._add_sessions(sessions, batch, settled_at, sink, samples)
                books.settled(at, batch, settled_at, owners, budgets)
                sink.add(event.table, (identifier, *values, at[1]))
                runs, sessions, run = [], [], None
            else:
                transaction = bytes.fromhex(log.transaction_hash[2:])
                values = event.read(log)
                if not moves.take(
                    event.table, (identifier, transaction, timestamps[block]), values
                ):
                    sink.add(event.table, (identifier, *event.constants, *values, transaction))
        books.finish()
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
        samples: Samples,
    ) -> tuple[list[tuple[int, Earned]], list[tuple[int, Spent]]]:
        """Add the sessions of a batch; return what they credited and took, in their order."""
        deltas = sink.deltas
        earned: dict[int, list[int]] = {}
        spent: dict[int, list[int]] = {}
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
            campaign_id = word >> 48 & _MASK_32
            fee = (paid + campaign_paid) // FEE_DIVISOR
            discount = 0
            if campaign_id and not flags & _NOT_APPLIED and status != _REJECTED:
                discount = self._discount(campaign_id, gross, campaign_paid)
                _count(spent, campaign_id, campaign_paid, 0)
            _count(earned, run.owner_id, paid + campaign_paid - fee, fee)
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
                campaign_id,
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
                fee,
                discount,
            )
            samples.compare(row)
            sink.add(schema.sessions, row)
            deltas.add_session(row, local)
        return (
            [(owner_id, Earned(*sums)) for owner_id, sums in earned.items()],
            [(campaign_id, Spent(*sums[:2])) for campaign_id, sums in spent.items()],
        )

    def _discount(self, campaign_id: int, gross: int, campaign_paid: int) -> int:
        """Return what an owner's own campaign granted and its budget did not reach."""
        rules = self._ledger.rules(campaign_id)
        if rules is None:
            raise MissingLogsError(f"campaign {campaign_id} was never created", 0)
        if not rules.own:
            return 0
        return benefit(gross, rules.rate_bps, rules.session_cap) - campaign_paid

    def _clamped(self, run: _OpenRun, gross: int, energy: int, duration: int, idle: int) -> int:
        """Return what was due where the recorded gross is outside the tariff's bounds."""
        tariff = self._ledger.tariff(run.connector_id, run.tariff_index)
        if tariff is None:
            raise MissingLogsError(
                f"tariff {run.tariff_index} of connector {run.connector_id} was never published", 0
            )
        low, high = tariff.bounds(energy_wh=energy, duration_s=duration, idle_s=idle)
        return max(low, min(gross, high))


def _count(sums: dict[int, list[int]], key: int, first: int, second: int) -> None:
    found = sums.get(key)
    if found is None:
        sums[key] = [1, first, second]
    else:
        found[0] += 1
        found[1] += first
        found[2] += second


def read_contracts(deployment: Deployment) -> dict[str, dict[str, Event]]:
    """Return the events of the deployed contracts: address in lower case → topic → event.

    Settlement, the registry and the fee router are in every address book.
    """
    return {
        deployment.address(name).lower(): events_of(name)
        for name in CONTRACTS
        if name in REQUIRED or name in deployment.contracts
    }
