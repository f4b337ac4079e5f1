# pragma version 0.4.3
"""
@title RewardDistributor
@custom:contract-name RewardDistributor
@license Apache-2.0
@notice Gives a part of the fees back to those whose sessions produced them.
        There is one deployment for drivers and one for stations, so that the
        fee router's share of each is kept apart by nothing but its address.

        An epoch is a week. What arrives in it belongs to it: fees by plain
        transfer and `sync`, CHG that sponsors add. When refunds and disputes of
        its sessions are over, settlement's committee signs one Merkle root of
        who gets how much, with its totals, which the epoch's funds must cover.
        Anybody can recompute that root from the chain; for three days the
        guardian can void a wrong one. Then each leaf is paid once to the holder
        of its vault account, or to the account of its owner, whoever sends the
        claim. What no root allots, or nobody claims in half a year, goes over
        to the epoch that is running then.

        A root can never pay out more than its totals nor more than its own
        epoch's funds. Specification: docs/protocol.md, section 8; the rule of
        the shares: docs/rewards.md.
@custom:kill Governance points the share of the fee router elsewhere, and the
             guardian voids roots in their windows. Rewards whose window is over
             cannot be stopped; what was not allotted goes over from epoch to
             epoch.
"""


from ethereum.ercs import IERC20


from .interfaces import IRewardDistributor
from .interfaces import ISettlementViews
from .interfaces import IStationRegistry


from snekmate.utils import eip712_domain_separator as domain
initializes: domain


# @notice Stateless, need no `uses`.
from snekmate.utils import merkle_proof_verification as merkle
from .modules import quorum
from .modules import settlement_quorum


exports: domain.eip712Domain


# @dev Whom a deployment rewards.
DRIVERS: constant(uint256) = 1
STATIONS: constant(uint256) = 2


# @dev The length of an epoch; epochs count from 1970.
EPOCH_S: public(constant(uint256)) = 7 * 86_400


# @dev How long after an epoch the fees of its sessions can still be given back:
# 7 days to dispute one and 14 to rule on it, in which settlement runs, and two
# pauses of 48 hours, for no more can begin within 21 such days. No root before.
REFUND_WINDOW_S: public(constant(uint256)) = (21 + 2 * 2) * 86_400


# @dev How long a root can be posted then. After that the funds go over.
POSTING_S: public(constant(uint256)) = 28 * 86_400


# @dev How long a root can be voided after it was posted. No claim before.
CHALLENGE_S: public(constant(uint256)) = 3 * 86_400


# @dev How long rewards can be claimed then.
CLAIM_S: public(constant(uint256)) = 182 * 86_400


# @dev How many epochs ahead a sponsor can fund.
MAX_EPOCHS_AHEAD: public(constant(uint256)) = 52


# @dev The longest proof: more leaves than there are accounts and owners.
MAX_PROOF: constant(uint256) = 40


# @dev The EIP-712 type of a root.
ROOT_TYPE_HASH: constant(bytes32) = keccak256(
    "RewardRoot(uint256 committeeEpoch,uint256 epoch,uint256 attempt,bytes32 root,uint256 payment,uint256 chg)"
)


# @dev DRIVERS or STATIONS.
kind: public(immutable(uint256))


# @dev What is paid out: the payment token, and CHG.
token: public(immutable(IERC20))
chg: public(immutable(IERC20))


# @dev Who holds accounts and signs, who owns stations, who may void.
settlement: public(immutable(ISettlementViews))
registry: public(immutable(IStationRegistry))
guardian: public(immutable(address))


# @dev A sum in both tokens, base units.
struct Amounts:
    payment: uint256
    chg: uint256


struct Root:
    # Zero if there is none.
    root: bytes32
    posted_at: uint256
    # How many roots of this epoch were voided.
    attempt: uint256


# @dev What is kept for an epoch and not paid out.
funds: public(HashMap[uint256, Amounts])


# @dev An epoch's root, and what of its totals is not paid out. It is part of the
# epoch's funds.
root: public(HashMap[uint256, Root])
allotted: public(HashMap[uint256, Amounts])


