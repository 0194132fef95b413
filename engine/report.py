"""Answers to people: lint, explanations, coverage, the table of alerts."""

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from engine.app import SHIPPED_RULES, UnusableRules, formats, rules
from engine.config import Config
from engine.config import read as read_config
from engine.config.sinks import SqliteSink
from engine.detect.explain import explain
from engine.detect.explain import text as tree
from engine.model import Event, Frame, LogSource
from engine.model.taxonomy import belongs
from engine.parsing.parser import Parser
from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.coverage import coverage as covered
from engine.ruleset.detection import DetectionRule
from engine.ruleset.problem import Problem, errors
from engine.ruleset.ruleset import Ruleset
from engine.sinks.sink import StoreError

_LEVELS = {99: "critical", 73: "high", 47: "medium", 21: "low"}
_COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "blue"}
_FIELD = re.compile(r"@timestamp|[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+|[A-Z][A-Za-z0-9_]+|message|tags")
_Rule = DetectionRule | CorrelationRule
_STANDARD_STORE = Path("tieline-alerts.sqlite")


def pipeline_problems(config: Config) -> list[Problem]:
    """The pySigma pipelines of a configuration that cannot be used."""
    from engine.ruleset.pipelines import Pipelines  # pySigma costs 0.15 s to import

    return errors(Pipelines(config.pipelines).problems)


def checked(folders: Sequence[Path]) -> tuple[Sequence[Problem], int]:
    """Every problem below the folders, and the number of rules; shipped rules must also explain themselves."""
    from engine.ruleset.lint import check  # pySigma and its validators cost 0.3 s to import
    from engine.ruleset.load import read as read_rules

    ruleset, found = read_rules(folders, strict=True, keep_sigma=True)
    ours = all(SHIPPED_RULES.resolve() in (folder.resolve(), *folder.resolve().parents) for folder in folders)
    return check(ruleset, found, ours), len(ruleset.detections) + len(ruleset.correlations)


def explained(rule: str, event: str, folders: Sequence[Path]) -> str:
    """The condition as a tree, each node with its answer; of a correlation what it is, and the trees of its rules."""
    ruleset, asked = _asked(rule, folders)
    parsed = _event(event)
    by_id = {one.head.id: one for one in _every(ruleset)}
    lines: list[str] = []
    told: set[str] = set()
    pending = asked[::-1]
    while pending:
        one = pending.pop()
        if one.head.id in told:
            continue
        told.add(one.head.id)
        if isinstance(one, DetectionRule):
            lines.append(_tree(one, parsed))
        else:
            below = [by_id[name] for name in one.rules]
            names = ", ".join(f"'{on_terminal(each.head.label)}'" for each in below)
            lines.append(
                f"{on_terminal(one.head.title)}: a correlation ({one.type}). It looks at the matches of {names} over "
                f"{one.timespan_ns / 10**9:g} s, so one event does not decide it; this is what each of them says of it:"
            )
            pending += below[::-1]
    return "\n".join(lines)


def _every(ruleset: Ruleset) -> list[_Rule]:
    return [*ruleset.detections, *ruleset.correlations]


def _tree(rule: DetectionRule, event: Event) -> str:
    if event.logsource != LogSource():
        return tree(explain(rule, event))
    own = msgspec.structs.replace(event, logsource=rule.logsource)
    return tree(explain(rule, own)) + "\n  (the event names no log source: taken for the rule's own; replay would not)"


def _asked(wanted: str, folders: Sequence[Path]) -> tuple[Ruleset, list[_Rule]]:
    """All the rules, and those that are meant: of a file every one that no correlation of the file covers."""
    path = Path(wanted)
    if path.is_file():
        ruleset = rules([path])
        if ruleset.errors:  # a correlation may stand on rules of other files: mostly its neighbours
            shipped = SHIPPED_RULES.resolve() in path.resolve().parents
            ruleset = rules([path, *(folders or [SHIPPED_RULES if shipped else path.parent])])
        broken = [problem for problem in ruleset.errors if Path(problem.path) == path]
        if broken:
            where = "rules of other folders are named with --rules DIR"
            raise UnusableRules("\n".join([*map(str, broken), f"{wanted}: cannot be explained; {where}"]))
        own = [one for one in _every(ruleset) if Path(one.head.path) == path]
        below = {name for one in own if isinstance(one, CorrelationRule) for name in one.rules}
        asked = [one for one in own if one.head.id not in below]
        if asked:
            return ruleset, asked
        raise UnusableRules("\n".join([f"{wanted}: no rule that can run", *map(str, ruleset.problems)]))
    ruleset = rules(list(folders))
    for one in _every(ruleset):
        if wanted in (one.head.id, one.head.name, one.head.title):
            return ruleset, [one]
    raise UnusableRules(
        f"{wanted}: no such rule; give a path, an id or a name, and --rules DIR where it lies elsewhere"
    )


