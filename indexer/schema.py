"""The tables, one schema for SQLite and PostgreSQL.

Three kinds, never mixed:

* *event tables*: one row per log, append-only. `id` is `block number << 20 | log
  index`, so that ids sort in chain order, a block's rows are one id range, and
  undoing a block is a range delete on the primary key. Only blocks of the chain
  as the node last told it are stored; there is no row of an orphaned block.
* *rollups*: sums over event rows, kept in the same transaction. `parts` counts the
  rows behind a sum; a row whose parts are all undone is deleted.
* *feed tables*: what oracles said. Nothing in them comes from the chain.

Money is in base units, energy in Wh, time in UTC seconds, a day in days since
1970-01-01 of the site's own calendar. Fields: docs/protocol.md, section 6.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    TypeDecorator,
    literal_column,
)
from sqlalchemy.types import TypeEngine

LOG_BITS: Final = 20

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def row_id(block_number: int, log_index: int) -> int:
    """Return the id of the row of one log."""
    return block_number << LOG_BITS | log_index


def block_of(identifier: int) -> int:
    """Return the number of the block that a row hangs off."""
    return identifier >> LOG_BITS


class Amount(TypeDecorator[int]):
    """An integer of up to 256 bits: what anyone may put into an event must not stop the indexer.

    NUMERIC on PostgreSQL; decimal text on SQLite, whose integers end at 63 bits.
    """

    impl = Numeric(78, 0)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of a dialect."""
        return dialect.type_descriptor(String(78) if dialect.name == "sqlite" else Numeric(78, 0))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | Decimal | None:
        """Write an integer."""
        if value is None:
            return None
        return str(value) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: str | Decimal | None, dialect: Dialect) -> int | None:
        """Read an integer."""
        del dialect
        return None if value is None else int(value)


Hash = LargeBinary(32)
Address = String(42)
# Integers of at most 63 bits that the contracts bound themselves.
Int = BigInteger()
# SQLite stores a table by its key only if the key's type is called INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")

EVENT_TABLES: Final[list[Table]] = []


def _event(name: str, *columns: Column[Any] | Index, with_transaction: bool = True) -> Table:
    """Declare an event table: `id`, the arguments, and the transaction unless a batch has it."""
    key = Column("id", Key, primary_key=True, autoincrement=False)
    transaction = [Column("tx_hash", Hash, nullable=False)] if with_transaction else []
    table = Table(name, metadata, key, *columns, *transaction)
    EVENT_TABLES.append(table)
    return table


def _required(name: str, kind: TypeEngine[Any]) -> Column[Any]:
    return Column(name, kind, nullable=False)


# --- the chain -------------------------------------------------------------------------------

blocks = Table(
    "blocks",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=False),
    _required("hash", Hash),
    _required("parent", Hash),
    _required("timestamp", Int),
    _required("logs", Integer()),
    Index(None, "timestamp"),
)

# Blocks without logs are kept only as long as a reorg may have to step back over them.
Index(
    "ix_blocks_empty",
    blocks.c.number,
    sqlite_where=blocks.c.logs == 0,
    postgresql_where=blocks.c.logs == 0,
)

# One row (id 1). Finality of a row is its block number against `safe_number` and
# `final_number`: stated once, not in every row.
cursor = Table(
    "cursor",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _required("chain_id", Int),
    _required("identity", Hash),
    _required("start_block", Int),
    _required("number", Int),
    _required("hash", Hash),
    _required("timestamp", Int),
    _required("head_number", Int),
    _required("safe_number", Int),
    _required("final_number", Int),
    _required("state", String(16)),
    _required("detail", Text()),
    _required("reorgs", Int),
    _required("deepest_reorg", Int),
)

# What changed, newest last, for pages that follow live; pruned to the newest few thousand.
changes = Table(
    "changes",
    metadata,
    Column("id", Key, primary_key=True),
    _required("kind", String(16)),
    _required("owner_id", Int),
    _required("block_number", Int),
    sqlite_autoincrement=True,
)

