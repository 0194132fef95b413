"""The document that analysts read."""

import json
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alert import Alerts
from engine.alert.attack_names import ICS_TECHNIQUES
from engine.model import Correlated, Event, Evidence, Held, LogSource, Match, RuleHead

RULE = RuleHead(
    "8c2f1d7e-0000-4000-8000-000000000001",
    "PLC stopped",
    name="plc_stopped",
    level="high",
    description="A controller left RUN.",
    author="A. Operator, B. Analyst",
    tags=("attack.t0858", "attack.execution", "attack.t0881"),
    references=("https://example.org/a",),
    path="rules/ot/execution_plc_stopped.yml",
)
FIELDS = {
    "ot.operation": "plc_stop",
    "ot.protocol": "s7comm",
    "source.ip": "192.0.2.7",
    "destination.ip": "198.51.100.8",
    "tieline.source.asset": "ews-1",
    "tieline.destination.asset": "plc-1",
    "user.name": "alice",
    "host.name": "tap-1",
    "vendor.secret": "not shown",
}
START = 1_767_225_600_123_456_789


def event(**fields: Any) -> Event:
    return Event({**FIELDS, **fields}, START, "e1", LogSource("s7comm", "ot_protocol"), original=b"\x03\x00")


def correlation(**changes: Any) -> Match:
    given = {
        "type": "temporal_ordered",
        "group": {"user.name": "alice"},
        "opened": START,
        "first": START - 90 * 10**9,
        "last": START,
        "first_event": "e0",
        "events": [
            Evidence("e0", START - 90 * 10**9, "spray", "5 failures", ("203.0.113.5",), ("alice",), (), ("vpn-1",))
        ],
        "events_total": 2,
    }
    rule = RuleHead("c1", "The story", level="critical", correlation=True)
    return Match(rule, event(), correlated=Correlated(**{**given, **changes}))


def test_a_detection_becomes_an_ecs_alert() -> None:
    alert = Alerts().alert(Match(RULE, event(), (Held("sel", "ot.operation", "plc_stop", "= 'plc_stop'"),)))

    document = alert.document
    assert (alert.revision, alert.time, alert.level, alert.rule) == (0, START, "high", RULE.id)
    assert document["@timestamp"] == "2026-01-01T00:00:00.123456789Z"
    assert (document["event.kind"], document["event.category"], document["event.type"]) == ("alert", ["intrusion_detection"], ["info"])  # fmt: skip
    assert (document["event.id"], document["event.severity"], document["message"]) == (alert.id, 73, "PLC stopped")
    assert (document["rule.uuid"], document["rule.name"], document["rule.ruleset"]) == (RULE.id, "PLC stopped", "ot")
    assert document["rule.author"] == ["A. Operator", "B. Analyst"]
    assert document["tieline.why"] == [
        {"identifier": "sel", "field": "ot.operation", "value": "plc_stop", "test": "= 'plc_stop'"}
    ]
    assert [one["id"] for one in document["tieline.events"]] == ["e1"]
    assert document["related.ip"] == ["192.0.2.7", "198.51.100.8"]
    assert (document["related.user"], document["related.hosts"]) == (["alice"], ["tap-1"])
    assert document["event.reason"] == "PLC stopped: user alice, from 192.0.2.7 (ews-1), to 198.51.100.8 (plc-1)"
    assert "vendor.secret" not in document
    assert "tieline.correlation.revision" not in document


def test_an_alert_shows_the_fields_that_its_rule_names() -> None:
    names = ("CommandLine", "ot.operation", "process.hash.md5", "absent", "count")
    rule = msgspec.structs.replace(RULE, fields=names)
    seen = event(CommandLine="mysql --password=hunter2 plant", process={"hash": {"md5": "d41d"}}, count=[1, 2])

    document = Alerts().alert(Match(rule, seen)).document

    assert document["tieline.fields"] == [
        {"field": "CommandLine", "value": "mysql --password=******** plant"},
        {"field": "ot.operation", "value": "plc_stop"},
        {"field": "process.hash.md5", "value": "d41d"},
        {"field": "count", "value": "1, 2"},
    ]
    assert "tieline.fields" not in Alerts().alert(Match(RULE, seen)).document


def test_the_fields_that_a_rule_names_are_found_under_their_names_in_ecs() -> None:
    rule = msgspec.structs.replace(RULE, fields=("Image", "ParentImage"))
    seen = Event({"process.executable": "/bin/sh"}, START, "e1", LogSource("linux", "process_creation"))

    document = Alerts().alert(Match(rule, seen)).document

    assert document["tieline.fields"] == [{"field": "Image", "value": "/bin/sh"}]


def test_the_original_of_a_packet_stays_hexadecimal() -> None:
    packet, line = event(**{"event.original": "0300"}), event()

    documents = [Alerts().alert(Match(RULE, one)).document for one in (packet, line)]

    assert [document["event.original"] for document in documents] == ["0300", "\x03\x00"]


def test_ics_techniques_have_their_own_tactics() -> None:
    document = Alerts().alert(Match(RULE, event())).document

    assert document["threat.framework"] == "MITRE ATT&CK for ICS"
    assert (document["threat.tactic.id"], document["threat.tactic.name"]) == (["TA0104"], ["Execution"])
    assert document["threat.technique.id"] == ["T0858", "T0881"]
    assert document["threat.technique.name"] == ["Change Operating Mode", "Service Stop"]


