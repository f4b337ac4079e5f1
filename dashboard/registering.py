"""What an owner's wallet signs to register equipment: forms read and checked, calls prepared.

The limits are the registry's (contracts/modules/equipment.vy), checked before anybody signs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import available_timezones

from babel import Locale

from chargecoin.chain.transactions import contract_call
from chargecoin.charge_points import IDENTITY
from chargecoin.errors import CodecError, SignatureInvalidError
from chargecoin.sessions import ocmf
from chargecoin.sessions.meter_keys import PublicKey, find_sample, read_key
from chargecoin.sessions.ocmf import OcmfDocument
from dashboard.errors import BadAddressError
from dashboard.prepare import Prepared, prepare
from dashboard.query import number_of
from dashboard.services import Services
from dashboard.words import POWER_TYPE, STANDARD
from indexer.read_model import Connector, Equipment, Evse, Owner, Station

MAX_NAME: Final = 64
MAX_GRID_ZONE: Final = 32
MAX_MAKER: Final = 50
MAX_EVSE_ID: Final = 48
MAX_32: Final = (1 << 32) - 1
# More at once than any station has; an owner of larger ones comes back.
MAX_AT_ONCE: Final = 16
MAX_KW: Final = 10_000


def time_zones() -> tuple[str, ...]:
    """Return the time zones to choose from: places, not offsets."""
    return tuple(sorted(one for one in available_timezones() if "/" in one and one[:3] != "Etc"))


def countries(locale: Locale) -> tuple[tuple[str, str], ...]:
    """Return ISO 3166-1 alpha-2 codes with the countries' names, by name."""
    found = [
        (code, name)
        for code, name in locale.territories.items()
        if len(code) == 2 and code.isalpha() and code not in {"EU", "EZ", "UN", "XA", "XB", "ZZ"}
    ]
    return tuple(sorted(found, key=lambda one: one[1]))


def _text(given: Mapping[str, str], name: str, longest: int, *, needed: bool = True) -> str:
    """Return a field's text. Raises `BadAddressError` if it is empty or too long for the chain."""
    text = given.get(name, "").strip()
    if needed and not text:
        raise BadAddressError(f"enter {name.replace('_', ' ')}")
    if len(text.encode()) > longest or not text.isprintable():
        raise BadAddressError(
            f"{name.replace('_', ' ')} has at most {longest} bytes, without line breaks"
        )
    return text


def _call(
    has: Services, owner: Owner | None, station: int | None, words: str, name: str, *args: Any
) -> Prepared:
    """Prepare a call; its effect shows on the onboarding of the owner, or of a station."""
    address = has.node.deployment.address("StationRegistry")
    call = contract_call("StationRegistry", name, address, *args)
    if owner is None:
        return prepare(has, words, "", call)
    below = "" if station is None else f"/{station}"
    shows = f"/owners/{owner.owner_id}/onboarding{below}"
    return prepare(has, words, owner.account, call, shows)


def register_owner(has: Services, given: Mapping[str, str]) -> Prepared:
    """Prepare an owner's registration; whoever signs it becomes the owner's account."""
    name = _text(given, "name", MAX_NAME)
    return _call(has, None, None, f"Register {name} as a station owner", "register_owner", name)


def add_site(
    has: Services, owner: Owner, equipment: Equipment, given: Mapping[str, str]
) -> Prepared:
    """Prepare a site. Raises `BadAddressError` for a name that the owner has already."""
    name = _text(given, "name", MAX_NAME)
    if any(one.name == name for one in equipment.sites):
        raise BadAddressError(f"a site {name} is registered already; give this one another name")
    zone = given.get("time_zone", "")
    if zone not in available_timezones():
        raise BadAddressError("choose a time zone from the list, such as Europe/Berlin")
    country = given.get("country", "")
    if country not in dict(countries(has.formats.locale)):
        raise BadAddressError("choose a country from the list")
    grid = _text({"grid_zone": given.get("grid_zone") or country}, "grid_zone", MAX_GRID_ZONE)
    words = f"Add the site {name} to {owner.name}"
    return _call(has, owner, None, words, "add_site", owner.owner_id, name, zone, country, grid)


def add_station(
    has: Services, owner: Owner, equipment: Equipment, given: Mapping[str, str]
) -> Prepared:
    """Prepare a station. Raises `BadAddressError` for an identity that is taken."""
    site_id = number_of(given, "site", MAX_32)
    if site_id not in equipment.sites_final:
        raise BadAddressError("choose one of the owner's sites that is final on the chain")
    identity = given.get("identity", "").strip()
    if not IDENTITY.fullmatch(identity):
        raise BadAddressError(
            "an OCPP identity has 1 to 48 letters, digits and the signs * - _ = | @ ."
        )
    taken = has.model.station_named(identity)
    if taken is not None:
        own = any(one.station_id == taken.station_id for one in equipment.stations)
        raise BadAddressError(
            f"{identity} is registered already"
            + (" here" if own else " by another owner; give the charger another identity")
        )
    vendor = _text(given, "vendor", MAX_MAKER, needed=False)
    model = _text(given, "model", MAX_MAKER, needed=False)
    site = next(one for one in equipment.sites if one.site_id == site_id)
    words = f"Add the station {identity} to {site.name}"
    return _call(has, owner, None, words, "add_station", site_id, identity, vendor, model)