# --- StationRegistry -------------------------------------------------------------------------

owners = _event(
    "owners",
    _required("owner_id", Int),
    _required("account", Address),
    _required("name", Text()),
    Index(None, "owner_id", unique=True),
    Index(None, "account"),
)
operators = _event(
    "operators",
    _required("owner_id", Int),
    _required("operator", Address),
    _required("allowed", Boolean()),
    Index(None, "owner_id"),
)
sites = _event(
    "sites",
    _required("site_id", Int),
    _required("owner_id", Int),
    _required("name", Text()),
    _required("time_zone", Text()),
    _required("country", Text()),
    _required("grid_zone", Text()),
    Index(None, "site_id", unique=True),
    Index(None, "owner_id"),
)
stations = _event(
    "stations",
    _required("station_id", Int),
    _required("site_id", Int),
    _required("identity", Text()),
    _required("vendor", Text()),
    _required("model", Text()),
    Index(None, "station_id", unique=True),
    Index(None, "site_id"),
)
evses = _event(
    "evses",
    _required("evse", Int),
    _required("station_id", Int),
    _required("evse_number", Amount()),
    _required("evse_id", Text()),
    Index(None, "evse", unique=True),
    Index(None, "station_id"),
)
connectors = _event(
    "connectors",
    _required("connector_id", Int),
    _required("evse", Int),
    _required("connector_number", Amount()),
    _required("standard", Amount()),
    _required("power_type", Amount()),
    _required("max_power_w", Amount()),
    Index(None, "connector_id", unique=True),
    Index(None, "evse"),
)
tariffs = _event(
    "tariffs",
    _required("connector_id", Int),
    _required("tariff_index", Int),
    _required("tariff", Hash),
    _required("vat_bps", Amount()),
    _required("terms_hash", Hash),
    Index(None, "connector_id", "tariff_index", unique=True),
)
meter_keys = _event(
    "meter_keys",
    _required("connector_id", Int),
    _required("fingerprint", Hash),
    _required("curve", Amount()),
    _required("public_key", LargeBinary()),
    _required("voucher_kind", Amount()),
    _required("voucher", Address),
    _required("valid_from", Amount()),
    Index(None, "connector_id"),
)
meter_key_vouchings = _event(
    "meter_key_vouchings",
    _required("connector_id", Int),
    _required("fingerprint", Hash),
    _required("voucher_kind", Amount()),
    _required("voucher", Address),
    Index(None, "connector_id"),
)
meter_key_revocations = _event(
    "meter_key_revocations",
    _required("connector_id", Int),
    _required("fingerprint", Hash),
    Index(None, "connector_id"),
)
vouchers = _event("vouchers", _required("voucher", Address), _required("kind", Amount()))

# --- Settlement: vaults, committee, parameters -----------------------------------------------

