"""The ``detection`` section (and a filter's): searches by pySigma, joined by the condition, as one tree."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sigma.conditions import ConditionAND
from sigma.exceptions import SigmaError, SigmaRuleLocation
from sigma.rule import SigmaDetection, SigmaDetectionItem
from sigma.types import SigmaString, sigma_type

from engine.ruleset import boolean, modifiers, values
from engine.ruleset.condition import And, Identifier, Node, Not, Null, Or, Test
from engine.ruleset.documents import Map, Seq, line_of, spelled_number
from engine.ruleset.modifiers import Unresolved
from engine.ruleset.problem import Refused

Placeholders = Mapping[str, Sequence[str]]

# What pySigma raises on input that it has not foreseen (SigmaHQ/pySigma#542, #545).
CRASHES = (
    SigmaError,
    TypeError,
    ValueError,
    AttributeError,
    KeyError,
    IndexError,
    OverflowError,
    RecursionError,
    re.error,
)

_NO_SEARCHES = ("condition", "timeframe")


def detections(
    section: Map, placeholders: Placeholders, skip: Sequence[str] = _NO_SEARCHES
) -> dict[str, SigmaDetection]:
    """The named searches, as pySigma understands them."""
    found = {
        name: _detection(definition, placeholders, section.at(name))
        for name, definition in section.items()
        if name not in skip
    }
    if not found:
        raise Refused("there is no search beside the condition", "add one, such as 'selection:'", section.line)
    return found


def conditions(section: Map) -> list[tuple[str, int]]:
    """The condition texts with their lines; several are alternatives."""
    if "condition" not in section:
        raise Refused("the detection has no 'condition'", "add 'condition: selection'", section.line)
    value = section["condition"]
    texts = value if isinstance(value, Seq) else [value]
    if not texts:
        raise Refused("the condition is an empty list", "name a search", section.at("condition"))
    out = []
    for index, text in enumerate(texts):
        line = value.at(index) if isinstance(value, Seq) else section.at("condition")
        if isinstance(text, (int, bool)) and str(text) in section:
            text = str(text)
        if not isinstance(text, str):
            raise Refused("the condition is no text", "write it as 'selection and not filter'", line)
        out.append((text, line))
    return out


def tree(texts: Sequence[tuple[str, int]], searches: Mapping[str, Node], prefix: str = "") -> Node:
    """The conditions with their searches filled in; ``prefix`` marks the identifiers (of a filter)."""
    nodes = []
    for text, line in texts:
        try:
            nodes.append(_fill(boolean.of_searches(text), searches, prefix))
        except Refused as refused:
            refused.line = refused.line or line
            raise
    return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))


def node(detection: SigmaDetection) -> Node:
    parts = tuple(
        node(item) if isinstance(item, SigmaDetection) else _item_node(item) for item in detection.detection_items
    )
    if not parts:
        raise Refused("a search is empty", "give it a field or a keyword")
    if len(parts) == 1:
        return parts[0]
    return And(parts) if detection.item_linking is ConditionAND else Or(parts)


def nodes(found: Mapping[str, SigmaDetection]) -> dict[str, Node]:
    return {name: node(detection) for name, detection in found.items()}


def _detection(definition: Any, placeholders: Placeholders, line: int) -> SigmaDetection:
    line = line_of(definition, line)
    if isinstance(definition, Map):
        if not definition:
            raise Refused("a search is empty", "give it a field or a keyword", line)
        return SigmaDetection(
            [_item(key, value, placeholders, definition.at(key)) for key, value in definition.items()]
        )
    if isinstance(definition, Seq):
        if not definition:
            raise Refused("a search is an empty list", "give it a field or a keyword", line)
        if not any(isinstance(item, (Map, Seq)) for item in definition):
            return SigmaDetection([_item(None, definition, placeholders, line)])
        return SigmaDetection([_detection(item, placeholders, definition.at(i)) for i, item in enumerate(definition)])
    if definition is None:
        raise Refused("a search is empty", "give it a field or a keyword", line)
    return SigmaDetection([_item(None, definition, placeholders, line)])


def _item(key: str | None, value: Any, placeholders: Placeholders, line: int) -> SigmaDetectionItem:
    field, *names = key.split("|") if key is not None else ("",)
    try:
        chain = modifiers.chain(names, placeholders)
    except KeyError as unknown:
        raise _unknown_modifier(str(unknown.args[0]), line) from None
    plain = _plain(value, names, modifiers.takes_regex(chain), line)
    place = SigmaRuleLocation(Path(), line)
    try:
        item = SigmaDetectionItem(field or None, chain, plain, source=place)
    except Unresolved as unresolved:
        unresolved.source = place
        raise
    except CRASHES as bad:
        raise Refused(f"{key or 'keyword'}: {_said(bad)}", _mend(names, value), line) from None
    item.value = [_with_names(one, names) for one in item.value]
    return item


def _with_names(value: Any, names: list[str]) -> Any:
    value.modifier_names = tuple(names)  # what pySigma's value no longer tells: cased, startswith
    return value


def _plain(value: Any, names: Sequence[str], regex: bool, line: int) -> list[Any]:
    """The YAML values of one field as pySigma's types."""
    out = []
    several = isinstance(value, Seq)
    for index, one in enumerate(value if several else [value]):
        at = value.at(index) if several else line
        if isinstance(one, (Map, Seq)):
            raise Refused(
                "a value is itself a list or a mapping", "list plain values below the field", line_of(one, at)
            )
        if one is None and several:
            raise Refused(
                "null stands in a list of values", "make an own search of 'field: null' and join it with 'or'", at
            )
        try:
            if not regex:
                out.append(sigma_type(_meant(one, names)))
            elif isinstance(one, str):
                out.append(SigmaString.from_str(one))
            else:
                raise Refused(f"the regular expression {one!r} is no text", "put it in quotes", at)
        except CRASHES as bad:
            if isinstance(bad, Refused):
                raise
            raise Refused(
                f"the value {str(one)[:60]!r} is not understood: {_said(bad)}", "put it in quotes", at
            ) from None
    return out


