"""Signing in: who signed the server's own message, once, is signed in, and nobody else."""

from __future__ import annotations

import httpx
import pytest
from eth_abi.abi import default_codec
from eth_account import Account
from eth_account.messages import encode_defunct
from sqlalchemy import Engine

from chargecoin.clock import ManualClock
from chargecoin.errors import NodeUnavailableError, RevertedError
from chargecoin.signatures import VALID
from dashboard.access.siwe import Challenge, SignInError, check, signature_bytes
from dashboard.access.store import CHALLENGE_S, SIGN_IN_S
from dashboard.services import Services
from tests.dashboard.conftest import NOW, Town
from tests.dashboard.people import OWNER_KEY, ask, key, personal, sign_in
from tests.dashboard.serving import client, services, text_of
from tests.dashboard.world import ACCOUNT, DEPLOYMENT

CHALLENGE = Challenge("ab" * 16, ACCOUNT, "https://owners.example", 31337, NOW, NOW + 600)


@pytest.fixture
def wall() -> ManualClock:
    return ManualClock(NOW + 12_345)


@pytest.fixture
def has(engine: Engine, clock: ManualClock, wall: ManualClock) -> Services:
    return services(engine, DEPLOYMENT, clock, wall=wall)


async def no_contract(_to: str, _data: bytes) -> bytes:
    return b""


def test_the_message_is_laid_out_as_eip_4361_says() -> None:
    assert CHALLENGE.message == (
        "owners.example wants you to sign in with your Ethereum account:\n"
        f"{ACCOUNT}\n"
        "\n"
        "Sign in to the ChargeCoin dashboard. This costs nothing and moves no money.\n"
        "\n"
        "URI: https://owners.example/sign-in\n"
        "Version: 1\n"
        "Chain ID: 31337\n"
        "Nonce: abababababababababababababababab\n"
        "Issued At: 2026-11-22T13:15:00Z\n"
        "Expiration Time: 2026-11-22T13:25:00Z"
    )


async def test_a_wallet_of_another_library_signs_the_same_bytes() -> None:
    signed = Account.sign_message(encode_defunct(text=CHALLENGE.message), OWNER_KEY)
    await check(CHALLENGE, bytes(signed.signature), no_contract)


@pytest.mark.parametrize("recovery", [0, 27])
async def test_both_ways_of_writing_the_recovery_number_are_read(recovery: int) -> None:
    signature = key("station_owner").sign(CHALLENGE.digest)
    number = signature[64] - 27 + recovery
    await check(CHALLENGE, signature[:64] + bytes([number]), no_contract)


async def test_a_strangers_signature_is_refused() -> None:
    with pytest.raises(SignInError, match="not 0x"):
        await check(CHALLENGE, key("stranger").sign(CHALLENGE.digest), no_contract)


async def test_a_contract_wallet_is_asked_and_believed() -> None:
    asked: list[tuple[str, bytes]] = []

    async def multisig(to: str, data: bytes) -> bytes:
        asked.append((to, data))
        return VALID + bytes(28)

    await check(CHALLENGE, b"two owners of it signed", multisig)
    [(to, data)] = asked
    assert to == ACCOUNT
    assert data[:4].hex() == "1626ba7e"
    digest, signature = default_codec.decode(("bytes32", "bytes"), data[4:])
    assert (digest, signature) == (CHALLENGE.digest, b"two owners of it signed")


@pytest.mark.parametrize("answer", [b"", bytes(32), VALID, bytes(28) + VALID, VALID + b"\1" * 28])
async def test_anything_but_the_magic_value_is_a_no(answer: bytes) -> None:
    async def contract(_to: str, _data: bytes) -> bytes:
        return answer

    with pytest.raises(SignInError):
        await check(CHALLENGE, b"signed", contract)


async def test_a_contract_that_reverts_says_no_and_a_silent_node_says_nothing() -> None:
    async def reverts(_to: str, _data: bytes) -> bytes:
        raise RevertedError("isValidSignature", "no")

    async def silent(_to: str, _data: bytes) -> bytes:
        raise NodeUnavailableError("no answer")

    with pytest.raises(SignInError):
        await check(CHALLENGE, b"signed", reverts)
    with pytest.raises(NodeUnavailableError):
        await check(CHALLENGE, b"signed", silent)


@pytest.mark.parametrize("text", ["", "0x", "0xzz", "0x123", "0x" + "00" * 9_000])
def test_what_is_no_signature_is_not_looked_at(text: str) -> None:
    with pytest.raises(SignInError, match="hex"):
        signature_bytes(text)


async def test_the_station_owners_account_is_an_admin(pages: httpx.AsyncClient, town: Town) -> None:
    assert await sign_in(pages, "station_owner") == ACCOUNT
    text = text_of((await pages.get("/sign-in")).text)
    assert "You are signed in" in text
    assert "Tay Valley Charging Admin" in text
    assert (await pages.get("/owners/1/access")).status_code == 200


async def test_the_session_cookie_is_kept_from_scripts_and_other_sites(
    pages: httpx.AsyncClient, town: Town
) -> None:
    signer = key("station_owner")
    message, nonce = await ask(pages, signer.address)
    data = {"nonce": nonce, "signature": signer.sign(personal(message)).hex()}
    cookie = (await pages.post("/sign-in/answer", data=data)).headers["set-cookie"]
    for word in ("HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={SIGN_IN_S}"):
        assert word in cookie
    assert "Domain" not in cookie


