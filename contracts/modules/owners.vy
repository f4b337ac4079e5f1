# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Station owners
@custom:contract-name owners
@license Apache-2.0
@notice An owner is a number. One address, its account, acts and is paid for it;
        operators whom it names act for it in this registry alone. The account
        passes to another address only by an offer that the other one accepts,
        so that a slip of the pen gives nothing away.
"""


from ..interfaces import IStationRegistry


# @dev Ids, times and powers have 32 bits.
MASK_32: constant(uint256) = 2 ** 32 - 1


# @dev How many owners there are, which is also the last id given out.
owner_count: public(uint256)


# @dev The address that acts and is paid for an owner, and the one that it is
# offered to, zero for none.
owner_account: public(HashMap[uint256, address])
offered_account: public(HashMap[uint256, address])


# @dev Whether an address may act for an owner in this registry.
is_operator: public(HashMap[uint256, HashMap[address, bool]])


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value` in the creation-time
         EVM bytecode, the constructor is declared as `payable`.
    """
    pass


@external
def register_owner(name: String[64]) -> uint256:
    """
    @dev Registers the caller as a station owner. An address may own several.
    @param name The owner's name. Reverts if empty.
    @return uint256 The new owner's id.
    """
    assert len(name) != 0, "registry: empty name"
    owner_id: uint256 = self._next(self.owner_count)
    self.owner_count = owner_id
    self.owner_account[owner_id] = msg.sender
    log IStationRegistry.OwnerRegistered(owner_id=owner_id, account=msg.sender, name=name)
    return owner_id


@external
def set_operator(owner_id: uint256, operator: address, allowed: bool):
    """
    @dev Lets an address act for an owner here, or no longer.
    @param owner_id The owner. Reverts unless the caller is its account.
    @param operator The address. It can never withdraw money.
    @param allowed Whether it may act.
    """
    self._check_owner(owner_id)
    self.is_operator[owner_id][operator] = allowed
    log IStationRegistry.OperatorSet(owner_id=owner_id, operator=operator, allowed=allowed)


@external
def offer_account(owner_id: uint256, account: address):
    """
    @dev Offers an owner's account to another address. Nothing changes until it
         accepts; a later offer replaces this one.
    @param owner_id The owner. Reverts unless the caller is its account.
    @param account Who may accept; zero takes an offer back.
    """
    self._check_owner(owner_id)
    self.offered_account[owner_id] = account


@external
def accept_account(owner_id: uint256):
    """
    @dev Makes the caller an owner's account, at once and for everything: it is
         paid what the owner has accrued. Operators stay until it ends them.
    @param owner_id The owner. Reverts unless it is offered to the caller.
    """
    assert msg.sender == self.offered_account[owner_id], "registry: not offered to the caller"
    self.offered_account[owner_id] = empty(address)
    self.owner_account[owner_id] = msg.sender
    log IStationRegistry.OwnerAccountChanged(owner_id=owner_id, account=msg.sender)


@internal
@pure
def _next(last: uint256) -> uint256:
    """
    @dev The id after `last`. Reverts when 32 bits are used up.
    @param last The last id given out.
    @return uint256 The next one.
    """
    assert last < MASK_32, "registry: ids used up"
    return unsafe_add(last, 1)


@internal
@view
def _check_owner(owner_id: uint256):
    """
    @dev Reverts unless the caller is an owner's account. Owner 0, of what does
         not exist, has none.
    @param owner_id The owner.
    """
    assert msg.sender == self.owner_account[owner_id], "registry: not the owner"


@internal
@view
def _check_acts_for(owner_id: uint256):
    """
    @dev Reverts unless the caller is an owner's account or operator. Owner 0,
         of what does not exist, has neither.
    @param owner_id The owner.
    """
    assert owner_id != 0, "registry: no such owner"
    assert (
        msg.sender == self.owner_account[owner_id] or self.is_operator[owner_id][msg.sender]
    ), "registry: neither owner nor operator"
