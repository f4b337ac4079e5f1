"""`chargecoin payer` as a person uses it, on a real chain."""

from __future__ import annotations

import json
import re
import stat
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from eth_account import Account

from chargecoin.cli import cli
from chargecoin.clock import FileClock
from chargecoin.errors import (
    ConfigurationError,
    MandateError,
    NodeUnavailableError,
    RevertedError,
)
from chargecoin.typed_data import Mandate, recover
from tests.support.protocol import Protocol, secret

NOW = 1_767_312_000


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "driver.key"
    path.touch(mode=0o600)
    path.write_text(secret("driver") + "\n")
    return path


@pytest.fixture
def chargecoin(protocol: Protocol, key_file: Path, tmp_path: Path) -> Callable[..., Result]:
    """Run `chargecoin payer` with the driver's key, with options before the command if given."""
    FileClock.create(tmp_path / "clock", NOW)

    def run(*arguments: str, key: Path = key_file, options: tuple[str, ...] = ()) -> Result:
        common = ("--rpc-url", protocol.url, "--deployment", str(protocol.book))
        line = ("payer", *common, "--key-file", str(key), "--clock", str(tmp_path / "clock"))
        return CliRunner().invoke(cli, [*line, *options, *arguments])

    return run


def shown(run: Callable[..., Result]) -> dict[str, Any]:
    result = run("show", "--json")
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.output)
    return value


