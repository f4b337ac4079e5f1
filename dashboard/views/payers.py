"""A payer's own page: what is in the vault, what may leave it, and what did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from chargecoin.errors import MandateError
from dashboard import payers
from dashboard.access.siwe import signature_bytes
from dashboard.access.visitor import Asking, Fields, ForHolder, account_of
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.oracles import EvidenceUnavailableError, OracleRefusedError
from dashboard.pages import Page, Table, whole
from dashboard.payers import Vault, mandate_typed
from dashboard.prepare import Prepared, trial
from dashboard.private.settings import KeptMandate
from dashboard.query import number_of
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from indexer.read_model import Dispute, Revocation, SessionFilter, SessionRow, VaultAccount
from indexer.read_model import Page as Part

router = APIRouter()

PATH: Final = "/payers/{account}"
PER_PAGE: Final = 25


@dataclass(frozen=True, slots=True)
class PayersPage:
    """The accounts of whoever is signed in, and how to open one."""

    accounts: tuple[VaultAccount, ...]
    prepared: tuple[Prepared, ...]


@dataclass(frozen=True, slots=True)
class Own:
    """What only the holder is shown, though the chain is public: what belongs together."""

    sessions: Part[SessionRow]
    disputes: tuple[Dispute, ...]
    mandates: tuple[KeptMandate, ...]
    revocations: tuple[Revocation, ...]


@dataclass(frozen=True, slots=True)
class PayerPage:
    """One account. `own` is None for everybody but its holder, `vault` while no node answers."""

    account: VaultAccount
    vault: Vault | None
    own: Own | None
    now: int


@dataclass(frozen=True, slots=True)
class PreparePage:
    """What a form of an account asks for, as its holder's wallet signs it."""

    account: VaultAccount
    given: dict[str, str]
    problem: str
    refused: str
    prepared: Prepared | None
    later: int


@dataclass(frozen=True, slots=True)
class MandatePage:
    """A mandate to be signed, or what oracles said to a signed one."""

    account: VaultAccount
    given: dict[str, str]
    problem: str
    mandate: str
    cards: int
    max_per_session: int
    valid_from: int
    valid_until: int
    taken: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@router.get("/payers")
def all_payers(has: Has, render: Render, visitor: Asking, open: str = "") -> Response:  # noqa: A002
    """Say what a vault is, open one, and list those of whoever is signed in."""
    own = has.model.accounts_of(visitor.address) if visitor.address else ()
    prepared = (payers.open_account(has),) if open else ()
    table = Table(("account", "opened_at"), [(one.account, one.opened_at) for one in own])
    page = PayersPage(own, prepared)
    return render(Page("payers.html", gettext("For payers"), page, table))


def _own(has: Services, account: VaultAccount, after: int | None) -> Own:
    number = account.account
    return Own(
        sessions=has.model.sessions(SessionFilter(payer=number), after, PER_PAGE),
        disputes=has.model.disputes(account=number).items,
        mandates=has.settings.mandates(number),
        revocations=has.model.revocations(number),
    )


def _session_rows(has: Services, account: VaultAccount) -> Iterator[tuple[Any, ...]]:
    """Yield all sessions of an account, for its holder to take away."""
    own = SessionFilter(payer=account.account)
    for one in whole(lambda after, limit: has.model.sessions(own, after, limit)):
        yield (
            one.connector_id,
            one.sequence,
            one.site_name,
            one.started_at,
            one.duration_s,
            one.energy_wh,
            one.gross,
            one.paid,
            one.campaign_paid,
            one.debt,
            one.collected,
            one.refunded,
        )


_COLUMNS: Final = (
    "connector_id",
    "sequence",
    "site",
    "started_at",
    "duration_s",
    "energy_wh",
    "gross",
    "paid",
    "campaign_paid",
    "debt",
    "collected",
    "refunded",
)


@router.get(PATH)
async def one_payer(
    has: Has, render: Render, visitor: Asking, request: Request, account: int
) -> Response:
    """Show an account: to everybody what it holds, to its holder what it did."""
    found = await run_in_threadpool(account_of, has, account)
    state = await payers.vault(has, found)
    own = None
    if visitor.holds(found):
        after = number_of(request.query_params, "after", (1 << 62) - 1)
        own = await run_in_threadpool(_own, has, found, after)
    page = PayerPage(found, state, own, has.now())
    table = Table(_COLUMNS, _session_rows(has, found) if own else ())
    title = gettext("Account %(account)s", account=account)
    made = Page("payer.html", title, page, table, 200 if state else 503, live=live_address(0))
    return await run_in_threadpool(render, made)


