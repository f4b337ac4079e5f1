"""What settling a session costs, by receipt: `python -m benchmarks.gas --json`.

The scenarios of DESIGN, section 4: 200 sessions over 20 connectors of 5 owners,
3 of 5 signatures, on anvil, current hardfork. Each connector, owner, payer and
campaign has a past, so every slot that settlement touches is cold and not zero; the
batch is settled on a later day than that past, as it would be. The sums are exact and the
same in every run, so `benchmarks/gas_snapshot.json` is compared to the unit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

from eth_utils.crypto import keccak

from benchmarks import _gas_payouts
from benchmarks._gas_chart import Chart
from chargecoin.chain import Chain, Receipt
from chargecoin.chain.events import decode_events
from chargecoin.chain.transactions import Call, contract_call
from chargecoin.local_node import LocalNode, NodeOptions
from chargecoin.record import (
    MAX_SESSIONS,
    Assurance,
    Outcome,
    SessionRecord,
    Status,
)
from chargecoin.tariff import Prices, gross
from chargecoin.typed_data import Signer
from scripts._local import DEPLOYER, LocalProtocol, set_up
from scripts._onboarding_file import (
    ConnectorInput,
    EvseInput,
    Onboarding,
    OwnerInput,
    PayerInput,
    SiteInput,
    StationInput,
    TariffInput,
)
from scripts._settling import Settler

SNAPSHOT: Final = Path(__file__).with_name("gas_snapshot.json")
CHART: Final = Path(__file__).parents[1] / "docs" / "images" / "gas-by-batch-size.svg"
CHART_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 256)
GENESIS: Final = 1_767_225_600  # 2026-01-01
DAY_S: Final = 86_400
SESSIONS: Final = 200
CONNECTORS: Final = 20
OWNERS: Final = 5
MEMBERS: Final = 5
THRESHOLD: Final = 3
FLEETS: Final = 10
PRICES: Final = Prices(kwh=450_000, hour=0, idle_hour=0, session=0)
DEPOSIT: Final = 500_000_000
LIMIT: Final = 400_000_000
CAMPAIGNS: Final = 2
BUDGET: Final = 10_000_000_000
BLOCK_GAS_LIMIT: Final = 60_000_000
TRANSACTION_CAP: Final = 16_777_216  # EIP-7825
SESSION_PRICE_EUR: Final = 15
FEE_SHARE: Final = 0.001

T = TypeVar("T")


def _secret(role: str) -> str:
    return "0x" + keccak(text=f"chargecoin benchmark {role}").hex()


def _signers() -> list[Signer]:
    found = [Signer(bytes.fromhex(_secret(f"attester {i}")[2:])) for i in range(MEMBERS)]
    return sorted(found, key=lambda signer: int(signer.address, 16))


def _onboarding() -> Onboarding:
    """Return 5 owners with 4 connectors each, and payers: 256 with money, 256 without."""
    tariff = TariffInput(kwh=PRICES.kwh, hour=0, idle_hour=0, session=0, vat_bps=2_000)

    def station(number: int) -> StationInput:
        connector = ConnectorInput(1, 4, 2, 22_000, tariff)
        return StationInput(f"CP-{number:04}", "Vendor", "Model", (EvseInput(1, (connector,)),))

    def site(owner: int) -> SiteInput:
        each = CONNECTORS // OWNERS
        stations = tuple(station(owner * each + i) for i in range(each))
        return SiteInput(f"Site {owner}", "Europe/London", "GB", "GB", stations)

    return Onboarding(
        owners=tuple(
            OwnerInput(f"Owner {i}", _secret(f"station_owner {i}"), (site(i),))
            for i in range(OWNERS)
        ),
        payers=tuple(
            PayerInput(f"{kind} {i}", _secret(f"{kind} {i}"), deposit, LIMIT)
            for kind, deposit in (("payer", DEPOSIT), ("pauper", 0))
            for i in range(MAX_SESSIONS)
        ),
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """What a batch cost. `calldata` in bytes."""

    sessions: int
    gas: int
    calldata: int
    outcomes: Counter[Status]


class Bench:
    """A protocol with a past, on which batches are settled and undone again."""

    def __init__(self, node: LocalNode, chain: Chain, protocol: LocalProtocol) -> None:
        """Build on what `set_up` made."""
        self._node = node
        self._settler = Settler(node, chain, _signers()[:THRESHOLD])
        self._connectors: list[int] = list(protocol.ids["connectors"].values())
        self._accounts: dict[str, int] = {
            name: payer["account"] for name, payer in protocol.ids["payers"].items()
        }
        self.settlement = chain.deployment.address("Settlement")
        self._token = chain.deployment.address("Token")
        self._campaigns = chain.deployment.address("CampaignManager")

    def accounts(self, kind: str, count: int) -> list[int]:
        """Return vault accounts of payers with (`payer`) or without money (`pauper`)."""
        return [self._accounts[f"{kind} {i}"] for i in range(count)]

    async def execute(self, call: Call) -> Receipt:
        """Send one transaction of the deployer and return its receipt."""
        [receipt] = await self._settler.execute(call)
        return receipt

    async def sponsor(self) -> None:
        """Have the deployer sponsor campaigns that take turns at the connectors."""
        mint = contract_call("TestStablecoin", "mint", self._token, DEPLOYER.address, BUDGET)
        approve = contract_call("TestStablecoin", "approve", self._token, self.settlement, BUDGET)
        for call in (mint, approve):
            await self.execute(call)
        for number in range(CAMPAIGNS):
            # Co-branded, for 100 days and at all hours: a tenth of the price, at most 5.
            dates = (0, GENESIS + 100 * DAY_S, 2**168 - 1)
            terms = (3, 0, f"Sponsor {number}", *dates, 1_000, 5_000_000, BUDGET, 0, 0, 0)
            budget = BUDGET // CAMPAIGNS
            arguments = (terms, self._connectors[number::CAMPAIGNS], budget)
            await self.execute(
                contract_call("CampaignManager", "create", self._campaigns, *arguments)
            )

    async def settle(self, payers: Sequence[int], day: int, campaigns: int = 0) -> Measured:
        """Settle one session a payer, evenly over the connectors, on a day after genesis.

        With `campaigns`, the connectors take turns with that many.
        """
        now = GENESIS + day * DAY_S + 23 * 3600
        call = await self._settler.batch(self._sessions(payers, now - 12 * 3600, campaigns))
        self._node.set_next_timestamp(now)
        receipt = await self.execute(call)
        found = [
            Outcome.decode(event.args["session"])
            for event in decode_events("Settlement", self.settlement, receipt.logs)
            if event.name == "Session"
        ]
        outcomes = Counter(outcome.status for outcome in found)
        if outcomes.total() != len(payers):
            raise RuntimeError(f"{outcomes.total()} of {len(payers)} sessions were processed")
        applied = sum(outcome.campaign_paid > 0 for outcome in found)
        if campaigns and applied != len(payers):
            raise RuntimeError(f"a campaign paid for {applied} of {len(payers)} sessions")
        return Measured(len(payers), receipt.gas_used, len(call.data), outcomes)

    def _sessions(
        self, payers: Sequence[int], start: int, campaigns: int
    ) -> dict[int, list[SessionRecord]]:
        """Return one session a payer; energies and times vary, the same in every run."""
        dice = random.Random(256)
        sessions: dict[int, list[SessionRecord]] = {}
        for i, payer in enumerate(payers):
            # Neighbours in the list of payers share a connector, as far as they fit.
            number = i * len(self._connectors) // len(payers)
            campaign = number % campaigns + 1 if campaigns else 0
            record = _record(dice, payer, start, campaign)
            sessions.setdefault(self._connectors[number], []).append(record)
        return sessions

    async def undone(self, payers: Sequence[int], day: int) -> Measured:
        """Settle and measure, then put the chain back as it was."""
        before = self._node.snapshot()
        measured = await self.settle(payers, day)
        self._node.revert(before)
        return measured

    async def sponsored(self, payers: Sequence[int], day: int) -> Measured:
        """Measure sessions that campaigns pay a part of, after a day on which they did."""
        before = self._node.snapshot()
        await self.sponsor()
        await self.settle(payers, day, CAMPAIGNS)
        measured = await self.settle(payers, day + 1, CAMPAIGNS)
        self._node.revert(before)
        return measured


def _record(dice: random.Random, payer: int, start: int, campaign: int) -> SessionRecord:
    energy, duration = dice.randint(2_000, 60_000), dice.randint(900, 30_000)
    idle = dice.randint(1, duration // 2)
    started = start + dice.randint(0, 3_600)
    price = gross(PRICES, energy_wh=energy, duration_s=duration, idle_s=idle)
    return SessionRecord(
        payer=payer,
        started_at=started,
        duration_s=duration,
        idle_s=idle,
        energy_wh=energy,
        gross=price,
        campaign_id=campaign,
        hour_of_week=dice.randrange(168),
        grid_gco2e_per_kwh=176,
        renewable_pct=43,
        assurance=Assurance.SIGNED,
    )


async def erc20_transfer(bench: Bench, chain: Chain) -> int:
    """Return the gas of a transfer between two holders, the cheapest way to pay without us."""
    token, amount = chain.deployment.address("Token"), 15_000_000
    for holder in (DEPLOYER.address, bench.settlement):
        await bench.execute(contract_call("TestStablecoin", "mint", token, holder, 10 * amount))
    call = contract_call("TestStablecoin", "transfer", token, bench.settlement, amount)
    return (await bench.execute(call)).gas_used


Run = tuple[dict[str, Measured], int, dict[str, int]]
"""The scenarios, the gas of an ERC-20 transfer, and that of payouts (`_gas_payouts`)."""


@asynccontextmanager
async def _bench(node: LocalNode, folder: Path) -> AsyncIterator[tuple[Bench, Chain]]:
    members = tuple(signer.address for signer in _signers())
    protocol = await set_up(node.url, folder / "book.json", members, THRESHOLD, _onboarding())
    async with await Chain.connect(node.url, protocol.deployment) as chain:
        bench = Bench(node, chain, protocol)
        # The past: each payer with money and each connector has had a session.
        await bench.settle(bench.accounts("payer", MAX_SESSIONS), day=1)
        yield bench, chain


async def measure(node: LocalNode, folder: Path) -> tuple[dict[str, Measured], int]:
    """Return the scenarios and the gas of an ERC-20 transfer."""
    async with _bench(node, folder) as (bench, chain):
        return await _scenarios(bench), await erc20_transfer(bench, chain)


async def measure_sizes(node: LocalNode, folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return gas a session by the number of sessions in the batch."""
    async with _bench(node, folder) as (bench, _):
        payers = bench.accounts("payer", MAX_SESSIONS)
        lines = {"distinct payers": payers, "10 fleet payers": payers[:FLEETS] * MAX_SESSIONS}
        return {
            name: [
                (size, (await bench.undone(line[:size], day=2)).gas / size) for size in CHART_SIZES
            ]
            for name, line in lines.items()
        }


