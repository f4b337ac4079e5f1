"""An epoch's rewards worked out again from its history, and whether the posted root is theirs."""

from __future__ import annotations

from dataclasses import dataclass

from chargecoin.chain.transactions import Call, contract_call
from chargecoin.deployments import Deployment
from chargecoin.errors import CodecError
from chargecoin.reward_history import CONTRACTS, EpochHistory
from chargecoin.rewards import Amounts, Distributor, Reward, RewardTree, allot


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What an epoch's rewards are by the rule of docs/rewards.md; no tree where nobody has one."""

    history: EpochHistory
    distributor: Distributor
    rewards: tuple[Reward, ...]
    tree: RewardTree | None

    @property
    def root(self) -> bytes | None:
        """The root that the committee should post."""
        return self.tree.root if self.tree else None

    @property
    def totals(self) -> Amounts:
        """The sums of the rewards."""
        return self.tree.totals if self.tree else Amounts()

    @property
    def agrees(self) -> bool | None:
        """Whether root and totals that stand posted are these; None if none stands."""
        posted = self.history.standing
        if posted is None:
            return None
        return (posted.root, posted.totals) == (self.root, self.totals)

    def reward(self, recipient: int) -> Reward | None:
        """Return what a recipient is given, None if nothing."""
        return next((one for one in self.rewards if one.recipient == recipient), None)


def recompute(history: EpochHistory, deployment: Deployment) -> Recomputed:
    """Work out an epoch's rewards."""
    address = deployment.address(CONTRACTS[history.kind])
    distributor = Distributor(deployment.chain_id, address, history.kind)
    rewards = tuple(allot(history.kind, history.fees, history.funds))
    tree = RewardTree(distributor, history.epoch, rewards) if rewards else None
    return Recomputed(history, distributor, rewards, tree)


def claim_call(found: Recomputed, recipient: int) -> Call:
    """Have a recipient's reward paid; anyone sends this. Raises `CodecError` if it has none."""
    reward = found.reward(recipient)
    if reward is None or found.tree is None:
        raise CodecError(f"{recipient} has no reward in epoch {found.history.epoch}")
    return contract_call(
        "RewardDistributor",
        "claim",
        found.distributor.address,
        found.history.epoch,
        recipient,
        (reward.payment, reward.chg),
        found.tree.proof(recipient),
    )
