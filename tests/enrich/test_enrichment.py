"""Assets and zones: who the parties of an event are."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from engine.enrich import Asset, Enrichment, Zone
from engine.model import Event, LogSource

ZONES = (
    Zone("enterprise", (ip_network("10.0.0.0/8"),), 4.0, "north"),
    Zone("cell_a", (ip_network("10.99.0.0/24"),), 1.0),
    Zone("safety", (ip_network("10.99.0.8/32"), ip_network("2001:db8:99::/64")), 1.0, "south"),
)
EWS = Asset(
    "ews-1",
    (ip_address("10.20.0.5"), ip_address("2001:db8::5")),
    hostnames=("EWS-1.plant.example",),
    macs=("00:00:5E:00:53:05",),
    role="engineering_workstation",
    level=2.0,
)
PLC = Asset(
    "plc-1", (ip_address("10.99.0.7"),), role="plc", zone="cell_a", criticality="high", consequence="It overfills."
)
SIS = Asset("sis-1", (ip_address("10.99.0.8"),), role="safety_controller", safety=True)
RACK = Asset("rack", (ip_network("10.99.0.0/28"),), role="remote_io")
KNOWN = Enrichment((EWS, PLC, SIS, RACK), ZONES)


def enriched(**fields: Any) -> dict[str, Any]:
    event = Event({name.replace("__", "."): value for name, value in fields.items()}, 0, "1", LogSource())
    KNOWN.enrich(event)
    return {name: value for name, value in event.fields.items() if name.startswith("tieline.") or name == "host.ip"}


def test_the_narrowest_network_wins() -> None:
    assert enriched(source__ip="10.99.0.200")["tieline.source.zone"] == "cell_a"
    assert enriched(source__ip="10.98.0.1")["tieline.source.zone"] == "enterprise"


def test_an_address_wins_over_a_network_of_another_asset() -> None:
    assert enriched(destination__ip="10.99.0.7")["tieline.destination.asset"] == "plc-1"
    assert enriched(destination__ip="10.99.0.9")["tieline.destination.asset"] == "rack"


def test_an_unknown_address_is_unknown_never_external() -> None:
    assert enriched(source__ip="203.0.113.9", destination__ip="not an address") == {}


def test_all_that_is_known_is_added_and_nothing_else() -> None:
    assert enriched(destination__ip="10.99.0.7") == {
        "tieline.destination.asset": "plc-1",
        "tieline.destination.role": "plc",
        "tieline.destination.zone": "cell_a",
        "tieline.destination.level": 1.0,
        "tieline.destination.criticality": "high",
    }
    assert enriched(destination__ip="10.99.0.8")["tieline.destination.safety"] is True


@pytest.mark.parametrize("text", ["::ffff:10.99.0.7", "10.99.0.7"])
def test_an_ipv4_mapped_address_is_the_ipv4_address(text: str) -> None:
    assert enriched(source__ip=text)["tieline.source.asset"] == "plc-1"


def test_an_ipv6_address_is_found_however_it_is_written() -> None:
    assert enriched(source__ip="2001:DB8:0:0::5")["tieline.source.asset"] == "ews-1"


def test_an_unknown_address_is_looked_up_by_mac_and_then_by_name() -> None:
    by_mac = enriched(source__ip="10.50.0.1", source__mac="00-00-5E-00-53-05")
    by_name = enriched(source__domain="ews-1")

    assert by_mac["tieline.source.asset"] == "ews-1"
    assert by_mac["tieline.source.zone"] == "enterprise"
    assert by_name["tieline.source.asset"] == "ews-1"


@pytest.mark.parametrize("name", ["EWS-1", "ews-1", "ews-1.plant.example", "EWS-1.PLANT.EXAMPLE."])
def test_a_host_is_found_by_short_and_full_name_in_any_case(name: str) -> None:
    assert enriched(host__name=name)["tieline.host.asset"] == "ews-1"


def test_the_same_short_name_in_another_domain_is_another_host() -> None:
    only_full = Enrichment([Asset("w", hostnames=("hmi.plant.example",))], [])
    event = Event({"host.name": "hmi.office.example"}, 0, "1", LogSource())

    only_full.enrich(event)

    assert event.fields == {"host.name": "hmi.office.example"}


def test_a_short_name_that_two_assets_share_finds_neither() -> None:
    twins = Enrichment([Asset("a", hostnames=("hmi.a.example",)), Asset("b", hostnames=("hmi.b.example",))], [])
    event = Event({"host.name": "hmi"}, 0, "1", LogSource())

    twins.enrich(event)

    assert "tieline.host.asset" not in event.fields


def test_a_known_host_without_address_gets_those_of_its_asset() -> None:
    assert enriched(host__name="ews-1")["host.ip"] == ["10.20.0.5", "2001:db8::5"]
    assert enriched(host__name="ews-1", host__ip=["192.0.2.1"])["host.ip"] == ["192.0.2.1"]


def test_an_unknown_host_name_is_looked_up_by_its_addresses() -> None:
    assert enriched(host__name="stranger", host__ip=["192.0.2.1", "10.99.0.7"])["tieline.host.asset"] == "plc-1"


def test_repeated_events_get_the_same_facts_and_share_nothing() -> None:
    first = enriched(host__name="ews-1")
    first["host.ip"].append("changed")

    assert enriched(host__name="ews-1")["host.ip"] == ["10.20.0.5", "2001:db8::5"]


@pytest.mark.parametrize("odd", [None, 7, True, [], {}, ["x", None], b"10.99.0.7"])
def test_odd_values_are_unknown_and_harmless(odd: Any) -> None:
    names = ("source.ip", "source.mac", "source.domain", "host.name", "host.hostname", "host.ip")
    event = Event(dict.fromkeys(names, odd), 0, "1", LogSource())

    KNOWN.enrich(event)

    assert not [name for name in event.fields if name.startswith("tieline.")]


def test_roles_become_placeholders_with_addresses_and_names() -> None:
    placeholders = KNOWN.placeholders()

    assert placeholders["EngineeringWorkstations"] == ["10.20.0.5", "2001:db8::5", "ews-1", "EWS-1.plant.example"]
    assert placeholders["SafetyControllers"] == ["10.99.0.8", "sis-1"]
    assert len(placeholders["RemoteIos"]) == 17


def test_the_consequence_is_in_the_plants_words() -> None:
    assert KNOWN.consequence("plc-1") == "It overfills."
    assert KNOWN.consequence("ews-1") is None
    assert KNOWN.consequence("nobody") is None
