"""A field with many values is remembered by what they mean to the rules: it must not show."""

import random

import pytest

from engine.detect.bucket import Bucket
from engine.model import Event, LogSource, RuleHead
from engine.ruleset.condition import ANY, And, Compare, Exists, Identifier, Not, Or, Text
from engine.ruleset.condition import Test as Single
from engine.ruleset.detection import DetectionRule

_OFFICE = Single("source.ip", Text(("10.", ANY)))
_PORT = Or((Single("destination.port", Compare("gte", 500)), Single("destination.port", Text(("22",)))))
_TALL = Single("ot.value", Compare("gt", 900))
_RULES = [
    DetectionRule(RuleHead(id=name, title=name), LogSource(), Identifier("selection", condition))
    for name, condition in (
        ("office", And((_OFFICE, _PORT))),
        ("elsewhere", And((Not(_OFFICE), Single("source.ip", Exists(True)), _PORT))),
        ("value", Or((_TALL, Single("ot.value", Text(("true",)))))),
    )
]
_ODD = ("", "x" * 2_000, None, True, 1, 1.0, 700.5, ["10.1.1.1", "203.0.113.9"], [1, 950], [True], {"a": 1}, [{"b": 2}])


def _events(seed: int) -> list[Event]:
    rng = random.Random(seed)
    events = []
    for number in range(1_500):
        fields: dict[str, object] = {
            "source.ip": f"{rng.choice(('10', '203'))}.0.{rng.randrange(9)}.{rng.randrange(250)}",
            "destination.port": rng.randrange(1_000),
            "ot.value": [rng.randrange(1_000) for _ in range(3)],
        }
        for name in list(fields):
            if rng.random() < 0.1:
                fields[name] = rng.choice(_ODD)
            elif rng.random() < 0.05:
                del fields[name]
        events.append(Event(fields, number, str(number), LogSource()))
    return events


@pytest.mark.parametrize("seed", range(5))
def test_what_is_remembered_is_what_a_fresh_bucket_finds(seed: int) -> None:
    events = _events(seed)

    bucket = Bucket(_RULES, None)
    found = [bucket.detect(event) for event in events]

    assert found == [Bucket(_RULES, None).detect(event) for event in events]
    assert sum(bool(matched) for matched, _ in found) > 100


def test_addresses_that_mean_the_same_are_evaluated_once() -> None:
    bucket = Bucket(_RULES, None)

    for number in range(2_000):
        fields = {"source.ip": f"203.0.{number // 250}.{number % 250}", "destination.port": 443}
        bucket.detect(Event(fields, number, str(number), LogSource()))

    assert bucket.evaluated < 200
