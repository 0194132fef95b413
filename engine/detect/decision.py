"""What a rule's clauses leave open: settled by the columns' answers as far as they tell, the rest by the event."""

from collections.abc import Callable
from datetime import tzinfo
from typing import TypeAlias

from engine.detect.clauses import COMMON, Firm, Part, fields
from engine.detect.program import Program, any_program, compiled, every_program, negation
from engine.ruleset.condition import And, Identifier, Node, Not, Or

Settle: TypeAlias = Callable[[int], bool | Program]
"""From what the columns say together: whether the node holds, or what is still to be asked of the event."""

AskBit: TypeAlias = Callable[[str, Node], int]
"""The bit of the columns' answer that says whether a node of one field holds."""


def decision(node: Node, ask: AskBit, firm: Firm, columns: dict[str | None, int], zone: tzinfo | None) -> Settle:
    names = fields(node, firm)
    if names is not None and len(names) == 1 and None not in names and Part(node, False).cost < COMMON:
        (name,) = names
        bit = ask(str(name), node)
        return lambda told: bool(told & bit)
    match node:
        case Identifier(_, part):
            return decision(part, ask, firm, columns, zone)
        case Not(part):
            return _not(decision(part, ask, firm, columns, zone))
        case And(parts) if len(parts) > 1:
            return _each([decision(part, ask, firm, columns, zone) for part in parts], True)
        case Or(parts) if len(parts) > 1:
            return _each([decision(part, ask, firm, columns, zone) for part in parts], False)
        case _:
            program = compiled(node, columns, zone)
            return lambda _: program


def _not(inner: Settle) -> Settle:
    def settle(told: int) -> bool | Program:
        settled = inner(told)
        return not settled if isinstance(settled, bool) else negation(settled)

    return settle


def _each(parts: list[Settle], neutral: bool) -> Settle:
    """All of the parts (``neutral`` is true: what holds can be left out), or one of them."""

    def settle(told: int) -> bool | Program:
        left: list[Program] = []
        for part in parts:
            settled = part(told)
            if not isinstance(settled, bool):
                left.append(settled)
            elif settled is not neutral:
                return settled
        return (every_program(left) if neutral else any_program(left)) if left else neutral

    return settle
