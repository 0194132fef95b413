"""A site's own formats: YAML files become formats, are linted, and are tested with their samples."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine import catalogue
from engine.config import ConfigError
from engine.framing.framing import Framing
from engine.model import Chunk, DeadLetter, Event, Frame, ecs
from engine.model.times import from_iso, rfc3339
from engine.parsing.parser import Parser
from engine.samples import checked_formats

RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0
PUMP = """\
vendor: Acme
product: Pump controller
logsource: {product: acme, service: login}
inside: syslog
programs: [pumpd]
fields:
  observer.vendor: Acme
patterns:
  - pattern: "login of {who:user} from {from:ip}:{port:port} {verdict:word}"
    fields:
      source.ip: "{from}"
      source.port: "{port}"
      user.name: "{who}"
      event.category: [authentication]
      event.type: [start]
      event.outcome: {from: verdict, map: {accepted: success, refused: failure}, default: unknown}
  - regex: '^valve (?P<valve>\\d+) set to (?P<level>-?\\d+) at (?P<at>.+)$'
    types: {valve: int, level: int, at: time(dd.MM.yyyy HH:mm:ss)}
    fields:
      "@timestamp": "{at}"
      event.end: "{at}"
      event.reason: "valve {valve} to {level}"
      tieline.acme.level: "{level}"
"""
BATCH = """\
contains: ["BATCH|"]
starts_record: "^BATCH"
patterns:
  - pattern: "BATCH|{at:time(epoch)}|{mac:mac}|{text:rest}"
    fields: {"@timestamp": "{at}", source.mac: "{mac}", message: "{text}"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme_pump.yml").write_text(PUMP)
    (tmp_path / "acme_batch.yml").write_text(BATCH)
    return tmp_path


def parsed(folder: Path, line: bytes, name: str | None = None) -> Any:
    parser = Parser({**catalogue.shipped(), **catalogue.site_formats([str(folder)])})
    return parser.feed([Frame(line, "test", received=RECEIVED, format=name)])[0]


@pytest.mark.parametrize(
    ("who", "address", "verdict", "outcome"),
    [
        ("k vogt", "192.0.2.7", "accepted", "success"),
        ("CORP\\x", "2001:db8::7", "refused", "failure"),
        ("x", "192.0.2.7", "?", "unknown"),
    ],
)
def test_typed_places_become_ecs(folder: Path, who: str, address: str, verdict: str, outcome: str) -> None:
    line = f"Jan  2 03:04:05 hmi-1 pumpd[7]: login of {who} from {address}:4022 {verdict}"

    event = parsed(folder, line.encode())

    fields = event.fields
    assert (event.format, event.logsource.service) == ("acme_pump", "login")
    assert (fields["user.name"], fields["source.ip"], fields["source.port"]) == (who, address, 4022)
    assert (fields["event.category"], fields["event.outcome"]) == (["authentication"], outcome)
    assert (fields["related.ip"], fields["related.user"], fields["related.hosts"]) == ([address], [who], ["hmi-1"])
    assert (fields["observer.vendor"], fields["host.name"], fields["process.pid"]) == ("Acme", "hmi-1", 7)


def test_a_regex_has_typed_groups_and_text_is_put_together_of_them(folder: Path) -> None:
    event = parsed(folder, b"<34>Jan  2 03:04:05 hmi-1 pumpd: valve 7 set to -3 at 02.01.2026 04:05:06")

    assert rfc3339(event.time) == event.fields["event.end"] == "2026-01-02T04:05:06.000Z"
    assert (event.fields["tieline.acme.level"], event.fields["event.reason"]) == (-3, "valve 7 to -3")


@pytest.mark.parametrize(
    "text", ["login of x from 999.1.1.1:40 accepted", "login of x from 192.0.2.7:99999 ok", "open"]
)
def test_a_place_that_is_not_of_its_type_is_another_record(folder: Path, text: str) -> None:
    by_itself = parsed(folder, f"Jan  2 03:04:05 hmi-1 pumpd: {text}".encode())

    assert isinstance(by_itself, Event)
    assert (by_itself.format, by_itself.fields["message"]) == ("acme_pump", text)
    assert "source.ip" not in by_itself.fields


def test_records_of_several_lines_are_joined_and_found_by_their_words(folder: Path) -> None:
    formats = {**catalogue.shipped(), **catalogue.site_formats([str(folder)])}
    data = b"BATCH|1767323045|00:00:5e:00:53:01|one\nmore\nBATCH|1767323046|0000.5e00.5302|two\nBATCH|x\n"

    frames = Framing(formats).feed(Chunk(data, "file", received=RECEIVED, end=True))
    first, second, third = Parser(formats).feed(frames)

    assert isinstance(first, Event) and isinstance(second, Event) and isinstance(third, DeadLetter)
    assert (first.fields["source.mac"], first.fields["message"]) == ("00-00-5E-00-53-01", "one\nmore")
    assert second.fields["source.mac"] == "00-00-5E-00-53-02"
    assert third.reason == "acme_batch: none of its 1 patterns fits this record"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("patterns: [{pattern: 'x'}]\nvendr: x\n", 2, "unknown key 'vendr'"),
        ("patterns: [{pattern: 'x'}]\ninside: nowhere\n", 2, "no envelope is called 'nowhere'"),
        ("patterns: [{pattern: 'x'}]\nprograms: [a]\n", 2, "add inside: syslog"),
        ("vendor: x\n", 1, "no patterns"),
        ("- a\n", 1, "not a mapping"),
        ("patterns:\n  - fields: {}\n", 2, "neither pattern: nor regex:"),
        ("patterns:\n  - pattern: '{a:ipp}'\n", 2, "no such type"),
        ("patterns:\n  - pattern: '{a:time(QQ)}'\n", 2, "means no part of a time"),
        ("patterns:\n  - pattern: '{a} {a}'\n", 2, "two places are called 'a'"),
        ("patterns:\n  - regex: 'a(?!b)'\n", 2, "RE2 refuses it"),
        ("patterns:\n  - regex: '(?P<a>x)'\n    types: {b: ip}\n", 3, "no group and type"),
        ("patterns:\n  - pattern: '{a}'\n    fields:\n      source.ipp: '{a}'\n", 4, "write source.ip"),
        ("patterns:\n  - pattern: '{a}'\n    fields:\n      source.ip: '{b}'\n", 4, "no place is called 'b'"),
        ("patterns:\n  - pattern: '{a}'\n    fields:\n      source.ip: '{a}'\n", 4, "make the place a ip"),
        ("patterns:\n  - pattern: '{a}'\n    fields:\n      source.port: http\n", 4, "of type long"),
        ("patterns:\n  - pattern: '{a}'\n    fields:\n      event.outcome: good\n", 4, "never 'good' in ECS"),
        (
            "patterns:\n  - pattern: '{a}'\n    fields:\n      event.outcome: {from: a, map: {b: good}}\n",
            4,
            "never 'good'",
        ),
        (
            "patterns:\n  - pattern: '{a}'\n    fields:\n      event.outcome: {from: z, map: {b: success}}\n",
            4,
            "no place is called 'z'",
        ),
        (
            "patterns:\n  - pattern: '{a}'\n    fields:\n      event.category: [library]\n      event.type: [end]\n",
            5,
            "no type of library",
        ),
    ],
)
def test_the_lint_names_file_line_and_mend(tmp_path: Path, text: str, line: int, said: str) -> None:
    (tmp_path / "bad_one.yml").write_text(text)

    with pytest.raises(ConfigError) as caught:
        catalogue.site_formats([str(tmp_path)])

    problems = caught.value.problems
    assert any(said in str(problem) and problem.line == line for problem in problems), [str(one) for one in problems]