accounts = _event(
    "accounts",
    _required("account", Int),
    _required("holder", Address),
    Index(None, "account", unique=True),
)
deposits = _event(
    "deposits",
    _required("account", Int),
    _required("sender", Address),
    _required("amount", Amount()),
    Index(None, "account"),
)
daily_limits = _event(
    "daily_limits",
    _required("account", Int),
    _required("daily_limit", Amount()),
    Index(None, "account"),
)
withdrawal_requests = _event(
    "withdrawal_requests",
    _required("account", Int),
    _required("amount", Amount()),
    _required("executable_at", Amount()),
    _required("lapses_at", Amount()),
    Index(None, "account"),
)
withdrawal_cancellations = _event(
    "withdrawal_cancellations", _required("account", Int), Index(None, "account")
)
withdrawals = _event(
    "withdrawals",
    _required("account", Int),
    _required("recipient", Address),
    _required("amount", Amount()),
    Index(None, "account"),
)
mandate_revocations = _event(
    "mandate_revocations",
    _required("account", Int),
    _required("mandate", Hash),
    Index(None, "account"),
)
accrual_withdrawals = _event(
    "accrual_withdrawals",
    _required("owner_id", Int),
    _required("recipient", Address),
    _required("amount", Amount()),
    Index(None, "owner_id"),
)
fees_routed = _event("fees_routed", _required("router", Address), _required("amount", Amount()))
committees = _event(
    "committees",
    _required("epoch", Int),
    _required("threshold", Amount()),
    _required("members", Text()),
    _required("previous_valid_until", Amount()),
    Index(None, "epoch", unique=True),
)
committee_revocations = _event("committee_revocations", _required("epoch", Int))
pauses = _event("pauses", _required("paused_until", Amount()))
caps = _event(
    "caps",
    _required("session_cap", Amount()),
    _required("owner_day_cap", Amount()),
    _required("committee_day_cap", Amount()),
)
exposure_limits = _event("exposure_limits", _required("exposure_limit", Amount()))
fee_routers = _event("fee_routers", _required("router", Address))
surplus_recoveries = _event(
    "surplus_recoveries", _required("recipient", Address), _required("amount", Amount())
)

# --- FeeRouter -------------------------------------------------------------------------------

_SHARES: Final = ("stakers", "drivers", "stations", "treasury")
fee_shares = _event("fee_shares", *(_required(name, Amount()) for name in _SHARES))
fee_destinations = _event("fee_destinations", *(_required(name, Address) for name in _SHARES))
fee_routings = _event(
    "fee_routings",
    _required("amount", Amount()),
    *(_required(name, Amount()) for name in _SHARES),
)

reimbursement_settings = _event(
    "reimbursement_settings", _required("oracles", Address), _required("per_batch", Amount())
)
reimbursements = _event(
    "reimbursements",
    _required("oracles", Address),
    _required("batches", Amount()),
    _required("amount", Amount()),
)

# --- Settlement: batches, runs, sessions -----------------------------------------------------

