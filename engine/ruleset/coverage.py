"""What rules look at and what they claim to see: fields, log sources, techniques of ATT&CK."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from engine.model import LogSource, RuleHead
from engine.model.fields import carried
from engine.ruleset.attack import TACTICS
from engine.ruleset.condition import And, Exists, FieldRef, Identifier, Node, Not, Or, Test
from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.detection import DetectionRule
from engine.ruleset.ruleset import Ruleset

Rule = DetectionRule | CorrelationRule

_TECHNIQUE = re.compile(r"attack(?:-ics)?\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)


class Coverage(msgspec.Struct):
    """Each with the labels of the rules behind it, in the order of the rule set.

    ``uncarried``: by label, the fields that no event of the rule's log source has. ``silent``: the labels of the rules
    that therefore never hold.
    """

    fields: dict[str, list[str]] = {}
    logsources: dict[LogSource, list[str]] = {}
    techniques: dict[str, list[str]] = {}
    tactics: dict[str, list[str]] = {}
    uncarried: dict[str, tuple[str, ...]] = {}
    silent: list[str] = []


def tests_of(node: Node) -> Iterator[Test]:
    """Every test of a tree, below a ``not`` too."""
    if isinstance(node, Test):
        yield node
    elif isinstance(node, Identifier):
        yield from tests_of(node.node)
    elif isinstance(node, Not):
        yield from tests_of(node.part)
    else:
        for part in node.parts:
            yield from tests_of(part)


def fields_of(rule: Rule) -> tuple[str, ...]:
    """The fields that a rule reads from events, each once."""
    found: dict[str, None] = {}
    if isinstance(rule, DetectionRule):
        for test in tests_of(rule.condition):
            if test.field is not None:
                found[test.field] = None
            if isinstance(test.predicate, FieldRef):
                found[test.predicate.field] = None
    else:
        for name in rule.names:
            for field in rule.aliases[name].values() if name in rule.aliases else (name,):
                found[field] = None
    return tuple(found)


def techniques_of(head: RuleHead) -> tuple[str, ...]:
    """
    >>> techniques_of(RuleHead("1", "t", tags=("attack.t0855", "attack.impact", "attack.t1110.003")))
    ('T0855', 'T1110.003')
    """
    return tuple(dict.fromkeys(found[1].upper() for tag in head.tags if (found := _TECHNIQUE.fullmatch(tag))))


def tactics_of(head: RuleHead) -> tuple[str, ...]:
    """
    >>> tactics_of(RuleHead("1", "t", tags=("attack.impair_process_control", "attack.t0855")))
    ('impair-process-control',)
    """
    names = (tag.partition(".")[2].lower().replace("_", "-") for tag in head.tags if tag.startswith("attack"))
    return tuple(dict.fromkeys(name for name in names if name in TACTICS))


def uncarried(rule: DetectionRule) -> tuple[str, ...]:
    """The fields that no event of the rule's log source has, by the schemas of the table; ECS names apart."""
    known = carried(rule.logsource)
    if known is None:
        return ()
    return tuple(name for name in fields_of(rule) if name[:1].isupper() and "." not in name and name not in known)


def _can(node: Node, missing: frozenset[str]) -> tuple[bool, bool]:
    """Whether it can hold, and whether it can fail, in an event without these fields."""
    match node:
        case Test(field, predicate):
            other = predicate.field if isinstance(predicate, FieldRef) else None
            if field not in missing and other not in missing:
                return True, True
            return (not predicate.wanted, predicate.wanted) if isinstance(predicate, Exists) else (False, True)
        case Not(part):
            holds, fails = _can(part, missing)
            return fails, holds
        case Identifier(_, part):
            return _can(part, missing)
        case And(parts):
            both = [_can(part, missing) for part in parts]
            return all(holds for holds, _ in both), any(fails for _, fails in both)
        case Or(parts):
            both = [_can(part, missing) for part in parts]
            return any(holds for holds, _ in both), all(fails for _, fails in both)


def coverage(ruleset: Ruleset) -> Coverage:
    out = Coverage()
    rules: Iterable[Rule] = (*ruleset.detections, *ruleset.correlations)
    for rule in rules:
        label = rule.head.label
        for field in fields_of(rule):
            out.fields.setdefault(field, []).append(label)
        for technique in techniques_of(rule.head):
            out.techniques.setdefault(technique, []).append(label)
        for tactic in tactics_of(rule.head):
            out.tactics.setdefault(tactic, []).append(label)
        if isinstance(rule, DetectionRule):
            out.logsources.setdefault(rule.logsource, []).append(label)
            missing = uncarried(rule)
            if missing:
                out.uncarried[label] = missing
                if not _can(rule.condition, frozenset(missing))[0]:
                    out.silent.append(label)
    return out
