"""Sigma detections evaluated in the most obvious way: from the YAML, test by test, nothing compiled, nothing remembered.

It shares no code with the engine but `engine.model`, so that where both agree, both have read the specification.
"""

import base64
import ipaddress
import itertools
import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from engine.model import Event
from engine.model.times import from_iso, from_number, rfc3339

ABSENT = object()


def matches(rule: dict[str, Any], event: Event) -> bool:
    detection = dict(rule["detection"])
    condition = detection.pop("condition")
    conditions = condition if isinstance(condition, list) else [condition]
    return any(_condition(one, detection, event) for one in conditions)


# --- conditions: or < and < not < of < ()


def _condition(text: str, detection: dict[str, Any], event: Event) -> bool:
    words = re.findall(r"\(|\)|[^\s()]+", text)

    def either() -> bool:
        found = both()
        while words and words[0].lower() == "or":
            words.pop(0)
            found = both() or found
        return found

    def both() -> bool:
        found = one()
        while words and words[0].lower() == "and":
            words.pop(0)
            found = one() and found
        return found

    def one() -> bool:
        word = words.pop(0)
        if word.lower() == "not":
            return not one()
        if word == "(":
            found = either()
            assert words.pop(0) == ")"
            return found
        if words and words[0].lower() == "of":
            words.pop(0)
            pattern = words.pop(0)
            names = [
                name
                for name in detection
                if (not name.startswith("_") if pattern == "them" else fnmatchcase(name, pattern))
            ]
            held = [_search(detection[name], event) for name in names]
            return all(held) if word.lower() == "all" else sum(held) >= (1 if word == "any" else int(word))
        return _search(detection[word], event)

    found = either()
    assert not words, words
    return found


# --- searches


def _search(search: Any, event: Event) -> bool:
    if isinstance(search, dict):
        return all(_item(key, value, event) for key, value in search.items())
    if isinstance(search, list):
        return any(_search(one, event) if isinstance(one, dict) else _keyword(one, [], event) for one in search)
    return _keyword(search, [], event)


def _item(key: str, wanted: Any, event: Event) -> bool:
    name, *modifiers = key.split("|")
    values = wanted if isinstance(wanted, list) else [wanted]
    every = "all" in modifiers
    negated = "neq" in modifiers
    modifiers = [one for one in modifiers if one not in ("all", "neq")]
    if not name:
        held = [_keyword(one, modifiers, event) for one in values]
    else:
        held = [_test(_lookup(event, name), one, modifiers, event) for one in values]
    result = all(held) if every else any(held)
    return not result if negated else result


def _lookup(event: Event, name: str) -> Any:
    if name in event.fields:
        return event.fields[name]
    if name == "@timestamp":
        return rfc3339(event.time)
    if name == "event.id":
        return event.id
    if name == "event.original":
        return event.original.decode("utf-8", "backslashreplace")
    return _path(event.fields, name)


def _path(value: Any, name: str) -> Any:
    if isinstance(value, list):
        found = [one for one in (_path(element, name) for element in value) if one is not ABSENT]
        return found or ABSENT
    if not isinstance(value, dict):
        return ABSENT
    if name in value:
        return value[name]
    for at in [at for at, letter in enumerate(name) if letter == "."]:
        if name[:at] in value:
            found = _path(value[name[:at]], name[at + 1 :])
            if found is not ABSENT:
                return found
    return ABSENT


def _scalars(value: Any) -> list[Any]:
    """The elements, objects left out."""
    if isinstance(value, list | tuple):
        return [one for element in value for one in _scalars(element)]
    return [] if isinstance(value, dict) or value is ABSENT else [value]


