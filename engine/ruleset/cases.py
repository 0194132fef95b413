"""Case files: what a rule must fire on, and what it must leave alone.

- name: an office laptop writes one coil
  events: [{at: 0s, ot.operation: write, tieline.source.zone: enterprise}]
  fires: 1
"""

import datetime as dt
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from engine.model.times import UNIT_NS, from_iso, nanoseconds
from engine.ruleset.documents import Map, Seq, documents, line_of
from engine.ruleset.files import rule_files
from engine.ruleset.problem import Problem, Refused

START_NS = 1_767_225_600 * 10**9
"""2026-01-01T00:00:00Z, a Thursday: where the offsets of ``at`` begin."""

_KEYS = ("name", "events", "raw", "format", "fires", "description")
_OFFSET = re.compile(r"(?:([0-9]+(?:\.[0-9]+)?)(d|h|ms|m|us|ns|s))(?=[0-9]|$)")
_MAX_OFFSET_NS = 366 * 86_400 * 10**9 * 10


class CaseEvent(msgspec.Struct, frozen=True):
    """``at_ns`` since the Unix epoch; ``as_rule``: the name of the rule whose log source the event takes."""

    at_ns: int
    fields: dict[str, Any]
    as_rule: str | None = None


class Case(msgspec.Struct, frozen=True):
    """Either ``events``, or ``raw`` (records, one a line) for the parser ``format``.

    ``fires``: the alerts of the file's last rule, or those of each rule named.
    """

    name: str
    path: str
    line: int
    fires: int | Mapping[str, int]
    events: tuple[CaseEvent, ...] = ()
    raw: str | None = None
    format: str | None = None


class CaseFile(msgspec.Struct, frozen=True):
    """The cases of one file, and the rule file that they are about."""

    path: str
    rule: str
    cases: tuple[Case, ...]


def read(path: Path) -> tuple[tuple[Case, ...], list[Problem]]:
    """The cases of one file; a bad one does not stop the rest."""
    name = str(path)
    try:
        data = path.read_bytes()
    except OSError as bad:
        return (), [Problem(name, 0, "error", f"cannot be read: {bad.strerror}", "check the path")]
    cases: list[Case] = []
    problems: list[Problem] = []
    try:
        for value, line in documents(data):
            if value is None:
                continue
            if not isinstance(value, Seq):
                raise Refused("a case file is a list", "start each case with '- name:'", line)
            for index, item in enumerate(value):
                try:
                    cases.append(_case(item, name, value.at(index)))
                except Refused as refused:
                    problems.append(refused.problem(name, value.at(index)))
    except Refused as refused:
        problems.append(refused.problem(name, 1))
    if not cases and not problems:
        problems.append(Problem(name, 1, "warning", "the file holds no case", "remove it, or write one"))
    return tuple(cases), problems


def belonging(rules: Path, cases: Path | None = None, here: Path = Path()) -> tuple[list[CaseFile], list[Problem]]:
    """The case files of the rules below a folder: same stem, in ``cases``, its ``tests``, or ``here/tests/rules``."""
    folder = rules if rules.is_dir() else rules.parent
    root = cases
    if root is None:
        root = folder / "tests" if (folder / "tests").is_dir() else here / "tests" / "rules"
    if not root.exists():
        mend = "write cases to a folder 'tests' beside the rules, or name one"
        return [], [Problem(str(root), 0, "error", "there is no folder of cases", mend)]
    files, problems = rule_files([rules])
    by_stem: dict[str, list[Path]] = {}
    for file in files:
        by_stem.setdefault(file.stem, []).append(file)
    everything = root != here / "tests" / "rules" or cases is not None
    found: list[CaseFile] = []
    case_paths, more = rule_files([root])
    problems += more
    for path in case_paths:
        candidates = by_stem.get(path.stem, [])
        if not candidates and not everything:
            continue  # the cases of rules that were not asked for
        if not candidates:
            what = f"no rule file is called '{path.stem}'"
            close = get_close_matches(path.stem, by_stem, 1)
            mend = f"did you mean '{close[0]}'?" if close else "name the case file as its rule file"
            problems.append(Problem(str(path), 1, "error", what, mend))
            continue
        rule = _nearest(path.relative_to(root) if path != root else Path(path.name), candidates)
        if rule is None:
            what = f"several rule files are called '{path.stem}'"
            problems.append(Problem(str(path), 1, "error", what, "put the case file into a folder named as the rule's"))
            continue
        read_cases, bad = read(path)
        problems += bad
        found.append(CaseFile(str(path), str(rule), read_cases))
    return found, problems


