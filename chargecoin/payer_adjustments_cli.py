"""`chargecoin payer dispute` and `collect`: what a payer does about a settled session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from chargecoin.payer_session_cli import Session, moment, money
from chargecoin.verify_cli import SessionId

if TYPE_CHECKING:
    from chargecoin.adjustments import Presentation
    from chargecoin.payer import Payer

REASONS: Final = {
    "energy": 1,
    "price": 2,
    "charger-fault": 3,
    "duplicate": 5,
    "correction": 6,
}
SETTLED_BY: Final = (
    click.option(
        "--evidence", multiple=True, metavar="URL", help="oracle that knows the session; repeatable"
    ),
    click.option("--transaction", metavar="HASH", help="transaction that settled it, instead"),
)


async def _presented(
    payer: Payer, session_id: str, evidence: tuple[str, ...], transaction: str | None
) -> Presentation:
    """Return how the session is presented. What an oracle says is held against the chain."""
    from chargecoin.chain.values import to_bytes
    from chargecoin.errors import CodecError
    from chargecoin.evidence.fetch import fetch

    if (transaction is None) == (not evidence):
        raise click.UsageError("say where it was settled: either --evidence or --transaction")
    if transaction is None:
        _, proof = await fetch(session_id, evidence)
        transaction = proof.transaction
    try:
        settled_by = to_bytes(transaction)
    except ValueError:
        raise CodecError(f"{transaction!r} is no transaction's hash: 0x and 64 digits") from None
    return await payer.present(settled_by, int(session_id, 16))


@click.command()
@click.argument("session_id", type=SessionId())
@click.option("--reason", type=click.Choice(list(REASONS)), required=True)
@SETTLED_BY[0]
@SETTLED_BY[1]
@click.pass_obj
def dispute(
    session: Session,
    session_id: str,
    reason: str,
    evidence: tuple[str, ...],
    transaction: str | None,
) -> None:
    """Dispute a session within 7 days of its settlement. The bond leaves your vault.

    SESSION_ID is 0x… or CONNECTOR/SEQUENCE. You have the bond back unless arbiters
    dismiss the dispute.

    Example: chargecoin payer dispute 7/12 --reason energy --evidence http://127.0.0.1:8711
    """

    async def work(payer: Payer) -> str:
        from chargecoin.adjustments import RefundReason

        presented = await _presented(payer, session_id, evidence, transaction)
        opened = await payer.open_dispute(presented, RefundReason(REASONS[reason]))
        return (
            f"dispute {opened['dispute']}: {money(opened['amount'])} disputed, "
            f"bond {money(opened['bond'])}, ruled on until {moment(opened['deadline'])}"
        )

    click.echo(session.run(work))


@click.command()
@click.argument("session_id", type=SessionId())
@SETTLED_BY[0]
@SETTLED_BY[1]
@click.pass_obj
def collect(
    session: Session, session_id: str, evidence: tuple[str, ...], transaction: str | None
) -> None:
    """Pay a session's debt out of the vault that owes it, as far as it and its limit reach.

    Anyone may have any session's debt collected. SESSION_ID is 0x… or CONNECTOR/SEQUENCE.

    Example: chargecoin payer collect 7/12 --evidence http://127.0.0.1:8711
    """

    async def work(payer: Payer) -> str:
        presented = await _presented(payer, session_id, evidence, transaction)
        paid = await payer.collect(presented)
        return f"account {paid['account']} paid {money(paid['amount'])}"

    click.echo(session.run(work))