batches = _event(
    "batches",
    _required("batch", Int),
    _required("epoch", Int),
    _required("evidence_root", Hash),
    _required("commitment", Hash),
    _required("sessions", Int),
    _required("submitter", Address),
    Index(None, "batch", unique=True),
)
runs = _event(
    "runs",
    _required("connector_id", Int),
    _required("owner_id", Int),
    _required("first_sequence", Int),
    _required("tariff_index", Int),
    _required("sessions", Int),
    _required("batch", Int),
    Index(None, "batch"),
    with_transaction=False,
)
skipped_runs = _event(
    "skipped_runs",
    _required("connector_id", Int),
    _required("first_sequence", Amount()),
    _required("head_sequence", Amount()),
    Index(None, "connector_id"),
)
# The record and the outcome, field by field. `gross` is what was due, after the
# tariff's bounds; `recorded_gross` is what the record says. `fee` is what this
# settlement was charged. Owner, site, batch and settlement day repeat what follows
# from other rows, so that a page is one index scan.
sessions = _event(
    "sessions",
    _required("connector_id", Int),
    _required("sequence", Int),
    _required("owner_id", Int),
    _required("site_id", Int),
    _required("tariff_index", Int),
    _required("batch", Int),
    _required("settled_at", Int),
    _required("settled_day", Integer()),
    _required("payer", Int),
    _required("started_at", Int),
    _required("duration_s", Integer()),
    _required("idle_s", Integer()),
    _required("energy_wh", Integer()),
    _required("recorded_gross", Int),
    _required("campaign_id", Int),
    _required("hour_of_week", Integer()),
    _required("grid_gco2e_per_kwh", Integer()),
    _required("renewable_pct", Integer()),
    _required("assurance", Integer()),
    _required("reserved", Integer()),
    _required("status", Integer()),
    _required("reason", Integer()),
    _required("flags", Integer()),
    _required("paid", Int),
    _required("campaign_paid", Int),
    _required("debt", Int),
    _required("gross", Int),
    _required("fee", Int),
    Index(None, "connector_id", "sequence", unique=True),
    Index(None, "owner_id", "id"),
    Index(None, "site_id", "id"),
    Index(None, "batch"),
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
collections = _event(
    "collections",
    _required("connector_id", Int),
    _required("sequence", Int),
    _required("owner_id", Int),
    _required("site_id", Int),
    _required("account", Int),
    _required("settled_at", Int),
    _required("settled_day", Integer()),
    _required("amount", Int),
    _required("fee", Int),
    Index(None, "owner_id", "id"),
    Index(None, "connector_id", "sequence"),
)

# --- rollups ---------------------------------------------------------------------------------

# By settlement time, exact. `elsewhere` is the gross of sessions without a payer,
# `carbon_wh` the energy whose grid factor is known.
SETTLEMENT_SUMS: Final = (
    "sessions",
    "unfunded",
    "rejected",
    "clamped",
    "reported",
    "observed",
    "signed",
    "energy_wh",
    "signed_wh",
    "gross",
    "paid",
    "campaign",
    "fee",
    "debt",
    "elsewhere",
    "collected",
    "collected_fee",
    "emitted_g",
    "avoided_g",
    "carbon_wh",
    "parts",
)


def _settlement_rollup(name: str, period: str) -> Table:
    return Table(
        name,
        metadata,
        Column("owner_id", Int, primary_key=True, autoincrement=False),
        Column(period, Int, primary_key=True, autoincrement=False),
        Column("connector_id", Int, primary_key=True, autoincrement=False),
        _required("site_id", Int),
        *(_required(column, Int) for column in SETTLEMENT_SUMS),
        sqlite_with_rowid=False,
    )


settlement_days = _settlement_rollup("settlement_days", "day")
# The local hour in which a session was settled, keyed by the hour's start in UTC.
settlement_hours = _settlement_rollup("settlement_hours", "hour")

# By session time, spread over the local hours that a session covers, keyed by the
# hour's start in UTC: approximate, except `sessions`, which counts starts.
HOUR_SUMS: Final = (
    "sessions",
    "energy_wh",
    "gross",
    "net",
    "fee",
    "campaign",
    "avoided_g",
    "occupied_s",
    "charging_s",
    "idle_s",
    "parts",
)
connector_hours = Table(
    "connector_hours",
    metadata,
    Column("connector_id", Int, primary_key=True, autoincrement=False),
    Column("hour", Int, primary_key=True, autoincrement=False),
    *(_required(column, Int) for column in HOUR_SUMS),
    sqlite_with_rowid=False,
)

# --- the operational feed: what oracles say, not what the chain proves --------------------------

feed_entries = Table(
    "feed_entries",
    metadata,
    Column("oracle", Address, primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    _required("epoch", Int),
    _required("connector_id", Int),
    _required("seq", Int),
    _required("at", Int),
    _required("kind", String(16)),
    _required("status", String(16)),
    _required("error_code", Text()),
    Column("energy_wh", Int),
    Column("session", Text),
    _required("signature", LargeBinary(65)),
    Index(None, "connector_id", "at"),
    Index(None, "at"),
)
feed_sources = Table(
    "feed_sources",
    metadata,
    Column("oracle", Address, primary_key=True),
    _required("url", Text()),
    _required("n", Int),
    _required("epoch", Int),
    _required("heard_at", Int),
    _required("gaps", Int),
    _required("refused", Int),
    _required("detail", Text()),
)
# The newest word on each connector. `whole` is false where words after it are missing.
connector_states = Table(
    "connector_states",
    metadata,
    Column("connector_id", Key, primary_key=True, autoincrement=False),
    _required("oracle", Address),
    _required("epoch", Int),
    _required("seq", Int),
    _required("at", Int),
    _required("since", Int),
    _required("status", String(16)),
    _required("error_code", Text()),
    Column("energy_wh", Int),
    Column("session", Text),
    _required("whole", Boolean()),
)