def _event(name: str) -> Event:
    """The event in a file, or on standard input: read as JSON."""
    try:
        data = Path("/dev/stdin" if name == "-" else name).read_bytes().strip()
    except OSError as error:
        raise UnusableRules(f"{name}: {error.strerror}") from None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnusableRules(f"{name}: no JSON event: {error}") from None
    if not isinstance(value, dict):
        raise UnusableRules(f"{name}: no JSON event; write one object")
    frame = Frame(json.dumps(value).encode(), name, format="json")
    for parsed in Parser(formats(), correct_clocks=False).feed([frame]):
        if isinstance(parsed, Event):
            return parsed
        raise UnusableRules(f"{name}: {parsed.reason}")
    raise UnusableRules(f"{name}: no event in it")


def coverage(folders: Sequence[Path]) -> tuple[list[str], Sequence[Problem]]:
    """Techniques with the number of rules, then what rules look at and no format carries; the rules that are broken."""
    ruleset = rules(list(folders))
    found = covered(ruleset)
    lines = ["ATT&CK techniques (rules):"]
    lines += [
        f"  {technique:12} {len(labels):4}  {'; '.join(labels[:3])}" for technique, labels in _ranked(found.techniques)
    ]
    lines.append("ATT&CK tactics (rules):")
    lines += [f"  {tactic:36} {len(labels):4}" for tactic, labels in _ranked(found.tactics)]
    sources = [one.logsource for one in formats().values() if one.logsource != LogSource()]
    open_ended = any(log_format.id == "json" for log_format in formats().values())
    lines.append("Log sources that no format has by itself" + (" (JSON events may name them):" if open_ended else ":"))
    for logsource, labels in found.logsources.items():
        if not any(_may_cover(logsource, known) for known in sources):
            words = "/".join(part or "*" for part in (logsource.product, logsource.category, logsource.service))
            lines.append(f"  {words:44} {len(labels):4}  {labels[0]}")
    if found.silent:
        lines.append("Rules that never hold, because no event of their log source has the fields they need:")
        lines += [f"  {label:72} {', '.join(found.uncarried[label])}" for label in found.silent]
    partly = [label for label in found.uncarried if label not in found.silent]
    if partly:
        lines.append("Rules that look at fields that no event of their log source has, and may hold without them:")
        lines += [f"  {label:72} {', '.join(found.uncarried[label])}" for label in partly]
    known_fields = _carried_fields()
    lines.append("Fields that no format names (JSON events carry their own):")
    for field, labels in sorted(found.fields.items()):
        if field not in known_fields and not field.startswith("tieline."):
            lines.append(f"  {field:44} {len(labels):4}  {labels[0]}")
    return lines, ruleset.errors


def _carried_fields() -> frozenset[str]:
    """The field names that the formats write out, as far as their text names them."""
    names: set[str] = set()
    for path in SHIPPED_RULES.with_name("parsers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _FIELD.fullmatch(node.value):
                names.add(node.value)
    return frozenset(names)


def _ranked(found: Mapping[str, list[str]]) -> list[tuple[str, list[str]]]:
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


def _may_cover(rule: LogSource, known: LogSource) -> bool:
    """Whether events of a format can be of the rule's log source, as far as the format says it beforehand."""
    products, categories, services = belongs(known.product, known.category, known.service)
    return (
        (rule.product is None or known.product is None or rule.product in products)
        and (rule.category is None or known.category is None or rule.category in categories)
        and (rule.service is None or known.service is None or rule.service in services)
    )


def store_path(config: Path | None, store: Path | None) -> Path:
    """The embedded store: as given, else as configured, else the standard name in the current folder."""
    if store is not None:
        return store
    if config is None:
        return _STANDARD_STORE
    for sink in read_config(config).sinks:
        if isinstance(sink, SqliteSink):
            return Path(sink.path)
    raise StoreError(f"{config}: no sink of type sqlite; add one, or name the store with --store")


def alert_table(documents: Iterable[Mapping[str, Any]], title: str | None = None) -> Table:
    """Time, level, rule, who and where, on as many lines as they need."""
    table = Table(title=title, title_justify="left", pad_edge=False)
    for name in ("time", "level", "rule", "who", "where"):
        table.add_column(name, overflow="fold")
    for document in documents:
        level = _LEVELS.get(int(document.get("event.severity", 21)), "low")
        table.add_row(
            str(document.get("@timestamp", ""))[:19].replace("T", " "),
            f"[{_COLOURS[level]}]{level}[/]",
            Text(on_terminal(document.get("rule.name", ""))),
            Text(on_terminal(_who(document))),
            Text(on_terminal(_where(document))),
        )
    return table


def _who(document: Mapping[str, Any]) -> str:
    users = [str(user) for user in document.get("related.user", [])[:3]]
    return ", ".join(users) or str(document.get("tieline.source.asset") or document.get("source.ip", ""))


def _where(document: Mapping[str, Any]) -> str:
    for name in ("tieline.destination.asset", "tieline.host.asset", "host.name", "destination.ip"):
        if document.get(name):
            value = document[name]
            return str(value[0] if isinstance(value, list) else value)
    return ""


def on_terminal(value: Any) -> str:
    """Text from outside, without the characters that steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in str(value))
