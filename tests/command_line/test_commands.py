"""The commands of the contract, run as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "engine" / "demo" / "records"
RULE = """
title: A failed logon
name: failed
id: 6b1e8a52-2a57-4d2e-8f0e-5f1f5f0c7a10
logsource: {category: authentication}
detection: {it: {event.outcome: failure}, condition: it}
level: low
---
title: Three failed logons
id: 0c8f7c3e-64b0-4a9b-a4ce-0c4f2f4c9b11
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 1m
  condition: {gte: 3}
level: medium
"""


def tieline(*words: str | Path, stdin: bytes = b"", cwd: Path = ROOT) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    command = [sys.executable, "-m", "engine.cli", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, env=environment, timeout=60)


def failed(second: int, address: str = "192.0.2.9") -> str:
    return (
        f"<38>1 2026-03-01T10:00:{second:02d}Z web-1 sshd 812 - - "
        f"Failed password for invalid user admin from {address} port 4711 ssh2\n"
    )


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "three.yml").write_text(RULE)
    return tmp_path / "rules"


def objects(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, object]]:
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_replay_prints_one_object_an_alert_and_a_summary(tmp_path: Path, rules: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text("".join(failed(second) for second in range(5)))

    done = tieline("replay", "--rules", rules, log)

    (alert,) = objects(done)
    assert alert["rule.name"] == "Three failed logons"
    assert alert["tieline.correlation.revision"] == 2
    assert alert["tieline.correlation.closed_by"] == "end_of_input"
    assert alert["@timestamp"] == "2026-03-01T10:00:02.000Z"
    assert len(alert["tieline.events"]) == 5  # type: ignore[arg-type]
    assert b"5 records" in done.stderr


def test_matches_shows_each_detection_even_those_that_a_correlation_silences(tmp_path: Path, rules: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text(failed(1) + failed(2))

    found = objects(tieline("replay", "--rules", rules, "--matches", log))

    assert [(one["event.kind"], one["rule.name"]) for one in found] == [("event", "A failed logon")] * 2


def test_the_order_of_the_files_does_not_matter_and_the_same_input_gives_the_same_bytes(
    tmp_path: Path, rules: Path
) -> None:
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    one.write_text("".join(failed(second) for second in (0, 2, 40)))
    two.write_text("".join(failed(second) for second in (1, 3, 50)))

    forth = tieline("replay", "--rules", rules, one, two)
    back = tieline("replay", "--rules", rules, two, one)

    assert forth.stdout == back.stdout
    assert len(objects(forth)) == 1


def test_one_record_without_a_time_does_not_make_the_others_late(tmp_path: Path, rules: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text(failed(1) + '{"a": 1}\n' + failed(2) + failed(3))

    done = tieline("replay", "--rules", rules, log)

    assert [alert["rule.name"] for alert in objects(done)] == ["Three failed logons"]
    assert b"late" not in done.stderr


def test_what_parse_printed_replays_to_the_same_alerts(tmp_path: Path, rules: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text("".join(failed(second) for second in range(4)))

    direct = tieline("replay", "--rules", rules, log)
    parsed = tieline("parse", log)
    again = tieline("replay", "--rules", rules, "-", stdin=parsed.stdout)

    assert direct.stdout == again.stdout != b""


def test_a_record_that_no_format_takes_is_printed_with_the_reason() -> None:
    done = tieline("parse", "-", stdin=b"what is this\n\xff\xfe\x00\n" + failed(1).encode())

    letters = objects(done)

    assert [one["event.kind"] for one in letters] == ["pipeline_error", "pipeline_error", "event"]
    assert letters[1]["event.original"] == "\\xff\\xfe\x00"
    assert all("error.message" in one for one in letters[:2])


def test_with_a_named_syslog_format_any_line_is_an_event() -> None:
    (event,) = objects(tieline("parse", "--format", "syslog", "-", stdin=b"what is this\n"))

    assert event["message"] == "what is this"
    assert event["tieline.time"] == "assumed"


def test_the_year_is_the_one_nearest_to_the_reference_time() -> None:
    line = b"Dec 31 23:59:59 web-1 cron[1]: bye\n"

    (event,) = objects(tieline("parse", "--reference-time", "2026-01-01T00:00:10Z", "-", stdin=line))

    assert event["@timestamp"] == "2025-12-31T23:59:59.000Z"


def test_captures_are_recognised_by_their_first_bytes() -> None:
    events = objects(tieline("parse", RECORDS / "cell-a.pcap"))

    assert {event.get("ot.protocol") for event in events} == {"modbus", "s7comm"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["parse", "nowhere.log"], "nowhere.log: No such file or directory"),
        (["parse", "--format", "sshhd", "-"], "--format sshhd: unknown; `tieline formats` lists them"),
        (["replay", "--rules", "nowhere", "-"], "nowhere: no such file or directory"),
        (["replay", "--reference-time", "yesterday", "-"], "--reference-time yesterday: no RFC 3339 time"),
        (["replay", "--lateness", "soon", "-"], "'soon' is no duration"),
        (["rules", "check", "nowhere"], "nowhere: no such file or directory"),
        (["rules", "explain", "no such rule", "-"], "no such rule"),
        (["config", "check", "nowhere.yml"], "nowhere.yml: no such file"),
        (["run", "-c", "nowhere.yml"], "nowhere.yml:1: cannot be read"),
        (["alerts", "--store", "nowhere.sqlite"], "nowhere.sqlite: no such file"),
        (["nonsense"], "No such command"),
    ],
)
def test_what_a_user_got_wrong_is_named_without_a_traceback(words: list[str], complaint: str, tmp_path: Path) -> None:
    done = tieline(*words, cwd=tmp_path)

    assert done.returncode == 2
    assert complaint in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_broken_rule_stops_the_start_and_check_shows_all_of_them(tmp_path: Path, rules: Path) -> None:
    (rules / "a.yml").write_text("title: x\nlogsource: {product: p}\ndetection: {s: {a|contain: b}, condition: s}\n")
    (rules / "b.yml").write_text("title: y\nlogsource: {product: p}\ndetection: {s: {a: b}, condition: s and t}\n")

    replayed = tieline("replay", "--rules", rules, "-")
    checked = tieline("rules", "check", rules)

    assert replayed.returncode == 2
    assert f"{rules}/a.yml:3" in replayed.stderr.decode()
    assert checked.returncode == 1
    assert f"{rules}/a.yml:3" in checked.stdout.decode()
    assert f"{rules}/b.yml:3" in checked.stdout.decode()


def test_the_lint_of_a_configuration_names_every_line(tmp_path: Path) -> None:
    config = tmp_path / "t.yml"
    config.write_text("role: everything\nsources:\n  - {type: syslog, nam: x}\ntime: {lateness: soon}\nsnks: []\n")

    done = tieline("config", "check", config)

    assert done.returncode == 1
    text = done.stdout.decode()
    assert all(f"{config}:{line}: " in text for line in (1, 3, 5)), text


def test_the_shipped_configuration_schema_accepts_what_check_accepts() -> None:
    import jsonschema

    schema = json.loads(tieline("config", "schema").stdout)

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"role": "detect", "sinks": [{"type": "sqlite", "path": "a"}]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"role": "detekt"}, schema)


def test_explain_shows_the_tree_for_a_match_and_for_a_near_miss(tmp_path: Path, rules: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"event.outcome": "success"}')

    done = tieline("rules", "explain", "failed", event, "--rules", rules)

    assert done.returncode == 0
    assert "does not match" in done.stdout.decode()
    assert "event.outcome" in done.stdout.decode()


def test_a_failed_case_is_a_finding(tmp_path: Path, rules: Path) -> None:
    (rules / "tests").mkdir()
    cases = rules / "tests" / "three.yml"
    event = "{as: failed, event.outcome: failure, source.ip: 192.0.2.1"
    cases.write_text(
        f"- name: three\n  events: [{event}, at: 0s}}, {event}, at: 1s}}, {event}, at: 2s}}]\n  fires: 1\n"
        f"- name: two\n  events: [{event}, at: 0s}}, {event}, at: 61s}}]\n  fires: 1\n"
    )

    done = tieline("rules", "test", rules)

    assert done.returncode == 1
    assert f"{cases}:4: failed: two: Three failed logons fires 0 times, not 1" in done.stdout.decode()
    assert b"2 cases, 1 failed" in done.stderr


def test_demo_ends_by_itself_and_tells_the_story() -> None:
    done = tieline("demo")

    assert done.returncode == 0, done.stderr.decode()
    text = done.stdout.decode()
    assert "critical" in text
    assert "Step by step" in text
    assert "What it means for the plant" in text


def test_a_replay_without_a_rule_says_so(tmp_path: Path) -> None:
    done = tieline("replay", "--rules", tmp_path, "-", stdin=b'{"a": 1}\n')

    assert done.returncode == 0
    assert b"no rule was used" in done.stderr
