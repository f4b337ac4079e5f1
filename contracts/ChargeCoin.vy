# pragma version 0.4.3
"""
@title ChargeCoin
@custom:contract-name ChargeCoin
@license Apache-2.0
@notice CHG, the protocol's token: ERC-20 with permits by signature (EIP-2612)
        and a supply that is minted once and never changes. Nobody can mint,
        burn, freeze or take it; there is no owner. CHG is staked for a part of
        the fees (StakingPool) and given by sponsors as rewards
        (RewardDistributor). Specification: docs/protocol.md, section 8.
@custom:kill Nothing to stop: the token has no privileged function.
"""


# @notice The token module needs it; nothing of it is exported and its owner is
# gone when the constructor returns.
from snekmate.auth import ownable
initializes: ownable


from snekmate.tokens import erc20
initializes: erc20[ownable := ownable]


exports: (
    # ERC-20
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.allowance,
    erc20.transfer,
    erc20.approve,
    erc20.transferFrom,
    # EIP-2612
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
    # `mint`, `burn`, `burn_from`, `set_minter`, `is_minter`, `owner`,
    # `transfer_ownership` and `renounce_ownership` are left out: the supply is
    # fixed.
)


# @dev All there is, in base units of 18 decimals: one billion CHG.
SUPPLY: public(constant(uint256)) = 1_000_000_000 * 10 ** 18


@deploy
def __init__(holder: address):
    """
    @dev Mints the whole supply and leaves nobody with a role.
    @param holder Who receives it. Reverts if zero.
    """
    ownable.__init__()
    erc20.__init__("ChargeCoin", "CHG", 18, "ChargeCoin", "1")
    erc20._mint(holder, SUPPLY)
    erc20.is_minter[msg.sender] = False
    log erc20.RoleMinterChanged(minter=msg.sender, status=False)
    ownable._transfer_ownership(empty(address))