def _nearest(relative: Path, candidates: list[Path]) -> Path | None:
    """Of several rule files of one stem, the one in the folder of the same name."""
    if len(candidates) == 1:
        return candidates[0]
    folder = relative.parent.parts
    same = [one for one in candidates if one.parent.parts[len(one.parent.parts) - len(folder) :] == folder]
    return same[0] if len(same) == 1 else None


def _case(item: Any, path: str, line: int) -> Case:
    if not isinstance(item, Map):
        raise Refused("a case is a mapping", "write name, events and fires", line)
    for key in item:
        if key not in _KEYS:
            close = get_close_matches(key, _KEYS, 1)
            mend = f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(_KEYS)}"
            raise Refused(f"a case has no '{key}'", mend, item.at(key))
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise Refused("the case has no name", "say in a sentence what happens", item.line)
    fires = _fires(item)
    if ("events" in item) == ("raw" in item):
        raise Refused(f"the case '{name}' needs either 'events' or 'raw'", "write one of them", item.line)
    if "raw" in item:
        return Case(name, path, item.line, fires, raw=_raw(item), format=_format(item))
    if "format" in item:
        raise Refused(
            "'format' is for 'raw'", "leave it out; an event says its log source with 'as'", item.at("format")
        )
    events = item["events"]
    if not isinstance(events, Seq) or not events:
        raise Refused("'events' is no list of events", "write events: [{at: 0s, field: value}]", item.at("events"))
    return Case(name, path, item.line, fires, tuple(_event(one, events.at(i)) for i, one in enumerate(events)))


def _fires(item: Map) -> int | dict[str, int]:
    if "fires" not in item:
        raise Refused("the case does not say how often it 'fires'", "write fires: 1, or 0 for a near miss", item.line)
    value = item["fires"]
    if isinstance(value, Map):
        return {name: _count(count, value.at(name)) for name, count in value.items()}
    return _count(value, item.at("fires"))


def _count(value: Any, line: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Refused(f"fires: {str(value)[:40]!r} is no count", "write a whole number, 0 or more", line)
    return value


def _raw(item: Map) -> str:
    value = item["raw"]
    lines = list(value) if isinstance(value, Seq) else [value]
    for line in lines:
        if not isinstance(line, str):
            raise Refused(f"raw: {str(line)[:40]!r} is no text", "put the record in quotes", item.at("raw"))
    text = "\n".join(line.removesuffix("\n") for line in lines)
    if not text:
        raise Refused("'raw' is empty", "write at least one record", item.at("raw"))
    return text + "\n"


def _format(item: Map) -> str:
    value = item.get("format")
    if not isinstance(value, str) or not value:
        raise Refused("'raw' needs a 'format'", "name one that 'tieline formats' lists", item.at("raw"))
    return value


def _event(item: Any, line: int) -> CaseEvent:
    if not isinstance(item, Map):
        raise Refused("an event is a mapping of fields to values", "write {at: 0s, field: value}", line)
    fields: dict[str, Any] = {}
    at_ns = START_NS
    as_rule = None
    for key, value in item.items():
        if key == "at":
            at_ns = _at(value, item.at(key))
        elif key == "as":
            if not isinstance(value, str):
                raise Refused(
                    "'as' is no name of a rule", "name the rule whose log source the event takes", item.at(key)
                )
            as_rule = value
        else:
            _flatten(key, value, fields)
    if not fields:
        raise Refused("the event has no field", "write {at: 0s, field: value}", line_of(item, line))
    return CaseEvent(at_ns, fields, as_rule)


def _flatten(name: str, value: Any, fields: dict[str, Any]) -> None:
    if isinstance(value, Map) and value:
        for key, inner in value.items():
            _flatten(f"{name}.{key}", inner, fields)
    else:
        fields[name] = _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Map):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Seq):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


def _at(value: Any, line: int) -> int:
    """An offset from START_NS (``1m30s``, ``250ms``, a number of seconds), or a time."""
    if isinstance(value, dt.datetime):
        return nanoseconds(value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _MAX_OFFSET_NS / 10**9:
        return START_NS + round(value * 10**9)
    if isinstance(value, str):
        pieces = _OFFSET.findall(value)
        if pieces and "".join(number + unit for number, unit in pieces) == value:
            offset = sum(_part(number, UNIT_NS[unit]) for number, unit in pieces)
            if offset < _MAX_OFFSET_NS:
                return START_NS + offset
        absolute = from_iso(value)
        if absolute is not None:
            return absolute
    raise Refused(
        f"at: {str(value)[:40]!r} is no time", "write an offset (0s, 1m30s, 250ms) or 2026-01-01T00:00:00Z", line
    )


def _part(number: str, unit_ns: int) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole[:18]) * unit_ns + (int(fraction[:9]) * unit_ns // 10 ** len(fraction[:9]) if fraction else 0)
