"""Where a Windows event has what, whatever JSON it came in: remembered by the names of the object.

Senders have few layouts. For each it is found once which name of the object is which of Sigma's flat names; an event
is then read by position in that plan. Where only the values tell (``Data`` as a list), every event is looked through.
"""

from collections.abc import Mapping
from typing import Any

from engine.model import Fields
from engine.model.fields import ECS_NAMES
from parsers._grammar.windows_entries import Entry
from parsers._grammar.windows_names import found, values_decide
from parsers._grammar.windows_values import Writer

_ROOTS = frozenset(
    ("event", "user", "process", "source", "destination", "host", "file", "registry", "related", "network", "dns",
     "rule", "service", "group", "dll", "url", "error", "tieline")
)  # fmt: skip
# Sigma's names that are made of other values
_RENAMED = frozenset(("Image", "ParentImage", "LogonId", "TargetObject", "Details", "Data", "CommandLine"))
_MOST, _LONGEST = 512, 16_384
_MOST_EVENTS, _LONGEST_NAMES = 512, 512

Steps = tuple[tuple[str, Writer], ...]
Known = tuple[Entry, str, Steps]


class Layout:
    """``names``: Sigma's name and the object's; ``where``: the object's name by Sigma's or its own."""

    __slots__ = (
        "_steps", "_where", "channel", "code", "computer", "ecs", "events", "flat", "kind", "names", "own", "provider",
        "record", "renamed",
    )  # fmt: skip

    def __init__(self, keys: tuple[str, ...], names: tuple[tuple[str, str], ...]) -> None:
        self.names = names
        self._where = {key: key for key in keys} | dict(names)
        # the sender's own ECS stays as it is
        self.own = any("." in key and key.partition(".")[0] in _ROOTS for key in keys)
        self.flat = not any("." in key for _, key in names)
        self.renamed = not _RENAMED.isdisjoint(keys) or any(ours in _RENAMED for ours, _ in names)
        # an agent that speaks ECS; one that also has Sigma's names has said all
        self.ecs = "EventID" not in keys and not ECS_NAMES.isdisjoint(keys)
        get = self._where.get
        self.code, self.channel, self.provider = get("EventID"), get("Channel"), get("Provider_Name")
        self.computer, self.record = get("Computer"), get("EventRecordID")
        self.kind = get("Keywords") or get("EventType")
        if "ThreadID" in self._where and "ExecutionProcessID" not in self._where:
            self._where.pop("ProcessID", None)  # NXLog's, of the process that wrote the record
        if "AccountType" in self._where:  # NXLog's names for whom the record was written
            for name in ("Domain", "AccountName", "UserID"):
                if name in self._where:
                    self._where[f"Record_{name}"] = self._where[name]
        self._steps: dict[int, Steps] = {}
        # by what channel, provider and event id are said to be
        self.events: dict[tuple[Any, Any, Any], Known] = {}

    def steps(self, entry: Entry) -> Steps:
        known = self._steps.get(entry.number)
        if known is None:
            where = self._where
            known = self._steps[entry.number] = tuple(
                (where[name], write) for name, write in entry.steps if name in where
            )
        return known

    def remember(self, told: tuple[str, Any, Any], known: Known) -> None:
        if len(self.events) >= _MOST_EVENTS:
            self.events.clear()
        if len(told[0]) + len(str(told[1])) + len(str(told[2])) <= _LONGEST_NAMES:
            self.events[told] = known


_layouts: dict[tuple[str, ...], Layout | None] = {}
_flat: dict[tuple[str, ...], Layout] = {}


def view(shape: Mapping[str, Any]) -> tuple[Layout, Mapping[str, Any], Fields]:
    """The layout, the mapping that it reads from, and Sigma's names that the object does not have itself."""
    keys = tuple(shape)
    try:
        layout = _layouts[keys]
    except KeyError:
        layout = _planned(keys)
    if layout is not None:
        names = {ours: shape[key] for ours, key in layout.names}
        if None not in names.values():
            return layout, shape, names
    names = found(shape)
    data = {**shape, **names}
    return _of_names(data), data, names


def _planned(keys: tuple[str, ...]) -> Layout | None:
    layout: Layout | None = None
    if sum(map(len, keys)) <= _LONGEST:
        if not values_decide(keys):
            layout = Layout(keys, tuple(found({key: key for key in keys}).items()))
        if len(_layouts) >= _MOST:
            _layouts.clear()
        _layouts[keys] = layout
    return layout


def _of_names(data: Mapping[str, Any]) -> Layout:
    keys = tuple(data)
    layout = _flat.get(keys)
    if layout is None:
        layout = Layout(keys, ())
        if sum(map(len, keys)) <= _LONGEST:
            if len(_flat) >= _MOST:
                _flat.clear()
            _flat[keys] = layout
    return layout
