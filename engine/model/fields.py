"""The table of field names, ``fields.toml``: what Sigma's rules call a thing, and what ECS does."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import msgspec

from engine.model.logsource import LogSource
from engine.model.taxonomy import Parts, belongs, fits


class Words(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A field whose values are other words: what the rule writes, and what stands for it."""

    field: str
    values: dict[str, list[str]]


class Map(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    when: Parts = msgspec.field(name="if")
    fields: dict[str, list[str]] = {}
    words: dict[str, Words] = {}


class Composed(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What Sigma has in one field and ECS in several, each piece with what is written before it."""

    when: Parts = msgspec.field(name="if")
    name: str
    by: str
    pieces: list[tuple[str, str]]


class Names(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    map: list[Map]
    composed: list[Composed]
    carried: dict[str, list[str]]
    everywhere: dict[str, list[str]]
    numbers: list[str]


FILE: Final = files("engine.model").joinpath("fields.toml")
NAMES: Final = msgspec.convert(tomllib.loads(FILE.read_text("utf-8")), Names)
ECS_NAMES: Final = frozenset(name for one in NAMES.map for some in one.fields.values() for name in some)
"""What of ECS a name of Sigma's stands for, in whatever log source."""

_MOST: Final = 4096
_alternatives: dict[LogSource, dict[str, tuple[str, ...]]] = {}
_words: dict[LogSource, dict[str, Words]] = {}
_others: dict[LogSource, dict[str, tuple[str, ...]]] = {}
_plans: dict[LogSource, tuple[tuple[str, tuple[str, ...]], ...]] = {}


def alternatives(logsource: LogSource) -> Mapping[str, tuple[str, ...]]:
    """The names in ECS of Sigma's fields, for a rule or an event of this log source.

    >>> alternatives(LogSource(category="process_creation"))["Image"]
    ('process.executable',)
    """
    known = _alternatives.get(logsource)
    if known is None:
        known = {}
        for one in NAMES.map:
            if _fits(one.when, logsource):
                for name, others in one.fields.items():
                    known[name] = tuple(dict.fromkeys((*known.get(name, ()), *others)))
        if len(_alternatives) < _MOST:
            _alternatives[logsource] = known
    return known


def other_names(logsource: LogSource) -> Mapping[str, tuple[str, ...]]:
    """What a field may be called instead in an event of this log source: Sigma's names in ECS, and ECS names in Sigma.

    None for Windows, whose parser gives events both.

    >>> names = other_names(LogSource(category="firewall"))
    >>> names["src_ip"], names["source.ip"]
    (('source.ip',), ('src_ip',))
    """
    known = _others.get(logsource)
    if known is None:
        known = {}
        if logsource.product != "windows":
            for name, others in alternatives(logsource).items():
                known[name] = tuple(dict.fromkeys((*known.get(name, ()), *others)))
                for other in others:
                    known[other] = tuple(dict.fromkeys((*known.get(other, ()), name)))
        if len(_others) < _MOST:
            _others[logsource] = known
    return known


def words(logsource: LogSource) -> Mapping[str, Words]:
    """The fields whose values are other words in ECS.

    >>> words(LogSource(category="network_connection"))["Initiated"].values["true"][0]
    'egress'
    """
    known = _words.get(logsource)
    if known is None:
        known = {name: said for one in NAMES.map if _fits(one.when, logsource) for name, said in one.words.items()}
        if len(_words) < _MOST:
            _words[logsource] = known
    return known


def sigma_names(fields: Mapping[str, Any], logsource: LogSource) -> dict[str, Any]:
    """Sigma's names for what an ECS event says, those left out that it has.

    >>> event = {"process.executable": "/bin/sh", "user.domain": "CORP", "user.name": "ann"}
    >>> sigma_names(event, LogSource("windows", "process_creation"))
    {'Image': '/bin/sh', 'User': 'CORP\\\\ann'}
    """
    plan = _plans.get(logsource)
    if plan is None:
        composed = {one.name for one in NAMES.composed if _fits(one.when, logsource)}
        plan = tuple((name, some) for name, some in alternatives(logsource).items() if name not in composed)
        if len(_plans) < _MOST:
            _plans[logsource] = plan
    out: dict[str, Any] = {}
    for name, some in plan:
        if name not in fields:
            for other in some:
                if other in fields:
                    out[name] = fields[other]
                    break
    for name, said in words(logsource).items():
        value = fields.get(said.field)
        if name not in fields and isinstance(value, str):
            out.update((name, ours) for ours, theirs in said.values.items() if value in theirs)
    for one in NAMES.composed:
        if one.name not in fields and _fits(one.when, logsource):
            pieces = [before + fields[name] for before, name in one.pieces if isinstance(fields.get(name), str)]
            if pieces:
                out[one.name] = one.by.join(pieces)
    return out


def carried(logsource: LogSource) -> frozenset[str] | None:
    """Sigma's names of all that an event of this log source has; None where no schema closes it."""
    if logsource.category is None or logsource.product != "windows" or logsource.service not in (None, "sysmon"):
        return None
    categories = belongs("windows", logsource.category, logsource.service)[1]
    schemas = [NAMES.carried[one] for one in categories if one in NAMES.carried]
    if not schemas:
        return None
    return frozenset(NAMES.everywhere["windows"]).union(*schemas)


def _fits(parts: Parts, logsource: LogSource) -> bool:
    return fits(parts, belongs(logsource.product, logsource.category, logsource.service))
