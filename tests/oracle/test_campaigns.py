"""Which campaign a session gets out of what is final, and what an attester holds against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from sqlite3 import Connection, Row, connect
from typing import Any, Final

import pytest

from chargecoin.campaign_terms import CampaignTerms, EarlierSession
from chargecoin.campaigns import ALL_HOURS, Kind
from chargecoin.errors import AttestationRefusedError
from chargecoin.evidence.format import Bundle, CampaignPart
from chargecoin.record import session_id
from oracle.sessions import campaigns as choosing
from oracle.store import campaigns
from tests.support.charging import START
from tests.support.evidence import ACCOUNT, CONNECTOR, SEQUENCE, settled_session

DAY_S: Final = 86_400
GROSS: Final = 495_450
OWNER: Final = 1
BEFORE: Final = START - DAY_S
DISCOUNT: Final = CampaignTerms(
    id=1,
    kind=Kind.OFF_PEAK,
    owner_id=OWNER,
    starts_at=BEFORE,
    ends_at=START + DAY_S,
    pauses=(),
    hour_mask=ALL_HOURS,
    rate_bps=1_000,
    session_cap=5_000_000,
    min_sessions=0,
    window_days=0,
    driver_cap=0,
)
LARGER: Final = replace(DISCOUNT, id=2, rate_bps=2_000)
LOYALTY: Final = replace(
    DISCOUNT, id=3, kind=Kind.LOYALTY, rate_bps=3_000, min_sessions=2, window_days=10
)
CAPPED: Final = replace(DISCOUNT, id=4, rate_bps=4_000, driver_cap=2)


@pytest.fixture
def store() -> Iterator[Connection]:
    connection = connect(":memory:")
    connection.row_factory = Row
    schema = files("oracle.store").joinpath("schema.sql").read_text(encoding="utf-8")
    connection.executescript(schema)
    yield connection
    connection.close()


def offer(store: Connection, *offered: CampaignTerms, at: int = BEFORE) -> None:
    for terms in offered:
        campaigns.add(store, terms)
        campaigns.enrol(store, terms.id, [CONNECTOR], at)


def choose(store: Connection, **changes: Any) -> int:
    """Return the number of the campaign that a session gets, 0 for none."""
    asked: dict[str, Any] = {
        "account": ACCOUNT,
        "connector_id": CONNECTOR,
        "started_at": START,
        "hour_of_week": 72,
        "gross": GROSS,
    }
    chosen = choosing.choose(store, **(asked | changes))
    return chosen.id if chosen else 0


def charged(
    store: Connection, *days_ago: float, campaign: int = 0, first: int = 1, **changes: Any
) -> None:
    """Let the payer have charged so many days before, and that be final."""
    known: dict[str, Any] = {
        "transaction": bytes(32),
        "account": ACCOUNT,
        "owner_id": OWNER,
        "campaign": campaign,
        "settled": True,
    } | changes
    campaigns.add_settled(
        store,
        [
            EarlierSession(
                session_id=session_id(CONNECTOR, first + n),
                started_at=int(START - days * DAY_S),
                **known,
            )
            for n, days in enumerate(days_ago)
        ],
    )


def test_without_a_campaign_none_applies(store: Connection) -> None:
    assert choose(store) == 0


def test_the_campaign_that_takes_most_off_applies(store: Connection) -> None:
    offer(store, DISCOUNT, LARGER)
    assert choose(store) == LARGER.id


def test_of_equals_the_first_created_applies(store: Connection) -> None:
    offer(store, replace(LARGER, id=9), LARGER)
    assert choose(store) == LARGER.id


def test_a_small_cap_makes_a_high_rate_the_worse_one(store: Connection) -> None:
    offer(store, DISCOUNT, replace(LARGER, session_cap=1))
    assert choose(store) == DISCOUNT.id


@pytest.mark.parametrize("changes", [{"account": 0}, {"gross": 0}, {"connector_id": CONNECTOR + 1}])
def test_nothing_applies_where_nothing_can(store: Connection, changes: dict[str, int]) -> None:
    offer(store, DISCOUNT)
    assert choose(store, **changes) == 0


def test_a_session_that_started_before_the_connector_took_part_gets_nothing(
    store: Connection,
) -> None:
    offer(store, DISCOUNT, at=START + 1)
    assert choose(store) == 0
    assert choose(store, started_at=START + 1) == DISCOUNT.id


def test_a_pause_and_a_close_bind_only_sessions_that_start_later(store: Connection) -> None:
    offer(store, DISCOUNT)
    campaigns.pause(store, DISCOUNT.id, START + 1)
    assert [choose(store, started_at=START + n) for n in (0, 1, 100)] == [DISCOUNT.id, 0, 0]
    campaigns.resume(store, DISCOUNT.id, START + 100)
    campaigns.pause(store, DISCOUNT.id, START + 200)
    campaigns.close(store, DISCOUNT.id, START + 150)
    found = [choose(store, started_at=START + n) for n in (0, 99, 100, 149, 150)]
    assert found == [DISCOUNT.id, 0, DISCOUNT.id, DISCOUNT.id, 0]


def test_an_hour_that_is_not_in_the_mask_gets_nothing(store: Connection) -> None:
    offer(store, replace(DISCOUNT, hour_mask=1 << 167))
    assert choose(store, hour_of_week=166) == 0
    assert choose(store, hour_of_week=167) == DISCOUNT.id


# --------------------------------------------------------------------- loyalty


def test_a_loyalty_boost_needs_its_sessions_within_its_days(store: Connection) -> None:
    offer(store, LOYALTY)
    charged(store, 1, 10.001)
    assert choose(store) == 0
    charged(store, 10, first=3)
    chosen = choosing.choose(
        store,
        account=ACCOUNT,
        connector_id=CONNECTOR,
        started_at=START,
        hour_of_week=72,
        gross=GROSS,
    )
    assert chosen
    assert [int(one.id, 16) & 0xFF for one in chosen.sessions] == [1, 3]


@pytest.mark.parametrize("changes", [{"owner_id": 2}, {"account": 6}, {"settled": False}])
def test_sessions_elsewhere_of_others_or_unpaid_count_nothing(
    store: Connection, changes: dict[str, Any]
) -> None:
    offer(store, LOYALTY)
    charged(store, 1, 2, 3, **changes)
    assert choose(store) == 0


# ------------------------------------------------------------------- driver's cap


def under_way(store: Connection, word: int) -> None:
    store.execute(
        "INSERT INTO sessions (id, charge_point, state, closed_at, word)"
        " VALUES (1, 'CP-0007', 'pending', 0, ?)",
        (word.to_bytes(32, "big"),),
    )


def with_campaign(terms: CampaignTerms) -> Bundle:
    """Return the bundle of a session that has a campaign."""
    part = CampaignPart(
        id=terms.id,
        rate_bps=terms.rate_bps,
        session_cap=terms.session_cap,
        benefit=terms.benefit(GROSS),
        sessions=(),
    )
    return settled_session(campaign=part).bundle


def test_a_payer_gets_a_campaign_only_so_often(store: Connection) -> None:
    offer(store, CAPPED)
    charged(store, 1, campaign=CAPPED.id)
    assert choose(store) == CAPPED.id
    charged(store, 2, campaign=CAPPED.id, first=2)
    assert choose(store) == 0


def test_what_is_under_way_counts_as_well(store: Connection) -> None:
    offer(store, CAPPED)
    charged(store, 1, campaign=CAPPED.id)
    under_way(store, int(with_campaign(CAPPED).word, 16))
    assert choose(store) == 0
    assert choose(store, account=ACCOUNT + 1) == CAPPED.id


def attested(store: Connection, word: int, sequence: int, expiry: int, settled: int = 0) -> None:
    store.execute(
        "INSERT INTO attestations VALUES (?, ?, ?, x'', ?, '', '', 0, 0, 0, NULL, NULL, NULL, NULL,"
        " '0', '0', ?)",
        (CONNECTOR, sequence, word.to_bytes(32, "big"), expiry, settled),
    )


def test_an_attester_counts_what_it_signed_and_may_yet_settle(store: Connection) -> None:
    offer(store, replace(CAPPED, driver_cap=1))
    bundle = with_campaign(CAPPED)
    word = int(bundle.word, 16)
    choosing.check_driver_cap(store, bundle, START, 0)
    attested(store, word, SEQUENCE, START + 1)
    attested(store, word, SEQUENCE - 1, START - 1)
    attested(store, word, SEQUENCE - 2, START + 1, settled=2)
    choosing.check_driver_cap(store, bundle, START, 0)
    attested(store, word, SEQUENCE + 1, START + 1)
    with pytest.raises(AttestationRefusedError, match="1 times already"):
        choosing.check_driver_cap(store, bundle, START, 0)


def test_an_attester_counts_the_batch_before_it(store: Connection) -> None:
    offer(store, CAPPED)
    charged(store, 1, campaign=CAPPED.id)
    bundle = with_campaign(CAPPED)
    choosing.check_driver_cap(store, bundle, START, 0)
    with pytest.raises(AttestationRefusedError, match="1 times already"):
        choosing.check_driver_cap(store, bundle, START, 1)


# ----------------------------------------------------------------- nothing left out


@pytest.mark.parametrize(
    ("offered", "refused"),
    [
        (DISCOUNT, True),
        (replace(DISCOUNT, kind=Kind.CO_BRANDED, owner_id=0), False),
        (CAPPED, False),
        (LOYALTY, False),
        (replace(DISCOUNT, ends_at=START), False),
        (replace(DISCOUNT, hour_mask=1), False),
    ],
)
def test_a_discount_for_everybody_cannot_be_left_out(
    store: Connection, offered: CampaignTerms, refused: bool
) -> None:
    offer(store, offered)
    bundle = settled_session().bundle
    if not refused:
        choosing.check_nothing_left_out(store, bundle)
        return
    with pytest.raises(AttestationRefusedError, match="campaign 1 takes more off"):
        choosing.check_nothing_left_out(store, bundle)


def test_who_pays_nothing_misses_nothing(store: Connection) -> None:
    offer(store, DISCOUNT)
    choosing.check_nothing_left_out(store, settled_session(paid=False).bundle)


def test_a_better_campaign_may_stand_in_for_the_discount(store: Connection) -> None:
    offer(store, DISCOUNT, LARGER)
    choosing.check_nothing_left_out(store, with_campaign(LARGER))
    with pytest.raises(AttestationRefusedError, match="campaign 2 takes more off"):
        choosing.check_nothing_left_out(store, with_campaign(DISCOUNT))
