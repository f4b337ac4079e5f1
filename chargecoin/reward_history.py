"""What a reward epoch is made of, read from the chain's events alone.

Anybody with a node arrives at the same fees and the same funds as the committee
did, and so at the same root (`chargecoin.rewards`). Times of blocks say to which
epoch an event belongs; everything else is in the events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from chargecoin.chain.events import Event
from chargecoin.chain.history import BLOCKS_A_REQUEST, History, silent
from chargecoin.chain.reader import Chain
from chargecoin.chain.values import Block
from chargecoin.errors import InconsistentNodeError
from chargecoin.record import Outcome, SessionRecord
from chargecoin.rewards import (
    EPOCH_S,
    MAX_EPOCHS_AHEAD,
    Amounts,
    Kind,
    ProducedFee,
    postable_from,
)

CONTRACTS: Final = {Kind.DRIVERS: "DriverRewards", Kind.STATIONS: "StationRewards"}
"""How the address book names the distributors."""

FEE_DIVISOR: Final = 1_000
"""The fee is 0.1 % (docs/protocol.md, section 4)."""

_DISTRIBUTOR: Final = "RewardDistributor"


@dataclass(frozen=True, slots=True)
class PostedRoot:
    """A root as it was posted. `attempt` is how many of the epoch were voided before."""

    attempt: int
    root: bytes
    totals: Amounts
    voided: bool


@dataclass(frozen=True, slots=True)
class EpochHistory:
    """What the chain says of an epoch, up to the block `seen`.

    `final` says that no refund can change the fees any more: the window was over at
    that block. `fees` are net of refunds, by vault account, owner and assurance.
    """

    kind: Kind
    epoch: int
    seen: int
    final: bool
    fees: tuple[ProducedFee, ...]
    funds: Amounts
    roots: tuple[PostedRoot, ...]

    @property
    def attempt(self) -> int:
        """How many roots were voided, which the next one's signatures count for."""
        return sum(root.voided for root in self.roots)

    @property
    def standing(self) -> PostedRoot | None:
        """The root that was posted and not voided, if there is one."""
        return next((root for root in self.roots if not root.voided), None)


@dataclass(slots=True)
class _Session:
    """A session's fees, in the epoch and before it, and what refunds gave back."""

    account: int
    owner: int
    assurance: int
    settled_in: int
    in_epoch: int = 0
    before: int = 0
    given_back: int = 0

    @property
    def net(self) -> int:
        """What the epoch keeps of the fees: refunds take the earliest first."""
        return max(0, self.in_epoch - max(0, self.given_back - self.before))


