"""Conditions over names: ``a and not (b or c)``, of searches in a detection and of rules in a correlation."""

from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import pyparsing as pp

from engine.ruleset.problem import Refused

MAX_LENGTH = 16_384
MAX_DEPTH = 50  # of parentheses and chained "not"
MAX_WORDS = 2_000


class Name(msgspec.Struct, frozen=True):
    """A search identifier, or (in a correlation) a rule; ``column`` from 1."""

    name: str
    column: int


class Some(msgspec.Struct, frozen=True):
    """``1 of sel*`` (every False) or ``all of them`` (every True)."""

    pattern: str
    every: bool
    column: int


class All(msgspec.Struct, frozen=True):
    parts: tuple["Formula", ...]


class Either(msgspec.Struct, frozen=True):
    parts: tuple["Formula", ...]


class Negated(msgspec.Struct, frozen=True):
    part: "Formula"


Formula: TypeAlias = Name | Some | All | Either | Negated

_AND, _OR, _NOT = (pp.Keyword(word, ident_chars=pp.alphanums + "_-*") for word in ("and", "or", "not"))
_RESERVED = _AND | _OR | _NOT


def _grammar(operand: pp.ParserElement) -> pp.ParserElement:
    """One precedence for both languages: or < and < not < ()."""
    levels: list[Any] = [
        (_NOT, 1, pp.OpAssoc.RIGHT, lambda tokens: Negated(tokens[0][-1])),
        (_AND, 2, pp.OpAssoc.LEFT, lambda tokens: All(tuple(tokens[0][0::2]))),
        (_OR, 2, pp.OpAssoc.LEFT, lambda tokens: Either(tuple(tokens[0][0::2]))),
    ]
    grammar: pp.ParserElement = pp.infix_notation(operand, levels)  # type: ignore[no-untyped-call]
    return grammar


def _name(chars: str, first: str) -> pp.ParserElement:
    def build(text: str, at: int, tokens: pp.ParseResults) -> Name:
        return Name(tokens[0], at + 1)

    return (~_RESERVED + pp.Word(first, chars)).set_parse_action(build)


def _some() -> pp.ParserElement:
    def build(text: str, at: int, tokens: pp.ParseResults) -> Some:
        return Some(tokens[2], tokens[0] == "all", at + 1)

    quantifier = pp.Keyword("1") | pp.Keyword("any") | pp.Keyword("all")
    return (quantifier + pp.Keyword("of") + pp.Word(pp.alphanums + "*_-")).set_parse_action(build)


_SEARCHES = _grammar(_some() | _name(pp.alphanums + "_-", pp.alphanums + "_-"))
_RULES = _grammar(_name(pp.alphanums + "_", pp.alphas + "_"))


def of_searches(text: str) -> Formula:
    """The condition of a detection.

    >>> of_searches("sel and not 1 of filter_*")
    All(parts=(Name(name='sel', column=1), Negated(part=Some(pattern='filter_*', every=False, column=13))))
    """
    if "|" in text:
        raise Refused(
            f"the condition pipes into an aggregation (column {text.index('|') + 1}), which Sigma has given up",
            "keep what stands before '|' and write a correlation rule that counts it",
        )
    return _parse(_SEARCHES, text)


def of_rules(text: str) -> Formula:
    """The condition of a temporal correlation: names of rules, no patterns."""
    return _parse(_RULES, text)


def _parse(grammar: pp.ParserElement, text: str) -> Formula:
    _bounded(text)
    try:
        return _parsed(grammar, text)
    except pp.ParseBaseException as bad:
        raise _pointed(text, bad.loc) from None
    except RecursionError:  # called from deep inside something else
        raise Refused("the condition is nested too deep", "split the rule") from None


@lru_cache(maxsize=4096)
def _parsed(grammar: pp.ParserElement, text: str) -> Formula:
    tree: Formula = grammar.parse_string(text, parse_all=True)[0]
    return tree


def _bounded(text: str) -> None:
    """Before the grammar, which recurses, sees the text."""
    if not text.strip():
        raise Refused("the condition is empty", "name at least one search")
    if len(text) > MAX_LENGTH:
        raise Refused(f"the condition has {len(text)} characters, more than {MAX_LENGTH}", "use '1 of pattern*'")
    words = text.replace("(", " ( ").replace(")", " ) ").split()
    if len(words) > MAX_WORDS:
        raise Refused(f"the condition has {len(words)} words, more than {MAX_WORDS}", "use '1 of pattern*'")
    depth = nots = 0
    opened: list[int] = []
    for word in words:
        if word == "not":
            nots += 1
        elif word == "(":
            opened.append(nots + 1)
            depth += nots + 1
            nots = 0
        else:
            if word == ")" and opened:
                depth -= opened.pop()
            nots = 0
        if depth + nots > MAX_DEPTH:
            raise Refused(f"the condition is nested deeper than {MAX_DEPTH} levels", "split the rule")


def _pointed(text: str, at: int) -> Refused:
    """pyparsing stops behind the last whole operand; the fault is at or behind that place."""
    at = min(at + len(text[at:]) - len(text[at:].lstrip()), len(text))
    rest = text[at:].split()
    word = rest[0][:40] if rest else ""
    mend = "combine names with 'and', 'or', 'not' and parentheses"
    if text.count("(") != text.count(")"):
        mend = f"there are {text.count('(')} '(' but {text.count(')')} ')'"
    if not rest:
        return Refused(f"the condition '{_short(text)}' ends too early (column {at + 1})", mend)
    if word.lower() in ("and", "or", "not", "of") and word != word.lower():
        mend = f"write '{word.lower()}' in lower case"
    elif word in ("and", "or", "not"):
        mend = f"'{word}' needs a name behind it"
    return Refused(f"the condition '{_short(text)}' is not understood at column {at + 1}: '{word}'", mend)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"
