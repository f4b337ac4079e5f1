"""`chargecoin rewards` on a real chain: settled, refunded, posted, verified, voided and claimed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from chargecoin.adjustments import RefundReason, present_from, refund_call
from chargecoin.chain import Chain, Receipt
from chargecoin.chain.calls import function
from chargecoin.chain.transactions import Call, KeySigner, contract_call
from chargecoin.cli import cli
from chargecoin.local_node import CHAIN_ID
from chargecoin.record import Assurance, SessionRecord, session_id
from chargecoin.rewards import (
    CHALLENGE_S,
    EPOCH_S,
    Amounts,
    Distributor,
    Kind,
    postable_from,
)
from chargecoin.typed_data import Signer, order_signatures
from scripts._pipeline import Pipeline
from scripts._settling import Settler
from tests.support.protocol import Protocol, secret

EPOCH: Final = 2_960
BEGIN: Final = EPOCH * EPOCH_S

# Of anvil's fourth account.
GAS_KEY: Final = bytes.fromhex("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6")


def secret_of(member: Signer) -> bytes:
    """The key of one of the protocol's attesters."""
    secrets = [bytes.fromhex(secret(f"attester {number}")[2:]) for number in range(3)]
    return next(one for one in secrets if Signer(one).address == member.address)


@dataclass
class Rewarding:
    """A protocol whose time is moved, and the shortest way to do things on it."""

    protocol: Protocol
    folder: Path

    def run(self, work: Callable[[Chain], Coroutine[Any, Any, Any]]) -> Any:
        async def connected() -> Any:
            async with await Chain.connect(self.protocol.url, self.protocol.deployment) as chain:
                return await work(chain)

        return asyncio.run(connected())

    def send(self, by: KeySigner, *calls: Call) -> list[Receipt]:
        async def work(chain: Chain) -> list[Receipt]:
            pipeline = Pipeline(chain.rpc, CHAIN_ID)
            [sender] = await pipeline.senders([by])
            return [(await pipeline.execute([(sender, call)]))[0] for call in calls]

        done: list[Receipt] = self.run(work)
        return done

    def call(self, name: str, entry: str, *args: Any) -> Call:
        interface = "RewardDistributor" if name.endswith("Rewards") else name
        return contract_call(interface, entry, self.protocol.deployment.address(name), *args)

    def go(self, at: int) -> None:
        """Let the chain's time be `at`, with a final block of it."""
        self.protocol.node.set_next_timestamp(at)
        self.protocol.node.mine(3)

    def finalize(self) -> None:
        self.protocol.node.mine(3)

    def settle(self, sessions: dict[int, list[SessionRecord]]) -> bytes:
        async def work(chain: Chain) -> bytes:
            signers = self.protocol.members[: self.protocol.threshold]
            receipt = await Settler(self.protocol.node, chain, signers).settle(sessions)
            return receipt.transaction_hash

        settled: bytes = self.run(work)
        return settled

    def session(self, payer: str, assurance: Assurance, kwh: int = 30) -> SessionRecord:
        return SessionRecord(
            payer=self.protocol.ids["payers"][payer]["account"],
            started_at=BEGIN + 3_600,
            duration_s=3_600,
            idle_s=0,
            energy_wh=kwh * 1_000,
            gross=kwh * 450_000,
            campaign_id=0,
            hour_of_week=72,
            grid_gco2e_per_kwh=177,
            renewable_pct=43,
            assurance=assurance,
        )

    def rewards(self, command: str, *options: str) -> Result:
        where = ("--rpc", self.protocol.url, "--deployment", str(self.protocol.book))
        words = ["rewards", command, "drivers", str(EPOCH), *where, *options]
        return CliRunner().invoke(cli, words, prog_name="chargecoin")

    def key_file(self, name: str, secret: bytes) -> str:
        path = self.folder / f"{name}.key"
        path.write_text(secret.hex())
        path.chmod(0o600)
        return str(path)

    def post_signed(self, *files: Path) -> Result:
        where = ("--rpc", self.protocol.url, "--deployment", str(self.protocol.book))
        gas = self.key_file("gas", GAS_KEY)
        words = ["rewards", "post", *map(str, files), *where, "--key-file", gas]
        return CliRunner().invoke(cli, words, prog_name="chargecoin")

    def post(self, root: bytes, totals: Amounts, attempt: int) -> None:
        """Have the committee sign a root, and post it."""
        address = self.protocol.deployment.address("DriverRewards")
        digest = Distributor(CHAIN_ID, address, Kind.DRIVERS).root_digest(
            committee_epoch=1, epoch=EPOCH, attempt=attempt, root=root, totals=totals
        )
        signers = self.protocol.members[: self.protocol.threshold]
        signatures = order_signatures(digest, [one.sign(digest) for one in signers])
        amounts = (totals.payment, totals.chg)
        self.send(
            self.protocol.deployer,
            self.call("DriverRewards", "post_root", EPOCH, root, amounts, 1, signatures),
        )
        self.finalize()


