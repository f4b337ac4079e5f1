"""The payers' mandates of a simulated run, signed as their own wallets would sign them."""

from __future__ import annotations

from typing import Any, Final

from chargecoin.typed_data import Domain, Mandate, Signer, token_commitment
from simulate.keys import secret
from simulate.payers import Payer

MAX_PER_SESSION: Final = 1_000_000_000
"""More than any session of a run costs, base units."""


def signed_mandate(
    payer: Payer, account: int, domain: Domain, seed: int, valid: tuple[int, int]
) -> dict[str, Any]:
    """Return what a payer posts to the oracles: mandate, signature and the tokens' openings.

    `valid` is from and until, UTC seconds.
    """
    openings = [(secret(seed, f"salt {token}"), token) for token in payer.tokens]
    mandate = Mandate(
        account=account,
        tokens=tuple(token_commitment(salt, token) for salt, token in openings),
        max_per_session=MAX_PER_SESSION,
        valid_from=valid[0],
        valid_until=valid[1],
    )
    signature = Signer(secret(seed, f"payer {payer.name}")).sign(mandate.digest(domain))
    return {
        "mandate": {
            "account": mandate.account,
            "tokens": [f"0x{token.hex()}" for token in mandate.tokens],
            "max_per_session": str(mandate.max_per_session),
            "valid_from": mandate.valid_from,
            "valid_until": mandate.valid_until,
        },
        "signature": f"0x{signature.hex()}",
        "openings": [{"salt": f"0x{salt.hex()}", "token": token} for salt, token in openings],
    }
