"""Which event goes into which table: the interfaces of the contracts, read once.

An event whose arguments all have a fixed size is read word by word here, which is
several times faster than a general decoder; `eth_abi` reads the others, and is what
these readers are held against: in a property test, and by samples as logs come in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson
from eth_abi.abi import default_codec
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from sqlalchemy import BigInteger, Table

from chargecoin import contracts
from chargecoin.errors import CodecError
from indexer import schema
from indexer.rpc import Log

SESSION: Final = "Session"
RUN: Final = "Run"
BATCH_SETTLED: Final = "BatchSettled"

# Contract → event → table, and arguments whose column has another name.
_TO: Final = {"to": "recipient"}
_CAMPAIGN: Final = {"campaign": "campaign_id"}
_Tables = dict[str, tuple[Table, dict[str, str]]]
_REGISTRY: Final[_Tables] = {
    "OwnerRegistered": (schema.owners, {}),
    "OwnerAccountChanged": (schema.owner_accounts, {}),
    "OperatorSet": (schema.operators, {}),
    "SiteAdded": (schema.sites, {}),
    "StationAdded": (schema.stations, {}),
    "EvseAdded": (schema.evses, {}),
    "ConnectorAdded": (schema.connectors, {}),
    "TariffPublished": (schema.tariffs, {"index": "tariff_index"}),
    "MeterKeyAdded": (schema.meter_keys, {}),
    "MeterKeyVouched": (schema.meter_key_vouchings, {}),
    "MeterKeyRevoked": (schema.meter_key_revocations, {}),
    "VoucherSet": (schema.vouchers, {}),
}
_SETTLEMENT: Final[_Tables] = {
    "AccountOpened": (schema.accounts, {}),
    "Deposited": (schema.deposits, {}),
    "DailyLimitSet": (schema.daily_limits, {"limit": "daily_limit"}),
    "WithdrawalRequested": (schema.withdrawal_requests, {}),
    "WithdrawalCancelled": (schema.withdrawal_cancellations, {}),
    "Withdrawn": (schema.withdrawals, _TO),
    "MandateRevoked": (schema.mandate_revocations, {}),
    RUN: (schema.runs, {}),
    SESSION: (schema.sessions, {}),
    "RunSkipped": (schema.skipped_runs, {}),
    BATCH_SETTLED: (schema.batches, {}),
    "AccrualWithdrawn": (schema.accrual_withdrawals, _TO),
    "DestinationSet": (schema.destinations, _TO),
    "PaidOut": (schema.payouts, _TO),
    "PayoutFailed": (schema.payout_failures, _TO),
    "BudgetFunded": (schema.budget_fundings, _CAMPAIGN),
    "BudgetReleased": (schema.budget_releases, _CAMPAIGN | _TO),
    "FeesRouted": (schema.fees_routed, {}),
    "CommitteeAppointed": (schema.committees, {}),
    "CommitteeRevoked": (schema.committee_revocations, {}),
    "Paused": (schema.pauses, {"until": "paused_until"}),
    "CapsSet": (schema.caps, {}),
    "ExposureLimitSet": (schema.exposure_limits, {"limit": "exposure_limit"}),
    "ReimbursementSet": (schema.reimbursement_settings, {}),
    "Sunset": (schema.sunsets, {}),
    "FeeRouterSet": (schema.fee_routers, {}),
    "SurplusRecovered": (schema.surplus_recoveries, _TO),
}
_ADJUSTMENTS: Final[_Tables] = {
    "DebtCollected": (schema.collections, {}),
    "SessionRefunded": (schema.refunds, {}),
    "FeeReturned": (schema.fees_returned, {}),
    "DisputeOpened": (schema.disputes, {}),
    "DisputeAnswered": (schema.dispute_answers, {}),
    "DisputeRuled": (schema.dispute_rulings, {}),
    "DisputeClosed": (schema.dispute_closings, {}),
    "CommitteeAppointed": (schema.arbiters, {}),
    "CommitteeRevoked": (schema.arbiter_revocations, {}),
}
_CAMPAIGNS: Final[_Tables] = {
    "CampaignCreated": (schema.campaigns, _CAMPAIGN),
    "ConnectorsEnrolled": (schema.campaign_connectors, _CAMPAIGN),
    "CampaignPaused": (schema.campaign_pauses, _CAMPAIGN),
    "CampaignResumed": (schema.campaign_resumptions, _CAMPAIGN),
    "CampaignClosed": (schema.campaign_closings, _CAMPAIGN),
}
_PAYOUTS: Final[_Tables] = {
    "ScheduleSet": (schema.payout_schedules, {}),
    "PayoutBatch": (schema.payout_batches, {}),
}
_ROUTER: Final[_Tables] = {
    "SharesSet": (schema.fee_shares, {}),
    "DestinationsSet": (schema.fee_destinations, {}),
    "Routed": (schema.fee_routings, {}),
    "RouteFailed": (schema.route_failures, _TO),
    "RouteRetried": (schema.route_retries, _TO),
    "OraclesSet": (schema.reimbursed_oracles, {}),
    "Reimbursed": (schema.reimbursements, {}),
}
_POOL: Final[_Tables] = {
    "Staked": (schema.stakes, {}),
    "Unstaked": (schema.unstakes, _TO),
    "RewardClaimed": (schema.stake_claims, _TO),
    "StreamAdded": (schema.streams, {}),
    "StreamRolledForward": (schema.stream_rollovers, {}),
}
_DISTRIBUTOR: Final[_Tables] = {
    "EpochFunded": (schema.reward_fundings, {}),
    "RootPosted": (schema.reward_roots, {}),
    "RootVoided": (schema.reward_voids, {}),
    "RewardClaimed": (schema.reward_claims, {"to": "account"}),
    "RolledOver": (schema.reward_rollovers, {"into": "into_epoch"}),
}


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract as the address book names it: its interface, its tables.

    `constants` stand before an event's arguments in its rows: what tells the rows of
    two contracts with one interface apart.
    """

    interface: str
    tables: _Tables
    constants: tuple[int, ...] = ()