async def _scenarios(bench: Bench) -> dict[str, Measured]:
    payers = bench.accounts("payer", SESSIONS)
    return {
        "distinct": await bench.undone(payers, day=2),
        "campaign": await bench.sponsored(payers, day=2),
        "fleet": await bench.undone((payers[:FLEETS] * SESSIONS)[:SESSIONS], day=2),
        "all_unfunded": await bench.undone(bench.accounts("pauper", MAX_SESSIONS), day=2),
    }


def figures(
    scenarios: dict[str, Measured], transfer: int, payouts: dict[str, int], eth_price_eur: float
) -> dict[str, Any]:
    """Return the whole result as it is printed."""
    distinct = scenarios["distinct"]
    fee_eur = SESSION_PRICE_EUR * FEE_SHARE
    each = {name: one.gas / one.sessions for name, one in scenarios.items()}
    return {
        "benchmark": "gas",
        # Gas a session, but the transfer, which is one.
        "distinct": round(each["distinct"], 1),
        "fleet": round(each["fleet"], 1),
        "campaign": round(each["campaign"], 1),
        "erc20_transfer": transfer,
        "total": {name: one.gas for name, one in scenarios.items()},
        "sessions": {name: one.sessions for name, one in scenarios.items()},
        "calldata_bytes": {name: one.calldata for name, one in scenarios.items()},
        "calldata_bytes_per_session": round(distinct.calldata / distinct.sessions, 1),
        "all_unfunded_total": scenarios["all_unfunded"].gas,
        "all_unfunded_fits": scenarios["all_unfunded"].gas <= TRANSACTION_CAP,
        "break_even": {
            "session_eur": SESSION_PRICE_EUR,
            "fee_eur": fee_eur,
            "eth_price_eur_assumed": eth_price_eur,
            "gas_price_gwei": {
                name: round(fee_eur / eth_price_eur * 1e9 / each[name], 4)
                for name in ("distinct", "fleet", "campaign")
            },
        },
        **_gas_payouts.figures(payouts),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the tools the figures depend on."""
    package = json.loads((Path(__file__).parents[1] / "package.json").read_text())
    needed = package["devDependencies"] | package.get("optionalDependencies", {})
    npm = {name.rsplit("/", 1)[-1]: number for name, number in needed.items()}
    anvil = next(number for name, number in npm.items() if name.startswith("anvil"))
    return {
        "vyper": version("vyper"),
        "snekmate": version("snekmate"),
        "solc": npm["solc"],
        "anvil": anvil,
        "hardfork": "prague",
    }


def snapshot(
    scenarios: dict[str, Measured], transfer: int, payouts: dict[str, int]
) -> dict[str, Any]:
    """Return what is committed: exact gas by scenario, and the tools it was measured with."""
    gas = {name: one.gas for name, one in scenarios.items()}
    return {"gas": gas | {"erc20_transfer": transfer} | payouts, "versions": versions()}


def run() -> Run:
    """Measure on chains of one's own."""
    return *_on_a_chain(measure), _on_a_chain(_gas_payouts.measure)


def chart(transfer: int, escrow: int) -> str:
    """Return what a session costs by batch size, as SVG."""
    levels = {"escrow": float(escrow), "ERC-20 transfer": float(transfer)}
    return Chart("What settling a session costs", _on_a_chain(measure_sizes), levels).svg()


def _on_a_chain(measuring: Callable[[LocalNode, Path], Coroutine[Any, Any, T]]) -> T:
    options = NodeOptions(timestamp=GENESIS, gas_limit=BLOCK_GAS_LIMIT)
    with LocalNode(options) as node, tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measuring(node, Path(folder)))


def main() -> None:
    """Print the figures; the last line is one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument(
        "--eth-price", type=float, default=3_000.0, metavar="EUR", help="assumed, for break-even"
    )
    parser.add_argument("--update", action="store_true", help=f"write {SNAPSHOT.name}")
    parser.add_argument("--chart", action="store_true", help=f"draw {CHART.name}")
    options = parser.parse_args()
    scenarios, transfer, payouts = run()
    if options.update:
        SNAPSHOT.write_text(json.dumps(snapshot(scenarios, transfer, payouts), indent=2) + "\n")
    if options.chart:
        CHART.write_text(chart(transfer, payouts["escrow"]))
    result = figures(scenarios, transfer, payouts, options.eth_price)
    if not options.json:
        print(json.dumps(result, indent=2))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
