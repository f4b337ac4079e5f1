"""A carbon report's sessions against a chain, or against their evidence bundles.

A chain says which sessions there are, so that one left out is found too; bundles say of the
sessions in the report that their records are what was signed. Neither asks whoever made
the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from chargecoin import record
from chargecoin.chain import Chain
from chargecoin.chain.events import Event
from chargecoin.chain.history import BLOCKS_A_REQUEST, History
from chargecoin.chain.values import Connector
from chargecoin.errors import ChargeCoinError, ReportError
from chargecoin.evidence import anchors
from chargecoin.evidence.format import Proof, from_bytes, hexed, word_hex
from chargecoin.footprint.account import Settled, charged, month_begins
from chargecoin.footprint.allocation import HourPools, Place, Pool
from chargecoin.footprint.check import Recomputed, differs, key_of, month_at
from chargecoin.footprint.document import Anchor, power_name, standard_name


async def against_chain(
    found: Recomputed, chain: Chain, report: Callable[[str], None], blocks: int = BLOCKS_A_REQUEST
) -> None:
    """Compare a report with all events of its months, and note what differs.

    Raises `ReportError` if it is of another chain or of blocks that the node does not have,
    since then nothing can be said, and `ChainError` where the node does.
    """
    scope = found.scope
    book = chain.deployment
    if (scope.chain_id, scope.settlement) != (book.chain_id, book.address("Settlement")):
        raise ReportError(
            f"the report is of Settlement {scope.settlement} on chain {scope.chain_id}; name the "
            "address book and the node of that chain"
        )
    until = await chain.block(scope.block)
    if until is None or hexed(until.hash) != scope.block_hash:
        raise ReportError(
            f"the report is as of block {scope.block} ({scope.block_hash}), which this node does "
            "not have; have the report made anew, or name a node that is further"
        )
    reading = _Reading(found, chain)
    history = History(chain, until, blocks, report)
    first = await history.first_from(reading.earliest())
    waiting: list[Event] = []
    async for event, owner in history.settled(first, until.number + 1, "BatchSettled"):
        if event.name == "Session":
            if owner == scope.owner_id:
                waiting.append(event)
            continue
        for one in waiting:
            await reading.enter(one, event)
        waiting = []
    reading.compare()


class _Reading:
    """What the chain says, entered session by session, beside what a report does."""

    def __init__(self, found: Recomputed, chain: Chain) -> None:
        self._found = found
        self._chain = chain
        inputs = found.account.inputs
        self._stated = {one.site_id: one for one in inputs.sites}
        self._connectors: dict[int, tuple[Connector, int]] = {}
        self._sites: dict[int, Place] = {}
        self._pools: dict[Pool, int] = {}
        self._expected: dict[int, Settled] = {}
        self._hours = HourPools(found.account.method.allocation.solar)

    def earliest(self) -> int:
        """Return the first second that matters: of the report's months, or of a certificate's."""
        inputs = self._found.account.inputs
        month = min([self._found.scope.since, *(one.since for one in inputs.certificates)])
        return min([month_begins(month, one.time_zone) for one in inputs.sites], default=0)

    async def _place(self, connector_id: int) -> tuple[Connector, int]:
        if connector_id not in self._connectors:
            connector = await self._chain.connector(connector_id)
            evse = await self._chain.evse(connector.evse)
            station = await self._chain.station(evse.station_id)
            await self._site(station.site_id)
            self._connectors[connector_id] = connector, station.site_id
        return self._connectors[connector_id]

    async def _site(self, site_id: int) -> None:
        """Compare a site in the report with the registry's, once."""
        if site_id in self._sites:
            return
        registered = await self._chain.site(site_id)
        place = Place(
            site_id,
            registered.name,
            registered.country,
            registered.grid_zone,
            registered.time_zone,
        )
        self._sites[site_id] = place
        stated = self._stated.get(site_id)
        if stated != place:
            self._found.fault(f"site {site_id}", differs("it", stated, place))

    async def enter(self, session: Event, batch: Event) -> None:
        """Take in a session of the owner and the batch that settled it."""
        outcome = record.Outcome.decode(session.args["session"])
        if outcome.status == record.Status.REJECTED:
            return
        connector_id, sequence = record.split_session_id(outcome.session_id)
        connector, site_id = await self._place(connector_id)
        zone = self._sites[site_id].time_zone
        settled_at = record.settled_at(batch.args["commitment"])
        pool = Pool(site_id, month_at(settled_at, zone))
        word = session.args["word"]
        said = charged(pool, word)
        self._pools[pool] = self._pools.get(pool, 0) + said.energy_wh
        self._hours.add(*said[:5])
        power, standard = power_name(connector.power_type), standard_name(connector.standard)
        scope = self._found.scope
        if scope.since <= pool.month <= scope.until and scope.holds(site_id, power, standard):
            self._expected[outcome.session_id] = Settled(
                connector_id,
                sequence,
                pool,
                settled_at,
                power,
                standard,
                Anchor(
                    word,
                    batch.args["batch"],
                    hexed(batch.args["evidence_root"]),
                    hexed(batch.args["commitment"]),
                    hexed(batch.log.transaction_hash),
                    batch.log.block_number,
                ),
            )

    def compare(self) -> None:
        """Note every session and pool that differs."""
        found = self._found
        stated = found.sessions
        for session_id, one in self._expected.items():
            where = f"session {key_of(session_id)}"
            if session_id not in stated:
                found.fault(where, "the chain has it, and the report leaves it out")
                continue
            for name, here, there in _unequal(stated[session_id], one):
                found.fault(where, differs(name, here, there) + " by the chain")
        for session_id in stated.keys() - self._expected.keys():
            where = f"session {key_of(session_id)}"
            found.fault(where, "the chain has no such session of this owner, site and month")
        inputs, scope = found.account.inputs, found.scope
        covered = {
            pool
            for pool in self._pools
            if scope.since <= pool.month <= scope.until
            or any(one.covers(self._sites[pool.site_id], pool.month) for one in inputs.certificates)
        }
        for pool in sorted(covered | inputs.pools.keys()):
            where = f"pool of site {pool.site_id} in {pool.month}"
            here, there = inputs.pools.get(pool, 0), self._pools.get(pool, 0)
            if here != there:
                found.fault(where, differs("energy", here, there) + " Wh by the chain")
            if inputs.hours.get(pool, {}) != self._hours.sums.get(pool, {}):
                found.fault(where, "its hours are not those of the chain")


