"""An epoch's rewards: the rule of the shares, the tree over them, and what the committee signs.

Pure computation, so that anybody who can read the chain arrives at the same root
as the committee, or sees that it is wrong while the guardian can still void it.
The rule is stated in docs/rewards.md, the contract in docs/protocol.md, section 8.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from chargecoin.errors import CodecError, FieldRangeError
from chargecoin.record import Assurance
from chargecoin.typed_data import DOMAIN_TYPE

# The constants of contracts/RewardDistributor.vy; a test holds them equal.
EPOCH_S: Final = 7 * 86_400
REFUND_WINDOW_S: Final = (21 + 2 * 2) * 86_400
POSTING_S: Final = 28 * 86_400
CHALLENGE_S: Final = 3 * 86_400
CLAIM_S: Final = 182 * 86_400
MAX_EPOCHS_AHEAD: Final = 52

# How much a fee weighs by the assurance of the session that produced it, in basis points.
WEIGHTS_BPS: Final[Mapping[int, int]] = MappingProxyType(
    {Assurance.REPORTED: 2_500, Assurance.OBSERVED: 5_000, Assurance.SIGNED: 10_000}
)

# The most of a fee that its driver, and again its station, is given back in the payment token,
# in basis points: see "Charging oneself" in docs/rewards.md.
MAX_RETURN_BPS: Final = 2_500

DOMAIN_NAME: Final = "ChargeCoin RewardDistributor"
DOMAIN_VERSION: Final = "1"
ROOT_TYPE: Final = (
    "RewardRoot(uint256 committeeEpoch,uint256 epoch,uint256 attempt,"
    "bytes32 root,uint256 payment,uint256 chg)"
)

_BPS: Final = 10_000


class Kind(IntEnum):
    """Whom a distributor rewards."""

    DRIVERS = 1
    STATIONS = 2


@dataclass(frozen=True, slots=True)
class Amounts:
    """Base units of the payment token and of CHG."""

    payment: int = 0
    chg: int = 0


@dataclass(frozen=True, slots=True)
class ProducedFee:
    """What one session paid in fees, net of refunds when the refund window ended.

    `account` is the payer's vault account (0 for none), `owner` the owner of the
    connector, `fee` base units, `assurance` the session's.
    """

    account: int
    owner: int
    fee: int
    assurance: int

    def __post_init__(self) -> None:
        """Refuse what no session can have. Raises `FieldRangeError`."""
        if self.fee < 0:
            raise FieldRangeError("fee", self.fee, 2**80 - 1)
        if self.assurance not in WEIGHTS_BPS:
            raise FieldRangeError(
                "assurance", self.assurance, max(WEIGHTS_BPS), minimum=min(WEIGHTS_BPS)
            )


@dataclass(frozen=True, slots=True)
class Reward:
    """What one recipient is given: a vault account (drivers) or an owner (stations)."""

    recipient: int
    payment: int
    chg: int


def epoch_of(timestamp: int) -> int:
    """Return the epoch of a block time (UTC seconds): weeks since 1970."""
    return timestamp // EPOCH_S


def postable_from(epoch: int) -> int:
    """Return the first second (UTC) at which an epoch's root can be posted."""
    return (epoch + 1) * EPOCH_S + REFUND_WINDOW_S


