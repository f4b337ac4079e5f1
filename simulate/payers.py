"""Who pays for the planned sessions, which of them go wrong, and what must come of it.

Every session that is to be unfunded has a vault or token of its own, and every
other vault holds more than it will ever need: what happens to a session does not
depend on the order in which batches settle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from chargecoin import tariff
from chargecoin.errors import ConfigurationError
from simulate.network import Funding, Network
from simulate.plan import QUARANTINED, UNFUNDED, Cause, SessionPlan
from simulate.profile import MISSING_END_RATE

LEAST_SESSIONS: Final = 20
"""Below this there is not room for every cause beside sessions without one."""
DRIVERS: Final = 40
FLEETS: Final = 5
TOKENS_PER_FLEET: Final = 8
FLEET_SHARE: Final = 0.35
RESERVE: Final = 100_000_000_000
"""What an ample vault holds beyond its planned sessions, base units."""
LEAST_ENERGY_WH: Final = 1000
"""A session that is made to go wrong is worth something."""

# Shares of all sessions. Missing ends are as frequent as published; the others are
# chosen so that a run of any size has some of each, and none hides the rest.
CAUSE_RATES: Final[Mapping[Cause, float]] = {
    Cause.SHORT_VAULT: 0.005,
    Cause.LIMIT: 0.005,
    Cause.NO_MANDATE: 0.01,
    Cause.NO_END: MISSING_END_RATE,
    Cause.REGISTER_BACKWARD: 0.0015,
    Cause.REGISTER_IMPLAUSIBLE: 0.0015,
    Cause.TAMPERED: 0.002,
}


@dataclass(frozen=True, slots=True)
class Payer:
    """A vault's holder and the tokens its mandate names."""

    name: str
    tokens: tuple[str, ...]
    deposit: int
    daily_limit: int

    @property
    def funding(self) -> Funding:
        """What the onboarding opens for it."""
        return Funding(self.name, self.deposit, self.daily_limit)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Sessions with their tokens and causes, by start time, and the payers behind the tokens."""

    plans: tuple[SessionPlan, ...]
    payers: tuple[Payer, ...]
    everyday_tokens: tuple[str, ...]
    """Tokens of ample vaults, for sessions that come later."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a run must end with; money in base units."""

    sessions_in: int
    settled: int
    unfunded: int
    rejected: int
    quarantined: int
    gross: int
    paid: int
    fees: int
    owner_net: int
    assurance_3: int


def cause_counts(sessions: int) -> Counter[Cause]:
    """Return how many sessions are seeded with each cause: its share, and at least one.

    Raises `ConfigurationError` below `LEAST_SESSIONS`.
    """
    if sessions < LEAST_SESSIONS:
        raise ConfigurationError(
            f"{sessions} sessions are too few to seed every cause; ask for {LEAST_SESSIONS} or more"
        )
    return Counter({cause: max(1, round(rate * sessions)) for cause, rate in CAUSE_RATES.items()})


def seed_causes(
    plans: Sequence[SessionPlan], network: Network, rng: Random
) -> tuple[SessionPlan, ...]:
    """Choose sessions to go wrong, `cause_counts` of each cause.

    Raises `ConfigurationError` where too few sessions are fit for one: a reading can
    only be tampered with where the meter signs.
    """
    causes: dict[int, Cause] = {}
    for cause, number in cause_counts(len(plans)).items():
        fit = [
            index
            for index, plan in enumerate(plans)
            if index not in causes
            and plan.energy_wh >= LEAST_ENERGY_WH
            and (cause is not Cause.TAMPERED or network.place(plan.place).connector.meter)
        ]
        if len(fit) < number:
            raise ConfigurationError(
                f"{number} sessions should end as {cause.value} and only {len(fit)} are fit for "
                "it; ask for more sessions"
            )
        causes.update(dict.fromkeys(rng.sample(fit, number), cause))
    return tuple(replace(plan, cause=causes.get(index)) for index, plan in enumerate(plans))


def gross(plan: SessionPlan, network: Network) -> int:
    """Return what a session costs at its connector's tariff, base units."""
    return tariff.gross(
        network.place(plan.place).connector.prices,
        energy_wh=plan.energy_wh,
        duration_s=plan.duration_s,
        idle_s=plan.idle_s,
    )


def _token(rng: Random) -> str:
    """Return an RFID card's seven-byte number, the first byte that of its maker."""
    return f"04{rng.getrandbits(48):012X}"


def assign(plans: Sequence[SessionPlan], network: Network, rng: Random) -> Ledger:
    """Give every session a token, and every token that should have one a payer."""
    drivers = {f"driver-{number:02d}": (_token(rng),) for number in range(1, DRIVERS + 1)}
    fleets = {
        f"fleet-{number}": tuple(_token(rng) for _ in range(TOKENS_PER_FLEET))
        for number in range(1, FLEETS + 1)
    }
    everyday = {**drivers, **fleets}
    driver_tokens = [token for tokens in drivers.values() for token in tokens]
    fleet_tokens = [token for tokens in fleets.values() for token in tokens]
    owed: Counter[str] = Counter()
    dedicated: list[Payer] = []
    done: list[SessionPlan] = []
    last_token: dict[str, str] = {}
    for number, plan in enumerate(plans, 1):
        price = gross(plan, network)
        if plan.cause in UNFUNDED:
            token = _token(rng)
            if plan.cause is Cause.SHORT_VAULT:
                dedicated.append(Payer(f"short-{number}", (token,), price // 2, RESERVE))
            elif plan.cause is Cause.LIMIT:
                dedicated.append(Payer(f"limit-{number}", (token,), RESERVE, price // 3))
        else:
            pool = fleet_tokens if rng.random() < FLEET_SHARE else driver_tokens
            # Two sessions in a row with one card in one minute would look like a repeat.
            token = rng.choice([one for one in pool if one != last_token.get(plan.place)])
            owed[token] += price
        last_token[plan.place] = token
        done.append(replace(plan, token=token))
    ample = [
        Payer(name, tokens, deposit, deposit)
        for name, tokens in everyday.items()
        for deposit in [sum(owed[token] for token in tokens) + RESERVE]
    ]
    return Ledger(
        plans=tuple(sorted(done, key=lambda plan: (plan.started_at, plan.ended_at, plan.place))),
        payers=(*ample, *dedicated),
        everyday_tokens=(*driver_tokens, *fleet_tokens),
    )


def expect(ledger: Ledger, network: Network) -> Expectation:
    """Work out from the plans alone what the chain must hold in the end."""
    payer_of = {token: payer for payer in ledger.payers for token in payer.tokens}
    prices = fees = paid = assurance_3 = 0
    for plan in ledger.plans:
        if plan.cause in QUARANTINED:
            continue
        price = gross(plan, network)
        payer = payer_of.get(plan.token)
        payment = min(price, payer.deposit, payer.daily_limit) if payer else 0
        meter = network.place(plan.place).connector.meter
        prices += price
        paid += payment
        fees += tariff.fee(payment)
        assurance_3 += bool(meter and meter.accredited)
    causes = Counter(plan.cause for plan in ledger.plans)
    unfunded = sum(causes[cause] for cause in UNFUNDED)
    quarantined = sum(causes[cause] for cause in QUARANTINED)
    return Expectation(
        sessions_in=len(ledger.plans),
        settled=len(ledger.plans) - unfunded - quarantined,
        unfunded=unfunded,
        rejected=0,
        quarantined=quarantined,
        gross=prices,
        paid=paid,
        fees=fees,
        owner_net=paid - fees,
        assurance_3=assurance_3,
    )