@pytest.mark.parametrize("name", ["syslog.yml", "Big.yml", "openbsd_openssh.yml"])
def test_an_id_is_new_and_plain(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("patterns: [{pattern: 'x'}]\n")

    with pytest.raises(ConfigError, match="name the file"):
        catalogue.site_formats([str(tmp_path)])


def test_samples_are_blessed_and_then_hold(folder: Path) -> None:
    records = folder / "samples" / "acme_pump"
    records.mkdir(parents=True)
    (records / "a.log").write_text("Jan  2 03:04:05 hmi-1 pumpd: login of x from 192.0.2.7:40 accepted\n")

    before = checked_formats([folder])
    blessed = checked_formats([folder], bless=True)
    after = checked_formats([folder])
    document = json.loads((records / "a.ndjson").read_text())
    (records / "a.ndjson").write_text(json.dumps({"source.ip": "192.0.2.8", "event.outcome": "success"}))
    changed = checked_formats([folder])

    assert (before[2], blessed[2], after[2], changed[2]) == (True, False, False, True)
    assert document["source.ip"] == "192.0.2.7"
    assert [line for line in changed[0] if "source.ip" in line and "'192.0.2.8' is blessed" in line]
    assert not any("event.outcome" in line for line in changed[0])


def test_the_table_of_ecs_is_that_of_the_reference(outside: Path) -> None:
    reference = json.loads((outside / "reference" / "ecs-fields.json").read_text(encoding="utf-8"))
    plain = {"wildcard": "keyword", "match_only_text": "keyword", "constant_keyword": "keyword"}

    for name, kind in ecs.TYPES.items():
        field = reference[name]
        assert plain.get(field["type"], field["type"]) == kind, name
        assert ("array" in field.get("normalize", ())) == ecs.is_list(name), name
    for name, allowed in ecs.ALLOWED.items():
        assert allowed == set(reference[name]["allowed"]) - {"pipeline_error"}, name
    for category, types in reference["event.category"]["expected_event_types"].items():
        assert ecs.TYPES_OF[category] == set(types), category
