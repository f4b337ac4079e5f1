"""What an owner has registered, level by level, and how far its connectors have come."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.figures import Connector, Finality, Site


@dataclass(frozen=True, slots=True)
class Station:
    """A charging station. `identity` is the one of OCPP."""

    station_id: int
    site_id: int
    identity: str
    vendor: str
    model: str
    finality: Finality


@dataclass(frozen=True, slots=True)
class Evse:
    """An EVSE: the part of a station that serves one vehicle at a time."""

    evse: int
    station_id: int
    evse_number: int
    evse_id: str
    finality: Finality


@dataclass(frozen=True, slots=True)
class Equipment:
    """Everything an owner has registered, parts that nothing hangs on yet included.

    `sites_final` and `connectors_final` are the ids that no reorganisation can take back;
    `priced` and `used` the connectors that have a tariff and a settled session.
    """

    sites: tuple[Site, ...]
    stations: tuple[Station, ...]
    evses: tuple[Evse, ...]
    connectors: tuple[Connector, ...]
    sites_final: frozenset[int]
    connectors_final: frozenset[int]
    priced: frozenset[int]
    used: frozenset[int]


@dataclass(frozen=True, slots=True)
class FirstSigns:
    """When a connector was first heard of, UTC seconds; None for what has not happened.

    `connected_at`, `began_at` and `ended_at` are the signed feed's: the first word that was
    not *Offline*, the first session's begin and end. The feed is kept for a while only.
    `sequence`, `settled_at` and `finality` are the chain's, of the first session paid in full.
    """

    connector_id: int
    connected_at: int | None
    began_at: int | None
    ended_at: int | None
    recorded: bool
    sequence: int | None
    settled_at: int | None
    finality: Finality | None
