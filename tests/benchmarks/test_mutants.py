"""The order in which a fault's tests run, and what a sample says of all faults."""

from __future__ import annotations

from benchmarks._mutations import Mutant, sources
from benchmarks.mutants import ROOT, Finding, Result, importers, interval, ordered_tests

PATH = "contracts/modules/payout_cycles.vy"


def test_the_contracts_that_contain_a_module() -> None:
    assert importers(sources(ROOT), PATH) == ["contracts/Payouts.vy"]


def test_what_killed_before_runs_first_and_what_is_near_by_name_next() -> None:
    files = sources(ROOT)
    near = ordered_tests(files, PATH)
    assert "payouts" in near[0]
    killer = "tests/contracts/test_permit.py"
    mutant = Mutant("key", PATH, 1, 0, "<", "<=", "other operator")
    found = [Finding(mutant, Result.KILLED, 1.0, killer)] * 3
    tests = ordered_tests(files, PATH, found)
    assert tests[0] == killer
    assert sorted(tests) == sorted(near)


def test_the_interval_of_a_rate() -> None:
    # Wilson's score interval: of 100 judged 95 killed.
    assert interval(95, 100) == (88.8, 97.8)
    assert interval(0, 0) == (0.0, 100.0)
