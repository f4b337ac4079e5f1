"""What people may do for an owner."""

from __future__ import annotations

from enum import IntEnum

from dashboard.words import Word


class Role(IntEnum):
    """Each may do what those before it may."""

    NONE = 0
    VIEWER = 1
    FINANCE = 2
    ADMIN = 3


ROLE: dict[Role, Word] = {
    Role.VIEWER: Word("info", "Viewer", "Sees the private settings and what follows from them."),
    Role.FINANCE: Word(
        "info",
        "Finance",
        "Also enters purchase prices, rates and exclusions, and gives out auditor's links.",
    ),
    Role.ADMIN: Word("good", "Admin", "Also invites people and takes them off."),
}
