"""From pending sessions to a proposal: sequences, runs, bundles, evidence root."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from chargecoin import merkle
from chargecoin.chain import Accrual, Caps, Head
from chargecoin.evidence.format import Bundle, evidence_hash, hexed, session_hex, to_bytes
from chargecoin.record import (
    MAX_SESSIONS,
    Run,
    SessionRecord,
    decode_runs,
    encode_runs,
    split_session_id,
)
from oracle.committee.proposal import Opening, Proposal
from oracle.store.sessions import Pending

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Built:
    """A proposal, and which of our sessions has which sequence and which session id."""

    proposal: Proposal
    sequences: dict[int, int]
    numbers: dict[int, int]


def within_caps(
    sessions: Sequence[Pending],
    owners: Mapping[int, int],
    accruals: Mapping[int, Accrual],
    committee_gross: int,
    caps: Caps,
    now: int,
) -> list[Pending]:
    """Return the sessions that today's caps leave room for; the others wait.

    `owners` are by connector, `accruals` by owner, `now` is chain time. A session
    that waits makes its connector's later ones wait, since they follow it.
    """
    today = now // DAY_S
    room = {
        owner: caps.owner_day - (accrual.day_gross if accrual.day == today else 0)
        for owner, accrual in accruals.items()
    }
    left = caps.committee_day - committee_gross
    waiting: set[int] = set()
    found = []
    for session in sessions:
        owner = owners[session.connector_id]
        gross = SessionRecord.decode(session.word).gross
        if session.connector_id in waiting or gross > min(room[owner], left):
            waiting.add(session.connector_id)
            continue
        room[owner] -= gross
        left -= gross
        found.append(session)
    return found


def _grouped(sessions: Iterable[Pending], owners: Mapping[int, int]) -> list[list[Pending]]:
    """Return one run's sessions a list, by owner and then connector.

    A connector has one run in a batch: sessions after a change of tariff wait for the next.
    """
    of_connector: dict[int, list[Pending]] = defaultdict(list)
    stopped: set[int] = set()
    for session in sessions:
        run = of_connector[session.connector_id]
        if session.connector_id in stopped:
            continue
        if run and run[0].tariff_index != session.tariff_index:
            stopped.add(session.connector_id)
            continue
        run.append(session)
    order = sorted(of_connector, key=lambda connector: (owners[connector], connector))
    return [of_connector[connector] for connector in order]


def build(
    sessions: Sequence[Pending],
    *,
    owners: Mapping[int, int],
    heads: Mapping[int, Head],
    epoch: int,
    expiry: int,
) -> Built:
    """Return the proposal of up to 256 sessions, in the order given within each connector.

    `heads` are the connectors' heads that the runs are put on.
    """
    runs: list[Run] = []
    placed: list[tuple[int, Pending]] = []
    for group in _grouped(sessions[:MAX_SESSIONS], owners):
        connector_id = group[0].connector_id
        head = heads[connector_id]
        runs.append(
            Run(
                connector_id=connector_id,
                first_sequence=head.sequence + 1,
                tariff_index=group[0].tariff_index,
                previous_hash=head.hash,
                words=tuple(session.word for session in group),
            )
        )
        placed += zip(runs[-1].session_ids(), group, strict=True)
    bundles = [_bundle(session_id, session.draft) for session_id, session in placed]
    leaves = [
        merkle.leaf(session_id, session.word, evidence_hash(data))
        for (session_id, session), data in zip(placed, bundles, strict=True)
    ]
    proposal = Proposal(
        epoch=epoch,
        expiry=expiry,
        evidence_root=hexed(merkle.root(leaves)),
        runs=hexed(encode_runs(runs)),
        bundles=[data.decode() for data in bundles],
        openings=_openings(session for _, session in placed),
    )
    return Built(
        proposal,
        sequences={session.id: split_session_id(place)[1] for place, session in placed},
        numbers={place: session.id for place, session in placed},
    )


def again(
    stored: Sequence[Pending], *, runs: bytes, epoch: int, expiry: int, evidence_root: bytes
) -> Proposal:
    """Return a stored batch's proposal as it was, from its sessions."""
    by_place = {(session.connector_id, session.sequence): session for session in stored}
    places = [place for run in decode_runs(runs) for place in run.session_ids()]
    return Proposal(
        epoch=epoch,
        expiry=expiry,
        evidence_root=hexed(evidence_root),
        runs=hexed(runs),
        bundles=[
            _bundle(place, by_place[split_session_id(place)].draft).decode() for place in places
        ],
        openings=_openings(stored),
    )


def _openings(sessions: Iterable[Pending]) -> dict[str, Opening]:
    found: dict[str, Opening] = {}
    for session in sessions:
        found |= msgspec.json.decode(session.openings, type=dict[str, Opening])
    return found


def _bundle(session_id: int, draft: bytes) -> bytes:
    """Return a draft as the bundle of a session with its sequence."""
    bundle = msgspec.json.decode(draft, type=Bundle)
    connector_id, sequence = split_session_id(session_id)
    session = replace(bundle.session, id=session_hex(connector_id, sequence), sequence=sequence)
    return to_bytes(replace(bundle, session=session))