# In every address book; the others are read where it names them.
REQUIRED: Final = frozenset({"StationRegistry", "Settlement", "FeeRouter"})
DRIVERS: Final = 1
STATIONS: Final = 2
CONTRACTS: Final[dict[str, Contract]] = {
    "StationRegistry": Contract("StationRegistry", _REGISTRY),
    "Settlement": Contract("Settlement", _SETTLEMENT),
    "Adjustments": Contract("Adjustments", _ADJUSTMENTS),
    "CampaignManager": Contract("CampaignManager", _CAMPAIGNS),
    "Payouts": Contract("Payouts", _PAYOUTS),
    "FeeRouter": Contract("FeeRouter", _ROUTER),
    "StakingPool": Contract("StakingPool", _POOL),
    "DriverRewards": Contract("RewardDistributor", _DISTRIBUTOR, (DRIVERS,)),
    "StationRewards": Contract("RewardDistributor", _DISTRIBUTOR, (STATIONS,)),
}


@lru_cache(maxsize=65_536)
def checksum(word: bytes) -> str:
    """Return the checksummed address in a 32-byte word."""
    return to_checksum_address(word[-20:])


def clean(text: bytes) -> str:
    """Return text that every database takes: what is not UTF-8, and NUL, become U+FFFD.

    Anyone can register a name, and the EVM does not check what a string is made of.
    """
    return text.decode("utf-8", "replace").replace("\x00", "\ufffd")


# How a value of a type is read from its 32-byte word, and from what eth_abi returns.
_FROM_WORD: Final[dict[str, Callable[[bytes], Any]]] = {
    "uint256": lambda word: int.from_bytes(word, "big"),
    "bytes32": bytes,
    "address": checksum,
    "bool": lambda word: word[-1] == 1,
}
_FROM_ABI: Final[dict[str, Callable[[Any], Any]]] = {
    "uint256": int,
    "bytes32": bytes,
    "bytes": bytes,
    "string": clean,
    "address": to_checksum_address,
    "bool": bool,
    "address[]": lambda members: orjson.dumps(
        [to_checksum_address(one) for one in members]
    ).decode(),
    "uint256[]": list,
}


