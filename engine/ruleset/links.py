"""``links`` below ``tieline``: which matches tell that a user, an address and a host belong together."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, get_args

import msgspec

from engine.ruleset.correlation import IDENTITY, Entity
from engine.ruleset.documents import Map, Seq
from engine.ruleset.problem import Refused
from engine.ruleset.spans import LONGEST, span

ENTITIES: tuple[Entity, ...] = get_args(Entity)
KEYS = ("rule", *ENTITIES, "for", "until")
MAX_LINKS = 8
MAX_ENDINGS = 8


class Reference(msgspec.Struct, frozen=True):
    """A rule by its name or id, and the line where it is named."""

    text: str
    line: int


class LinkDraft(msgspec.Struct, frozen=True):
    """As ``Link``, with the rules still as text."""

    rule: Reference
    ends: tuple[tuple[Entity, str], tuple[Entity, str]]
    for_ns: int
    until: tuple[Reference, ...]

    @property
    def rules(self) -> tuple[Reference, ...]:
        return (self.rule, *self.until)


def read(holder: Map) -> tuple[LinkDraft, ...]:
    """What stands under ``links`` in ``holder``."""
    value = holder["links"]
    items = value if isinstance(value, Seq) else [value]
    if not 1 <= len(items) <= MAX_LINKS:
        raise Refused(f"links: {len(items)} of them", f"write one, at most {MAX_LINKS}", holder.at("links"))
    return tuple(
        _link(item, value.at(index) if isinstance(value, Seq) else holder.at("links"))
        for index, item in enumerate(items)
    )


def refuse_unlinked(names: Iterable[str], linked: bool, line: int) -> None:
    """Names of ``tieline.identity`` mean something where there are links, and links where there are such names."""
    wanted = [name for name in names if name.startswith(IDENTITY)]
    for name in wanted:
        if name.removeprefix(IDENTITY) not in ENTITIES:
            known = ", ".join(IDENTITY + kind for kind in ENTITIES)
            raise Refused(f"'{name}' is none of the entities that links know", f"known are: {known}", line)
        if not linked:
            raise Refused(f"'{name}' without links", "say below tieline: links: which matches tell it", line)
    if linked and not wanted:
        what = "links: nothing asks for them"
        raise Refused(what, f"group by {IDENTITY}user, {IDENTITY}ip or {IDENTITY}host", line)


def _link(item: Any, line: int) -> LinkDraft:
    example = "write {rule: vpn_login, user: user.name, ip: client.ip, for: 12h}"
    if not isinstance(item, Map):
        raise Refused("links: no mapping", example, line)
    for key in item:
        if key not in KEYS:
            close = get_close_matches(key, KEYS, 1)
            mend = f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(KEYS)}"
            raise Refused(f"links: unknown key '{key}'", mend, item.at(key))
    ends: list[tuple[Entity, str]] = []
    for kind in ENTITIES:
        if kind in item:
            field = item[kind]
            if not isinstance(field, str) or not field:
                raise Refused(f"links: '{kind}' names no field", "write the name of a field or an alias", item.at(kind))
            ends.append((kind, field))
    if len(ends) != 2:
        raise Refused(f"links: a link has two ends, not {len(ends)}", f"{example}: two of user, ip and host", line)
    if "rule" not in item or "for" not in item:
        raise Refused("links: a link needs 'rule' and 'for'", example, line)
    for_ns = span(item["for"], "links: for", item.at("for"), LONGEST)
    if not for_ns:
        raise Refused("links: for no time at all", "write a time span, such as 12h", item.at("for"))
    return LinkDraft(_rule(item["rule"], item.at("rule")), (ends[0], ends[1]), for_ns, _endings(item))


def _endings(item: Map) -> tuple[Reference, ...]:
    if "until" not in item:
        return ()
    value = item["until"]
    given = value if isinstance(value, Seq) else [value]
    if not 1 <= len(given) <= MAX_ENDINGS:
        raise Refused(f"links: until: {len(given)} rules", f"name one, at most {MAX_ENDINGS}", item.at("until"))
    found = {}
    for index, each in enumerate(given):
        reference = _rule(each, value.at(index) if isinstance(value, Seq) else item.at("until"))
        found[reference.text] = reference
    return tuple(found.values())


def _rule(value: Any, line: int) -> Reference:
    if not isinstance(value, str) or not value:
        raise Refused(f"links: {str(value)[:60]!r} is no rule", "write the name or the id of a rule", line)
    return Reference(value, line)
