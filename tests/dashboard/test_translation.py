"""Everything that pages say can be translated, and is: templates, code and catalogs agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from babel.messages.catalog import Message
from jinja2 import nodes

from dashboard.formats import Formats
from dashboard.language import LANGUAGES, SOURCE, catalog_path
from dashboard.render import HERE, environment
from scripts.catalog import merged, read, texts, written

TEMPLATES: Final = sorted((HERE / "templates").glob("*.html"))
OTHERS: Final = [one for one in LANGUAGES if one != SOURCE]
ENVIRONMENT: Final = environment(Formats("en_GB", "EUR"))
PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s")
TAG: Final = re.compile(r"<[^>]+>")
SPOKEN: Final = frozenset({"title", "aria-label", "alt", "data-label", "data-busy"})
# The same in every language: units, formats, names of standards and what a machine reads.
PLAIN: Final = re.compile(
    r"\b(?:k?Wh|kg|CO2?e?|CHG|JSON|CSV|XLSX|PDF|SHA-256|sha256|EVSE)\b|[/&]\w*\??(?:&?\w+=)+"
)
WORD: Final = re.compile(r"[^\W\d_]{2,}")


def forms(message: Message) -> tuple[list[str], list[str]]:
    """Return a message's texts in the source and in the other language."""
    ids = message.id if isinstance(message.id, tuple | list) else [message.id]
    strings = message.string if isinstance(message.string, tuple | list) else [message.string]
    return [str(one) for one in ids], [str(one or "") for one in strings]


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalog_has_exactly_what_is_said_all_of_it_translated(language: str) -> None:
    assert len(texts()) > 1000
    lacking = [one.id for one in merged(language) if one.id and not all(forms(one)[1])]
    assert not lacking, "write them into the catalog"
    held = catalog_path(language).read_text()
    assert held == written(merged(language), language), "run `make messages`"
    assert "#, fuzzy" not in held
    assert "#~" not in held


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_same_figures_and_the_same_markup(language: str) -> None:
    for one in read(language):
        if not one.id:
            continue
        said, meant = forms(one)
        for pattern in (PLACEHOLDER, TAG):
            assert {hit for text in meant for hit in pattern.findall(text)} == {
                hit for text in said for hit in pattern.findall(text)
            }, one.id
        for source, text in zip(said, meant, strict=True):
            # It may stand in an attribute; German marks of quotation are others.
            assert TAG.sub("", text).count('"') == TAG.sub("", source).count('"') == 0, one.id
            bare = [PLACEHOLDER.sub("", part).replace("%%", "") for part in (source, text)]
            assert ("%" in bare[0]) == ("%" in bare[1]), one.id


class Spoken(HTMLParser):
    """Collects what a template says by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [text for name, text in attrs if text and name in SPOKEN]
        self._quiet += tag in {"code", "pre", "script"}

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in {"code", "pre", "script"}

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.found.append(data)


def source_of(node: nodes.Node) -> Iterator[str]:
    """Yield a template's own text, in order; what it fills in is left out."""
    for one in node.iter_child_nodes():
        if isinstance(one, nodes.TemplateData):
            yield one.data
        elif not isinstance(one, nodes.Expr):
            yield from source_of(one)


def untranslated(template: str) -> list[str]:
    """Return what stands in a template outside of any `trans`."""
    parser = Spoken()
    parser.feed("".join(source_of(ENVIRONMENT.parse(template))))
    parser.close()
    return [one.strip() for one in parser.found if WORD.search(PLAIN.sub("", one))]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_text_of_a_template_can_be_translated(path: Path) -> None:
    assert untranslated(path.read_text()) == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Hello {{ name }}</p>", ["Hello"]),
        ("<p>{% trans %}Hello{% endtrans %}</p>", []),
        ('<a title="Up">{{ x }} kWh</a>', ["Up"]),
        ("{% if x %}<b>yes</b>{% else %}<code>no</code>{% endif %}", ["yes"]),
    ],
)
def test_text_outside_of_translation_is_found(template: str, found: list[str]) -> None:
    assert untranslated(template) == found
