"""Whether what a site's format writes is ECS: the field, its type, its allowed values, and the places it names."""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Any

from engine.model import ecs
from engine.model.site_format import TYPES, Lookup

Complain = Callable[[tuple[str | int, ...], str, str], None]
REFERENCE = re.compile(r"\{([A-Za-z_]\w{0,63})\}")


def check_fields(
    complain: Complain, fields: Mapping[str, Any], places: Mapping[str, tuple[str, str]], where: tuple[str | int, ...]
) -> None:
    """Complains of each field that ECS does not know so."""
    for name, said in fields.items():
        at = (*where, name)
        kind = ecs.TYPES.get(name)
        if kind is None and not ecs.is_own(name):
            near = get_close_matches(name, ecs.TYPES, 1)
            complain(at, f"{name} is no field of ECS", f"write {near[0]}" if near else "put it below tieline.")
            continue
        if isinstance(said, Lookup) and said.place not in places:
            complain(at, f"no place is called {said.place!r}", f"one of {', '.join(places) or 'none'}")
        for value in _values(said):
            for place in REFERENCE.findall(value) if isinstance(value, str) else ():
                if place not in places:
                    complain(at, f"no place is called {place!r}", f"one of {', '.join(places) or 'none'}")
            problem = None if kind is None else _problem(name, kind, value, places)
            if problem is not None:
                complain(at, *problem)
    _belong(complain, fields, where)


def _values(said: Any) -> Iterator[Any]:
    if isinstance(said, Lookup):
        for inner in (*said.map.values(), *(() if said.default is None else (said.default,))):
            yield from _values(inner)
    elif isinstance(said, list):
        for inner in said:
            yield from _values(inner)
    else:
        yield said


def _problem(name: str, kind: str, value: Any, places: Mapping[str, tuple[str, str]]) -> tuple[str, str] | None:
    whole = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if whole is not None:
        given = places.get(whole[1])
        if given is None or kind in (TYPES[given[0]], "keyword") or (kind == "float" and TYPES[given[0]] == "long"):
            return None
        fitting = " or ".join(one for one, gives in TYPES.items() if gives == kind)
        return f"{name} is of type {kind}, {{{whole[1]}}} of type {given[0]}", f"make the place a {fitting}"
    if isinstance(value, str) and REFERENCE.search(value) is not None:
        return None if kind == "keyword" else (f"{name} is of type {kind}, and no text", "name one place alone")
    if not _fits(kind, value):
        return f"{name} is of type {kind}, {value!r} is not", f"write a value of type {kind}"
    allowed = ecs.ALLOWED.get(name)
    if allowed is not None and value not in allowed:
        return f"{name} is never {value!r} in ECS", f"one of {', '.join(sorted(allowed))}"
    return None


def _fits(kind: str, value: Any) -> bool:
    if kind == "ip":
        try:
            ip_address(value)
        except ValueError:
            return False
        return isinstance(value, str)
    if kind in ("long", "float"):
        return isinstance(value, (int, float) if kind == "float" else int) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    return isinstance(value, str)


def _belong(complain: Complain, fields: Mapping[str, Any], where: tuple[str | int, ...]) -> None:
    """``event.type`` goes with ``event.category``."""
    categories = [one for one in _values(fields.get("event.category")) if isinstance(one, str)]
    if not categories or not all(one in ecs.TYPES_OF for one in categories):
        return
    expected = frozenset[str]().union(*(ecs.TYPES_OF.get(one, frozenset()) for one in categories))
    for one in _values(fields.get("event.type")):
        if isinstance(one, str) and one in ecs.ALLOWED["event.type"] and one not in expected:
            said = " and ".join(categories)
            complain((*where, "event.type"), f"{one!r} is no type of {said}", f"one of {', '.join(sorted(expected))}")
