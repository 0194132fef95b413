"""Time spans as rules write them."""

import re
from typing import Any

from engine.model.times import UNIT_NS
from engine.ruleset.problem import Refused

DAY = 86_400 * 10**9
LONGEST = 3_660 * DAY
_SPAN = re.compile(r"([0-9]{1,12})\s*(ns|us|ms|s|m|h|d|w)")


def span(value: Any, key: str, line: int, most: int) -> int:
    """
    >>> span("90s", "skew", 1, DAY)
    90000000000
    """
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Refused(
            f"{key}: '{str(value)[:40]}' is no time span", "write a number and a unit, such as 1s or 500ms", line
        )
    ns = int(found[1]) * UNIT_NS[found[2]]
    if ns > most:
        longest = "a day" if most == DAY else "ten years"
        raise Refused(f"{key}: more than {longest}", "choose a shorter one", line)
    return ns
