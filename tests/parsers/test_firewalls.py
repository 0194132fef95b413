"""What several vendors' firewalls have in common, and where they differ on purpose."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import Frame
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser
from parsers._grammar.pairs import listed, pairs, spaced

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0
OURS = (
    "fortinet_fortigate",
    "paloalto_panos",
    "checkpoint_firewall",
    "pfsense_filterlog",
    "sonicwall_firewall",
    "sophos_firewall",
    "stormshield_sns",
    "mikrotik_routeros",
    "f5_bigip",
    "vmware_esxi",
)


def document(record: str, name: str | None = None) -> dict[str, Any]:
    [parsed] = Parser(FORMATS).feed([Frame(record.encode(), "test", received=RECEIVED, sequence=1, format=name)])
    return parsed.document()


def fortigate(rest: str) -> dict[str, Any]:
    return document(
        f'<189>date=2026-01-02 time=03:04:05 devname="fw" logid="0000000013" subtype="forward" vd="root" {rest}'
    )


def test_a_key_in_a_page_that_somebody_asked_for_does_not_overwrite_the_devices_own() -> None:
    found = fortigate('type="traffic" srcip=10.20.1.7 dstip=10.99.0.5 action="accept" url="/a" srcip=192.0.2.66 "')

    assert found["source.ip"] == "10.20.1.7"


def test_an_address_that_was_not_translated_has_no_translation() -> None:
    plain = fortigate('type="traffic" srcip=10.20.1.7 dstip=10.99.0.5 trandisp="noop" action="accept"')
    hidden = fortigate('type="traffic" srcip=10.20.1.7 dstip=10.99.0.5 trandisp="snat" transip=192.0.2.7 transport=9')

    assert not [name for name in plain if ".nat." in name]
    assert (hidden["source.nat.ip"], hidden["source.nat.port"]) == ("192.0.2.7", 9)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ('eventtime=1767323045123456789 tz="+0100"', "2026-01-02T03:04:05.123456789Z"),
        ("eventtime=1767323045", "2026-01-02T03:04:05.000Z"),
        ('tz="-0530"', "2026-01-02T08:34:05.000Z"),
        ('tz="UTC+2"', "2026-01-02T01:04:05.000Z"),
        ("", "2026-01-02T03:04:05.000Z"),
    ],
)
def test_fortigates_time_is_the_event_time_else_the_date_in_its_own_zone(stamp: str, expected: str) -> None:
    assert fortigate(f'type="traffic" srcip=10.20.1.7 dstip=10.99.0.5 {stamp}')["@timestamp"] == expected


def test_the_remote_side_of_a_tunnel_is_the_source_whoever_negotiates() -> None:
    found = document(
        'date=2026-01-02 time=03:04:05 devname="fw" logid="0101037127" type="event" subtype="vpn" vd="root" action="negotiate" '
        'remip=203.0.113.9 locip=192.0.2.1 remport=500 locport=4500 user="N/A" init="local" dir="outbound"'
    )

    assert (found["source.ip"], found["destination.ip"], found["destination.port"]) == (
        "203.0.113.9",
        "192.0.2.1",
        4500,
    )
    assert "user.name" not in found


def test_a_column_that_a_release_does_not_have_yet_is_missing_not_wrong() -> None:
    whole = (Path(__file__).parent / "paloalto_panos" / "sessions.log").read_text(encoding="utf-8").splitlines()[0]

    for columns in range(31, 55):
        found = document(",".join(whole.split(",")[:columns]), "paloalto_panos")

        assert found["source.ip"] == "10.20.1.7" and found["destination.port"] == 443
        assert found.get("network.bytes") in (None, 41748) and found.get("observer.name") in (None, "fw-edge-1")


def test_a_client_of_globalprotect_is_known_by_the_address_that_it_has_inside() -> None:
    events = (Path(__file__).parent / "paloalto_panos" / "events.log").read_text(encoding="utf-8").splitlines()
    before, after = (document(line) for line in events if ",gateway-auth," in line or ",gateway-connected," in line)

    assert (before["source.ip"], before["event.outcome"], before["user.name"]) == (
        "203.0.113.66",
        "success",
        "m.keller",
    )
    assert (after["source.ip"], after["source.nat.ip"]) == ("10.8.0.6", "203.0.113.66")


def test_the_destination_is_what_the_client_had_asked_for() -> None:
    mikrotik = document(
        "<132>Jan  2 03:04:07 gw firewall,info forward: in:e1 out:e2, proto TCP (SYN), 203.0.113.9:60012->10.30.0.8:8443, "
        "NAT 203.0.113.9:60012->(192.0.2.7:443->10.30.0.8:8443), len 52"
    )
    stormshield = document(
        'id=firewall time="2026-01-02 03:04:07" fw="SN1" tz=+0000 startime="2026-01-02 03:04:07" ipproto=tcp src=203.0.113.9 '
        'srcport=60012 dst=10.30.0.8 dstport=8443 origdst=192.0.2.7 origdstport=443 action=pass logtype="connection"'
    )

    for found in (mikrotik, stormshield):
        assert (found["destination.ip"], found["destination.port"]) == ("192.0.2.7", 443)
        assert (found["destination.nat.ip"], found["destination.nat.port"]) == ("10.30.0.8", 8443)


KEYS = st.from_regex(r"[a-z][a-z0-9_.\-]{0,8}", fullmatch=True)
VALUES = st.text("ab0ü/:;,|'=<>.-", max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, st.tuples(st.booleans(), st.lists(VALUES, min_size=1, max_size=3))))
def test_what_was_written_as_pairs_is_read_as_the_same_pairs(written: dict[str, tuple[bool, list[str]]]) -> None:
    words = {key: " ".join(parts) if quoted else parts[0] for key, (quoted, parts) in written.items()}
    text = " ".join(
        f'{key}="{words[key]}"' if quoted else f"{key}={words[key]}" for key, (quoted, _) in written.items()
    )

    assert pairs(text) == words
    assert pairs(text + ' last="cut off') == {**words, "last": "cut off"}


def test_a_blank_in_a_value_without_quotes_belongs_to_it_only_where_nothing_is_quoted() -> None:
    assert pairs('user="k vogt" rest of it=1') == {"user": "k vogt", "it": "1"}
    assert spaced("user=k vogt from=192.0.2.7") == {"user": "k vogt", "from": "192.0.2.7"}
    assert listed('a=1 2,b="3, 4"') == {"a": "1 2", "b": "3, 4"}


@pytest.mark.parametrize("name", OURS)
def test_a_record_that_is_cut_off_is_never_a_crash(name: str) -> None:
    parser = Parser(FORMATS)

    for path in sorted((Path(__file__).parent / name).glob("*.log")):
        for line in path.read_bytes().splitlines():
            cuts = [line[:end] for end in range(1, len(line), 23)]
            frames = [
                Frame(cut, "test", received=RECEIVED, sequence=number, format=name)
                for number, cut in enumerate(cuts, 1)
            ]

            assert len(parser.feed(frames)) == len(cuts)


def test_crowdsec_sees_the_same_attackers_at_firewalls(outside: Path) -> None:
    names = {
        'Evt.Meta["source_ip"]': "source.ip",
        'Evt.Parsed["src_ip"]': "source.ip",
        'Evt.Parsed["dst_ip"]': "destination.ip",
        'Evt.Parsed["dst_port"]': "destination.port",
        'Evt.Parsed["src_port"]': "source.port",
        'Evt.Meta["user"]': "user.name",
        'Evt.Meta["username"]': "user.name",
    }

    compared, wrong = 0, []
    for line in (outside / "parsers" / "crowdsec.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        parser = Parser(FORMATS)
        documents = [
            next((one.document() for one in parser.feed([Frame(raw.encode(), "test", received=RECEIVED)])), {})
            for raw in case["lines"][:200]
        ]
        for one in case.get("asserts") or ():
            found = documents[one["index"]] if one.get("index", 10**9) < len(documents) else {}
            if one["stage"] == "s01-parse" and found.get("tieline.format") in OURS:
                for theirs, field in names.items():
                    if one["expect"].get(theirs):
                        compared += 1
                        if str(found.get(field)).lower() != one["expect"][theirs].lower():
                            wrong.append((case["id"], field, one["expect"][theirs], found.get(field)))

    assert compared > 20
    assert wrong == []
