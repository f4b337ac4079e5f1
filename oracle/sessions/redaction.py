"""Hiding drivers in evidence: which salt stands for which token in one session."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace

from chargecoin.sessions.frames import Frame, redact
from chargecoin.typed_data import token_commitment
from oracle.store.mandates import Opening


class Redaction:
    """Commitments of one session's tokens, and what opens them.

    The payer's token has the salt of its mandate. Any other token has one that is
    made from the oracle's secret and the transaction, so that nobody else can tell
    whether two sessions are of the same card.
    """

    def __init__(self, secret: bytes, transaction_id: int, payer: Opening | None) -> None:
        self._secret = secret
        self._transaction_id = transaction_id
        self._opened = {payer.token: payer} if payer else {}

    def commit(self, token: str) -> str:
        """Return the commitment that stands for a token, `0x` hex."""
        token = token.upper()
        if token not in self._opened:
            message = self._transaction_id.to_bytes(8, "big") + token.encode()
            salt = hmac.digest(self._secret, message, hashlib.sha256)
            self._opened[token] = Opening(token_commitment(salt, token), salt, token)
        return "0x" + self._opened[token].commitment.hex()

    def frames(self, frames: Sequence[Frame]) -> list[Frame]:
        """Return frames in which commitments stand for tokens."""
        return [replace(frame, text=redact(frame.text, self.commit)) for frame in frames]

    @property
    def openings(self) -> dict[str, dict[str, str]]:
        """What attesters get beside the bundle (docs/evidence.md, "Private openings")."""
        return {
            "0x" + one.commitment.hex(): {"salt": "0x" + one.salt.hex(), "token": one.token}
            for one in self._opened.values()
        }