def _all_scalars(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [one for inner in value.values() for one in _all_scalars(inner)]
    if isinstance(value, list | tuple):
        return [one for inner in value for one in _all_scalars(inner)]
    return [value]


def _forms(item: Any) -> list[str]:
    if item is None or (isinstance(item, float) and (item != item or item in (float("inf"), float("-inf")))):
        return []
    if isinstance(item, bool):
        return ["true" if item else "false"]
    if isinstance(item, float) and item == int(item) and abs(item) < 1e15:
        return [str(item), str(int(item))]
    if isinstance(item, bytes):
        return [item.decode("utf-8", "backslashreplace")]
    return [str(item)]


# --- tests


def _keyword(wanted: Any, modifiers: list[str], event: Event) -> bool:
    values = [*_all_scalars(event.fields), event.original.decode("utf-8", "backslashreplace")]
    if "re" in modifiers:
        return any(_regex(value, wanted, modifiers) for value in values)
    return any(
        _like(form, _pattern(str(one), anywhere=True), "cased" in modifiers)
        for value in values
        for form in _forms(value)
        for one in _written(wanted, modifiers)
    )


def _test(value: Any, wanted: Any, modifiers: list[str], event: Event) -> bool:
    if "exists" in modifiers:
        return (value is not ABSENT) == wanted
    items = _scalars(value)
    if "fieldref" in modifiers:
        others = [form for item in _scalars(_lookup(event, wanted)) for form in _forms(item)]
        return any(_refers(form, other, modifiers) for item in items for form in _forms(item) for other in others)
    if wanted is None:
        return any(item is None or item != item for item in items)
    if "re" in modifiers:
        return any(_regex(item, wanted, modifiers) for item in items)
    if "cidr" in modifiers:
        return any(_in_network(item, wanted) for item in items)
    for name in ("lt", "lte", "gt", "gte"):
        if name in modifiers:
            return any(_compare(item, name, wanted, modifiers) for item in items)
    part = next((one for one in modifiers if one in ("minute", "hour", "day", "week", "month", "year")), None)
    if part is not None:
        return any(_time_part(item, part) == int(wanted) for item in items)
    return any(
        _like(
            form,
            _pattern(
                one,
                "contains" in modifiers or "base64offset" in modifiers,
                "startswith" in modifiers,
                "endswith" in modifiers,
            ),
            "cased" in modifiers or "base64" in modifiers or "base64offset" in modifiers,
        )
        for item in items
        for form in _forms(item)
        for one in _written(wanted, modifiers)
    )


def _refers(form: str, other: str, modifiers: list[str]) -> bool:
    if "cased" not in modifiers:
        form, other = form.casefold(), other.casefold()
    if "contains" in modifiers:
        return other in form
    if "startswith" in modifiers:
        return form.startswith(other)
    if "endswith" in modifiers:
        return form.endswith(other)
    return form == other


def _written(wanted: Any, modifiers: list[str]) -> list[str]:
    """The value after the modifiers that rewrite it."""
    text = ("true" if wanted else "false") if isinstance(wanted, bool) else str(wanted)
    texts = [text]
    if "windash" in modifiers:
        texts = [
            "".join(one)
            for one in itertools.product(
                *(
                    "-/\u2013\u2014\u2015"
                    if letter in "-/" and (at == 0 or text[at - 1] == " ") and text[at + 1 : at + 2].isalnum()
                    else letter
                    for at, letter in enumerate(text)
                )
            )
        ]
    raw = [one.encode() for one in texts]
    if "wide" in modifiers or "utf16le" in modifiers:
        raw = [one.encode("utf-16-le") for one in texts]
    if "base64" in modifiers:
        return [base64.b64encode(one).decode() for one in raw]
    if "base64offset" in modifiers:
        return [
            base64.b64encode(b" " * shift + one)[start : [None, -3, -2][(len(one) + shift) % 3]].decode()
            for one in raw
            for shift, start in ((0, 0), (1, 2), (2, 3))
        ]
    return texts


def _pattern(text: str, anywhere: bool = False, prefix: bool = False, suffix: bool = False) -> list[Any]:
    """Literals, `*` as True and `?` as False; `\\*`, `\\?` and `\\\\` before one of these are literal."""
    out: list[Any] = []
    at = 0
    while at < len(text):
        letter, after = text[at], text[at + 1 : at + 2]
        if letter == "\\" and after in ("*", "?", "\\"):
            out.append(after)
            at += 1
        elif letter in "*?":
            out.append(letter == "*")
        else:
            out.append(letter)
        at += 1
    if anywhere or suffix:
        out.insert(0, True)
    if anywhere or prefix:
        out.append(True)
    return out


def _like(form: str, pattern: list[Any], cased: bool) -> bool:
    fold = str if cased else str.casefold
    regex = "".join(".*" if one is True else "." if one is False else re.escape(fold(one)) for one in pattern)
    return re.fullmatch(regex, fold(form[:65_536]), re.DOTALL) is not None


def _regex(item: Any, pattern: str, modifiers: list[str]) -> bool:
    flags = 0
    for names, flag in (
        (("i", "ignorecase"), re.IGNORECASE),
        (("m", "multiline"), re.MULTILINE),
        (("s", "dotall"), re.DOTALL),
    ):
        if any(name in modifiers for name in names):
            flags |= flag
    return any(re.search(pattern, form[:65_536], flags) is not None for form in _forms(item))


def _in_network(item: Any, network: str) -> bool:
    try:
        address = ipaddress.ip_address(item if isinstance(item, str) else "")
    except ValueError:
        return False
    forms: list[Any] = [address]
    if address.version == 6 and address.ipv4_mapped is not None:
        forms.append(address.ipv4_mapped)
    return any(form in ipaddress.ip_network(network) for form in forms)


def _compare(item: Any, name: str, wanted: Any, modifiers: list[str]) -> bool:
    part = next((one for one in modifiers if one in ("minute", "hour", "day", "week", "month", "year")), None)
    value: Any = _time_part(item, part) if part is not None else _number(item)
    if value is None:
        return False
    bound = _number(wanted)
    result = {"lt": value < bound, "lte": value <= bound, "gt": value > bound, "gte": value >= bound}
    return bool(result[name])


def _number(item: Any) -> Any:
    if isinstance(item, bool) or item is None:
        return None
    if isinstance(item, int | float):
        return item
    if isinstance(item, str) and re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", item, re.ASCII):
        return float(item) if re.search(r"[.eE]", item) else int(item)
    return None


def _time_part(item: Any, part: str) -> int | None:
    number = _number(item)
    if isinstance(item, str) and (number is None or len(item) <= 4):
        ns = from_iso(item)
    else:
        ns = from_number(number) if number is not None else None
    if ns is None:
        return None
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)
    return when.isocalendar().week if part == "week" else int(getattr(when, part))
