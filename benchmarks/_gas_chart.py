"""The chart of gas against batch size in docs/protocol-developer.md, as SVG by hand.

Both axes are logarithmic: what a batch costs once is shared out, so a session's part falls
like 1 / n until what each session costs by itself remains.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

Points = Sequence[tuple[int, float]]

WIDTH: Final = 760
HEIGHT: Final = 440
LEFT: Final = 70
RIGHT: Final = 190
TOP: Final = 56
BOTTOM: Final = 56
# The dashboard's (docs/design-language.md), as they are on paper.
SHEET: Final = "#fafcf8"
INK: Final = "#10201a"
MUTED: Final = "#43574c"
GRID: Final = "#c8d5c9"
COLOURS: Final = ("#07563f", "#2b4997", "#7d4900")
SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200)
GAS: Final = (5_000, 10_000, 20_000, 50_000, 100_000, 200_000)
FIRST_SIZE, LAST_SIZE = 1, 256
LEAST_GAS, MOST_GAS = 4_000, 250_000


@dataclass(frozen=True, slots=True)
class Chart:
    """Gas a session by batch size, one line a scenario, and what other ways cost, one level each.

    Colours are never alone: each line is named at its end.
    """

    title: str
    lines: Mapping[str, Points]
    levels: Mapping[str, float]

    def svg(self) -> str:
        """Return the whole file."""
        opening = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            'font-family="system-ui, sans-serif" font-size="13">'
        )
        parts = [
            opening,
            f"<title>{escape(self.title)}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{SHEET}"/>',
            _text(LEFT, 28, self.title, colour=INK, size=16),
            *_grid(),
            *(part for name, gas in self.levels.items() for part in _level(name, gas)),
            *(
                part
                for (name, points), colour in zip(self.lines.items(), COLOURS, strict=False)
                for part in _line(name, points, colour)
            ),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"


def _x(size: float) -> float:
    share = math.log(size / FIRST_SIZE) / math.log(LAST_SIZE / FIRST_SIZE)
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(gas: float) -> float:
    share = math.log(gas / LEAST_GAS) / math.log(MOST_GAS / LEAST_GAS)
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _text(
    x: float, y: float, text: str, *, colour: str = MUTED, size: int = 13, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" font-size="{size}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _grid() -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for gas in GAS:
        y = _y(gas)
        parts.append(f'<path d="M{LEFT} {y}H{right}" stroke="{GRID}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{gas:,}", anchor="end"))
    for size in SIZES:
        x = _x(size)
        parts.append(f'<path d="M{x} {bottom}v5" stroke="{MUTED}"/>')
        parts.append(_text(x, bottom + 20, str(size), anchor="middle"))
    middle = (LEFT + right) / 2
    parts.append(_text(middle, HEIGHT - 12, "sessions in the batch", anchor="middle"))
    parts.append(_text(LEFT, TOP - 8, "gas a session", colour=MUTED))
    return parts


def _level(name: str, gas: float) -> list[str]:
    y = _y(gas)
    return [
        f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="{MUTED}" stroke-dasharray="5 4"/>',
        _text(WIDTH - RIGHT + 8, y + 4, f"{name}, {gas:,.0f}"),
    ]


def _line(name: str, points: Points, colour: str) -> list[str]:
    path = "L".join(f"{_x(size)} {_y(gas)}" for size, gas in points)
    _, gas = points[-1]
    dots = [
        f'<circle cx="{_x(size)}" cy="{_y(each)}" r="3" fill="{colour}"/>' for size, each in points
    ]
    return [
        f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *dots,
        _text(WIDTH - RIGHT + 8, _y(gas) + 4, f"{name}, {gas:,.0f}", colour=colour),
    ]
