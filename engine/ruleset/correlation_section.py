"""The ``correlation`` section as it stands in the file: what pySigma cannot read we read first; it sees the rest."""

import contextlib
import math
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import msgspec
from sigma.correlations import SigmaCorrelationRule, SigmaCorrelationTimespan
from sigma.exceptions import SigmaCorrelationRuleError, SigmaRuleLocation

from engine.model import RuleHead
from engine.ruleset import additions, boolean
from engine.ruleset.additions import Additions, Correlated
from engine.ruleset.additions import Reference as Reference
from engine.ruleset.correlation import Op, Threshold, Type
from engine.ruleset.documents import Map, Seq, spelled_number
from engine.ruleset.problem import Problem, Refused
from engine.ruleset.searches import CRASHES, YES_NO

TYPES: tuple[str, ...] = get_args(Type)
OPS: tuple[str, ...] = get_args(Op)
TEMPORAL = ("temporal", "temporal_ordered")
KEYS = ("type", "rules", "aliases", "group-by", "timespan", "condition", "generate", "tieline")
MAX_RULES = 64


class Draft(msgspec.Struct):
    """A correlation whose references are still text."""

    head: RuleHead
    line: int
    type: Type
    rules: tuple[Reference, ...]
    group_by: tuple[str, ...]
    timespan_ns: int
    condition: Threshold | boolean.Formula
    aliases: Mapping[str, Mapping[str, str]]
    alias_lines: Mapping[tuple[str, str], int]
    fields: tuple[str, ...]
    percentile: float
    generate: bool
    additions: Additions
    lines: Mapping[str, int]

    @property
    def references(self) -> tuple[Reference, ...]:
        """Every rule that it names."""
        named = (*self.rules, *self.additions.until, *(rule for link in self.additions.links for rule in link.rules))
        return tuple({reference.text: reference for reference in reversed(named)}.values())[::-1]


def read(document: Map, head: RuleHead) -> tuple[Draft, list[Problem], SigmaCorrelationRule]:
    """Refused with a line, or the draft, its warnings, and pySigma's view of the rest."""
    section = document["correlation"]
    if not isinstance(section, Map):
        raise Refused(
            "'correlation' is no mapping",
            "write type, rules, group-by and timespan below it",
            document.at("correlation"),
        )
    warnings = _unknown_keys(section, head.path)
    kind = _type(section)
    condition, fields, percentile, more = _condition(section, kind, head.path)
    warnings += more
    rules = _rules(section, condition)
    aliases, alias_lines = _aliases(section, rules)
    group_by = _group_by(section)
    draft = Draft(
        head=head,
        line=document.line,
        type=kind,
        rules=rules,
        group_by=group_by,
        timespan_ns=_timespan(section),
        condition=Threshold((("gte", len(rules)),)) if condition is None else condition,
        aliases=aliases,
        alias_lines=alias_lines,
        fields=fields,
        percentile=percentile,
        generate=_generate(section),
        additions=additions.read(document, section, Correlated(kind, rules, condition, group_by, fields)),
        lines=dict(section.lines),
    )
    return draft, warnings, _pysigma(document, section, head)


def _unknown_keys(section: Map, path: str) -> list[Problem]:
    """pySigma overlooks them; a misspelt ``group_by`` would make one group of everything."""
    out = []
    for key in section:
        if key not in KEYS:
            close = get_close_matches(key, KEYS, 1)
            mend = f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(KEYS)}"
            out.append(
                Problem(path, section.at(key), "warning", f"the key '{key}' means nothing in a correlation", mend)
            )
    return out


def _type(section: Map) -> Any:
    kind = section.get("type")
    if kind is None:
        raise Refused("the correlation has no 'type'", f"write one of {', '.join(TYPES)}", section.line)
    if isinstance(kind, str) and kind.lower() in TYPES:
        return kind.lower()
    close = get_close_matches(str(kind), TYPES, 1)
    mend = f"did you mean '{close[0]}'?" if close else f"write one of {', '.join(TYPES)}"
    raise Refused(f"unknown correlation type '{kind}'", mend, section.at("type"))


