"""The collector of cycles, told of processes that make many rows and few cycles."""

from __future__ import annotations

import gc


def collect_seldom(young: int = 100_000) -> None:
    """Let the collector run once in `young` new objects, and not look at what is there now.

    Rows are many, short-lived and in no cycle; what a process has made when it begins to work
    stays. Who answers while somebody waits wants smaller steps.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, 20, 50)
