"""From logs to rows: each log read, put in its place, and checked against its neighbours.

The contracts leave no gaps: sequences of a connector, numbers of batches, sessions
of a run, sessions of a batch. A node that leaves out a log therefore contradicts
itself or what is stored, and nothing of its answer is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chargecoin.campaigns import benefit
from chargecoin.deployments import Deployment
from chargecoin.errors import CodecError
from chargecoin.record import OutcomeFlag, Status, decode_run_event
from chargecoin.tariff import FEE_DIVISOR
from indexer import schema
from indexer.books import Books, Earned, Spent
from indexer.columns import Array, SessionColumns, grouped, read_words
from indexer.events import BATCH_SETTLED, CONTRACTS, REQUIRED, RUN, SESSION, Event, events_of
from indexer.hours import LocalTime
from indexer.ledger import Ledger, MissingLogsError, Place
from indexer.moves import Moves, Sink
from indexer.rows import SessionRow
from indexer.rpc import Log
from indexer.samples import Samples
from indexer.schema import LOG_BITS

_REJECTED: Final = int(Status.REJECTED)
_CLAMPED: Final = int(OutcomeFlag.CLAMPED)
_NOT_APPLIED: Final = int(OutcomeFlag.CAMPAIGN_NOT_APPLIED)


@dataclass(slots=True)
class _OpenRun:
    """A run whose sessions are being read, `left` of them yet."""

    id: int
    connector_id: int
    owner_id: int
    first_sequence: int
    tariff_index: int
    count: int
    place: Place
    left: int

    def row(self, batch: int) -> tuple[int, ...]:
        """Return its row of `runs`."""
        return (
            *(self.id, self.connector_id, self.owner_id, self.first_sequence),
            *(self.tariff_index, self.count, batch),
        )


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
        runs: list[_OpenRun] = []
        sessions: list[tuple[int, str]] = []
        run: _OpenRun | None = None
        settled: list[SessionColumns] = []
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
                run.left -= 1
                sessions.append((identifier, log.data))
            elif name == RUN:
                if run is not None and run.left:
                    raise MissingLogsError(f"block {block}: a run ends early", block)
                run = self._open_run(identifier, int(log.data, 16), block)
                runs.append(run)
            elif name == BATCH_SETTLED:
                values = event.read(log)
                self._check_batch(values[0], values[4], len(sessions), run, block)
                books.finish()
                batch = values[0]
                for one in runs:
                    sink.add(schema.runs, one.row(batch))
                at = (identifier, bytes.fromhex(log.transaction_hash[2:]))
                settled_at = timestamps[block]
                columns = self._columns(runs, sessions, batch, settled_at)
                settled.append(columns)
                rows = columns.rows()
                samples.compare(rows)
                sink.extend(schema.sessions, rows)
                books.settled(at, batch, settled_at, _earned(columns), _spent(columns))
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
        if settled:
            # As a whole: what a step costs is the same for ten sessions as for thousands.
            sink.deltas.add_sessions(SessionColumns.joined(settled), self._local)

    def _local(self, connector_id: int) -> LocalTime:
        return self._ledger.place(connector_id).local

    def _open_run(self, identifier: int, word: int, block: int) -> _OpenRun:
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
        return _OpenRun(identifier, connector_id, owner_id, first, index, count, place, count)

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

    def _columns(
        self,
        runs: Sequence[_OpenRun],
        sessions: Sequence[tuple[int, str]],
        batch: int,
        settled_at: int,
    ) -> SessionColumns:
        """Return the sessions of a batch, each the next of its run."""
        identifiers = [identifier for identifier, _ in sessions]
        outcome, word = read_words([data for _, data in sessions])
        counts = [run.count for run in runs]

        def by_run(values: Sequence[int]) -> Array:
            return np.repeat(np.array(values, dtype=np.int64), counts)

        connector_id = by_run([run.connector_id for run in runs])
        first = by_run([run.first_sequence for run in runs])
        begins = np.repeat(np.cumsum(counts) - counts, counts)
        sequence = first + np.arange(len(first)) - begins
        wrong = (
            (outcome["connector_id"] != connector_id)
            | (outcome["sequence"] != sequence)
            | (outcome["gap"] != 0)
        )
        if wrong.any():
            at = int(wrong.argmax())
            block = identifiers[at] >> LOG_BITS
            raise MissingLogsError(
                f"block {block}: session {outcome['sequence'][at]} of connector "
                f"{outcome['connector_id'][at]} is not the next of its run",
                block,
            )
        batches = np.full(len(first), batch, dtype=np.int64)
        paid, campaign_paid = outcome["paid"], outcome["campaign_paid"]
        found = SessionColumns(
            id=np.array(identifiers, dtype=np.int64),
            connector_id=connector_id,
            sequence=sequence,
            owner_id=by_run([run.owner_id for run in runs]),
            site_id=by_run([run.place.site_id for run in runs]),
            tariff_index=by_run([run.tariff_index for run in runs]),
            batch=batches,
            settled_at=np.full_like(batches, settled_at),
            settled_day=by_run([run.place.local.day(settled_at) for run in runs]),
            payer=word["payer"],
            started_at=word["started_at"],
            duration_s=word["duration_s"],
            idle_s=word["idle_s"],
            energy_wh=word["energy_wh"],
            recorded_gross=word["gross"],
            campaign_id=word["campaign_id"],
            hour_of_week=word["hour_of_week"],
            grid_gco2e_per_kwh=word["grid_gco2e_per_kwh"],
            renewable_pct=word["renewable_pct"],
            assurance=word["assurance"],
            reserved=word["reserved"],
            status=outcome["status"],
            reason=outcome["reason"],
            flags=outcome["flags"],
            paid=paid,
            campaign_paid=campaign_paid,
            debt=outcome["debt"],
            gross=word["gross"].copy(),
            fee=(paid + campaign_paid) // FEE_DIVISOR,
            discount=np.zeros_like(paid),
        )
        accepted = found.status != _REJECTED
        for at in np.flatnonzero(accepted & (found.flags & _CLAMPED != 0)):
            found.gross[at] = self._clamped(SessionRow(*(int(one[at]) for one in found)))
        for at in np.flatnonzero(_helped(found)):
            found.discount[at] = self._discount(
                int(found.campaign_id[at]), int(found.gross[at]), int(campaign_paid[at])
            )
        return found

    def _discount(self, campaign_id: int, gross: int, campaign_paid: int) -> int:
        """Return what an owner's own campaign granted and its budget did not reach."""
        rules = self._ledger.rules(campaign_id)
        if rules is None:
            raise MissingLogsError(f"campaign {campaign_id} was never created", 0)
        if not rules.own:
            return 0
        return benefit(gross, rules.rate_bps, rules.session_cap) - campaign_paid

    def _clamped(self, row: SessionRow) -> int:
        """Return what was due where the recorded gross is outside the tariff's bounds."""
        tariff = self._ledger.tariff(row.connector_id, row.tariff_index)
        if tariff is None:
            raise MissingLogsError(
                f"tariff {row.tariff_index} of connector {row.connector_id} was never published", 0
            )
        low, high = tariff.bounds(
            energy_wh=row.energy_wh, duration_s=row.duration_s, idle_s=row.idle_s
        )
        return max(low, min(row.gross, high))


