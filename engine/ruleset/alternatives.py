"""Rules with Sigma's field names on events with ECS names.

A field is the event's field of that name where the event has it (with the value null, too), else the first of its names
in ECS that the event has. ``Image|endswith: /sh`` becomes ``Image ends so, or there is no Image and process.executable
ends so``: decided once as a rule is loaded, so that events need no second set of names. Windows events are the
exception, by number: their parser gives them Sigma's names, and their rules stay as they are.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from engine.model.fields import Words, alternatives, words
from engine.ruleset.condition import And, Exists, FieldRef, Identifier, Node, Not, Or, Test, Text
from engine.ruleset.detection import DetectionRule

_NAMED: Final = ("windows",)
"""Products whose events have Sigma's names by the parser."""


def resolved(rule: DetectionRule) -> DetectionRule:
    """The rule with the alternatives of its fields written out; itself where it has none."""
    logsource = rule.logsource
    if logsource.product in _NAMED:
        return rule
    names, others = alternatives(logsource), words(logsource)
    if not names and not others:
        return rule
    condition = _node(rule.condition, names, others)
    return rule if condition is rule.condition else msgspec.structs.replace(rule, condition=condition)


def _node(node: Node, names: Mapping[str, tuple[str, ...]], others: Mapping[str, Words]) -> Node:
    """The same object where nothing in it has another name."""
    match node:
        case Test():
            return _test(node, names, others)
        case Not(part):
            changed = _node(part, names, others)
            return node if changed is part else Not(changed)
        case Identifier(name, part):
            changed = _node(part, names, others)
            return node if changed is part else Identifier(name, changed)
        case And(parts) | Or(parts):
            every = tuple([_node(part, names, others) for part in parts])
            return node if all(map(lambda a, b: a is b, every, parts)) else type(node)(every)


def _test(test: Test, names: Mapping[str, tuple[str, ...]], others: Mapping[str, Words]) -> Node:
    field, predicate = test.field, test.predicate
    if field is None:
        return test
    if field in others and not isinstance(predicate, Exists):
        return _in_other_words(test, others[field])
    if isinstance(predicate, Exists):
        some = tuple(Test(name, predicate) for name in (field, *names.get(field, ())))
        return test if len(some) == 1 else Or(some) if predicate.wanted else And(some)
    if isinstance(predicate, FieldRef):
        if field not in names and predicate.field not in names:
            return test
        return _first(
            field,
            names.get(field, ()),
            lambda left: _first(
                predicate.field,
                names.get(predicate.field, ()),
                lambda right: Test(left, msgspec.structs.replace(predicate, field=right)),
            ),
        )
    return _first(field, names[field], lambda name: Test(name, predicate)) if field in names else test


def _first(field: str, more: tuple[str, ...], test: Callable[[str], Node]) -> Node:
    """``test`` of the first of the fields that is there."""
    options: list[Node] = []
    absent: tuple[Node, ...] = ()
    for name in (field, *more):
        options.append(And((test(name), *absent)) if absent else test(name))
        absent = (*absent, Test(name, Exists(False)))
    return options[0] if len(options) == 1 else Or(tuple(options))


def _in_other_words(test: Test, said: Words) -> Node:
    """A whole value that has other words there; a pattern has none, and is the field's own affair."""
    assert test.field is not None
    match test.predicate:
        case Text((str() as value,)) if value.lower() in said.values:
            there = tuple(Test(said.field, Text((word,))) for word in said.values[value.lower()])
            absent = Test(test.field, Exists(False))
            return Or((test, *(And((one, absent)) for one in there)))
        case _:
            return test
