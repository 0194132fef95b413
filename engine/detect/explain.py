"""Why a rule did or did not match an event: its condition as a tree, each node with its answer."""

from datetime import tzinfo
from typing import Any, Final, Literal

import msgspec

from engine.detect.bucket import OF_THE_EVENT
from engine.detect.predicates import check, check_two
from engine.detect.values import MISSING, Values, everything, lookup
from engine.detect.why import in_words, shown
from engine.model import Event, LogSource
from engine.ruleset.condition import And, FieldRef, Identifier, Node, Not, Or, Test
from engine.ruleset.detection import DetectionRule


class Step(msgspec.Struct):
    """One node. ``name`` of a search identifier; ``field`` (None: a keyword), ``value`` and ``wanted`` of a test."""

    kind: Literal["and", "or", "not", "search", "test"]
    held: bool
    name: str | None = None
    field: str | None = None
    present: bool = True
    value: Any = None
    wanted: str = ""
    parts: list["Step"] = []


class Explanation(msgspec.Struct):
    """``seen``: the rule sees this event's log source; the rule matches when it does and the condition holds."""

    title: str
    matches: bool
    seen: bool
    rule_source: LogSource
    event_source: LogSource
    condition: Step


def explain(rule: DetectionRule, event: Event, *, zone: tzinfo | None = None) -> Explanation:
    """Everything is evaluated, also what the answer did not need."""
    condition = _Reader(event, zone).step(rule.condition)
    seen = rule.logsource.covers(event.logsource)
    return Explanation(rule.head.title, seen and condition.held, seen, rule.logsource, event.logsource, condition)


class _Reader:
    def __init__(self, event: Event, zone: tzinfo | None) -> None:
        self._event = event
        self._zone = zone
        self._everything = everything(event.fields, event.original)

    def step(self, node: Node) -> Step:
        match node:
            case Test():
                return self._test(node)
            case And(parts):
                steps = [self.step(part) for part in parts]
                return Step("and", all(step.held for step in steps), parts=steps)
            case Or(parts):
                steps = [self.step(part) for part in parts]
                return Step("or", any(step.held for step in steps), parts=steps)
            case Not(part):
                step = self.step(part)
                return Step("not", not step.held, parts=[step])
            case Identifier(name, part):
                step = self.step(part)
                return Step("search", step.held, name=name, parts=[step])

    def _test(self, test: Test) -> Step:
        values = self._values(test.field)
        words = in_words(test.predicate, keyword=test.field is None)
        if isinstance(test.predicate, FieldRef):
            two, other = check_two(test.predicate), self._values(test.predicate.field)
            held = two(values, other)
            value = shown(values, lambda one: two(one, other))
            words += f" (here {_escaped(shown(other))})" if other.present else " (which is not there)"
        else:
            one = check(test.predicate, self._zone, keyword=test.field is None)
            held = one(values)
            value = shown(values, one) if held or test.field is not None else None
        return Step("test", held, field=test.field, present=values.present, value=value, wanted=words)

    def _values(self, field: str | None) -> Values:
        if field is None:
            return self._everything
        value = lookup(self._event.fields, field)
        if value is MISSING and field in OF_THE_EVENT:
            value = OF_THE_EVENT[field](self._event)
        return Values(value)


_SIGN: Final = {True: "✓", False: "✗"}
_WORDS: Final = {"and": "all of", "or": "one of", "not": "not"}
_MOST: Final = 40  # alternatives of one list that are shown when none held


def text(explanation: Explanation) -> str:
    """The tree as lines, for a terminal: what the event says is shown escaped."""
    lines = [f"{explanation.title}: {'matches' if explanation.matches else 'does not match'}"]
    source = _SIGN[explanation.seen]
    lines.append(f"  {source} log source {_source(explanation.rule_source)}, event {_source(explanation.event_source)}")
    _render(explanation.condition, 1, lines)
    return "\n".join(lines)


def _render(step: Step, depth: int, lines: list[str]) -> None:
    indent = "  " * depth
    if step.kind == "test":
        field = "any value" if step.field is None else step.field
        lines.append(f"{indent}{_SIGN[step.held]} {field} {step.wanted}{_seen(step)}")
        return
    if step.kind == "search":
        (inner,) = step.parts
        lines.append(f"{indent}{_SIGN[step.held]} {step.name}")
        _render(inner, depth + 1, lines)
        return
    lines.append(f"{indent}{_SIGN[step.held]} {_WORDS[step.kind]}")
    parts = step.parts
    if step.kind == "or" and step.held:
        parts = [part for part in parts if part.held]
    for part in parts[:_MOST]:
        _render(part, depth + 1, lines)
    if len(step.parts) > len(parts[:_MOST]):
        lines.append(f"{indent}  … {len(step.parts) - len(parts[:_MOST])} more, none of which decided it")


def _seen(step: Step) -> str:
    if step.field is None:
        return f": in {_escaped(step.value)}" if step.held else ""
    if step.present:
        return f": it is {_escaped(step.value)}"
    return "" if step.wanted in ("exists", "does not exist") else ": the event has no such field"


def _escaped(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value}'" if value.isprintable() else ascii(value)
    return repr(value)


def _source(source: LogSource) -> str:
    parts = (("product", source.product), ("category", source.category), ("service", source.service))
    return ", ".join(f"{name} {ascii(value)[1:-1]}" for name, value in parts if value is not None) or "any"
