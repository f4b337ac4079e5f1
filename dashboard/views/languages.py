"""Choosing the language of the pages."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from dashboard.access.visitor import Fields
from dashboard.errors import BadAddressError
from dashboard.language import COOKIE, LANGUAGES, gettext
from dashboard.query import way_back
from dashboard.services import Has

router = APIRouter()

YEAR_S: Final = 365 * 86_400


@router.post("/language")
def choose(has: Has, fields: Fields) -> Response:
    """Keep the language that was chosen in the browser, and go back to where it was."""
    chosen = fields.get("language", "")
    if chosen not in LANGUAGES:
        raise BadAddressError(
            gettext(
                "language is one of %(codes)s, not %(given)s",
                codes=", ".join(LANGUAGES),
                given=repr(chosen),
            )
        )
    response = RedirectResponse(way_back(fields.get("next", "")), 303)
    response.set_cookie(
        COOKIE,
        chosen,
        max_age=YEAR_S,
        httponly=True,
        secure=has.config.origin.startswith("https:"),
        samesite="lax",
    )
    return response
