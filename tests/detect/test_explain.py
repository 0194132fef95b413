"""`tieline rules explain`: the condition as a tree, for a match and for a non-match."""

from engine.detect import explain, text
from engine.model import Event, LogSource, RuleHead
from engine.ruleset import condition
from engine.ruleset.condition import ANY, And, FieldRef, Identifier, Not, Or, Text
from engine.ruleset.detection import DetectionRule

SELECTION = Identifier(
    "selection", Or((condition.Test("f", Text((ANY, "evil", ANY))), condition.Test("f", Text(("bad",)))))
)
FILTER = Identifier("filter", condition.Test("g", FieldRef("h")))
RULE = DetectionRule(RuleHead("1", "Made up"), LogSource("windows"), And((SELECTION, Not(FILTER))))


def told(product: str, **fields: str) -> str:
    return text(explain(RULE, Event(dict(fields), 0, "e", LogSource(product))))


def test_a_match_shows_what_held() -> None:
    assert told("windows", f="so EVIL").splitlines() == [
        "Made up: matches",
        "  ✓ log source product windows, event product windows",
        "  ✓ all of",
        "    ✓ selection",
        "      ✓ one of",
        "        ✓ f contains 'evil': it is 'so EVIL'",
        "        … 1 more, none of which decided it",
        "    ✓ not",
        "      ✗ filter",
        "        ✗ g equals the field h (which is not there): the event has no such field",
    ]


def test_a_non_match_shows_what_failed_and_what_was_there() -> None:
    said = told("windows", f="fine", g="x", h="X")

    assert said.startswith("Made up: does not match")
    assert "✗ f contains 'evil': it is 'fine'" in said
    assert "✓ g equals the field h (here 'X'): it is 'x'" in said


def test_another_log_source_is_a_reason() -> None:
    said = told("linux", f="evil")

    assert said.startswith("Made up: does not match")
    assert "✗ log source product windows, event product linux" in said


def test_what_the_event_says_cannot_drive_the_terminal() -> None:
    assert "\x1b" not in told("windows", f="evil\x1b[2J")
