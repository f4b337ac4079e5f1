"""Verify: a session's evidence checked from its bytes, its proof and the chain alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from chargecoin.errors import ChainError, EvidenceError
from chargecoin.evidence.format import Proof, from_bytes, unhexed, word_hex
from chargecoin.evidence.verify import Report, StepResult, verify
from dashboard.errors import TooLargeError
from dashboard.formats import session_key
from dashboard.language import gettext
from dashboard.node_check import COMPARED, NODE_CHECK, Figure, figures
from dashboard.oracles import MAX_BYTES, EvidenceUnavailableError, NoEvidenceError
from dashboard.pages import Page, Table
from dashboard.render import Render
from dashboard.services import Has, Services
from dashboard.views.session import PATH, SessionId, detail_of, file_name

router = APIRouter()

MAX_BODY: Final = 3 * MAX_BYTES  # Form encoding writes a byte as up to three.


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nothing could be verified: nothing is said of the session by it."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class VerifyPage:
    """What verification found. `steps` is empty where it could not be run (`problem`)."""

    session_id: int | None
    origin: str
    steps: tuple[StepResult, ...]
    ok: bool
    failed: tuple[str, ...]
    grounding: str
    problem: Problem | None
    command: str
    given_bundle: str = ""
    given_proof: str = ""
    figures: tuple[Figure, ...] = ()

    @property
    def passed(self) -> int:
        """How many steps hold."""
        return sum(1 for one in self.steps if one.ok)

    @property
    def skipped(self) -> int:
        """How many steps had nothing to check."""
        return sum(1 for one in self.steps if one.ok is None)


def grounding(data: bytes) -> str:
    """Say in words what holding steps prove, by the bundle's own assurance."""
    try:
        bundle = from_bytes(data)
    except EvidenceError:
        return ""
    if bundle.record.assurance == 3:
        return gettext(
            "The meter signed this energy, and its key is accredited in the registry: "
            "the proof goes down to the meter."
        )
    if bundle.meter is not None:
        return gettext(
            "The meter signed, but only the station owner vouches for its key. This "
            "proves what was reported and how it was settled, not what an accredited "
            "meter measured."
        )
    return gettext(
        "No accredited meter signed this energy. This proves what was reported and "
        "how it was settled, not what happened at the charger."
    )


def command(has: Services, session_id: int | None) -> str:
    """Return the command that does the same on the reader's own machine."""
    bundle, proof = (
        f"{what}.json" if session_id is None else file_name(session_id, what)
        for what in ("bundle", "proof")
    )
    return (
        f"chargecoin verify session --bundle {bundle} --proof {proof} "
        f"--rpc {has.config.rpc_url} --deployment {has.config.deployment.name}"
    )


async def run(has: Services, data: bytes, proof: Proof) -> Report | Problem:
    """Verify, or say why nothing can be said."""
    try:
        return await verify(data, proof, await has.node.chain())
    except ChainError as error:
        await has.node.close()
        return Problem(
            gettext("The chain could not be asked"),
            gettext("%(error)s. Nothing is said of the evidence.", error=error),
        )


def _page(
    has: Services,
    session_id: int | None,
    origin: str,
    found: Report | Problem | None,
    data: bytes = b"",
) -> VerifyPage:
    report = found if isinstance(found, Report) else None
    return VerifyPage(
        session_id=session_id,
        origin=origin,
        steps=report.steps if report else (),
        ok=report is not None and report.ok,
        failed=report.failed if report else (),
        grounding=grounding(data) if report else "",
        problem=found if isinstance(found, Problem) else None,
        command=command(has, session_id),
    )


def page_of(has: Services, page: VerifyPage, title: str, owner_id: int | None = None) -> Page:
    """Return the page of a verification."""
    table = Table(
        ("step", "ok", "detail"),
        [
            (one.step, {True: "holds", False: "failed", None: "skipped"}[one.ok], one.detail)
            for one in page.steps
        ],
    )
    status = 503 if page.problem else 200
    context = {
        "owner_id": owner_id,
        "chain_id": has.node.deployment.chain_id,
        "settlement": has.node.deployment.address("Settlement"),
        "compared": COMPARED,
        "node_checks": NODE_CHECK,
    }
    return Page("verify.html", title, page, table, status, context=context)


@router.get(PATH + "/verify")
async def verify_session(has: Has, render: Render, one: SessionId) -> Response:
    """Fetch a session's evidence from an oracle and check it against the chain."""
    key = session_key(one)
    found: Report | Problem
    data, origin = b"", ""
    try:
        fetched = await has.oracles.bundle(one)
        proof, _ = await has.oracles.proof(one)
        data, origin = fetched.data, gettext("Evidence from %(origin)s", origin=fetched.origin)
    except (EvidenceUnavailableError, EvidenceError) as error:
        if isinstance(error, NoEvidenceError):
            # Known to no oracle; if the tables know none either, there is no such session.
            await run_in_threadpool(detail_of, has, one)
        found = Problem(gettext("The evidence could not be fetched"), str(error))
    else:
        if proof.session_id == word_hex(one):
            found = await run(has, data, proof)
        else:
            found = Problem(
                gettext("This is another session's proof"),
                gettext(
                    "%(origin)s was asked for %(key)s and served a proof of %(session_id)s.",
                    origin=fetched.origin,
                    key=key,
                    session_id=proof.session_id,
                ),
            )
    page = _page(has, one, origin, found, data)
    # For the way back, and for what the reader's own node is asked about: no step is from there.
    detail = await run_in_threadpool(has.model.session, one)
    owner_id = None if detail is None else detail.row.owner_id
    if detail is not None:
        page = replace(page, figures=figures(detail))
    return await run_in_threadpool(render, page_of(has, page, f"Verify session {key}", owner_id))


@router.get("/verify")
def verify_form(has: Has, render: Render) -> Response:
    """Offer to check a bundle and proof of the reader's own."""
    return render(page_of(has, _page(has, None, "", None), "Verify evidence"))


@router.post("/verify")
async def verify_given(has: Has, render: Render, request: Request) -> Response:
    """Check a bundle and proof that the reader sent; nothing is kept."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise TooLargeError(
                gettext("A bundle and proof together are at most %(size)s MB.", size=MAX_BODY >> 20)
            )
    fields = parse_qs(body.decode("latin-1"), keep_blank_values=True, encoding="utf-8")
    # Browsers end the lines of a text field with CR LF and people paste a line feed at the end;
    # canonical JSON holds neither outside of strings, where both are written escaped.
    given = {name: values[0].strip() for name, values in fields.items()}
    data = given.get("bundle", "").encode()
    try:
        proof = Proof.from_json(given.get("proof", ""))
        session_id = int.from_bytes(unhexed(proof.session_id, 32), "big")
        name = session_key(session_id)
    except (EvidenceError, ValueError) as error:
        problem = Problem(gettext("The proof cannot be read"), str(error))
        page = _page(has, None, "", problem)
    else:
        found = await run(has, data, proof)
        page = _page(
            has,
            session_id,
            gettext("Your own copy of the evidence of %(name)s", name=name),
            found,
            data,
        )
    page = replace(page, given_bundle=given.get("bundle", ""), given_proof=given.get("proof", ""))
    return await run_in_threadpool(render, page_of(has, page, "Verify evidence"))
