"""Faults of a request, each with the status it is answered with."""

from __future__ import annotations

from chargecoin.errors import ChargeCoinError


class NotFoundError(ChargeCoinError):
    """There is nothing at this address; the message says what was looked for."""


class BadAddressError(ChargeCoinError, ValueError):
    """Something in the address is not what the page takes; the message says what."""


class TooLargeError(ChargeCoinError):
    """More was sent than this takes."""