@pytest.fixture
def rewarding(start_protocol: Callable[..., Protocol], tmp_path: Path) -> Rewarding:
    """Three sessions of two payers are settled and their fees routed; one is refunded."""
    made = Rewarding(start_protocol(timestamp=BEGIN - 86_400), tmp_path)
    made.go(BEGIN + 7_300)
    settled = made.settle(
        {
            1: [
                made.session("driver", Assurance.SIGNED),
                made.session("fleet", Assurance.SIGNED, kwh=60),
            ],
            2: [made.session("fleet", Assurance.OBSERVED, kwh=90)],
        }
    )
    made.send(
        made.protocol.deployer,
        made.call("Settlement", "route_fees"),
        made.call("FeeRouter", "route"),
        made.call("DriverRewards", "sync"),
    )

    async def refund(chain: Chain) -> Call:
        presented = await present_from(chain, settled, session_id(1, 2))
        return refund_call(chain.deployment, presented, 13_500_000, RefundReason.CHARGER_FAULT)

    made.send(made.protocol.owner(1), made.run(refund))
    return made


def test_the_way_of_an_epochs_rewards(rewarding: Rewarding) -> None:
    early = rewarding.rewards("compute")
    assert early.exit_code == 0, early.output
    assert "PRELIMINARY" in early.output

    rewarding.go(postable_from(EPOCH))
    nothing = rewarding.rewards("verify")
    assert nothing.exit_code == 3, nothing.output
    assert "no root stands posted" in nothing.output

    out = rewarding.folder / "rewards.json"
    computed = rewarding.rewards("compute", "--json", "--out", str(out))
    assert computed.exit_code == 0, computed.output
    found = json.loads(computed.output)
    assert found == json.loads(out.read_text())
    assert found["final"]
    # Of 13.5 and 27 tokens, the second refunded by half, and of 40.5 tokens.
    assert found["fees"] == 13_500 + 13_500 + 40_500
    # The fees as they were routed, less what oracles are reimbursed for a batch.
    routed = 13_500 + 27_000 + 40_500 - 10_000
    assert found["funds"] == {"payment": routed * 2_000 // 10_000, "chg": 0}
    # Signed fees weigh 135 each and have at most a quarter back; what was observed weighs 202.5.
    accounts = rewarding.protocol.ids["payers"]
    given = {one["recipient"]: one["payment"] for one in found["rewards"]}
    observed = 14_200 * 2_025 // (1_350 + 1_350 + 2_025)
    assert given == {
        accounts["driver"]["account"]: 13_500 // 4,
        accounts["fleet"]["account"]: 13_500 // 4 + observed,
    }

    files = []
    for number, member in enumerate(rewarding.protocol.members[: rewarding.protocol.threshold]):
        key = rewarding.key_file(f"attester {number}", secret_of(member))
        signed = rewarding.rewards("sign", "--key-file", key)
        assert signed.exit_code == 0, signed.output
        files.append(rewarding.folder / f"signed-{number}.json")
        files[-1].write_text(signed.output)
    posted = rewarding.post_signed(*files)
    assert posted.exit_code == 0, posted.output
    rewarding.finalize()
    verified = rewarding.rewards("verify")
    assert verified.exit_code == 0, verified.output
    assert "the posted root is the one computed from the chain" in verified.output

    latest = int(
        rewarding.protocol.node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16
    )
    rewarding.go(latest + CHALLENGE_S)
    reward = found["rewards"][0]
    claim = rewarding.call(
        "DriverRewards",
        "claim",
        *(EPOCH, reward["recipient"], (reward["payment"], reward["chg"])),
        [bytes.fromhex(sibling[2:]) for sibling in reward["proof"]],
    )
    holder = next(
        one["holder"] for one in accounts.values() if one["account"] == reward["recipient"]
    )
    before = balance(rewarding, holder)
    rewarding.send(rewarding.protocol.guardian, claim)
    assert balance(rewarding, holder) - before == reward["payment"]


def balance(rewarding: Rewarding, holder: str) -> int:
    called = function("TestStablecoin", "balanceOf")
    request = {
        "to": rewarding.protocol.deployment.address("Token"),
        "data": "0x" + called.encode(holder).hex(),
    }
    return int(rewarding.protocol.node.rpc("eth_call", request, "latest"), 16)


def test_a_wrong_root_is_told_until_it_is_voided(rewarding: Rewarding) -> None:
    rewarding.go(postable_from(EPOCH))
    found = json.loads(rewarding.rewards("compute", "--json").output)
    right = bytes.fromhex(found["root"][2:])
    rewarding.post(b"\x07" * 32, Amounts(**found["totals"]), attempt=0)
    wrong = rewarding.rewards("verify")
    assert wrong.exit_code == 1, wrong.output
    assert "THE POSTED ROOT IS WRONG: root differ" in wrong.output
    told = json.loads(rewarding.rewards("verify", "--json").output)
    assert (told["agrees"], told["posted"]["root"]) == (False, "0x" + "07" * 32)

    rewarding.send(rewarding.protocol.guardian, rewarding.call("DriverRewards", "void_root", EPOCH))
    rewarding.finalize()
    assert rewarding.rewards("verify").exit_code == 3
    rewarding.post(right, Amounts(**found["totals"] | {"chg": 0}), attempt=1)
    assert rewarding.rewards("verify").exit_code == 0


def test_an_epoch_that_has_not_begun_is_refused(rewarding: Rewarding) -> None:
    where = ("--rpc", rewarding.protocol.url, "--deployment", str(rewarding.protocol.book))
    refused = CliRunner().invoke(cli, ["rewards", "verify", "stations", "99999", *where])
    assert refused.exit_code == 1
    assert f"the running one is {EPOCH}" in str(refused.exception)


def test_nothing_is_signed_too_early_or_by_a_stranger_or_twice(rewarding: Rewarding) -> None:
    member = rewarding.key_file("attester", secret_of(rewarding.protocol.members[0]))
    early = rewarding.rewards("sign", "--key-file", member)
    assert "refunds can still change this epoch" in str(early.exception)
    rewarding.go(postable_from(EPOCH))
    stranger = rewarding.rewards("sign", "--key-file", rewarding.key_file("stranger", b"\x09" * 32))
    assert "is no member of committee 1" in str(stranger.exception)
    signed = rewarding.rewards("sign", "--key-file", member)
    one = rewarding.folder / "one.json"
    one.write_text(signed.output)
    other = rewarding.folder / "other.json"
    other.write_text(json.dumps(json.loads(signed.output) | {"attempt": 1}))
    assert "signs another root than" in str(rewarding.post_signed(one, other).exception)
    refused = rewarding.post_signed(one)
    assert "wrong number of signatures" in str(refused.exception)
    found = json.loads(signed.output)
    rewarding.post(bytes.fromhex(found["root"][2:]), Amounts(**found["totals"]), attempt=0)
    assert "has a root" in str(rewarding.rewards("sign", "--key-file", member).exception)
