"""What carbon reports call things, in words a station owner uses."""

from __future__ import annotations

from typing import Final

from dashboard.language import Texts
from dashboard.words import Word

TABLE: Final[Texts[str]] = Texts(
    {
        "location": "Grid factors, location-based",
        "residual": "Residual mix, market-based",
        "solar": "On-site solar, used by the chargers",
        "metered": "Metered into the chargers",
    }
)
INSTRUMENT: Final[Texts[str]] = Texts(
    {
        "certificate": "Guarantee of origin (GO, REGO)",
        "ppa": "Power purchase agreement",
    }
)
PROVISIONAL: Final = Word(
    "info",
    "Provisional",
    "A certificate's months are not over: what later sessions use of it will lower the parts of "
    "those before.",
)
ADDS_UP: Final = Word("good", "It adds up exactly", "The parts make the whole, to the last unit.")
ADDS_NOT_UP: Final = Word("bad", "It does not add up", "A fault of ours.")
