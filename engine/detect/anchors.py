"""Which few tests of a rule decide whether it is worth evaluating: one of them holds whenever the rule does."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from engine.detect.wildcards import anywhere, literals, pieces
from engine.ruleset.condition import (
    And,
    Any_,
    Cidr,
    Compare,
    Exists,
    FieldRef,
    Identifier,
    Node,
    Not,
    Null,
    One,
    Or,
    Predicate,
    Regex,
    Test,
    Text,
    TimePart,
)


class Cover(msgspec.Struct, frozen=True):
    """If the rule holds, one of ``tests`` does. ``cost`` guesses how often in 10,000 events one does all the same."""

    cost: float
    tests: tuple[Test, ...]


_FEW_VALUES: Final = frozenset(
    (
        "EventID", "event.code", "Channel", "winlog.channel", "Provider_Name", "event.provider", "EventType",
        "LogonType", "AuthenticationPackageName", "Initiated", "Protocol", "Level", "Keywords", "Version", "Type",
        "type", "action", "status", "Status", "SubStatus", "Signed", "IntegrityLevel", "Opcode", "Task", "event.kind",
        "event.category", "event.type", "event.outcome", "event.action", "event.module", "event.dataset",
        "network.transport", "network.protocol", "ot.protocol", "ot.operation", "ot.function_code", "ot.function",
        "ot.address_space", "ot.mode", "ot.unit_id", "tieline.source.zone", "tieline.destination.zone",
        "tieline.host.zone", "tieline.source.role", "tieline.destination.role",
    )
)  # fmt: skip
"""Fields with so few values that each is common."""

_COMMON: Final = (
    "windows\\system32", "system32\\", "\\windows\\", "program files", "\\users\\", "appdata", "microsoft",
    "software\\", "currentversion", "powershell", "cmd.exe", "svchost", "explorer.exe", "services.exe", "rundll32",
    "/usr/bin/", "/bin/bash", "/bin/sh", "http://", "https://", "hklm\\", "nt authority", "\\temp\\", "c:\\",
    "ntdll.dll",
)  # fmt: skip
"""Literals that ordinary events are full of: a bad anchor, however long."""


def cover(node: Node) -> Cover | None:
    """The cheapest branch of an AND, all branches of an OR, nothing below a NOT; None where nothing need hold."""
    match node:
        case Test():
            cost = _cost(node)
            return None if cost is None else Cover(cost, (node,))
        case And(parts):
            covers = [one for one in map(cover, parts) if one is not None]
            return min(covers, key=_expense, default=None)
        case Or(parts):
            branches = [cover(part) for part in parts]
            return _union([one for one in branches if one is not None]) if None not in branches else None
        case Not():
            return None
        case Identifier(_, part):
            return cover(part)


def _expense(one: Cover) -> float:
    return one.cost


def _union(covers: list[Cover]) -> Cover:
    return Cover(sum(one.cost for one in covers), tuple(test for one in covers for test in one.tests))


def _cost(test: Test) -> float | None:
    few = 3_000.0 if test.field in _FEW_VALUES else 0.0
    match test.predicate:
        case Text() as text:
            return few + _text_cost(text) if test.field is not None else 1.5 * _text_cost(anywhere(text))
        case Regex() as regex:
            needed = required(regex)
            return 5_000.0 if not needed else sum(_literal_cost(one) for one in needed) + 20.0
        case Cidr():
            return 1_000.0
        case Compare():
            return 3_000.0
        case Exists(wanted):
            return 8_000.0 if wanted else 9_000.0
        case Null():
            return 9_500.0
        case FieldRef() | TimePart():
            return None


def _text_cost(text: Text) -> float:
    if any(isinstance(piece, Any_) for piece in pieces(text)):
        return min(map(_literal_cost, literals(text)), default=9_000.0)
    whole = "".join("?" if isinstance(piece, One) else str(piece) for piece in pieces(text))
    return 400.0 if len(whole) < 6 else 40.0


@lru_cache(65_536)
def _literal_cost(literal: str) -> float:
    if any(common in literal and len(literal) < len(common) + 3 for common in _COMMON) or literal in (
        ".exe",
        ".dll",
        ".com",
    ):
        return 2_000.0
    size = len(literal)
    return 6_000.0 if size < 2 else 2_500.0 if size < 4 else 250.0 if size < 6 else 60.0 if size < 9 else 10.0


def needles(predicate: Predicate) -> tuple[str, ...]:
    """Case-folded literals one of which a value must contain; empty where none is known."""
    match predicate:
        case Text() as text:
            longest = max(literals(text), key=len, default="")
            return (longest,) if longest else ()
        case Regex() as regex:
            return required(regex)
        case _:
            return ()


def required(regex: Regex) -> tuple[str, ...]:
    """
    >>> required(Regex(r"(?:cmd|power[s]hell)\\.exe\\s+/c evil"))
    ('/c evil',)
    >>> required(Regex("(?:mimikatz|procdump)[0-9]"))
    ('mimikatz', 'procdump')
    """
    if "[:" in regex.pattern:  # POSIX classes: RE2 reads them as such, Python's parser as a set and a literal "]"
        return ()
    try:
        tree = re._parser.parse(regex.pattern, re.IGNORECASE if "i" in regex.flags else 0)  # type: ignore[attr-defined]
    except (re.error, RecursionError, OverflowError):
        return ()
    return min(_sequences(tree), key=lambda one: sum(map(_literal_cost, one)), default=())


def _sequences(tree: object) -> list[tuple[str, ...]]:
    """Every set of literals of which one must occur."""
    found: list[tuple[str, ...]] = []
    run = ""
    for operation, argument in tree:  # type: ignore[attr-defined]
        name = str(operation)
        if name == "LITERAL" and argument < 128:
            run += chr(argument).casefold()
            continue
        if run:
            found.append((run,))
            run = ""
        if name == "SUBPATTERN":
            found.extend(_sequences(argument[3]))
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and argument[0] > 0:
            found.extend(_sequences(argument[2]))
        elif name == "ATOMIC_GROUP":
            found.extend(_sequences(argument))
        elif name == "BRANCH":
            branches = [
                min(_sequences(one), key=lambda s: sum(map(_literal_cost, s)), default=()) for one in argument[1]
            ]
            if all(branches) and sum(map(len, branches)) <= 64:
                found.append(tuple(literal for branch in branches for literal in branch))
    if run:
        found.append((run,))
    return found
