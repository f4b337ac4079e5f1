"""What states are called on the pages, and what they mean, in words a station owner uses.

The one place for them: a state has the same name in a list, on its own page, in
the legend and in an export. They stand here in English; whoever reads them reads
them in their own language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chargecoin.adjustments import RefundReason
from chargecoin.campaigns import Kind
from chargecoin.record import Assurance, OutcomeFlag, Reason, Status
from dashboard.language import Text, Texts, gettext


class Word:
    """A state's tone (its colour and glyph), its name and what it means, in English here."""

    __slots__ = ("_meaning", "_name", "tone")

    def __init__(self, tone: str, name: str, meaning: str) -> None:
        """Keep the texts as the source has them."""
        self.tone, self._name, self._meaning = tone, name, meaning

    @property
    def name(self) -> str:
        """The state's name in the reader's language."""
        return gettext(self._name)

    @property
    def meaning(self) -> str:
        """What the state means, in the reader's language."""
        return gettext(self._meaning)


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said once, with its figures, in the reader's language: tone, name and meaning."""

    tone: str
    name: str
    meaning: str


ASSURANCE: Final[dict[int, Word]] = {
    Assurance.REPORTED: Word(
        "depth1",
        "Reported",
        "An operator's backend told us about this session. Nobody on our side watched it: the "
        "figures are what was reported.",
    ),
    Assurance.OBSERVED: Word(
        "depth2",
        "Observed",
        "An oracle watched this session over OCPP as it happened. The energy is what the charger "
        "said; no accredited meter signed it.",
    ),
    Assurance.SIGNED: Word(
        "depth3",
        "Meter-signed",
        "The meter itself signed its readings, with a key that its manufacturer or an authority "
        "vouches for in the registry.",
    ),
}

OWNER_KEY: Final = Word(
    "depth2",
    "Observed, owner's key",
    "The meter signed its readings, but only the station owner has entered its key in the "
    "registry; nobody independent vouches for it. It therefore counts as observed, not as "
    "meter-signed.",
)

STATUS: Final[dict[int, Word]] = {
    Status.SETTLED: Word("good", "Settled", "Paid in full out of the payer's vault."),
    Status.UNFUNDED: Word(
        "warn", "Unfunded", "Recorded, but not paid in full; what is missing is a receivable."
    ),
    Status.REJECTED: Word("bad", "Rejected", "The contract refused it; nothing was moved."),
}

REASON: Final[Texts[int]] = Texts(
    {
        Reason.NONE: "",
        Reason.BALANCE_SHORT: "The payer's vault did not hold enough.",
        Reason.LIMIT_SHORT: "The payer's limit for the day was used up.",
        Reason.NO_PAYER: "No vault stands behind the card that was used: paid elsewhere, free, or "
        "without a mandate.",
        Reason.UNKNOWN_ACCOUNT: "The payer's account does not exist on this chain.",
        Reason.ENDS_IN_FUTURE: "It ends later than the block it was settled in.",
        Reason.TOO_OLD: "It was more than 90 days old when it was settled.",
        Reason.SESSION_CAP: "It costs more than one session may.",
        Reason.FIELD_RANGE: "A field of its record is out of range.",
        Reason.TARIFF_NOT_IN_FORCE: "The tariff was not in force when it started.",
        Reason.OWNER_DAY_CAP: "The owner's cap for the day was reached.",
        Reason.COMMITTEE_DAY_CAP: "The committee's cap for the day was reached.",
    }
)

FLAGS: Final[Texts[int]] = Texts(
    {
        OutcomeFlag.CLAMPED: "The price lay outside the tariff's bounds and was set to the nearer "
        "one.",
        OutcomeFlag.CAMPAIGN_NOT_APPLIED: "A campaign was named and not applied.",
        OutcomeFlag.CAMPAIGN_SHORT: "The campaign's budget did not reach for all of its benefit.",
    }
)

FINALITY: Final = {
    "seen": Word("info", "Seen", "In a block, and still young enough to be replaced."),
    "safe": Word("info", "Safe", "In a block that is very unlikely to be replaced."),
    "final": Word("good", "Final", "In a finalized block: it can no longer be replaced."),
}

