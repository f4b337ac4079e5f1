"""Which machine runs the contracts of a test."""

from __future__ import annotations

from importlib.util import find_spec

import boa

import tests.support.titanoboa  # noqa: F401 - What it corrects, every chain needs.


def an_env(*, fast: bool) -> boa.Env:
    """titanoboa's chain on py-evm, or on revm if it is to be fast and pyrevm is installed.

    pyrevm is no part of the environment: docs/dependencies.md says why, and how to have it.
    """
    if fast and find_spec("pyrevm"):
        # Changes how titanoboa calls views; not for those who stay with py-evm.
        from tests.support.revm import RevmEnv  # noqa: PLC0415

        return RevmEnv()
    return boa.Env()
