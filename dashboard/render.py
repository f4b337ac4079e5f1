"""From a page to a response, in the form that was asked for."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from chargecoin.payouts import reference_text
from dashboard import words
from dashboard.access.roles import ROLE
from dashboard.access.visitor import Asking
from dashboard.formats import Formats, filters
from dashboard.freshness import judge
from dashboard.language import LANGUAGES, gettext, in_number, language, pgettext
from dashboard.navigation import navigation
from dashboard.pages import (
    DOCUMENTS,
    Page,
    csv_response,
    document_response,
    form_of,
    json_response,
    stream_response,
)
from dashboard.services import Services, services
from indexer.read_model import Connector, Period

HERE: Final = Path(__file__).parent
POWER: Final = {1: "AC", 2: "AC", 3: "DC"}


@cache
def static(name: str) -> str:
    """Return a file's address, which changes with its content so that it may be kept for good."""
    content = (HERE / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def environment(formats: Formats) -> Environment:
    """Return the templates, with the filters of one locale. A missing name is an error.

    One environment a locale: Jinja works out what is constant when it compiles, figures too.
    """
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        auto_reload=False,
    )

    def on(day: date, pattern: str = "EEE d MMM y") -> str:
        return formats.on(day, pattern)

    def span(period: Period) -> str:
        if period.since == period.until:
            return on(period.since)
        if period.since.month == period.until.month:
            begin = on(period.since, formats.pattern("d MMM").partition(" ")[0])
            return gettext("%(begin)s to %(end)s", begin=begin, end=on(period.until, "d MMM y"))
        begin = on(period.since, "d MMM")
        return gettext("%(begin)s to %(end)s", begin=begin, end=on(period.until, "d MMM y"))

    def rating(connector: Connector) -> str:
        kilowatts = formats.number(connector.max_power_w / 1000)
        return f"{POWER.get(connector.power_type, '')} {kilowatts} kW".strip()

    def reference(given: str) -> str:
        return reference_text(bytes.fromhex(given[2:]))

    made.policies["ext.i18n.trimmed"] = True
    made.add_extension("jinja2.ext.i18n")
    made.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, in_number, newstyle=True, pgettext=pgettext
    )
    made.filters.update(filters(formats), date=on, span=span, rating=rating, reference=reference)
    made.globals.update(
        words=words, formats=formats, static=static, roles=ROLE, languages=LANGUAGES
    )
    return made


def html_response(body: str, status: int) -> Response:
    """Return a page, which depends on the reader's cookies and language."""
    headers = {"vary": "cookie, accept-language", "content-language": language()}
    return Response(body, status, headers, "text/html; charset=utf-8")


class Renderer:
    """Answers one request."""

    def __init__(
        self, request: Request, has: Annotated[Services, Depends(services)], visitor: Asking
    ) -> None:
        """Know the request's form and address, and what was new before the page was read."""
        self._request = request
        self._has = has
        self._visitor = visitor
        self._newest = has.watch.newest

    def __call__(self, page: Page) -> Response:
        """Return a page in the form asked for. A fault has no report and is told as a page."""
        form = form_of(self._request)
        if form in page.streams and page.status == 200:
            answer = stream_response(page, form, self._has.formats)
        elif form in DOCUMENTS and page.status == 200:
            answer = document_response(page, form, self._has.formats)
        else:
            answer = {"json": json_response, "csv": csv_response}.get(form, self._html)(page)
        # What a member sees is kept by nobody, not even by their own browser.
        answer.headers["cache-control"] = "no-store" if self._visitor.token else "no-cache"
        return answer

    def _html(self, page: Page) -> Response:
        has, path = self._has, self._request.url.path
        watch = has.watch
        freshness = judge(
            has.model.status(),
            asked=watch.asked,
            node_head=watch.node_head,
            reorg=watch.last_reorg,
            number=has.formats.number,
        )
        stem = "/index" if path == "/" else path
        query = f"?{self._request.url.query}" if self._request.url.query else ""
        template = self._request.app.state.templates[language()].get_template(page.template)
        content: dict[str, Any] = {
            "title": page.title,
            "brand": has.config.title,
            "language": language(),
            "data": page.data,
            "nav": navigation(path, page.context.get("owner_id")),
            "visitor": self._visitor,
            "back": path + query if self._request.method == "GET" else "/",
            "live": page.live and f"{page.live}&after={self._newest}",
            "freshness": freshness,
            "banners": freshness.banners,
            **page.context,
            "forms": {one: f"{stem}.{one}{query}" for one in page.forms}
            if page.status == 200
            else None,
        }
        body = template.render(content)
        return html_response(body, page.status)


Render = Annotated[Renderer, Depends()]


def live_address(owner_id: int) -> str:
    """Return the stream that a page about an owner (0: about all) follows."""
    return "/live?" + urlencode({"owner": owner_id})