# By `indexer.live_figures.Use`, in the order in which they are counted.
CHARGER: Final[dict[str, Word]] = {
    "in_use": Word("use", "In use", "A vehicle is plugged in."),
    "free": Word("free", "Free", "Ready for the next vehicle."),
    "reserved": Word("reserved", "Reserved", "Free, and promised to somebody."),
    "unavailable": Word("off", "Unavailable", "Switched off for drivers, by plan or by hand."),
    "faulted": Word("bad", "Faulted", "The charger itself reports a fault."),
    "offline": Word("off", "Offline", "The charger is not connected to its oracle."),
    "unknown": Word(
        "unknown",
        "Unknown",
        "Nobody vouches for the last word: the oracle was silent for more than 15 minutes, "
        "restarted, or left a gap.",
    ),
}
# Shown even when there are none; the others only when there are some.
ALWAYS_COUNTED: Final = ("in_use", "free", "faulted", "offline", "unknown")

VOUCHER: Final[Texts[int]] = Texts(
    {
        1: "only the station owner",
        2: "its manufacturer",
        3: "an authority",
    }
)

CURVE: Final = {
    1: "secp192k1",
    2: "secp192r1",
    3: "secp256k1",
    4: "secp256r1",
    5: "secp384r1",
    6: "brainpoolP256r1",
    7: "brainpoolP384r1",
}

# By the steps of docs/evidence.md: a name, and what is checked.
STEP: Final[dict[str, Word]] = {
    "frames": Word(
        "step",
        "Charger's frames",
        "Each message between charger and oracle has the hash noted beside it and is OCPP.",
    ),
    "reading": Word(
        "step",
        "Reading",
        "Folding the frames again gives the times and the energy that were stated.",
    ),
    "signature": Word(
        "step",
        "Meter's signature",
        "The meter's signed values verify under the key in the registry, without a gap in "
        "their pagination.",
    ),
    "payer": Word(
        "step",
        "Payer's mandate",
        "The vault's holder signed a mandate that was in date and names the card's commitment.",
    ),
    "price": Word(
        "step",
        "Price",
        "The tariff is the registry's, was in force at the start, and its lines add up to the "
        "gross.",
    ),
    "campaign": Word(
        "step",
        "Campaign",
        "The campaign covers connector, start and hour, its rules give what is taken off, and "
        "the earlier sessions it counts are on the chain.",
    ),
    "record": Word(
        "step",
        "Record",
        "The 32-byte record restates reading, payer, price, campaign and carbon, bit for bit.",
    ),
    "proof": Word(
        "step",
        "Merkle proof",
        "The bundle's hash, with session and record, leads up to the batch's evidence root.",
    ),
    "attestation": Word(
        "step",
        "Attestations",
        "Exactly the required number of committee members signed this batch.",
    ),
    "settlement": Word(
        "step",
        "Settlement",
        "The transaction logged this session with this record, and the contract stores this "
        "batch's commitment.",
    ),
    "block": Word(
        "step",
        "Block",
        "The block is on the chain that the node serves, and how final it is.",
    ),
}

# 23 CFR 680.116(b)(3): what T_excluded may hold.
EXCLUDED: Final[dict[str, Word]] = {
    "utility": Word("info", "Utility interruption", "The grid or the network failed."),
    "vehicle": Word("info", "Fault of a vehicle", "A vehicle did not charge or blocked it."),
    "maintenance": Word("info", "Scheduled maintenance", "Announced work on the charger."),
    "vandalism": Word("info", "Vandalism", "Somebody damaged it."),
    "disaster": Word("info", "Natural disaster", "Flood, storm, fire and the like."),
    "closed": Word("info", "Outside opening hours", "The site is closed to the public then."),
}

