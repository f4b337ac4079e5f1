"""FeeRouter, StakingPool and the two RewardDistributors: where the fee goes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index

from indexer.schema.base import Address, Amount, Hash, Int, event_table, required

_SHARES: Final = ("stakers", "drivers", "stations", "treasury")
fee_shares = event_table("fee_shares", *(required(name, Amount()) for name in _SHARES))
fee_destinations = event_table("fee_destinations", *(required(name, Address) for name in _SHARES))
fee_routings = event_table(
    "fee_routings",
    required("amount", Amount()),
    *(required(name, Amount()) for name in _SHARES),
)

reimbursed_oracles = event_table("reimbursed_oracles", required("oracles", Address))
reimbursements = event_table(
    "reimbursements", required("oracles", Address), required("amount", Amount())
)
# A share that its destination refused is kept for it, until a retry gets through.
route_failures = event_table(
    "route_failures",
    required("recipient", Address),
    required("amount", Amount()),
    Index(None, "recipient"),
)
route_retries = event_table(
    "route_retries",
    required("recipient", Address),
    required("amount", Amount()),
    Index(None, "recipient"),
)

# --- StakingPool: positions are numbered, amounts are CHG, rewards the payment token ---

stakes = event_table(
    "stakes",
    required("position", Int),
    required("owner", Address),
    required("amount", Amount()),
    required("weight", Amount()),
    required("unlocks_at", Int),
    Index(None, "position", unique=True),
    Index(None, "owner"),
)
unstakes = event_table(
    "unstakes",
    required("position", Int),
    required("recipient", Address),
    required("amount", Amount()),
    Index(None, "position"),
)
stake_claims = event_table(
    "stake_claims",
    required("position", Int),
    required("recipient", Address),
    required("amount", Amount()),
    Index(None, "position"),
)
streams = event_table("streams", required("amount", Amount()), required("begins_at", Int))
stream_rollovers = event_table("stream_rollovers", required("amount", Amount()))

# --- RewardDistributor: `kind` 1 drivers, 2 stations, by which contract logged ---

_POT: Final = ("payment", "chg")
reward_fundings = event_table(
    "reward_fundings",
    required("kind", Int),
    required("epoch", Int),
    required("source", Address),
    *(required(name, Amount()) for name in _POT),
    Index(None, "kind", "epoch"),
)
reward_roots = event_table(
    "reward_roots",
    required("kind", Int),
    required("epoch", Int),
    required("attempt", Int),
    required("committee_epoch", Int),
    required("root", Hash),
    *(required(name, Amount()) for name in _POT),
    required("claimable_at", Int),
    required("expires_at", Int),
    Index(None, "kind", "epoch"),
)
reward_voids = event_table(
    "reward_voids",
    required("kind", Int),
    required("epoch", Int),
    required("attempt", Int),
    required("root", Hash),
    Index(None, "kind", "epoch"),
)
reward_claims = event_table(
    "reward_claims",
    required("kind", Int),
    required("epoch", Int),
    required("recipient", Int),
    required("account", Address),
    *(required(name, Amount()) for name in _POT),
    Index(None, "kind", "epoch"),
    Index(None, "kind", "recipient"),
)
reward_rollovers = event_table(
    "reward_rollovers",
    required("kind", Int),
    required("epoch", Int),
    required("into_epoch", Int),
    *(required(name, Amount()) for name in _POT),
    Index(None, "kind", "epoch"),
)