def _rules(section: Map, condition: Threshold | boolean.Formula | None) -> tuple[Reference, ...]:
    value = section.get("rules")
    named = () if condition is None or isinstance(condition, Threshold) else tuple(_names(condition))
    line = section.at("condition")
    if value is None:
        if not named:
            raise Refused(
                "the correlation has no 'rules'", "list the names or ids of the rules that it joins", section.line
            )
        return tuple(Reference(name, line) for name in dict.fromkeys(named))
    items = value if isinstance(value, Seq) else [value]
    found: dict[str, Reference] = {}
    for index, item in enumerate(items):
        at = value.at(index) if isinstance(value, Seq) else section.at("rules")
        if not isinstance(item, str):
            raise Refused(f"the reference {str(item)[:60]!r} is no text", "write the name or the id of a rule", at)
        if item in found:
            raise Refused(
                f"the rule '{item}' is listed twice", "list it once; a copy under another name can be a second step", at
            )
        found[item] = Reference(item, at)
    if not found:
        raise Refused("'rules' is empty", "list the names or ids of the rules that it joins", section.at("rules"))
    if len(found) > MAX_RULES:
        raise Refused(f"{len(found)} rules, more than {MAX_RULES}", "correlate correlations", section.at("rules"))
    if named:
        for name in named:
            if name not in found:
                close = get_close_matches(name, found, 1)
                mend = f"did you mean '{close[0]}'?" if close else "add it to 'rules'"
                raise Refused(f"the condition names '{name}', which 'rules' does not list", mend, line)
        for text, reference in found.items():
            if text not in named:
                what = f"the rule '{text}' is listed but not in the condition"
                raise Refused(
                    what, "add it to the condition (by name; an id cannot stand there) or remove it", reference.line
                )
    return tuple(found.values())


def _names(formula: boolean.Formula) -> list[str]:
    if isinstance(formula, boolean.Name):
        return [formula.name]
    if isinstance(formula, boolean.Negated):
        return _names(formula.part)
    if isinstance(formula, boolean.Some):  # the grammar of rules has no patterns
        return []
    return [name for part in formula.parts for name in _names(part)]


def _condition(
    section: Map, kind: str, path: str
) -> tuple[Threshold | boolean.Formula | None, tuple[str, ...], float, list[Problem]]:
    value = section.get("condition")
    line = section.at("condition")
    if value is None:
        if kind in TEMPORAL:
            return None, (), 50.0, []
        raise Refused(f"a correlation of type {kind} needs a 'condition'", "write condition: {gte: 10}", section.line)
    if isinstance(value, str):
        if kind not in TEMPORAL:
            raise Refused(
                "a condition in words is for temporal and temporal_ordered", "write condition: {gte: 10}", line
            )
        try:
            formula = boolean.of_rules(value)
        except Refused as refused:
            refused.line = refused.line or line
            raise
        if all(
            isinstance(part, boolean.Negated)
            for part in (formula.parts if isinstance(formula, boolean.All) else (formula,))
        ):
            raise Refused("the condition holds nothing but 'not'", "name a rule that must match", line)
        return formula, (), 50.0, []
    if not isinstance(value, Map):
        raise Refused("the condition is neither a mapping nor text", "write condition: {gte: 10}", line)
    bounds = _bounds(value)
    fields = _fields(value, kind)
    percentile, warnings = _percentile(value, kind, path)
    if fields and not kind.startswith("value_"):
        what = f"'field' means nothing to {kind}"
        warnings.append(Problem(path, value.at("field"), "warning", what, "leave it out, or use value_count"))
        fields = ()
    return Threshold(bounds), fields, percentile, warnings


def _bounds(value: Map) -> tuple[tuple[Op, float], ...]:
    bounds: list[tuple[Any, float]] = []
    for key, number in value.items():
        if key in ("field", "percentile"):
            continue
        if key not in OPS:
            close = get_close_matches(key, (*OPS, "field", "percentile"), 1)
            mend = f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(OPS)}, field, percentile"
            raise Refused(f"the condition has the unknown key '{key}'", mend, value.at(key))
        bounds.append((key, _number(number, key, value.at(key))))
    if not bounds:
        raise Refused(
            "the condition compares with nothing", "write gte, gt, lte, lt, eq or neq with a number", value.line
        )
    return tuple(bounds)


