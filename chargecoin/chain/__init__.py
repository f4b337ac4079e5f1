"""Access to the chain: typed reads (`Chain`) and transactions (`chargecoin.chain.transactions`)."""

from chargecoin.chain.reader import Chain, ChainReader
from chargecoin.chain.rpc import BlockId, Rpc
from chargecoin.chain.values import (
    Account,
    Accrual,
    Block,
    Campaign,
    Caps,
    Committee,
    Connector,
    Evse,
    Head,
    Log,
    Receipt,
    RegisteredKey,
    RunTerms,
    Site,
    Station,
    TariffTerms,
    Transaction,
    Withdrawal,
)

__all__ = [
    "Account",
    "Accrual",
    "Block",
    "BlockId",
    "Campaign",
    "Caps",
    "Chain",
    "ChainReader",
    "Committee",
    "Connector",
    "Evse",
    "Head",
    "Log",
    "Receipt",
    "RegisteredKey",
    "Rpc",
    "RunTerms",
    "Site",
    "Station",
    "TariffTerms",
    "Transaction",
    "Withdrawal",
]
