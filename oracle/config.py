"""An oracle's configuration: one TOML file, every key documented in docs/oracle-operator.md."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final, Literal

import msgspec

from chargecoin.errors import ConfigurationError

CENTRAL_SYSTEM: Final = "central_system"
ATTESTER: Final = "attester"
PROPOSER: Final = "proposer"
ROLES: Final = (CENTRAL_SYSTEM, ATTESTER, PROPOSER)
_PATHS: Final = (
    "clock",
    "deployment",
    "store",
    "signing_key_file",
    "gas_key_file",
    "charge_points_file",
)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one oracle. Paths are relative to the file; ports may be 0 (any)."""

    deployment: str
    rpc_url: str
    store: str
    signing_key_file: str
    roles: tuple[str, ...]
    clock: str | None = None
    gas_key_file: str | None = None
    charge_points_file: str | None = None
    ocpp_host: str = "127.0.0.1"
    ocpp_port: int = 9000
    ocpp_url: str | None = None
    owners: tuple[int, ...] | Literal["any"] = ()
    http_host: str = "127.0.0.1"
    http_port: int = 8700
    attesters: tuple[str, ...] = ()
    batch_min_sessions: int = 200
    batch_max_age_s: int = 900
    batch_valid_s: int = 86_400
    follow_interval_s: float = 1.0

    def has(self, role: str) -> bool:
        """Whether the oracle has a role."""
        return role in self.roles

    def serves(self, owner_id: int) -> bool:
        """Whether an owner may let its own charge points connect."""
        return self.owners == "any" or owner_id in self.owners


def load(path: Path) -> Config:
    """Read a configuration file. Raises `ConfigurationError` saying which key is wrong."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path}: {error.strerror}; docs/oracle-operator.md has an example"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error
    for name in _PATHS:
        if isinstance(raw.get(name), str):
            raw[name] = str(path.parent / raw[name])
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: {error}; see docs/oracle-operator.md") from error
    _check(path, config)
    return config


def _check(path: Path, config: Config) -> None:
    unknown = set(config.roles) - set(ROLES)
    if unknown or not config.roles:
        raise ConfigurationError(f"{path}: roles are {', '.join(ROLES)}, not {sorted(unknown)}")
    needs = (
        (CENTRAL_SYSTEM, "charge_points_file", config.charge_points_file),
        (PROPOSER, "gas_key_file", config.gas_key_file),
    )
    for role, name, value in needs:
        if config.has(role) and value is None:
            raise ConfigurationError(f"{path}: the role {role} needs {name}")
    if config.has(PROPOSER) and not config.has(ATTESTER):
        raise ConfigurationError(f"{path}: a proposer signs too; add the role {ATTESTER}")
    for name in ("batch_min_sessions", "batch_valid_s"):
        if getattr(config, name) < 1:
            raise ConfigurationError(f"{path}: {name} must be 1 or more")