async def test_over_tls_the_cookie_is_bound_to_the_host(
    engine: Engine, clock: ManualClock, wall: ManualClock, town: Town
) -> None:
    has = services(engine, DEPLOYMENT, clock, wall=wall, origin="https://owners.example")
    async with client(has, "https://owners.example") as pages:
        signer = key("station_owner")
        message, nonce = await ask(pages, signer.address)
        assert message.startswith("owners.example wants you")
        data = {"nonce": nonce, "signature": signer.sign(personal(message)).hex()}
        cookie = (await pages.post("/sign-in/answer", data=data)).headers["set-cookie"]
        assert cookie.startswith("__Host-session=")
        assert "Secure" in cookie
        assert (await pages.get("/owners/1/access")).status_code == 200


async def test_a_nonce_serves_once_even_with_the_right_signature(
    pages: httpx.AsyncClient, town: Town
) -> None:
    signer = key("station_owner")
    message, nonce = await ask(pages, signer.address)
    data = {"nonce": nonce, "signature": signer.sign(personal(message)).hex()}
    assert (await pages.post("/sign-in/answer", data=data)).status_code == 303
    again = await pages.post("/sign-in/answer", data=data)
    assert again.status_code == 400
    assert "answered before or is more than ten minutes old" in text_of(again.text)


async def test_a_wrong_answer_uses_the_nonce_up(pages: httpx.AsyncClient, town: Town) -> None:
    signer = key("station_owner")
    message, nonce = await ask(pages, signer.address)
    wrong = {"nonce": nonce, "signature": "0x1234"}
    assert (await pages.post("/sign-in/answer", data=wrong)).status_code == 400
    right = {"nonce": nonce, "signature": signer.sign(personal(message)).hex()}
    assert (await pages.post("/sign-in/answer", data=right)).status_code == 400
    assert (await pages.get("/owners/1/access")).status_code == 303


async def test_an_old_message_is_refused(
    pages: httpx.AsyncClient, wall: ManualClock, town: Town
) -> None:
    signer = key("station_owner")
    message, nonce = await ask(pages, signer.address)
    wall.advance(CHALLENGE_S)
    data = {"nonce": nonce, "signature": signer.sign(personal(message)).hex()}
    assert (await pages.post("/sign-in/answer", data=data)).status_code == 400


async def test_a_session_ends_after_twelve_hours_and_on_signing_out(
    pages: httpx.AsyncClient, wall: ManualClock, town: Town
) -> None:
    await sign_in(pages, "station_owner")
    wall.advance(SIGN_IN_S - 1)
    assert (await pages.get("/owners/1/access")).status_code == 200
    wall.advance(1)
    assert (await pages.get("/owners/1/access")).status_code == 303
    await sign_in(pages, "station_owner")
    kept = pages.cookies["session"]
    assert (await pages.post("/sign-out", headers={"origin": "http://dashboard.test"})).is_redirect
    assert "session" not in pages.cookies
    pages.cookies.set("session", kept, domain="dashboard.test")
    assert (await pages.get("/owners/1/access")).status_code == 303


async def test_signing_in_leads_back_to_where_one_was(pages: httpx.AsyncClient, town: Town) -> None:
    answer = await pages.get("/owners/1/access?x=1")
    assert answer.headers["location"] == "/sign-in?next=%2Fowners%2F1%2Faccess%3Fx%3D1"
    html = (await pages.get(answer.headers["location"])).text
    assert 'name="next" value="/owners/1/access?x=1"' in html


@pytest.mark.parametrize("next_", ["https://evil.example", "//evil.example", "/\\evil", "/a\nb"])
async def test_signing_in_never_leads_to_another_site(
    pages: httpx.AsyncClient, town: Town, next_: str
) -> None:
    html = (await pages.get("/sign-in", params={"next": next_})).text
    assert 'name="next" value="/"' in html


async def test_without_an_origin_only_this_machine_may_sign_in(
    engine: Engine, clock: ManualClock, town: Town
) -> None:
    has = services(engine, DEPLOYMENT, clock, origin="")
    async with client(has) as pages:
        address = {"address": ACCOUNT}
        refused = await pages.post("/sign-in", data=address)
        assert refused.status_code == 400
        assert "needs `origin` in the dashboard's settings" in text_of(refused.text)
        for host in ("127.0.0.1:8080", "localhost:8080", "[::1]:8080"):
            answer = await pages.post("/sign-in", data=address, headers={"host": host})
            assert f"{host} wants you to sign in" in answer.text


async def test_a_message_made_for_another_address_of_ours_is_refused(
    engine: Engine, clock: ManualClock, town: Town
) -> None:
    has = services(engine, DEPLOYMENT, clock, origin="")
    async with client(has) as pages:
        signer = key("station_owner")
        made = await pages.post(
            "/sign-in", data={"address": signer.address}, headers={"host": "127.0.0.1:8080"}
        )
        assert made.status_code == 200
        nonce = made.text.split('name="nonce" value="')[1].split('"')[0]
        answer = await pages.post(
            "/sign-in/answer",
            data={"nonce": nonce, "signature": "0x12"},
            headers={"host": "localhost:8080"},
        )
        assert "was made for http://127.0.0.1:8080" in text_of(answer.text)


async def test_an_address_that_is_none_is_refused(pages: httpx.AsyncClient, town: Town) -> None:
    answer = await pages.post("/sign-in", data={"address": "0x12"})
    assert answer.status_code == 400
    assert "40 hex digits" in text_of(answer.text)


async def test_a_contract_wallet_without_a_node_is_told_to_come_back(
    pages: httpx.AsyncClient, town: Town
) -> None:
    _, nonce = await ask(pages, ACCOUNT)
    answer = await pages.post("/sign-in/answer", data={"nonce": nonce, "signature": "0x1234"})
    assert answer.status_code == 400
    assert "node could not be asked" in text_of(answer.text)
