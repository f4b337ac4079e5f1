"""Contracts that many processes load: compiled and analysed in the first of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import boa


class Loaded:
    """Takes the place of `boa.load_partial`: each contract once, for all processes that follow.

    titanoboa analyses a source and all that it imports even where it has compiled it before.
    """

    def __init__(self) -> None:
        # Not before the copy is where `tests` is looked for.
        import tests.support.titanoboa  # noqa: F401, PLC0415

        self._load, self._kept = boa.load_partial, dict[str, Any]()
        boa.load_partial = self

    def __call__(self, filename: str, compiler_args: Any = None) -> Any:
        """A contract, from what was kept; what is compiled in a way of its own is not kept."""
        path = os.path.relpath(filename)
        if compiler_args:
            return self._load(filename, compiler_args)
        if path not in self._kept:
            self._kept[path] = self._load(filename)
        return self._kept[path]

    def code(self, contract: str) -> bytes:
        """Creation code."""
        code: bytes = self(contract).compiler_data.bytecode
        return code

    def forget(self, paths: Iterable[str]) -> None:
        """Load these again when they are asked for."""
        for path in paths:
            self._kept.pop(path, None)