@dataclass(slots=True)
class EpochReader:
    """Reads epochs up to a block, `blocks` of it a request; `report` hears how far it is."""

    chain: Chain
    until: Block
    blocks: int = BLOCKS_A_REQUEST
    report: Callable[[str], None] = silent
    _history: History = field(init=False)

    def __post_init__(self) -> None:
        """Read events through one history, so that a header is fetched once."""
        self._history = History(self.chain, self.until, self.blocks, self.report)

    async def read(self, kind: Kind, epoch: int) -> EpochHistory:
        """Return what the chain says of an epoch. Raises `ChainError` where the node does."""
        blocks = self._history
        first = await blocks.first_from(epoch * EPOCH_S)
        end = await blocks.first_from((epoch + 1) * EPOCH_S)
        settled_until = await blocks.first_from(postable_from(epoch))
        sessions = await self._sessions(first, end, settled_until)
        funded_from = await blocks.first_from((epoch - MAX_EPOCHS_AHEAD) * EPOCH_S)
        funds, roots = await self._distributor(kind, epoch, funded_from)
        return EpochHistory(
            kind=kind,
            epoch=epoch,
            seen=self.until.number,
            final=settled_until <= self.until.number,
            fees=_by_recipient(sessions.values()),
            funds=funds,
            roots=roots,
        )

    async def _sessions(self, first: int, end: int, refunded_until: int) -> dict[int, _Session]:
        """Return the sessions that produced a fee in the blocks [first, end), with refunds."""
        sessions: dict[int, _Session] = {}
        async for event, owner in self._history.settled(first, end):
            _enter(sessions, event, owner, in_epoch=True)
        collected = [
            event
            async for event in self._history.events("Adjustments", first, end, "DebtCollected")
            if event.args["fee"]
        ]
        await self._find_settled(sessions, {event.args["session_id"] for event in collected}, first)
        for event in collected:
            sessions[event.args["session_id"]].in_epoch += event.args["fee"]
        if not sessions:
            return sessions
        oldest = min(one.settled_in for one in sessions.values())
        names = ("DebtCollected", "SessionRefunded")
        async for event in self._history.events("Adjustments", oldest, refunded_until, *names):
            session = sessions.get(event.args["session_id"])
            if session is None:
                continue
            if event.name == "SessionRefunded":
                session.given_back += event.args["fee_back"]
            elif event.log.block_number < first:
                session.before += event.args["fee"]
        return sessions

    async def _find_settled(
        self, sessions: dict[int, _Session], wanted: Iterable[int], first: int
    ) -> None:
        """Enter the sessions of debts whose settlement is before the block `first`."""
        missing = set(wanted) - sessions.keys()
        end = first
        while missing and end > self.chain.deployment.start_block:
            start = max(self.chain.deployment.start_block, end - self.blocks)
            async for event, owner in self._history.settled(start, end):
                identifier = Outcome.decode(event.args["session"]).session_id
                if identifier in missing:
                    _enter(sessions, event, owner, in_epoch=False)
                    missing.discard(identifier)
            end = start
        if missing:
            raise InconsistentNodeError(
                f"the node tells of a debt of session {min(missing):#x} and not of the session; "
                "name a node that has all logs since the deployment"
            )

    async def _distributor(
        self, kind: Kind, epoch: int, first: int
    ) -> tuple[Amounts, tuple[PostedRoot, ...]]:
        payment = chg = 0
        posted: list[PostedRoot] = []
        voided: set[int] = set()
        names = ("EpochFunded", "RolledOver", "RootPosted", "RootVoided")
        end = self.until.number + 1
        async for event in self._history.events(
            CONTRACTS[kind], first, end, *names, interface=_DISTRIBUTOR
        ):
            args = event.args
            if event.name == "RolledOver":
                args = args | {"epoch": args["into"]}
            if args["epoch"] != epoch:
                continue
            if event.name in {"EpochFunded", "RolledOver"}:
                payment, chg = payment + args["payment"], chg + args["chg"]
            elif event.name == "RootPosted":
                totals = Amounts(args["payment"], args["chg"])
                posted.append(PostedRoot(args["attempt"], args["root"], totals, voided=False))
            else:
                voided.add(args["attempt"])
        roots = tuple(
            PostedRoot(one.attempt, one.root, one.totals, one.attempt in voided) for one in posted
        )
        return Amounts(payment, chg), roots


def _enter(sessions: dict[int, _Session], event: Event, owner: int, *, in_epoch: bool) -> None:
    """Enter a settled session if it paid a fee or somebody may have collected one."""
    outcome = Outcome.decode(event.args["session"])
    record = SessionRecord.decode(event.args["word"])
    fee = (outcome.paid + outcome.campaign_paid) // FEE_DIVISOR
    if in_epoch and not fee and not outcome.debt:
        return
    found = _Session(record.payer, owner, record.assurance, event.log.block_number)
    if in_epoch:
        found.in_epoch = fee
    else:
        found.before = fee
    sessions[outcome.session_id] = found


def _by_recipient(sessions: Iterable[_Session]) -> tuple[ProducedFee, ...]:
    """Return the net fees, added up by vault account, owner and assurance, in that order."""
    sums: defaultdict[tuple[int, int, int], int] = defaultdict(int)
    for one in sessions:
        if one.net:
            sums[one.account, one.owner, one.assurance] += one.net
    return tuple(
        ProducedFee(account, owner, fee, assurance)
        for (account, owner, assurance), fee in sorted(sums.items())
    )
