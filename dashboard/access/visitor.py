"""The person behind a request, and the guard before what is private."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, Request

from chargecoin.errors import ChargeCoinError
from dashboard.access.roles import ROLE, Role
from dashboard.access.siwe import SignInError
from dashboard.errors import NotFoundError, TooLargeError
from dashboard.language import gettext
from dashboard.services import Has, Services
from indexer.read_model import Owner, VaultAccount

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_FORM: Final = 1 << 20
# A session's record has 40 bits for it.
MAX_ACCOUNT: Final = (1 << 40) - 1


class SignInNeededError(ChargeCoinError):
    """This is private, and nobody is signed in."""


class ForbiddenError(ChargeCoinError):
    """Whoever is signed in may not do this; the message says who may."""


def origin_of(has: Services, request: Request) -> str:
    """Return the address people see us under. Raises `SignInError` where it is not known.

    The `Host` header is believed on this machine only: elsewhere another site could
    pass our message on as its own and sign in with the answer.
    """
    if has.config.origin:
        return has.config.origin
    host = request.headers.get("host", "")
    if urlsplit(f"//{host}").hostname in LOOPBACK:
        return f"http://{host}"
    raise SignInError(
        gettext(
            "Signing in needs `origin` in the dashboard's settings: the address people "
            "open it under, for example https://dashboard.example."
        )
    )


def cookie_name(origin: str) -> str:
    """Return the session cookie's name; `__Host-` binds it to this host over TLS (RFC 6265bis)."""
    return "__Host-session" if origin.startswith("https:") else "session"


def _token(has: Services, request: Request) -> str:
    names = ("__Host-session",) if has.config.origin.startswith("https:") else ("session",)
    return next((request.cookies[name] for name in names if name in request.cookies), "")


class Visitor:
    """Whoever sent a request: an address that signed in, or nobody."""

    def __init__(self, request: Request, has: Has) -> None:
        """Read the session cookie."""
        self._has = has
        self.token = _token(has, request)
        self.address = has.access.signed_in(self.token, int(has.wall.now())) if self.token else None

    def role(self, owner: Owner) -> Role:
        """Return what the visitor may do for an owner."""
        if self.address is None:
            return Role.NONE
        if self.address == owner.account:
            return Role.ADMIN
        return self._has.access.role(owner.owner_id, self.address)

    def roles(self, owners: Iterable[Owner]) -> list[tuple[Owner, Role]]:
        """Return the owners for whom the visitor may do something, and what."""
        if self.address is None:
            return []
        invited = self._has.access.roles(self.address)
        roles = (
            (one, Role.ADMIN if one.account == self.address else invited.get(one.owner_id))
            for one in owners
        )
        return [(owner, role) for owner, role in roles if role]

    def sees(self, owner: Owner) -> bool:
        """Whether an owner's private settings are shown to the visitor."""
        return self.role(owner) >= Role.VIEWER

    def holds(self, account: VaultAccount) -> bool:
        """Whether the visitor is the holder of a payer's vault account."""
        return self.address == account.holder


Asking = Annotated[Visitor, Depends()]


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who acts for an owner, and may."""

    owner: Owner
    address: str
    role: Role


class Needs:
    """A guard: lets in who has at least a role with the owner in the address."""

    def __init__(self, role: Role) -> None:
        """Require a role."""
        self.role = role

    def __call__(self, has: Has, visitor: Asking, owner_id: int) -> Member:
        """Return who is asking. Raises `SignInNeededError` or `ForbiddenError`."""
        owner = has.model.owner(owner_id)
        if owner is None:
            raise NotFoundError(
                gettext(
                    "No station owner %(owner_id)s is registered on this chain.", owner_id=owner_id
                )
            )
        if visitor.address is None:
            raise SignInNeededError(
                gettext("This is for the people of %(owner)s. Sign in first.", owner=owner.name)
            )
        role = visitor.role(owner)
        if role < self.role:
            raise ForbiddenError(
                gettext(
                    "%(address)s may not do this for %(owner)s; it needs the role %(role)s. An "
                    "admin of %(owner)s can give it to you.",
                    address=visitor.address,
                    owner=owner.name,
                    role=ROLE[self.role].name,
                )
            )
        return Member(owner, visitor.address, role)


class Holds:
    """A guard: lets in the holder of the payer's account in the address, and nobody else."""

    def __call__(self, has: Has, visitor: Asking, account: int) -> VaultAccount:
        """Return the account. Raises `SignInNeededError` or `ForbiddenError`."""
        found = account_of(has, account)
        if visitor.address is None:
            raise SignInNeededError(f"This is for the holder of account {account}. Sign in first.")
        if not visitor.holds(found):
            raise ForbiddenError(f"{visitor.address} is not the holder of account {account}.")
        return found


def account_of(has: Services, account: int) -> VaultAccount:
    """Return a vault account. Raises `NotFoundError`."""
    found = has.model.account(account) if 0 < account <= MAX_ACCOUNT else None
    if found is None:
        raise NotFoundError(f"No vault account {account} was opened on this chain.")
    return found


ForHolder = Annotated[VaultAccount, Depends(Holds())]
ForViewer = Annotated[Member, Depends(Needs(Role.VIEWER))]
ForFinance = Annotated[Member, Depends(Needs(Role.FINANCE))]
ForAdmin = Annotated[Member, Depends(Needs(Role.ADMIN))]


async def form_fields(request: Request) -> dict[str, str]:
    """Read a posted form. Raises `TooLargeError` above a megabyte."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM:
            raise TooLargeError(gettext("A form is at most %(size)s MB.", size=MAX_FORM >> 20))
    fields = parse_qs(body.decode("latin-1"), keep_blank_values=True, encoding="utf-8")
    return {name: values[0].strip() for name, values in fields.items()}


Fields = Annotated[dict[str, str], Depends(form_fields)]
