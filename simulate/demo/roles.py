"""The roles beside the chain: oracles, indexer, dashboard, each started by its command line."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from chargecoin.errors import ConfigurationError
from chargecoin.typed_data import Signer
from simulate.demo.processes import Process, Supervisor
from simulate.demo.settings import HOST, PROJECT, free_ports
from simulate.fleet import password
from simulate.keys import secret
from simulate.network import Network

ORACLES: Final = 3
THRESHOLD: Final = 2
PROPOSER: Final = "oracle-1"
BOOK: Final = "31337.json"
CLOCK: Final = "clock"
READY_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.05
# Of the test chain's own money, so that the proposer can pay for gas.
GAS_WEI: Final = hex(10**24)


@dataclass(frozen=True, slots=True)
class Pace:
    """How batches are made: at a number of sessions, or when the oldest has waited (s).

    `follow_interval_s` is how often the oracles look for final blocks, in real seconds.
    """

    batch_min_sessions: int
    batch_max_age_s: int
    follow_interval_s: float


HISTORY: Final = Pace(200, 12 * 3600, follow_interval_s=0.1)
LIVE: Final = Pace(50, 20, follow_interval_s=1.0)
# Long against the hours that the clock jumps while a batch is on its way.
BATCH_VALID_S: Final = 4 * 24 * 3600


def committee(seed: int) -> list[str]:
    """Return the addresses of the oracles' signing keys."""
    return [Signer(_signing_key(seed, number)).address for number in range(1, ORACLES + 1)]


def proposer_address(seed: int) -> str:
    """Return the address that pays for the batches' gas."""
    return Signer(secret(seed, "gas")).address


def _signing_key(seed: int, number: int) -> bytes:
    return secret(seed, f"attester {number}")


