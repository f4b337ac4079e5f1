"""The fee router, the staking pool and the epochs of rewards against contract storage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Row, Table

from chargecoin.deployments import NO_ADDRESS
from chargecoin.rewards import CHALLENGE_S, CLAIM_S
from indexer import schema
from indexer.contract_storage import Storage
from indexer.events import DRIVERS, STATIONS
from indexer.hours import DAY_S
from indexer.queries import campaigns
from indexer.queries.places import with_block
from indexer.report import Check

# The constants of contracts/StakingPool.vy.
BASE_WEIGHT: Final = 10_000
STREAM_DAYS: Final = 7
MAX_DAYS: Final = 400
PRECISION: Final = 10**36

NO_ROOT: Final = b"\x00" * 32


async def compare_rewards(connection: Connection, storage: Storage, now: int) -> list[Check]:
    """Return the comparisons; `now` is the time of the block that is compared, UTC seconds."""
    router, pool, rewards = Check("fee router"), Check("staking pool"), Check("rewards")
    if storage.has("FeeRouter"):
        await _compare_router(connection, storage, router)
    if storage.has("StakingPool"):
        await _compare_pool(connection, storage, pool, now)
    for name, kind in (("DriverRewards", DRIVERS), ("StationRewards", STATIONS)):
        if storage.has(name):
            await _compare_distributor(connection, storage, rewards, name, kind)
    return [router, pool, rewards]


def _rows(connection: Connection, table: Table) -> Sequence[Row[Any]]:
    return connection.execute(with_block(table).order_by(table.c.id)).all()


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


# --- the fee router ---


async def _compare_router(connection: Connection, storage: Storage, check: Check) -> None:
    names = ("stakers", "drivers", "stations", "treasury")
    for view, table in (
        ("shares", schema.fee_shares),
        ("destinations", schema.fee_destinations),
    ):
        rows = _rows(connection, table)
        mine = tuple(_lower(getattr(rows[-1], name)) for name in names) if rows else None
        check.see(view, mine, tuple(await storage.read_one("FeeRouter", view)))
    named = _rows(connection, schema.reimbursed_oracles)
    oracles = named[-1].oracles.lower() if named else NO_ADDRESS
    check.see("who is reimbursed", oracles, await storage.read_one("FeeRouter", "oracles"))
    fees = campaigns.routed(connection, campaigns.charged(connection))
    check.see("reimbursed", fees.oracles, await storage.read_one("FeeRouter", "reimbursed"))
    kept = await storage.read_one("FeeRouter", "total_owed")
    check.see("kept for destinations", sum(fees.kept.values()), kept)
    for to, amount in fees.kept.items():
        check.see(f"kept for {to}", amount, await storage.read_one("FeeRouter", "owed", to))


# --- the staking pool ---


@dataclass(slots=True)
class _Position:
    amount: int
    # What it weighs beyond its amount until its lock ends.
    extra: int
    unlocks_at: int
    # The accumulator when it was staked, and when it was taken out.
    counted: int
    stopped: int | None = None


class _Pool:
    """The pool made again from its rows (docs/protocol.md, section 8).

    Rounded as the contract rounds: what a day has streamed by a second of it is rounded
    down, and what a division by the weight leaves over is carried. Both add up to the same
    however often the contract was called in between, so the events decide alone.
    """

    def __init__(self, starts: Mapping[int, int], time: int) -> None:
        """Begin at `time`, UTC seconds; `starts` is what begins to be streamed a day at when."""
        self._starts = starts
        self.time = time
        self.weight = 0
        # What streamed while nobody staked, base units.
        self.idle = 0
        self._accumulator = self._carry = 0
        # What weight falls away by midnight, and the accumulator then.
        self._ends: defaultdict[int, int] = defaultdict(int)
        self._ended: dict[int, int] = {}
        self._positions: dict[int, _Position] = {}

    @property
    def daily(self) -> int:
        """What is streamed on the day of `time`, base units."""
        midnight = self.time - self.time % DAY_S
        days = range(midnight - (STREAM_DAYS - 1) * DAY_S, midnight + 1, DAY_S)
        return sum(self._starts.get(day, 0) for day in days)

    def advance(self, to: int) -> None:
        """Distribute what streams until `to`, UTC seconds."""
        while self.time < to:
            midnight = self.time - self.time % DAY_S
            until = min(midnight + DAY_S, to)
            streamed = self.daily * (until - midnight) // DAY_S
            streamed -= self.daily * (self.time - midnight) // DAY_S
            if self.weight:
                whole, self._carry = divmod(streamed * PRECISION + self._carry, self.weight)
                self._accumulator += whole
            else:
                self.idle += streamed
            self.time = until
            if until == midnight + DAY_S:
                self.weight -= self._ends[until]
                self._ended[until] = self._accumulator

    def stake(self, row: Row[Any]) -> None:
        """Follow `Staked`."""
        self.advance(row.block_timestamp)
        extra = row.weight - row.amount * BASE_WEIGHT
        self._positions[row.position] = _Position(
            row.amount, extra, row.unlocks_at, self._accumulator
        )
        self.weight += row.weight
        self._ends[row.unlocks_at] += extra

    def unstake(self, row: Row[Any]) -> None:
        """Follow `Unstaked`."""
        self.advance(row.block_timestamp)
        if (held := self._positions.get(row.position)) is not None:
            held.stopped = self._accumulator
        self.weight -= row.amount * BASE_WEIGHT

    def earned(self, position: int) -> int:
        """Return what a position has earned in all until `time`, base units."""
        held = self._positions[position]
        until = self._accumulator if held.stopped is None else held.stopped
        locked = self._ended.get(held.unlocks_at, until)
        whole = held.amount * BASE_WEIGHT * (until - held.counted)
        return (whole + held.extra * (locked - held.counted)) // PRECISION


async def _compare_pool(connection: Connection, storage: Storage, check: Check, now: int) -> None:
    """Also what streams and what each position could claim."""
    stakes, unstakes = _rows(connection, schema.stakes), _rows(connection, schema.unstakes)
    streams = _rows(connection, schema.streams)
    rolled = sum(row.amount for row in _rows(connection, schema.stream_rollovers))
    claimed: defaultdict[int, int] = defaultdict(int)
    for row in _rows(connection, schema.stake_claims):
        claimed[row.position] += row.amount
    count, total, owed, (until, daily, weight) = await storage.read(
        "StakingPool",
        [("position_count", ()), ("total_staked", ()), ("liabilities", ()), ("stream", ())],
    )
    check.see("staking positions", len(stakes), count)
    left = {row.position: row.amount for row in stakes}
    for row in unstakes:
        left[row.position] = left.get(row.position, 0) - row.amount
    check.see("staked", sum(left.values()), total)
    owing = sum(row.amount for row in streams) - rolled - sum(claimed.values())
    check.see("liabilities of the staking pool", owing, owed)

    starts: defaultdict[int, int] = defaultdict(int)
    for row in streams:
        starts[row.begins_at] += row.amount // STREAM_DAYS
    begun = min([until, *starts, *(row.block_timestamp for row in stakes)])
    pool = _Pool(starts, begun)
    moves = [(row.id, pool.stake, row) for row in stakes]
    moves += [(row.id, pool.unstake, row) for row in unstakes]
    for _, move, row in sorted(moves, key=itemgetter(0)):
        move(row)
    # Whoever uses the pool brings it up to then, also without an event.
    pool.advance(until)
    mine = (pool.time, pool.daily, pool.weight)
    check.see("stream of the staking pool", mine, (until, daily, weight))
    check.see("streamed to nobody", rolled, pool.idle)

    # What could be claimed counts no more days than a call does.
    pool.advance(min(now, until - until % DAY_S + MAX_DAYS * DAY_S))
    numbers = [(row.position,) for row in stakes]
    held = await storage.read("StakingPool", [("position", one) for one in numbers])
    claimable = await storage.read("StakingPool", [("claimable", one) for one in numbers])
    for row, theirs, could in zip(stakes, held, claimable, strict=True):
        amount, locked = left[row.position], now < row.unlocks_at
        whole = (
            row.owner.lower(),
            amount,
            row.weight if locked else amount * BASE_WEIGHT,
            row.unlocks_at if locked else 0,
        )
        check.see(f"staking position {row.position}", whole, tuple(theirs))
        due = pool.earned(row.position) - claimed[row.position]
        check.see(f"claimable of staking position {row.position}", due, could)


# --- epochs of rewards ---


async def _compare_distributor(
    connection: Connection, storage: Storage, check: Check, name: str, kind: int
) -> None:
    def rows(table: Table) -> list[Row[Any]]:
        return [row for row in _rows(connection, table) if row.kind == kind]

    voids: defaultdict[int, int] = defaultdict(int)
    for row in rows(schema.reward_voids):
        voids[row.epoch] += 1
    # A root that was voided is not the epoch's newest, or is followed by none.
    posted = {
        row.epoch: row for row in rows(schema.reward_roots) if row.attempt == voids[row.epoch]
    }
    rolled = {row.epoch: row.block_timestamp for row in rows(schema.reward_rollovers)}
    owed = [0, 0]
    for epoch in campaigns.list_epochs(connection, kind):
        number, what = epoch.epoch, f"epoch {epoch.epoch} of {name}"
        root, funds, allotted = await storage.read(
            name, [(view, (number,)) for view in ("root", "funds", "allotted")]
        )
        mine = posted.get(number)
        if mine is None:
            check.see(f"root of {what}", (NO_ROOT.hex(), 0, voids[number]), _root(root))
        else:
            shape = (mine.root.hex(), mine.block_timestamp, mine.attempt)
            check.see(f"root of {what}", shape, _root(root))
            claimable_at = root[1] + CHALLENGE_S
            check.see(f"root of {what} claimable at", mine.claimable_at, claimable_at)
            check.see(f"root of {what} expires at", mine.expires_at, claimable_at + CLAIM_S)
        left = tuple(
            given - paid - on
            for given, paid, on in zip(epoch.funded, epoch.claimed, epoch.rolled_over, strict=True)
        )
        owed = [sum(pair) for pair in zip(owed, left, strict=True)]
        check.see(f"funds of {what}", left, tuple(funds))
        # Once claims have expired, rolling over takes what is allotted as well.
        over = mine is None or rolled.get(number, 0) >= mine.expires_at
        due = tuple(a - paid for a, paid in zip(epoch.allotted, epoch.claimed, strict=True))
        check.see(f"allotted in {what}", (0, 0) if over else due, tuple(allotted))
    liabilities = await storage.read_one(name, "liabilities")
    check.see(f"liabilities of {name}", tuple(owed), tuple(liabilities))
    claims = rows(schema.reward_claims)
    told = await storage.read(name, [("claimed", (row.epoch, row.recipient)) for row in claims])
    for row, yes in zip(claims, told, strict=True):
        check.see(f"claim of {row.recipient} in epoch {row.epoch}", ours=True, theirs=bool(yes))


def _root(stored: tuple[bytes, int, int]) -> tuple[str, int, int]:
    root, posted_at, attempt = stored
    return root.hex(), posted_at, attempt
