"""A site's own format, as its YAML file says it: patterns with typed places, and what they mean in ECS."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.model.logsource import LogSource

TYPES: Final[Mapping[str, str]] = {
    "ip": "ip", "port": "long", "int": "long", "hex": "long", "bool": "boolean", "float": "float", "time": "date",
    "mac": "keyword", "word": "keyword", "text": "keyword", "rest": "keyword", "quoted": "keyword", "host": "keyword",
    "user": "keyword",
}  # fmt: skip
"""The types of places, and the types of ECS that each can give."""


class Lookup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"place": "from"}):
    """What the words of a place mean. A word that is not there is ``default``, or leaves the field out."""

    place: str
    map: dict[str, Any]
    default: Any = None


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which records are written. ``expression`` is RE2's; ``places`` give each group's type and argument."""

    expression: str
    places: dict[str, tuple[str, str]] = {}
    fields: dict[str, Any] = {}


class SiteFormat(msgspec.Struct, frozen=True, kw_only=True):
    """``fields`` hold for every pattern; values are constants, ``{place}`` in text, or a Lookup."""

    id: str
    vendor: str
    product: str
    spec: str = ""
    logsource: LogSource = LogSource()
    inside: str | None = None
    programs: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    starts_record: str | None = None
    patterns: tuple[Pattern, ...] = ()
    fields: dict[str, Any] = {}
