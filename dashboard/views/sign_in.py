"""Signing in with a wallet, and out again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eth_utils.address import is_address, to_checksum_address
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from chargecoin.errors import ChainError
from dashboard.access.roles import Role
from dashboard.access.siwe import Challenge, SignInError, check, signature_bytes
from dashboard.access.store import SIGN_IN_S
from dashboard.access.visitor import Asking, Fields, cookie_name, origin_of
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.query import way_back
from dashboard.render import Render
from dashboard.services import Has
from indexer.read_model import Owner

router = APIRouter()

HOME: Final = "/"


@dataclass(frozen=True, slots=True)
class Mine:
    """An owner that the visitor may act for."""

    owner: Owner
    role: Role


@dataclass(frozen=True, slots=True)
class SignInPage:
    """Who is signed in and for whom they act; while signing in, the message to sign."""

    address: str | None
    mine: tuple[Mine, ...]
    next: str
    message: str = ""
    nonce: str = ""


def _show(render: Render, page: SignInPage) -> Response:
    table = Table(
        ("owner_id", "name", "role"),
        [(one.owner.owner_id, one.owner.name, one.role) for one in page.mine],
    )
    return render(Page("sign_in.html", gettext("Sign in"), page, table))


@router.get("/sign-in")
def sign_in(has: Has, visitor: Asking, render: Render, next: str = HOME) -> Response:  # noqa: A002
    """Offer to sign in, or say who is signed in."""
    mine = tuple(Mine(owner, role) for owner, role in visitor.roles(has.model.owners()))
    return _show(render, SignInPage(visitor.address, mine, way_back(next)))


@router.post("/sign-in")
def challenge(has: Has, render: Render, request: Request, fields: Fields) -> Response:
    """Give an address a message to sign."""
    given = fields.get("address", "")
    if not is_address(given):
        raise SignInError(
            gettext("An account is an address of 0x and 40 hex digits; go back and enter it.")
        )
    made = has.access.challenge(
        to_checksum_address(given),
        origin_of(has, request),
        has.node.deployment.chain_id,
        has.wall_now(),
    )
    page = SignInPage(None, (), way_back(fields.get("next", "")), made.message, made.nonce)
    return _show(render, page)


@router.post("/sign-in/answer")
async def answer(has: Has, request: Request, fields: Fields) -> Response:
    """Sign in whoever signed the message that belongs to a nonce."""
    now = has.wall_now()
    origin = origin_of(has, request)
    given: Challenge = await run_in_threadpool(
        has.access.take, fields.get("nonce", ""), has.node.deployment.chain_id, now
    )
    if given.origin != origin:
        raise SignInError(
            gettext("This message was made for %(origin)s. Start again here.", origin=given.origin)
        )
    try:
        await check(given, signature_bytes(fields.get("signature", "")), has.node.call)
    except ChainError as error:
        await has.node.close()
        raise SignInError(
            gettext(
                "The node could not be asked whether this signature counts: %(error)s. Try "
                "again later.",
                error=error,
            )
        ) from error
    token = await run_in_threadpool(has.access.sign_in, given.address, now)
    response = RedirectResponse(way_back(fields.get("next", "")), 303)
    response.set_cookie(
        cookie_name(origin),
        token,
        max_age=SIGN_IN_S,
        httponly=True,
        secure=origin.startswith("https:"),
        samesite="strict",
    )
    return response


@router.post("/sign-out")
def sign_out(has: Has, visitor: Asking, request: Request) -> Response:
    """Forget the session, here and in the browser."""
    if visitor.token:
        has.access.sign_out(visitor.token)
    response = RedirectResponse(HOME, 303)
    origin = origin_of(has, request)
    response.delete_cookie(
        cookie_name(origin),
        httponly=True,
        secure=origin.startswith("https:"),
        samesite="strict",
    )
    return response
