"""The published cases of SigmaHQ, sigmalite and sigma-rust."""

import gzip
import json
import os
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import slow_sigma

from engine.detect import Detector
from engine.model import Event, LogSource
from engine.ruleset.detection import DetectionRule
from engine.ruleset.load import load


def cases(outside: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (outside / "sigma" / name).read_text("utf-8").splitlines()]


def flat(event: dict[str, Any]) -> dict[str, Any]:
    """An EVTX record as the fields of Sigma's taxonomy."""
    out: dict[str, Any] = {}

    def take(part: dict[str, Any]) -> None:
        for name, value in part.items():
            if name == "Provider":
                out["Provider_Name"] = value["#attributes"].get("Name")
            elif isinstance(value, dict):
                take(value)
            else:
                out[name.replace(" ", "")] = value

    take(event["Event"])
    return out


def event_of(fields: dict[str, Any], rule: DetectionRule, number: int = 0) -> Event:
    return Event(fields, 1_767_225_600_000_000_000, str(number), rule.logsource, original=json.dumps(fields).encode())


def test_every_regression_event_of_sigmahq_fires_its_rule(outside: Path, sigmahq: Path) -> None:
    regression = cases(outside, "sigmahq_regression.jsonl")

    for case in regression:
        path = next(sigmahq.rglob(Path(case["rule_path"]).name))
        (rule,) = [rule for rule in load([path]).detections if rule.head.id == case["rule_id"]]
        written = next(one for one in slow_sigma.read(path.read_text("utf-8")) if one["id"] == case["rule_id"])
        detector = Detector([rule])
        events = [event_of(flat(one), rule, at) for at, one in enumerate(case["events"])]
        held = [bool(detector.detect(one)) for one in events]

        assert sum(held) >= (case["match_count"] or 1), case["rule_path"]
        assert held == [slow_sigma.matches(written, one) for one in events], case["rule_path"]


@pytest.mark.parametrize("corpus", ["sigmalite.jsonl", "sigma_rust.jsonl"])
def test_the_small_cases_of_other_engines_hold(outside: Path, tmp_path: Path, corpus: str) -> None:
    for number, case in enumerate(cases(outside, corpus)):
        path = tmp_path / f"{number}.yml"
        path.write_text(case["rule_yaml"], "utf-8")
        values = {"Admins_Workstations": ["OtherAdminMachine", "AdminMachine"]} if case.get("needs_options") else {}
        (rule,) = load([path], placeholders=values).detections
        detector = Detector([rule])
        (written,) = slow_sigma.read(case["rule_yaml"])

        events = [event_of(fields, rule) for fields in case["events"]]

        assert [bool(detector.detect(event)) for event in events] == case["expect"], case["id"]
        if "|expand" not in case["rule_yaml"]:
            assert [slow_sigma.matches(written, event) for event in events] == case["expect"], case["id"]


@pytest.fixture(scope="module")
def windows(sigmahq: Path) -> tuple[Detector, dict[str, dict[str, Any]]]:
    """Every rule for Windows in one detector, and what was written."""
    rules = [rule for rule in load([sigmahq]).detections if rule.logsource.product == "windows"]
    texts = {rule.head.path for rule in rules}
    written = {one["id"]: one for path in texts for one in slow_sigma.read(Path(path).read_text("utf-8"))}
    return Detector(rules), written


def agree(detector: Detector, written: dict[str, dict[str, Any]], event: Event) -> int:
    found = {match.rule.id for match in detector.detect(event)}

    seen = [rule for rule in detector.rules.values() if rule.logsource.covers(event.logsource)]
    expected = {rule.head.id for rule in seen if slow_sigma.matches(written[rule.head.id], event)}
    assert found == expected, event.fields
    return len(seen)


def test_all_rules_for_windows_agree_on_the_regression_events(
    outside: Path, windows: tuple[Detector, dict[str, dict[str, Any]]]
) -> None:
    detector, written = windows
    compared = 0

    for case in cases(outside, "sigmahq_regression.jsonl"):
        rule = detector.rules.get(case["rule_id"])
        if rule is not None:
            compared += sum(agree(detector, written, event_of(flat(one), rule)) for one in case["events"][:1])

    assert compared > 20_000


def test_all_rules_for_windows_agree_on_recorded_events(
    outside: Path, windows: tuple[Detector, dict[str, dict[str, Any]]]
) -> None:
    detector, written = windows
    deep = int(os.environ.get("TIELINE_DEEP", "1"))
    with gzip.open(outside / "bench" / "windows-100k.ndjson.gz", "rt") as lines:
        records = [json.loads(line) for line in islice(lines, 0, 100_000, max(1_000 // deep, 1))]

    for number, record in enumerate([*records, *records[::-1]]):
        source = LogSource(record.get("ls_product"), record.get("ls_category"), record.get("ls_service"))
        agree(detector, written, Event(record, 0, str(number), source, original=json.dumps(record).encode()))
