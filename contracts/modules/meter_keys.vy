# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Meter keys, and who stands behind them
@custom:contract-name meter_keys
@license Apache-2.0
@notice A meter's public key is entered by the connector's owner or by an
        accredited voucher (a manufacturer or an authority), who may also vouch
        for it later. What a key is worth is stated, never assumed. Times are
        UTC seconds.
"""


from ..interfaces import IStationRegistry
from . import equipment
from . import owners
uses: equipment
uses: owners


# @dev What kind of voucher stands behind a meter key.
VOUCHER_OWNER: constant(uint256) = 1
VOUCHER_MANUFACTURER: constant(uint256) = 2
VOUCHER_AUTHORITY: constant(uint256) = 3


# @dev The last curve in docs/protocol.md, section 5.
LAST_CURVE: constant(uint256) = 7


# @dev Accredits vouchers and may revoke any meter key; a timelock.
governance: public(immutable(address))


struct MeterKey:
    curve: uint256
    voucher_kind: uint256
    voucher: address
    valid_from: uint256
    revoked_at: uint256


# @dev Meter keys by connector and keccak256 of the public key.
meter_key: public(HashMap[uint256, HashMap[bytes32, MeterKey]])


# @dev 0 for none, else what kind of accredited voucher an address is.
voucher_kind: public(HashMap[address, uint256])


@deploy
@payable
def __init__(governance_: address):
    """
    @dev Names who accredits vouchers. To omit the opcodes for checking the
         `msg.value`, the constructor is declared as `payable`.
    @param governance_ The timelock. Reverts if zero.
    """
    assert governance_ != empty(address), "registry: no governance"
    governance = governance_


@external
def add_meter_key(connector_id: uint256, curve: uint256, public_key: Bytes[256], valid_from: uint256):
    """
    @dev Enters the public key of the meter behind a connector. An accredited
         voucher vouches for it by entering it.
    @param connector_id The connector. Reverts unless the caller acts for its
           owner or is an accredited voucher.
    @param curve The curve, numbered as in docs/protocol.md, section 5. Reverts
           if unknown.
    @param public_key The DER SubjectPublicKeyInfo. Reverts if empty or entered
           for this connector before.
    @param valid_from The first second (UTC) from which its signatures count.
           Reverts if zero.
    """
    owner_id: uint256 = equipment._owner_of(connector_id)
    assert owner_id != 0, "registry: no such connector"
    kind: uint256 = self.voucher_kind[msg.sender]
    if kind == 0:
        owners._check_acts_for(owner_id)
        kind = VOUCHER_OWNER
    assert curve != 0 and curve <= LAST_CURVE, "registry: unknown curve"
    assert len(public_key) != 0, "registry: empty key"
    assert valid_from != 0, "registry: no start of validity"
    fingerprint: bytes32 = keccak256(public_key)
    assert self.meter_key[connector_id][fingerprint].curve == 0, "registry: key known"
    self.meter_key[connector_id][fingerprint] = MeterKey(
        curve=curve, voucher_kind=kind, voucher=msg.sender, valid_from=valid_from, revoked_at=0
    )
    log IStationRegistry.MeterKeyAdded(
        connector_id=connector_id,
        fingerprint=fingerprint,
        curve=curve,
        public_key=public_key,
        voucher_kind=kind,
        voucher=msg.sender,
        valid_from=valid_from,
    )


@external
def vouch(connector_id: uint256, fingerprint: bytes32):
    """
    @dev Vouches for a key that someone less trusted entered.
    @param connector_id The connector.
    @param fingerprint keccak256 of the public key. Reverts if it is unknown,
           revoked, or vouched for by the same kind or a stronger one, and
           unless the caller is an accredited voucher.
    """
    kind: uint256 = self.voucher_kind[msg.sender]
    assert kind != 0, "registry: not accredited"
    key: MeterKey = self.meter_key[connector_id][fingerprint]
    assert key.curve != 0 and key.revoked_at == 0, "registry: no such key"
    assert kind > key.voucher_kind, "registry: already vouched for"
    key.voucher_kind = kind
    key.voucher = msg.sender
    self.meter_key[connector_id][fingerprint] = key
    log IStationRegistry.MeterKeyVouched(
        connector_id=connector_id, fingerprint=fingerprint, voucher_kind=kind, voucher=msg.sender
    )


@external
def revoke_meter_key(connector_id: uint256, fingerprint: bytes32):
    """
    @dev Ends a key's validity now. It cannot be entered again.
    @param connector_id The connector.
    @param fingerprint keccak256 of the public key. Reverts if it is unknown or
           revoked, and unless the caller acts for the owner, is the key's
           voucher, or is governance.
    """
    key: MeterKey = self.meter_key[connector_id][fingerprint]
    assert key.curve != 0 and key.revoked_at == 0, "registry: no such key"
    if msg.sender != key.voucher and msg.sender != governance:
        owners._check_acts_for(equipment._owner_of(connector_id))
    self.meter_key[connector_id][fingerprint].revoked_at = block.timestamp
    log IStationRegistry.MeterKeyRevoked(connector_id=connector_id, fingerprint=fingerprint)


@external
def set_voucher(voucher: address, kind: uint256):
    """
    @dev Accredits a voucher or ends its accreditation. Keys it vouched for stay
         as they are, until revoked.
    @param voucher The address.
    @param kind 0 none, 2 manufacturer, 3 authority. Reverts if another, and
           unless the caller is governance.
    """
    assert msg.sender == governance, "registry: not governance"
    assert kind in [empty(uint256), VOUCHER_MANUFACTURER, VOUCHER_AUTHORITY], "registry: unknown kind"
    self.voucher_kind[voucher] = kind
    log IStationRegistry.VoucherSet(voucher=voucher, kind=kind)
