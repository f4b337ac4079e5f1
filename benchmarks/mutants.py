"""How many small faults in the contracts their tests find: `python -m benchmarks.mutants`.

Faults are put one at a time into a copy of the project in a temporary folder. A fault counts if
every contract that contains the file still compiles and at least one compiles to something else. It
is killed if one of the contracts' tests fails; the files of tests run one by one, those first that
killed faults of the same source before and then those nearest to it, and the first failure is
enough. They run on revm, and what asks for py-evm after that. What is known of a fault is kept in
`.cache/mutants`, so that a run goes on where the last one stopped; `--again` tries those that
survived once more. docs/proofs.md explains them.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import math
import multiprocessing
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks._loaded import Loaded
from benchmarks._mutations import Mutant, mutants_of, sources

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / ".cache" / "mutants" / "results.jsonl"
COPIED: Final = ("contracts", "chargecoin", "tests", "scripts", "docs", "pyproject.toml")
# They compare the sources with what was made of them: any fault would fail them.
NOT_RUN: Final = {"test_artifacts.py", "test_governance_table.py", "test_solidity.py"}
OUTPUT, KILLER = "output", "killer"
PYTEST: Final = (
    # No limit of time a test: on a busy machine it would be taken for a fault that was found.
    *("-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "--timeout=0"),
    # Hypothesis was loaded before pytest could rewrite it.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
# A fault that makes the tests hang is found, too.
TIMEOUT_S: Final = 3_600


class Result(StrEnum):
    """What became of a fault. The last two do not count."""

    KILLED = "killed"
    SURVIVED = "survived"
    SAME_CODE = "same code"
    NOT_COMPILED = "not compiled"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault and what became of it."""

    mutant: Mutant
    result: Result
    seconds: float
    # The file of tests that failed.
    killer: str = ""

    @property
    def shown(self) -> str:
        """The fault in one line."""
        one = self.mutant
        old, new = (" ".join(text.split())[:70] for text in (one.old, one.new))
        return f"{one.path}:{one.line}: {one.rule}: {old} -> {new or '(nothing)'}"


def containing(files: dict[str, str], path: str) -> set[str]:
    """The files that contain a file, itself among them."""
    names = {Path(one).stem: one for one in files}
    inside = {
        one: {
            names[name]
            for name in re.findall(r"^from [\w.]+ import (\w+)", text, re.MULTILINE)
            if name in names
        }
        for one, text in files.items()
    }
    found, look = {path}, [path]
    while look:
        one = look.pop()
        new = {other for other, used in inside.items() if one in used} - found
        found |= new
        look += new
    return found


def importers(files: dict[str, str], path: str) -> list[str]:
    """The contracts that are deployed and contain a file."""
    return sorted(one for one in containing(files, path) if one.count("/") == 1)


def ordered_tests(files: dict[str, str], path: str, findings: Iterable[Finding] = ()) -> list[str]:
    """The contracts' tests: those first that killed most faults of a file and are nearest by name.

    A fault of another file of the same contract counts a fourth.
    """
    deployed = importers(files, path)
    kills = Counter[str]()
    for one in findings:
        if one.mutant.path == path:
            kills[one.killer] += 4
        elif not set(importers(files, one.mutant.path)).isdisjoint(deployed):
            kills[one.killer] += 1

    def words(name: str) -> set[str]:
        return {word.rstrip("s") for word in re.findall(r"[A-Z]?[a-z]+", name.lower())}

    def common(name: set[str], of: set[str]) -> int:
        # `settle` is near to `settlement`.
        return sum(any(a.startswith(b) or b.startswith(a) for b in of) for a in name)

    own = words(Path(path).stem)
    theirs = set[str]().union(
        *(words(re.sub(r"(?<!^)(?=[A-Z])", "_", Path(one).stem)) for one in deployed)
    )

    def distance(file: Path) -> tuple[int, bool, str]:
        name = words(file.stem)
        near = 4 * common(name, own) + common(name, theirs)
        killed = kills[str(file.relative_to(ROOT))]
        return -killed - near, "stateful" in file.stem, file.stem

    tests = [
        file
        for file in (ROOT / "tests" / "contracts").glob("test_*.py")
        if file.name not in NOT_RUN
    ]
    return [str(file.relative_to(ROOT)) for file in sorted(tests, key=distance)]


