"""The lint of what correlations group by and measure: fields that no event below them has.

JSON may carry any name, so only what is certain is said, and what is nearly the name of a known field.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from engine.model import LogSource
from engine.model.fields import ECS_NAMES, NAMES, alternatives, carried, other_names
from engine.model.taxonomy import TAXONOMY
from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.coverage import fields_of
from engine.ruleset.detection import DetectionRule
from engine.ruleset.documents import Map, line_of
from engine.ruleset.load import Collection, Ruleset, Source
from engine.ruleset.problem import Problem

_FIELD_SETS: Final = """
    agent as client cloud code_signature container data_stream destination device dll dns ecs elf email error
    event faas file gen_ai geo group hash host http interface labels log macho network observer orchestrator
    organization os package pe process registry related risk rule server service source span threat tls trace
    transaction url user user_agent vlan volume vulnerability x509 ot tieline winlog Event System
"""
"""Of ECS 9, ours, and how Windows events are nested."""
_ROOTS: Final = frozenset(_FIELD_SETS.split())
_PLAIN: Final = frozenset(("message", "tags"))  # what ECS has without a dot
_FACTS: Final = ("asset", "role", "zone", "level", "site", "criticality", "safety")
_KNOWN: Final = frozenset(
    (
        *ECS_NAMES,
        *(name for names in (*NAMES.carried.values(), *NAMES.everywhere.values()) for name in names),
        *(name for one in NAMES.map for name in one.fields),
        *(f"tieline.{end}.{fact}" for end in ("source", "destination", "host") for fact in _FACTS),
        *(
            f"ot.{name}"
            for name in ("protocol", "operation", "function", "function_code", "unit_id", "address", "value")
        ),
    )
)
_CLOSE: Final = 0.93


def never_there(ruleset: Ruleset, found: Collection) -> Iterator[Problem]:
    """A warning for each name of a correlation that the events of a rule below it never have."""
    detections = {rule.head.id: rule for rule in ruleset.detections}
    correlations = {rule.head.id: rule for rule in ruleset.correlations}
    sources = {source.head.id: source for source in found.sources if source.head is not None}
    reads = [(rule.logsource, frozenset(fields_of(rule))) for rule in ruleset.detections]
    known = _KNOWN.union(*(names for _, names in reads))
    for rule in ruleset.correlations:
        for name in rule.names:
            for base in rule.rules:
                field = rule.aliases[name].get(base, name) if name in rule.aliases else name
                for below in _below(base, field, detections, correlations):
                    complaint = _complaint(field, below, reads, known)
                    if complaint is not None:
                        what, mend = complaint
                        line = _line(sources[rule.head.id], rule, name)
                        what = f"no event of '{below.head.label}' has the field '{field}'{what}: it never correlates"
                        yield Problem(rule.head.path, line, "warning", what, mend)


def _below(
    base: str, field: str, detections: Mapping[str, DetectionRule], correlations: Mapping[str, CorrelationRule]
) -> Sequence[DetectionRule]:
    """The detections whose events have to have the field: an inner correlation brings its own keys along."""
    if base in detections:
        return [detections[base]]
    inner = correlations.get(base)
    if inner is None or field in inner.group_by:
        return []
    return [rule for one in inner.rules for rule in _below(one, field, detections, correlations)]


def _complaint(
    field: str, rule: DetectionRule, reads: Iterable[tuple[LogSource, frozenset[str]]], known: frozenset[str]
) -> tuple[str, str] | None:
    logsource = rule.logsource
    if field in _PLAIN or field in other_names(logsource) or field in alternatives(logsource):
        return None
    read = frozenset().union(*(names for other, names in reads if _meet(logsource, other)))
    if field in read:
        return None
    if "." in field:
        root = field.partition(".")[0]
        if root not in _ROOTS and not any(name.startswith(f"{root}.") for name in read):
            return ", nor has ECS", _mend(field, (name for name in known if "." in name))
    elif _closed(logsource):
        schema = carried(logsource)
        if schema is None or field not in schema:
            return "", _mend(field, {*(schema or ()), *other_names(logsource), *read})
    if field in known:
        return None
    near = _near(field, known)
    return None if near is None else (", which nobody knows", f"did you mean '{near}'?")


def _closed(logsource: LogSource) -> bool:
    """Whether a name without a dot is one of the log source's table, or none that its events have."""
    if logsource.product == "windows":
        return carried(logsource) is not None
    return logsource.category == TAXONOMY.ot.category or bool(alternatives(logsource))


def _meet(one: LogSource, other: LogSource) -> bool:
    """Whether an event may be of both."""
    pairs = ((one.product, other.product), (one.category, other.category), (one.service, other.service))
    return all(a is None or b is None or a == b for a, b in pairs)


def _mend(field: str, known: Iterable[str]) -> str:
    near = _near(field, known, 0.75)
    return "name a field that its events have" if near is None else f"did you mean '{near}'?"


def _near(field: str, known: Iterable[str], cutoff: float = _CLOSE) -> str | None:
    names = sorted(known)
    folded = field.casefold()
    same = next((name for name in names if name.casefold() == folded), None)
    return same or next(iter(get_close_matches(field, names, 1, cutoff)), None)


def _line(source: Source, rule: CorrelationRule, name: str) -> int:
    section = source.document["correlation"]
    if name in rule.group_by:
        return int(section.at("group-by"))
    condition = section.get("condition")
    if name in rule.fields and isinstance(condition, Map) and "field" in condition:
        return int(condition.at("field"))
    return line_of(section)
