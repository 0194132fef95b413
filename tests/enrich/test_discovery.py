"""Who is on the network, told by what they do: roles, identities, bounds."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.enrich import discovery
from engine.enrich.assets import read_assets
from engine.enrich.discovery import Discovery, as_yaml
from engine.model import Event, LogSource

STATION, PANEL, ARCHIVE, PLC = "192.0.2.10", "192.0.2.20", "192.0.2.30", "198.51.100.4"


def request(
    client: str, operation: str, *, server: str = PLC, outcome: str = "success", time: int = 0, **more: Any
) -> Event:
    fields = {"source.ip": client, "destination.ip": server, "ot.protocol": "modbus", "ot.operation": operation}
    return Event({**fields, "event.outcome": outcome, **more}, time, "1", LogSource())


def roles(*events: Event) -> dict[str, str]:
    seen = Discovery()
    for event in events:
        seen.observe(event)
    return {host.address: host.role for host in seen.hosts()}


def test_a_role_is_what_a_host_does() -> None:
    found = roles(
        request(STATION, "read"), request(STATION, "program_download"), request(PANEL, "read"),
        request(PANEL, "write"), request(ARCHIVE, "read"), request("192.0.2.40", "identify"),
    )  # fmt: skip

    assert found == {
        STATION: "engineering_workstation", PANEL: "hmi", ARCHIVE: "historian", "192.0.2.40": "client",
        PLC: "plc",
    }  # fmt: skip


def test_what_was_refused_was_not_done_and_who_does_not_answer_is_not_there() -> None:
    assert roles(
        request(PANEL, "plc_stop", outcome="failure"), request(PANEL, "read", outcome="unknown", server="198.51.100.9")
    ) == {
        PANEL: "historian",
        PLC: "plc",
    }


def test_who_answers_is_a_controller_even_where_it_asks_others() -> None:
    assert roles(request(PANEL, "read"), request(PLC, "write", server="198.51.100.5"))[PLC] == "plc"


@pytest.mark.parametrize("group", ["255.255.255.255", "192.0.2.255", "239.1.2.3"])
def test_broadcasts_and_groups_are_nobody(group: str) -> None:
    assert roles(request(PANEL, "identify", server=group)) == {PANEL: "client"}


def test_hosts_without_addresses_are_named_by_their_hardware() -> None:
    seen = Discovery()
    fields = {"source.mac": "00-00-5E-00-53-01", "destination.mac": "01-0E-CF-00-00-00", "ot.protocol": "dcp"}
    seen.observe(Event({**fields, "ot.operation": "identify"}, 0, "1", LogSource()))

    assert [host.address for host in seen.hosts()] == ["00-00-5E-00-53-01"]


def test_identities_units_and_times_are_kept() -> None:
    seen = Discovery()
    seen.observe(request(PANEL, "identify", time=7, **{"ot.identity.vendor_name": "Example", "ot.unit_id": 3}))
    seen.observe(request(PANEL, "read", time=5, **{"ot.unit_id": 4}))

    (_, plc) = seen.hosts()

    document = plc.document()
    assert document["identity"] == {"vendor_name": "Example"}
    assert (document["units"], document["first"], document["last"]) == (["3", "4"], 5, 7)
    assert document["peers"] == [PANEL]


def test_hosts_are_bounded_and_what_is_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_MOST", 3)
    seen = Discovery()
    for number in range(5):
        seen.observe(request(f"192.0.2.{number}", "read"))

    assert len(seen.hosts()) == 3
    assert seen.left_out == 3


def test_a_routers_hardware_address_is_nobodys_own(tmp_path: Path) -> None:
    seen = Discovery()
    for server in (PLC, "198.51.100.5"):
        seen.observe(request(PANEL, "read", server=server, **{"destination.mac": "00-00-5E-00-53-31"}))
    (tmp_path / "assets.yml").write_text(as_yaml(seen.hosts()), encoding="utf-8")

    assets, _ = read_assets(tmp_path / "assets.yml")

    assert [asset.macs for asset in assets] == [(), (), ()]


@given(identity=st.text(max_size=40))
def test_what_is_printed_is_an_asset_list_whatever_a_device_calls_itself(
    tmp_path_factory: pytest.TempPathFactory, identity: str
) -> None:
    seen = Discovery()
    seen.observe(
        request(PANEL, "identify", **{"ot.identity.product_name": identity, "source.mac": "00-00-5E-00-53-02"})
    )
    path = tmp_path_factory.mktemp("assets") / "assets.yml"
    path.write_text(as_yaml(seen.hosts()), encoding="utf-8")

    assets, _ = read_assets(path)

    assert [(asset.name, asset.role) for asset in assets] == [(PANEL, "client"), (PLC, "plc")]


def test_the_command_prints_an_asset_list(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    capture = root / "tests" / "parsers" / "s7comm" / "program.pcap"
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "assets", str(capture)], capture_output=True, cwd=root, timeout=60
    )
    (tmp_path / "assets.yml").write_bytes(done.stdout)

    assets, _ = read_assets(tmp_path / "assets.yml")

    assert done.stderr == b""
    assert [asset.role for asset in assets] == ["engineering_workstation", "plc"]