_OF_NUMBERS = frozenset(("lt", "lte", "gt", "gte", "minute", "hour", "day", "week", "month", "year"))
YES_NO = {"yes": True, "on": True, "no": False, "off": False}


def _meant(value: Any, names: Sequence[str]) -> Any:
    """Where only a number or a boolean makes sense, YAML's other spellings of one are taken: ``hour: 08``."""
    if not isinstance(value, str):
        return value
    if "exists" in names:
        return YES_NO.get(value.lower(), value)
    found = spelled_number(value) if _OF_NUMBERS.intersection(names) else None
    return value if found is None else found


def _item_node(item: SigmaDetectionItem) -> Node:
    line = item.source.line or 0 if item.source is not None else 0
    if not item.value:
        if item.field is None:
            raise Refused("a search is an empty list", "give it a field or a keyword", line)
        tests: tuple[Node, ...] = (Test(item.field, Null()),)
    else:
        try:
            tests = tuple(values.node(item.field, value, getattr(value, "modifier_names", ())) for value in item.value)
        except CRASHES as bad:
            raise Refused(f"{item.field or 'keyword'}: {_said(bad)}", "", line) from None
    if len(tests) == 1:
        result = tests[0]
    else:
        result = And(tests) if item.value_linking is ConditionAND else Or(tests)
    return Not(result) if item.negated else result


def _fill(formula: boolean.Formula, searches: Mapping[str, Node], prefix: str) -> Node:
    if isinstance(formula, boolean.Name):
        if formula.name not in searches:
            close = get_close_matches(formula.name, searches, 1)
            raise Refused(
                f"the condition names '{formula.name}' (column {formula.column}), which is no search of this rule",
                f"did you mean '{close[0]}'?"
                if close
                else f"define it, or name one of: {', '.join(list(searches)[:8])}",
            )
        return Identifier(prefix + formula.name, searches[formula.name])
    if isinstance(formula, boolean.Some):
        return _some(formula, searches, prefix)
    if isinstance(formula, boolean.Negated):
        return Not(_fill(formula.part, searches, prefix))
    parts = tuple(_fill(part, searches, prefix) for part in formula.parts)
    return And(parts) if isinstance(formula, boolean.All) else Or(parts)


def _some(formula: boolean.Some, searches: Mapping[str, Node], prefix: str) -> Node:
    """Names that start with ``_`` are taken only by a pattern that does, too."""
    pattern = "*" if formula.pattern == "them" else formula.pattern
    wanted = re.compile(".*".join(re.escape(piece) for piece in pattern.split("*")))
    names = [
        name for name in searches if wanted.fullmatch(name) and (pattern.startswith("_") or not name.startswith("_"))
    ]
    if not names:
        raise Refused(
            f"no search matches '{formula.pattern}' (column {formula.column})",
            f"the searches are: {', '.join(list(searches)[:8])}",
        )
    parts = tuple(Identifier(prefix + name, searches[name]) for name in names)
    if len(parts) == 1:
        return parts[0]
    return And(parts) if formula.every else Or(parts)


def _unknown_modifier(name: str, line: int) -> Refused:
    close = get_close_matches(name, modifiers.NAMES, 1)
    mend = f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(sorted(modifiers.NAMES))}"
    return Refused(f"unknown modifier '{name}'", mend, line)


def _said(bad: BaseException) -> str:
    return str(bad.args[0]) if bad.args else type(bad).__name__


def _mend(names: Sequence[str], value: Any) -> str:
    if "cidr" in names:
        return "write a network such as 192.0.2.0/24, without host bits"
    if {"lt", "lte", "gt", "gte"}.intersection(names):
        return "write a number such as 10 or 2.5, without quotes"
    if "re" in names:
        return "check the pattern; 're' comes first, before i, m and s"
    if "exists" in names:
        return "write true or false, with 'exists' alone"
    if value is None:
        return "null takes no modifier"
    return "check the order of the modifiers"