def _unequal(stated: Settled, found: Settled) -> list[tuple[str, Any, Any]]:
    """Return what differs between a line and the chain: name, here, there."""
    pairs = [
        (name, getattr(stated, name), getattr(found, name))
        for name in ("pool", "settled_at", "power_type", "standard")
    ]
    pairs += [
        (one.name, getattr(stated.anchor, one.name), getattr(found.anchor, one.name))
        for one in fields(Anchor)
    ]
    return [one for one in pairs if one[1] != one[2]]


def against_bundles(found: Recomputed, folder: Path) -> None:
    """Compare a report's sessions with bundles and proofs in a folder, and note what differs.

    Files are named as the dashboard gives them: `7-12.bundle.json` and `7-12.proof.json`.
    """
    for session_id, one in found.sessions.items():
        stem = key_of(session_id).replace("/", "-")
        where = f"session {key_of(session_id)}"
        try:
            data = (folder / f"{stem}.bundle.json").read_bytes()
            proof = Proof.from_json((folder / f"{stem}.proof.json").read_bytes())
            anchors.check_proof(data, proof)
            chain = from_bytes(data).chain
        except OSError as error:
            found.fault(where, f"{error.filename}: {error.strerror}")
            continue
        except ChargeCoinError as error:
            found.fault(where, f"its evidence does not hold: {error}")
            continue
        anchor = one.anchor
        pairs = (
            ("session_id", int(proof.session_id, 16), session_id),
            ("word", word_hex(anchor.word), proof.word),
            ("evidence_root", anchor.evidence_root, proof.evidence_root),
            ("batch", anchor.batch, proof.batch),
            ("transaction", anchor.transaction, proof.transaction),
            ("block", anchor.block, proof.block_number),
            ("chain_id", found.scope.chain_id, chain.chain_id),
            ("settlement", found.scope.settlement, chain.settlement),
        )
        for name, here, there in pairs:
            if here != there:
                found.fault(where, differs(name, here, there) + " by its evidence")