# By `availability.Incident.what`.
INCIDENT: Final[dict[str, Word]] = {
    "lost": Word("off", "Connection lost", "The charger is no longer connected to its oracle."),
    "reconnected": Word("good", "Connected again", "The charger connected to its oracle again."),
    "restarted": Word("info", "Restarted", "The charger started anew."),
    "faulted": Word("bad", "Faulted", "The charger reported a fault."),
    "recovered": Word("good", "Recovered", "The charger reported no fault any more."),
}
# By `chargecoin.campaigns.Kind` and by `views.campaigns.State`.
CAMPAIGN_KIND: Final[dict[int, Word]] = {
    Kind.OFF_PEAK: Word("info", "Off-peak discount", "A part off the price in chosen hours."),
    Kind.LOYALTY: Word("info", "Loyalty boost", "A part off the price for who comes back."),
    Kind.CO_BRANDED: Word("info", "Co-branded", "A sponsor pays a part of the price."),
}
CAMPAIGN: Final[dict[str, Word]] = {
    "planned": Word("info", "Planned", "It has not begun."),
    "running": Word("good", "Running", "Sessions that start in its hours get its discount."),
    "paused": Word("off", "Paused", "Sessions that start now do not get its discount."),
    "used_up": Word("warn", "Budget used up", "It runs, and nothing is left in its budget."),
    "ended": Word("off", "Ended", "Its time is over; what is left returns to who put it in."),
    "closed": Word("off", "Closed", "It was ended early by who decides about it."),
}
# By `campaigns.acts.Act`.
CAMPAIGN_ACT: Final[dict[str, Word]] = {
    "fund": Word("info", "Put in more", "More for its budget; what is left in the end comes back."),
    "pause": Word("off", "Pause it", "Sessions that start after that get nothing."),
    "resume": Word("good", "Go on with it", "Sessions that start after that get it again."),
    "enrol": Word("info", "Add connectors", "It then holds there too; none is ever taken away."),
    "close": Word("bad", "End it", "Sessions that start after that get nothing, for good."),
    "reclaim": Word("info", "Give back", "A funder's share of what is left goes back to it."),
}
# By `steps.Step.state`.
STEP_STATE: Final[dict[str, Word]] = {
    "done": Word("good", "Done", "The chain has it."),
    "now": Word("info", "To be signed now", "It is the next one."),
    "later": Word("off", "After that", "It can be signed once those before it are in a block."),
}
# By `views.rewards.State`.
REWARD: Final[dict[str, Word]] = {
    "open": Word("info", "Open", "The week is not over."),
    "awaited": Word("info", "Root awaited", "It is over; the committee has not allotted it yet."),
    "challenge": Word("info", "Can be voided", "Allotted; the guardian can void it for 3 days."),
    "claimable": Word("good", "Claimable", "Allotted; each station owner's part can be claimed."),
    "expired": Word("off", "Expired", "What was not claimed goes to a later week."),
}

# By `indexer.money_figures.EntryKind`.
ENTRY: Final[dict[str, Word]] = {
    "settled": Word("good", "Sessions settled", "A batch credited its sessions, net of the fee."),
    "collected": Word("good", "Debt collected", "A payer paid what a session was short of."),
    "refunded": Word("warn", "Refund", "A part of a session's price went back."),
    "fee_returned": Word("info", "Fee returned", "The protocol's fee on a refund came back."),
    "held": Word("warn", "Put aside", "A dispute was opened; this much waits for its end."),
    "released": Word("good", "Given back", "A dispute ended, or a part of it, in your favour."),
    "paid_out": Word("info", "Paid out", "Sent to the destination by the payout contract."),
    "withdrawn": Word("info", "Withdrawn", "Taken out by the owner's own account."),
}
# By `chargecoin.adjustments.RefundReason`; the last two are a dispute's own.
REFUND: Final = Texts(
    {
        RefundReason.ENERGY: "The energy is wrong",
        RefundReason.PRICE: "The price is wrong",
        RefundReason.CHARGER_FAULT: "The charger was at fault",
        RefundReason.GOODWILL: "Goodwill",
        RefundReason.DUPLICATE: "Charged twice",
        RefundReason.CORRECTION: "A correction follows as a new session",
        RefundReason.CONCEDED: "Conceded in a dispute",
        RefundReason.RULED: "Ruled by arbiters",
    }
)
# By `indexer.money_figures.DisputeState`.
DISPUTE: Final[dict[str, Word]] = {
    "open": Word("warn", "Open", "The payer disputes the session; arbiters can rule on it."),
    "upheld": Word("bad", "Upheld", "Arbiters granted the payer something."),
    "dismissed": Word("good", "Dismissed", "Arbiters granted nothing; the bond is the owner's."),
    "conceded": Word("info", "Conceded", "The owner granted all that was disputed."),
    "lapsed": Word("off", "Lapsed", "Nobody ruled in time; both sides had theirs back."),
}
CYCLE: Final = Texts({0: "on demand", 1: "every day", 2: "every week", 3: "every month"})

