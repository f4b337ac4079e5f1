# pragma version 0.4.3
"""
@title session_clock Module Mock
@custom:contract-name session_clock_mock
@license Apache-2.0
@notice Shows how to import the module, and lets tests call what is internal. Like
        `batches`, it keeps the end of the last pause itself.
"""


from ..modules import session_clock
initializes: session_clock


last_end: public(uint256)


@deploy
def __init__():
    """
    @dev Initialises the module.
    """
    session_clock.__init__()


@external
def pause():
    """
    @dev Begins a pause. See `session_clock`.
    """
    self.last_end = session_clock._pause(self.last_end)


@external
@view
def oldest_end() -> uint256:
    """
    @dev See `session_clock`.
    @return uint256 The earliest end of a session that is not too old now.
    """
    return session_clock._oldest_end(self.last_end)
