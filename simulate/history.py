"""From the choice of a history to everything a run needs: network, sessions, payers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from simulate import perth
from simulate.generator import default_network, end_at, generate
from simulate.network import Network
from simulate.payers import Ledger, assign, seed_causes
from simulate.perth_network import network as perth_network

WEEKS: Final = 13


@dataclass(frozen=True, slots=True)
class Source:
    """Which history: `data` names a Perth and Kinross file, None generates one."""

    sessions: int
    seed: int
    data: Path | None = None
    weeks: int = WEEKS


@dataclass(frozen=True, slots=True)
class History:
    """A run before it begins; `unusable` and `left_out` count a file's rows by reason."""

    network: Network
    ledger: Ledger
    unusable: Counter[str]
    left_out: Counter[str]


def build(source: Source, now: float) -> History:
    """Make the history that ends at `now` (UTC seconds).

    The same source gives the same sessions, tokens and causes whenever it is; only
    the weeks they lie in follow from `now`. Raises `ConfigurationError` where the
    file or the network cannot give so many sessions.
    """
    unusable: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    if source.data:
        found = perth.read(source.data)
        shifted = perth.shift(found.usable, now=now, limit=source.sessions)
        network = perth_network(shifted.rows)
        # The file has the newest first.
        plans = list(reversed(shifted.plans))
        unusable = found.reasons()
        left_out = Counter(row.reason for row in shifted.left_out)
    else:
        network = default_network()
        drawn = generate(
            network,
            sessions=source.sessions,
            weeks=source.weeks,
            rng=Random(f"sessions {source.seed}"),
        )
        plans = end_at(drawn, weeks=source.weeks, now=int(now))
    seeded = seed_causes(plans, network, Random(f"causes {source.seed}"))
    ledger = assign(seeded, network, Random(f"tokens {source.seed}"))
    return History(network, ledger, unusable, left_out)
