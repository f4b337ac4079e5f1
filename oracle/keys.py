"""Secret keys, which are only ever read from files."""

from __future__ import annotations

import re
from pathlib import Path

from chargecoin.errors import ConfigurationError


def read_key(path: Path) -> bytes:
    """Return the 32-byte secret in a file: 64 hex digits, `0x` or not.

    Raises `ConfigurationError`, which never shows what the file holds.
    """
    try:
        text = path.read_text(encoding="ascii").strip().removeprefix("0x")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"cannot read the key file {path}; put 64 hex digits there, or mend its path in the "
            "settings"
        ) from error
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ConfigurationError(f"{path} is not a key: want 64 hex digits")
    return bytes.fromhex(text)
