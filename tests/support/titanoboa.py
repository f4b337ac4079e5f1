"""What titanoboa does to our contracts, corrected. Importing this is enough.

Its cache names a compiled contract by its source and those that it imports itself, and so gives out
old code when a module changed that is imported by a module. And it assembles a contract anew each
time it is deployed, a second and more for a settlement with its peers.
"""

from __future__ import annotations

import hashlib
from typing import Any

import boa.interpret
from boa.contracts.vyper.vyper_contract import VyperContract
from vyper import ast as nodes

_map_of = VyperContract._deployment_source_map.func


def fingerprint(module: Any) -> str:
    """Name a compiled module by every source that went into it."""
    sources: dict[str, str] = {}
    left = [module._module]
    while left:
        tree = left.pop()
        if tree.resolved_path in sources:
            continue
        sources[tree.resolved_path] = tree.source_sha256sum
        for statement in tree.get_children((nodes.Import, nodes.ImportFrom)):
            info = statement._metadata["import_info"]
            if isinstance(info.parsed, nodes.Module):
                left.append(info.parsed)
            else:
                sources[str(info.compiler_input.path)] = info.compiler_input.sha256sum
    return hashlib.sha256("".join(sorted(sources.values())).encode()).hexdigest()


def _kept_map(contract: Any) -> Any:
    """Where each place of a contract's creation code comes from, worked out once a contract."""
    data = contract.compiler_data
    if not hasattr(data, "deployment_source_map"):
        data.deployment_source_map = _map_of(contract)
    return data.deployment_source_map


boa.interpret.get_module_fingerprint = fingerprint
VyperContract._deployment_source_map = property(_kept_map)