class Roles:
    """The processes of one folder: writes their settings, starts them, asks them."""

    def __init__(
        self, folder: Path, rpc_url: str, network: Network, seed: int, supervisor: Supervisor
    ) -> None:
        """Choose ports for the processes that will work in `folder`."""
        self._folder = folder
        self._rpc_url = rpc_url
        self._network = network
        self._seed = seed
        self._supervisor = supervisor
        self._ocpp_port, self._indexer_port, *http = free_ports(2 + ORACLES)
        self._http = [f"http://{HOST}:{port}" for port in http]
        self._client = httpx.AsyncClient(timeout=30)
        (folder / "logs").mkdir(exist_ok=True)

    @property
    def ocpp_url(self) -> str:
        """Where charge points connect."""
        return f"ws://{HOST}:{self._ocpp_port}/ocpp"

    async def start_oracles(self, pace: Pace) -> None:
        """Start the committee and wait until it serves."""
        self._write_charge_points()
        for number in range(1, ORACLES + 1):
            self._write_oracle(number, pace)
            name = f"oracle-{number}"
            await self._start(name, "oracle", "run", f"{name}.toml", restart=True)
        for url in self._http:
            await self._until_ready(url)

    async def start_indexer(self) -> None:
        """Start the indexer and wait until it has the chain."""
        settings = {
            "deployment": BOOK,
            "rpc_url": self._rpc_url,
            "database": "indexer.sqlite",
            "http_port": self._indexer_port,
            "clock": CLOCK,
            "oracles": self._http[:1],
        }
        self._write("indexer.toml", settings)
        await self._start("indexer", "indexer", "run", "indexer.toml")
        await self._until_ready(f"http://{HOST}:{self._indexer_port}")

    async def start_dashboard(self, port: int) -> None:
        """Start the dashboard and wait until it answers."""
        settings = {
            "deployment": BOOK,
            "rpc_url": self._rpc_url,
            "database": "indexer.sqlite",
            "clock": CLOCK,
            "evidence": self._http,
            "port": port,
        }
        self._write("dashboard.toml", settings)
        await self._start("dashboard", "dashboard", "run", "dashboard.toml")
        await self._until_ready(f"http://{HOST}:{port}")

    async def post_mandates(self, mandates: Sequence[dict[str, Any]]) -> None:
        """Give every oracle the payers' mandates, once their accounts are final there."""
        for url in self._http:
            await self._until(partial(self._takes, url, mandates), f"{url} takes no mandates")

    async def _takes(self, url: str, mandates: Sequence[dict[str, Any]]) -> bool:
        answer = await self._client.post(f"{url}/mandates", json=list(mandates))
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return False
        if answer.status_code != httpx.codes.OK:
            raise ConfigurationError(f"{url} refuses the mandates: {answer.text}")
        return True

    async def sessions(self) -> dict[str, int]:
        """Return where the sessions are, as the central system's oracle counts them."""
        found: dict[str, int] = (await self._get(self._http[0], "/status"))["sessions"]
        return found

    async def quarantined(self) -> list[dict[str, Any]]:
        """Return what waits in quarantine."""
        found: list[dict[str, Any]] = await self._get(self._http[0], "/quarantine")
        return found

    async def flush(self) -> None:
        """Let the oracle propose whatever waits."""
        await self._client.post(f"{self._http[0]}/flush")

    async def until_indexed(self, block: int) -> None:
        """Wait until a block is in the indexer's tables."""

        async def is_indexed() -> bool:
            status = await self._get(f"http://{HOST}:{self._indexer_port}", "/status")
            return int(status["chain"]["number"]) >= block

        await self._until(is_indexed, f"the indexer has not reached block {block}")

    async def verify_index(self) -> dict[str, Any]:
        """Let the indexer compare its tables with the chain, and return what it found."""
        process = await asyncio.create_subprocess_exec(
            *_chargecoin("indexer", "verify", str(self._folder / "indexer.toml")),
            "--json",
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        said, complaints = await process.communicate()
        try:
            report: dict[str, Any] = json.loads(said)
        except ValueError:
            raise ConfigurationError(
                f"`chargecoin indexer verify` failed: {complaints.decode(errors='replace')}"
            ) from None
        return report

    async def close(self) -> None:
        """Stop asking; the supervisor ends the processes."""
        await self._client.aclose()

    async def _get(self, url: str, path: str) -> Any:
        """Ask a process, and again while it is being started anew."""
        async with asyncio.timeout(READY_TIMEOUT_S):
            while True:
                try:
                    answer = await self._client.get(url + path)
                except httpx.TransportError:
                    await asyncio.sleep(POLL_S)
                else:
                    answer.raise_for_status()
                    return answer.json()

    async def _until_ready(self, url: str) -> None:
        await self._until(partial(self._is_ready, url), f"{url} is not ready")

    async def _is_ready(self, url: str) -> bool:
        try:
            return (await self._client.get(f"{url}/ready")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def _until(self, holds: Callable[[], Awaitable[bool]], otherwise: str) -> None:
        """Wait until something holds, or a process has ended that must not."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                while True:
                    if self._supervisor.failed.done():
                        self._supervisor.failed.result()
                    if await holds():
                        return
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise ConfigurationError(
                f"{otherwise} after {READY_TIMEOUT_S:.0f} s; see {self._folder / 'logs'}"
            ) from None

    async def _start(
        self, name: str, group: str, command: str, config: str, *, restart: bool = False
    ) -> None:
        process = Process(
            name,
            _chargecoin(group, command, str(self._folder / config)),
            self._folder / "logs" / f"{name}.log",
            {"PYTHONUNBUFFERED": "1"},
        )
        await self._supervisor.start(process, restart=restart)

    def _write_oracle(self, number: int, pace: Pace) -> None:
        leads = number == 1
        settings: dict[str, Any] = {
            "clock": CLOCK,
            "deployment": BOOK,
            "rpc_url": self._rpc_url,
            "store": f"oracle-{number}.sqlite",
            "signing_key_file": f"oracle-{number}.key",
            "roles": ["central_system", "attester", "proposer"] if leads else ["attester"],
            "http_port": int(self._http[number - 1].rsplit(":", 1)[1]),
            "batch_valid_s": BATCH_VALID_S,
            "follow_interval_s": pace.follow_interval_s,
        }
        self._write_key(settings["signing_key_file"], _signing_key(self._seed, number))
        if leads:
            settings |= {
                "gas_key_file": "gas.key",
                "ocpp_port": self._ocpp_port,
                "charge_points_file": "charge-points.json",
                "owners": "any",
                "attesters": self._http[1:],
                "batch_min_sessions": pace.batch_min_sessions,
                "batch_max_age_s": pace.batch_max_age_s,
            }
            self._write_key("gas.key", secret(self._seed, "gas"))
        self._write(f"oracle-{number}.toml", settings)

    def _write_charge_points(self) -> None:
        entries = {
            station.identity: {"password_hash": _password_hash(self._seed, station.identity)}
            for station in self._network.stations
        }
        (self._folder / "charge-points.json").write_text(json.dumps(entries))

    def _write_key(self, name: str, key: bytes) -> None:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(f"0x{key.hex()}\n")

    def _write(self, name: str, settings: Mapping[str, Any]) -> None:
        # JSON's texts, numbers and lists of texts are TOML's too.
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
        (self._folder / name).write_text("".join(lines))


def _chargecoin(group: str, command: str, config: str) -> list[str]:
    main = "from chargecoin.cli import main; main()"
    return [sys.executable, "-c", main, group, command, "--config", config]


def _password_hash(seed: int, identity: str) -> str:
    """Return a password as `chargecoin oracle charge-point add` stores it."""
    salt = secret(seed, f"password salt {identity}")[:16]
    hashed = hashlib.sha256(salt + password(seed, identity).encode()).hexdigest()
    return f"sha256${salt.hex()}${hashed}"
