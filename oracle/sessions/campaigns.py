"""Which campaign a session gets: the one that takes most off, and the same for every oracle.

Everything is looked up in what is final. A campaign that everybody gets is known to
every oracle by the time the session is worked on, since it began before the session
did; so an attester can tell when one was left out.
"""

from __future__ import annotations

from sqlite3 import Connection

from chargecoin.campaign_terms import CampaignTerms, EarlierSession
from chargecoin.campaigns import Kind
from chargecoin.errors import AttestationRefusedError
from chargecoin.evidence.format import (
    Bundle,
    CampaignPart,
    EarlierSessionPart,
    hexed,
    unhexed,
    word_hex,
)
from oracle.store import campaigns


def choose(
    connection: Connection,
    *,
    account: int,
    connector_id: int,
    started_at: int,
    hour_of_week: int,
    gross: int,
) -> CampaignPart | None:
    """Return the campaign that takes most off a session's gross, None if none applies.

    Of equals the first created is taken. Without an account nobody pays, so nothing is
    taken off.
    """
    if not account or not gross:
        return None
    best: CampaignPart | None = None
    for terms in campaigns.at_connector(connection, connector_id, started_at):
        taken = terms.benefit(gross)
        if taken <= (best.benefit if best else 0) or not terms.covers(started_at, hour_of_week):
            continue
        earlier = campaigns.earlier(connection, terms, account, started_at)
        if len(earlier) < terms.min_sessions or not _room(connection, terms, account):
            continue
        best = _part(terms, taken, earlier)
    return best


def _room(connection: Connection, terms: CampaignTerms, account: int) -> bool:
    if not terms.driver_cap:
        return True
    used = campaigns.uses(connection, account, terms.id)
    return used + campaigns.uses_under_way(connection, account, terms.id) < terms.driver_cap


def _part(terms: CampaignTerms, taken: int, earlier: list[EarlierSession]) -> CampaignPart:
    return CampaignPart(
        id=terms.id,
        rate_bps=terms.rate_bps,
        session_cap=terms.session_cap,
        benefit=taken,
        sessions=tuple(
            EarlierSessionPart(id=word_hex(one.session_id), transaction=hexed(one.transaction))
            for one in earlier
        ),
    )


def terms_of(connection: Connection, bundle: Bundle) -> CampaignTerms | None:
    """Return the terms of a bundle's campaign, None if its connector took no part at the start."""
    if bundle.campaign is None:
        return None
    offered = campaigns.at_connector(
        connection, bundle.session.connector_id, bundle.reading.started_at
    )
    return next((terms for terms in offered if terms.id == bundle.campaign.id), None)


def earlier_of(connection: Connection, bundle: Bundle) -> dict[str, EarlierSession]:
    """Return what is final of the sessions that a bundle's campaign counts, by id."""
    found = {}
    for one in bundle.campaign.sessions if bundle.campaign else ():
        known = campaigns.settled(connection, int.from_bytes(unhexed(one.id, 32), "big"))
        if known and hexed(known.transaction) == one.transaction:
            found[one.id] = known
    return found


def check_driver_cap(connection: Connection, bundle: Bundle, final_time: int, within: int) -> None:
    """Refuse a session that has a campaign more often than one payer may.

    `within` is how many sessions of the same batch, before this one, have it as well.
    """
    terms = terms_of(connection, bundle)
    if terms is None or not terms.driver_cap:
        return
    account, session = bundle.payer.account, bundle.session
    used = campaigns.uses(connection, account, terms.id) + campaigns.uses_attested(
        connection, account, terms.id, final_time, (session.connector_id, session.sequence)
    )
    if used + within >= terms.driver_cap:
        raise AttestationRefusedError(
            "campaign", f"account {account} had campaign {terms.id} {used} times already"
        )


def check_nothing_left_out(connection: Connection, bundle: Bundle) -> None:
    """Refuse a session that gets less than an owner's campaign gives to everybody."""
    if not bundle.payer.account:
        return
    stated = bundle.campaign.benefit if bundle.campaign else 0
    started_at = bundle.reading.started_at
    for terms in campaigns.at_connector(connection, bundle.session.connector_id, started_at):
        if (
            # A sponsor's budget may be used up; then the proposer leaves it out rightly.
            terms.kind != Kind.CO_BRANDED
            and terms.unconditional
            and terms.covers(started_at, bundle.record.hour_of_week)
            and terms.benefit(bundle.price.gross) > stated
        ):
            raise AttestationRefusedError(
                "campaign", f"campaign {terms.id} takes more off than what is applied"
            )
