"""What may be sent about a campaign now, by whom, as the contract would take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams

from chargecoin.campaign_calls import MAX_CONNECTORS, close, enrol, fund, pause, reclaim, resume
from chargecoin.chain.transactions import Call
from chargecoin.errors import ChainError
from dashboard.campaigns.form import MAX_BUDGET
from dashboard.errors import BadAddressError
from dashboard.language import gettext, ngettext
from dashboard.prepare import prepare
from dashboard.query import money_of
from dashboard.services import Services
from dashboard.steps import Purse, Step, paid_steps, purse_of
from indexer.read_model import Campaign, Connector, Funder

Act = Literal["pause", "resume", "close", "fund", "enrol", "reclaim"]
# Acts that have something to be filled in first, and its fields.
ASKING: Final[dict[Act, set[str]]] = {
    "fund": {"amount"},
    "enrol": {"connector"},
    "reclaim": {"funder"},
}
DECIDING: Final[frozenset[Act]] = frozenset({"pause", "resume", "close", "enrol"})


@dataclass(frozen=True, slots=True)
class Share:
    """What a funder can reclaim of what is left, base units."""

    account: str
    funded: int
    released: int
    due: int


@dataclass(frozen=True, slots=True)
class Acts:
    """What an account may send about a campaign.

    `offered` are the acts that the contract takes now. `reclaimable_from` None: the node does
    not answer. `chosen` is the act that is prepared; `problem` says why it is not.
    """

    account: str
    offered: tuple[Act, ...]
    shares: tuple[Share, ...]
    reclaimable_from: int | None
    more: tuple[Connector, ...]
    chosen: Act | None
    given: dict[str, str]
    problem: str
    amount: int
    purse: Purse | None
    short: bool
    steps: tuple[Step, ...]


def share(campaign: Campaign, funder: Funder) -> Share:
    """Return a funder's share of what is left (docs/protocol.md, section 10, reclaim)."""
    whole = campaign.left + campaign.released
    due = funder.funded * whole // campaign.funded - funder.released if campaign.funded else 0
    return Share(funder.account, funder.funded, funder.released, due)


def offered(
    campaign: Campaign, account: str, decider: str, now: int, *, more: bool, due: bool
) -> tuple[Act, ...]:
    """Return what the contract takes from an account at a moment, in the order of use.

    `more`: there are connectors that it does not hold at. `due`: something can be reclaimed.
    """
    running = now < campaign.ends_at
    # Before it is final, its number may yet be another campaign's.
    certain = account == campaign.creator or campaign.provenance.finality == "final"
    paused = any(end is None for _, end in campaign.pauses)
    found: dict[Act, bool] = {
        "fund": running and certain,
        "pause": running and not paused,
        "resume": running and paused,
        "enrol": running and more,
        "close": running,
        "reclaim": due,
    }
    decides = account == decider
    return tuple(act for act, can in found.items() if can and (decides or act not in DECIDING))


async def _reclaimable_from(has: Services, campaign: Campaign) -> int | None:
    try:
        return await (await has.node.chain()).reclaimable_from(campaign.campaign_id)
    except ChainError:
        await has.node.close()
        return None


def _connectors(query: QueryParams, more: tuple[Connector, ...]) -> list[int]:
    known = {str(one.connector_id): one.connector_id for one in more}
    wanted = query.getlist("connector")
    if not wanted or len(wanted) > MAX_CONNECTORS or any(one not in known for one in wanted):
        raise BadAddressError(
            gettext("choose 1 to %(most)s connectors that are not in it yet", most=MAX_CONNECTORS)
        )
    return [known[one] for one in dict.fromkeys(wanted)]


def _amount(given: Mapping[str, str]) -> int:
    amount = money_of(given, "amount", MAX_BUDGET)
    if not amount:
        raise BadAddressError(gettext("enter how much to put in, such as 100 or 49.50"))
    return amount


def _call(
    has: Services,
    campaign: Campaign,
    act: Act,
    query: QueryParams,
    more: tuple[Connector, ...],
    shares: tuple[Share, ...],
) -> tuple[str, Call]:
    """Return an act in words and as a call. Raises `BadAddressError` where something is missing."""
    deployment, number, name = has.node.deployment, campaign.campaign_id, campaign.name
    match act:
        case "pause":
            return gettext("Pause “%(name)s”", name=name), pause(deployment, number)
        case "resume":
            return gettext("Go on with “%(name)s”", name=name), resume(deployment, number)
        case "close":
            return gettext("End “%(name)s” now, for good", name=name), close(deployment, number)
        case "enrol":
            chosen = _connectors(query, more)
            text = ngettext(
                "Add %(num)s connector to “%(name)s”",
                "Add %(num)s connectors to “%(name)s”",
                len(chosen),
                name=name,
            )
            return text, enrol(deployment, number, chosen)
        case _:
            due = {one.account: one.due for one in shares if one.due}
            funder = query.get("funder", "")
            if funder not in due:
                raise BadAddressError(gettext("choose somebody to whom a part of it is due"))
            money = has.formats.money_plain(due[funder])
            text = gettext("Give %(money)s back to %(account)s", money=money, account=funder)
            return text, reclaim(deployment, number, funder)


async def acts(
    has: Services,
    campaign: Campaign,
    account: str,
    decider: str,
    more: tuple[Connector, ...],
    query: QueryParams,
    here: str,
) -> Acts:
    """Return what an account may send, and what `do` in the address asks for, prepared.

    `here` is the campaign's page.
    """
    now = has.now()
    funders = await run_in_threadpool(has.model.campaign_funders, campaign.campaign_id)
    shares = tuple(share(campaign, one) for one in funders)
    over = now >= campaign.ends_at
    since = await _reclaimable_from(has, campaign) if over and shares else None
    due = since is not None and since <= now and any(one.due for one in shares)
    found = offered(campaign, account, decider, now, more=bool(more), due=due)
    given = {name: text.strip() for name, text in query.items()}
    chosen: Act | None = next((one for one in found if one == given.get("do")), None)
    amount, problem = 0, ""
    purse, steps = None, tuple[Step, ...]()
    try:
        if given.get("do") and chosen is None:
            raise BadAddressError(gettext("the contract does not take that now"))
        if chosen == "fund" and given.get("amount") is not None:
            amount, purse = _amount(given), await purse_of(has, account)
            *_, call = fund(has.node.deployment, campaign.campaign_id, amount)
            name = gettext(
                "Put %(money)s into the budget of “%(name)s”",
                money=has.formats.money_plain(amount),
                name=campaign.name,
            )
            steps = (
                ()
                if purse is None
                else paid_steps(
                    has, purse, amount, name, call, shows=f"{here}?do=fund&amount={given['amount']}"
                )
            )
        elif chosen is not None and (chosen not in ASKING or given.keys() & ASKING[chosen]):
            name, call = _call(has, campaign, chosen, query, more, shares)
            steps = (Step(name, "now", prepare(has, name, account, call, here)),)
    except BadAddressError as error:
        problem = str(error)
    return Acts(
        account=account,
        offered=found,
        shares=shares,
        reclaimable_from=since,
        more=more,
        chosen=chosen,
        given=given,
        problem=problem,
        amount=amount,
        purse=purse,
        short=purse is not None and purse.balance < amount,
        steps=steps,
    )