@contextlib.contextmanager
def a_copy() -> Iterator[Path]:
    """The project's sources in a folder of their own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copy = Path(name)
        for part in COPIED:
            if (ROOT / part).is_dir():
                skip = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / part, copy / part, ignore=skip)
            else:
                shutil.copy(ROOT / part, copy / part)
        yield copy


def _leave(result: Result) -> None:
    """End a process with the place of a result, above the statuses that Python itself ends with."""
    os._exit(2 + list(Result).index(result))


def _failing(tests: Sequence[str]) -> str:
    """The first file of tests with a failure, or nothing: on revm, then what asks for py-evm."""
    import pytest  # noqa: PLC0415 - Loaded by the parent, for all.

    for evm, which in (("revm", "not deep and not py_evm"), ("py-evm", "py_evm and not deep")):
        os.environ["CHARGECOIN_EVM"] = evm
        for file in tests:
            ended = pytest.main([*PYTEST, "-m", which, file])
            # Interrupted: a file whose tests cannot even be collected any more.
            if ended in {pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED}:
                return file
            if ended not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
                raise RuntimeError(f"pytest ended with {ended!r}")
    return ""


def _try(
    mutant: Mutant | None,
    files: dict[str, str],
    loaded: Loaded,
    tests: Sequence[str],
) -> None:
    """Put the fault into the copy and run the tests; exits with the place of a `Result`.

    What goes wrong otherwise ends the process with a status that is none.
    """
    from vyper.exceptions import VyperException  # noqa: PLC0415 - Loaded by the parent, for all.

    log = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if mutant:
        Path(mutant.path).write_text(mutant.apply(files[mutant.path]))
        deployed = importers(files, mutant.path)
        whole = [loaded.code(one) for one in deployed]
        loaded.forget(containing(files, mutant.path))
        # Most of the memory that compiling takes is needed to its end: collecting it is a fifth
        # of the time.
        gc.disable()
        try:
            if [loaded.code(one) for one in deployed] == whole:
                _leave(Result.SAME_CODE)
        except (VyperException, SyntaxError, ValueError, AssertionError):
            _leave(Result.NOT_COMPILED)
        # pytest collects five times at the end of each file.
        gc.freeze()
        gc.enable()
    killer = _failing(tests)
    Path(KILLER).write_text(killer)
    _leave(Result.KILLED if killer else Result.SURVIVED)


def run(
    copy: Path,
    mutant: Mutant | None,
    files: dict[str, str],
    loaded: Loaded,
    tests: Sequence[str],
) -> tuple[Result, float, str]:
    """What becomes of one fault, or of none, the seconds it took and the file that killed it.

    Raises:
        RuntimeError: if that cannot be said.
    """
    begun = time.monotonic()
    (copy / KILLER).write_text("")
    one = multiprocessing.get_context("fork").Process(
        target=_try, args=(mutant, files, loaded, tests)
    )
    one.start()
    one.join(TIMEOUT_S)
    if one.is_alive():
        one.kill()
        one.join()
        result = Result.KILLED
    elif one.exitcode is not None and 2 <= one.exitcode < 2 + len(Result):
        result = list(Result)[one.exitcode - 2]
    else:
        raise RuntimeError(f"{mutant}:\n{(copy / OUTPUT).read_text()[-2000:]}")
    if mutant:
        (copy / mutant.path).write_text(files[mutant.path])
    return result, round(time.monotonic() - begun, 1), (copy / KILLER).read_text()


def known() -> dict[str, Finding]:
    """What earlier runs found, by fault; of a fault tried twice the later."""
    if not RESULTS.exists():
        return {}
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return {
        row["mutant"]["key"]: Finding(
            Mutant(**row["mutant"]), Result(row["result"]), row["seconds"], row.get("killer", "")
        )
        for row in rows
    }


def remember(finding: Finding) -> None:
    """Keep a finding for later runs."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(asdict(finding)) + "\n")


def interval(killed: int, judged: int) -> tuple[float, float]:
    """Wilson's interval of the percentage that is killed among all faults, at 95 %."""
    if not judged:
        return 0.0, 100.0
    z, rate = 1.96, killed / judged
    middle = rate + z * z / (2 * judged)
    half = z * math.sqrt(rate * (1 - rate) / judged + z * z / (4 * judged**2))
    whole = 1 + z * z / judged
    return round(100 * (middle - half) / whole, 1), round(100 * (middle + half) / whole, 1)


