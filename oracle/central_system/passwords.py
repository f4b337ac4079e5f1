"""Charge points and their passwords (OCPP 1.6 security whitepaper, profile 1: basic auth).

Passwords are made here and never chosen: 20 random bytes, the longest that OCPP
1.6 allows for `AuthorizationKey`. At 160 bits one salted SHA-256 is enough, and a
slow hash would only let reconnecting charge points starve each other (NIST SP
800-63B, 5.1.2.2: look-up secrets of 112 bits or more need no slow hash).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from pathlib import Path
from typing import Final

import orjson

from chargecoin.errors import ConfigurationError

SCHEME: Final = "sha256"
# OCPP 2.0.1 part 4, section 3.1.1; no colon, since basic auth ends the user name with one.
IDENTITY: Final = re.compile(r"[A-Za-z0-9*\-_=|@.]{1,48}")
_NOBODY: Final = f"{SCHEME}${'00' * 16}${'00' * 32}"


def hash_password(password: str, salt: bytes) -> str:
    """Return how a password is stored: `sha256$<salt>$<sha256(salt ‖ password)>`, in hex."""
    return f"{SCHEME}${salt.hex()}${hashlib.sha256(salt + password.encode()).hexdigest()}"


def matches(password: str, stored: str) -> bool:
    """Whether a password is the one stored, in a time that does not depend on either."""
    _, salt, _ = stored.split("$")
    return hmac.compare_digest(hash_password(password, bytes.fromhex(salt)), stored)


def _check(identity: str, stored: object) -> str:
    if not IDENTITY.fullmatch(identity):
        raise ConfigurationError(f"{identity!r} is not an OCPP identity (1 to 48 letters, digits…)")
    if not isinstance(stored, str) or not re.fullmatch(
        rf"{SCHEME}\$([0-9a-f]{{2}}){{8,32}}\$[0-9a-f]{{64}}", stored
    ):
        raise ConfigurationError(
            f"charge point {identity}: password_hash is not sha256$salt$hash; "
            "make it with `chargecoin oracle charge-point add`"
        )
    return stored


class ChargePoints:
    """The charge points that may connect, read again when their file changes."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises `ConfigurationError` if it is missing or malformed."""
        self._path = path
        self._version: tuple[int, int] | None = None
        self._hashes: dict[str, str] = {}
        self._read()

    def _read(self) -> None:
        try:
            stat = self._path.stat()
            version = (stat.st_mtime_ns, stat.st_ino)
            if version == self._version:
                return
            raw = orjson.loads(self._path.read_bytes())
            entries = {name: _check(name, entry["password_hash"]) for name, entry in raw.items()}
        except OSError as error:
            raise ConfigurationError(
                f"no charge points at {self._path}: {error.strerror}; "
                "add one with `chargecoin oracle charge-point add`"
            ) from error
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            raise ConfigurationError(f"{self._path} is not a list of charge points") from error
        self._hashes, self._version = entries, version

    def refresh(self) -> None:
        """Read the file again if it changed. Raises `ConfigurationError`, keeping what was read."""
        self._read()

    def knows(self, identity: str) -> bool:
        """Whether a charge point of this identity may connect."""
        return identity in self._hashes

    def accepts(self, identity: str, password: str) -> bool:
        """Whether the password is the charge point's."""
        return matches(password, self._hashes.get(identity, _NOBODY))


def add(path: Path, identities: list[str], *, replace: bool = False) -> dict[str, str]:
    """Add charge points to a file, made if there is none, and return their new passwords.

    With `replace`, a charge point that is in it already gets a new password. Raises
    `ConfigurationError` for one that is in it, otherwise, and for what is not an
    identity; then nothing is changed.
    """
    entries = orjson.loads(path.read_bytes()) if path.exists() else {}
    known = [identity for identity in identities if identity in entries]
    if known and not replace:
        raise ConfigurationError(
            f"{', '.join(known)} can connect already, and a new password would lock it out "
            "until it is entered there; give --replace if that is meant"
        )
    made = {identity: secrets.token_hex(20) for identity in identities}
    for identity, password in made.items():
        stored = _check(identity, hash_password(password, secrets.token_bytes(16)))
        entries[identity] = {"password_hash": stored}
    # Replaced as a whole, so that a running oracle never reads half a file.
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(orjson.dumps(entries, option=orjson.OPT_INDENT_2))
    fresh.replace(path)
    return made
