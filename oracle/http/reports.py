"""What an oracle says about itself and about sessions."""

from __future__ import annotations

from typing import Any

from chargecoin import merkle
from chargecoin.evidence.format import Proof, hexed, word_hex
from chargecoin.record import SessionRecord, Status
from oracle.service import Oracle
from oracle.store import attestations, batches, feed, frames, mandates, quarantine, sessions
from oracle.store.quarantine import Entry
from oracle.store.sessions import OnTheWay

BACKLOG = ("closed", "pending", "proposed")


async def status(oracle: Oracle) -> dict[str, Any]:
    """Return how many sessions and batches are where."""
    read = oracle.database.read
    counts = await read(sessions.counts)
    outcomes = await read(sessions.outcomes)
    by_state = await read(batches.counts)
    settled, final = await read(batches.settled_counts)
    waiting = await read(quarantine.counts)
    state = {name: counts.get(name, 0) for name in (*BACKLOG, "settled", "quarantined")}
    return {
        "oracle": oracle.signer.address,
        "roles": list(oracle.config.roles),
        "ready": oracle.ready,
        "ocpp_port": oracle.ocpp_port,
        "connected": len(oracle.central_system.connected) if oracle.central_system else 0,
        "frames": await read(frames.count),
        "sessions": {
            "in": sum(state.values()),
            "open": counts["open"],
            **state,
            "final": counts["final"],
            "outcomes": {one.name.lower(): outcomes.get(one, 0) for one in Status},
        },
        "backlog": sum(state[name] for name in BACKLOG),
        "quarantine": waiting,
        "batches": {
            "in_flight": sum(by_state.get(name, 0) for name in ("proposed", "signed", "submitted")),
            "released": by_state.get("released", 0),
            "settled": settled,
            "final": final,
        },
        "mandates": await read(mandates.count),
        "final_block": oracle.registry.block.number if oracle.registry.block else None,
        "final_time": oracle.registry.time,
        "feed": {"n": await read(feed.last)},
    }


async def gauges(oracle: Oracle) -> dict[str, float]:
    """Return what `/metrics` shows beside the counters."""
    report = await status(oracle)
    found: dict[str, float] = {
        f"sessions_{name}": value
        for name, value in report["sessions"].items()
        if isinstance(value, int)
    }
    found["backlog"] = report["backlog"]
    found["connected"] = report["connected"]
    found["quarantine"] = sum(report["quarantine"].values())
    found["final_time"] = report["final_time"]
    found["commits"] = oracle.database.committed.version
    return found


def quarantined(entry: Entry) -> dict[str, Any]:
    """Return an entry of the quarantine as it is served; never the frame, which names drivers."""
    return {
        "id": entry.id,
        "at": int(entry.at),
        "charge_point": entry.charge_point,
        "code": entry.code,
        "sentence": entry.sentence,
        "transaction_id": entry.session,
        "frame": entry.frame,
    }


def on_the_way(session: OnTheWay) -> dict[str, Any]:
    """Return a session of the backlog as it is served: what will be settled, and nobody's name."""
    record = None if session.word is None else SessionRecord.decode(session.word)
    return {
        "transaction_id": session.id,
        "charge_point": session.charge_point,
        "connector_number": session.connector_number,
        "state": session.state,
        "closed_at": int(session.closed_at),
        "connector_id": session.connector_id,
        "sequence": session.sequence,
        "started_at": None if record is None else record.started_at,
        "energy_wh": None if record is None else record.energy_wh,
        "gross": None if record is None else str(record.gross),
    }


async def proof(oracle: Oracle, session_id: int) -> Proof | None:
    """Return the proof of a session that a settled batch holds, None if there is none here."""
    read = oracle.database.read
    for _, root in await read(lambda c: attestations.bundles(c, session_id)):
        settlement = await read(lambda c, root=root: batches.settlement_with_root(c, root))  # type: ignore[misc]
        leaves = await read(lambda c, root=root: attestations.leaves_of(c, root))  # type: ignore[misc]
        if settlement is None or leaves is None:
            continue
        index = next(place for place, leaf in enumerate(leaves) if leaf[0] == session_id)
        _, word, evidence_hash = leaves[index]
        hashes = [merkle.leaf(*leaf) for leaf in leaves]
        return Proof(
            session_id=word_hex(session_id),
            word=word_hex(word),
            evidence_hash=hexed(evidence_hash),
            index=index,
            path=tuple(step.encode() for step in merkle.path(hashes, index)),
            evidence_root=hexed(root),
            epoch=settlement.epoch,
            expiry=settlement.expiry,
            runs=hexed(settlement.runs),
            signatures=hexed(settlement.signatures),
            transaction=hexed(settlement.tx_hash),
            block_number=settlement.block_number,
            batch=settlement.number,
        )
    return None