# By `exceptions.Kind`, in the order of a session's life: what it is, and what to do about it.
EXCEPTION: Final[dict[str, Word]] = {
    "in_flight": Word("use", "Charging", "A transaction is open at the charger."),
    "on_its_way": Word("info", "On its way", "It has ended and is on its way to a batch."),
    "failed_start": Word("warn", "Failed start", "Somebody meant to charge, and no energy flowed."),
    "quarantined": Word("warn", "Held back", "No session could be made of what the charger sent."),
    "unfunded": STATUS[Status.UNFUNDED],
    "rejected": STATUS[Status.REJECTED],
    "clamped": Word(
        "info", "Price cut", "It lay outside the tariff's bounds and was set to the nearer."
    ),
    "campaign": Word(
        "warn", "Campaign short", "A campaign was named, and not or not wholly applied."
    ),
    "no_energy": Word("info", "No energy", "It was settled, and no energy flowed."),
    "disputed": Word("bad", "Disputed", "The payer disputes it; the arbiters have not ruled."),
    "dispute_ended": Word("info", "Dispute ended", "The payer disputed it, and that is over."),
    "refunded": Word("info", "Refunded", "You gave back its price or a part of it."),
}
# By kind, or by kind and what more is known of it: one sentence to a station owner.
WHAT_TO_DO: Final[Texts[str]] = Texts(
    {
        "in_flight": "Nothing: it is settled within minutes of its end.",
        "in_flight offline": "See to the charger's connection: the end is told once it is back.",
        "on_its_way": "Nothing: it is settled with the next batch.",
        "on_its_way late": "Ask the operator of the oracle why it is not settled yet.",
        "failed_start": "Nothing after one; if they repeat, try connector, cable and card reader.",
        "unfunded": "Nothing was paid; look at the session for why.",
        "unfunded short": "Wait: what is owed is collected once the payer has deposited, by you or "
        "anybody.",
        "unfunded paid": "Nothing: the debt has been collected or waived.",
        "unfunded elsewhere": "Bill it where the card was paid; if it should have been paid from a "
        "vault, ask for a mandate of its holder.",
        "rejected": "Ask the oracle's operator to settle it again corrected; nothing was paid.",
        "rejected cap": "Ask the protocol's governance to raise the cap if this is usual for you; "
        "nothing was paid.",
        "rejected tariff": "Publish tariffs before they apply; nothing was paid for this session.",
        "clamped": "Compare the tariff's bounds with the price you want, and publish others.",
        "campaign": "See whether the campaign's dates, hours and budget are what you want.",
        "no_energy": "Nothing after one; where they repeat, try the connector and its cable.",
        "disputed": "Answer it before its deadline, or concede it.",
        "disputed answered": "Wait for the arbiters; your answer is on the chain.",
        "dispute_ended": "Nothing: what it moved is in your statement.",
        "refunded": "Nothing: it is in your statement.",
    }
)
_OPERATOR: Final = Text("Ask the operator of the oracle; nothing was billed.")
_CLOCK: Final = Text(
    "Set the charger's clock (or its time server), then ask the oracle's operator."
)
_METER: Final = Text(
    "Have the meter looked at; a session it did not sign properly cannot be billed."
)
_REGISTER: Final = Text(
    "Have the meter or the charger's reading of it looked at; it gives no energy."
)
# What `amount` of a `Line` is, by what its name says.
AMOUNT: Final = Texts(
    {"owed": "owed", "disputed": "disputed", "given back": "given back", "price": "its price"}
)
# By the code of an oracle's quarantine (docs/oracle-operator.md), or of the check that refused it.
HELD_BACK: Final[dict[str, Text]] = {
    "no_end": Text(
        "See whether the charger is connected: its end may still come, and then goes on by itself."
    ),
    "unknown_transaction": Text(
        "Nothing yet: if the start comes later, the operator can replay it."
    ),
    "conflicting_stop": Text("Nothing: the first end counts, and the charger's maker should know."),
    "not_ocpp": Text("Ask the charger's maker: nobody can read this message."),
    "not_understood": Text("Ask the charger's maker: nobody can read this message."),
    "oversized_frame": Text("Ask the charger's maker: the message is too long to be one."),
    "not_utf8": Text("Ask the charger's maker: nobody can read this message."),
    "unknown_connector": Text("Register the connector, then ask the operator to replay it."),
    "other_owner": Text("Register the charger under another identity: somebody else has this one."),
    "no_token": Text("Let the charger ask for a card or an app before it starts."),
    "no_tariff": Text("Publish a tariff for the connector; sessions before it stay unbilled."),
    "tariff_not_flat": Text("Publish a flat tariff for the connector."),
    "no_register": _REGISTER,
    "register_implausible": _REGISTER,
    "negative_energy": _REGISTER,
    "timestamp_unreadable": _CLOCK,
    "clock_unset": _CLOCK,
    "clock_future": _CLOCK,
    "negative_duration": _CLOCK,
    "over_duration": Text("A session ends within twelve days: have the charger end it earlier."),
    "over_consumption": Text("Compare the connector's registered power with its plate."),
    "signature_invalid": _METER,
    "signed_unreadable": _METER,
    "signed_incomplete": _METER,
    "signed_not_billable": _METER,
    "signed_other_meter": Text("Register the meter that is built in, with its key."),
    "signed_other_time": Text("Set the meter's clock, then ask the oracle's operator."),
    "pagination_gap": _METER,
    "unsigned_mismatch": Text(
        "Have the charger looked at: it and its meter say different energies."
    ),
    "unknown_key": Text(
        "Enter the meter's key in the registry, then ask the operator to replay it."
    ),
    "session_cap": Text("Ask the protocol's governance to raise the cap if this is usual for you."),
    "too_old": Text("Nothing: what is older than 90 days cannot be settled any more."),
    "transaction_used": Text("Have the charger looked at: it used a transaction twice."),
    "overlap": Text(
        "Have the charger looked at: it reports two sessions at once at one connector."
    ),
    "pagination": _METER,
    "register": _REGISTER,
    "internal_error": _OPERATOR,
}
HELD_BACK_OTHERWISE: Final = _OPERATOR
# By docs/protocol.md, section 5: plugs and currents, as their names in OCPI stand for.
STANDARD: Final = Texts(
    {
        1: "CHAdeMO",
        2: "Type 1 (J1772)",
        3: "CCS 1 (Combo, Type 1)",
        4: "Type 2",
        5: "CCS 2 (Combo, Type 2)",
        6: "Domestic, Schuko (F)",
        7: "NACS",
        8: "Another plug",
    }
)
POWER_TYPE: Final = Texts({1: "AC, one phase", 2: "AC, three phases", 3: "DC"})