# @dev Whether a recipient's reward of an epoch is paid, by epoch and recipient.
claimed: public(HashMap[uint256, HashMap[uint256, bool]])


# @dev All epochs' funds together. What is here beyond that is new.
liabilities: public(Amounts)


@deploy
def __init__(chg_: IERC20, settlement_: ISettlementViews, kind_: uint256):
    """
    @dev Deploys a distributor beside a settlement, whose payment token,
         registry and guardian it takes.
    @param chg_ CHG. Reverts if zero or the payment token.
    @param settlement_ The settlement.
    @param kind_ 1 for drivers, 2 for stations. Reverts on anything else.
    """
    assert kind_ == DRIVERS or kind_ == STATIONS, "reward_distributor: no such kind"
    token = IERC20(staticcall settlement_.token())
    assert chg_.address != empty(address) and chg_.address != token.address, "reward_distributor: wrong token"
    chg = chg_
    settlement = settlement_
    registry = IStationRegistry(staticcall settlement_.registry())
    guardian = staticcall settlement_.guardian()
    kind = kind_
    domain.__init__("ChargeCoin RewardDistributor", "1")


@external
@nonreentrant
def sync() -> Amounts:
    """
    @dev Adds what arrived to the running epoch. Anyone may call it. Reverts if
         nothing did.
    @return Amounts How much it was.
    """
    owed: Amounts = self.liabilities
    arrived: Amounts = Amounts(
        payment=self._beyond(token, owed.payment),
        chg=self._beyond(chg, owed.chg),
    )
    assert arrived.payment != 0 or arrived.chg != 0, "reward_distributor: nothing arrived"
    self._fund(block.timestamp // EPOCH_S, arrived)
    return arrived


@external
@nonreentrant
def sponsor(epoch: uint256, amount: uint256):
    """
    @dev Adds CHG to an epoch. It cannot be taken back: what that epoch does not
         allot goes over to a later one.
    @param epoch The epoch. Reverts if it is over or more than 52 ahead.
    @param amount Base units of CHG, approved by the caller. Reverts if zero.
    """
    now: uint256 = block.timestamp // EPOCH_S
    assert epoch >= now and epoch <= now + MAX_EPOCHS_AHEAD, "reward_distributor: epoch out of range"
    assert amount != 0, "reward_distributor: nothing to add"
    self._fund(epoch, Amounts(payment=0, chg=amount))
    before: uint256 = staticcall chg.balanceOf(self)
    assert extcall chg.transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "reward_distributor: transfer failed"
    assert staticcall chg.balanceOf(self) == before + amount, "reward_distributor: token moved another amount"


@external
def post_root(
    epoch: uint256,
    new_root: bytes32,
    totals: Amounts,
    committee_epoch: uint256,
    signatures: Bytes[quorum.MAX_MEMBERS * quorum.SIGNATURE_SIZE],
):
    """
    @dev Posts the root of an epoch's rewards. Anyone may post a signed one.
    @param epoch The epoch. Reverts before its refund window is over, more than
           28 days after that, and if it has a root.
    @param new_root The root of the tree over the leaves. Reverts if zero.
    @param totals The sum of the leaves. Reverts above the epoch's funds.
    @param committee_epoch The epoch of settlement's committee that signed.
           Reverts unless it is valid now.
    @param signatures Exactly `threshold` signatures of it, ascending by signer.
           They count for one attempt: a voided root cannot be posted again.
    """
    first: uint256 = (epoch + 1) * EPOCH_S + REFUND_WINDOW_S
    assert block.timestamp >= first, "reward_distributor: refund window is open"
    assert block.timestamp < first + POSTING_S, "reward_distributor: too late"
    held: Root = self.root[epoch]
    assert held.root == empty(bytes32), "reward_distributor: epoch has a root"
    assert new_root != empty(bytes32), "reward_distributor: empty root"
    settlement_quorum._check(
        settlement,
        committee_epoch,
        domain._hash_typed_data_v4(
            keccak256(
                abi_encode(
                    ROOT_TYPE_HASH, committee_epoch, epoch, held.attempt, new_root, totals.payment, totals.chg
                )
            )
        ),
        signatures,
    )
    funds: Amounts = self.funds[epoch]
    assert (
        totals.payment <= funds.payment and totals.chg <= funds.chg
    ), "reward_distributor: totals above the epoch's funds"
    held.root = new_root
    held.posted_at = block.timestamp
    self.root[epoch] = held
    self.allotted[epoch] = totals
    log IRewardDistributor.RootPosted(
        epoch=epoch,
        attempt=held.attempt,
        committee_epoch=committee_epoch,
        root=new_root,
        payment=totals.payment,
        chg=totals.chg,
        claimable_at=block.timestamp + CHALLENGE_S,
        expires_at=block.timestamp + CHALLENGE_S + CLAIM_S,
    )


@external
def void_root(epoch: uint256):
    """
    @dev Takes a wrong root away, before anything was claimed under it. Another
         can be posted in its place. Reverts unless the caller is the guardian.
    @param epoch The epoch. Reverts unless its root was posted less than three
           days ago.
    """
    assert msg.sender == guardian, "reward_distributor: not the guardian"
    held: Root = self.root[epoch]
    assert (
        held.root != empty(bytes32) and block.timestamp < held.posted_at + CHALLENGE_S
    ), "reward_distributor: no root to void"
    log IRewardDistributor.RootVoided(epoch=epoch, attempt=held.attempt, root=held.root)
    self.root[epoch] = Root(root=empty(bytes32), posted_at=0, attempt=held.attempt + 1)
    self.allotted[epoch] = Amounts(payment=0, chg=0)


@external
@nonreentrant
def claim(epoch: uint256, recipient: uint256, reward: Amounts, proof: DynArray[bytes32, MAX_PROOF]):
    """
    @dev Pays a reward to whom it belongs. Anyone may call it.
    @param epoch The epoch. Reverts before its root's window is over, and 182
           days after that.
    @param recipient The vault account (drivers) or owner (stations). Reverts if
           its reward is paid already, or if there is no such.
    @param reward How much it is. Reverts if the root's totals do not cover it.
    @param proof The leaf's siblings on the way up. Reverts unless they lead to
           the root.
    """
    held: Root = self.root[epoch]
    assert held.root != empty(bytes32), "reward_distributor: no root"
    claimable_at: uint256 = held.posted_at + CHALLENGE_S
    assert block.timestamp >= claimable_at, "reward_distributor: root can be voided"
    assert block.timestamp < claimable_at + CLAIM_S, "reward_distributor: expired"
    assert not self.claimed[epoch][recipient], "reward_distributor: already claimed"
    assert merkle._verify(proof, held.root, self._leaf(epoch, recipient, reward)), "reward_distributor: wrong proof"
    left: Amounts = self.allotted[epoch]
    assert (
        reward.payment <= left.payment and reward.chg <= left.chg
    ), "reward_distributor: root pays more than its totals"
    to: address = empty(address)
    if kind == DRIVERS:
        to = staticcall settlement.account_holder(recipient)
    else:
        to = staticcall registry.owner_account(recipient)
    assert to != empty(address), "reward_distributor: no such recipient"
    self.claimed[epoch][recipient] = True
    # What is left of the totals is part of the funds, and the funds of the
    # liabilities.
    self.allotted[epoch] = Amounts(
        payment=unsafe_sub(left.payment, reward.payment), chg=unsafe_sub(left.chg, reward.chg)
    )
    self.funds[epoch] = self._less(self.funds[epoch], reward)
    self.liabilities = self._less(self.liabilities, reward)
    log IRewardDistributor.RewardClaimed(
        epoch=epoch, recipient=recipient, to=to, payment=reward.payment, chg=reward.chg
    )
    self._send(token, to, reward.payment)
    self._send(chg, to, reward.chg)


@external
def roll_over(epoch: uint256) -> Amounts:
    """
    @dev Moves what an epoch does not need any more to the running one: what its
         root does not allot, once it cannot be voided; what is unclaimed, once
         claims have expired; all of it, once no root can be posted. Anyone may
         call it.
    @param epoch The epoch. Reverts if there is nothing to move yet.
    @return Amounts How much it was.
    """
    held: Root = self.root[epoch]
    if held.root == empty(bytes32):
        assert (
            block.timestamp >= (epoch + 1) * EPOCH_S + REFUND_WINDOW_S + POSTING_S
        ), "reward_distributor: a root can be posted"
    else:
        claimable_at: uint256 = held.posted_at + CHALLENGE_S
        assert block.timestamp >= claimable_at, "reward_distributor: root can be voided"
        if block.timestamp >= claimable_at + CLAIM_S:
            self.allotted[epoch] = Amounts(payment=0, chg=0)
    spare: Amounts = self._less(self.funds[epoch], self.allotted[epoch])
    assert spare.payment != 0 or spare.chg != 0, "reward_distributor: nothing to roll over"
    into: uint256 = block.timestamp // EPOCH_S
    self.funds[epoch] = self.allotted[epoch]
    self.funds[into] = self._more(self.funds[into], spare)
    log IRewardDistributor.RolledOver(epoch=epoch, into=into, payment=spare.payment, chg=spare.chg)
    return spare


@external
@view
def current_epoch() -> uint256:
    """
    @dev The running epoch.
    @return uint256 Weeks since 1970.
    """
    return block.timestamp // EPOCH_S


@external
@view
def leaf(epoch: uint256, recipient: uint256, reward: Amounts) -> bytes32:
    """
    @dev The leaf of a reward.
    @param epoch The epoch.
    @param recipient The vault account or owner.
    @param reward How much it is.
    @return bytes32 Its hash.
    """
    return self._leaf(epoch, recipient, reward)


@internal
@view
def _leaf(epoch: uint256, recipient: uint256, reward: Amounts) -> bytes32:
    """
    @dev The leaf of a reward. It is hashed twice, so that no inner node of a
         tree can pass for one, and it names chain and contract, so that it
         counts nowhere else.
    @param epoch The epoch.
    @param recipient The vault account or owner.
    @param reward How much it is.
    @return bytes32 Its hash.
    """
    return keccak256(
        keccak256(abi_encode(chain.id, self, epoch, kind, recipient, reward.payment, reward.chg))
    )


@internal
@view
def _beyond(asset: IERC20, owed: uint256) -> uint256:
    """
    @dev What is here of a token beyond what is owed.
    @param asset The token.
    @param owed What is owed. Reverts if there is less.
    @return uint256 Base units.
    """
    balance: uint256 = staticcall asset.balanceOf(self)
    assert balance >= owed, "reward_distributor: token is short"
    return unsafe_sub(balance, owed)


@internal
def _fund(epoch: uint256, amounts: Amounts):
    """
    @dev Adds to an epoch.
    @param epoch The epoch.
    @param amounts What to add. The tokens are here, or the caller takes them.
    """
    self.funds[epoch] = self._more(self.funds[epoch], amounts)
    self.liabilities = self._more(self.liabilities, amounts)
    log IRewardDistributor.EpochFunded(
        epoch=epoch, source=msg.sender, payment=amounts.payment, chg=amounts.chg
    )


@internal
def _send(asset: IERC20, to: address, amount: uint256):
    """
    @dev Sends tokens. Reverts if the token refuses.
    @param asset The token.
    @param to Who receives.
    @param amount Base units, nothing is sent if zero.
    """
    if amount != 0:
        assert extcall asset.transfer(to, amount, default_return_value=True), "reward_distributor: transfer failed"


@internal
@pure
def _more(a: Amounts, b: Amounts) -> Amounts:
    """
    @dev A sum. Reverts on overflow.
    @param a A summand.
    @param b The other.
    @return Amounts The sum.
    """
    return Amounts(payment=a.payment + b.payment, chg=a.chg + b.chg)


@internal
@pure
def _less(a: Amounts, b: Amounts) -> Amounts:
    """
    @dev A difference. Reverts if it is negative.
    @param a From what.
    @param b What is taken.
    @return Amounts The difference.
    """
    return Amounts(payment=a.payment - b.payment, chg=a.chg - b.chg)
