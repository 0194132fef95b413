"""YAML files as values that remember their lines: a safe, bounded subset of YAML.

A plain scalar is null, a boolean or a number only where YAML 1.2 says so and where its text is the one spelling of that
value; anything else is the text that its author wrote. YAML 1.1, which PyYAML reads, makes ``yes`` true, ``00000407``
263 (octal), ``12:30:45`` 45045 and ``1.10`` 1.1.

Built from the parser's events, without recursion: a document can be as deep or as full of aliases as it likes and costs
no more than the bounds below.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.nodes import ScalarNode

from engine.ruleset.files import MAX_BYTES
from engine.ruleset.problem import Refused

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_DEPTH = 32
MAX_NODES = 500_000
MAX_ALIASED = 20_000  # nodes that aliases repeat, in one document: a bomb doubles its size with every line

_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    _TAG + "null": SafeConstructor.construct_yaml_null,
    _TAG + "bool": SafeConstructor.construct_yaml_bool,
    _TAG + "int": SafeConstructor.construct_yaml_int,
    _TAG + "float": SafeConstructor.construct_yaml_float,
    _TAG + "timestamp": SafeConstructor.construct_yaml_timestamp,
}
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,299})(\.[0-9]{1,299})?")  # more digits: text
_CONSTRUCTOR = SafeConstructor()


class Map(dict[str, Any]):
    """A mapping with the line of itself and of each key. Keys that are no text appear by their YAML spelling."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def at(self, key: str) -> int:
        return self.lines.get(key, self.line)


