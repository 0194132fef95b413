"""Values against documents of reference pipelines. Taxonomy is opinion, values are facts: a wrong one is worse than a missing one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.model import Event, Frame
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0


def events(records: list[bytes]) -> list[dict[str, Any]]:
    frames = [Frame(record, "test", received=RECEIVED, sequence=number) for number, record in enumerate(records)]
    return [parsed.document() for parsed in Parser(FORMATS).feed(frames)]


def cases(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, inner in value.items():
        out.update(flat(inner, f"{prefix}{name}.") if isinstance(inner, dict) else {prefix + name: inner})
    return out


def test_linux_authentication_logs_have_the_same_values(outside: Path) -> None:
    facts = ("source.ip", "source.port", "user.", "group.", "process.", "host.", "event.outcome", "message")
    found = list(cases(outside / "parsers" / "system.jsonl"))

    wrong = []
    for case, document in zip(found, events([case["raw"].encode() for case in found]), strict=True):
        for name, value in flat(case["expected"]).items():
            if name.startswith(facts) and document.get(name) != value:
                wrong.append((case["raw"], name, value, document.get(name)))

    assert len(found) > 100
    assert wrong == []


def test_everybody_whom_the_reference_relates_is_related(outside: Path) -> None:
    found = list(cases(outside / "parsers" / "system.jsonl"))

    for case, document in zip(found, events([case["raw"].encode() for case in found]), strict=True):
        for name, values in case["expected"].get("related", {}).items():
            assert set(values) <= set(document.get(f"related.{name}", ())), case["raw"]


def test_crowdsec_reads_the_same_headers(outside: Path) -> None:
    names = {
        'Evt.Parsed["program"]': "process.name",
        'Evt.Parsed["pid"]': "log.syslog.procid",
        'Evt.Meta["machine"]': "host.hostname",
    }

    compared, wrong = 0, []
    for case in cases(outside / "parsers" / "crowdsec.jsonl"):
        documents = events([line.encode() for line in case["lines"]])
        for one in case.get("asserts") or ():
            if (
                one.get("parser") != "crowdsecurity/syslog-logs"
                or one["stage"] != "s00-raw"
                or one.get("index", 10**9) >= len(documents)
            ):
                continue
            for theirs, ours in names.items():
                if one["expect"].get(theirs):
                    compared += 1
                    if documents[one["index"]].get(ours) != one["expect"][theirs]:
                        wrong.append((case["id"], ours, one["expect"][theirs], documents[one["index"]].get(ours)))

    assert compared > 300
    assert wrong == []


def test_crowdsec_sees_the_same_packets_and_attackers(outside: Path) -> None:
    names = {
        'Evt.Meta["source_ip"]': "source.ip",
        'Evt.Parsed["dst_ip"]': "destination.ip",
        'Evt.Parsed["dst_port"]': "destination.port",
        'Evt.Parsed["proto"]': "network.transport",
        'Evt.Parsed["sshd_invalid_user"]': "user.name",
    }
    ours_only = ("openbsd_openssh", "linux_netfilter", "linux_pam", "openvpn_openvpn")

    compared, wrong = 0, []
    for case in cases(outside / "parsers" / "crowdsec.jsonl"):
        if case["id"] == "unifi-logs":  # its indexes count records of several parsers
            continue
        documents = events([line.encode() for line in case["lines"]])
        for one in case.get("asserts") or ():
            if one["stage"] != "s01-parse" or one.get("index", 10**9) >= len(documents):
                continue
            document = documents[one["index"]]
            if document.get("tieline.format") in ours_only:
                for theirs, field in names.items():
                    if one["expect"].get(theirs):
                        compared += 1
                        if str(document.get(field)).lower() != one["expect"][theirs].lower():
                            wrong.append((case["id"], field, one["expect"][theirs], document.get(field)))

    assert compared > 50
    assert wrong == []


def test_the_windows_events_of_sigmas_own_tests_carry_its_names(outside: Path) -> None:
    for case in cases(outside / "sigma" / "sigmahq_regression.jsonl"):
        records = [json.dumps(event).encode() for event in case["events"]]
        frames = [Frame(record, "test", received=RECEIVED * 2, sequence=n) for n, record in enumerate(records)]
        for parsed, event in zip(Parser(FORMATS).feed(frames), case["events"], strict=True):
            system = event["Event"]["System"]

            assert isinstance(parsed, Event) and parsed.format == "microsoft_windows"
            assert parsed.logsource.product == "windows" and parsed.logsource.service is not None, system["Channel"]
            assert parsed.fields["Computer"] == system["Computer"] and parsed.fields["Channel"] == system["Channel"]
            assert str(parsed.fields["EventID"]) == parsed.fields["event.code"]
            assert parsed.time == from_iso(system["TimeCreated"]["#attributes"]["SystemTime"])
            for name, value in (event["Event"].get("EventData") or {}).items():
                if not name.startswith("#") and name != "Data":
                    assert parsed.fields[name] == value
