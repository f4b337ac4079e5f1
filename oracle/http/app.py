"""Routes of the oracle's HTTP API (docs/oracle-operator.md lists them)."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import orjson
from aiohttp import web

from chargecoin.errors import AttestationRefusedError, ChainError, MandateError, StoreError
from chargecoin.evidence.format import hexed
from oracle.central_system.passwords import RefusedError
from oracle.committee import proposal as proposals
from oracle.committee.proposal import MAX_BODY, SIGNATURE_HEADER, Refusal
from oracle.http import reports
from oracle.http.answers import ORACLE, number, refuse, reply
from oracle.http.stream import feed_entries, feed_stream
from oracle.service import Oracle
from oracle.sessions import mandates
from oracle.sessions.mandates import NotYetKnownError
from oracle.store import attestations, quarantine, sessions

MAX_MANDATES: Final = 10_000

# Why a charge point's password is not taken; whatever is not here is 422.
REFUSALS: Final = {
    "not_served": 403,
    "signature": 403,
    "other_owner": 409,
    "not_newer": 409,
    "not_final": 503,
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer known faults with a reason, and say which of them may pass."""
    try:
        return await handler(request)
    except (ChainError, StoreError) as error:
        return refuse("unavailable", str(error), 503)


def _operator_only(handler: Handler) -> Handler:
    """Serve a request only from this machine."""

    async def checked(request: web.Request) -> web.StreamResponse:
        remote = request.remote
        if remote is None or not ipaddress.ip_address(remote).is_loopback:
            return refuse("operator_only", "ask from the machine the oracle runs on", 403)
        return await handler(request)

    return checked


async def health(_request: web.Request) -> web.Response:
    """Answer as long as the process does."""
    return reply({"ok": True})


async def ready(request: web.Request) -> web.Response:
    """Answer 200 once the oracle serves, 503 before and while it stops."""
    oracle = request.app[ORACLE]
    return reply({"ready": oracle.ready}, 200 if oracle.ready else 503)


async def status(request: web.Request) -> web.Response:
    """Say how many sessions are where."""
    return reply(await reports.status(request.app[ORACLE]))


async def metrics(request: web.Request) -> web.Response:
    """Give counters and gauges to Prometheus."""
    oracle = request.app[ORACLE]
    text = oracle.metrics.render(await reports.gauges(oracle))
    return web.Response(text=text, content_type="text/plain", charset="utf-8")


async def attest(request: web.Request) -> web.Response:
    """Verify a proposed batch, store its evidence and sign it; or say which check failed."""
    oracle = request.app[ORACLE]
    if oracle.attester is None:
        return refuse("not_an_attester", "this oracle does not attest", 404)
    body = await request.read()
    try:
        proposer = proposals.proposer_of(body, request.headers.get(SIGNATURE_HEADER, ""))
        signature = await oracle.attester.attest(proposals.read(body), proposer)
    except AttestationRefusedError as error:
        oracle.metrics.count("attestations_refused_total", error.check)
        session = None if error.session_id is None else f"0x{error.session_id:064x}"
        refusal = Refusal(error.check, session, str(error))
        return reply(msgspec.to_builtins(refusal), 422)
    oracle.metrics.count("attestations_total")
    return reply({"signature": hexed(signature)})


def _session_id(request: web.Request) -> int | None:
    text = request.match_info["session_id"].removeprefix("0x")
    try:
        return int(text, 16) if len(text) <= 64 else None
    except ValueError:
        return None


async def evidence(request: web.Request) -> web.Response:
    """Give a session's evidence bundle, exactly the bytes that were attested."""
    session_id = _session_id(request)
    if session_id is not None:
        found = await request.app[ORACLE].database.read(
            lambda c: attestations.bundles(c, session_id)
        )
        if found:
            return web.Response(body=found[0][0], content_type="application/json", charset="utf-8")
    return refuse("unknown_session", "no bundle of this session was attested here", 404)


async def proof(request: web.Request) -> web.Response:
    """Give the way from a session's bundle to the chain."""
    session_id = _session_id(request)
    if session_id is not None:
        found = await reports.proof(request.app[ORACLE], session_id)
        if found:
            return reply(found.to_json())
    return refuse("not_settled", "no settled batch with this session is known here (yet)", 404)


