"""CHG, the staking pool and the reward distributors beside a settlement, in titanoboa's chain.

What is tested is compiled from source; what it stands on (settlement, registry,
fee router, stablecoin) is deployed from the committed creation code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import boa
from eth_abi.abi import encode

import tests.support.titanoboa  # noqa: F401 - Compiled contracts are named by all their sources.
from chargecoin.contracts import artifact
from chargecoin.rewards import Amounts, Distributor, Kind, RewardTree
from chargecoin.typed_data import Signer, order_signatures

CONTRACTS: Final = Path(__file__).resolve().parents[2] / "contracts"
DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S

# A Thursday midnight (UTC), the first second of an epoch.
START: Final = 3_000 * WEEK_S
CHG_UNIT: Final = 10**18
PEERS: Final = ("campaigns", "adjustments", "payouts")
TOKEN_UNIT: Final = 10**6


def signers(*seeds: int) -> list[Signer]:
    """Keys of attesters, ascending by address as a committee is."""
    return sorted(
        (Signer(seed.to_bytes(32, "big")) for seed in seeds), key=lambda one: int(one.address, 16)
    )


@cache
def source(name: str) -> Any:
    """A contract of ours, compiled once a run."""
    return boa.load_partial(str(CONTRACTS / f"{name}.vy"))


def deploy_artifact(name: str, types: tuple[str, ...] = (), values: tuple[object, ...] = ()) -> Any:
    """Deploy a contract from its committed creation code."""
    code = bytes.fromhex(artifact(name)["bytecode"].removeprefix("0x"))
    address, _ = boa.env.deploy_code(bytecode=code + encode(list(types), list(values)))
    return boa.loads_abi(json.dumps(artifact(name)["abi"]), name=name).at(address)


@contextmanager
def a_chain() -> Iterator[None]:
    """Undo whatever happens inside, and begin at `START`."""
    with boa.env.anchor():
        boa.env.timestamp = START
        yield


def wait(seconds: int) -> None:
    """Let time pass on the chain."""
    boa.env.timestamp += seconds


class RewardChain:
    """The contracts and the roles; every address is of one role."""

    def __init__(self, token: Any = None) -> None:
        self.governance = boa.env.generate_address("governance")
        self.guardian = boa.env.generate_address("guardian")
        self.sponsor = boa.env.generate_address("sponsor")
        self.stranger = boa.env.generate_address("stranger")
        self.stakers = [boa.env.generate_address(f"staker {i}") for i in range(3)]
        self.drivers = [boa.env.generate_address(f"driver {i}") for i in range(4)]
        self.owners = [boa.env.generate_address(f"station_owner {i}") for i in range(3)]
        self.attesters = signers(11, 12, 13)

        self.token = token or deploy_artifact("TestStablecoin")
        self.chg = source("ChargeCoin").deploy(self.sponsor)
        self.registry = deploy_artifact("StationRegistry", ("address",), (self.governance,))
        self.settlement = deploy_artifact(
            "Settlement",
            (
                *("address", "address", "address", "address", "address[]", "uint256"),
                *("(address,address,address)", "address"),
            ),
            (
                self.token.address,
                self.registry.address,
                self.governance,
                self.guardian,
                [one.address for one in self.attesters],
                2,
                # Rewards ask settlement for accounts and committees, which need no peers.
                tuple(boa.env.generate_address(name) for name in PEERS),
                "0x" + "00" * 20,
            ),
        )
        self.pool = source("StakingPool").deploy(self.chg, self.token)
        self.driver_rewards = self.deploy_distributor(Kind.DRIVERS)
        self.station_rewards = self.deploy_distributor(Kind.STATIONS)
        for driver in self.drivers:
            self.settlement.open_account(sender=driver)
        for number, owner in enumerate(self.owners):
            self.registry.register_owner(f"Owner {number}", sender=owner)

    def deploy_distributor(self, kind: Kind) -> Any:
        """One distributor for a kind."""
        return source("RewardDistributor").deploy(self.chg, self.settlement.address, kind.value)

    def sdk(self, distributor: Any) -> Distributor:
        """A distributor as Python knows it."""
        return Distributor(
            boa.env.evm.patch.chain_id, str(distributor.address), Kind(distributor.kind())
        )

    def arrive(self, to: Any, amount: int) -> None:
        """Fees arrive as the router sends them: by plain transfer."""
        self.token.mint(to.address, amount, sender=self.stranger)

    def stake(self, staker: Any, amount: int, lock: int = 0) -> int:
        """Give a staker CHG and stake it; return the position."""
        self.chg.transfer(staker, amount, sender=self.sponsor)
        self.chg.approve(self.pool, amount, sender=staker)
        position: int = self.pool.stake(amount, lock, sender=staker)
        return position

    def sponsor_chg(self, distributor: Any, epoch: int, amount: int) -> None:
        """Add CHG to an epoch."""
        self.chg.approve(distributor, amount, sender=self.sponsor)
        distributor.sponsor(epoch, amount, sender=self.sponsor)

    def sign(
        self, distributor: Any, epoch: int, root: bytes, totals: Amounts, **changes: Any
    ) -> bytes:
        """Sign a root as the committee; `changes` replace what is signed or who signs."""
        by = changes.pop("by", self.attesters[:2])
        what: dict[str, Any] = {
            "committee_epoch": self.settlement.current_epoch(),
            "epoch": epoch,
            "attempt": distributor.root(epoch)[2],
            "root": root,
            "totals": totals,
        } | changes
        digest = what.pop("signed_for", self.sdk(distributor)).root_digest(**what)
        return order_signatures(digest, [one.sign(digest) for one in by])

    def post(self, distributor: Any, tree: RewardTree, totals: Amounts | None = None) -> None:
        """Sign and post a tree's root."""
        stated = totals or tree.totals
        signatures = self.sign(distributor, tree.epoch, tree.root, stated)
        distributor.post_root(
            tree.epoch,
            tree.root,
            (stated.payment, stated.chg),
            self.settlement.current_epoch(),
            signatures,
            sender=self.stranger,
        )

    def claim(self, distributor: Any, tree: RewardTree, recipient: int) -> None:
        """A stranger claims a recipient's reward for them."""
        reward = next(one for one in tree.rewards if one.recipient == recipient)
        distributor.claim(
            tree.epoch,
            recipient,
            (reward.payment, reward.chg),
            tree.proof(recipient),
            sender=self.stranger,
        )
