"""Final campaigns, and the final sessions that loyalty and a driver's cap are counted in."""

from __future__ import annotations

from collections.abc import Iterable
from sqlite3 import Connection, Row
from typing import Final

from chargecoin.campaign_terms import CampaignTerms, EarlierSession
from oracle.store.attestations import UNKNOWN

WORD: Final = 32
# Where a record has its payer and its campaign: SQLite's substr counts bytes from 1.
_PAYER: Final = "substr(word, 1, 5)"
_CAMPAIGN: Final = "substr(word, 23, 4)"


def add(connection: Connection, terms: CampaignTerms) -> None:
    """Keep a campaign as it was created."""
    connection.execute(
        "INSERT OR IGNORE INTO campaigns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            terms.id,
            terms.kind,
            terms.owner_id,
            terms.starts_at,
            terms.ends_at,
            terms.hour_mask.to_bytes(WORD, "big"),
            terms.rate_bps,
            terms.session_cap,
            terms.min_sessions,
            terms.window_days,
            terms.driver_cap,
        ),
    )


def enrol(connection: Connection, campaign: int, connectors: Iterable[int], at: int) -> None:
    """Keep which connectors take part, and since when (UTC seconds)."""
    connection.executemany(
        "INSERT OR IGNORE INTO campaign_connectors VALUES (?, ?, ?)",
        [(connector, campaign, at) for connector in connectors],
    )


def pause(connection: Connection, campaign: int, begin: int) -> None:
    """Keep that a campaign is paused from then on."""
    connection.execute(
        "INSERT OR IGNORE INTO campaign_pauses VALUES (?, ?, NULL)", (campaign, begin)
    )


def resume(connection: Connection, campaign: int, end: int) -> None:
    """Keep that a campaign goes on from then on."""
    connection.execute(
        "UPDATE campaign_pauses SET paused_to = ? WHERE campaign = ? AND paused_to IS NULL",
        (end, campaign),
    )


def close(connection: Connection, campaign: int, end: int) -> None:
    """Keep that a campaign ends then."""
    connection.execute("UPDATE campaigns SET ends_at = ? WHERE id = ?", (end, campaign))


def add_settled(connection: Connection, sessions: Iterable[EarlierSession]) -> None:
    """Keep final sessions of payers."""
    connection.executemany(
        "INSERT OR IGNORE INTO settled_sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                one.session_id.to_bytes(WORD, "big"),
                one.account,
                one.owner_id,
                one.started_at,
                one.campaign,
                one.settled,
                one.transaction,
            )
            for one in sessions
        ],
    )


def at_connector(connection: Connection, connector_id: int, started_at: int) -> list[CampaignTerms]:
    """Return the campaigns that a connector took part in when a session started, by id."""
    rows = connection.execute(
        "SELECT c.* FROM campaign_connectors e JOIN campaigns c ON c.id = e.campaign"
        " WHERE e.connector_id = ? AND e.enrolled_at <= ? AND c.starts_at <= ? AND c.ends_at > ?"
        " ORDER BY c.id",
        (connector_id, started_at, started_at, started_at),
    ).fetchall()
    return [_terms(connection, row) for row in rows]


def _terms(connection: Connection, row: Row) -> CampaignTerms:
    pauses = connection.execute(
        "SELECT paused_from, coalesce(paused_to, 4294967296) FROM campaign_pauses"
        " WHERE campaign = ? ORDER BY paused_from",
        (row["id"],),
    )
    return CampaignTerms(
        id=row["id"],
        kind=row["kind"],
        owner_id=row["owner_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        pauses=tuple((int(begin), int(end)) for begin, end in pauses),
        hour_mask=int.from_bytes(row["hour_mask"], "big"),
        rate_bps=row["rate_bps"],
        session_cap=row["session_cap"],
        min_sessions=row["min_sessions"],
        window_days=row["window_days"],
        driver_cap=row["driver_cap"],
    )


def earlier(
    connection: Connection, terms: CampaignTerms, account: int, started_at: int
) -> list[EarlierSession]:
    """Return the sessions that a loyalty boost asks for, the latest ones, if there are enough."""
    if not terms.min_sessions:
        return []
    rows = connection.execute(
        "SELECT * FROM settled_sessions WHERE account = ? AND owner_id = ? AND settled"
        " AND started_at >= ? AND started_at < ? ORDER BY started_at DESC, session_id LIMIT ?",
        (
            account,
            terms.owner_id,
            started_at - terms.window_days * 86_400,
            started_at,
            terms.min_sessions,
        ),
    )
    return [_earlier(row) for row in rows]


def settled(connection: Connection, session_id: int) -> EarlierSession | None:
    """Return a final session of a payer, None if there is no such."""
    row = connection.execute(
        "SELECT * FROM settled_sessions WHERE session_id = ?", (session_id.to_bytes(WORD, "big"),)
    ).fetchone()
    return _earlier(row) if row else None


def _earlier(row: Row) -> EarlierSession:
    return EarlierSession(
        session_id=int.from_bytes(row["session_id"], "big"),
        transaction=row["tx_hash"],
        account=row["account"],
        owner_id=row["owner_id"],
        started_at=row["started_at"],
        campaign=row["campaign"],
        settled=bool(row["settled"]),
    )


def _words(account: int, campaign: int) -> tuple[bytes, bytes]:
    return account.to_bytes(5, "big"), campaign.to_bytes(4, "big")


def uses(connection: Connection, account: int, campaign: int) -> int:
    """Return how many final sessions of a payer had a campaign."""
    return int(
        connection.execute(
            "SELECT count(*) FROM settled_sessions WHERE account = ? AND campaign = ?",
            (account, campaign),
        ).fetchone()[0]
    )


def uses_under_way(connection: Connection, account: int, campaign: int) -> int:
    """Return how many sessions of a payer that are not final yet are to have a campaign."""
    query = (
        "SELECT count(*) FROM sessions WHERE state IN ('pending', 'proposed', 'settled')"  # noqa: S608
        f" AND NOT final AND {_PAYER} = ? AND {_CAMPAIGN} = ?"
    )
    return int(connection.execute(query, _words(account, campaign)).fetchone()[0])


def uses_attested(
    connection: Connection, account: int, campaign: int, final_time: int, without: tuple[int, int]
) -> int:
    """Return how many sessions of a payer we signed with a campaign and may yet become final.

    `without` is the connector and sequence that is being asked about.
    """
    query = (
        "SELECT count(*) FROM attestations WHERE settled = ? AND expiry >= ?"  # noqa: S608
        f" AND {_PAYER} = ? AND {_CAMPAIGN} = ? AND NOT (connector_id = ? AND sequence = ?)"
    )
    return int(
        connection.execute(
            query, (UNKNOWN, final_time, *_words(account, campaign), *without)
        ).fetchone()[0]
    )
