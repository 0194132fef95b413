"""What rules look at, and what they claim to see."""

from collections.abc import Callable

from engine.model import LogSource
from engine.ruleset.coverage import coverage
from engine.ruleset.load import Ruleset

RULES = """\
title: one
name: one
tags: [attack.t0855, attack.impair_process_control, cve.2026-1]
logsource: {product: modbus}
detection:
  s: {ot.operation: write, 'x|fieldref': y}
  k: [word]
  f: {zone: a}
  condition: s and not f or k
---
title: Two
tags: [attack.t0855]
correlation:
  type: value_count
  rules: [one]
  aliases: {ip: {one: source.ip}}
  group-by: [ip, host.name]
  timespan: 5m
  condition: {gte: 2, field: ot.address}
"""


def test_coverage_lists_the_rules_behind_each_thing(rules: Callable[..., Ruleset]):
    found = coverage(rules(RULES))

    assert [name for name, labels in found.fields.items() if labels == ["one"]] == ["ot.operation", "x", "y", "zone"]
    assert [name for name, labels in found.fields.items() if labels == ["Two"]] == [
        "source.ip",
        "host.name",
        "ot.address",
    ]
    assert found.logsources == {LogSource(product="modbus"): ["one"]}
    assert found.techniques == {"T0855": ["one", "Two"]}
    assert found.tactics == {"impair-process-control": ["one"]}
