"""The private settings: who may do what for an owner, and what an owner entered.

Nothing here can be made again from the chain: back it up. Times are UTC seconds, money
is in base units of the payment token. Secrets are kept as SHA-256, so that who reads
the database can neither sign in nor open a report.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

NAMING: Final = {"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"}
metadata = MetaData(naming_convention=NAMING)

Id: Final = BigInteger().with_variant(Integer(), "sqlite")
Address: Final = String(42)
Secret: Final = LargeBinary(32)

# A nonce given out and not answered yet; answering deletes it, so it serves once.
challenges = Table(
    "challenges",
    metadata,
    Column("nonce", String(32), primary_key=True),
    Column("address", Address, nullable=False),
    Column("origin", Text, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("token", Secret, primary_key=True),
    Column("address", Address, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)
# Beside the owner's on-chain account, which is always an admin and needs no row.
people = Table(
    "people",
    metadata,
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("address", Address, primary_key=True),
    Column("role", Integer, nullable=False),
    Column("entered_by", Address, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
)
# Each opens one report of one owner until it expires.
report_links = Table(
    "report_links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token", Secret, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("report", String(32), nullable=False),
    Column("month", Date, nullable=False),
    Column("entered_by", Address, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "token", unique=True),
    Index(None, "owner_id"),
)
# Time that does not count against a connector (23 CFR 680.116(b)(3), T_excluded).
exclusions = Table(
    "exclusions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", BigInteger, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("note", Text, nullable=False),
    Column("entered_by", Address, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Index(None, "owner_id", "connector_id"),
)
# What the owner pays for electricity, VAT not included: from a day on, in some hours of
# the site's day, until a later row of that site covers the same hour.
purchase_prices = Table(
    "purchase_prices",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", BigInteger, nullable=False),
    Column("site_id", BigInteger, nullable=False),
    Column("since", Date, nullable=False),
    Column("hour_from", Integer, nullable=False),
    Column("hour_to", Integer, nullable=False),
    Column("per_kwh", BigInteger, nullable=False),
    Column("entered_by", Address, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Index(None, "owner_id", "site_id"),
)
# Mandates that holders signed here: their terms, never the cards they name.
mandates = Table(
    "mandates",
    metadata,
    Column("mandate", String(66), primary_key=True),
    Column("account", BigInteger, nullable=False),
    Column("cards", Integer, nullable=False),
    Column("max_per_session", BigInteger, nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Index(None, "account"),
)
# The card processor that the protocol is compared with.
card_rates = Table(
    "card_rates",
    metadata,
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("bps", Integer, nullable=False),
    Column("fixed", BigInteger, nullable=False),
    Column("entered_by", Address, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
)
# Values by place and time that carbon is worked out from: grid factors (mg CO2e a kWh) by
# zone, energy (Wh) by site. Never changed; `sha256` is of the canonical form, in hex.
carbon_tables = Table(
    "carbon_tables",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("published", String(10), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("count", Integer, nullable=False),
    Column("entered_by", Address, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("withdrawn_by", Address),
    Column("withdrawn_at", BigInteger),
    Index(None, "owner_id"),
)
carbon_values = Table(
    "carbon_values",
    metadata,
    Column("table_id", BigInteger, primary_key=True, autoincrement=False),
    Column("place", String(32), primary_key=True),
    Column("period", String(13), primary_key=True),
    Column("value", BigInteger, nullable=False),
    Column("renewable_pct", Integer),
)
# Guarantees of origin and power purchase agreements; months as `2026-11`.
certificates = Table(
    "certificates",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reference", Text, nullable=False),
    Column("zone", String(32), nullable=False),
    Column("site_id", BigInteger),
    Column("since", String(7), nullable=False),
    Column("until", String(7), nullable=False),
    Column("quantity_wh", BigInteger, nullable=False),
    Column("mg_per_kwh", BigInteger, nullable=False),
    Column("renewable", Boolean, nullable=False),
    Column("entered_by", Address, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("withdrawn_by", Address),
    Column("withdrawn_at", BigInteger),
    Index(None, "owner_id"),
)
