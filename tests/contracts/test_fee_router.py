"""The fee router: oracles first, then the shares, and a destination that refuses stops nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import boa
import pytest

from tests.contracts.world import TOKEN, Fault, a_chain, events, source

SHARES: Final = (4_000, 3_000, 2_000, 1_000)
NOBODY: Final = "0x" + "00" * 20

# What the router asks of settlement: a sum that only grows.
SETTLEMENT: Final = """
# pragma version 0.4.3
reimbursable: public(uint256)
@external
def earn(amount: uint256):
    self.reimbursable += amount
"""

# A token that refuses some, by reverting or by answering false.
REFUSING: Final = """
# pragma version 0.4.3
balanceOf: public(HashMap[address, uint256])
how: HashMap[address, uint256]
@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount
@external
def refuse(who: address, how: uint256):
    self.how[who] = how
@external
def transfer(to: address, amount: uint256) -> bool:
    assert self.how[to] != 1, "token: frozen"
    if self.how[to] == 2:
        return False
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
    return True
"""


class Routing:
    """A router over a token, with one address a role."""

    def __init__(self, token: Any) -> None:
        self.governance, self.stranger, self.oracles = (
            boa.env.generate_address(role) for role in ("governance", "stranger", "oracles")
        )
        names = ("stakers", "drivers", "stations", "treasury")
        self.destinations = tuple(boa.env.generate_address(name) for name in names)
        self.token = token
        self.settlement = boa.loads(SETTLEMENT)
        self.router = source("FeeRouter").deploy(
            token, self.settlement, self.governance, self.destinations, SHARES
        )

    def arrive(self, amount: int) -> None:
        """Fees arrive as settlement sends them."""
        self.token.mint(self.router, amount)

    def route(self) -> int:
        """A stranger routes; return what was shared."""
        shared: int = self.router.route(sender=self.stranger)
        return shared

    def received(self) -> list[int]:
        """What each destination has."""
        return [self.token.balanceOf(one) for one in self.destinations]


@pytest.fixture(scope="module")
def deployed() -> Iterator[Routing]:
    with a_chain():
        yield Routing(boa.loads(REFUSING))


@pytest.fixture
def routing(deployed: Routing) -> Iterator[Routing]:
    with boa.env.anchor():
        yield deployed


@pytest.fixture
def router(routing: Routing) -> Any:
    return routing.router


# Sharing


def test_a_token_that_answers_nothing_is_shared() -> None:
    with boa.env.anchor():
        routing = Routing(source("mocks/silent_token_mock").deploy())
        routing.arrive(10_000)
        assert routing.route() == 10_000
        assert routing.received() == [4_000, 3_000, 2_000, 1_000]
        assert routing.router.total_owed() == 0


def test_what_arrived_is_shared_to_the_last_unit(routing: Routing, router: Any) -> None:
    routing.arrive(10_003)
    assert routing.route() == 10_003
    [event] = events(router, "Routed")
    assert (event.amount, event.stakers, event.treasury) == (10_003, 4_001, 1_002)
    assert routing.received() == [4_001, 3_000, 2_000, 1_002]
    with boa.reverts("router: nothing to route"):
        routing.route()


@pytest.mark.parametrize("amount", [1, 3, 9_999, 10_000, 123_456_789])
def test_the_treasury_takes_the_fractions(routing: Routing, amount: int) -> None:
    routing.arrive(amount)
    routing.route()
    shares = [amount * share // 10_000 for share in SHARES[:3]]
    assert routing.received() == [*shares, amount - sum(shares)]


# Reimbursement


def test_oracles_come_first_with_what_settlement_calls_reimbursable(
    routing: Routing, router: Any
) -> None:
    router.set_oracles(routing.oracles, sender=routing.governance)
    routing.settlement.earn(1_500)
    routing.arrive(11_500)
    assert routing.route() == 10_000
    [event] = events(router, "Reimbursed")
    assert (event.oracles, event.amount) == (routing.oracles, 1_500)
    assert routing.token.balanceOf(routing.oracles) == router.reimbursed() == 1_500
    assert routing.received() == list(SHARES)
    routing.arrive(10_000)
    assert routing.route() == 10_000
    assert events(router, "Reimbursed") == []


def test_reimbursement_that_the_money_does_not_reach_waits(routing: Routing, router: Any) -> None:
    router.set_oracles(routing.oracles, sender=routing.governance)
    routing.settlement.earn(1_500)
    routing.arrive(1_100)
    assert routing.route() == 0
    routing.arrive(500)
    assert routing.route() == 100
    assert routing.token.balanceOf(routing.oracles) == 1_500


def test_what_was_reimbursable_before_there_was_anybody_to_pay_is_not_paid(
    routing: Routing, router: Any
) -> None:
    routing.settlement.earn(900)
    routing.arrive(10_000)
    assert routing.route() == 10_000
    router.set_oracles(routing.oracles, sender=routing.governance)
    routing.settlement.earn(100)
    routing.arrive(1_100)
    assert routing.route() == 1_000
    assert routing.token.balanceOf(routing.oracles) == 100


def test_other_oracles_are_paid_what_is_left_and_nothing_twice(
    routing: Routing, router: Any
) -> None:
    router.set_oracles(routing.oracles, sender=routing.governance)
    routing.settlement.earn(700)
    routing.arrive(300)
    routing.route()
    router.set_oracles(routing.stranger, sender=routing.governance)
    assert events(router, "OraclesSet")[0].oracles == router.oracles() == routing.stranger
    routing.arrive(1_400)
    assert routing.route() == 1_000
    token = routing.token
    assert [token.balanceOf(one) for one in (routing.oracles, routing.stranger)] == [300, 400]


# Destinations that refuse


@pytest.mark.parametrize("how", [1, 2], ids=["reverts", "answers false"])
@pytest.mark.parametrize("place", range(4))
def test_a_destination_that_refuses_holds_up_nobody_else(
    routing: Routing, router: Any, place: int, how: int
) -> None:
    refusing = routing.destinations[place]
    routing.token.refuse(refusing, how)
    routing.arrive(10_000)
    assert routing.route() == 10_000
    [event] = events(router, "RouteFailed")
    assert (event.to, event.amount) == (refusing, SHARES[place])
    assert routing.received() == [SHARES[i] * (i != place) for i in range(4)]
    assert router.owed(refusing) == router.total_owed() == SHARES[place]


def test_what_was_refused_is_shared_with_nobody_and_sent_later(
    routing: Routing, router: Any
) -> None:
    refusing = routing.destinations[0]
    routing.token.refuse(refusing, 1)
    for _ in range(2):
        routing.arrive(10_000)
        routing.route()
    with boa.reverts("router: nothing to route"):
        routing.route()
    with boa.reverts("router: refused again"):
        router.retry(refusing, sender=routing.stranger)
    routing.token.refuse(refusing, 0)
    assert router.retry(refusing, sender=routing.stranger) == 8_000
    [event] = events(router, "RouteRetried")
    assert (event.to, event.amount) == (refusing, 8_000)
    assert routing.token.balanceOf(refusing) == 8_000
    assert router.owed(refusing) == router.total_owed() == routing.token.balanceOf(router) == 0
    with boa.reverts("router: nothing is owed"):
        router.retry(refusing, sender=routing.stranger)


def test_oracles_that_refuse_are_kept_their_reimbursement(routing: Routing, router: Any) -> None:
    router.set_oracles(routing.oracles, sender=routing.governance)
    routing.token.refuse(routing.oracles, 1)
    routing.settlement.earn(1_500)
    routing.arrive(11_500)
    assert routing.route() == 10_000
    assert router.owed(routing.oracles) == router.reimbursed() == 1_500
    routing.token.refuse(routing.oracles, 0)
    assert router.retry(routing.oracles) == 1_500


@pytest.mark.py_evm
def test_nobody_can_have_a_share_refused_by_giving_little_gas(
    routing: Routing, router: Any
) -> None:
    routing.arrive(10_000)
    with boa.env.anchor():
        routing.route()
        used = router.call_trace().gas_used
    went_through = []
    for gas in range(used // 3, 2 * used, used // 60):
        with boa.env.anchor():
            try:
                router.route(sender=routing.stranger, gas=gas)
            except boa.BoaError:
                continue
            assert router.total_owed() == 0, f"{gas} gas had a share refused"
            went_through.append(gas)
    assert used // 3 < min(went_through) < 2 * used


def test_a_token_that_calls_back_gets_nothing_twice() -> None:
    with a_chain():
        token = source("mocks/odd_token_mock").deploy(6)
        routing = Routing(token)
        routing.arrive(TOKEN)
        again = routing.router.route.prepare_calldata()
        token.set_call_back(routing.router, again)
        routing.route()
        assert not token.called_back()
        assert sum(routing.received()) == TOKEN
        assert token.fault() == Fault.CALLS_BACK


def test_a_token_that_calls_back_has_nothing_shared_that_was_kept_for_somebody() -> None:
    with a_chain():
        token = source("mocks/odd_token_mock").deploy(6)
        routing = Routing(token)
        token.set_fault(Fault.RETURNS_FALSE)
        routing.arrive(10_000)
        routing.route()
        token.set_call_back(routing.router, routing.router.route.prepare_calldata())
        routing.router.retry(routing.destinations[0])
        assert not token.called_back()
        assert routing.received() == [4_000, 0, 0, 0]
        assert token.balanceOf(routing.router) == routing.router.total_owed() == 6_000


# Who may change what


def test_only_governance_changes_the_router_and_only_within_reason(
    routing: Routing, router: Any
) -> None:
    destinations, governance = routing.destinations, routing.governance
    calls: tuple[Callable[[Any], object], ...] = (
        lambda by: router.set_shares(SHARES, sender=by),
        lambda by: router.set_destinations(destinations, sender=by),
        lambda by: router.set_oracles(routing.stranger, sender=by),
    )
    for call in calls:
        with boa.reverts("router: not governance"):
            call(routing.stranger)
        call(governance)
    with boa.reverts("router: shares must sum to 10,000"):
        router.set_shares((4_000, 3_000, 2_000, 1_001), sender=governance)
    for place in range(4):
        one_missing = [NOBODY if i == place else destinations[i] for i in range(4)]
        with boa.reverts("router: zero address"):
            router.set_destinations(one_missing, sender=governance)
    with boa.reverts("router: zero address"):
        router.set_oracles(NOBODY, sender=governance)


def test_the_router_says_what_it_was_set_to(routing: Routing, router: Any) -> None:
    destinations, governance = routing.destinations, routing.governance
    assert tuple(router.shares()) == SHARES
    assert tuple(router.destinations()) == destinations
    assert (router.token(), router.settlement()) == (
        routing.token.address,
        routing.settlement.address,
    )
    assert (router.governance(), router.oracles()) == (governance, NOBODY)
    router.set_shares((0, 0, 0, 10_000), sender=governance)
    assert events(router, "SharesSet")[0].treasury == 10_000
    router.set_destinations(destinations[::-1], sender=governance)
    assert events(router, "DestinationsSet")[0].stakers == destinations[3]


def test_a_router_is_not_deployed_half(routing: Routing) -> None:
    token, settlement, governance = routing.token, routing.settlement, routing.governance
    for triple in (
        (NOBODY, settlement, governance),
        (token, NOBODY, governance),
        (token, settlement, NOBODY),
    ):
        with boa.reverts("router: zero address"):
            source("FeeRouter").deploy(*triple, routing.destinations, SHARES)
    with boa.reverts("router: shares must sum to 10,000"):
        source("FeeRouter").deploy(
            token, settlement, governance, routing.destinations, (10_000, 0, 0, 1)
        )
