"""Who may do what for an owner: people and auditor's links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from eth_utils.address import is_address, to_checksum_address
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from dashboard.access.roles import Role
from dashboard.access.store import Person, ReportLink
from dashboard.access.visitor import (
    Fields,
    ForAdmin,
    ForFinance,
    ForViewer,
    Member,
    origin_of,
)
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.query import month_of, number_of
from dashboard.render import Render
from dashboard.services import Has, Services
from dashboard.views.audit import REPORTS
from dashboard.views.uptime import this_month
from indexer.read_model import Owner

router = APIRouter()

PATH: Final = "/owners/{owner_id}/access"
MAX_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class AccessPage:
    """People and links of an owner. `fresh` is the address of a link just made, shown once."""

    owner: Owner
    role: Role
    people: tuple[Person, ...]
    links: tuple[ReportLink, ...]
    month: date
    fresh: str = ""


def _show(has: Services, render: Render, member: Member, fresh: str = "") -> Response:
    owner = member.owner
    page = AccessPage(
        owner=owner,
        role=member.role,
        people=has.access.people(owner.owner_id),
        links=has.access.links(owner.owner_id, has.wall_now()),
        month=this_month(has, owner.owner_id),
        fresh=fresh,
    )
    table = Table(
        ("address", "role", "entered_by", "entered_at"),
        [(owner.account, Role.ADMIN, "chain", None)]
        + [(one.address, one.role, one.entered_by, one.entered_at) for one in page.people],
    )
    context = {"owner_id": owner.owner_id, "reports": REPORTS}
    return render(
        Page(
            "access.html",
            gettext("Access of %(owner)s", owner=owner.name),
            page,
            table,
            context=context,
        )
    )


@router.get(PATH)
def access(has: Has, render: Render, member: ForViewer) -> Response:
    """Show who may do what for an owner."""
    return _show(has, render, member)


def _back(owner: Owner) -> Response:
    return RedirectResponse(f"/owners/{owner.owner_id}/access", 303)


@router.post(PATH + "/people")
def invite(has: Has, member: ForAdmin, fields: Fields) -> Response:
    """Invite an address, or change its role."""
    address = fields.get("address", "")
    if not is_address(address):
        raise BadAddressError(
            gettext("an account is 0x and 40 hex digits, not %(address)s", address=repr(address))
        )
    address = to_checksum_address(address)
    if address == member.owner.account:
        raise BadAddressError(gettext("the owner's own account is an admin already"))
    role = fields.get("role", "").upper()
    if role not in {"VIEWER", "FINANCE", "ADMIN"}:
        raise BadAddressError(gettext("a role is viewer, finance or admin"))
    has.access.invite(member.owner.owner_id, address, Role[role], member.address, has.wall_now())
    return _back(member.owner)


@router.post(PATH + "/people/remove")
def remove(has: Has, member: ForAdmin, fields: Fields) -> Response:
    """Take somebody off."""
    has.access.take_off(member.owner.owner_id, fields.get("address", ""))
    return _back(member.owner)


@router.post(PATH + "/links")
def give(
    has: Has, render: Render, member: ForFinance, fields: Fields, request: Request
) -> Response:
    """Make a link that opens one report for a while."""
    report = fields.get("report", "")
    if report not in REPORTS:
        raise BadAddressError(
            gettext(
                "a report is one of %(reports)s, not %(report)s",
                reports=", ".join(REPORTS),
                report=repr(report),
            )
        )
    days = number_of(fields, "days", MAX_DAYS)
    if not days:
        raise BadAddressError(gettext("a link lasts 1 to %(max_days)s days", max_days=MAX_DAYS))
    token = has.access.give_link(
        member.owner.owner_id,
        report,
        month_of(fields, "month"),
        member.address,
        has.wall_now(),
        days,
    )
    return _show(has, render, member, f"{origin_of(has, request)}/audit/{token}")


@router.post(PATH + "/links/remove")
def withdraw(has: Has, member: ForFinance, fields: Fields) -> Response:
    """Let a link open nothing any more."""
    has.access.withdraw_link(member.owner.owner_id, number_of(fields, "link", 1 << 53) or 0)
    return _back(member.owner)
