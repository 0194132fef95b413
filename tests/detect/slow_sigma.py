"""Sigma detections evaluated in the most obvious way: from the YAML, test by test, nothing compiled, nothing remembered.

It shares no code with the engine but `engine.model`, so that where both agree, both have read the specification.
"""

import base64
import ipaddress
import itertools
import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import yaml

from engine.model import Event
from engine.model.times import from_iso, from_number, rfc3339

ABSENT = object()
SCANNED = 65_536  # characters of one field
SCANNED_BY_KEYWORDS = 4 * SCANNED  # characters of one event


class _AsWritten(yaml.SafeLoader):
    """A plain scalar is what its author wrote: null, true, false, a number in its one spelling, else text."""


_AsWritten.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("null", r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"(?:0|-?[1-9][0-9]{0,299})$", list("-0123456789")),
    ("merge", r"<<$", ["<"]),
):
    _AsWritten.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


def read(text: str) -> list[dict[str, Any]]:
    """The documents of a rule file. Fractions stay text, which is compared all the same."""
    return [one for one in yaml.load_all(text, _AsWritten) if one is not None]


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


def _seen(items: list[Any], most: int = SCANNED) -> list[tuple[Any, str]]:
    """Each item with each of its forms, as far as a field is scanned."""
    out: list[tuple[Any, str]] = []
    for item in items:
        for form in _forms(item):
            if most <= 0:
                return out
            out.append((item[:most] if isinstance(item, str) else item, form[:most]))
            most -= len(form)
    return out


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
    values = _all_scalars(event.fields)
    if not event.original.startswith(b"{"):
        values.insert(0, event.original[: SCANNED + 1].decode("utf-8", "backslashreplace"))
    forms = [form for value in values for form in _forms(value)]
    assert sum(map(len, forms)) <= SCANNED_BY_KEYWORDS, "too much for the slow evaluator"
    forms = [form[:SCANNED] for form in forms]
    if "re" in modifiers:
        return any(_regex(form, wanted, modifiers) for form in forms)
    cased = "cased" in modifiers
    patterns = [_pattern(one, True, True, cased) for one in _written(wanted, modifiers)]
    forms = [form if cased else form.casefold() for form in forms]
    return any(pattern.fullmatch(form) is not None for form in forms for pattern in patterns)


def _test(value: Any, wanted: Any, modifiers: list[str], event: Event) -> bool:
    if "exists" in modifiers:
        return (value is not ABSENT) == wanted
    items = _scalars(value)
    if wanted is None:
        return any(not _forms(item) for item in items)
    seen = _seen(items)
    if "fieldref" in modifiers:
        others = [form for _, form in _seen(_scalars(_lookup(event, wanted)))]
        return any(_refers(form, other, modifiers) for _, form in seen for other in others)
    if "re" in modifiers:
        return any(_regex(form, wanted, modifiers) for _, form in seen)
    if "cidr" in modifiers:
        return any(_in_network(form, wanted) for _, form in seen)
    for name in ("lt", "lte", "gt", "gte"):
        if name in modifiers:
            return any(_compare(item, name, wanted, modifiers) for item, _ in seen)
    part = next((one for one in modifiers if one in ("minute", "hour", "day", "week", "month", "year")), None)
    if part is not None:
        return any(_time_part(item, part) == int(wanted) for item, _ in seen)
    cased = "cased" in modifiers or "base64" in modifiers or "base64offset" in modifiers
    contains = "contains" in modifiers or "base64offset" in modifiers
    patterns = [
        _pattern(one, contains or "endswith" in modifiers, contains or "startswith" in modifiers, cased)
        for one in _written(wanted, modifiers)
    ]
    forms = [form if cased else form.casefold() for _, form in seen]
    return any(pattern.fullmatch(form) is not None for form in forms for pattern in patterns)


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
                    if letter in "-/" and not _of_a_word(text[at - 1 : at]) and _of_a_word(text[at + 1 : at + 2])
                    else letter
                    for at, letter in enumerate(text)
                )
            )
        ]
    encoding = "utf-16-le" if {"wide", "utf16le", "utf16"}.intersection(modifiers) else "utf-8"
    encoding = "utf-16-be" if "utf16be" in modifiers else encoding
    raw = [(b"\xff\xfe" if "utf16" in modifiers else b"") + one.encode(encoding) for one in texts]
    if "base64" in modifiers:
        return [base64.b64encode(one).decode() for one in raw]
    if "base64offset" in modifiers:
        return [
            base64.b64encode(b" " * shift + one)[start : [None, -3, -2][(len(one) + shift) % 3]].decode()
            for one in raw
            for shift, start in ((0, 0), (1, 2), (2, 3))
        ]
    return texts


def _of_a_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


@lru_cache(100_000)
def _pattern(text: str, before: bool, behind: bool, cased: bool) -> re.Pattern[str]:
    """`*`, `?`, and what follows a backslash that escapes; anything may stand before or behind."""
    out = ".*" if before else ""
    at = 0
    while at < len(text):
        letter, after = text[at], text[at + 1 : at + 2]
        if letter == "\\" and after and after in "*?\\":
            out += re.escape(after)
            at += 1
        elif letter in "*?":
            out += ".*" if letter == "*" else "."
        else:
            out += re.escape(letter if cased else letter.casefold())
        at += 1
    return re.compile(out + (".*" if behind else ""), re.DOTALL)


def _regex(form: str, pattern: str, modifiers: list[str]) -> bool:
    flags = 0
    for names, flag in (
        (("i", "ignorecase"), re.IGNORECASE),
        (("m", "multiline"), re.MULTILINE),
        (("s", "dotall"), re.DOTALL),
    ):
        if any(name in modifiers for name in names):
            flags |= flag
    if not flags & re.MULTILINE and pattern.endswith("$"):
        pattern = pattern[:-1] + r"\Z"  # as in RE2, the end of the text: not also before its last line feed
    return re.search(pattern, form, flags) is not None


def _in_network(form: str, network: str) -> bool:
    try:
        address = ipaddress.ip_address(form)
    except ValueError:
        return False
    forms: list[Any] = [address]
    if address.version == 6 and address.ipv4_mapped is not None:
        forms.append(address.ipv4_mapped)
    if address.version == 4 and ipaddress.ip_network(network).prefixlen >= 96:
        forms.append(ipaddress.IPv6Address(f"::ffff:{address}"))
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