@router.get(PATH + "/prepare")
async def prepare_action(has: Has, render: Render, request: Request, holder: ForHolder) -> Response:
    """Prepare a deposit, a limit, a withdrawal or a revocation for the holder's wallet."""
    given = {name: text.strip() for name, text in request.query_params.items()}
    again = f"/payers/{holder.account}/prepare?{urlencode(given)}"
    state = await payers.vault(has, holder)
    problem, refused, later = "", "", 0
    prepared: Prepared | None = None
    try:
        if state is None:
            raise BadAddressError(gettext("the node is not answering; try again in a moment"))
        prepared, later = payers.action(has, holder, state, given, again)
        refused = await trial(has, prepared)
    except BadAddressError as error:
        problem = str(error)
    page = PreparePage(holder, given, problem, refused, prepared, later)
    table = Table(
        ("what", "from", "to", "data"),
        [(prepared.name, prepared.sender, prepared.to, prepared.data)] if prepared else [],
    )
    title = gettext("Account %(account)s", account=holder.account)
    made = Page("payer_prepare.html", title, page, table, 400 if problem else 200)
    return await run_in_threadpool(render, made)


def _mandate_page(render: Render, page: MandatePage, context: dict[str, Any]) -> Response:
    table = Table(("mandate", "cards"), [(page.mandate, page.cards)] if page.mandate else [])
    title = gettext("A mandate of account %(account)s", account=page.account.account)
    status = 400 if page.problem else 200
    return render(Page("payer_mandate.html", title, page, table, status, context=context))


@router.get(PATH + "/mandates/new")
def mandate_form(render: Render, holder: ForHolder) -> Response:
    """Ask which cards the vault pays for, and how much."""
    page = MandatePage(holder, {}, "", "", 0, 0, 0, 0)
    return _mandate_page(render, page, {"typed": "", "body": ""})


@router.post(PATH + "/mandates")
def mandate(has: Has, render: Render, fields: Fields, holder: ForHolder) -> Response:
    """Make a mandate for the holder's wallet to sign; the cards are not kept."""
    try:
        made, openings = payers.new_mandate(holder, fields, has.now())
    except BadAddressError as error:
        page = MandatePage(holder, fields, str(error), "", 0, 0, 0, 0)
        return _mandate_page(render, page, {"typed": "", "body": ""})
    body = {
        "openings": [{"salt": one.salt.hex(), "token": one.token} for one in openings],
        "max_per_session": made.max_per_session,
        "valid_from": made.valid_from,
        "valid_until": made.valid_until,
    }
    page = MandatePage(
        holder,
        {},
        "",
        "0x" + made.struct_hash().hex(),
        len(openings),
        made.max_per_session,
        made.valid_from,
        made.valid_until,
    )
    typed = orjson.dumps(mandate_typed(has, made)).decode()
    return _mandate_page(render, page, {"typed": typed, "body": orjson.dumps(body).decode()})


@router.post(PATH + "/mandates/signed")
async def mandate_signed(has: Has, render: Render, fields: Fields, holder: ForHolder) -> Response:
    """Pass a signed mandate on to the oracles; its terms are remembered, its cards are not."""
    try:
        body = orjson.loads(fields.get("body", ""))
        signed = payers.signed_mandate(holder, body, signature_bytes(fields.get("signature", "")))
    except (orjson.JSONDecodeError, MandateError) as error:
        raise BadAddressError(str(error)) from error
    terms = signed.mandate
    taken: list[str] = []
    refused: list[str] = []
    for url in has.oracles.urls:
        try:
            await has.oracles.post(url, "/mandates", signed.to_json())
        except (OracleRefusedError, EvidenceUnavailableError) as error:
            refused.append(f"{url}: {error}")
        else:
            taken.append(url)
    number = "0x" + signed.id.hex()
    kept = KeptMandate(
        number,
        terms.account,
        len(terms.tokens),
        terms.max_per_session,
        terms.valid_from,
        terms.valid_until,
    )
    if taken:
        await run_in_threadpool(has.settings.keep_mandate, kept)
    page = MandatePage(
        holder,
        {},
        "" if taken else gettext("no oracle took it"),
        number,
        kept.cards,
        kept.max_per_session,
        kept.valid_from,
        kept.valid_until,
        tuple(taken),
        tuple(refused),
    )
    return await run_in_threadpool(_mandate_page, render, page, {"typed": "", "body": ""})
