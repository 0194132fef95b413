"""pySigma processing pipelines, applied to what the rules look at."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.app import formats
from engine.detect import Detector
from engine.model import Event, Frame, LogSource
from engine.parsing.parser import Parser
from engine.ruleset.coverage import fields_of
from engine.ruleset.load import Ruleset, load

Rules = Callable[..., Ruleset]

PIPELINE = """\
name: test
priority: 10
transformations:
  - id: fields
    type: field_name_mapping
    mapping: {User: user.name, IpAddress: source.ip, Both: [one, two]}
    rule_conditions: [{type: logsource, product: windows}]
  - id: source
    type: change_logsource
    product: mapped
    rule_conditions: [{type: logsource, product: windows}]
"""
RULES = """\
title: win
name: win
logsource: {product: windows}
detection: {s: {User: x, Both: y, Other: z}, condition: s}
---
title: lin
name: lin
logsource: {product: linux}
detection: {s: {User: x}, condition: s}
---
title: flt
logsource: {product: windows}
filter: {rules: any, s: {IpAddress: 192.0.2.1}, condition: not s}
---
title: joined
name: joined
correlation:
  type: temporal
  rules: [win, lin]
  group-by: [IpAddress, who]
  aliases: {who: {win: User, lin: User}}
  timespan: 5m
---
title: counted
correlation:
  type: value_count
  rules: [win]
  group-by: [Other]
  timespan: 5m
  condition: {gte: 3, field: User}
"""


@pytest.fixture
def piped(rules: Rules, tmp_path: Path) -> Callable[[str], Ruleset]:
    def load(text: str) -> Ruleset:
        folder = tmp_path / "tests"  # not among the rules
        folder.mkdir()
        (folder / "pipeline.yml").write_text(text)
        return rules(RULES, pipelines=[folder / "pipeline.yml"])

    return load


def test_fields_and_log_sources_are_mapped_where_the_pipeline_says(piped: Callable[[str], Ruleset]):
    ruleset = piped(PIPELINE)

    assert ruleset.problems == ()
    win, lin = ruleset.detections
    assert fields_of(win) == ("user.name", "one", "two", "Other", "source.ip")
    assert win.logsource == LogSource(product="mapped")
    assert fields_of(lin) == ("User",)
    assert lin.logsource == LogSource(product="linux")


def test_group_keys_aliases_and_value_fields_follow(piped: Callable[[str], Ruleset]):  # trap 12
    ruleset = piped(PIPELINE)

    joined, counted = ruleset.correlations
    win, lin = joined.rules
    assert joined.group_by == ("IpAddress", "who")
    assert joined.aliases == {"who": {win: "user.name", lin: "User"}, "IpAddress": {win: "source.ip", lin: "IpAddress"}}
    assert counted.fields == ("User",)
    assert counted.aliases == {"User": {win: "user.name"}}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("name: x\npostprocessing:\n  - type: template\n    template: a\n    vars: evil.py\n", 5, "runs a Python file"),
        ("name: x\nfinalizers:\n  - type: template\n    template: a\n    vars: evil.py\n", 5, "runs a Python file"),
        (
            "name: x\ntransformations:\n  - type: nested\n    items:\n      - {type: x, command: id}\n",
            5,
            "from outside",
        ),
        ("name: x\ntransformations:\n  - type: no_such_thing\n", 0, "no_such_thing"),
        ("name: [x\n", 2, "not YAML"),
        ("text\n", 1, "a pipeline is a mapping"),
    ],
)
def test_a_pipeline_that_runs_code_or_is_broken_is_refused(
    piped: Callable[[str], Ruleset], text: str, line: int, says: str
):
    ruleset = piped(text)

    (error,) = ruleset.errors
    assert error.line == line
    assert says in error.what


def test_an_unknown_pipeline_is_named(rules: Rules):
    (error,) = rules(RULES, pipelines=["no_such_pipeline"]).errors

    assert error.path == "no_such_pipeline"


BEATS = {
    "@timestamp": "2026-01-02T03:04:05Z",
    "winlog": {"channel": "Security", "event_id": "4720", "computer_name": "dc-1"},
    "event": {"code": "4720", "provider": "Microsoft-Windows-Security-Auditing"},
    "source": {"ip": "192.0.2.7"},
}
SECURITY = """\
title: one
logsource: {product: windows, service: security}
detection: {s: {EventID: 4720, IpAddress|cidr: 192.0.2.0/24}, condition: s}
"""


def read(record: dict[str, Any]) -> Event:
    (event,) = Parser(formats()).feed([Frame(json.dumps(record).encode(), "test", format="json")])
    assert isinstance(event, Event)
    return event


def test_an_installed_pipeline_makes_rules_run_on_what_winlogbeat_sends(tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(SECURITY, "utf-8")
    ruleset = load([path], pipelines=["ecs_windows"])
    assert ruleset.errors == []

    detector = Detector(ruleset.detections)

    assert {"event.code", "source.ip", "winlog.channel"} == set(fields_of(ruleset.detections[0]))
    assert detector.detect(read(BEATS))
    assert not detector.detect(read({**BEATS, "winlog": {"channel": "System", "event_id": "4720"}}))


def test_installed_pipelines_and_files_go_together(tmp_path: Path) -> None:
    rule, pipeline = tmp_path / "rule.yml", tmp_path / "my.yml"
    rule.write_text(SECURITY, "utf-8")
    pipeline.write_text(
        "name: my\npriority: 90\ntransformations:\n"
        "  - {id: own, type: field_name_mapping, mapping: {source.ip: client.ip}}\n",
        "utf-8",
    )

    ruleset = load([rule], pipelines=["ecs_windows", str(pipeline)])

    assert ruleset.errors == []
    assert {"event.code", "client.ip", "winlog.channel"} == set(fields_of(ruleset.detections[0]))


@pytest.mark.parametrize("name", ["tieline", "tieline_ecs"])
def test_our_own_pipeline_is_for_queries_alone(tmp_path: Path, name: str) -> None:
    (problem,) = [one for one in load([tmp_path], pipelines=[name]).problems if one.path == name]

    assert problem.severity == "error"
    assert "queries over stored events" in problem.what


def test_a_pipeline_with_vars_is_refused_with_its_line(tmp_path: Path) -> None:
    pipeline = tmp_path / "my.yml"
    pipeline.write_text(
        "name: my\npriority: 1\npostprocessing:\n  - type: template\n    template: x\n    vars: vars.py\n", "utf-8"
    )

    (problem,) = [one for one in load([], pipelines=[pipeline]).problems if one.path == str(pipeline)]

    assert (problem.severity, problem.line) == ("error", 6)
    assert "'vars'" in problem.what


def test_a_condition_that_a_pipeline_adds_has_the_same_name_each_time(tmp_path: Path) -> None:
    """pySigma draws its name by lot; it is in ``tieline.why`` and in what says that a rule is still the same."""
    path = tmp_path / "rule.yml"
    path.write_text(SECURITY, "utf-8")

    first, second = (load([path], pipelines=["ecs_windows"]).detections[0] for _ in range(2))

    assert first.condition == second.condition
    assert first.definition == second.definition


def test_a_way_of_indexing_a_field_is_read_as_the_field(tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(
        "title: t\nlogsource: {product: windows, category: process_creation}\n"
        "detection: {s: {Image|endswith: '\\cmd.exe'}, condition: s}\n"
    )

    (rule,) = load([path], pipelines=["ecs_windows"]).detections

    assert "process.executable" in fields_of(rule)
