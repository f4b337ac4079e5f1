"""Who may ask what: one verdict for each address with its method, whatever its guard says.

A route that is not here fails `test_roles`: think who may see or send it, then write it down.
"""

from __future__ import annotations

from typing import Final

# On the chain for everybody to read, or about nobody: sent without being kept under a name.
ANYBODY: Final = frozenset(
    {
        "GET /",
        "GET /audit/{token}",
        "GET /batches/{number}",
        "GET /health",
        "POST /language",
        "GET /live",
        "GET /methods/co2",
        "GET /owners",
        "GET /owners/new",
        "GET /owners/{owner_id}",
        "GET /owners/{owner_id}/campaigns",
        "GET /owners/{owner_id}/campaigns/new",
        "GET /owners/{owner_id}/campaigns/sponsor",
        "GET /owners/{owner_id}/campaigns/{campaign_id}",
        "GET /owners/{owner_id}/carbon",
        "GET /owners/{owner_id}/chargers",
        "GET /owners/{owner_id}/disputes",
        "GET /owners/{owner_id}/disputes/{number}",
        "GET /owners/{owner_id}/exceptions",
        "GET /owners/{owner_id}/feed",
        "GET /owners/{owner_id}/fees",
        "GET /owners/{owner_id}/fees/{connector_id}/{sequence}",
        "GET /owners/{owner_id}/onboarding",
        "GET /owners/{owner_id}/onboarding/{station_id}",
        "POST /owners/{owner_id}/onboarding/{station_id}/key",
        "GET /owners/{owner_id}/payouts",
        "GET /owners/{owner_id}/payouts/destination",
        "GET /owners/{owner_id}/payouts/now",
        "GET /owners/{owner_id}/payouts/schedule",
        "GET /owners/{owner_id}/payouts/{transaction}",
        "GET /owners/{owner_id}/rewards",
        "GET /owners/{owner_id}/rewards/{epoch}",
        "GET /owners/{owner_id}/sessions",
        "GET /owners/{owner_id}/statement",
        "GET /owners/{owner_id}/stations",
        "GET /owners/{owner_id}/stations/{station_id}",
        "GET /owners/{owner_id}/tariffs/new",
        "GET /owners/{owner_id}/uptime",
        "GET /payers",
        "GET /payers/{account}",
        "GET /ready",
        "GET /sessions/{connector_id}/{sequence}",
        "GET /sessions/{connector_id}/{sequence}/bundle",
        "GET /sessions/{connector_id}/{sequence}/proof",
        "GET /sessions/{connector_id}/{sequence}/refund",
        "GET /sessions/{connector_id}/{sequence}/verify",
        "GET /sessions/{session_hex}",
        "GET /sign-in",
        "POST /sign-in",
        "POST /sign-in/answer",
        "POST /sign-out",
        "GET /sponsors/{address}",
        "GET /sponsors/{address}/campaigns/{campaign_id}",
        "GET /status",
        "GET /transactions/{transaction}",
        "GET /verify",
        "POST /verify",
    }
)
# An owner's people, from this role on.
VIEWER: Final = frozenset(
    {
        "GET /owners/{owner_id}/access",
        "GET /owners/{owner_id}/carbon/inputs",
        "GET /owners/{owner_id}/carbon/tables/{number}",
        "GET /owners/{owner_id}/prices",
    }
)
FINANCE: Final = frozenset(
    {
        "POST /owners/{owner_id}/access/links",
        "POST /owners/{owner_id}/access/links/remove",
        "POST /owners/{owner_id}/carbon/certificates",
        "POST /owners/{owner_id}/carbon/certificates/withdraw",
        "POST /owners/{owner_id}/carbon/tables",
        "POST /owners/{owner_id}/carbon/tables/withdraw",
        "POST /owners/{owner_id}/prices",
        "POST /owners/{owner_id}/prices/card",
        "POST /owners/{owner_id}/uptime/exclusions",
        "POST /owners/{owner_id}/uptime/exclusions/remove",
    }
)
ADMIN: Final = frozenset(
    {
        "POST /owners/{owner_id}/access/people",
        "POST /owners/{owner_id}/access/people/remove",
        "POST /owners/{owner_id}/onboarding/{station_id}/password",
    }
)
# The holder of the vault account in the address, and nobody else.
HOLDER: Final = frozenset(
    {
        "POST /payers/{account}/mandates",
        "GET /payers/{account}/mandates/new",
        "POST /payers/{account}/mandates/signed",
        "GET /payers/{account}/prepare",
        "GET /payers/{account}/sessions/{connector_id}/{sequence}",
    }
)
