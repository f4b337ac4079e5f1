"""Which language a reader is answered in, and texts in that language.

The code says everything in English; `locale/*/LC_MESSAGES/messages.po` holds the same
in the other languages and is read as it is. The language belongs to the request: it
is chosen once, before a page is asked, and `gettext` is used wherever a sentence is
made. What machines read (JSON, CSV) is in no reader's language and stays English.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeVar

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

SOURCE: Final = "en"
# Each by its own name, as readers look for it.
LANGUAGES: Final = {"en": "English", "de": "Deutsch"}
# How figures are written for readers of a language, where the settings do not say.
LOCALES: Final = {"en": "en_GB", "de": "de_DE"}
# Forms of a page that programs read: figures in base units, in no reader's language.
MACHINE: Final = ("json", "csv")
COOKIE: Final = "language"
FOLDER: Final = Path(__file__).parent / "locale"
_LONGEST: Final = 400

K = TypeVar("K")

_language: ContextVar[str] = ContextVar("language", default=SOURCE)


def language() -> str:
    """Return the language of the request that is being answered; a key of `LANGUAGES`."""
    return _language.get()


@contextmanager
def speaking(chosen: str) -> Iterator[None]:
    """Answer in a language, a key of `LANGUAGES`."""
    before = _language.set(chosen)
    try:
        yield
    finally:
        _language.reset(before)


def catalog_path(chosen: str) -> Path:
    """Return where a language's texts are kept."""
    return FOLDER / chosen / "LC_MESSAGES" / "messages.po"


@cache
def catalog(chosen: str) -> NullTranslations:
    """Return a language's texts; the source's are the code's own."""
    if chosen == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    with catalog_path(chosen).open("rb") as source:
        write_mo(compiled, read_po(source, locale=chosen))
    compiled.seek(0)
    return GNUTranslations(compiled)


def gettext(message: str, **values: Any) -> str:
    """Return a text in the reader's language, its `%(name)s` filled in where values are given."""
    text = catalog(language()).gettext(message) if message else ""
    return text % values if values else text


def pgettext(context: str, message: str, **values: Any) -> str:
    """Return a text as `gettext`, of a word that means different things in different places."""
    text = catalog(language()).pgettext(context, message)
    return text % values if values else text


def in_number(one: str, many: str, num: int) -> str:
    """Return a text in the form for a number, nothing filled in; templates do that themselves."""
    return catalog(language()).ngettext(one, many, num)


def ngettext(one: str, many: str, num: int, **values: Any) -> str:
    """Return a text as `gettext`, in the form for a number; `%(num)s` is that number."""
    return in_number(one, many, num) % {"num": num, **values}


@dataclass(frozen=True, slots=True)
class Text:
    """One text that is kept in English; `str` of it is in the language of whoever reads it."""

    source: str

    def __str__(self) -> str:
        """Return it in the reader's language."""
        return gettext(self.source)


class Texts(Mapping[K, str]):
    """Texts by what they are of, each in the language of whoever reads it."""

    def __init__(self, texts: Mapping[K, str]) -> None:
        """Keep the texts as the source has them."""
        self._texts = texts

    def __getitem__(self, key: K) -> str:
        """Return a text. Raises `KeyError`."""
        return gettext(self._texts[key])

    def __iter__(self) -> Iterator[K]:
        """Return the keys in their order."""
        return iter(self._texts)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._texts)


def _accepted(header: str) -> list[str]:
    """Return the languages of an `Accept-Language`, the most wanted first (RFC 9110, 12.5.4)."""
    wanted = []
    for one in header[:_LONGEST].split(","):
        tag, _, weight = one.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if quality > 0:
            wanted.append((quality, tag.strip().partition("-")[0].lower()))
    return [tag for _, tag in sorted(wanted, key=lambda one: -one[0])]


def preferred(chosen: str | None, accepted: str, configured: str) -> str:
    """Return a reader's language: what they chose, else what their browser asks for."""
    wanted = [chosen, *_accepted(accepted), configured.partition("_")[0]]
    return next((one for one in wanted if one in LANGUAGES), SOURCE)


class Languages:
    """Answers each request in its reader's language."""

    def __init__(self, app: ASGIApp, configured: str) -> None:
        """Wrap an application; `configured` is the locale of readers who ask for none."""
        self._app = app
        self._configured = configured

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on in its language."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = SOURCE
        if scope.get("state", {}).get("form") not in MACHINE:
            asked = HTTPConnection(scope)
            accepted = asked.headers.get("accept-language", "")
            chosen = preferred(asked.cookies.get(COOKIE), accepted, self._configured)
        with speaking(chosen):
            await self._app(scope, receive, send)
