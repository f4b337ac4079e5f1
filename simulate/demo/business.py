"""What people do beside charging: payouts, refunds, disputes, fees routed, a campaign.

Everything is sent by the keys of the run, through the calls that the SDK gives anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from eth_utils.crypto import keccak

from chargecoin import adjustments, campaign_calls, payouts
from chargecoin.adjustments import RefundReason
from chargecoin.campaign_calls import NewCampaign
from chargecoin.campaigns import Kind, daily_hours
from chargecoin.chain import Chain
from chargecoin.chain.events import decode_events
from chargecoin.chain.transactions import (
    Call,
    KeySigner,
    contract_call,
    execute,
)
from chargecoin.deployments import Deployment
from chargecoin.evidence.campaign import logged_sessions
from chargecoin.payouts import Cycle
from chargecoin.typed_data import Signer, order_signatures, ruling_digest
from simulate.keys import secret
from simulate.network import Network

DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
DISPUTABLE_S: Final = 6 * DAY_S
"""A day less than a payer has, since the demo's time goes on."""
CENT: Final = 10_000
WANTED: Final = 5
"""Two sessions to refund, three to dispute."""
PAYOUT_FROM: Final = 500 * CENT
BUDGET: Final = 500 * 10**6
CAMPAIGN_S: Final = 60 * DAY_S
OFF_RAMP: Final = "0x00000000000000000000000000000000000FFAA4"
REFERENCE: Final = b"RF18 5390 0754 7034".ljust(32, b"\0")
# anvil's third account, which `ape run deploy` appoints as arbiter on a local chain.
ARBITER: Final = bytes.fromhex("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")


# Who paid for a session, and the session as `Adjustments` wants it presented.
_Charged = tuple[KeySigner, adjustments.Presentation]


class Business:
    """The owners and payers of a run, with their keys."""

    def __init__(
        self,
        chain: Chain,
        network: Network,
        seed: int,
        owner_ids: Sequence[int],
        accounts: Mapping[str, int],
    ) -> None:
        """`owner_ids` are in the network's order, `accounts` by payers' names."""
        self._chain = chain
        self._network = network
        self._deployment: Deployment = chain.deployment
        self._owners = {
            owner_id: KeySigner(secret(seed, f"owner {owner.name}"))
            for owner_id, owner in zip(owner_ids, network.owners, strict=True)
        }
        self._payers = {
            account: KeySigner(secret(seed, f"payer {name}")) for name, account in accounts.items()
        }
        self._first = owner_ids[0]
        self._week = 0

    async def open(self) -> None:
        """Let every owner be paid weekly from a small amount on."""
        for owner_id, signer in self._owners.items():
            schedule = payouts.set_schedule(self._deployment, owner_id, Cycle.WEEKLY, PAYOUT_FROM)
            await self._send(signer, schedule)

    async def pay_weekly(self, at: int) -> None:
        """Pay the owners who are due, if a week has begun since the last time."""
        week = at // WEEK_S
        if week > self._week:
            self._week = week
            await self._send(
                self._owners[self._first], payouts.pay(self._deployment, list(self._owners))
            )

    async def close(self, at: int) -> None:
        """Do what belongs to the last days: refunds, disputes, fees, a destination, a campaign."""
        owner = self._owners[self._first]
        recent = await self._recent(at)
        await self._refund(owner, recent[:2])
        await self._dispute(owner, recent[2:5])
        await self._route(owner)
        settlement = self._deployment.address("Settlement")
        destination = contract_call(
            "Settlement", "set_destination", settlement, self._first, OFF_RAMP, REFERENCE
        )
        await self._send(owner, destination)
        await self._launch(owner, at)

    async def _refund(self, owner: KeySigner, sessions: Sequence[_Charged]) -> None:
        """Refund a fifth of one session for goodwill, and all of another for a fault."""
        parts = ((5, RefundReason.GOODWILL), (1, RefundReason.CHARGER_FAULT))
        for (_, presented), (part, reason) in zip(sessions, parts, strict=False):
            amount = presented.outcome.paid // part
            await self._send(
                owner, adjustments.refund_call(self._deployment, presented, amount, reason)
            )

    async def _dispute(self, owner: KeySigner, sessions: Sequence[_Charged]) -> None:
        """Let payers dispute sessions: one is upheld, one dismissed, one stays open."""
        domain = adjustments.rulings_domain(self._deployment)
        arbiter = Signer(ARBITER)
        planned = zip(sessions, (2, 0, None), strict=False)
        for number, ((payer, presented), share) in enumerate(planned, start=1):
            await self._send(
                payer,
                adjustments.open_dispute_call(self._deployment, presented, RefundReason.ENERGY),
            )
            statement = keccak(text=f"What the owner says to dispute {number}.")
            await self._send(
                owner, adjustments.answer_dispute_call(self._deployment, number, statement)
            )
            if share is None:
                continue
            refund = presented.outcome.paid // share if share else 0
            reason = keccak(text="By the evidence.")
            digest = ruling_digest(domain, epoch=1, dispute=number, refund=refund, reason=reason)
            signatures = order_signatures(digest, [arbiter.sign(digest)])
            await self._send(
                owner,
                adjustments.rule_call(self._deployment, number, refund, reason, 1, signatures),
            )

    async def _route(self, sender: KeySigner) -> None:
        """Let the fees go to the router, and from there to all who share them."""
        for contract, name in (("Settlement", "route_fees"), ("FeeRouter", "route")):
            call = contract_call(contract, name, self._deployment.address(contract))
            await self._send(sender, call)

    async def _launch(self, owner: KeySigner, at: int) -> None:
        """Begin a discount at night, at all connectors of the first owner."""
        token = self._deployment.address("Token")
        await self._send(
            owner, contract_call("TestStablecoin", "mint", token, owner.address, BUDGET)
        )
        connectors = [
            connector
            for connector in range(1, len(self._network.places) + 1)
            if (await self._chain.connector(connector)).owner_id == self._first
        ]
        new = NewCampaign(
            Kind.OFF_PEAK,
            self._first,
            "Quiet hours",
            0,
            at + CAMPAIGN_S,
            hour_mask=daily_hours(20, 8),
            rate_bps=1_500,
            session_cap=3 * 10**6,
        )
        await self._send(owner, *campaign_calls.create(self._deployment, new, connectors, BUDGET))

    async def _recent(self, at: int) -> list[_Charged]:
        """Return the first owner's latest sessions that payers paid in full and that cost them."""
        logs = await self._chain.logs(self._deployment.start_block, "latest", ("Settlement",))
        settled = decode_events("Settlement", self._deployment.address("Settlement"), logs)
        found: list[_Charged] = []
        for one in reversed(list(logged_sessions(settled))):
            payer = self._payers.get(one.account)
            if (
                payer is None
                or not one.settled
                or one.owner_id != self._first
                or one.started_at < at - DISPUTABLE_S
            ):
                continue
            presented = await adjustments.present_from(self._chain, one.transaction, one.session_id)
            if presented.outcome.paid > CENT:
                found.append((payer, presented))
            if len(found) == WANTED:
                break
        return found

    async def _send(self, signer: KeySigner, *calls: Call) -> None:
        """Send calls one after the other. Raises `RevertedError` with the contract's reason."""
        rpc, chain_id = self._chain.rpc, self._deployment.chain_id
        for call in calls:
            await execute(rpc, call, signer, chain_id=chain_id)
