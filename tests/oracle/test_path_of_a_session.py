"""One session all the way: WebSocket, store, committee, chain, proof."""

from __future__ import annotations

from chargecoin import campaign_calls
from chargecoin.campaign_calls import NewCampaign
from chargecoin.campaigns import Kind
from chargecoin.chain import Chain
from chargecoin.chain.transactions import contract_call
from chargecoin.evidence.format import Proof, session_hex
from chargecoin.evidence.verify import Report, verify
from chargecoin.record import Outcome, Status
from tests.oracle.harness import Node, World, until


async def charge(world: World, node: Node, *others: Node) -> None:
    """Let a charge point report an hour of charging."""
    begin = world.now
    await world.advance(3700, node, *others)
    async with world.charge_point(node) as charge_point:
        await charge_point.replay(world.charging(begin))


async def report_of(world: World, node: Node, sequence: int) -> Report:
    """Verify a session of the first connector on the chain."""
    session = session_hex(node.oracle.registry.ids["CP-0001", 1], sequence)
    async with await Chain.connect(world.protocol.url, world.protocol.deployment) as chain:
        await until(node, lambda s: s["batches"]["final"] >= sequence)
        proof = Proof.from_json(await node.get(f"/proof/{session}"))
        return await verify(await node.bytes(f"/evidence/{session}"), proof, chain)


async def test_a_session_goes_from_the_charge_point_to_a_verified_settlement(world: World) -> None:
    async with world.oracles(2) as (first, second):
        await world.advance(10, first)
        code, answer = await first.post("/mandates", world.mandate())
        assert code == 200, answer
        await charge(world, first, second)
        status = await until(first, lambda s: s["sessions"]["settled"] == 1)
        assert status["sessions"]["outcomes"] == {"settled": 1, "unfunded": 0, "rejected": 0}
        await world.advance(1)
        for node in (first, second):
            report = await report_of(world, node, 1)
            assert report.ok, report
        status = await until(first, lambda s: s["sessions"]["final"] == 1)
        assert status["backlog"] == 0


async def counted(node: Node, state: str, count: int) -> None:
    """Wait until so many sessions are in a state."""
    await until(node, lambda s: s["sessions"][state] == count)


async def outcomes(node: Node) -> list[Outcome]:
    """Return what became of the sessions, in their order."""
    rows = await node.oracle.database.read(
        lambda c: c.execute("SELECT outcome FROM sessions ORDER BY sequence").fetchall()
    )
    return [Outcome.decode(int.from_bytes(row["outcome"], "big")) for row in rows]


async def test_a_campaign_pays_its_part_and_loyalty_is_counted_on_the_chain(world: World) -> None:
    protocol, owner = world.protocol, world.protocol.owner(1)
    deployment = protocol.deployment
    token = deployment.address("Token")
    mint = contract_call("TestStablecoin", "mint", token, owner.address, 10_000_000)
    await world.send_call(owner, mint)
    night = NewCampaign(Kind.OFF_PEAK, 1, "Any hour", 0, world.now + 30 * 86_400, rate_bps=2_000)
    regulars = NewCampaign(
        Kind.LOYALTY,
        1,
        "Regulars",
        0,
        world.now + 30 * 86_400,
        rate_bps=5_000,
        min_sessions=1,
        window_days=7,
    )
    for new in (night, regulars):
        for call in campaign_calls.create(deployment, new, [1], 5_000_000):
            await world.send_call(owner, call)
    async with world.oracles(2) as (first, second):
        await world.advance(60, first, second)
        await first.post("/mandates", world.mandate())
        for count in (1, 2):
            await charge(world, first, second)
            await counted(first, "settled", count)
            await world.advance(1, first, second)
            await counted(first, "final", count)
        discounted, boosted = await outcomes(first)
        gross = 495_450
        assert discounted.status is boosted.status is Status.SETTLED
        assert (discounted.paid, discounted.campaign_paid) == (gross * 8 // 10, gross * 2 // 10)
        assert (boosted.paid, boosted.campaign_paid) == (gross // 2, gross // 2)
        for sequence, named in ((1, 1), (2, 2)):
            report = await report_of(world, second, sequence)
            assert report.ok, report
            said = {one.step: one.detail for one in report.steps}
            assert said["campaign"].startswith(f"campaign {named} takes off")
