"""A Sigma detection as a tree: what pySigma understood, as typed values that nothing of pySigma's hangs on.

Every kind of node has a tag of its own, so that a tree can be kept as data; as values that never change they hold no
cycle, and the garbage collector need not walk through the 200,000 of a large rule set (``gc=False``).
"""

from abc import ABC
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    Network: TypeAlias = IPv4Network | IPv6Network
else:

    class Network(ABC):  # noqa: B024 - nothing of its own
        """Both kinds under one name: msgspec reads no union of types that are not its own."""

    Network.register(IPv4Network)
    Network.register(IPv6Network)


class Any_(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="*"):  # noqa: N801 - `Any` is typing's
    """``*`` in a pattern."""


class One(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="?"):
    """``?`` in a pattern."""


class Text(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="text"):
    """A string with wildcards: literals and the markers ``ANY`` and ``ONE`` in order; empty for the empty string.

    Compared without regard to case (``str.casefold`` on both sides) unless ``cased``; numbers and booleans by string
    form.
    """

    parts: tuple[str | Any_ | One, ...]
    cased: bool = False


class Regex(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="regex"):
    """An unanchored search; ``flags`` of "i", "m", "s"."""

    pattern: str
    flags: str = ""


class Cidr(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="cidr"):
    network: Network


class Compare(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="compare"):
    """A numeric comparison; text that is a number counts as one, anything else is false."""

    op: Literal["lt", "lte", "gt", "gte", "neq"]
    number: float | int


class FieldRef(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="fieldref"):
    """The value of another field of the same event."""

    field: str
    how: Literal["equals", "contains", "startswith", "endswith"] = "equals"
    cased: bool = False


class Exists(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="exists"):
    """The field is there, be its value null."""

    wanted: bool


class Null(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="null"):
    """The field is there, with the value null: an absent field is not null."""


class TimePart(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="timepart"):
    """A part of a timestamp in the rule's zone, as a number."""

    part: Literal["minute", "hour", "day", "week", "month", "year"]
    op: Literal["eq", "lt", "lte", "gt", "gte", "neq"]
    number: int


Predicate: TypeAlias = Text | Regex | Cidr | Compare | FieldRef | Exists | Null | TimePart


class Test(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="test"):
    """One predicate on one field; ``field`` None: a keyword, searched in every value and the original record.

    On a list of values the test holds when it holds for one of them.
    """

    field: str | None
    predicate: Predicate


class And(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="and"):
    parts: tuple["Node", ...]


class Or(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="or"):
    parts: tuple["Node", ...]


class Not(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="not"):
    part: "Node"


class Identifier(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="identifier"):
    """A named search of the rule's ``detection``, where the condition refers to it."""

    name: str
    node: "Node"


Node: TypeAlias = Test | And | Or | Not | Identifier

ANY = Any_()
ONE = One()
