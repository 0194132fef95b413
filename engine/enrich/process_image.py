"""What each controller was last seen to hold, so that a write can be told beside the value it replaced."""

from collections import OrderedDict
from typing import Any, Final

from engine.model import Event

MOST: Final = 500_000
"""Values remembered in all; beyond it the tables of the controllers asked least recently are forgotten."""

_LONGEST: Final = 256  # characters of a text that is remembered
_READS: Final = frozenset({"read"})
WRITES: Final = frozenset({"write", "command", "force"})
"""The operations that set a value."""

_Table = tuple[str, int, str, str, str, str]


class ProcessImage:
    """``observe`` takes every OT event in order; a write gets ``ot.previous_value`` where the value was known, of
    several the list with null for those that were not."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._tables: OrderedDict[_Table, dict[Any, Any]] = OrderedDict()
        self._held = 0
        self.stats = {"process_values_evicted": 0}

    def observe(self, event: Event) -> None:
        fields = event.fields
        operation = fields.get("ot.operation")
        writes = operation in WRITES
        if not writes and operation not in _READS:
            return
        value = fields.get("ot.value")
        if value is None:
            return
        places = _places(fields, value)
        table_key = _table(fields)
        if places is None or table_key is None:
            return
        table = self._tables.get(table_key)
        values = value if type(value) is list else [value]
        if writes and table is not None:
            before = [table.get(place) for place in places]
            if any(one is not None for one in before):
                fields["ot.previous_value"] = before if type(value) is list else before[0]
        if fields.get("event.outcome") == "failure":
            return
        if table is None:
            table = self._tables[table_key] = {}
        else:
            self._tables.move_to_end(table_key)
        size = len(table)
        table.update(zip(places, values, strict=False))
        self._held += len(table) - size
        while self._held > self._most and self._tables:
            _, oldest = self._tables.popitem(last=False)
            self._held -= len(oldest)
            self.stats["process_values_evicted"] += len(oldest)

    def known(self, fields: dict[str, Any], space: str, address: int) -> Any:
        """The last raw value at an address of the controller that an event is about."""
        key = _table(fields, space)
        table = self._tables.get(key) if key is not None else None
        return None if table is None else table.get(address)

    def snapshot(self) -> Any:
        return [[list(key), list(table.items())] for key, table in self._tables.items()]

    def restore(self, state: Any) -> None:
        self._tables = OrderedDict((tuple(key), dict(items)) for key, items in state)
        self._held = sum(map(len, self._tables.values()))


def _table(fields: dict[str, Any], space: str | None = None) -> _Table | None:
    server = fields.get("destination.ip")
    if type(server) is not str:
        return None
    if space is None:
        space = fields.get("ot.address_space")
        space = space if type(space) is str else ""
    port = fields.get("destination.port")
    return (
        server,
        port if type(port) is int else 0,
        str(fields.get("ot.protocol")),
        str(fields.get("ot.unit_id")),
        space,
        str(fields.get("ot.data_type")),
    )


def _places(fields: dict[str, Any], value: Any) -> list[Any] | range | None:
    """Where the values stand: a range of addresses, a list of them, or names."""
    count = len(value) if type(value) is list else 1
    address, space = fields.get("ot.address"), fields.get("ot.address_space")
    if type(space) is str and type(address) is int:
        return range(address, address + count)
    symbol = fields.get("ot.symbol", fields.get("ot.tag"))
    symbols = symbol if type(symbol) is list else [symbol]
    if len(symbols) == count and all(type(one) is str and len(one) <= _LONGEST for one in symbols):
        return symbols
    return None