def allot(kind: Kind, fees: Iterable[ProducedFee], funds: Amounts) -> list[Reward]:
    """Share an epoch's funds among those who produced its fees, ascending by recipient.

    A recipient's fees are added up by assurance; each such sum has `funds × weight //
    all weights`, where a weight is the sum times its assurance's basis points. Of the
    payment token no sum has more than `MAX_RETURN_BPS` of itself. Every division is
    rounded down, so the rewards are at most the funds; what is left goes over to a
    later epoch. Fees that no vault or owner stands behind (id 0) count for nobody;
    rewards of nothing are left out.
    """
    produced: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for one in fees:
        recipient = one.account if kind is Kind.DRIVERS else one.owner
        if recipient:
            produced[recipient][one.assurance] += one.fee
    whole = sum(
        fee * WEIGHTS_BPS[assurance]
        for sums in produced.values()
        for assurance, fee in sums.items()
    )
    rewards = []
    for recipient, sums in sorted(produced.items()):
        payment = chg = 0
        for assurance, fee in sums.items():
            if fee:
                weight = fee * WEIGHTS_BPS[assurance]
                share = funds.payment * weight // whole
                payment += min(share, fee * MAX_RETURN_BPS // _BPS)
                chg += funds.chg * weight // whole
        if payment or chg:
            rewards.append(Reward(recipient, payment, chg))
    return rewards


@dataclass(frozen=True, slots=True)
class Distributor:
    """The deployment that rewards are paid by; leaves and signatures count for it alone."""

    chain_id: int
    address: str
    kind: Kind

    def leaf(self, epoch: int, reward: Reward) -> bytes:
        """Return a reward's leaf, hashed twice so that no inner node can pass for one."""
        types = ["uint256", "address", *["uint256"] * 5]
        values = (
            self.chain_id,
            self.address,
            epoch,
            self.kind.value,
            reward.recipient,
            reward.payment,
            reward.chg,
        )
        return keccak(keccak(encode(types, values)))

    def root_digest(
        self, *, committee_epoch: int, epoch: int, attempt: int, root: bytes, totals: Amounts
    ) -> bytes:
        """Return what a committee member signs (EIP-712) for the root of an epoch.

        `attempt` is how many roots of that epoch were voided before.
        """
        domain = encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [
                keccak(text=DOMAIN_TYPE),
                keccak(text=DOMAIN_NAME),
                keccak(text=DOMAIN_VERSION),
                self.chain_id,
                self.address,
            ],
        )
        struct = encode(
            ["bytes32", "uint256", "uint256", "uint256", "bytes32", "uint256", "uint256"],
            [
                keccak(text=ROOT_TYPE),
                committee_epoch,
                epoch,
                attempt,
                root,
                totals.payment,
                totals.chg,
            ],
        )
        return keccak(b"\x19\x01" + keccak(domain) + keccak(struct))


def _parent(a: bytes, b: bytes) -> bytes:
    return keccak(min(a, b) + max(a, b))


@dataclass(frozen=True, slots=True)
class RewardTree:
    """The Merkle tree over an epoch's rewards, in their order.

    Pairs are sorted before they are hashed, and an odd node is carried up
    unchanged, as snekmate's `merkle_proof_verification` and OpenZeppelin's
    `MerkleProof` expect. Raises `CodecError` without rewards, or where a recipient
    has two.
    """

    distributor: Distributor
    epoch: int
    rewards: Sequence[Reward]
    _levels: list[list[bytes]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hash the tree."""
        if not self.rewards:
            raise CodecError("an epoch without rewards has no root; its funds roll over")
        if len({one.recipient for one in self.rewards}) != len(self.rewards):
            raise CodecError("a recipient has one reward an epoch; add theirs up first")
        levels = [[self.distributor.leaf(self.epoch, one) for one in self.rewards]]
        while len(levels[-1]) > 1:
            level = levels[-1]
            pairs = [_parent(*level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
            levels.append(pairs + level[-1:] if len(level) % 2 else pairs)
        object.__setattr__(self, "_levels", levels)

    @property
    def root(self) -> bytes:
        """The root, as it is signed and posted."""
        return self._levels[-1][0]

    @property
    def totals(self) -> Amounts:
        """The sums of the rewards, as they are signed and posted."""
        return Amounts(
            sum(one.payment for one in self.rewards), sum(one.chg for one in self.rewards)
        )

    def proof(self, recipient: int) -> list[bytes]:
        """Return the siblings on a recipient's way up. Raises `CodecError` if they have none."""
        index = next((i for i, one in enumerate(self.rewards) if one.recipient == recipient), None)
        if index is None:
            raise CodecError(f"{recipient} has no reward in epoch {self.epoch}")
        siblings = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                siblings.append(level[index ^ 1])
            index //= 2
        return siblings
