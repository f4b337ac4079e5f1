"""What is read from a chain, typed.

Amounts are base units of the payment token, times UTC seconds, days are days
since 1970 (UTC), hashes are bytes without `0x`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from eth_utils.address import to_checksum_address


def to_bytes(text: str) -> bytes:
    """Return the bytes that JSON-RPC writes as `0x` hex."""
    return bytes.fromhex(text.removeprefix("0x"))


def _int(text: str) -> int:
    return int(text, 16)


class Head(NamedTuple):
    """The last session of a connector that took a sequence, and its running hash (192 bits)."""

    sequence: int
    owner_id: int
    hash: int


class Account(NamedTuple):
    """A vault account as it is stored. `spent` is what left it on `day`."""

    balance: int
    daily_limit: int
    spent: int
    day: int
    debt: int


class Withdrawal(NamedTuple):
    """An open withdrawal request; all zero if there is none."""

    amount: int
    executable_at: int
    lapses_at: int


class Accrual(NamedTuple):
    """What an owner has earned and not withdrawn.

    `debt` is owed to disputes, `paid_day` is when it was last paid out, `day_gross` is the
    gross settled on `day`; days are counted from 1970.
    """

    balance: int
    debt: int
    paid_day: int
    day: int
    day_gross: int


class Campaign(NamedTuple):
    """A campaign as it is stored, all zero if there is none; its name is in its first event.

    A pause that nobody has ended ends at 2**32 - 1; of several the last is kept.
    """

    kind: int
    owner_id: int
    creator: str
    starts_at: int
    ends_at: int
    paused_from: int
    paused_to: int
    hour_mask: int
    rate_bps: int
    session_cap: int
    day_cap: int
    min_sessions: int
    window_days: int
    driver_cap: int


class Committee(NamedTuple):
    """How many members must sign, and the first second in which they cannot any more."""

    threshold: int
    valid_until: int


class Caps(NamedTuple):
    """The most a session, an owner's day and a committee's day may settle."""

    session: int
    owner_day: int
    committee_day: int


class RunTerms(NamedTuple):
    """Whose connector it is and its tariff slot; zeros if there is no such connector or tariff."""

    owner_id: int
    tariff: int


class TariffTerms(NamedTuple):
    """A published tariff: its slot, the VAT in its prices, and the hash of its OCPI object."""

    slot: int
    vat_bps: int
    terms_hash: bytes


class Site(NamedTuple):
    """A registered site."""

    owner_id: int
    name: str
    time_zone: str
    country: str
    grid_zone: str


class Station(NamedTuple):
    """A registered charging station. `identity` is the one of OCPP."""

    site_id: int
    identity: str
    vendor: str
    model: str


class Evse(NamedTuple):
    """A registered EVSE."""

    station_id: int
    evse_number: int
    evse_id: str


class Connector(NamedTuple):
    """A registered connector; codes as in docs/protocol.md, section 5. Power in W."""

    owner_id: int
    evse: int
    connector_number: int
    standard: int
    power_type: int
    max_power_w: int


class RegisteredKey(NamedTuple):
    """A meter's registered key. `curve` is 0 if unknown, `revoked_at` 0 while valid."""

    curve: int
    voucher_kind: int
    voucher: str
    valid_from: int
    revoked_at: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header, as far as it is used."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee: int

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Read what `eth_getBlockByNumber` gives."""
        return cls(
            number=_int(raw["number"]),
            hash=to_bytes(raw["hash"]),
            parent_hash=to_bytes(raw["parentHash"]),
            timestamp=_int(raw["timestamp"]),
            base_fee=_int(raw.get("baseFeePerGas", "0x0")),
        )


@dataclass(frozen=True, slots=True)
class Log:
    """One event as the chain holds it."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    log_index: int

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Read one entry of `eth_getLogs` or of a receipt."""
        return cls(
            address=to_checksum_address(raw["address"]),
            topics=tuple(to_bytes(topic) for topic in raw["topics"]),
            data=to_bytes(raw["data"]),
            block_number=_int(raw["blockNumber"]),
            block_hash=to_bytes(raw["blockHash"]),
            transaction_hash=to_bytes(raw["transactionHash"]),
            log_index=_int(raw["logIndex"]),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction. Gas price in wei."""

    transaction_hash: bytes
    succeeded: bool
    block_number: int
    block_hash: bytes
    gas_used: int
    gas_price: int
    contract_address: str | None
    logs: tuple[Log, ...]

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Read what `eth_getTransactionReceipt` gives."""
        created = raw.get("contractAddress")
        return cls(
            transaction_hash=to_bytes(raw["transactionHash"]),
            succeeded=_int(raw["status"]) == 1,
            block_number=_int(raw["blockNumber"]),
            block_hash=to_bytes(raw["blockHash"]),
            gas_used=_int(raw["gasUsed"]),
            gas_price=_int(raw["effectiveGasPrice"]),
            contract_address=to_checksum_address(created) if created else None,
            logs=tuple(Log.from_json(log) for log in raw["logs"]),
        )


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction. The block is None while it waits."""

    hash: bytes
    sender: str
    to: str | None
    nonce: int
    data: bytes
    block_number: int | None
    block_hash: bytes | None

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Read what `eth_getTransactionByHash` gives."""
        mined = raw.get("blockNumber") is not None
        return cls(
            hash=to_bytes(raw["hash"]),
            sender=to_checksum_address(raw["from"]),
            to=to_checksum_address(raw["to"]) if raw.get("to") else None,
            nonce=_int(raw["nonce"]),
            data=to_bytes(raw["input"]),
            block_number=_int(raw["blockNumber"]) if mined else None,
            block_hash=to_bytes(raw["blockHash"]) if mined else None,
        )
