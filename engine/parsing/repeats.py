"""Events that a sensor has sent twice: after a crash it sends again what its last checkpoint did not cover."""

from typing import Any

from engine.model import Event
from engine.parsing.parser import Parsed

_REMEMBERED = 65_536
"""A repetition is known while fewer than this many other events of its stream lie between the two."""


class Repeats:
    """``fresh`` leaves out the events of our own sensors (``tieline.origin``) whose id the source has given before."""

    def __init__(self) -> None:
        self._young: dict[str, dict[str, None]] = {}
        self._old: dict[str, dict[str, None]] = {}
        self.stats = {"repeated": 0}

    def fresh(self, source: str, parsed: list[Parsed]) -> list[Parsed]:
        young = self._young.setdefault(source, {})
        old = self._old.get(source, {})
        out = []
        for item in parsed:
            if isinstance(item, Event) and "tieline.origin" in item.fields:
                if item.id in young or item.id in old:
                    self.stats["repeated"] += 1
                    continue
                if len(young) >= _REMEMBERED:
                    old = self._old[source] = young
                    young = self._young[source] = {}
                young[item.id] = None
            out.append(item)
        return out

    def snapshot(self) -> Any:
        return [{source: list(ids) for source, ids in part.items()} for part in (self._young, self._old)]

    def restore(self, state: Any) -> None:
        self._young, self._old = ({source: dict.fromkeys(ids) for source, ids in part.items()} for part in state)
