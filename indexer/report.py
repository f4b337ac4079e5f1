"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

SHOWN: Final = 5


@dataclass(slots=True)
class Check:
    """One comparison: how many things were compared, and those that differ."""

    name: str
    compared: int = 0
    differing: int = 0
    differences: list[str] = field(default_factory=list)

    def see(self, what: str, ours: Any, theirs: Any) -> None:
        """Compare one thing; the first few differences are kept in words."""
        self.compared += 1
        if ours != theirs:
            self.differing += 1
            if len(self.differences) < SHOWN:
                self.differences.append(f"{what}: the tables say {ours}, should be {theirs}")


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared, at which block."""

    block_number: int
    block_hash: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not any(check.differing for check in self.checks)