def _number(value: Any, key: str, line: int) -> float:
    given: float = math.nan
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            given = spelled_number(value) or float(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        given = value
    if not abs(given) < 10**300:
        raise Refused(f"'{key}: {str(value)[:60]}' is no number", "write a number", line)
    return int(given) if given == int(given) else given


def _fields(value: Map, kind: str) -> tuple[str, ...]:
    given = value.get("field")
    names = [] if given is None else list(given) if isinstance(given, Seq) else [given]
    for name in names:
        if not isinstance(name, str) or not name:
            raise Refused("'field' is no field name", "write the name of a field", value.at("field"))
    if kind.startswith("value_"):
        if not names:
            raise Refused(
                f"{kind} needs a 'field' in its condition", "name the field whose values it looks at", value.line
            )
        if len(names) > 1 and kind != "value_count":
            raise Refused(f"{kind} takes one field, not {len(names)}", "name one", value.at("field"))
    return tuple(names)


def _percentile(value: Map, kind: str, path: str) -> tuple[float, list[Problem]]:
    line = value.at("percentile")
    if "percentile" not in value:
        if kind != "value_percentile":
            return 50.0, []
        what = "value_percentile without 'percentile' means the 50th"
        return 50.0, [Problem(path, value.line, "warning", what, "write percentile: 50, or which you mean")]
    number = _number(value["percentile"], "percentile", line)
    if not 0 <= number <= 100:
        raise Refused(f"the percentile {number} lies outside 0 to 100", "write a number from 0 to 100", line)
    if kind != "value_percentile":
        return 50.0, [Problem(path, line, "warning", f"'percentile' means nothing to {kind}", "leave it out")]
    return float(number), []


def _group_by(section: Map) -> tuple[str, ...]:
    value = section.get("group-by")
    if value is None:
        return ()
    items = value if isinstance(value, Seq) else [value]
    for item in items:
        if not isinstance(item, str) or not item:
            raise Refused(
                f"group-by names {str(item)[:60]!r}, which is no field", "list field names", section.at("group-by")
            )
    return tuple(dict.fromkeys(items))


def _timespan(section: Map) -> int:
    line = section.at("timespan")
    if "timespan" not in section:
        raise Refused("the correlation has no 'timespan'", "write timespan: 5m", section.line)
    text = section["timespan"]
    try:
        seconds = SigmaCorrelationTimespan(text).seconds
    except CRASHES:
        mend = "write a whole number above 0 and a unit: s, m, h, d, w (M is a month, y a year)"
        raise Refused(f"the timespan '{str(text)[:40]}' is not understood", mend, line) from None
    if seconds > 10 * 31_556_952:
        raise Refused(f"the timespan '{text}' is longer than ten years", "choose a shorter one", line)
    return seconds * 10**9


def _aliases(
    section: Map, rules: tuple[Reference, ...]
) -> tuple[dict[str, dict[str, str]], dict[tuple[str, str], int]]:
    value = section.get("aliases")
    if value is None:
        return {}, {}
    if not isinstance(value, Map):
        raise Refused("'aliases' is no mapping", "write alias: {rule: field}", section.at("aliases"))
    listed = [reference.text for reference in rules]
    out: dict[str, dict[str, str]] = {}
    lines: dict[tuple[str, str], int] = {}
    for alias, mapping in value.items():
        if not isinstance(mapping, Map) or not mapping:
            raise Refused(f"the alias '{alias}' is no mapping", "write alias: {rule: field}", value.at(alias))
        for rule, field in mapping.items():
            if not isinstance(field, str) or not field:
                raise Refused(
                    f"the alias '{alias}' of '{rule}' is no field name", "write the name of a field", mapping.at(rule)
                )
            lines[alias, rule] = mapping.at(rule)
        out[alias] = dict(mapping)
        if not listed:
            raise Refused("aliases without rules", "list the rules", value.line)
    return out, lines


def _generate(section: Map) -> bool:
    value = section.get("generate")
    if isinstance(value, str) and value.lower() in YES_NO:
        return YES_NO[value.lower()]
    if value is not None and not isinstance(value, bool):
        raise Refused("'generate' is neither true nor false", "write true or false", section.at("generate"))
    return bool(value)


def _pysigma(document: Map, section: Map, head: RuleHead) -> SigmaCorrelationRule:
    """Once ranges, fractions and ``tieline`` are taken out, pySigma must accept the file."""
    rest: dict[str, Any] = {key: value for key, value in document.items() if key != "tieline"}
    inner = {key: value for key, value in section.items() if key != "tieline"}
    if "generate" in inner:
        inner["generate"] = _generate(section)
    condition = section.get("condition")
    if isinstance(condition, Map):
        op = next(key for key in condition if key in OPS)
        kept: dict[str, Any] = {op: int(_number(condition[op], op, 0))}
        if "field" in condition:
            kept["field"] = condition["field"]
        if "percentile" in condition:
            kept["percentile"] = int(_number(condition["percentile"], "percentile", 0))
        inner["condition"] = kept
    rest["correlation"] = inner
    place = SigmaRuleLocation(Path(head.path), document.line)
    try:
        rule = SigmaCorrelationRule.from_dict(rest, collect_errors=True, source=place)
    except CRASHES as bad:
        said = str(bad.args[0]) if bad.args else type(bad).__name__
        raise Refused(said, "pySigma refuses the correlation so", section.line) from None
    for complaint in rule.errors:  # those of the head are said already
        if isinstance(complaint, SigmaCorrelationRuleError):
            raise Refused(str(complaint.args[0]), "pySigma refuses the correlation so", section.line)
    return rule
