"""A YAML document that remembers its lines, read without building anything but text, lists and mappings."""

from pathlib import Path
from typing import Any, Final

import yaml

_MOST_BYTES: Final = 32 * 1024 * 1024
_DEEPEST: Final = 16
_MOST_PROBLEMS: Final = 100

_PLURALS: Final = {"address": "addresses", "hostname": "hostnames", "mac": "macs", "network": "networks"}

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class AssetFileError(ValueError):
    """Every problem of the file, a line each: ``path:line: what; mend``."""


class Problems:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: list[tuple[int, str]] = []

    def add(self, line: int, what: str, mend: str) -> None:
        if len(self.found) < _MOST_PROBLEMS:
            self.found.append((line, f"{self.path}:{line}: {what}; {mend}"))

    def stop(self) -> None:
        """Raises what has been found, in the order of the lines."""
        if self.found:
            raise AssetFileError("\n".join(text for _, text in sorted(self.found)))


class Item:
    """One node with its line. What is not as asked for becomes a problem, and None."""

    def __init__(self, node: yaml.Node, problems: Problems) -> None:
        self._node = node
        self._problems = problems
        self.line = node.start_mark.line + 1

    def wrong(self, what: str, mend: str) -> None:
        self._problems.add(self.line, what, mend)

    def text(self) -> str | None:
        """A scalar as it is written: `10:20:30:40:50:10` is no number in base 60."""
        if isinstance(self._node, yaml.ScalarNode) and not self._is("null") and self._node.value.strip():
            return str(self._node.value).strip()
        self.wrong("here a word is expected", "write one, in quotes if need be")
        return None

    def number(self) -> float | None:
        try:
            return float(self.text() or "nan")
        except ValueError:
            self.wrong(f"{self.text()!r} is no number", "write a number")
            return None

    def boolean(self) -> bool | None:
        if self._is("bool") and isinstance(self._node, yaml.ScalarNode):
            return str(self._node.value).lower() in ("true", "yes", "on")
        self.wrong("here true or false is expected", "write true or false")
        return None

    def elements(self) -> list["Item"]:
        """The elements; a scalar is a list of one, null an empty one."""
        if isinstance(self._node, yaml.SequenceNode):
            return [Item(node, self._problems) for node in self._node.value]
        if isinstance(self._node, yaml.MappingNode):
            self.wrong("here a list is expected", "write it as [one, two]")
            return []
        return [] if self._is("null") else [self]

    def mapping(self, *allowed: str, others: bool = False) -> dict[str, "Item"]:
        """The values by key, one of a plural under its singular too; null values are left out, other keys than those
        allowed are a problem unless ``others`` have a reader of their own."""
        if self._is("null"):
            return {}
        if not isinstance(self._node, yaml.MappingNode):
            self.wrong("here keys and values are expected", f"write {allowed[0]}: …")
            return {}
        out: dict[str, Item] = {}
        for key, item in self._pairs():
            key = _PLURALS.get(key, key) if _PLURALS.get(key, key) in allowed else key
            if key not in allowed:
                if others:
                    continue
                item.wrong(f"the key {key!r} is not known here", f"use one of {', '.join(allowed)}")
            elif key in out:
                item.wrong(f"{key} in the singular and in the plural", f"write one list under {key}:")
            elif not item._is("null"):
                out[key] = item
        return out

    def named(self) -> list[tuple[str | None, "Item"]]:
        """A list of mappings, or a mapping of names to mappings."""
        if isinstance(self._node, yaml.MappingNode):
            return [(key, item) for key, item in self._pairs()]
        return [(None, item) for item in self.elements()]

    def is_collection(self) -> bool:
        return isinstance(self._node, yaml.CollectionNode)

    def is_mapping(self) -> bool:
        return isinstance(self._node, yaml.MappingNode)

    def _pairs(self) -> list[tuple[str, "Item"]]:
        out: dict[str, Item] = {}
        for key, value in self._node.value:
            item = Item(value, self._problems)
            if not isinstance(key, yaml.ScalarNode):
                item.wrong("a key that is not a word", "write a word before the colon")
            elif str(key.value) in out:
                item.wrong(f"the key {key.value!r} is there twice", "keep one")
            else:
                out[str(key.value)] = item
        return list(out.items())

    def _is(self, kind: str) -> bool:
        return bool(self._node.tag == f"tag:yaml.org,2002:{kind}")


def document(path: Path, problems: Problems) -> Item:
    """The file's only document; raises ``AssetFileError`` where there is none to look at."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise AssetFileError(f"{path}:1: {error.strerror or error}; name a file that can be read") from None
    if len(raw) > _MOST_BYTES:
        raise AssetFileError(f"{path}:1: more than {_MOST_BYTES >> 20} MiB; split the list over several files")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise AssetFileError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None
    try:
        _plain(text, path)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise AssetFileError(f"{path}:{line}: {error.problem or error.context}; mend the YAML") from None
    except yaml.YAMLError as error:
        raise AssetFileError(f"{path}:1: {str(error).splitlines()[0]}; mend the YAML") from None
    if node is None:
        raise AssetFileError(f"{path}:1: the file is empty; write a list under assets: or zones:")
    return Item(node, problems)


def _plain(text: str, path: Path) -> None:
    """No aliases (a few lines of them are gigabytes) and no deep nesting, before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent):
            raise AssetFileError(f"{path}:{line}: the alias *{event.anchor}; write the values out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise AssetFileError(f"{path}:{line}: nested deeper than {_DEEPEST}; assets and zones are flat lists")
