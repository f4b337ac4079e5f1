"""What became of a transaction that a wallet sent: pending, mined, indexed, final."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from eth_utils.hexadecimal import is_hex
from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from chargecoin.chain import Receipt, Transaction
from chargecoin.chain.events import decode_events
from chargecoin.chain.transactions import Call, failure_reason
from chargecoin.errors import ChainError
from dashboard.errors import BadAddressError
from dashboard.language import gettext
from dashboard.pages import Page, Table
from dashboard.query import way_back
from dashboard.render import Render, live_address
from dashboard.services import Has, Services
from indexer.read_model import Status

router = APIRouter()

STAGES: Final = ("pending", "mined", "indexed", "final")


@dataclass(frozen=True, slots=True)
class Made:
    """What a transaction brought about that has a page of its own."""

    what: Literal["owner", "account"]
    number: int

    @property
    def href(self) -> str:
        """Where to go on with it."""
        if self.what == "owner":
            return f"/owners/{self.number}/onboarding"
        return f"/payers/{self.number}"


@dataclass(frozen=True, slots=True)
class TransactionPage:
    """How far a transaction is. `stage` is one of `STAGES`, `failed` or `unknown`."""

    hash: str
    stage: str
    sender: str
    to: str
    block_number: int | None
    gas_used: int | None
    reason: str
    shows: str = ""
    made: tuple[Made, ...] = ()

    @property
    def reached(self) -> int:
        """How many of the stages it has behind it."""
        return STAGES.index(self.stage) + 1 if self.stage in STAGES else 0


def _stage(receipt: Receipt | None, sent: Transaction | None, status: Status) -> str:
    if receipt is None:
        return "unknown" if sent is None else "pending"
    if not receipt.succeeded:
        return "failed"
    if receipt.block_number > status.number:
        return "mined"
    return "final" if receipt.block_number <= status.final_number else "indexed"


def _made(has: Services, receipt: Receipt) -> tuple[Made, ...]:
    address = has.node.deployment.address
    registered = decode_events("StationRegistry", address("StationRegistry"), receipt.logs)
    opened = decode_events("Settlement", address("Settlement"), receipt.logs)
    return (
        *(
            Made("owner", event.args["owner_id"])
            for event in registered
            if event.name == "OwnerRegistered"
        ),
        *(
            Made("account", event.args["account"])
            for event in opened
            if event.name == "AccountOpened"
        ),
    )


async def read(has: Services, text: str, shows: str) -> TransactionPage:
    """Ask the node about a transaction; `shows` is the page of its effect. Raises `ChainError`."""
    chain = await has.node.chain()
    name = bytes.fromhex(text[2:])
    sent, receipt = await chain.transaction(name), await chain.receipt(name)
    status = await run_in_threadpool(has.model.status)
    reason = ""
    if receipt is not None and not receipt.succeeded and sent is not None:
        call = Call(sent.to, sent.data, gas=receipt.gas_used + 1)
        reason = await failure_reason(chain.rpc, call, sent.sender, receipt)
    return TransactionPage(
        hash=text,
        stage=_stage(receipt, sent, status),
        sender=sent.sender if sent else "",
        to=(sent.to or "") if sent else "",
        block_number=receipt.block_number if receipt else None,
        gas_used=receipt.gas_used if receipt else None,
        reason=reason,
        shows=shows,
        made=_made(has, receipt) if receipt else (),
    )


@router.get("/transactions/{transaction}")
async def show(has: Has, render: Render, transaction: str, shows: str = "") -> Response:
    """Say how far a transaction is. The node is asked, and the tables how far they are."""
    if not (len(transaction) == 66 and transaction.startswith("0x") and is_hex(transaction)):
        raise BadAddressError(gettext("a transaction's hash is 0x and 64 hex digits"))
    status = 200
    try:
        page = await read(has, transaction.lower(), way_back(shows, ""))
    except ChainError as error:
        await has.node.close()
        page = TransactionPage(transaction.lower(), "silent", "", "", None, None, str(error))
        status = 503
    table = Table(
        ("hash", "stage", "sender", "to", "block_number", "gas_used", "reason"),
        [
            (
                page.hash,
                page.stage,
                page.sender,
                page.to,
                page.block_number,
                page.gas_used,
                page.reason,
            )
        ],
    )
    return await run_in_threadpool(
        render,
        Page(
            "transaction.html",
            gettext("Transaction"),
            page,
            table,
            status,
            live=None if page.stage in {"final", "failed"} else live_address(0),
        ),
    )
