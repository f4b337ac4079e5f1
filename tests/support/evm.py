"""Which machine runs the contracts of a test."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import boa
from boa.contracts.vyper.vyper_contract import VyperContract

_map_of = VyperContract._deployment_source_map.func


def _kept_map(contract: Any) -> Any:
    """titanoboa assembles a contract anew each time it is deployed; the map is always the same."""
    data = contract.compiler_data
    if not hasattr(data, "deployment_source_map"):
        data.deployment_source_map = _map_of(contract)
    return data.deployment_source_map


VyperContract._deployment_source_map = property(_kept_map)


def an_env(*, fast: bool) -> boa.Env:
    """titanoboa's chain on py-evm, or on revm if it is to be fast and pyrevm is installed.

    pyrevm is no part of the environment: docs/dependencies.md says why, and how to have it.
    """
    if fast and find_spec("pyrevm"):
        # Changes how titanoboa calls views; not for those who stay with py-evm.
        from tests.support.revm import RevmEnv  # noqa: PLC0415

        return RevmEnv()
    return boa.Env()
