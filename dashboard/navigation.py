"""Where the header leads: an owner's sections, each with its pages, then what is everybody's.

The section that the reader is in shows its pages in a second row. A page that has no
entry of its own (one session, one campaign) belongs to the entry its address begins with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dashboard.language import Text

OVERVIEW: Final = Text("Overview")
# A section's entry leads to its first page. Paths are below an owner's own.
OWN: Final = (
    (OVERVIEW, ((OVERVIEW, ""),)),
    (Text("Sessions"), ((Text("Sessions"), "/sessions"), (Text("Exceptions"), "/exceptions"))),
    (
        Text("Stations"),
        (
            (Text("Stations"), "/stations"),
            (Text("Chargers"), "/chargers"),
            (Text("Uptime"), "/uptime"),
            (Text("Onboarding"), "/onboarding"),
        ),
    ),
    (
        Text("Money"),
        (
            (Text("Fees"), "/fees"),
            (Text("Payouts"), "/payouts"),
            (Text("Statement"), "/statement"),
            (Text("Disputes"), "/disputes"),
            (Text("Rewards"), "/rewards"),
        ),
    ),
    (Text("Campaigns"), ((Text("Campaigns"), "/campaigns"),)),
    (
        Text("Carbon"),
        ((Text("Carbon"), "/carbon"), (Text("Factors and certificates"), "/carbon/inputs")),
    ),
    (Text("Settings"), ((Text("Access"), "/access"), (Text("Purchase prices"), "/prices"))),
)
EVERYBODYS: Final = (
    (Text("Verify"), "/verify"),
    (Text("Owners"), "/"),
    (Text("Payers"), "/payers"),
)
# Pages that stand elsewhere than the entry they belong to: how addresses begin, and the entry.
ELSEWHERE: Final = (
    ("/sessions/", "/sessions"),
    ("/batches/", "/sessions"),
    ("/owners/{owner_id}/feed", "/uptime"),
    ("/owners/{owner_id}/tariffs/", "/stations"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A link; `current` is `page` on that very page, `true` below it, else empty."""

    label: str
    href: str
    current: str


@dataclass(frozen=True, slots=True)
class Navigation:
    """The first row, and the pages of the section that the reader is in, if there are several."""

    sections: tuple[Entry, ...]
    pages: tuple[Entry, ...]


def _current(href: str, path: str, best: str | None) -> str:
    if href == path:
        return "page"
    return "true" if href == best else ""


def navigation(path: str, owner_id: int | None) -> Navigation:
    """Return the header's links for the page at `path`, of an owner or of nobody."""
    base = f"/owners/{owner_id}"
    for begins, belongs in ELSEWHERE:
        if path.startswith(begins.format(owner_id=owner_id)):
            path = f"{base}{belongs}/"
    own = () if owner_id is None else OWN
    hrefs = [base + below for _, pages in own for _, below in pages if below]
    best = max((one for one in hrefs if f"{path}/".startswith(f"{one}/")), key=len, default=None)
    sections: list[Entry] = []
    shown: tuple[Entry, ...] = ()
    for label, pages in own:
        entries = tuple(
            Entry(str(name), base + to, _current(base + to, path, best)) for name, to in pages
        )
        inside = next((one.current for one in entries if one.current), "")
        if inside and len(entries) > 1:
            # The second row marks the page; the first one the section.
            inside, shown = "page" if entries[0].current == "page" else "true", entries
        sections.append(Entry(str(label), entries[0].href, inside))
    sections += [Entry(str(label), href, _current(href, path, None)) for label, href in EVERYBODYS]
    return Navigation(tuple(sections), shown)
