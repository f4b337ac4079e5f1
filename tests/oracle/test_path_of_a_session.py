"""One session all the way: WebSocket, store, committee, chain, proof."""

from __future__ import annotations

from chargecoin.chain import Chain
from chargecoin.evidence.format import Proof, session_hex
from chargecoin.evidence.verify import verify
from tests.oracle.harness import World, until


async def test_a_session_goes_from_the_charge_point_to_a_verified_settlement(world: World) -> None:
    async with world.oracles(2) as (first, second):
        await world.advance(10, first)
        code, answer = await first.post("/mandates", world.mandate())
        assert code == 200, answer
        begin = world.now
        await world.advance(3700, first, second)
        async with world.charge_point(first) as charge_point:
            await charge_point.replay(world.charging(begin))
        status = await until(first, lambda s: s["sessions"]["settled"] == 1)
        assert status["sessions"]["outcomes"] == {"settled": 1, "unfunded": 0, "rejected": 0}
        await world.advance(1)
        session = session_hex(first.oracle.registry.ids["CP-0001", 1], 1)
        async with await Chain.connect(world.protocol.url, world.protocol.deployment) as chain:
            for node in (first, second):
                await until(node, lambda s: s["batches"]["final"] == 1)
                proof = Proof.from_json(await node.get(f"/proof/{session}"))
                report = await verify(await node.bytes(f"/evidence/{session}"), proof, chain)
                assert report.ok, report
        status = await until(first, lambda s: s["sessions"]["final"] == 1)
        assert status["backlog"] == 0
