"""One session all the way: WebSocket, store, committee, chain, proof."""

from __future__ import annotations

import aiohttp

from chargecoin.chain import Chain
from chargecoin.evidence.format import Proof, session_hex
from chargecoin.evidence.verify import verify
from tests.oracle.harness import World, until


async def test_a_session_goes_from_the_charge_point_to_a_verified_settlement(world: World) -> None:
    async with world.oracles() as (first, second, _):
        world.advance(10)
        code, answer = await first.post("/mandates", world.mandate())
        assert code == 200, answer
        begin = world.now + 10
        world.advance(3700)
        async with world.charge_point(first) as charge_point:
            await charge_point.replay(world.charging(begin))
        status = await until(first, lambda s: s["sessions"]["settled"] == 1)
        assert status["sessions"]["outcomes"]["settled"] == 1
        world.protocol.node.mine(3)
        await until(first, lambda s: s["sessions"]["final"] == 1)
        connector = first.oracle.registry.ids["CP-0001", 1]
        session = session_hex(connector, 1)
        async with await Chain.connect(world.protocol.url, world.protocol.deployment) as chain:
            for node in (first, second):
                async with aiohttp.ClientSession() as http:
                    async with http.get(f"{node.http}/evidence/{session}") as response:
                        if response.status == 404:
                            continue
                        bundle = await response.read()
                await until(node, lambda s: s["batches"]["final"] == 1)
                proof = Proof.from_json(await node.get(f"/proof/{session}"))
                report = await verify(bundle, proof, chain)
                assert report.ok, report
