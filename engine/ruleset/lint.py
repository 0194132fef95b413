"""What ``tieline rules check`` says beyond what loading finds. Opens no socket."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.ruleset import attack, backtracking, group_fields, logsources, ranges
from engine.ruleset.documents import Map, Seq, line_of
from engine.ruleset.filters import Filter
from engine.ruleset.load import Collection, Ruleset, Source, read
from engine.ruleset.problem import Problem, Severity
from engine.ruleset.recommendations import recommendations

_TAG = re.compile(r"[a-z0-9_-]+\.[a-z0-9._-]+")
_ATTACK = ("attack", "attack-ics")
_CONFUSED_UNITS = {"M": ("months", "m"), "y": ("years", "d")}
_QUIET_LEVELS = ("informational", "low")


def lint(
    paths: Sequence[Path],
    *,
    placeholders: Mapping[str, Sequence[str]] = {},
    pipelines: Sequence[str | Path] = (),
    ours: bool = False,
) -> tuple[Problem, ...]:
    """Every problem of the rules below the paths. ``ours``: rules shipped by us must also explain themselves."""
    ruleset, found = read(paths, placeholders=placeholders, pipelines=pipelines, strict=True, keep_sigma=True)
    return check(ruleset, found, ours)


def check(ruleset: Ruleset, found: Collection, ours: bool = False) -> tuple[Problem, ...]:
    problems = list(ruleset.problems)
    for source in found.sources:
        problems += _tags(source, ours)
        problems += _searches(source)
        problems += _correlation(source)
        problems += logsources.unknown(source.document, source.path)
        if ours:
            problems += _explained(source)
    problems += [problem for one in found.filters for problem in _filter(one)]
    problems += _ids_of_filters(found)
    problems += _ranges(ruleset, found)
    problems += _muted(ruleset, found, ours)
    problems += group_fields.never_there(ruleset, found)
    problems += recommendations(found.sources)
    return tuple(sorted(set(problems)))


def _tags(source: Source, ours: bool) -> Iterator[Problem]:
    tags = source.document.get("tags")
    if not isinstance(tags, Seq):
        return
    for index, tag in enumerate(tags):
        if not isinstance(tag, str) or "." not in tag:
            continue  # loading has said so
        line = tags.at(index)
        if not _TAG.fullmatch(tag):
            yield Problem(source.path, line, "warning", f"the tag '{tag}' has odd characters", "write it in lower case")
        namespace, _, name = tag.partition(".")
        complaint = attack.complaint(name) if namespace.lower() in _ATTACK else None
        if complaint is not None:
            yield Problem(source.path, line, "error" if ours else "warning", complaint.what, complaint.mend)


def _searches(source: Source) -> Iterator[Problem]:
    for section in ("detection", "filter"):
        if isinstance(source.document.get(section), Map):
            yield from _fields(source.path, source.document[section])


def _fields(path: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, Seq):
        for item in value:
            yield from _fields(path, item)
    if not isinstance(value, Map):
        return
    for key, inner in value.items():
        names = key.split("|")[1:]
        values = list(inner) if isinstance(inner, Seq) else [inner]
        if "all" in names and len(values) < 2 and not isinstance(inner, Map):
            what = f"'{key}' wants all of a single value"
            yield Problem(path, value.at(key), "warning", what, "leave 'all' out, or list more values")
        if "base64offset" in names and "contains" not in names:
            what = f"'{key}' compares the whole field with a piece of Base64"
            yield Problem(path, value.at(key), "warning", what, "write base64offset|contains")
        if "re" in names:
            flags = "".join(flag for name, flag in _FLAGS.items() if name in names)
            for index, pattern in enumerate(values):
                line = inner.at(index) if isinstance(inner, Seq) else value.at(key)
                yield from _pattern(path, line, pattern, "".join(sorted(set(flags))))
        yield from _fields(path, inner)


_FLAGS = {"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}


def _pattern(path: str, line: int, pattern: Any, flags: str) -> Iterator[Problem]:
    complaint = backtracking.complaint(pattern, flags) if isinstance(pattern, str) else None
    if complaint is not None:
        severity: Severity = "error" if complaint[0] else "warning"
        yield Problem(path, line, severity, complaint[1], "say what separates the repeated parts, or repeat only once")


def _correlation(source: Source) -> Iterator[Problem]:
    section = source.document.get("correlation")
    if not isinstance(section, Map):
        return
    span = section.get("timespan")
    unit = span[-1:] if isinstance(span, str) else ""
    if unit in _CONFUSED_UNITS:
        assert isinstance(span, str)
        word, meant = _CONFUSED_UNITS[unit]
        severity: Severity = "error" if unit == "M" else "warning"
        what = f"the timespan '{span}' means {span[:-1]} {word}"
        yield Problem(source.path, section.at("timespan"), severity, what, f"write '{meant}', such as 30{meant}")
    ours = [holder["tieline"] for holder in (source.document, section) if isinstance(holder.get("tieline"), Map)]
    for one in ours:
        if "skew" in one and str(section.get("type")).lower() != "temporal_ordered":
            what = f"skew relaxes an order, and {section.get('type')} has none"
            yield Problem(source.path, one.at("skew"), "warning", what, "leave it out, or use temporal_ordered")
    if not section.get("group-by") and not any("join" in one for one in ours):
        what = "without group-by, events of all hosts and users count together"
        yield Problem(source.path, section.at("group-by"), "warning", what, "name what the events must have in common")


def _explained(source: Source) -> Iterator[Problem]:
    if "filter" in source.document:
        return
    for key, mend in (
        ("id", "give it a UUID"),
        ("description", "say what happened, what it means, and what the rule cannot see"),
        ("falsepositives", "say when it is harmless, and how to tell"),
        ("level", "say how bad it is"),
        ("tags", "name the technique of ATT&CK"),
    ):
        if not source.document.get(key):
            yield Problem(source.path, source.document.at(key), "error", f"the rule has no '{key}'", mend)


def _filter(one: Filter) -> Iterator[Problem]:
    if not re.search(r"\bnot\b", one.condition):
        what = "a filter is AND-ed to its rules, so without 'not' they fire only on what it selects"
        yield Problem(one.head.path, one.line, "warning", what, "write condition: not selection")


def _ids_of_filters(found: Collection) -> Iterator[Problem]:
    """Loading refuses two rules of one id; nothing refers to a filter, so there it does no harm but to its readers."""
    places: dict[str, str] = {}
    for source in sorted(found.sources, key=lambda one: "filter" in one.document):
        given = source.document.get("id")
        if not isinstance(given, str) or not given or source.head is None:
            continue
        line = source.document.at("id")
        first = places.setdefault(source.head.id, f"{source.path}:{line}")
        if "filter" in source.document and first != f"{source.path}:{line}":
            yield Problem(
                source.path, line, "error", f"the id {given} is that of {first}, too", "give the filter its own"
            )


def _ranges(ruleset: Ruleset, found: Collection) -> Iterator[Problem]:
    sources = {source.head.id: source for source in found.sources if source.head is not None}
    for rule in ruleset.correlations:
        complaint = ranges.complaint(rule)
        if complaint is not None and rule.head.id in sources:
            source = sources[rule.head.id]
            line = source.document["correlation"].at("condition")
            what = f"the condition can never hold: {complaint}"
            yield Problem(source.path, line, "error", what, "write a range that has something in it: {gte: 3, lt: 5}")


def _muted(ruleset: Ruleset, found: Collection, ours: bool) -> Iterator[Problem]:
    heads = {rule.head.id: rule.head for rule in ruleset.detections}
    heads.update((rule.head.id, rule.head) for rule in ruleset.correlations)
    lines = {source.head.id: source for source in found.sources if source.head is not None}
    for correlation in ruleset.correlations:
        if correlation.generate:
            continue
        source = lines[correlation.head.id]
        section = source.document["correlation"]
        line = section.at("generate") if "generate" in section else line_of(section)
        for rule in correlation.references:
            base = heads[rule]
            if ours and base.level in _QUIET_LEVELS:
                continue  # such a rule exists for the correlations over it
            severity: Severity = "error" if ours else "warning"
            what = f"'{base.label}' ({base.level}) raises no alert of its own: '{correlation.head.label}' silences it"
            yield Problem(source.path, line, severity, what, "write generate: true below correlation, if it should")
