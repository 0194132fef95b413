"""What every JSON writer, Elasticsearch and Kafka take: the law that every alert serialises."""

from collections.abc import Mapping
from typing import Any, Final

_DEPTH: Final = 12
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_DIGITS: Final = 14_000  # bits; beyond them str(int) raises


def plain(value: Any, depth: int = 0) -> Any:
    """Integers beyond 64 bit become text, NaN and infinity null, bytes and lone surrogates text with escapes.

    >>> plain({"a": 2**70, "b": float("nan"), "c": b"\\xff", "d": ("\\ud800", 1)})
    {'a': '1180591620717411303424', 'b': None, 'c': '\\\\xff', 'd': ['\\\\ud800', 1]}
    """
    kind = type(value)
    if kind is str:
        return text(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if _LOWEST <= value <= _HIGHEST else _big(value)
    if kind is float:
        return value if value - value == 0 else None
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    if depth >= _DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {text(str(key)): plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, depth + 1) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(inner, depth + 1) for inner in value), key=str)
    return text(str(value))


def text(value: str) -> str:
    if value.isascii():
        return value if type(value) is str else str(value)
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _big(value: int) -> str:
    return str(value) if value.bit_length() < _DIGITS else hex(value)


def keyword(value: Any) -> str:
    """A value as one word, for a field that must not change its type from one alert to the next.

    >>> keyword(True), keyword(2.5), keyword([1, "a"])
    ('true', '2.5', '1, a')
    """
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int):
        return _big(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(keyword, value))
    return str(plain(value))