def _to_slot(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _to_63_bits(value: int) -> int:
    if value >= 1 << 63:
        raise CodecError(f"{value} is more than the contract can have logged here")
    return value


@dataclass(frozen=True, slots=True)
class Event:
    """One event of one contract, and how to read its logs into column values.

    `contract` is the address book's name of it, `constants` are its columns before those
    of the arguments.
    """

    contract: str
    name: str
    topic: str
    table: Table
    columns: tuple[str, ...]
    constants: tuple[int, ...]
    _topics: tuple[Callable[[bytes], Any], ...]
    _data: tuple[Callable[[Any], Any], ...]
    _topic_types: tuple[str, ...]
    _types: tuple[str, ...]
    _from_abi: tuple[Callable[[Any], Any], ...]
    _static: bool
    _order: tuple[int, ...]
    _finish: tuple[Callable[[Any], Any] | None, ...]

    def read(self, log: Log) -> list[Any]:
        """Return the values of `columns`. Raises `CodecError` for what is not such a log."""
        if len(log.topics) != len(self._topics) + 1:
            raise CodecError(f"a log of {self.name} has {len(log.topics)} topics")
        try:
            words = [bytes.fromhex(topic[2:]) for topic in log.topics[1:]]
            data = bytes.fromhex(log.data[2:])
        except ValueError as error:
            raise CodecError(f"a log of {self.name} is not hex: {error}") from error
        values = [read(word) for read, word in zip(self._topics, words, strict=True)]
        if self._static:
            if len(data) != 32 * len(self._data):
                raise CodecError(f"a log of {self.name} has {len(data)} bytes of data")
            values += [read(data[32 * i : 32 * i + 32]) for i, read in enumerate(self._data)]
        else:
            found = self._by_eth_abi(self._types, data)
            values += [read(value) for read, value in zip(self._data, found, strict=True)]
        return self._in_order(values)

    def check(self, log: Log, values: list[Any]) -> None:
        """Insist that `eth_abi` reads a log as `read` did. Raises `CodecError`."""
        words = b"".join(bytes.fromhex(topic[2:]) for topic in log.topics[1:])
        found = [
            *self._by_eth_abi(self._topic_types, words),
            *self._by_eth_abi(self._types, bytes.fromhex(log.data[2:])),
        ]
        again = [read(value) for read, value in zip(self._from_abi, found, strict=True)]
        if self._in_order(again) != values:
            raise CodecError(
                f"log {log.log_index} of block {log.block_number} ({self.name}) is read in two "
                "ways by two decoders; nothing more is stored. This is a fault of this release"
            )

    def _by_eth_abi(self, types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
        try:
            return default_codec.decode(types, data)
        except DecodingError as error:
            raise CodecError(f"a log of {self.name} cannot be read: {error}") from error

    def _in_order(self, values: list[Any]) -> list[Any]:
        return [
            value if finish is None else finish(value)
            for value, finish in zip((values[i] for i in self._order), self._finish, strict=True)
        ]


def _event(contract: str, abi: contracts.EventAbi) -> Event:
    of = CONTRACTS[contract]
    table, renamed = of.tables[abi.name]
    indexed = [one for one in abi.inputs if one["indexed"]]
    plain = [one for one in abi.inputs if not one["indexed"]]
    static = all(one["type"] in _FROM_WORD for one in plain)
    # Strings are read as the bytes they are: eth_abi would refuse what is not UTF-8.
    types = tuple("bytes" if one["type"] == "string" else str(one["type"]) for one in plain)
    read_order = [one["name"] for one in (*indexed, *plain)]
    finish: list[Callable[[Any], Any] | None] = []
    for one in abi.inputs:
        column = table.c.get(renamed.get(one["name"], one["name"]))
        if column is None:
            finish.append(None)
        elif one["type"] == "uint256" and column.type is schema.Hash:
            finish.append(_to_slot)
        else:
            finish.append(_to_63_bits if isinstance(column.type, BigInteger) else None)
    return Event(
        contract=contract,
        name=abi.name,
        topic="0x" + abi.topic.hex(),
        table=table,
        constants=of.constants,
        columns=tuple(renamed.get(one["name"], one["name"]) for one in abi.inputs),
        _topics=tuple(_FROM_WORD[one["type"]] for one in indexed),
        _data=tuple((_FROM_WORD if static else _FROM_ABI)[one["type"]] for one in plain),
        _topic_types=tuple(str(one["type"]) for one in indexed),
        _types=types,
        _from_abi=tuple(_FROM_ABI[one["type"]] for one in (*indexed, *plain)),
        _static=static,
        _order=tuple(read_order.index(one["name"]) for one in abi.inputs),
        _finish=tuple(finish),
    )


def events_of(contract: str) -> dict[str, Event]:
    """Return the events of one of `CONTRACTS` by topic (0x and hex)."""
    interface = contracts.events(CONTRACTS[contract].interface)
    found = (_event(contract, abi) for abi in interface.values())
    return {event.topic: event for event in found}
