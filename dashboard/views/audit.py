"""What an auditor's link opens: one report of one owner, read only, for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from fastapi import APIRouter, Response

from dashboard.language import Text
from dashboard.pages import Page
from dashboard.render import Render
from dashboard.services import Has, Services
from dashboard.views import carbon, fees, uptime
from dashboard.views.overview import owner_of
from indexer.read_model import Owner

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Report:
    """A report that can be given out: its name, and how its page is made."""

    name: Text
    make: Callable[[Services, Owner, date], Page]


REPORTS: Final = {
    "uptime": Report(Text("Uptime"), partial(uptime.report, private=True)),
    "fees": Report(Text("Fees and margin"), partial(fees.report, private=True)),
    "carbon": Report(Text("Carbon, a month"), carbon.of_month),
    "carbon_year": Report(Text("Carbon, a calendar year"), carbon.of_year),
}


@router.get("/audit/{token}")
def audit(has: Has, render: Render, token: str) -> Response:
    """Show the report that a link opens."""
    link = has.access.opens(token, has.wall_now())
    page = REPORTS[link.report].make(has, owner_of(has, link.owner_id), link.month)
    page.context.update(audit=True, owner_id=None, expires_at=link.expires_at)
    return render(page)
