"""A contract is compiled again when anything that it contains has changed."""

from __future__ import annotations

from pathlib import Path

import boa

import tests.support.titanoboa  # noqa: F401 - What is tested.


def test_a_module_of_a_module_is_part_of_what_is_kept(tmp_path: Path) -> None:
    inner = "# pragma version 0.4.3\nNUMBER: constant(uint256) = {}\n"
    (tmp_path / "middle.vy").write_text(
        "# pragma version 0.4.3\nimport inner\n"
        "@internal\ndef number() -> uint256:\n    return inner.NUMBER\n"
    )
    outer = tmp_path / "Outer.vy"
    outer.write_text(
        "# pragma version 0.4.3\nimport middle\n"
        "@external\ndef number() -> uint256:\n    return middle.number()\n"
    )
    for number in (3, 4):
        (tmp_path / "inner.vy").write_text(inner.format(number))
        with boa.swap_env(boa.Env()):
            assert boa.load(str(outer)).number() == number