def _helped(sessions: SessionColumns) -> NDArray[np.bool_]:
    """Which sessions a campaign may have paid for."""
    helped: NDArray[np.bool_] = (
        (sessions.campaign_id != 0)
        & (sessions.flags & _NOT_APPLIED == 0)
        & (sessions.status != _REJECTED)
    )
    return helped


def _earned(sessions: SessionColumns) -> list[tuple[int, Earned]]:
    """Return what a batch credited each owner, in the order of their first session in it."""
    net = sessions.paid + sessions.campaign_paid - sessions.fee
    found = grouped((sessions.owner_id,), (np.ones_like(net), net, sessions.fee))
    earned = {key[0]: Earned(*sums) for key, sums in found}
    return [(owner_id, earned[owner_id]) for owner_id in dict.fromkeys(sessions.owner_id.tolist())]


def _spent(sessions: SessionColumns) -> list[tuple[int, Spent]]:
    """Return what a batch took of each budget, in the order of their first session in it."""
    those = sessions.where(_helped(sessions))
    found = grouped((those.campaign_id,), (np.ones_like(those.id), those.campaign_paid))
    spent = {key[0]: Spent(*sums) for key, sums in found}
    return [(campaign, spent[campaign]) for campaign in dict.fromkeys(those.campaign_id.tolist())]


def read_contracts(deployment: Deployment) -> dict[str, dict[str, Event]]:
    """Return the events of the deployed contracts: address in lower case → topic → event.

    Settlement, the registry and the fee router are in every address book.
    """
    return {
        deployment.address(name).lower(): events_of(name)
        for name in CONTRACTS
        if name in REQUIRED or name in deployment.contracts
    }
