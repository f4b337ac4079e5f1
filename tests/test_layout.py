"""The seams hold: who imports whom, what the repository names, which dependencies are explained."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# package -> what it may import of the others. `indexer.read_model` stands for that module alone.
MAY_IMPORT = {
    "chargecoin": set[str](),
    "oracle": {"chargecoin"},
    "indexer": {"chargecoin"},
    "simulate": {"chargecoin"},
    "dashboard": {"chargecoin", "indexer.read_model"},
}


def imported_modules(source: str, module: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import in `source`, also inside functions.

    `module` is the dotted name of the package that relative imports start from. Of `from a import
    b` the name is `a.b`, because b may be a module.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], base]).rstrip(".")
            yield from ((node.lineno, f"{base}.{name.name}") for name in node.names)


def breaches(package: str, source: str, module: str) -> list[str]:
    """Imports in one file of `package` that the layout does not allow."""
    allowed = MAY_IMPORT[package] | {package}
    return [
        f"line {line}: {name}"
        for line, name in imported_modules(source, module)
        if name.split(".")[0] in MAY_IMPORT
        and not any(name == one or name.startswith(f"{one}.") for one in allowed)
    ]


@cache
def tracked_files() -> tuple[Path, ...]:
    """What the repository holds; skips the test outside a checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing says which files belong to the repository")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return tuple(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_run_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"no {package}/ to look at"
    found = [
        f"{path.relative_to(ROOT)}, {breach}"
        for path in files
        for breach in breaches(
            package, path.read_text(), ".".join(path.relative_to(ROOT).parent.parts)
        )
    ]
    assert not found, f"{package} may import only {sorted(MAY_IMPORT[package])} of the others"


@pytest.mark.parametrize(
    ("package", "source", "refused"),
    [
        ("chargecoin", "import oracle.store", True),
        ("chargecoin", "def f():\n    from indexer import read_model", True),
        ("chargecoin", "from .errors import ChargeCoinError", False),
        ("oracle", "from chargecoin import record", False),
        ("oracle", "from indexer.read_model import sessions", True),
        ("indexer", "import dashboard", True),
        ("dashboard", "from indexer.read_model import sessions", False),
        ("dashboard", "from indexer import read_model", False),
        ("dashboard", "from indexer import schema", True),
        ("dashboard", "from indexer.read_model_internals import x", True),
        ("dashboard", "from ..indexer import schema", True),
        ("simulate", "import httpx", False),
    ],
)
def test_the_import_rule_is_understood(package: str, source: str, refused: bool) -> None:
    assert bool(breaches(package, source, f"{package}")) is refused


# Put together from parts, so that this file does not name what it looks for.
FOREIGN_NAMES = re.compile(
    "|".join(
        [
            re.escape(".".join(parts))
            for parts in [
                ("pypi", "org"),
                ("files", "python" + "hosted", "org"),
                ("registry", "npmjs", "org"),
                ("registry", "yarnpkg", "com"),
                ("npm", "pkg", "github", "com"),
                ("deb", "debian", "org"),
                ("archive", "ubuntu", "com"),
                ("static", "crates", "io"),
                ("proxy", "golang", "org"),
            ]
        ]
        # An absolute path of somebody's machine, at the start of a word.
        + [rf"(?<![\w./~$}}-])/{folder}/[\w.-]" for folder in ("work", "root", "opt/py" + "pi")]
        + [r"(?<![\w./~$}-])/(?:home|Users)/[\w.-]+/"]
    )
)


def test_no_file_names_a_registry_or_a_place_on_one_machine() -> None:
    found = []
    for path in tracked_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # A picture or a font.
        found += [
            f"{path.relative_to(ROOT)}, line {number}: {hit.group()}"
            for number, line in enumerate(text.splitlines(), 1)
            for hit in FOREIGN_NAMES.finditer(line)
        ]
    assert not found


def python_dependencies() -> list[str]:
    """Names of the packages that pyproject.toml asks for, its groups included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    return [re.split(r"[<>=~!; \[]", asked)[0] for group in groups for asked in group]


def node_dependencies() -> list[str]:
    """Names of the packages that package.json asks for."""
    package = json.loads((ROOT / "package.json").read_text())
    return [*package["devDependencies"], *package["optionalDependencies"]]


@pytest.mark.parametrize("name", [*python_dependencies(), *node_dependencies()])
def test_every_direct_dependency_is_explained(name: str) -> None:
    assert f"| {name} |" in (ROOT / "docs" / "dependencies.md").read_text(), (
        f"docs/dependencies.md needs a row for {name}: why, licence, release, what it drags in"
    )


def test_python_dependencies_are_locked_by_hash() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    unhashed = [entry for entry in entries if "--hash=sha256:" not in entry]
    locked = {entry.split("==")[0] for entry in entries}
    assert not unhashed
    assert not set(python_dependencies()) - locked, "run `make lock`"


def test_node_dependencies_are_locked_by_hash_and_without_an_address() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    own = packages.pop("")
    asked = own["devDependencies"] | own["optionalDependencies"]
    assert asked.keys() == set(node_dependencies()), "run `make lock`"
    assert all("integrity" in entry and "resolved" not in entry for entry in packages.values())


def test_the_indexer_loads_nothing_that_only_senders_of_transactions_need() -> None:
    program = "import sys, indexer.service; print(sorted({'web3', 'eth_account'} & {*sys.modules}))"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
