"""What refund and dispute pages ask the chain: how a session stands, and how it is presented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chargecoin.adjustments import Presentation, present_from
from chargecoin.chain.calls import function
from chargecoin.refunds import Standing
from dashboard.services import Services
from indexer.read_model import SessionDetail


@dataclass(frozen=True, slots=True)
class Presented:
    """A session as the contract wants it, how it stands, and the end of the last pause."""

    presentation: Presentation
    standing: Standing
    paused_until: int


async def ask(has: Services, contract: str, name: str, *arguments: int) -> tuple[Any, ...]:
    """Return what a contract answers now. Raises `ChainError`."""
    called = function(contract, name)
    address = has.node.deployment.address(contract)
    return called.decode(await has.node.call(address, called.encode(*arguments)))


async def presented(has: Services, detail: SessionDetail) -> Presented:
    """Ask the node for a session's batch and its adjustments. Raises `ChainError`."""
    one = detail.row.session_id
    chain = await has.node.chain()
    transaction = bytes.fromhex(detail.provenance.transaction[2:])
    presentation = await present_from(chain, transaction, one)
    [kept] = await ask(has, "Adjustments", "adjustment", one)
    [paused_until] = await ask(has, "Settlement", "paused_until")
    outcome = presentation.outcome
    standing = Standing(
        paid=outcome.paid,
        campaign_paid=outcome.campaign_paid,
        debt=outcome.debt,
        settled_at=presentation.settled_at,
        collected=kept[0],
        refunded=kept[1],
        refunded_late=kept[2],
        waived=kept[3],
    )
    return Presented(presentation, standing, paused_until)
