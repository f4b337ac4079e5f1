"""How long a settled session can be refunded or disputed, and a dispute ruled on, in seconds.

docs/protocol.md, section 9. Apart from what sends transactions, so that who only reads the
tables does not load that.
"""

from __future__ import annotations

from typing import Final

# The constants of contracts/Adjustments.vy; a test holds them equal.
REFUND_WINDOW_S: Final = 21 * 86_400
DISPUTE_WINDOW_S: Final = 7 * 86_400
RULING_WINDOW_S: Final = 14 * 86_400
PAUSE_S: Final = 48 * 3_600


def window_end(since: int, length_s: int, paused_until: int) -> int:
    """Return the end of a window, which stands still in the last pause if that began within it.

    `paused_until` is the end of settlement's last pause, 0 if there was none.
    """
    end = since + length_s
    if paused_until > since:
        began = max(since, paused_until - PAUSE_S)
        if began < end:
            end += paused_until - began
    return end
