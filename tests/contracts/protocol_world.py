"""All contracts together, as they are deployed, in titanoboa's chain.

The payment token freezes whom it is told to. CHG, the staking pool and the distributors are behind
the fee router; every contract is compiled from source.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import boa

from chargecoin.rewards import Amounts, Distributor, Kind, RewardTree
from chargecoin.typed_data import order_signatures
from tests.contracts.protocol_model import SHARES
from tests.contracts.world import World, source


class ProtocolWorld:
    """A `World` with everything behind its fee router. `frozen` is whom the token refuses."""

    def __init__(self) -> None:
        self.world = world = World(token=source("mocks/freezing_token_mock").deploy())
        self.frozen: set[Any] = set()
        self.partner, self.treasury, self.oracles, self.sponsor = (
            boa.env.generate_address(role) for role in ("partner", "treasury", "oracles", "sponsor")
        )
        self.stakers = [boa.env.generate_address(f"staker {number}") for number in range(2)]
        self.chg = source("ChargeCoin").deploy(self.sponsor)
        self.pool = source("StakingPool").deploy(self.chg, world.token)
        self.distributors = {
            kind: source("RewardDistributor").deploy(self.chg, world.settlement, kind.value)
            for kind in Kind
        }
        self.to = {
            "stakers": self.pool.address,
            "drivers": self.distributors[Kind.DRIVERS].address,
            "stations": self.distributors[Kind.STATIONS].address,
            "treasury": self.treasury,
            "oracles": self.oracles,
        }
        names = ("stakers", "drivers", "stations", "treasury")
        self.router = source("FeeRouter").deploy(
            world.token,
            world.settlement,
            world.governance,
            tuple(self.to[name] for name in names),
            (*SHARES, 10_000 - sum(SHARES)),
        )
        self.router.set_oracles(self.oracles, sender=world.governance)
        world.settlement.set_fee_router(self.router, sender=world.governance)

    def again(self) -> ProtocolWorld:
        """The same contracts for another history, which has its own committee and frozen."""
        other = copy(self)
        other.world = copy(self.world)
        return other

    def freeze(self, who: Any, *, frozen: bool) -> None:
        """Let the token refuse somebody, or no longer."""
        self.world.token.freeze(who, frozen)
        self.frozen = self.frozen | {who} if frozen else self.frozen - {who}

    def stake(self, staker: Any, amount: int, lock: int) -> int:
        """Give a staker CHG and stake it; return the position."""
        self.chg.transfer(staker, amount, sender=self.sponsor)
        self.chg.approve(self.pool, amount, sender=staker)
        position: int = self.pool.stake(amount, lock, sender=staker)
        return position

    def post_root(self, kind: Kind, tree: RewardTree, totals: Amounts | None = None) -> None:
        """Post a tree's root, signed by the committee."""
        distributor, world = self.distributors[kind], self.world
        stated, epoch = totals or tree.totals, world.settlement.current_epoch()
        sdk = Distributor(boa.env.evm.patch.chain_id, str(distributor.address), kind)
        digest = sdk.root_digest(
            committee_epoch=epoch,
            epoch=tree.epoch,
            attempt=distributor.root(tree.epoch)[2],
            root=tree.root,
            totals=stated,
        )
        signers = world.committee[: world.threshold]
        distributor.post_root(
            tree.epoch,
            tree.root,
            (stated.payment, stated.chg),
            epoch,
            order_signatures(digest, [one.sign(digest) for one in signers]),
            sender=world.stranger,
        )

    def tree(self, kind: Kind, epoch: int, rewards: Any) -> RewardTree:
        """The tree over an epoch's rewards."""
        address = str(self.distributors[kind].address)
        sdk = Distributor(boa.env.evm.patch.chain_id, address, kind)
        return RewardTree(sdk, epoch=epoch, rewards=rewards)
