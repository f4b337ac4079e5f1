"""What only governance can do to make a new deployment work: say where fees go."""

from __future__ import annotations

from collections.abc import AsyncIterator

from eth_utils.address import to_checksum_address

from chargecoin.chain import Rpc
from chargecoin.chain.transactions import Call, contract_call
from scripts._book import Book, Settings
from scripts._governance import Governance, Progress, read
from scripts._pipeline import Pipeline, Sender


async def wire(pipeline: Pipeline, proposer: Sender, book: Book, settings: Settings) -> Progress:
    """Take each of these acts as far as it can go now; say what is left to do.

    When all are done the book says so, and they are not looked at again: what
    governance decides later is its own business.
    """
    if not book.wired:
        governance = Governance(pipeline, book.address("Timelock"), proposer)
        calls = [call async for call in _missing(pipeline.rpc, book, settings)]
        left = [one for one in [await governance.act(call) for call in calls] if not one.done]
        if left:
            return Progress(done=False, message="\n".join(one.message for one in left))
        book.set_wired()
    return Progress(done=True, message="fees go to the fee router, and from there on")


async def _missing(rpc: Rpc, book: Book, settings: Settings) -> AsyncIterator[Call]:
    settlement, router = book.address("Settlement"), book.address("FeeRouter")
    # Who is reimbursed comes first, so that nothing becomes reimbursable to nobody.
    [oracles] = await read(rpc, "FeeRouter", router, "oracles")
    if to_checksum_address(oracles) != settings.oracles:
        yield contract_call("FeeRouter", "set_oracles", router, settings.oracles)
    [per_batch] = await read(rpc, "Settlement", settlement, "reimbursement_per_batch")
    if per_batch != settings.reimbursement:
        yield contract_call("Settlement", "set_reimbursement", settlement, settings.reimbursement)
    [named] = await read(rpc, "Settlement", settlement, "fee_router")
    if to_checksum_address(named) != router:
        yield contract_call("Settlement", "set_fee_router", settlement, router)