class Seq(list[Any]):
    """A list with the line of itself and of each item."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []

    def at(self, index: int) -> int:
        return self.lines[index] if index < len(self.lines) else self.line


def line_of(value: object, default: int = 0) -> int:
    return value.line if isinstance(value, (Map, Seq)) else default


def documents(data: bytes) -> Iterator[tuple[Any, int]]:
    """Each document's value and first line; Refused (with the line) where the rest of the file cannot be read."""
    if len(data) > MAX_BYTES:
        raise Refused(f"the file has {len(data)} bytes, more than {MAX_BYTES}", "split it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        line = data.count(b"\n", 0, bad.start) + 1
        raise Refused("the file is not UTF-8", "save it as UTF-8", line) from None
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            yield from builder.feed(event)
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        what = " ".join(part for part in (bad.problem, bad.context) if part)
        raise Refused(f"not YAML: {what}", "check indentation and quotes", mark.line + 1 if mark else 0) from None
    except yaml.reader.ReaderError as bad:
        line = text.count("\n", 0, bad.position) + 1
        raise Refused(f"not YAML: {bad.reason}", "remove the control character", line) from None


class _Builder:
    def __init__(self) -> None:
        self._reset(0)

    def _reset(self, line: int) -> None:
        self.start = line
        self.root: Any = None
        self.stack: list[Map | Seq] = []
        self.keys: list[str | None] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open_anchors: list[tuple[str | None, int]] = []
        self.nodes = 0
        self.aliased = 0

    def feed(self, event: Any) -> Iterator[tuple[Any, int]]:
        kind = type(event)
        if kind is ScalarEvent:
            value = _scalar(event)
            if event.anchor is not None:
                self.anchors[event.anchor] = (value, 1)
            self._add(value, event.start_mark.line + 1, event)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self._open(event, Map if kind is MappingStartEvent else Seq)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._close()
        elif kind is AliasEvent:
            self._alias(event)
        elif kind is DocumentStartEvent:
            self._reset(event.start_mark.line + 1)
        elif kind is DocumentEndEvent:
            yield self.root, line_of(self.root, self.start)

    def _open(self, event: Any, make: type[Map] | type[Seq]) -> None:
        line = event.start_mark.line + 1
        if event.tag is not None and event.tag not in (_TAG + "map", _TAG + "seq"):
            raise Refused(f"the YAML tag '{event.tag}' is not allowed here", "write plain values", line)
        if len(self.stack) >= MAX_DEPTH:
            raise Refused(f"nested deeper than {MAX_DEPTH} levels", "flatten the document", line)
        container = make(line)
        self._add(container, line, event)
        self.stack.append(container)
        self.keys.append(None)
        self.open_anchors.append((event.anchor, self.nodes))

    def _close(self) -> None:
        container = self.stack.pop()
        self.keys.pop()
        anchor, before = self.open_anchors.pop()
        if anchor is not None:
            self.anchors[anchor] = (container, self.nodes - before + 1)

    def _alias(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if event.anchor not in self.anchors:
            raise Refused(
                f"the alias '*{event.anchor}' has no anchor before it", f"define '&{event.anchor}' first", line
            )
        value, size = self.anchors[event.anchor]
        self.aliased += size
        if self.aliased > MAX_ALIASED:
            raise Refused(f"aliases repeat more than {MAX_ALIASED} values", "write the values out", line)
        self.nodes += size - 1
        self._add(value, line, event)

    def _add(self, value: Any, line: int, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise Refused(f"more than {MAX_NODES} values in one document", "split it", line)
        if not self.stack:
            self.root = value
            return
        parent = self.stack[-1]
        if type(parent) is Seq:
            parent.append(value)
            parent.lines.append(line)
            return
        assert isinstance(parent, Map)
        key = self.keys[-1]
        if key is None:
            key = _key(value, line, event, parent)
            self.keys[-1] = key
            parent.lines[key] = line
            return
        self.keys[-1] = None
        if key == _MERGE:
            del parent.lines[_MERGE]
            _merge(parent, value, line)
        else:
            parent[key] = value


_MERGE = "\0merge"


def _key(value: Any, line: int, event: Any, parent: Map) -> str:
    if isinstance(value, (Map, Seq)):
        raise Refused("a key is itself a list or a mapping", "write a plain name before the colon", line)
    if isinstance(event, ScalarEvent):
        if event.value == "<<" and not event.style and event.tag is None:
            return _MERGE
        key = event.value
    else:
        key = str(value)
    if key in parent.lines and not (key in parent and parent.lines[key] == 0):
        raise Refused(
            f"the key '{key}' stands twice in one mapping (first in line {parent.lines[key]})",
            "keep one of them, or put the values into one list",
            line,
        )
    return str(key)


def _merge(parent: Map, value: Any, line: int) -> None:
    sources = value if isinstance(value, Seq) else [value]
    for source in sources:
        if not isinstance(source, Map):
            raise Refused("'<<' merges something that is no mapping", "name an anchored mapping", line)
        for key, inner in source.items():
            if key not in parent:
                parent[key] = inner
                parent.lines[key] = 0  # may be overridden by a key of the mapping itself


def _scalar(event: Any) -> Any:
    value: str = event.value
    tag = event.tag
    if tag is None:
        return value if event.style else plain(value)  # a quoted or block scalar is text
    if tag == "!":
        return value
    if tag == _TAG + "str":
        return value
    construct = _SCALARS.get(tag)
    if construct is None:
        if tag in (_TAG + "merge", _TAG + "value"):
            return value
        raise Refused(f"the YAML tag '{tag}' is not allowed here", "write a plain value", event.start_mark.line + 1)
    try:
        return construct(_CONSTRUCTOR, ScalarNode(tag, value))
    except (ValueError, KeyError, OverflowError, AttributeError, ConstructorError):
        kind = tag.removeprefix(_TAG)
        raise Refused(f"'{value[:60]}' is no valid {kind}", "put it in quotes", event.start_mark.line + 1) from None


def plain(text: str) -> str | int | float | bool | None:
    """What a plain scalar means.

    >>> plain("4625"), plain("true"), plain("~"), plain("1.5")
    (4625, True, None, 1.5)
    >>> plain("yes"), plain("00000407"), plain("1.10"), plain("0x1410"), plain("2026-01-02"), plain(".inf")
    ('yes', '00000407', '1.10', '0x1410', '2026-01-02', '.inf')
    """
    if text in _WORDS:
        return _WORDS[text]
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    number = float(text) if found[1] else int(text)
    return number if str(number) == text else text


_SPELLED = re.compile(
    r"(?P<whole>[-+]?[0-9]+)|0x(?P<hex>[0-9a-fA-F]+)|0o(?P<oct>[0-7]+)"
    r"|[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?"
)


def spelled_number(text: str) -> int | float | None:
    """The number of YAML 1.2 that ``plain`` has left as text, for where only a number makes sense.

    >>> [spelled_number(text) for text in ("08", "0x1F", "1e3", "1_000", "12:30")]
    [8, 31, 1000.0, None, None]
    >>> spelled_number("5") is None  # was in quotes, or it would be a number already
    True
    """
    found = _SPELLED.fullmatch(text[:300])
    if found is None or not isinstance(plain(text), str) or len(text) > 300:
        return None
    if found["whole"] or found["hex"] or found["oct"]:
        return int(found["whole"] or found["hex"] or found["oct"], 16 if found["hex"] else 8 if found["oct"] else 10)
    return float(text)
