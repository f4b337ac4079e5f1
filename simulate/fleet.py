"""A fleet of virtual charge points playing planned sessions, in compressed or real time."""

from __future__ import annotations

import asyncio
import heapq
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final, TypedDict

from chargecoin.errors import CentralSystemError, ConfigurationError
from simulate.charge_point import Patience, VirtualChargePoint
from simulate.keys import meter_key, secret
from simulate.meter import Meter
from simulate.network import Network, Place, Station
from simulate.plan import SessionPlan
from simulate.script import Step, session_script, status

HEARTBEAT_S: Final = 300


class MeterState(TypedDict):
    """Where a meter stands, so that a later run goes on from there."""

    register_wh: int
    page: int


@dataclass(order=True, slots=True)
class _Due:
    """A message waiting to be sent: by time, then in the order it was written."""

    at: int
    number: int
    place: str = field(compare=False)
    step: Step = field(compare=False)


class _ChargePoint:
    """One station: its link, its meters, and the messages it has yet to send."""

    def __init__(
        self, station: Station, places: Mapping[str, Place], link: VirtualChargePoint
    ) -> None:
        self.station = station
        self.link = link
        self.meters: dict[str, Meter] = {}
        self.plans: deque[SessionPlan] = deque()
        self.last_sent_at = 0
        self._places = places
        self._due: list[_Due] = []
        self._numbers = count()
        self._transactions: dict[str, int] = {}

    async def boot(self, at: int) -> None:
        payload = {
            "chargePointVendor": self.station.vendor,
            "chargePointModel": self.station.model,
            "firmwareVersion": "1.0",
        }
        answer = await self.link.call("BootNotification", payload)
        if answer["status"] != "Accepted":
            raise CentralSystemError(
                f"the central system answers {self.station.identity} with {answer['status']}; "
                "register the charge point there"
            )
        for evse in self.station.evses:
            for connector in evse.connectors:
                await self._send("", status(connector.number, "Available", at))

    async def advance(self, until: int) -> int:
        """Send, in order, all that is due by `until`; return how many messages that were."""
        self._write_scripts(until)
        sent = 0
        while self._due and self._due[0].at <= until:
            due = heapq.heappop(self._due)
            await self._send(due.place, due.step)
            sent += 1
        return sent

    def next_due(self) -> int | None:
        """Return when there is something to send next, UTC seconds."""
        times = [due.at for due in self._due[:1]] + [plan.started_at for plan in [*self.plans][:1]]
        return min(times, default=None)

    async def heartbeat(self, at: int) -> None:
        """Send a Heartbeat if nothing was sent for `HEARTBEAT_S` (OCPP 1.6, 4.6)."""
        if at - self.last_sent_at >= HEARTBEAT_S:
            await self._send("", Step(at, "Heartbeat", {}))

    def _write_scripts(self, until: int) -> None:
        while self.plans and self.plans[0].started_at <= until:
            plan = self.plans.popleft()
            power_w = self._places[plan.place].connector.max_power_w
            for step in session_script(plan, self.meters[plan.place], power_w):
                heapq.heappush(self._due, _Due(step.at, next(self._numbers), plan.place, step))

    async def _send(self, place: str, step: Step) -> None:
        payload = step.payload
        if step.in_transaction:
            payload = {**payload, "transactionId": self._transactions[place]}
        answer = await self.link.call(step.action, payload)
        self.last_sent_at = step.at
        if step.action == "StartTransaction":
            self._transactions[place] = answer["transactionId"]


class Fleet:
    """All charge points of a network, connected to one central system."""

    def __init__(
        self,
        network: Network,
        *,
        url: str,
        seed: int,
        run: str,
        patience: Patience | None = None,
    ) -> None:
        """Make charge points for `url` (ws://host:port/ocpp) with passwords and keys of `seed`.

        `run` starts every message id and must differ from that of any earlier run
        against the same central system.
        """
        self._charge_points: dict[str, _ChargePoint] = {}
        for station in network.stations:
            ids = _ids(f"{run}-{station.identity}")
            link = VirtualChargePoint(
                station.identity, password(seed, station.identity), url, ids, patience
            )
            self._charge_points[station.identity] = _ChargePoint(station, network.places, link)
        for place in network.places.values():
            charge_point = self._charge_points[place.station.identity]
            charge_point.meters[place.name] = _meter(place, seed)

    def add(self, plans: Iterable[SessionPlan]) -> None:
        """Plan sessions; each charge point's must come in the order of their starts.

        Raises `ConfigurationError` for a connector that the network does not have.
        """
        for plan in plans:
            charge_point = self._charge_points.get(plan.charge_point)
            if charge_point is None or plan.place not in charge_point.meters:
                raise ConfigurationError(f"the network has no connector {plan.place}")
            charge_point.plans.append(plan)

    async def boot(self, at: int) -> None:
        """Connect every charge point and report its connectors as available."""
        await self._all(charge_point.boot(at) for charge_point in self._charge_points.values())

    async def advance(self, until: int) -> int:
        """Send all messages due by `until` (UTC seconds) and wait until each is answered.

        Every charge point keeps its order, all work at once; returns the number sent.
        """
        return sum(
            await self._all(
                charge_point.advance(until) for charge_point in self._charge_points.values()
            )
        )

    async def heartbeat(self, at: int) -> None:
        """Let every charge point that was silent for long report that it is there."""
        await self._all(charge_point.heartbeat(at) for charge_point in self._charge_points.values())

    def next_due(self) -> int | None:
        """Return when a charge point has something to send next, None if none has."""
        times = [charge_point.next_due() for charge_point in self._charge_points.values()]
        return min((at for at in times if at is not None), default=None)

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(one.link.close() for one in self._charge_points.values()))

    def save_meters(self, path: Path) -> None:
        """Write where every meter stands."""
        path.write_text(
            json.dumps(
                {
                    place: MeterState(register_wh=meter.register_wh, page=meter.page)
                    for charge_point in self._charge_points.values()
                    for place, meter in charge_point.meters.items()
                }
            )
        )

    def load_meters(self, path: Path) -> None:
        """Let every meter go on from where `save_meters` found it."""
        states: dict[str, MeterState] = json.loads(path.read_text())
        for charge_point in self._charge_points.values():
            for place, meter in charge_point.meters.items():
                meter.register_wh = states[place]["register_wh"]
                meter.page = states[place]["page"]

    async def _all(self, work: Iterable[Any]) -> list[Any]:
        """Run all at once; the first failure ends the others and is raised."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one) for one in work]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]


def password(seed: int, identity: str) -> str:
    """Return a charge point's basic-auth password (OCPP security profile 1)."""
    return secret(seed, f"password {identity}").hex()[:32]


def _ids(prefix: str) -> Iterator[str]:
    return (f"{prefix}-{number}" for number in count(1))


def _meter(place: Place, seed: int) -> Meter:
    model = place.connector.meter
    key = meter_key(seed, place.name, model.curve) if model else None
    number = int.from_bytes(secret(seed, f"register {place.name}")[:4], "big")
    return Meter(
        serial=f"VM{number:010d}",
        time_zone=place.site.time_zone,
        key=key,
        # A meter that has been in use for a while: 1 to 90 MWh.
        register_wh=1_000_000 + number % 89_000_000,
    )
