"""Our command as a process of its own, and what it took of the machine (proc(5))."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

# `chargecoin` of this interpreter, wherever that is installed.
CHARGECOIN: Final = (
    *(sys.executable, "-c"),
    "import sys; from chargecoin.cli import main; sys.argv[0] = 'chargecoin'; main()",
)


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
