"""A session's campaign is checked by the rules on chain and the sessions that it counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from chargecoin.campaign_terms import CampaignTerms
from chargecoin.campaigns import ALL_HOURS, Kind
from chargecoin.evidence.format import (
    CampaignPart,
    EarlierSessionPart,
    hexed,
    session_hex,
    unhexed,
    word_hex,
)
from chargecoin.record import Run, SessionRecord
from tests.support.chain import OWNER, FakeChain, settle
from tests.support.charging import START
from tests.support.evidence import (
    ACCOUNT,
    CONNECTOR,
    Settled,
    registered,
    report_of,
    settled_session,
)

DAY_S: Final = 86_400
GROSS: Final = 495_450
OFF_PEAK: Final = CampaignTerms(
    id=3,
    kind=Kind.OFF_PEAK,
    owner_id=OWNER,
    starts_at=START - DAY_S,
    ends_at=START + DAY_S,
    pauses=(),
    hour_mask=ALL_HOURS,
    rate_bps=2_000,
    session_cap=5_000_000,
    min_sessions=0,
    window_days=0,
    driver_cap=0,
)
LOYALTY: Final = replace(OFF_PEAK, kind=Kind.LOYALTY, min_sessions=2, window_days=30)


def part(terms: CampaignTerms, *sessions: EarlierSessionPart) -> CampaignPart:
    return CampaignPart(
        id=terms.id,
        rate_bps=terms.rate_bps,
        session_cap=terms.session_cap,
        benefit=terms.benefit(GROSS),
        sessions=sessions,
    )


def with_campaign(terms: CampaignTerms, chain: FakeChain | None = None, **changes: Any) -> Settled:
    """Return a session with a campaign whose terms on chain are `terms` with changes."""
    chain = chain or registered()
    chain.campaigns[terms.id, CONNECTOR] = replace(terms, **changes)
    return settled_session(campaign=part(terms), chain=chain)


async def detail(one: Settled, step: str = "campaign") -> str:
    """Return what the step says, which is the only one that fails."""
    report = await report_of(one)
    assert report.failed == (step,)
    [found] = [result.detail for result in report.steps if result.step == step]
    return found


async def test_a_discount_within_its_rules_holds() -> None:
    report = await report_of(with_campaign(OFF_PEAK))
    assert report.ok
    [said] = [result.detail for result in report.steps if result.step == "campaign"]
    assert said == "campaign 3 takes off 99090 base units"


async def test_the_record_names_the_campaign() -> None:
    one = with_campaign(OFF_PEAK)
    assert SessionRecord.decode(int(one.bundle.word, 16)).campaign_id == OFF_PEAK.id


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"starts_at": START + 1}, "does not cover the start"),
        ({"ends_at": START}, "does not cover the start"),
        ({"pauses": ((START - 10, START + 1),)}, "does not cover the start"),
        ({"hour_mask": ALL_HOURS ^ 1 << 72}, "does not cover the start"),
        ({"rate_bps": 1_999}, "rate is stated as 2000, and is 1999"),
        ({"session_cap": 1}, "cap is stated as 5000000, and is 1"),
    ],
)
async def test_terms_that_are_others_on_chain_fail(changes: dict[str, Any], because: str) -> None:
    assert because in await detail(with_campaign(OFF_PEAK, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"starts_at": START},
        {"ends_at": START + 1},
        {"pauses": ((START - 10, START), (START + 1, START + 9))},
        {"hour_mask": 1 << 72},
    ],
)
async def test_the_edges_of_dates_pauses_and_hours_are_inside(changes: dict[str, Any]) -> None:
    assert (await report_of(with_campaign(OFF_PEAK, **changes))).ok


async def test_a_campaign_that_the_connector_takes_no_part_in_fails() -> None:
    one = settled_session(campaign=part(OFF_PEAK))
    assert "takes part in no campaign 3" in await detail(one)


async def test_a_benefit_larger_than_the_rules_give_fails() -> None:
    one = with_campaign(OFF_PEAK)
    changed = one.json
    changed["campaign"]["benefit"] += 1
    assert "benefit is stated as 99091, and is 99090" in await detail(one.anchored(changed))


async def test_a_campaign_without_a_payer_fails() -> None:
    chain = registered()
    chain.campaigns[OFF_PEAK.id, CONNECTOR] = OFF_PEAK
    one = settled_session(campaign=part(OFF_PEAK), chain=chain, paid=False)
    assert "nobody pays" in await detail(one)


# --------------------------------------------------------------------- loyalty


def earlier(chain: FakeChain, *days_ago: float, payer: int = ACCOUNT) -> list[EarlierSessionPart]:
    """Settle earlier sessions at the connector and return how evidence names them."""
    word = int(settled_session().bundle.word, 16)
    words = [
        replace(
            SessionRecord.decode(word), payer=payer, started_at=int(START - days * DAY_S)
        ).encode()
        for days in days_ago
    ]
    run = Run(CONNECTOR, 5, 1, 0, tuple(words))
    proofs = settle(chain, [run], dict.fromkeys(run.session_ids(), b""), batch=30, number=700)
    return [
        EarlierSessionPart(
            id=session_hex(CONNECTOR, one & 0xFFFFFFFF), transaction=proofs[one].transaction
        )
        for one in run.session_ids()
    ]


def loyal(*days_ago: float, named: int | None = None, **changes: Any) -> Settled:
    """Return a session with a loyalty boost that counts sessions so many days before."""
    chain = registered()
    sessions = earlier(chain, *days_ago, payer=changes.pop("payer", ACCOUNT))
    chain.campaigns[LOYALTY.id, CONNECTOR] = replace(LOYALTY, **changes)
    return settled_session(campaign=part(LOYALTY, *sessions[:named]), chain=chain)


async def test_a_loyalty_boost_counts_sessions_of_the_chain() -> None:
    report = await report_of(loyal(1, 30))
    assert report.ok


async def test_too_few_sessions_fail() -> None:
    assert "1 earlier sessions are named, and the campaign asks for 2" in await detail(
        loyal(1, 2, named=1)
    )


@pytest.mark.parametrize("days_ago", [30.001, 0, -1])
async def test_a_session_outside_of_the_window_fails(days_ago: float) -> None:
    assert "none that the campaign counts" in await detail(loyal(1, days_ago))


async def test_a_session_of_another_payer_fails() -> None:
    assert "none that the campaign counts" in await detail(loyal(1, 2, payer=ACCOUNT + 1))


async def test_a_session_at_another_owners_connector_fails() -> None:
    assert "none that the campaign counts" in await detail(loyal(1, 2, owner_id=OWNER + 1))


async def test_a_session_named_twice_fails() -> None:
    chain = registered()
    [one] = earlier(chain, 1)
    chain.campaigns[LOYALTY.id, CONNECTOR] = LOYALTY
    twice = settled_session(campaign=part(LOYALTY, one, one), chain=chain)
    assert "named twice" in await detail(twice)


async def test_a_session_that_no_transaction_settled_fails() -> None:
    chain = registered()
    chain.campaigns[LOYALTY.id, CONNECTOR] = LOYALTY
    made_up = EarlierSessionPart(id=word_hex(9 << 64 | 1), transaction=hexed(bytes(32)))
    assert unhexed(made_up.transaction, 32) not in chain.receipts
    one = settled_session(campaign=part(LOYALTY, made_up), chain=chain)
    assert "the chain settled no session" in await detail(one)
