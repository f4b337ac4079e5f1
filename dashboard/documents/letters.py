"""The letters of PDF reports: Atkinson Hyperlegible, and DejaVu for what it lacks.

The files are the pages' own typeface as TrueType, with figures of one width (its feature
`tnum`), and of DejaVu Sans the Greek, Cyrillic and further Latin letters and a few signs.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

TEXT: Final = "Hyperlegible"
BOLD: Final = "Hyperlegible-Bold"
CODE: Final = "Hyperlegible-Mono"
MORE: Final = "More"
_FILES: Final = {TEXT: "text", BOLD: "bold", CODE: "mono", MORE: "more"}
# Stands for a letter that none of the files has.
_MISSING: Final = "\N{REPLACEMENT CHARACTER}"


@cache
def has(font: str) -> frozenset[int]:
    """Return the letters of a font; it is registered with the first question."""
    path = Path(__file__).parent / "fonts" / f"{_FILES[font]}.ttf"
    made = TTFont(font, str(path))
    pdfmetrics.registerFont(made)
    return frozenset(made.face.charToGlyph)


def plain(value: str) -> str:
    """Return text that a PDF can hold: composed letters, nothing that controls."""
    composed = unicodedata.normalize("NFC", value)
    return "".join(" " if unicodedata.category(one)[0] == "C" else one for one in composed)


def runs(value: str, font: str) -> list[tuple[str, str]]:
    """Return text as (font, piece) in order, each piece in a font that has its letters."""

    def of(letter: str) -> tuple[str, str]:
        for one in (font, TEXT, MORE):
            if ord(letter) in has(one):
                return one, letter
        return MORE, _MISSING

    found = [of(letter) for letter in plain(value)]
    return [
        (name, "".join(letter for _, letter in pieces))
        for name, pieces in groupby(found, key=lambda one: one[0])
    ]


def markup(value: str, font: str) -> str:
    """Return text as a paragraph takes it; nothing in it is read as markup."""
    return "".join(
        escape(piece) if name == font else f'<font name="{name}">{escape(piece)}</font>'
        for name, piece in runs(value, font)
    )
