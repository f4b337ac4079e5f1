"""The Python examples of the pages in docs/, and running them as they stand."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

DOCS: Final = Path(__file__).parents[2] / "docs"
_EXAMPLE: Final = re.compile(
    r"^```python\n(?P<source>.*?)^```\n(?:\n```text\n(?P<printed>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Example:
    """One example, and what the page says that it prints (`None` if it does not say)."""

    source: str
    printed: str | None


def examples(*pages: str) -> list[Any]:
    """Return the pages' examples as parameters, named by page and line."""
    found = []
    for page in pages:
        text = (DOCS / page).read_text()
        for match in _EXAMPLE.finditer(text):
            line = text[: match.start()].count("\n") + 1
            example = Example(match["source"], match["printed"])
            found.append(pytest.param(example, id=f"{page}:{line}"))
    return found


async def run(example: Example, names: dict[str, Any]) -> str:
    """Run an example in which `names` are known, with top-level await; return what it prints."""
    code = compile(example.source, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        # With top-level await the code is a coroutine function's, and eval hands out the coroutine.
        running = eval(code, names)
        if inspect.isawaitable(running):
            await running
    return printed.getvalue()
