"""A Sigma detection as a tree: what pySigma understood, as typed values that nothing of pySigma's hangs on."""

from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

import msgspec


class Any_(msgspec.Struct, frozen=True):  # noqa: N801 - `Any` is typing's
    """``*`` in a pattern."""


class One(msgspec.Struct, frozen=True):
    """``?`` in a pattern."""


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A string with wildcards: literals and the markers ``ANY`` and ``ONE`` in order; empty for the empty string.

    Compared without regard to case (``str.casefold`` on both sides) unless ``cased``; numbers and booleans by string
    form.
    """

    parts: tuple[str | Any_ | One, ...]
    cased: bool = False


class Regex(msgspec.Struct, frozen=True, tag="regex"):
    """An unanchored search; ``flags`` of "i", "m", "s"."""

    pattern: str
    flags: str = ""


class Cidr(msgspec.Struct, frozen=True, tag="cidr"):
    network: IPv4Network | IPv6Network


class Compare(msgspec.Struct, frozen=True, tag="compare"):
    """A numeric comparison; text that is a number counts as one, anything else is false."""

    op: Literal["lt", "lte", "gt", "gte", "neq"]
    number: float | int


class FieldRef(msgspec.Struct, frozen=True, tag="fieldref"):
    """The value of another field of the same event."""

    field: str
    how: Literal["equals", "contains", "startswith", "endswith"] = "equals"
    cased: bool = False


class Exists(msgspec.Struct, frozen=True, tag="exists"):
    """The field is there, be its value null."""

    wanted: bool


class Null(msgspec.Struct, frozen=True, tag="null"):
    """The field is there, with the value null: an absent field is not null."""


class TimePart(msgspec.Struct, frozen=True, tag="timepart"):
    """A part of a timestamp in the rule's zone, as a number."""

    part: Literal["minute", "hour", "day", "week", "month", "year"]
    op: Literal["eq", "lt", "lte", "gt", "gte", "neq"]
    number: int


Predicate: TypeAlias = Text | Regex | Cidr | Compare | FieldRef | Exists | Null | TimePart


class Test(msgspec.Struct, frozen=True):
    """One predicate on one field; ``field`` None: a keyword, searched in every value and the original record.

    On a list of values the test holds when it holds for one of them.
    """

    field: str | None
    predicate: Predicate


class And(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]


class Or(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]


class Not(msgspec.Struct, frozen=True):
    part: "Node"


class Identifier(msgspec.Struct, frozen=True):
    """A named search of the rule's ``detection``, where the condition refers to it."""

    name: str
    node: "Node"


Node: TypeAlias = Test | And | Or | Not | Identifier

ANY = Any_()
ONE = One()
