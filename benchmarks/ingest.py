"""How many frames a second are stored and answered: `python -m benchmarks.ingest --json`.

Real WebSockets, as many as asked for; each charge point waits for an answer before
it sends its next message, as OCPP wants. A session is StartTransaction, ten
MeterValues of four samples, a StatusNotification and StopTransaction. Ours stores
each frame, what it changes and its answer, and answers after the fsync; beside it,
in the same run with the same clients, the plain `ocpp` package, which validates and
stores nothing. Servers run in processes of their own, in turn; the best of each
counts. `per_cpu_second` does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import IO, Any, Final

import uvloop
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from oracle.central_system import passwords

METER_VALUES: Final = 10
WARM_UP_S: Final = 1.0


def _say(text: str) -> None:
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _samples(register: int) -> list[dict[str, str]]:
    return [
        {"value": str(register), "context": "Sample.Periodic", "unit": "Wh"},
        {"value": "11043", "measurand": "Power.Active.Import", "unit": "W"},
        {"value": "16.1", "measurand": "Current.Import", "unit": "A", "phase": "L1"},
        {"value": "229.9", "measurand": "Voltage", "unit": "V", "phase": "L1-N"},
    ]


def _messages() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the messages of one session after the other, without transaction ids."""
    for session in cycle(range(1_000_000)):
        at = f"2026-01-{session % 28 + 1:02}T{session // 28 % 24:02}:00:"
        register = 1000 * session
        start = {"connectorId": 1, "idTag": "04AB076A345B85", "meterStart": register}
        yield "StartTransaction", start | {"timestamp": at + "00Z"}
        yield (
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": "Charging"},
        )
        for n in range(METER_VALUES):
            sampled = {"timestamp": f"{at}{n + 10}Z", "sampledValue": _samples(register + n)}
            yield "MeterValues", {"connectorId": 1, "meterValue": [sampled]}
        yield "StopTransaction", {"meterStop": register + 900, "timestamp": at + "59Z"}


async def _charge_point(
    url: str, identity: str, password: str, latencies: list[tuple[float, float]], until: float
) -> None:
    """Send messages until a time; note when each was answered, and after how long."""
    headers = {"Authorization": _basic_auth(identity, password)}
    transaction = 0
    async with connect(
        f"{url}/ocpp/{identity}",
        subprotocols=[Subprotocol("ocpp1.6")],
        additional_headers=headers,
        compression=None,
        ping_interval=None,
        open_timeout=60,
    ) as connection:
        for number, (action, payload) in enumerate(_messages()):
            if action in {"MeterValues", "StopTransaction"}:
                payload["transactionId"] = transaction
            text = json.dumps([2, str(number), action, payload])
            sent = time.perf_counter()
            await connection.send(text)
            answer = await connection.recv()
            answered = time.perf_counter()
            latencies.append((answered, answered - sent))
            if action == "StartTransaction":
                transaction = json.loads(answer)[2]["transactionId"]
            if answered > until:
                return


def _basic_auth(identity: str, password: str) -> str:
    import base64  # noqa: PLC0415

    return "Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode()


async def _drive(url: str, secrets: dict[str, str], seconds: float) -> dict[str, Any]:
    """Let all charge points send for so long; count after a warm-up."""
    begin = time.perf_counter()
    latencies: list[tuple[float, float]] = []
    until = begin + WARM_UP_S + seconds
    await asyncio.gather(
        *(_charge_point(url, one, secret, latencies, until) for one, secret in secrets.items())
    )
    first = begin + WARM_UP_S
    counted = sorted(took for at, took in latencies if first <= at <= until)
    return {
        "answered": len(latencies),
        "per_second": len(counted) / seconds,
        "p50_ms": 1000 * counted[len(counted) // 2],
        "p95_ms": 1000 * counted[len(counted) * 95 // 100],
    }


@contextmanager
def _server(module: str, *arguments: str) -> Iterator[tuple[str, IO[str], IO[str]]]:
    """Run a server in a process of its own."""
    line = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the server has no pipes")
    try:
        port = int(process.stdout.readline())
        yield f"ws://127.0.0.1:{port}", process.stdin, process.stdout
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def _measure(module: str, folder: Path, connections: int, seconds: float) -> dict[str, Any]:
    secrets = passwords.add(
        folder / "charge_points.json", [f"CP-{n:05}" for n in range(connections)]
    )
    with _server(module, str(folder), str(connections)) as (url, stdin, stdout):
        driven = uvloop.run(_drive(url, secrets, seconds))
        stdin.close()
        used: dict[str, Any] = json.loads(stdout.readline())
    if used.get("stored", 2 * driven["answered"]) < 2 * driven["answered"]:
        raise RuntimeError(f"{driven['answered']} answered, {used['stored']} frames stored")
    return driven | used | {"per_cpu_second": driven["answered"] / used["cpu_s"]}


def _fsync_ms(folder: Path) -> float:
    """Return how long the disk takes to take 4 kB for sure, in the middle of 50 times."""
    times = []
    with (folder / "probe").open("wb") as file:
        for _ in range(50):
            begin = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begin)
    return 1000 * sorted(times)[25]


def run(connections: int, seconds: float, repeats: int) -> dict[str, Any]:
    """Measure both servers `repeats` times in turn and keep the best of each."""
    best: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as root:
        fsync_ms = _fsync_ms(Path(root))
        for n in range(repeats):
            for module in ("_ingest_ours", "_ingest_ocpp"):
                _say(f"{module}, run {n + 1} of {repeats}")
                folder = Path(root) / f"{module}{n}"
                folder.mkdir()
                found = _measure(module, folder, connections, seconds)
                if module not in best or found["per_second"] > best[module]["per_second"]:
                    best[module] = found
    _say("")
    ours, plain = best["_ingest_ours"], best["_ingest_ocpp"]
    return {
        "benchmark": "ingest",
        "connections": connections,
        "seconds": seconds,
        "fsync_ms": round(fsync_ms, 3),
        "per_second": round(ours["per_second"]),
        "per_cpu_second": round(ours["per_cpu_second"]),
        "p50_ms": round(ours["p50_ms"], 2),
        "p95_ms": round(ours["p95_ms"], 2),
        "frames_per_commit": round(ours["answered"] / ours["commits"], 1),
        "peak_mb": round(ours["peak_mb"], 1),
        "ocpp_per_second": round(plain["per_second"]),
        "ocpp_per_cpu_second": round(plain["per_cpu_second"]),
        "ocpp_p95_ms": round(plain["p95_ms"], 2),
        "ratio": round(ours["per_second"] / plain["per_second"], 2),
        "cpu_ratio": round(ours["per_cpu_second"] / plain["per_cpu_second"], 2),
    }


def main() -> None:
    """Print the figures; the last line is one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5.0, help="measured, after one to warm up")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    figures = run(options.connections, options.seconds, options.repeats)
    if not options.json:
        print(
            f"{figures['per_second']} frames/s stored and answered over "
            f"{figures['connections']} connections (p95 {figures['p95_ms']} ms, "
            f"{figures['frames_per_commit']} frames a commit, fsync {figures['fsync_ms']} ms)\n"
            f"{figures['ocpp_per_second']} frames/s by the ocpp package, which stores nothing "
            f"(p95 {figures['ocpp_p95_ms']} ms)"
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