def spread(files: dict[str, str], seed: int) -> list[Mutant]:
    """All faults, in an order in which any first part is spread over the files by their size."""
    dice = random.Random(seed)
    placed = []
    for path, source in files.items():
        mutants = mutants_of(path, source)
        dice.shuffle(mutants)
        placed += [
            ((number + dice.random()) / len(mutants), one) for number, one in enumerate(mutants)
        ]
    return [one for _, one in sorted(placed, key=lambda each: each[0])]


def chosen(files: dict[str, str], arguments: argparse.Namespace) -> list[Mutant]:
    """The faults to try, in order."""
    mutants = [one for one in spread(files, arguments.seed) if arguments.only in one.path]
    if not arguments.again:
        return mutants
    before = known()
    return [
        one for one in mutants if one.key in before and before[one.key].result is Result.SURVIVED
    ]


def main() -> int:
    """Try faults until enough of them count; the last line printed is JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--sample", type=int, default=150, metavar="N", help="faults that count")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which (default 1)")
    parser.add_argument("--only", default="", metavar="TEXT", help="files with this in their path")
    parser.add_argument(
        "--tests",
        default="",
        metavar="TEXT",
        help="files of tests with this in their path; what survives those alone is not kept",
    )
    parser.add_argument("--again", action="store_true", help="only those that survived before")
    parser.add_argument(
        "--trust", action="store_true", help="do not try first that the tests pass without a fault"
    )
    arguments = parser.parse_args()
    console = Console(stderr=True)
    files = sources(ROOT)
    mutants = chosen(files, arguments)
    before = {} if arguments.again else known()
    console.print(f"{len(mutants)} faults; until {arguments.sample} of them count")

    def wanted(tests: list[str]) -> list[str]:
        return [one for one in tests if arguments.tests in one]

    import hypothesis.stateful  # noqa: PLC0415 - Loaded once, for all that follow.
    import pytest  # noqa: F401, PLC0415
    import web3  # noqa: F401, PLC0415

    # A failure is enough: nobody reads the smallest example of it.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("faults", phases=phases, database=None)
    hypothesis.settings.load_profile("faults")
    counted: list[Finding] = []
    with a_copy() as copy:
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        mocks = {str(path): path.read_text() for path in Path("contracts/mocks").glob("*.vy")}
        files |= mocks
        loaded = Loaded()
        for path in files:
            if "/modules/" not in path:
                loaded.code(path)
        # What stays is neither looked through nor copied by the processes that follow.
        gc.collect()
        gc.freeze()
        if not arguments.trust:
            healthy, seconds, _ = run(copy, None, files, loaded, wanted(ordered_tests(files, "")))
            if healthy is not Result.SURVIVED:
                output = (copy / OUTPUT).read_text()[-2000:]
                console.print(f"the tests fail without any fault:\n{output}", markup=False)
                return 1
            console.print(f"without a fault the tests pass in {seconds:.0f} s")
        spent: list[float] = []
        for mutant in mutants:
            if len(counted) == arguments.sample:
                break
            finding = before.get(mutant.key)
            if finding is None:
                tests = wanted(ordered_tests(files, mutant.path, before.values()))
                finding = Finding(mutant, *run(copy, mutant, files, loaded, tests))
                before[mutant.key] = finding
                if finding.result is not Result.SURVIVED or not arguments.tests:
                    remember(finding)
                spent.append(finding.seconds)
            if finding.result not in {Result.KILLED, Result.SURVIVED}:
                continue
            counted.append(finding)
            if finding.result is Result.SURVIVED:
                console.print(f"survived: {finding.shown}", markup=False)
            left = (arguments.sample - len(counted)) * sum(spent) / max(1, len(counted))
            console.print(
                f"{len(counted)} of {arguments.sample}, about {left / 60:.0f} min left", end="\r"
            )

    found = Counter(finding.result for finding in counted)
    killed = found[Result.KILLED]
    print(
        json.dumps(
            {
                "mutants": len(counted),
                "killed": killed,
                "survived": found[Result.SURVIVED],
                "percent": round(100 * killed / max(1, len(counted)), 1),
                "seed": arguments.seed,
                "interval": interval(killed, len(counted)),
                "of": len(mutants),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
