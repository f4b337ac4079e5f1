"""The calls by which a campaign is run."""

from eth_abi.abi import decode

from chargecoin import campaign_calls as calls
from chargecoin.campaigns import Kind, daily_hours
from chargecoin.chain.calls import function
from chargecoin.deployments import Deployment

DEPLOYMENT = Deployment(
    31_337,
    0,
    {
        "CampaignManager": "0x" + "ca" * 20,
        "Settlement": "0x" + "5e" * 20,
        "Token": "0x" + "70" * 20,
    },
)
NIGHTS = calls.NewCampaign(
    kind=Kind.OFF_PEAK,
    owner_id=3,
    name="Nights",
    starts_at=1_800_000_000,
    ends_at=1_800_086_400,
    hour_mask=daily_hours(22, 6),
    rate_bps=2_000,
)


def test_a_campaign_is_created_with_every_field_in_its_place() -> None:
    [approval, created] = calls.create(DEPLOYMENT, NIGHTS, [5, 6], budget=100)
    assert approval.name == "TestStablecoin.approve"
    inputs = function("CampaignManager", "create").inputs
    new, connectors, budget = decode(inputs, created.data[4:])
    assert new == (
        *(1, 3, "Nights", 1_800_000_000, 1_800_086_400),
        *(daily_hours(22, 6), 2_000, (1 << 40) - 1, 0, 0, 0, 0),
    )
    assert (list(connectors), budget) == ([5, 6], 100)


def test_what_settlement_may_take_already_needs_no_approval() -> None:
    assert len(calls.create(DEPLOYMENT, NIGHTS, [], budget=0)) == 1
    assert len(calls.fund(DEPLOYMENT, 1, 100, allowance=100)) == 1
    assert [call.name for call in calls.fund(DEPLOYMENT, 1, 100, allowance=99)] == [
        "TestStablecoin.approve",
        "TestStablecoin.approve",
        "CampaignManager.fund",
    ]


def test_each_call_is_the_contracts() -> None:
    funder = "0x" + "f0" * 20
    made = {
        "enrol": (calls.enrol(DEPLOYMENT, 1, [2]), (1, [2])),
        "pause": (calls.pause(DEPLOYMENT, 1), (1,)),
        "resume": (calls.resume(DEPLOYMENT, 1), (1,)),
        "close": (calls.close(DEPLOYMENT, 1), (1,)),
        "reclaim": (calls.reclaim(DEPLOYMENT, 1, funder), (1, funder)),
    }
    for name, (call, args) in made.items():
        assert call.to == DEPLOYMENT.address("CampaignManager")
        assert call.data == function("CampaignManager", name).encode(*args)