# By `onboarding.Step.name`: what a step is called, and what it says when it is done.
ONBOARDING: Final[dict[str, Word]] = {
    "site": Word("good", "Site", "Its place, time zone and grid are registered."),
    "station": Word("good", "Station", "The charger's identity is registered."),
    "evses": Word("good", "EVSEs", "Each place at which one vehicle charges is registered."),
    "connectors": Word("good", "Connectors", "Each plug is registered, with its power."),
    "tariff": Word("good", "Tariff", "Each connector has a price that drivers can rely on."),
    "key": Word(
        "good",
        "Meter key",
        "For meters that sign. Who vouches for the key decides how far down the proof of a "
        "session goes; without one it is observed.",
    ),
    "password": Word(
        "good", "Charger's password", "An oracle lets the charger in under its identity."
    ),
    "connected": Word("good", "Connected", "An oracle signed that the charger is there."),
    "heard": Word(
        "good", "Heartbeat", "An oracle vouches, now, for what each of its connectors does."
    ),
    "began": Word("good", "First transaction", "A vehicle was plugged in and a session began."),
    "ended": Word("good", "First session closed", "The charger reported its end and its energy."),
    "settled": Word("good", "First session settled", "It was paid in full on the chain."),
}
# By `onboarding.State`.
PROGRESS: Final[dict[str, Word]] = {
    "final": Word("good", "Final", "On the chain for good."),
    "done": Word("good", "Done", "It has happened."),
    "waiting": Word("info", "Waiting for finality", "In a block that could still be replaced."),
    "now": Word("use", "Next", "It can be done now."),
    "later": Word("off", "Later", "Something before it comes first."),
}
# What a mandate is, by its dates and its revocation.
MANDATE: Final[dict[str, Word]] = {
    "valid": Word("good", "Valid", "Cards that it names may draw on the vault."),
    "lapsed": Word("off", "Lapsed", "Its last day is over."),
    "ended": Word("off", "Ended", "Its holder ended it for sessions that started later."),
}
