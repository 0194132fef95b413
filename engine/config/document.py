"""A YAML file with its lines, so that every complaint can name one."""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
import yaml

_SECRET = re.compile(r"\$\{(file|env):([^}]*)\}")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_MAX_BYTES = 4 * 1024 * 1024
_MAX_DEPTH = 40


class Problem(msgspec.Struct, frozen=True):
    """What is wrong where, and the mend."""

    path: str
    line: int
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}" + (f"; {self.mend}" if self.mend else "")


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` names all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Document:
    """A parsed file: ``value``, and ``line(steps)`` of any place in it. Top-level keys ``without`` are not read."""

    def __init__(self, path: Path, *, without: Collection[str] = ()) -> None:
        self.path = path
        self._without = without
        self._lines: dict[tuple[str | int, ...], int] = {(): 1}
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError([Problem(str(path), 1, f"cannot be read: {error.strerror}")]) from None
        if len(data) > _MAX_BYTES:
            raise ConfigError([Problem(str(path), 1, f"larger than {_MAX_BYTES} bytes", "split it")])
        try:
            text = data.decode("utf-8-sig")
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            self.value = {} if node is None else self._read(node, (), 0)
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise ConfigError([Problem(str(path), line, "not UTF-8", "save the file as UTF-8")]) from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            raise ConfigError([Problem(str(path), mark.line + 1 if mark else 1, f"YAML: {error.problem}")]) from None
        except (yaml.YAMLError, RecursionError) as error:
            raise ConfigError([Problem(str(path), 1, f"YAML: {type(error).__name__}")]) from None

    def _read(self, node: yaml.Node, where: tuple[str | int, ...], depth: int) -> Any:
        line = node.start_mark.line + 1
        self._lines.setdefault(where, line)
        if depth > _MAX_DEPTH or len(self._lines) > 200_000:
            raise ConfigError([Problem(str(self.path), line, "too deep or too large", "no aliases of aliases")])
        if isinstance(node, yaml.MappingNode):
            out: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(getattr(key_node, "value", ""))
                if key in out:
                    at = key_node.start_mark.line + 1
                    raise ConfigError([Problem(str(self.path), at, f"the key {key!r} stands twice", "merge the two")])
                self._lines[(*where, key)] = key_node.start_mark.line + 1
                if depth == 0 and key in self._without:
                    continue
                out[key] = self._read(value_node, (*where, key), depth + 1)
            return out
        if isinstance(node, yaml.SequenceNode):
            return [self._read(item, (*where, at), depth + 1) for at, item in enumerate(node.value)]
        try:
            value = yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigError([Problem(str(self.path), line, f"YAML: {error}")]) from None
        return self._secret(value, line) if isinstance(value, str) else value

    def _secret(self, text: str, line: int) -> str:
        def replace(found: re.Match[str]) -> str:
            kind, name = found.groups()
            if kind == "env":
                value = os.environ.get(name)
                if value is None:
                    raise ConfigError([Problem(str(self.path), line, f"the environment has no {name}", f"set {name}")])
                return value
            try:
                return (self.path.parent / name).read_text().rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError([Problem(str(self.path), line, f"secret file {name}: {error}")]) from None

        return _SECRET.sub(replace, text)

    def reads(self, key: str) -> bool:
        return key not in self._without

    def line(self, steps: tuple[str | int, ...]) -> int:
        """The line of the deepest known place on the way to ``steps``."""
        while steps not in self._lines:
            steps = steps[:-1]
        return self._lines[steps]

    def problem(self, error: msgspec.ValidationError, below: tuple[str | int, ...] = ()) -> Problem:
        """msgspec's complaint (``… - at `$.time.lateness```) with the line it speaks of."""
        what, _, where = str(error).partition(" - at `$")
        steps = below + tuple(int(index) if index else name for name, index in _STEP.findall(where.rstrip("`")))
        name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
        return Problem(str(self.path), self.line(steps), f"{name}: {what}" if name else what, _mend(what))


def _mend(what: str) -> str:
    """
    >>> _mend("Object missing required field `name`")
    'add name:'
    """
    missing = re.search(r"missing required field `(.+)`", what)
    if missing is not None:
        return f"add {missing[1]}:"
    return "`tieline config schema` shows " + ("the known keys" if "unknown field" in what else "what may stand there")
