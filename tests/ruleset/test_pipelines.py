"""pySigma processing pipelines, applied to what the rules look at."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.model import LogSource
from engine.ruleset.coverage import fields_of
from engine.ruleset.load import Ruleset

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
