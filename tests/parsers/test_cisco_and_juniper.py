"""What firewalls and switches of Cisco and Juniper say, beyond the samples; and values against a reference pipeline."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.model import Frame
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0


def event(text: str) -> dict[str, Any]:
    return Parser(FORMATS).feed([Frame(text.encode(), "test", received=RECEIVED)])[0].document()


def asa(text: str) -> dict[str, Any]:
    return event(f"<166>Jan  2 2026 03:04:05 fw-1 : {text}")


BUILT = "Built {} TCP connection 7 for outside:198.51.100.9/443 (198.51.100.9/443) to plant:10.20.1.7/40022 (203.0.113.4/2013)"


def test_the_source_is_who_opened_the_connection() -> None:
    inbound, outbound = (asa(f"%ASA-6-302013: {BUILT.format(way)}") for way in ("inbound", "outbound"))

    assert (inbound["source.ip"], inbound["destination.ip"]) == ("198.51.100.9", "10.20.1.7")
    assert (outbound["source.ip"], outbound["destination.ip"]) == ("10.20.1.7", "198.51.100.9")
    assert inbound["destination.nat.ip"] == outbound["source.nat.ip"] == "203.0.113.4"
    assert "source.nat.ip" not in inbound and "destination.nat.ip" not in outbound
    assert outbound["observer.ingress.interface.name"] == "plant"


def test_an_echo_comes_from_the_foreign_end_only_where_the_message_says_so() -> None:
    text = "ICMP connection for faddr 198.51.100.9/{} gaddr 203.0.113.4/{} laddr 10.20.1.7/{}"
    inbound = asa("%ASA-6-302020: Built inbound " + text.format(28416, 0, 0))
    outbound = asa("%ASA-6-302020: Built outbound " + text.format(0, 17, 17))
    ended = asa("%ASA-6-302021: Teardown " + text.format(0, 17, 17))

    assert inbound["source.ip"] == "198.51.100.9" and inbound["destination.nat.ip"] == "203.0.113.4"
    assert outbound["source.ip"] == ended["source.ip"] == "10.20.1.7"
    assert outbound["source.nat.ip"] == ended["source.nat.ip"] == "203.0.113.4"


@pytest.mark.parametrize(
    "tag",
    [
        "%ASA-6-302013:",
        "%ASA-session-6-302013:",
        "%ASA--6-302013:",
        "%PIX-6-302013:",
        "%FWSM-6-302013:",
        "%ASA-6-302013",
    ],
)
@pytest.mark.parametrize(
    "header",
    ["", "<166>", "<166>Jan  2 03:04:05 10.0.0.1 ", "<166>Jan  2 2026 03:04:05: ", "Jan  2 2026 03:04:05 fw/admin : ",
     "<166>2026-01-02T03:04:05Z fw-1 ", "<166>1 2026-01-02T03:04:05Z fw-1 - - - - ", "<166>: ", "<166>:: ",
     "<13>Jan  2 03:04:06 relay Jan  2 2026 03:04:05 fw-1 : "],
)  # fmt: skip
def test_the_tag_is_found_behind_any_header(header: str, tag: str) -> None:
    document = event(f"{header}{tag} {BUILT.format('inbound')}")

    assert document["tieline.format"] == "cisco_asa"
    assert (document["source.ip"], document["destination.port"]) == ("198.51.100.9", 40022)


@pytest.mark.parametrize(
    ("behind", "name", "domain"),
    [(r"(LOCAL\anna)", "anna", None), (r"(PLANT\anna)", "anna", "PLANT"), (r"(LOCAL\Jörg M. Hoff)", "Jörg M. Hoff", None),
     (r"(LOCAL\anna, 17:engineers)", "anna", None), (r"(LOCAL\anna@plant.example)", "anna", "plant.example"),
     ("(17:engineers)", None, None), ("", None, None)],
)  # fmt: skip
def test_the_user_behind_an_address_is_its_user(behind: str, name: str | None, domain: str | None) -> None:
    document = asa(
        f"%ASA-6-302014: Teardown TCP connection 7 for outside:192.0.2.7/40022{behind} to cell a:10.99.0.5/502 duration 0:00:01 bytes 7 TCP FINs"
    )

    assert document.get("source.user.name") == document.get("user.name") == name
    assert document.get("user.domain") == domain
    assert document["destination.port"] == 502 and document["network.bytes"] == 7


def test_two_users_of_one_connection_stay_at_their_ends() -> None:
    document = asa(
        r"%ASA-6-302015: Built inbound UDP connection 7 for outside:192.0.2.7/3424 (192.0.2.7/3424)(LOCAL\alice) "
        r"to cell:10.99.0.5/9803 (10.99.0.5/9803)(LOCAL\dave) (bob)"
    )

    assert (document["source.user.name"], document["destination.user.name"]) == ("alice", "dave")
    assert "user.name" not in document
    assert document["related.user"] == ["alice", "dave", "bob"]


def test_a_message_that_no_table_has_keeps_what_is_certain() -> None:
    document = asa("%ASA-4-599099: Something new from outside:192.0.2.66/1 to cell:10.99.0.5/2, seen twice")

    assert (document["event.code"], document["event.severity"]) == ("599099", 4)
    assert (document["source.ip"], document["destination.port"]) == ("192.0.2.66", 2)
    assert "event.action" not in document and "event.outcome" not in document


def test_a_masked_user_is_nobody() -> None:
    document = asa(
        "%ASA-6-113015: AAA user authentication Rejected : reason = Invalid password : local database : user = ***** : user IP = 192.0.2.66"
    )

    assert "user.name" not in document
    assert (document["source.ip"], document["event.outcome"]) == ("192.0.2.66", "failure")


def test_a_change_of_a_plant_switch_is_called_the_same_whoever_made_the_switch() -> None:
    said = [
        "<189>57: ie-1: Jan  2 2026 03:04:05.123 CET: %SYS-5-CONFIG_I: Configured from console by anna on vty0 (10.20.1.7)",
        "<189>sw-1: 2026 Jan  2 03:04:05 CET: %VSHD-5-VSHD_SYSLOG_CONFIG_I: Configured from vty by anna on 10.20.1.7@pts/0",
        "<189>Jan  2 03:04:05 ex-1 mgd[54]: UI_COMMIT: User 'anna' requested 'commit' operation (comment: none)",
        "<165>Jan  2 2026 03:04:05 fw-1 : %ASA-5-111010: User 'anna', running 'CLI' from IP 10.20.1.7, executed 'clear'",
    ]

    for document in map(event, said):
        assert document["event.action"] == "configuration_changed"
        assert document["event.category"] == ["configuration"]
        assert document["user.name"] == "anna"


def test_a_placeholder_of_threat_defense_is_nobodys_relation() -> None:
    document = event(
        "<113>2026-01-02T03:04:05Z ftd-1 %FTD-1-430003: SrcIP: 192.0.2.7, DstIP: 10.99.0.5, User: No Authentication Required, URL: https://www.example.com/a, b: c"
    )

    assert document["user.name"] == "No Authentication Required"
    assert "related.user" not in document
    assert document["url.domain"] == "www.example.com"


def test_metron_reads_the_same_ends_of_asa_messages(outside: Path) -> None:
    names = {
        "ip_src_addr": "source.ip", "ip_dst_addr": "destination.ip", "ip_src_port": "source.port",
        "ip_dst_port": "destination.port", "protocol": "network.transport",
    }  # fmt: skip
    # inbound: Cisco's reference says that the foreign end opened it, Metron always takes the local one
    reversed_there = "302020: Built inbound"

    compared, wrong = 0, []
    for line in (outside / "parsers" / "metron_asa.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if reversed_there in case["raw"] or "ciscotag" not in case["expected"]:
            continue
        document = event(case["raw"])
        assert document["tieline.format"] == "cisco_asa", case["raw"]
        assert case["expected"]["ciscotag"].endswith(document["event.code"])
        outbound = "Built outbound" in case["raw"] and "ICMP" not in case["raw"]
        for theirs, ours in names.items():
            if outbound and ours[:6] in ("source", "destin"):
                ours = ours.replace("source", "x").replace("destination", "source").replace("x", "destination")
            if theirs in case["expected"]:
                compared += 1
                if document.get(ours) != case["expected"][theirs]:
                    wrong.append((case["raw"], ours, case["expected"][theirs], document.get(ours)))

    assert compared > 300
    assert wrong == []
