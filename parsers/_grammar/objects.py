"""JSON objects as flat, dotted names."""

import json
import re
from typing import Any

import orjson

from engine.model import Fields

MAX_DEPTH = 64
"""Objects nested deeper are kept as JSON text: nobody names a field with more dots, and recursion has an end."""

_WHOLE = frozenset(("log.syslog.structured_data",))  # of ECS's type "flattened": one field, whatever is in it
_BIG = 2.0**63
_LONGEST_INTEGER = 20
_MOST_PREFIXES, _MOST_NAMES, _LONGEST_NAME = 256, 256, 128
_SURROGATE = re.compile("[\ud800-\udfff]")
_AS_THEY_ARE = frozenset((str, int, bool, type(None)))


class _TooBig(Exception):
    """A number that orjson has rounded."""


def flat(payload: bytes | str) -> Fields | None:
    """The object, dotted; None: this is no JSON object. Integers beyond 64 bit become text, NaN and infinity null.

    >>> flat(b'{"a": {"b": 1, "c": [{"d": 2}]}, "e": 123456789012345678901, "f": NaN}')
    {'a.b': 1, 'a.c': [{'d': 2}], 'e': '123456789012345678901', 'f': None}
    >>> flat(b"[1]") is None, flat(b'{"a":') is None
    (True, True)
    """
    out: Fields = {}
    try:
        value = orjson.loads(payload)
        if type(value) is not dict:
            return None
        if _AS_THEY_ARE.issuperset(map(type, value.values())):
            return value
        _flatten(value, "", out, 0)
        return out
    except (orjson.JSONDecodeError, _TooBig):
        pass
    value = _slow(payload)
    if not isinstance(value, dict):
        return None
    out = {}
    _flatten(value, "", out, 0)
    return out


class _Names(dict[str, str]):
    """Name → dotted name below one prefix: a string that is kept has its hash already."""

    __slots__ = ("_prefix",)

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __missing__(self, name: str) -> str:
        dotted = self._prefix + name
        if len(self) < _MOST_NAMES and len(dotted) <= _LONGEST_NAME:
            self[name] = dotted
        return dotted


_below: dict[str, _Names] = {}


def _names(prefix: str) -> _Names:
    names = _Names(prefix)
    if len(prefix) <= _LONGEST_NAME:
        if len(_below) >= _MOST_PREFIXES:
            _below.clear()
        _below[prefix] = names
    return names


def _flatten(value: dict[str, Any], prefix: str, out: Fields, depth: int) -> None:
    names = _below.get(prefix) or _names(prefix)
    for name, inner in value.items():
        kind = type(inner)
        if kind is str:
            out[names[name]] = inner
            continue
        dotted = names[name]
        if kind is dict:
            if dotted in _WHOLE:
                out[dotted] = inner
                continue
            if inner and depth < MAX_DEPTH:
                _flatten(inner, dotted + ".", out, depth + 1)
                continue
            if inner:
                inner = _text(inner)
        elif kind is float:
            if not -_BIG < inner < _BIG:
                raise _TooBig
        elif kind is list and not _shallow(inner, depth):
            inner = _text(inner)
        out[dotted] = inner


def _shallow(values: Any, depth: int) -> bool:
    """Whether a list stays within the bound; raises where it holds a number that was rounded."""
    if depth >= MAX_DEPTH:
        return False
    for value in values:
        kind = type(value)
        if kind is float:
            if not -_BIG < value < _BIG:
                raise _TooBig
        elif (kind is list and not _shallow(value, depth + 1)) or (
            kind is dict and not _shallow(value.values(), depth + 1)
        ):
            return False
    return True


def _text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "nested too deep"  # the record is there as it was sent


def _slow(payload: bytes | str) -> Any:
    """What orjson refuses: NaN, huge integers, bytes that are not UTF-8, a byte order mark, lone surrogates."""
    text = payload if isinstance(payload, str) else payload.decode("utf-8", "surrogateescape")
    text = text.lstrip("\ufeff").rstrip("\x00")
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_constant)
    except (ValueError, RecursionError):
        return None
    return _clean(value, 0)


def _integer(digits: str) -> int | str:
    if len(digits) > _LONGEST_INTEGER:
        return digits
    value = int(digits)
    return value if -(1 << 63) <= value < 1 << 64 else digits


def _float(digits: str) -> float | str | None:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        return None
    return value if -_BIG < value < _BIG else digits


def _constant(_: str) -> None:
    return None


def _clean(value: Any, depth: int) -> Any:
    """Text that every sink can write: bytes that were not UTF-8 as ``\\xff``, lone surrogates as ``\\ud800``."""
    if isinstance(value, str):
        return _SURROGATE.sub(_escaped, value)
    if depth > 4 * MAX_DEPTH:
        return "nested too deep"
    if isinstance(value, dict):
        return {_SURROGATE.sub(_escaped, name): _clean(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner, depth + 1) for inner in value]
    return value


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
