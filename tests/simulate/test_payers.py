"""Seeded causes are known in number and effect, and none depends on another session."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from chargecoin import tariff
from chargecoin.errors import ConfigurationError
from simulate import payers
from simulate.generator import generate
from simulate.network import Network, onboarding
from simulate.payers import Ledger, assign, cause_counts, expect, seed_causes
from simulate.plan import Cause


@pytest.fixture(scope="module")
def ledger(network: Network) -> Ledger:
    plans = generate(network, sessions=400, weeks=13, rng=Random(5))
    return assign(seed_causes(plans, network, Random(6)), network, Random(7))


def test_each_cause_is_seeded_as_often_as_announced(ledger: Ledger) -> None:
    found = Counter(plan.cause for plan in ledger.plans if plan.cause)
    assert found == cause_counts(400)
    assert set(found) == set(Cause)


def test_signed_values_are_tampered_with_only_where_the_meter_signs(
    network: Network, ledger: Ledger
) -> None:
    tampered = [plan for plan in ledger.plans if plan.cause is Cause.TAMPERED]
    assert tampered
    assert all(network.place(plan.place).connector.meter for plan in tampered)


def test_every_unfunded_session_has_a_token_no_other_session_uses(ledger: Ledger) -> None:
    uses = Counter(plan.token for plan in ledger.plans)
    for plan in ledger.plans:
        if plan.cause in {Cause.SHORT_VAULT, Cause.LIMIT, Cause.NO_MANDATE}:
            assert uses[plan.token] == 1


def test_every_other_vault_covers_all_its_sessions_on_one_day(
    network: Network, ledger: Ledger
) -> None:
    owed: Counter[str] = Counter()
    for plan in ledger.plans:
        if plan.cause not in {Cause.SHORT_VAULT, Cause.LIMIT, Cause.NO_MANDATE}:
            owed[plan.token] += payers.gross(plan, network)
    for payer in ledger.payers:
        needed = sum(owed[token] for token in payer.tokens)
        if needed:
            assert min(payer.deposit, payer.daily_limit) > needed


def test_no_card_is_used_twice_in_a_row_at_a_connector(ledger: Ledger) -> None:
    last: dict[str, str] = {}
    for plan in ledger.plans:
        assert last.get(plan.place) != plan.token
        last[plan.place] = plan.token


def test_expected_totals_are_those_of_a_ledger_kept_by_hand(
    network: Network, ledger: Ledger
) -> None:
    expected = expect(ledger, network)
    payer_of = {token: payer for payer in ledger.payers for token in payer.tokens}
    gross = paid = fees = 0
    for plan in ledger.plans:
        price = payers.gross(plan, network)
        match plan.cause:
            case Cause.SHORT_VAULT:
                payment = payer_of[plan.token].deposit
                assert 0 < payment < price
            case Cause.LIMIT:
                payment = payer_of[plan.token].daily_limit
                assert 0 < payment < price
            case Cause.NO_MANDATE:
                assert plan.token not in payer_of
                payment = 0
            case None:
                payment = price
            case _:
                continue
        gross, paid, fees = gross + price, paid + payment, fees + tariff.fee(payment)
    assert (expected.gross, expected.paid, expected.fees) == (gross, paid, fees)
    assert expected.owner_net == paid - fees
    assert expected.sessions_in == 400
    assert expected.sessions_in == expected.settled + expected.unfunded + expected.quarantined
    assert expected.rejected == 0


def test_too_few_sessions_for_every_cause_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="too few to seed every cause"):
        cause_counts(19)


def test_the_onboarding_names_every_connector_and_payer_with_its_key(
    network: Network, ledger: Ledger
) -> None:
    book = onboarding(network, [payer.funding for payer in ledger.payers], seed=1)
    connectors = [
        connector
        for owner in book["owners"]
        for site in owner["sites"]
        for station in site["stations"]
        for evse in station["evses"]
        for connector in evse["connectors"]
    ]
    assert len(connectors) == 40
    assert len({payer["key"] for payer in book["payers"]}) == len(ledger.payers)
    keys = [one["meter_key"]["public_key"] for one in connectors if one["meter_key"]]
    assert len(set(keys)) == len(keys) == 18
