"""Counters of this process, in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

PREFIX: Final = "chargecoin_oracle_"

# Every counter there is, and what it counts; docs/oracle-operator.md lists them.
COUNTERS: Final = {
    "frames_total": "Frames received from charge points.",
    "frames_repaired_total": "Frames not to the letter of OCPP that were read all the same.",
    "frames_quarantined_total": "Frames that nobody could read, or that need a person.",
    "connections_total": "Connections of charge points that were let in.",
    "connections_refused_total": "Connections that were not let in, by reason.",
    "attestations_total": "Batches that this oracle signed.",
    "attestations_refused_total": "Batches that this oracle did not sign, by check.",
    "batches_total": "Batches that were mined with our transaction.",
    "gas_used_total": "Gas that our transactions used.",
    "gas_cost_wei_total": "Wei that our transactions cost.",
    "replacements_total": "Transactions that were sent again with higher fees.",
}


class Metrics:
    """Counts what happens; `render` adds gauges that are read when asked."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Count one more. `label` is the value of the counter's one label, if it has one."""
        self._counts[name, label] += by

    def total(self, name: str) -> int:
        """Return a counter over all its labels."""
        return sum(value for (one, _), value in self._counts.items() if one == name)

    def render(self, gauges: Mapping[str, float]) -> str:
        """Return all counters and the gauges given, as text."""
        lines: list[str] = []
        for name, help_text in COUNTERS.items():
            lines += [f"# HELP {PREFIX}{name} {help_text}", f"# TYPE {PREFIX}{name} counter"]
            found = {label: value for (one, label), value in self._counts.items() if one == name}
            for label, value in sorted((found or {"": 0}).items()):
                labels = f'{{reason="{label}"}}' if label else ""
                lines.append(f"{PREFIX}{name}{labels} {value}")
        for name, gauge in sorted(gauges.items()):
            lines += [f"# TYPE {PREFIX}{name} gauge", f"{PREFIX}{name} {gauge:.15g}"]
        return "\n".join(lines) + "\n"