def add_evses(
    has: Services, owner: Owner, station: Station, evses: Sequence[Evse], given: Mapping[str, str]
) -> tuple[Prepared, ...]:
    """Prepare a station's next EVSEs, numbered on from those it has."""
    count = number_of(given, "count", MAX_AT_ONCE)
    if not count:
        raise BadAddressError(f"enter how many EVSEs to add, 1 to {MAX_AT_ONCE}")
    ids = given.get("evse_ids", "").split()
    if ids and len(ids) != count:
        raise BadAddressError(f"enter {count} EVSE ids, or none")
    for one in ids:
        _text({"EVSE id": one}, "EVSE id", MAX_EVSE_ID)
    last = max((one.evse_number for one in evses), default=0)
    return tuple(
        _call(
            has,
            owner,
            station.station_id,
            f"Add EVSE {last + number} to {station.identity}",
            "add_evse",
            station.station_id,
            last + number,
            ids[number - 1] if ids else "",
        )
        for number in range(1, count + 1)
    )


def add_connectors(
    has: Services,
    owner: Owner,
    station: Station,
    evses: Sequence[Evse],
    connectors: Sequence[Connector],
    chosen: Sequence[str],
    given: Mapping[str, str],
) -> tuple[Prepared, ...]:
    """Prepare one connector for each chosen EVSE, numbered on from those the station has."""
    ready = {str(one.evse): one for one in evses if one.finality == "final"}
    if not chosen or not all(one in ready for one in chosen):
        raise BadAddressError("choose EVSEs of this station that are final on the chain")
    standard = number_of(given, "standard", len(STANDARD))
    power_type = number_of(given, "power_type", len(POWER_TYPE))
    if not standard or not power_type:
        raise BadAddressError("choose the plug and whether it gives AC or DC")
    watts = _watts(given.get("kilowatts", ""))
    last = max((one.connector_number for one in connectors), default=0)
    prepared = []
    for number, one in enumerate(dict.fromkeys(chosen), last + 1):
        evse = ready[one]
        words = f"Add connector {number} to EVSE {evse.evse_number} of {station.identity}"
        what = (number, standard, power_type, watts)
        prepared.append(
            _call(has, owner, station.station_id, words, "add_connector", evse.evse, *what)
        )
    return tuple(prepared)


def _watts(text: str) -> int:
    whole, _, part = text.strip().replace(",", ".").partition(".")
    fits = whole.isdecimal() and len(whole) <= 5 and len(part) <= 3
    watts = int(whole + part.ljust(3, "0")) if fits and (part.isdecimal() or not part) else 0
    if not 0 < watts <= MAX_KW * 1_000:
        raise BadAddressError(f"enter the most it delivers in kW, such as 22 or 7.4, not {text!r}")
    return watts


@dataclass(frozen=True, slots=True)
class GivenKey:
    """A meter's key as it was read, and what it was tried on; `sample` None if there was none."""

    key: PublicKey
    serial: str
    sample: bool


def read_meter_key(given: Mapping[str, str]) -> GivenKey:
    """Read a key, and a sample that it must verify if there is one. Raises `BadAddressError`."""
    text, more = given.get("key", ""), given.get("sample", "")
    try:
        sample: OcmfDocument | None = find_sample(more or text)
        if more.strip() and sample is None:
            raise BadAddressError("the sample is no signed data set in OCMF")
        if sample is not None and not more and text.strip().startswith("OCMF|"):
            curve = ocmf.CURVES.get(sample.algorithm, "an unknown curve")
            raise BadAddressError(
                f"meter {sample.serial} signs with {curve}, but what it signs does not hold its "
                "public key; enter that too, from its label, its display or its maker"
            )
        key = read_key(text, sample)
        if sample is not None:
            ocmf.verify(sample, key.der)
    except SignatureInvalidError as error:
        raise BadAddressError(f"this key is not that of the meter of the sample: {error}") from None
    except CodecError as error:
        raise BadAddressError(str(error)) from None
    return GivenKey(key, sample.serial if sample else "", sample is not None)


def add_meter_key(has: Services, owner: Owner, connector: Connector, given: GivenKey) -> Prepared:
    """Prepare a meter's key. Raises `BadAddressError` if the connector has it already."""
    fingerprint = "0x" + given.key.fingerprint.hex()
    if any(one.fingerprint == fingerprint for one in has.model.meter_keys(connector.connector_id)):
        raise BadAddressError("this key was entered for this connector before")
    words = f"Enter a meter's key for {connector.station_identity}/{connector.connector_number}"
    what = (given.key.curve, given.key.der, has.now())
    return _call(
        has, owner, connector.station_id, words, "add_meter_key", connector.connector_id, *what
    )
