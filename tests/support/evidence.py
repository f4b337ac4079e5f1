"""A session settled on a fake chain, with its evidence, to be verified or tampered with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from eth_utils.crypto import keccak

from chargecoin import canonical
from chargecoin.carbon import factor_for
from chargecoin.chain import Connector, Evse, RegisteredKey, Site, Station
from chargecoin.evidence.bundle import Payer, SessionRef, Terms, build
from chargecoin.evidence.format import Bundle, CampaignPart, Proof, from_bytes, hexed, to_bytes
from chargecoin.evidence.verify import Report, verify
from chargecoin.record import Run, session_id
from chargecoin.sessions.metering import VOUCHED_BY_MANUFACTURER, measure
from chargecoin.sessions.transaction import fold
from chargecoin.tariff import Prices, Tariff
from chargecoin.typed_data import Mandate, Signer, token_commitment
from tests.support.chain import DEPLOYMENT, FakeChain, settle
from tests.support.charging import START, Charging, Meter, signed_session

CONNECTOR: Final = 7
SEQUENCE: Final = 12
ACCOUNT: Final = 5
SALT: Final = b"\x05" * 32
DRIVER: Final = Signer(b"\x21" * 32)
ORACLE: Final = Signer(b"\x01" * 32)
TARIFF: Final = Tariff.flat(Prices(kwh=450_000, hour=0, idle_hour=0, session=0), START - 1000)


def registered() -> FakeChain:
    """Return a chain on which the connector, its tariff and the payer's vault exist."""
    return FakeChain(
        holders={ACCOUNT: DRIVER.address},
        tariffs={(CONNECTOR, 1): TARIFF},
        connectors={CONNECTOR: Connector(1, 3, 1, 4, 2, 22_000)},
        evses={3: Evse(2, 1, "GB*CCN*E0001")},
        stations={2: Station(9, "CP-0007", "Vendor", "Model")},
        sites={9: Site(1, "Perth", "Europe/London", "GB", "GB")},
    )


def mandate_for(token: str, **changes: Any) -> Mandate:
    """Return the driver's mandate for a token."""
    fields: dict[str, Any] = {
        "account": ACCOUNT,
        "tokens": (token_commitment(SALT, token),),
        "max_per_session": 50_000_000,
        "valid_from": 0,
        "valid_until": 1 << 60,
    }
    return Mandate(**(fields | changes))


@dataclass
class Settled:
    """A session's evidence as served, and the chain it was settled on."""

    chain: FakeChain
    proof: Proof
    data: bytes

    @property
    def bundle(self) -> Bundle:
        """The bundle, read from its bytes."""
        return from_bytes(self.data)

    @property
    def json(self) -> dict[str, Any]:
        """The bundle as JSON values, to be changed."""
        value: dict[str, Any] = canonical.loads(self.data)
        return value

    def anchored(self, changed: dict[str, Any]) -> Settled:
        """Return what a dishonest quorum settles: a changed bundle, under a proof that fits it."""
        return anchor(changed, self.chain)


def anchor(value: dict[str, Any], chain: FakeChain) -> Settled:
    """Settle a bundle in a batch with other sessions."""
    data = canonical.dumps(value)
    word = int(value["word"], 16)
    own = session_id(CONNECTOR, SEQUENCE)
    runs = [
        Run(3, 1, 1, 0, (word, word)),
        Run(CONNECTOR, SEQUENCE - 1, 1, 99, (word, word)),
        Run(9, 5, 2, 1, (word,)),
    ]
    evidence = {one: keccak(b"%d" % one) for run in runs for one in run.session_ids()}
    proof = settle(chain, runs, evidence | {own: data})[own]
    return Settled(chain, proof, data)


def settled_session(
    meter: Meter | None = None,
    charging: Charging | None = None,
    *,
    paid: bool = True,
    max_per_session: int = 50_000_000,
    voucher_kind: int = VOUCHED_BY_MANUFACTURER,
    campaign: CampaignPart | None = None,
    chain: FakeChain | None = None,
) -> Settled:
    """Return an honest session: signed where there is a meter, paid by the driver or by nobody."""
    chain = chain or registered()
    if charging is None:
        charging = signed_session(meter) if meter else Charging().start().stop()
    frames = charging.redacted(lambda token: hexed(token_commitment(SALT, token)))
    transaction = fold(frames)
    keys = [meter.key(voucher_kind)] if meter else []
    for key in keys:
        chain.keys[CONNECTOR, key.fingerprint] = RegisteredKey(
            key.curve, voucher_kind, DRIVER.address, key.valid_from, 0
        )
    token = token_commitment(SALT, charging.token)
    mandate = mandate_for(charging.token, max_per_session=max_per_session)
    bundle = build(
        deployment=DEPLOYMENT,
        oracle=ORACLE.address,
        session=SessionRef(
            CONNECTOR, SEQUENCE, "CP-0007", transaction.transaction_id, "Europe/London"
        ),
        frames=frames,
        reading=measure(transaction, keys),
        payer=Payer(token, ACCOUNT, mandate, DRIVER.sign(mandate.digest(DEPLOYMENT.domain)))
        if paid
        else Payer(token),
        terms=Terms(1, TARIFF, campaign),
        factor=factor_for("GB", START),
    )
    return anchor(canonical.loads(to_bytes(bundle)), chain)


async def report_of(one: Settled) -> Report:
    """Verify a session's evidence on its chain."""
    return await verify(one.data, one.proof, one.chain)
