"""A rule's condition as clauses that can be told from one field at a time: what all of them ask for, the rule asks for.

``Image|endswith: '\\cmd.exe'`` and ``not ParentImage: …`` are clauses of one field, an alternative of two fields is a
clause with two parts. What can't be told so (a filter over three fields, a keyword below a NOT, a reference to another
field) is left over, and evaluated for the events that pass the clauses.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from engine.detect.anchors import cover
from engine.detect.program import tests
from engine.ruleset.condition import And, FieldRef, Identifier, Node, Not, Or

ALTERNATIVES: Final = 2
"""Clauses over several fields that are told field by field; a rule's further ones are left over."""

COMMON: Final = 2_000.0  # of 10,000 events: a part that holds so often is not worth telling of every value …
_RARE: Final = 600.0  # … where the rule has a rarer one
_NEGATED: Final = 9_000.0
_UNCOVERED: Final = 9_500.0

Firm = Callable[[str], bool]


class Part(NamedTuple):
    """What is asked of one field: that ``node`` holds, or with ``negated`` that it does not."""

    node: Node
    negated: bool

    @property
    def cost(self) -> float:
        """A guess how many of 10,000 events it lets pass."""
        if self.negated:
            return _NEGATED
        found = cover(self.node)
        return _UNCOVERED if found is None else found.cost

    @property
    def whole(self) -> Node:
        return Not(self.node) if self.negated else self.node


class Clauses(NamedTuple):
    """``required``: each field's part must hold. ``alternatives``: of each, the part of one field must hold.

    ``keywords`` must hold of the whole event. ``rest`` must hold too; None where the clauses say all.
    """

    required: dict[str, Part]
    alternatives: list[dict[str, Part]]
    keywords: Node | None
    rest: Node | None


class _Alternative(NamedTuple):
    fields: dict[str, Part]
    exact: bool
    source: Part

    @property
    def cost(self) -> float:
        return sum(part.cost for part in self.fields.values())


def clauses(condition: Node, firm: Firm) -> list[Clauses]:
    """Of which one must hold; most conditions are one. ``firm``: whether a field is of the record, not of the event."""
    return _clauses(list(_conjuncts(Part(condition, False))), firm)


def _clauses(parts: list[Part], firm: Firm) -> list[Clauses]:
    required: dict[str, list[Part]] = {}
    several: list[_Alternative] = []
    keywords: list[Node] = []
    rest: list[Part] = []
    for at, part in enumerate(parts):
        names = fields(part.node, firm)
        if names == {None} and not part.negated:
            keywords.append(part.node)
        elif names is not None and None in names and (split := _keyword_or_field(part, firm)) is not None:
            others = [*parts[:at], *parts[at + 1 :]]
            return [one for branch in split for one in _clauses([branch, *others], firm)]
        elif names is None or None in names:
            rest.append(part)
        elif len(names) == 1:
            required.setdefault(_only(names), []).append(part)
        else:
            found = _alternative(part, firm)
            if found is None:
                rest.append(part)
            else:
                several.append(found)
    several.sort(key=lambda one: one.cost)
    chosen = several[:ALTERNATIVES]
    rest.extend(one.source for one in several if not one.exact or one not in chosen)
    return [
        Clauses(
            _worthwhile({name: _all(parts) for name, parts in required.items()}, chosen, rest),
            [one.fields for one in chosen],
            None if not keywords else _all([Part(node, False) for node in keywords]).node,
            None if not rest else _all(rest).whole,
        )
    ]


def _keyword_or_field(part: Part, firm: Firm) -> tuple[Part, Part] | None:
    """The part's branches in two: those that are keywords alone, and the others."""
    keywords: list[Part] = []
    others: list[Part] = []
    for branch in _disjuncts(part):
        (keywords if fields(branch.node, firm) == {None} and not branch.negated else others).append(branch)
    return (_any(keywords), _any(others)) if keywords and others else None


def _worthwhile(required: dict[str, Part], chosen: Sequence[_Alternative], rest: list[Part]) -> dict[str, Part]:
    costs = {name: part.cost for name, part in required.items()}
    if min([*costs.values(), *(one.cost for one in chosen)], default=_UNCOVERED) > _RARE:
        return required
    for name, part in list(required.items()):
        if not part.negated and costs[name] >= COMMON and len(tests(part.node)) > 1:
            rest.append(required.pop(name))
    return required


def _conjuncts(part: Part) -> Iterable[Part]:
    """What must hold, all of it, for the part to hold."""
    match part.node:
        case Identifier(_, node):
            yield from _conjuncts(Part(node, part.negated))
        case Not(node):
            yield from _conjuncts(Part(node, not part.negated))
        case And(parts) if not part.negated:
            for node in parts:
                yield from _conjuncts(Part(node, False))
        case Or(parts) if part.negated:
            for node in parts:
                yield from _conjuncts(Part(node, True))
        case Or((node,)) | And((node,)):
            yield from _conjuncts(Part(node, part.negated))
        case _:
            yield part


def _disjuncts(part: Part) -> Iterable[Part]:
    """Of which one must hold for the part to hold."""
    for one in _conjuncts(Part(part.node, not part.negated)):
        yield Part(one.node, not one.negated)


def _alternative(part: Part, firm: Firm) -> _Alternative | None:
    """What must hold of one of several fields for the part to hold: each branch's own field, or the rarest thing that
    the branch asks of few."""
    names = fields(part.node, firm)
    if names is None or names == {None}:
        return None
    if len(names) == 1:
        return _Alternative({_only(names): part}, True, part)
    required = list(_conjuncts(part))
    if len(required) > 1:
        found = [one for one in (_alternative(one, firm) for one in required) if one is not None]
        return min(found, key=lambda one: one.cost)._replace(exact=False, source=part) if found else None
    branches = [_alternative(one, firm) for one in _disjuncts(part)]
    if len(branches) == 1:
        return None
    by_field: dict[str, list[Part]] = {}
    for branch in branches:
        if branch is None:
            return None
        for name, one in branch.fields.items():
            by_field.setdefault(name, []).append(one)
    exact = all(branch is not None and branch.exact for branch in branches)
    return _Alternative({name: _any(parts) for name, parts in by_field.items()}, exact, part)


def fields(node: Node, firm: Firm) -> set[str | None] | None:
    """The fields that the node looks at, None standing for keywords; no set where it can't be told by field."""
    found: set[str | None] = set()
    for test in tests(node):
        if isinstance(test.predicate, FieldRef) or (test.field is not None and not firm(test.field)):
            return None
        found.add(test.field)
    return found


def _only(names: set[str | None]) -> str:
    (name,) = names
    assert name is not None
    return name


def _all(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    if all(part.negated for part in parts):
        return Part(Or(tuple(part.node for part in parts)), True)
    return Part(And(tuple(part.whole for part in parts)), False)


def _any(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    if any(part.negated for part in parts):
        return Part(And(tuple(Part(part.node, not part.negated).whole for part in parts)), True)
    return Part(Or(tuple(part.node for part in parts)), False)
