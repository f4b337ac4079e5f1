"""The check of a bundle's campaign (docs/evidence.md, step `campaign`), pure as the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chargecoin.campaign_terms import CampaignTerms, EarlierSession
from chargecoin.chain.events import Event
from chargecoin.errors import EvidenceError
from chargecoin.evidence.checks import require, require_equal, step
from chargecoin.evidence.format import Bundle
from chargecoin.record import Outcome, OutcomeFlag, SessionRecord, Status, decode_run_event


@step("campaign")
def check_campaign(
    bundle: Bundle, terms: CampaignTerms | None, earlier: Mapping[str, EarlierSession]
) -> str:
    """The campaign is in force at connector and start, and gives what the bundle says.

    `terms` are those of the campaign at this connector, None if it is not enrolled
    there; `earlier` holds what the chain knows of the sessions that the bundle names.
    """
    stated = bundle.campaign
    if stated is None:
        return "no campaign applies"
    require(bundle.payer.account, "a campaign takes off what a payer pays, and nobody pays")
    if terms is None:
        raise EvidenceError(f"the connector takes part in no campaign {stated.id}")
    started_at = bundle.reading.started_at
    require(
        terms.covers(started_at, bundle.record.hour_of_week),
        f"campaign {stated.id} does not cover the start",
    )
    require_equal("the campaign's rate", stated.rate_bps, terms.rate_bps)
    require_equal("the campaign's cap", stated.session_cap, terms.session_cap)
    require_equal("the benefit", stated.benefit, terms.benefit(bundle.price.gross))
    named = _named(bundle, earlier)
    for one in named:
        require(
            one.counts(terms, bundle.payer.account, started_at),
            f"session {one.session_id:#x} is none that the campaign counts",
        )
    require(
        len(named) >= terms.min_sessions,
        f"{len(named)} earlier sessions are named, and the campaign asks for {terms.min_sessions}",
    )
    return f"campaign {stated.id} takes off {stated.benefit} base units"


def _named(bundle: Bundle, earlier: Mapping[str, EarlierSession]) -> Sequence[EarlierSession]:
    stated = bundle.campaign.sessions if bundle.campaign else ()
    require(len({one.id for one in stated}) == len(stated), "a session is named twice")
    found = []
    for one in stated:
        known = earlier.get(one.id)
        if known is None:
            raise EvidenceError(f"the chain settled no session {one.id} in {one.transaction}")
        found.append(known)
    return found


def logged_sessions(settled: Iterable[Event]) -> Iterator[EarlierSession]:
    """Yield the sessions with an account among `Settlement`'s events, in order.

    A `Run`, which names the owner, precedes the `Session`s that it covers.
    """
    owner_id = 0
    for event in settled:
        if event.name == "Run":
            owner_id = decode_run_event(event.args["run"])[1]
        if event.name != "Session":
            continue
        outcome = Outcome.decode(event.args["session"])
        if outcome.status is Status.REJECTED:
            # Its record may hold anything.
            continue
        session = SessionRecord.decode(event.args["word"])
        if session.payer:
            applied = OutcomeFlag.CAMPAIGN_NOT_APPLIED not in outcome.flags
            yield EarlierSession(
                session_id=outcome.session_id,
                transaction=event.log.transaction_hash,
                account=session.payer,
                owner_id=owner_id,
                started_at=session.started_at,
                campaign=session.campaign_id if applied else 0,
                settled=outcome.status is Status.SETTLED,
            )
