"""Charge points and their passwords (OCPP 1.6 security whitepaper, profile 1: basic auth).

Passwords are made here and never chosen: 20 random bytes, the longest that OCPP
1.6 allows for `AuthorizationKey`. At 160 bits one salted SHA-256 is enough, and a
slow hash would only let reconnecting charge points starve each other (NIST SP
800-63B, 5.1.2.2: look-up secrets of 112 bits or more need no slow hash).
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from chargecoin.charge_points import IDENTITY
from chargecoin.errors import ChargeCoinError, ConfigurationError

SCHEME: Final = "sha256"
_NOBODY: Final = f"{SCHEME}${'00' * 16}${'00' * 32}"


def hash_password(password: str, salt: bytes) -> str:
    """Return how a password is stored: `sha256$<salt>$<sha256(salt ‖ password)>`, in hex."""
    return f"{SCHEME}${salt.hex()}${hashlib.sha256(salt + password.encode()).hexdigest()}"


def matches(password: str, stored: str) -> bool:
    """Whether a password is the one stored, in a time that does not depend on either."""
    _, salt, _ = stored.split("$")
    return hmac.compare_digest(hash_password(password, bytes.fromhex(salt)), stored)


@dataclass(frozen=True, slots=True)
class Entry:
    """One charge point as the file has it.

    `owner_id` is the owner it was let in for: what it reports is booked for that owner's
    connectors alone. None where nobody said. `set_at` is the time of the owner's request, UTC
    seconds, 0 where the operator set the password.
    """

    password_hash: str
    owner_id: int | None = None
    set_at: int = 0

    def to_json(self) -> dict[str, str | int]:
        """Return what is written."""
        made: dict[str, str | int] = {"password_hash": self.password_hash}
        if self.owner_id is not None:
            made["owner_id"] = self.owner_id
        if self.set_at:
            made["set_at"] = self.set_at
        return made


def _entry(identity: str, raw: Mapping[str, object]) -> Entry:
    if not IDENTITY.fullmatch(identity):
        raise ConfigurationError(f"{identity!r} is not an OCPP identity (1 to 48 letters, digits…)")
    stored = raw["password_hash"]
    if not isinstance(stored, str) or not re.fullmatch(
        rf"{SCHEME}\$([0-9a-f]{{2}}){{8,32}}\$[0-9a-f]{{64}}", stored
    ):
        raise ConfigurationError(
            f"charge point {identity}: password_hash is not sha256$salt$hash; "
            "make it with `chargecoin oracle charge-point add`"
        )
    owner_id, set_at = raw.get("owner_id"), raw.get("set_at", 0)
    if not (owner_id is None or isinstance(owner_id, int)) or not isinstance(set_at, int):
        raise ConfigurationError(f"charge point {identity}: owner_id and set_at are numbers")
    return Entry(stored, owner_id, set_at)


def _load(data: bytes) -> dict[str, Entry]:
    return {name: _entry(name, raw) for name, raw in orjson.loads(data).items()}


class ChargePoints:
    """The charge points that may connect, read again when their file changes."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises `ConfigurationError` if it is missing or malformed."""
        self._path = path
        self._version: tuple[int, int] | None = None
        self._entries: dict[str, Entry] = {}
        self._read()

    def _read(self) -> None:
        try:
            stat = self._path.stat()
            version = (stat.st_mtime_ns, stat.st_ino)
            if version == self._version:
                return
            entries = _load(self._path.read_bytes())
        except OSError as error:
            raise ConfigurationError(
                f"no charge points at {self._path}: {error.strerror}; "
                "add one with `chargecoin oracle charge-point add`"
            ) from error
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            raise ConfigurationError(f"{self._path} is not a list of charge points") from error
        self._entries, self._version = entries, version

    def refresh(self) -> None:
        """Read the file again if it changed. Raises `ConfigurationError`, keeping what was read."""
        self._read()

    def knows(self, identity: str) -> bool:
        """Whether a charge point of this identity may connect."""
        return identity in self._entries

    def accepts(self, identity: str, password: str) -> bool:
        """Whether the password is the charge point's."""
        entry = self._entries.get(identity)
        return matches(password, entry.password_hash if entry else _NOBODY)

    def owner(self, identity: str) -> int | None:
        """Return the owner whom a charge point was let in for, None where nobody said."""
        entry = self._entries.get(identity)
        return entry.owner_id if entry else None

    def set(self, identity: str, entry: Entry) -> None:
        """Let a charge point of an owner connect under a new password, at its request.

        Raises `RefusedError` where the operator let the identity in without naming that
        owner, or where a later request was taken already.
        """
        with _changing(self._path) as entries:
            before = entries.get(identity)
            if before is not None and before.owner_id != entry.owner_id:
                raise RefusedError(
                    "other_owner",
                    f"{identity} was let in here for somebody else; ask the oracle's operator, or "
                    "register the charger under another identity",
                )
            if before is not None and before.set_at >= entry.set_at:
                raise RefusedError(
                    "not_newer", "a request for this charge point as new as this one was taken"
                )
            entries[identity] = _entry(identity, entry.to_json())
        self._read()


class RefusedError(ChargeCoinError):
    """A charge point's password is not set. `reason` is machine-readable."""

    def __init__(self, reason: str, sentence: str) -> None:
        """Give a code and a sentence for who asked."""
        super().__init__(sentence)
        self.reason = reason


@contextmanager
def _changing(path: Path) -> Iterator[dict[str, Entry]]:
    """Change the file as a whole: a running oracle never reads half of it, nobody's is lost."""
    with path.with_name(path.name + ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = _load(path.read_bytes()) if path.exists() else {}
        yield entries
        fresh = path.with_name(path.name + ".new")
        written = {name: entry.to_json() for name, entry in entries.items()}
        fresh.write_bytes(orjson.dumps(written, option=orjson.OPT_INDENT_2))
        fresh.replace(path)


def add(
    path: Path, identities: list[str], *, replace: bool = False, owner_id: int | None = None
) -> dict[str, str]:
    """Add charge points to a file, made if there is none, and return their new passwords.

    With `replace`, a charge point that is in it already gets a new password, and keeps its
    owner unless another is named. Raises `ConfigurationError` for one that is in it, otherwise,
    and for what is not an identity; then nothing is changed.
    """
    made = {identity: secrets.token_hex(20) for identity in identities}
    with _changing(path) as entries:
        known = [identity for identity in identities if identity in entries]
        if known and not replace:
            raise ConfigurationError(
                f"{', '.join(known)} can connect already, and a new password would lock it out "
                "until it is entered there; give --replace if that is meant"
            )
        for identity, password in made.items():
            before = entries.get(identity)
            raw = {
                "password_hash": hash_password(password, secrets.token_bytes(16)),
                "owner_id": owner_id if owner_id is not None or not before else before.owner_id,
            }
            entries[identity] = _entry(identity, raw)
    return made