def test_a_correlation_tells_its_life_and_its_steps() -> None:
    alert = Alerts().alert(correlation(revision=3, closed_by="end_of_input", late=True))

    document = alert.document
    assert alert.key == f"{alert.id}-3"
    assert document["tieline.correlation.group"] == {"user.name": "alice"}
    assert (document["tieline.correlation.type"], document["tieline.correlation.revision"]) == ("temporal_ordered", 3)
    assert (document["tieline.correlation.closed_by"], document["tieline.correlation.late"]) == ("end_of_input", True)
    assert document["event.start"] == document["tieline.correlation.first"] == "2025-12-31T23:58:30.123456789Z"
    assert document["event.end"] == document["tieline.correlation.last"] == document["@timestamp"]
    assert document["tieline.events"][0] == {
        "id": "e0", "time": "2025-12-31T23:58:30.123456789Z", "rule": "spray", "summary": "5 failures"
    }  # fmt: skip
    assert document["tieline.events_total"] == 2
    assert document["related.ip"] == ["192.0.2.7", "198.51.100.8", "203.0.113.5"]
    assert "2 events in order within 1 min 30 s for user.name alice" in document["event.reason"]


def test_a_silence_and_a_novelty_are_told_as_such() -> None:
    minutes = 60 * 10**9
    silence = correlation(tells="silence", opened=15 * minutes, last=5 * minutes)

    told = [Alerts().alert(match).document["event.reason"] for match in (silence, correlation(tells="novelty"))]

    assert "nothing in the 10 min after the last event for user.name" in told[0]
    assert "seen for the first time for user.name" in told[1]


def test_the_id_hangs_on_rule_group_and_first_event_alone() -> None:
    first = Alerts().alert(correlation())

    assert Alerts().alert(correlation(revision=7, last=START + 1, events=[], events_total=9)).id == first.id
    assert Alerts().alert(correlation(group={"user.name": "bob"})).id != first.id
    assert Alerts().alert(correlation(first_event="e9")).id != first.id


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"plc-1": "It overfills.", "vpn-1": "Remote access is lost."}, "It overfills."),
        ({"vpn-1": "Remote access is lost."}, "Remote access is lost."),
        ({}, None),
    ],
)
def test_the_consequence_is_the_targets_else_that_of_the_evidence(known: dict[str, str], said: str | None) -> None:
    document = Alerts(consequence=known.get).alert(correlation()).document

    assert document.get("tieline.consequence") == said


def test_passwords_are_masked_in_every_part_of_the_alert() -> None:
    told = event(**{"process.command_line": "mysql -pHunter2 x", "message": "password=Hunter2"})
    told.original = b"password=Hunter2"

    alert = Alerts().alert(Match(RULE, told, (Held("sel", "CommandLine", "mysql -pHunter2 x"),)))
    printed = Alerts().match_document(Match(RULE, told, (Held("sel", "CommandLine", "mysql -pHunter2 x"),)))

    assert b"Hunter2" not in orjson.dumps(alert.document)
    assert b"Hunter2" not in orjson.dumps(printed)


def test_a_match_is_printed_as_an_event_with_its_rule() -> None:
    document = Alerts().match_document(Match(RULE, event(), (Held("sel", None, "evil", "contains 'evil'"),)))

    assert (document["event.kind"], document["event.id"], document["rule.name"]) == ("event", "e1", "PLC stopped")
    assert document["tieline.why"] == [{"identifier": "sel", "value": "evil", "test": "contains 'evil'"}]
    assert document["ot.operation"] == "plc_stop"


odd = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**80), 2**80), st.floats(), st.binary(max_size=4), st.text(max_size=6), st.characters(categories=["Cs"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*FIELDS, "source.port", "message"]), odd), odd, odd)
def test_every_alert_serialises_to_the_same_bytes(fields: dict[str, Any], value: Any, group: Any) -> None:
    made = Event(fields, START, "e1", LogSource(), original=b"\xff\x00")
    for match in (
        Match(RULE, made, (Held("s", "f", value),)),
        Match(RULE, made, (), correlation(group={"g": group}).correlated),
    ):
        first = orjson.dumps(Alerts().alert(match).document)

        assert first == orjson.dumps(Alerts().alert(match).document)
        assert orjson.dumps(Alerts().match_document(match))


def test_every_ecs_field_of_an_alert_is_one_of_ecs(outside: Path) -> None:
    known = json.loads((outside / "reference" / "ecs-fields.json").read_text("utf-8"))
    told = {**Alerts().alert(Match(RULE, event())).document, **Alerts().alert(correlation()).document}

    ours = [name for name in told if not name.startswith(("ot.", "tieline."))]

    assert [name for name in ours if name not in known] == []
    assert [name for name in ours if known[name].get("normalize") and not isinstance(told[name], list)] == []


def test_our_ics_names_are_those_of_the_bundle(outside: Path) -> None:
    import gzip

    with gzip.open(outside / "reference" / "ics-attack.json.gz", "rt") as bundle:
        objects = json.load(bundle)["objects"]

    live = [one for one in objects if one["type"] == "attack-pattern" and not one.get("revoked") and not one.get("x_mitre_deprecated")]  # fmt: skip
    ids = {ref["external_id"]: one["name"] for one in live for ref in one["external_references"] if ref["source_name"] == "mitre-attack"}  # fmt: skip
    assert ids.items() <= ICS_TECHNIQUES.items()
