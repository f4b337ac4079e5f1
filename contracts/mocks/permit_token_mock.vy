# pragma version 0.4.3
"""
@title A Token With Permits
@custom:contract-name permit_token_mock
@license Apache-2.0
@notice snekmate's ERC-20 with EIP-2612 and 6 decimals. The deployer mints.
"""


from snekmate.auth import ownable
initializes: ownable


from snekmate.tokens import erc20
initializes: erc20[ownable := ownable]


exports: erc20.__interface__


@deploy
def __init__():
    """
    @dev Deploys the token.
    """
    ownable.__init__()
    erc20.__init__("Dollar", "USD", 6, "Dollar", "1")
