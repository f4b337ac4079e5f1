"""Named crash points, so that a test can kill the process between any two steps.

`CHARGECOIN_CRASH=name:n` kills the process with SIGKILL at the n-th pass of the
seam of that name. Unset, a seam is one comparison.
"""

from __future__ import annotations

import os
import signal
from typing import Final

from chargecoin.errors import ConfigurationError

VARIABLE: Final = "CHARGECOIN_CRASH"

# In the order in which a session passes them.
SEAMS: Final = (
    "frame_received",
    "frame_stored",
    "answer_sent",
    "session_measured",
    "session_pending",
    "batch_built",
    "batch_stored",
    "proposal_verified",
    "proposal_attested",
    "attestation_received",
    "signatures_stored",
    "attempt_signed",
    "attempt_stored",
    "attempt_broadcast",
    "receipt_seen",
    "receipt_stored",
    "final_seen",
    "final_stored",
)


def _armed() -> tuple[str, int]:
    setting = os.environ.get(VARIABLE, "")
    if not setting:
        return "", 0
    name, _, count = setting.partition(":")
    if name not in SEAMS or not count.isdigit() or int(count) < 1:
        raise ConfigurationError(
            f"{VARIABLE}={setting} is not name:n with n from 1 and name one of {', '.join(SEAMS)}"
        )
    return name, int(count)


_name, _left = _armed()


def seam(name: str) -> None:
    """Pass a seam; die here if the environment says so."""
    global _left  # noqa: PLW0603  # The count is the process's, like the process it ends.
    if name == _name:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