async def post_mandates(request: web.Request) -> web.Response:
    """Keep one mandate, or a list of them, once each is verified."""
    oracle = request.app[ORACLE]
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        return refuse("malformed", f"not JSON: {error}", 422)
    posted = body if isinstance(body, list) else [body]
    if len(posted) > MAX_MANDATES:
        return refuse("malformed", f"at most {MAX_MANDATES} mandates at once", 422)
    domain = oracle.chain.deployment.domain
    kept = []
    for one in posted:
        try:
            kept.append(await mandates.accept(one, oracle.database, oracle.registry, domain))
        except NotYetKnownError as error:
            return refuse("not_final", str(error), 503)
        except MandateError as error:
            return refuse("mandate", str(error), 422)
    ids = [hexed(one) for one in kept]
    return reply({"mandates": ids} if isinstance(body, list) else {"mandate": ids[0]})


async def central_system(request: web.Request) -> web.Response:
    """Say where charge points connect, and whose owners may let theirs."""
    oracle = request.app[ORACLE]
    if oracle.admission is None:
        return refuse("no_central_system", "charge points do not connect to this oracle", 404)
    owners = oracle.config.owners
    return reply(
        {
            "oracle": oracle.signer.address,
            "url": oracle.ocpp_url,
            "owners": owners if owners == "any" else list(owners),
        }
    )


async def post_charge_point(request: web.Request) -> web.Response:
    """Let an owner's charge point connect under a new password, at the owner's signed request."""
    oracle = request.app[ORACLE]
    if oracle.admission is None:
        return refuse("no_central_system", "charge points do not connect to this oracle", 404)
    try:
        body = orjson.loads(await request.read())
        taken = await oracle.admission.accept(body, oracle.clock.now())
    except orjson.JSONDecodeError as error:
        return refuse("malformed", f"not JSON: {error}", 422)
    except RefusedError as error:
        return refuse(error.reason, str(error), REFUSALS.get(error.reason, 422))
    return reply({"identity": taken.identity, "url": f"{oracle.ocpp_url}{taken.identity}"})


async def flush(request: web.Request) -> web.Response:
    """Propose whatever waits now."""
    return reply({"pending": await request.app[ORACLE].flush()}, 202)


def _page(request: web.Request) -> tuple[int, int]:
    """Return after which number, and how many, a request asks for."""
    return number(request, "after", 0), min(number(request, "limit", 1000), 1000)


async def backlog(request: web.Request) -> web.Response:
    """List the sessions that have ended and are on their way to the chain."""
    after, limit = _page(request)
    found = await request.app[ORACLE].database.read(lambda c: sessions.on_the_way(c, after, limit))
    return reply([reports.on_the_way(one) for one in found])


async def get_quarantine(request: web.Request) -> web.Response:
    """List what waits for a person, and why."""
    after, limit = _page(request)
    entries = await request.app[ORACLE].database.read(lambda c: quarantine.waiting(c, after, limit))
    return reply([reports.quarantined(entry) for entry in entries])


async def replay(request: web.Request) -> web.Response:
    """Take something out of quarantine by trying it again."""
    oracle = request.app[ORACLE]
    which = int(request.match_info["entry"])
    entry = await oracle.database.read(lambda c: quarantine.one(c, which))
    if entry is None or entry.resolved_at is not None:
        return refuse("unknown_entry", f"nothing waits under number {which}", 404)
    if entry.session is None:
        resolved = entry.frame is not None and oracle.intake is not None
        resolved = resolved and await oracle.intake.replay(which)  # type: ignore[union-attr]
        return reply({"resolved": resolved})
    at, session = oracle.clock.now(), entry.session

    def reopen(connection: Any) -> bool:
        if not sessions.reopen(connection, session):
            return False
        quarantine.resolve(connection, which, at, "replayed")
        return True

    resolved = await oracle.database.write(reopen)
    if resolved and oracle.intake:
        oracle.intake.session_closed.set()
    return reply({"resolved": resolved})


def make_app(oracle: Oracle) -> web.Application:
    """Return the oracle's HTTP application."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_faults])
    app[ORACLE] = oracle
    app.add_routes(
        [
            web.get("/health", health),
            web.get("/ready", ready),
            web.get("/status", status),
            web.get("/metrics", metrics),
            web.post("/attest", attest),
            web.get("/evidence/{session_id}", evidence),
            web.get("/proof/{session_id}", proof),
            web.post("/mandates", post_mandates),
            web.get("/charge-points", central_system),
            web.post("/charge-points", post_charge_point),
            web.post("/flush", _operator_only(flush)),
            web.get("/backlog", backlog),
            web.get("/quarantine", get_quarantine),
            web.post(r"/quarantine/{entry:\d{1,15}}/replay", _operator_only(replay)),
            web.get("/feed", feed_entries),
            web.get("/feed/stream", feed_stream),
        ]
    )
    return app
