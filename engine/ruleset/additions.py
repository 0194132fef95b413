"""``tieline:`` of a correlation: what Sigma has no words for. It stands beside ``correlation:`` or inside it."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

import msgspec

from engine.ruleset import boolean, links
from engine.ruleset.correlation import Refire, Threshold, Window
from engine.ruleset.documents import Map, Seq
from engine.ruleset.links import LinkDraft
from engine.ruleset.links import Reference as Reference
from engine.ruleset.problem import Refused
from engine.ruleset.spans import DAY, LONGEST, span

KEYS = ("skew", "window", "until", "steps", "join", "first_seen", "expected", "refire", "suppress", "links")
WINDOWS: tuple[str, ...] = get_args(Window)
REFIRES: tuple[str, ...] = get_args(Refire)
MAX_STEPS = 100
MAX_UNTIL = 16
MAX_JOINS = 8


class Correlated(msgspec.Struct, frozen=True):
    """What the rest of the correlation says, as far as the additions depend on it."""

    type: str
    rules: tuple[Reference, ...]
    condition: Threshold | boolean.Formula | None
    group_by: tuple[str, ...]
    fields: tuple[str, ...] = ()

    @property
    def ordered(self) -> bool:
        return self.type == "temporal_ordered"

    @property
    def grows(self) -> bool:
        """Whether more evidence can only make it true."""
        if isinstance(self.condition, Threshold):
            return self.condition.grows
        return self.condition is None or not _negated(self.condition, False)


class Additions(msgspec.Struct, frozen=True):
    """As in ``CorrelationRule``, with the rules still as text; ``steps`` by the text of the reference."""

    skew_ns: int = 0
    window: Window = "sliding"
    until: tuple[Reference, ...] = ()
    steps: Mapping[str, int] = {}
    join: tuple[tuple[str, str], ...] = ()
    learn_ns: int | None = None
    expected: bool = False
    refire: Refire = "once"
    growth: float = 1.0
    suppress_ns: int = 0
    suppress_by: tuple[str, ...] = ()
    links: tuple[LinkDraft, ...] = ()


def read(document: Map, section: Map, rest: Correlated) -> Additions:
    """Refused with the line of the key that cannot be meant so."""
    found = Map(section.line)
    for holder in (document, section):
        given = holder.get("tieline")
        if given is None:
            continue
        if not isinstance(given, Map):
            raise Refused("'tieline' is no mapping", "write tieline: {skew: 1s}", holder.at("tieline"))
        for key, value in given.items():
            if key not in KEYS:
                raise Refused(f"tieline: unknown key '{key}'", _meant(key, KEYS), given.at(key))
            if key in found:
                raise Refused(f"tieline: '{key}' stands beside the correlation and in it", "keep one", given.at(key))
            found[key] = value
            found.lines[key] = given.at(key)
    made = _Reader(found, rest)
    additions = made.additions() if found else Additions()
    names = (*rest.group_by, *rest.fields, *(name for pair in additions.join for name in pair))
    links.refuse_unlinked(names, bool(additions.links), found.at("links") if "links" in found else section.line)
    return additions


class _Reader:
    def __init__(self, given: Map, rest: Correlated) -> None:
        self.given = given
        self.rest = rest

    def additions(self) -> Additions:
        refire, growth = self._refire()
        suppress_ns, suppress_by = self._suppress()
        made = Additions(
            skew_ns=self._skew(),
            window=self._window(),
            until=self._until(),
            steps=self._steps(),
            join=self._join(),
            learn_ns=self._first_seen(),
            expected=self._expected(),
            refire=refire,
            growth=growth,
            suppress_ns=suppress_ns,
            suppress_by=suppress_by,
            links=links.read(self.given) if "links" in self.given else (),
        )
        for one, others in _ALONE.items():
            for other in others:
                if one in self.given and other in self.given:
                    raise self._refused(one, f"does not go together with '{other}'", f"leave '{one}' or '{other}' out")
        return made

    def _refused(self, key: str, what: str, mend: str) -> Refused:
        return Refused(f"{key}: {what}", mend, self.given.at(key))

    def _skew(self) -> int:
        if "skew" not in self.given:
            return 0
        return span(self.given["skew"], "skew", self.given.at("skew"), DAY)

    def _window(self) -> Any:
        window = self.given.get("window", "sliding")
        if window not in WINDOWS:
            raise self._refused("window", f"unknown kind '{str(window)[:40]}'", _meant(str(window), WINDOWS))
        if window != "sliding" and self.given.get("skew") is not None:
            raise self._refused("window", f"a {window} window has no skew", "leave one of them out")
        return window

    def _until(self) -> tuple[Reference, ...]:
        value = self.given.get("until")
        if "until" not in self.given:
            return ()
        found: dict[str, Reference] = {}
        for index, item in enumerate(value if isinstance(value, Seq) else [value]):
            line = value.at(index) if isinstance(value, Seq) else self.given.at("until")
            if not isinstance(item, str) or not item:
                raise Refused(f"until: {str(item)[:60]!r} is no rule", "write the name or the id of a rule", line)
            if any(item == rule.text for rule in self.rest.rules):
                what = f"until: '{item}' is a rule that the correlation joins, and cannot abort it as well"
                raise Refused(what, "name another rule", line)
            found.setdefault(item, Reference(item, line))
        if not found or len(found) > MAX_UNTIL:
            raise self._refused("until", f"{len(found)} rules", f"name one, at most {MAX_UNTIL}")
        return tuple(found.values())

    def _steps(self) -> dict[str, int]:
        if "steps" not in self.given:
            return {}
        value = self.given["steps"]
        if not isinstance(value, Map) or not value:
            raise self._refused("steps", "no mapping of rules to counts", "write steps: {login_fail: 5}")
        if not self.rest.type.startswith("temporal"):
            raise self._refused("steps", f"means nothing to {self.rest.type}", "write the count into the condition")
        if self.rest.ordered and isinstance(self.rest.condition, Threshold) and not self.rest.grows:
            raise self._refused("steps", "the condition counts rules from above", "write gte, or name the rules")
        listed = [rule.text for rule in self.rest.rules]
        steps: dict[str, int] = {}
        for rule, count in value.items():
            line = value.at(rule)
            if rule not in listed:
                raise Refused(f"steps: '{rule}' is no rule of this correlation", _meant(rule, listed), line)
            if isinstance(self.rest.condition, boolean.Name | boolean.All | boolean.Either | boolean.Negated) and (
                rule in _negated(self.rest.condition, False)
            ):
                raise Refused(f"steps: '{rule}' stands below 'not'", "a single match refutes the condition", line)
            if isinstance(count, Map) and set(count) == {"gte"}:
                count = count["gte"]
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise Refused(f"steps: '{rule}: {str(count)[:40]}' is no count", "write a whole number above 0", line)
            if count > 1:
                steps[rule] = count
        if sum(steps.values()) > MAX_STEPS:
            what = f"more than {MAX_STEPS} matches in all"
            raise self._refused("steps", what, "count them in an event_count, and join that one")
        return steps

    def _join(self) -> tuple[tuple[str, str], ...]:
        if "join" not in self.given:
            return ()
        value = self.given["join"]
        if not isinstance(value, Map) or not 1 <= len(value) <= MAX_JOINS:
            mend = "write join: {destination.ip: source.ip}: of one step and of the next"
            raise self._refused("join", "no mapping of fields to fields", mend)
        if not self.rest.ordered or not self.rest.grows or len(self.rest.rules) < 2:
            what = "it leads from one step of a temporal_ordered to the next"
            raise self._refused("join", what, "use temporal_ordered with two rules or more, without 'not' and lt")
        for left, right in value.items():
            if not left or not isinstance(right, str) or not right:
                raise Refused("join: no field name", "write the name of a field or an alias", value.at(left))
        return tuple(value.items())

    def _first_seen(self) -> int | None:
        if "first_seen" not in self.given:
            return None
        value = self.given["first_seen"]
        if not isinstance(value, Map) or set(value) != {"learn"}:
            raise self._refused("first_seen", "no learning period", "write first_seen: {learn: 7d}")
        if self.rest.type != "value_count" or self.rest.condition != Threshold((("gte", 1),)):
            raise self._refused(
                "first_seen",
                "it looks at values, each by itself",
                "use value_count with condition: {field: source.ip, gte: 1}",
            )
        return span(value["learn"], "first_seen: learn", value.at("learn"), LONGEST)

    def _expected(self) -> bool:
        value = self.given.get("expected", False)
        if not isinstance(value, bool):
            raise self._refused("expected", "neither true nor false", "write true, or leave it out")
        nothing = (Threshold((("lt", 1),)), Threshold((("lte", 0),)), Threshold((("eq", 0),)))
        if value and (self.rest.type != "event_count" or self.rest.condition not in nothing):
            raise self._refused("expected", "it reports what does not come", "use event_count with condition: {lt: 1}")
        return value

    def _refire(self) -> tuple[Any, float]:
        if "first_seen" in self.given and "refire" not in self.given:
            return "match", 1.0
        value = self.given.get("refire", "once")
        growth = 1.0
        if isinstance(value, Map) and set(value) == {"growth"}:
            factor = value["growth"]
            if not isinstance(factor, int | float) or isinstance(factor, bool) or not 1 <= factor <= 10**6:
                raise Refused("refire: growth is no factor from 1", "write refire: {growth: 2}", value.at("growth"))
            value, growth = "growth", float(factor)
        if not isinstance(value, str) or value not in REFIRES:
            raise self._refused("refire", f"unknown policy '{str(value)[:40]}'", _meant(str(value), REFIRES))
        if value != "once" and not self.rest.grows:
            raise self._refused("refire", "a window that is decided once fires once", "leave it out")
        if value == "growth" and (self.rest.ordered or isinstance(self.rest.condition, _FORMULA)):
            raise self._refused("refire", "there is no number that grows", "write refire: match")
        return value, growth

    def _suppress(self) -> tuple[int, tuple[str, ...]]:
        if "suppress" not in self.given:
            return 0, ()
        value, line = self.given["suppress"], self.given.at("suppress")
        by: Sequence[Any] = ()
        if isinstance(value, Map):
            if not set(value) <= {"for", "by"} or "for" not in value:
                raise self._refused("suppress", "says 'for' how long and 'by' which keys", "write suppress: {for: 4h}")
            if "by" in value:
                by = value["by"] if isinstance(value["by"], Seq) else [value["by"]]
            for name in by:
                if name not in self.rest.group_by:
                    what = f"suppress: '{str(name)[:60]}' is not in group-by"
                    raise Refused(what, _meant(str(name), self.rest.group_by), value.at("by"))
            line, value = value.at("for"), value["for"]
        span_ns = span(value, "suppress", line, LONGEST)
        if not span_ns:
            raise Refused("suppress: for no time at all", "write a time span, such as 4h", line)
        return span_ns, tuple(by)


_FORMULA = (boolean.Name, boolean.Some, boolean.All, boolean.Either, boolean.Negated)
_ALONE = {
    "steps": ("join",),
    "first_seen": ("window", "until", "steps", "join", "skew", "expected", "refire"),
    "expected": ("window", "skew", "refire"),
}


def _negated(formula: boolean.Formula, below: bool) -> frozenset[str]:
    """The rules that stand below an odd number of ``not``."""
    if isinstance(formula, boolean.Name):
        return frozenset([formula.name]) if below else frozenset()
    if isinstance(formula, boolean.Negated):
        return _negated(formula.part, not below)
    if isinstance(formula, boolean.Some):
        return frozenset()
    return frozenset(name for part in formula.parts for name in _negated(part, below))


def _meant(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, 1)
    return f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(known) or 'none'}"
