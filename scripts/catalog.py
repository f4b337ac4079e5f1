"""Bring the catalogs of the dashboard's texts up to the code (`make messages`).

Reads what the templates and the code say, keeps what was translated of it, adds what
is new without a translation and drops what is said no more. Nothing is guessed from
similar texts: what has no translation stays empty until somebody writes one, and
tests/dashboard/test_language.py fails until then.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages import Catalog
from babel.messages.catalog import Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from dashboard.language import LANGUAGES, SOURCE, catalog_path

DASHBOARD: Final = Path(__file__).resolve().parents[1] / "dashboard"
# Without dates, names and line numbers: they would change with every update and say nothing.
HEADER: Final = """\
# The dashboard's texts. Translations are written here; `make messages` does the rest.
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural}\\n"

"""


def constants(source: str) -> Iterator[str]:
    """Find what `Word`, `Text` and `Texts` hold, which is translated when they are read."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        texts: list[ast.expr] = []
        if node.func.id == "Word":
            texts = node.args[1:]
        elif node.func.id == "Text":
            texts = node.args
        elif node.func.id == "Texts" and node.args and isinstance(node.args[0], ast.Dict):
            texts = node.args[0].values
        for one in texts:
            if isinstance(one, ast.Constant) and one.value:
                yield str(one.value)


def texts() -> Catalog:
    """Return all that the dashboard says, without translations."""
    found = Catalog()
    for path in sorted(DASHBOARD.rglob("*.py")):
        source = path.read_text()
        for text in constants(source):
            found.add(text)
        for _, message, _, context in extract("python", BytesIO(source.encode())):
            found.add(message, context=context)
    options = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
    for path in sorted((DASHBOARD / "templates").rglob("*.html")):
        with path.open("rb") as template:
            for _, message, _, context in extract("jinja2", template, options=options):
                found.add(message, context=context)
    return found


def read(language: str) -> Catalog:
    """Return what is translated into a language; nothing where there is no catalog yet."""
    path = catalog_path(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as source:
        return read_po(source, locale=language)


def merged(language: str) -> Catalog:
    """Return a language's catalog as it has to be for what the dashboard says now."""
    before, after = read(language), Catalog(locale=language)
    for said in texts():
        if not said.id:
            continue
        key = said.id[0] if isinstance(said.id, tuple) else said.id
        known: Message | None = before.get(key, said.context)
        same = known is not None and known.id == said.id
        after.add(said.id, known.string if known and same else None, context=said.context)
    return after


def written(catalog: Catalog, language: str) -> str:
    """Return a catalog as its file holds it."""
    body = BytesIO()
    write_po(body, catalog, width=100, no_location=True, omit_header=True, sort_output=True)
    header = HEADER.format(language=language, plural=catalog.plural_forms)
    return header + body.getvalue().decode().strip() + "\n"


def main() -> int:
    """Update every catalog; return how many texts have no translation."""
    missing = 0
    for language in LANGUAGES:
        if language == SOURCE:
            continue
        catalog = merged(language)
        path = catalog_path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written(catalog, language))
        empty = [one.id for one in catalog if one.id and not (one.string and all(one.string))]
        missing += len(empty)
        print(f"{path.name} ({language}): {len(catalog)} texts, {len(empty)} without translation")
        for text in empty:
            print(f"  {text[0] if isinstance(text, tuple) else text}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
