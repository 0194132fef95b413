"""The machinery of `benchmarks.detect`: pairs compare, and every difference is listed with a tested reason."""

import os
from pathlib import Path

import orjson
import pytest

from benchmarks import detection, forked, rsigma, sigmahq
from benchmarks.differences import Reason, differences, table
from engine.ruleset.detection import DetectionRule
from engine.ruleset.load import load

_IDS = {"absent": "a" * 8, "registry": "b" * 8, "plain": "c" * 8}
_RULES = f"""
title: Absent
id: {_IDS["absent"]}-0000-4000-8000-000000000000
status: test
logsource: {{product: windows, category: process_creation}}
detection:
  selection: {{Image|endswith: '\\a.exe'}}
  filter: {{Parent: null}}
  condition: selection and not filter
---
title: Registry
id: {_IDS["registry"]}-0000-4000-8000-000000000000
status: test
logsource: {{product: windows, category: registry_event}}
detection:
  selection: {{Image|endswith: '\\a.exe'}}
  condition: selection
---
title: Plain
id: {_IDS["plain"]}-0000-4000-8000-000000000000
status: test
logsource: {{product: windows, category: process_creation}}
detection:
  selection: {{Image|endswith: '\\b.exe'}}
  condition: selection
"""
_ABSENT, _REGISTRY, _PLAIN = (f"{start}-0000-4000-8000-000000000000" for start in _IDS.values())
_EVENTS = (
    {"ls_product": "windows", "ls_category": "process_creation", "Image": "C:\\a.exe"},
    {"ls_product": "windows", "ls_category": "registry_set", "Image": "C:\\a.exe"},
    {"ls_product": "windows", "Image": "C:\\b.exe"},
    {"ls_product": "windows", "ls_category": "process_creation", "Image": "C:\\b.exe", "Parent": "x"},
)


@pytest.fixture
def rules(tmp_path: Path) -> tuple[DetectionRule, ...]:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "three.yml").write_text(_RULES)
    ruleset = load([folder])
    assert not ruleset.errors
    return ruleset.detections


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in _EVENTS))
    return path


def _event(number: int) -> detection.Event:
    return detection.event(orjson.dumps(_EVENTS[number]), number)


def test_a_pair_is_a_rule_and_the_number_of_an_event(rules: tuple[DetectionRule, ...], events: Path) -> None:
    found = detection.pairs(rules, events)

    assert found == {(_ABSENT, 0), (_REGISTRY, 1), (_PLAIN, 3)}


def test_each_difference_has_its_reason(rules: tuple[DetectionRule, ...]) -> None:
    ours, theirs = {(_ABSENT, 0), (_REGISTRY, 1), (_PLAIN, 3)}, {(_PLAIN, 2), (_PLAIN, 3), ("not-loaded", 3)}

    found = {(one.rule, one.ours, one.reason, one.events) for one in differences(ours, theirs, rules, _event)}

    assert found == {
        (_ABSENT, True, Reason.NULL, (0,)),
        (_REGISTRY, True, Reason.TAXONOMY, (1,)),
        (_PLAIN, False, Reason.LOG_SOURCE, (2,)),
        ("not-loaded", False, Reason.PLACEHOLDER, (3,)),
    }


def test_what_no_reason_explains_stands_at_the_end_as_unexplained(rules: tuple[DetectionRule, ...]) -> None:
    found = differences({(_ABSENT, 0)}, {(_PLAIN, 0), (_ABSENT, 3)}, rules, _event)

    assert [(one.rule, one.reason) for one in found if one.reason == Reason.NONE] == [
        (_ABSENT, Reason.NONE),
        (_PLAIN, Reason.NONE),
    ]
    assert found[0].reason == Reason.NULL


def test_the_same_pairs_make_no_table_rows(rules: tuple[DetectionRule, ...]) -> None:
    same = {(_PLAIN, 3)}

    found = differences(same, set(same), rules, _event)

    assert found == []
    assert len(table(found)) == 3  # the head and the empty line behind it


def test_rsigma_reports_pairs_of_the_same_events(
    rules: tuple[DetectionRule, ...], events: Path, tmp_path: Path
) -> None:
    if rsigma.version() is None:
        pytest.skip("no rsigma on PATH")
    core = min(os.sched_getaffinity(0))

    numbered = rsigma.numbered(events, tmp_path / "numbered.ndjson")
    theirs = rsigma.pairs(tmp_path / "rules", numbered, core, tmp_path)

    assert theirs == {(_PLAIN, 2), (_PLAIN, 3)}
    assert all(
        one.reason != Reason.NONE for one in differences(detection.pairs(rules, numbered), theirs, rules, _event)
    )


def test_work_runs_in_processes_of_its_own_and_begins_together(rules: tuple[DetectionRule, ...], events: Path) -> None:
    core = min(os.sched_getaffinity(0))

    runs = forked.together([(core, detection.throughput(rules, events)), (core, detection.throughput(rules, events))])

    assert [(run["events"], run["matches"]) for run in runs] == [(4, 3), (4, 3)]


def test_work_that_fails_ends_the_benchmark(capfd: pytest.CaptureFixture[str]) -> None:
    def fails(prepared: object) -> None:
        raise ValueError("no events")

    with pytest.raises(SystemExit):
        forked.alone(min(os.sched_getaffinity(0)), fails)

    assert "no events" in capfd.readouterr().err


def test_only_detections_of_a_file_go_to_the_peer(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mixed.yml").write_text("title: D\ndetection:\n  a: 1\n---\ntitle: C\ncorrelation:\n  b: 2\n")
    (tmp_path / "rules" / "other.yml").write_text("title: C\ncorrelation:\n  b: 2\n")

    count = sigmahq.detections(tmp_path / "rules", tmp_path / "copied")

    assert count == 1
    assert [path.name for path in (tmp_path / "copied").iterdir()] == ["mixed.yml"]
    assert "correlation" not in (tmp_path / "copied" / "mixed.yml").read_text()
