"""Documents as JSON."""

from collections.abc import Mapping
from typing import Any

import orjson


def encoded(document: Mapping[str, Any], *, option: int = 0) -> bytes:
    """A document as JSON, whatever is in it.

    >>> encoded({"n": 2**70, "t": "a\\udcff", "f": float("nan")})
    b'{"n":"1180591620717411303424","t":"a\\\\\\\\udcff","f":null}'
    """
    try:
        return orjson.dumps(document, option=option)
    except TypeError:
        return orjson.dumps(_plain(document), option=option)


def _plain(value: Any) -> Any:
    """Integers beyond 64 bit become text, bytes and unpaired surrogates are escaped."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < (1 << 64) else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {str(_plain(str(name))): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(inner) for inner in value]
    return str(value).encode("utf-8", "backslashreplace").decode()
