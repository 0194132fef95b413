"""The asset file: believed whole, or not at all, with every mend."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.enrich import AssetFileError, read_assets

GOOD = """\
zones:
  cell_a: {networks: [10.99.0.0/24], level: 1, site: north}
  dmz: {networks: ["2001:db8:35::/64"], level: 3.5}
assets:
  - name: plc-1
    addresses: [10.99.0.8, 10.99.0.16/28]
    hostnames: [plc-1.cell.example]
    macs: [00:00:5e:00:53:08, 10:20:30:40:50:10]
    role: plc
    zone: cell_a
    criticality: high
    owner: Mixing
    safety: false
    consequence: The mixer overfills.
"""


def read(folder: Path, text: str | bytes) -> str:
    path = folder / "assets.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(AssetFileError) as caught:
        read_assets(path)
    return str(caught.value).replace(str(folder), "")


def test_assets_and_zones_are_read(tmp_path: Path) -> None:
    path = tmp_path / "assets.yml"
    path.write_text(GOOD, "utf-8")

    (plc,), (cell, dmz) = read_assets(path)

    assert plc.addresses == (ip_address("10.99.0.8"), ip_network("10.99.0.16/28"))
    assert plc.macs == ("00005e005308", "102030405010")
    assert (plc.role, plc.zone, plc.criticality, plc.owner, plc.safety) == ("plc", "cell_a", "high", "Mixing", False)
    assert plc.consequence == "The mixer overfills."
    assert (cell.name, cell.networks, cell.level, cell.site) == ("cell_a", (ip_network("10.99.0.0/24"),), 1.0, "north")
    assert dmz.level == 3.5


def test_zones_may_be_a_list_and_either_section_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "zones.yml"
    path.write_text("zones: [{name: a, networks: 10.0.0.0/8}]", "utf-8")

    assets, (zone,) = read_assets(path)

    assert (assets, zone.networks) == ((), (ip_network("10.0.0.0/8"),))


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("10.99.0.8,", "10.99.0.800,", 6, "'10.99.0.800' is no address"),
        ("10.99.0.16/28", "10.99.0.17/28", 6, "write 10.99.0.16/28"),
        ("role: plc", "role: PLC Mixer", 9, "write plc_mixer"),
        ("zone: cell_a", "zone: cell_b", 5, "the zone 'cell_b', which is not there"),
        ("criticality: high", "criticality: huge", 11, "write one of low, medium, high, critical"),
        ("safety: false", "safety: perhaps", 13, "write true or false"),
        ("level: 1,", "level: 7,", 2, "no Purdue level 7"),
        ("owner:", "owned_by:", 12, "the key 'owned_by' is not known here"),
        ("  - name: plc-1\n    ", "  - ", 5, "an asset without a name"),
        ("macs: [00:00:5e:00:53:08,", "macs: [nonsense,", 8, "no MAC address"),
        ("zones:", "zones: [", 3, "mend the YAML"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_mend(
    tmp_path: Path, before: str, after: str, line: int, words: str
) -> None:
    said = read(tmp_path, GOOD.replace(before, after, 1))

    assert any(one.startswith(f"/assets.yml:{line}: ") and words in one for one in said.splitlines()), said


def test_every_problem_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    said = read(tmp_path, GOOD.replace("level: 3.5", "level: 9").replace("high", "huge").replace("10.99.0.8,", "x,"))

    assert [one.split(":")[1] for one in said.splitlines()] == ["3", "6", "11"]


def test_nothing_is_there_twice(tmp_path: Path) -> None:
    said = read(tmp_path, "assets: [{name: a, addresses: 192.0.2.1},\n {name: A, addresses: '::ffff:192.0.2.1'}]")

    assert "the asset A is there twice; keep one; the other is in line 1" in said
    assert "the address 192.0.2.1 is there twice" in said


def test_an_alias_is_refused_before_it_grows(tmp_path: Path) -> None:
    assert "the alias *a; write the values out" in read(tmp_path, "assets:\n - &a [x]\n - [*a, *a]\n")


@pytest.mark.parametrize("text", ["", "[]", "7", "assets: 7", "zones: [[[[]]]]", b"\xff\xfe", "assets: {a: 1}", "\x00"])
def test_an_odd_file_is_refused_without_a_traceback(tmp_path: Path, text: str | bytes) -> None:
    assert read(tmp_path, text).startswith("/assets.yml:1: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetFileError, match=r"nowhere\.yml:1: .*; name a file that can be read"):
        read_assets(tmp_path / "nowhere.yml")


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yml"
    path.write_bytes(("assets:\n" + text).encode("utf-8", "surrogatepass"))
    try:
        read_assets(path)
    except AssetFileError as error:
        assert str(error).startswith(str(path))
