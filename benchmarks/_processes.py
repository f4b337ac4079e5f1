"""What a process took of the machine, as the system counts it (proc(5))."""

from __future__ import annotations

import os
from pathlib import Path


def peak_mb(pid: int) -> float:
    """Return the most memory that a living process held at once, in MB.

    Not `getrusage`, which counts what its parent held before it became itself.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a living process took, its own and the system's for it."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
