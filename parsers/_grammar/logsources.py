"""The log source that an event itself names: ``tieline.logsource.*`` (Tieline wrote it) or ``ls_*``."""

from collections.abc import Mapping
from typing import Any

from engine.model import LogSource

_NAMED = (
    ("tieline.logsource.product", "tieline.logsource.category", "tieline.logsource.service"),
    ("ls_product", "ls_category", "ls_service"),
)
_MOST, _LONGEST = 4096, 256
_known: dict[tuple[Any, ...], LogSource] = {}


def named(fields: Mapping[str, Any]) -> LogSource | None:
    """
    >>> named({"ls_product": "windows", "ls_service": "security"})
    LogSource(product='windows', category=None, service='security')
    >>> named({"EventID": 1}) is None
    True
    """
    get = fields.get
    for product, category, service in _NAMED:
        if product in fields or category in fields or service in fields:
            said = get(product), get(category), get(service)
            try:
                known = _known.get(said)  # most say texts: remembered as they are
            except TypeError:
                known = None
            if known is not None:
                return known
            key = (_text(said[0]), _text(said[1]), _text(said[2]))
            if key == (None, None, None):
                continue
            known = _known.get(key)
            if known is None:
                known = LogSource(*key)
                if len(_known) < _MOST and sum(len(part or "") for part in key) <= _LONGEST:
                    _known[key] = known
            return known
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
