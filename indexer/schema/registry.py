"""StationRegistry: owners, places, tariffs, meter keys."""

from __future__ import annotations

from sqlalchemy import Boolean, Index, LargeBinary, Text

from indexer.schema.base import Address, Amount, Hash, Int, event_table, required

owners = event_table(
    "owners",
    required("owner_id", Int),
    required("account", Address),
    required("name", Text()),
    Index(None, "owner_id", unique=True),
    Index(None, "account"),
)
# The first account is that of `owners`; the newest row here is the one in force.
owner_accounts = event_table(
    "owner_accounts",
    required("owner_id", Int),
    required("account", Address),
    Index(None, "owner_id"),
    Index(None, "account"),
)
operators = event_table(
    "operators",
    required("owner_id", Int),
    required("operator", Address),
    required("allowed", Boolean()),
    Index(None, "owner_id"),
)
sites = event_table(
    "sites",
    required("site_id", Int),
    required("owner_id", Int),
    required("name", Text()),
    required("time_zone", Text()),
    required("country", Text()),
    required("grid_zone", Text()),
    Index(None, "site_id", unique=True),
    Index(None, "owner_id"),
)
stations = event_table(
    "stations",
    required("station_id", Int),
    required("site_id", Int),
    required("identity", Text()),
    required("vendor", Text()),
    required("model", Text()),
    Index(None, "station_id", unique=True),
    Index(None, "site_id"),
)
evses = event_table(
    "evses",
    required("evse", Int),
    required("station_id", Int),
    required("evse_number", Amount()),
    required("evse_id", Text()),
    Index(None, "evse", unique=True),
    Index(None, "station_id"),
)
connectors = event_table(
    "connectors",
    required("connector_id", Int),
    required("evse", Int),
    required("connector_number", Amount()),
    required("standard", Amount()),
    required("power_type", Amount()),
    required("max_power_w", Amount()),
    Index(None, "connector_id", unique=True),
    Index(None, "evse"),
)
tariffs = event_table(
    "tariffs",
    required("connector_id", Int),
    required("tariff_index", Int),
    required("tariff", Hash),
    required("vat_bps", Amount()),
    required("terms_hash", Hash),
    Index(None, "connector_id", "tariff_index", unique=True),
)
meter_keys = event_table(
    "meter_keys",
    required("connector_id", Int),
    required("fingerprint", Hash),
    required("curve", Amount()),
    required("public_key", LargeBinary()),
    required("voucher_kind", Amount()),
    required("voucher", Address),
    required("valid_from", Amount()),
    Index(None, "connector_id"),
)
meter_key_vouchings = event_table(
    "meter_key_vouchings",
    required("connector_id", Int),
    required("fingerprint", Hash),
    required("voucher_kind", Amount()),
    required("voucher", Address),
    Index(None, "connector_id"),
)
meter_key_revocations = event_table(
    "meter_key_revocations",
    required("connector_id", Int),
    required("fingerprint", Hash),
    Index(None, "connector_id"),
)
vouchers = event_table("vouchers", required("voucher", Address), required("kind", Amount()))