@pytest.fixture
def oracle() -> Iterator[tuple[str, list[dict[str, Any]], list[int]]]:
    """A server that takes mandates: its address, what it got, and the status it answers with."""
    got: list[dict[str, Any]] = []
    status = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append({"path": self.path, "body": json.loads(body)})
            self.send_response(status[0])
            self.end_headers()
            self.wfile.write(b'{"detail": "account 1 is in no final block yet"}')

        def log_message(self, *_args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", got, status
    server.shutdown()
    thread.join()
    server.server_close()


def test_show_tells_what_the_chain_says(chargecoin: Callable[..., Result]) -> None:
    result = chargecoin("show")
    assert result.output.splitlines()[:3] == [
        "account      1",
        "balance      100.000000",
        "daily limit  50.000000",
    ]
    assert shown(chargecoin)["balance"] == 100_000_000


def test_a_limit_is_set_in_tokens(chargecoin: Callable[..., Result]) -> None:
    result = chargecoin("limit", "75.25")
    assert result.output == "account 1: at most 75.250000 a day\n"
    assert shown(chargecoin)["daily_limit"] == 75_250_000


def test_test_tokens_are_minted_and_paid_in(
    chargecoin: Callable[..., Result], protocol: Protocol, tmp_path: Path
) -> None:
    holder = protocol.ids["payers"]["driver"]["holder"]
    before = chargecoin("deposit", "1000000")
    assert "the token balance of" in str(before.exception)
    assert chargecoin("mint", "1000000").output.startswith(f"{holder} was given 1000000.000000")
    assert chargecoin("deposit", "1000000").exit_code == 0
    assert shown(chargecoin)["balance"] == 1_000_100_000_000


def test_the_key_in_the_payers_page_can_open_mint_and_deposit_on_a_local_chain(
    chargecoin: Callable[..., Result], key_file: Path
) -> None:
    page = Path(__file__).parents[2] / "docs" / "payer.md"
    [key] = re.findall(r"echo ([0-9a-f]{64}) > payer\.key", page.read_text())
    key_file.write_text(key)
    assert chargecoin("open").output == "account 3\n"
    for command in (("mint", "100"), ("deposit", "100")):
        assert chargecoin(*command).exit_code == 0
    assert shown(chargecoin)["balance"] == 100_000_000


def test_what_is_not_the_test_token_is_not_minted(
    chargecoin: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chargecoin.payer.TEST_TOKEN", "ANOTHER")
    refused = chargecoin("mint", "5")
    assert isinstance(refused.exception, ConfigurationError)
    assert "hold TESTUSD, which nobody mints at will" in str(refused.exception)


def test_a_second_account_makes_it_necessary_to_say_which(
    chargecoin: Callable[..., Result],
) -> None:
    assert chargecoin("open").output == "account 3\n"
    unclear = chargecoin("limit", "5")
    assert isinstance(unclear.exception, ConfigurationError)
    assert "has accounts 1, 3; say which" in str(unclear.exception)
    assert chargecoin("limit", "5", "--account", "3").exit_code == 0
    foreign = chargecoin("limit", "5", "--account", "2")
    assert "did not open account 2" in str(foreign.exception)


def test_whoever_has_no_account_is_told_how_to_open_one(
    chargecoin: Callable[..., Result], tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.key"
    stranger.touch(mode=0o600)
    stranger.write_text(secret("stranger"))
    result = chargecoin("show", key=stranger)
    assert "open one with `chargecoin payer open`" in str(result.exception)


def test_money_is_asked_for_and_had_when_due(
    chargecoin: Callable[..., Result], protocol: Protocol
) -> None:
    assert "can be had: 40.000000 from" in chargecoin("withdraw", "request", "40").output
    protocol.node.rpc("evm_increaseTime", 72 * 3600)
    protocol.node.mine()
    result = chargecoin("withdraw", "execute")
    assert result.output.startswith("paid out 40.000000 to 0x")
    assert shown(chargecoin)["balance"] == 60_000_000
    assert chargecoin("deposit", "15.5").output == "account 1 holds 75.500000\n"


def test_whoever_comes_too_early_or_too_late_is_told_when_to_come(
    chargecoin: Callable[..., Result], protocol: Protocol
) -> None:
    window = chargecoin("withdraw", "request", "40").output.strip()
    early = chargecoin("withdraw", "execute")
    assert isinstance(early.exception, RevertedError)
    assert f"withdrawal not due; {window}; after that, ask again" in str(early.exception)
    protocol.node.rpc("evm_increaseTime", 97 * 3600)
    protocol.node.mine()
    late = chargecoin("withdraw", "execute")
    assert f"withdrawal lapsed; {window}" in str(late.exception)


def test_a_withdrawal_that_nobody_asked_for_has_no_date(
    chargecoin: Callable[..., Result],
) -> None:
    refused = chargecoin("withdraw", "execute")
    assert str(refused.exception).endswith("no withdrawal requested")


def test_a_withdrawal_is_taken_back(chargecoin: Callable[..., Result]) -> None:
    chargecoin("withdraw", "request", "40")
    assert shown(chargecoin)["withdrawal"]["amount"] == 40_000_000
    assert chargecoin("withdraw", "cancel").exit_code == 0
    assert shown(chargecoin)["withdrawal"]["amount"] == 0


def test_a_mandate_is_signed_for_the_clocks_time_kept_from_others_and_revoked(
    chargecoin: Callable[..., Result], protocol: Protocol, tmp_path: Path
) -> None:
    out = tmp_path / "mandate.json"
    terms = ("--token", "TAG01", "--max-per-session", "60", "--days", "10")
    result = chargecoin("mandate", *terms, "--out", str(out))
    assert result.exit_code == 0, result.exception
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    document = json.loads(out.read_text())
    fields = document["mandate"]
    mandate = Mandate(
        fields["account"],
        tuple(bytes.fromhex(one[2:]) for one in fields["tokens"]),
        int(fields["max_per_session"]),
        fields["valid_from"],
        fields["valid_until"],
    )
    assert (mandate.max_per_session, mandate.valid_from) == (60_000_000, NOW)
    assert mandate.valid_until == NOW + 10 * 86_400
    signer = recover(
        mandate.digest(protocol.deployment.domain), bytes.fromhex(document["signature"][2:])
    )
    assert signer == protocol.ids["payers"]["driver"]["holder"]
    assert result.output.splitlines()[-1] == f"mandate {document['id']}"
    assert chargecoin("revoke", document["id"]).exit_code == 0
    twice = chargecoin("revoke", document["id"])
    assert "already revoked" in str(twice.exception)


def test_a_mandate_is_posted_to_each_oracle(
    chargecoin: Callable[..., Result], oracle: tuple[str, list[dict[str, Any]], list[int]]
) -> None:
    url, got, _ = oracle
    terms = ("--token", "TAG01", "--max-per-session", "60")
    result = chargecoin("mandate", *terms, "--post", url, "--post", url + "/")
    assert result.exit_code == 0, result.exception
    assert [one["path"] for one in got] == ["/mandates", "/mandates"]
    assert got[0]["body"] == got[1]["body"]
    assert got[0]["body"]["openings"][0]["token"] == "TAG01"


def test_an_oracles_refusal_is_told_in_its_words(
    chargecoin: Callable[..., Result], oracle: tuple[str, list[dict[str, Any]], list[int]]
) -> None:
    url, _, status = oracle
    status[0] = 503
    result = chargecoin("mandate", "--token", "T", "--max-per-session", "60", "--post", url)
    assert isinstance(result.exception, MandateError)
    assert "is in no final block yet" in str(result.exception)


def test_an_oracle_that_does_not_answer_is_named(chargecoin: Callable[..., Result]) -> None:
    url = "http://127.0.0.1:9"
    result = chargecoin("mandate", "--token", "T", "--max-per-session", "60", "--post", url)
    assert isinstance(result.exception, NodeUnavailableError)
    assert url in str(result.exception)


def test_a_mandate_that_goes_nowhere_is_not_signed(chargecoin: Callable[..., Result]) -> None:
    result = chargecoin("mandate", "--token", "T", "--max-per-session", "60")
    assert "say where the mandate goes" in str(result.exception)


@pytest.mark.parametrize("amount", ["-1", "1.0000001", "ten", "NaN", "1e-7"])
def test_an_amount_that_is_not_one_is_refused(
    chargecoin: Callable[..., Result], amount: str
) -> None:
    result = chargecoin("limit", "--", amount)
    assert result.exit_code == 2
    assert "is not an amount of at most 6 decimals" in result.output


def test_a_keystore_is_opened_with_its_passphrase(
    chargecoin: Callable[..., Result], tmp_path: Path
) -> None:
    keystore, passphrase = tmp_path / "key.json", tmp_path / "passphrase"
    encrypted = Account.encrypt(bytes.fromhex(secret("driver")[2:]), "correct horse", iterations=2)
    keystore.write_text(json.dumps(encrypted))
    passphrase.write_text("correct horse\n")
    opened = chargecoin("show", key=keystore, options=("--passphrase-file", str(passphrase)))
    assert opened.exit_code == 0, opened.exception
    passphrase.write_text("wrong\n")
    refused = chargecoin("show", key=keystore, options=("--passphrase-file", str(passphrase)))
    assert isinstance(refused.exception, ConfigurationError)
    assert "another passphrase" in str(refused.exception)


def test_a_plain_key_that_others_can_read_is_refused(
    chargecoin: Callable[..., Result], key_file: Path
) -> None:
    key_file.chmod(0o644)
    result = chargecoin("show")
    assert f"chmod 600 {key_file}" in str(result.exception)


@pytest.mark.parametrize("content", ["", "0x12", "{}", "zz" * 32])
def test_a_file_without_a_key_is_refused_and_not_quoted(
    chargecoin: Callable[..., Result], key_file: Path, tmp_path: Path, content: str
) -> None:
    key_file.write_text(content)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("x")
    result = chargecoin("show", options=("--passphrase-file", str(passphrase)))
    assert isinstance(result.exception, ConfigurationError)
    assert not content or content not in str(result.exception)


def test_every_command_explains_itself_with_an_example_and_without_a_chain() -> None:
    runner = CliRunner()
    lines = ["open", "mint", "deposit", "limit", "mandate", "revoke", "show"]
    for command in [*lines, "withdraw request", "withdraw execute", "withdraw cancel"]:
        result = runner.invoke(cli, ["payer", *command.split(), "--help"])
        assert result.exit_code == 0, result.output
        assert f"Example: chargecoin payer {command}" in " ".join(result.output.split())


def test_what_is_not_named_is_asked_for() -> None:
    result = CliRunner().invoke(cli, ["payer", "show"], env={"CHARGECOIN_DEPLOYMENT": ""})
    assert "name the address book" in str(result.exception)
