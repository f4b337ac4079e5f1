"""Settlement: batches, runs and sessions."""

from __future__ import annotations

from sqlalchemy import Index, Integer, literal_column, or_

from indexer.schema.base import Address, Amount, Hash, Int, event_table, required

batches = event_table(
    "batches",
    required("batch", Int),
    required("epoch", Int),
    required("evidence_root", Hash),
    required("commitment", Hash),
    required("sessions", Int),
    required("submitter", Address),
    Index(None, "batch", unique=True),
)
runs = event_table(
    "runs",
    required("connector_id", Int),
    required("owner_id", Int),
    required("first_sequence", Int),
    required("tariff_index", Int),
    required("sessions", Int),
    required("batch", Int),
    Index(None, "batch"),
    with_transaction=False,
)
skipped_runs = event_table(
    "skipped_runs",
    required("connector_id", Int),
    required("first_sequence", Amount()),
    required("head_sequence", Amount()),
    Index(None, "connector_id"),
)
# The record and the outcome, field by field. `gross` is what was due, after the
# tariff's bounds; `recorded_gross` is what the record says. `fee` is what this
# settlement was charged. `discount` is what an owner's own campaign granted and its
# budget did not reach: it follows from the campaign's rules. Owner, site, batch and
# settlement day repeat what follows from other rows, so that a page is one index scan.
sessions = event_table(
    "sessions",
    required("connector_id", Int),
    required("sequence", Int),
    required("owner_id", Int),
    required("site_id", Int),
    required("tariff_index", Int),
    required("batch", Int),
    required("settled_at", Int),
    required("settled_day", Integer()),
    required("payer", Int),
    required("started_at", Int),
    required("duration_s", Integer()),
    required("idle_s", Integer()),
    required("energy_wh", Integer()),
    required("recorded_gross", Int),
    required("campaign_id", Int),
    required("hour_of_week", Integer()),
    required("grid_gco2e_per_kwh", Integer()),
    required("renewable_pct", Integer()),
    required("assurance", Integer()),
    required("reserved", Integer()),
    required("status", Integer()),
    required("reason", Integer()),
    required("flags", Integer()),
    required("paid", Int),
    required("campaign_paid", Int),
    required("debt", Int),
    required("gross", Int),
    required("fee", Int),
    required("discount", Int),
    Index(None, "connector_id", "sequence", unique=True),
    Index(None, "owner_id", "id"),
    Index(None, "site_id", "id"),
    # With all that is asked of many sessions of a connector by when they began, for their rows
    # lie far apart: how long they lasted, and what a campaign would have cost.
    Index(
        "ix_sessions_starts",
        "connector_id",
        "started_at",
        "duration_s",
        "status",
        "settled_at",
        "hour_of_week",
        "energy_wh",
        "gross",
        "campaign_id",
        "payer",
    ),
    with_transaction=False,
)
# The few that were not settled, for the pages that ask only for those. A literal, for a
# database finds an index of some rows only by the words that made it.
not_settled = sessions.c.status != literal_column("1")
Index(
    "ix_sessions_exceptions",
    sessions.c.owner_id,
    sessions.c.id,
    sqlite_where=not_settled,
    postgresql_where=not_settled,
)
# The few of which there is something to say although they may be settled: a flag of the
# outcome (clamped, campaign not applied or short), or no energy.
with_remark = or_(
    sessions.c.flags != literal_column("0"), sessions.c.energy_wh == literal_column("0")
)
Index(
    "ix_sessions_remarks",
    sessions.c.owner_id,
    sessions.c.id,
    sqlite_where=with_remark,
    postgresql_where=with_remark,
)
# The few that a campaign paid for or should have, for the campaign's own page.
with_campaign = sessions.c.campaign_id != literal_column("0")
Index(
    "ix_sessions_campaigns",
    sessions.c.campaign_id,
    sessions.c.id,
    # What the days of a campaign's effect are worked out of.
    sessions.c.connector_id,
    sessions.c.started_at,
    sessions.c.status,
    sessions.c.campaign_paid,
    sessions.c.discount,
    sqlite_where=with_campaign,
    postgresql_where=with_campaign,
)
# Those that a vault paid for or should have, for its holder's own page.
with_payer = sessions.c.payer != literal_column("0")
Index(
    "ix_sessions_payers",
    sessions.c.payer,
    sessions.c.id,
    sqlite_where=with_payer,
    postgresql_where=with_payer,
)
