"""Runs the cases of the rules through the stages that the service uses."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from engine.app import REPLAY_LATENESS, Pipeline, enrichment, formats, lateness, rules
from engine.correlate.limits import Limits
from engine.model import DeadLetter, Event, Frame, LogSource
from engine.parsing.parser import Parsed, Parser
from engine.ruleset.cases import START_NS, Case, CaseFile, belonging
from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.detection import DetectionRule
from engine.ruleset.ruleset import Ruleset

_Rule = DetectionRule | CorrelationRule


class Report(msgspec.Struct):
    """``lines`` name each case that failed, and each file that could not be read."""

    lines: list[str] = []
    cases: int = 0
    failed: int = 0
    without: int = 0

    @property
    def summary(self) -> str:
        bare = f", {self.without} rules without a case" if self.without else ""
        return f"{self.cases} cases, {self.failed} failed{bare}"


def run_cases(folder: Path, cases: Path | None) -> Report:
    """Every case of the rules below ``folder``; a rule set with errors fails whole, each error in a line."""
    report = Report()
    ruleset = rules([folder])
    files, problems = belonging(folder, cases)
    for problem in (*ruleset.errors, *problems):
        if problem.severity == "error":
            report.failed += 1
        report.lines.append(str(problem))
    if ruleset.errors:
        return report
    by_file: dict[str, list[_Rule]] = {}
    every: Sequence[_Rule] = (*ruleset.detections, *ruleset.correlations)
    for rule in every:
        by_file.setdefault(rule.head.path, []).append(rule)
    for file in files:
        _run_file(file, by_file.get(file.rule, []), every, report)
    tested = {file.rule for file in files}
    report.without = sum(path not in tested for path in by_file)
    return report


def _run_file(file: CaseFile, own: Sequence[_Rule], every: Sequence[_Rule], report: Report) -> None:
    if not own:
        report.lines.append(f"{file.path}:1: error: {file.rule} holds no rule that can run")
        report.failed += 1
        return
    last = _last(own)
    scope = _with_what_it_needs(own, every)
    for case in file.cases:
        report.cases += 1
        complaint = _complaint(case, last, scope)
        if complaint:
            report.failed += 1
            report.lines.append(f"{case.path}:{case.line}: failed: {case.name}: {complaint}")


def _complaint(case: Case, last: _Rule, scope: Sequence[_Rule]) -> str:
    wanted: Mapping[str, int] = {last.head.label: case.fires} if isinstance(case.fires, int) else case.fires
    names = {name: rule for rule in scope for name in (rule.head.name, rule.head.title, rule.head.id) if name}
    for name in wanted:
        if name not in names:
            return f"fires: no rule is called {name!r} here; known are {', '.join(sorted(r.head.label for r in scope))}"
    pipeline = Pipeline(
        Ruleset(
            detections=tuple(_loud(rule) for rule in scope if isinstance(rule, DetectionRule)),
            correlations=tuple(
                msgspec.structs.replace(rule, silenced=False) for rule in scope if isinstance(rule, CorrelationRule)
            ),
        ),
        enrichment(None),
        lateness_ns=lateness(None, None, REPLAY_LATENESS),
        limits=Limits(),
        reads_ns=0,
    )
    if case.raw is None:
        try:
            events: list[Parsed] = list(_events(case, last, names))
        except KeyError as unknown:
            return f"as: no rule is called {unknown}"
    elif case.format not in formats():
        return f"format: {case.format!r} is unknown; `tieline formats` lists them"
    else:
        events = _parsed(case)
        dead = [event.reason for event in events if isinstance(event, DeadLetter)]
        if dead:
            return f"raw: {dead[0]}"
    opened: dict[str, set[str]] = {}
    for match in (*pipeline.process(events), *pipeline.finish()):
        opened.setdefault(match.rule.id, set()).add(pipeline.alerts.alert(match).id)
    for name, count in wanted.items():
        found = len(opened.get(names[name].head.id, ()))
        if found != count:
            return f"{name} fires {found} times, not {count}"
    return ""


def _events(case: Case, last: _Rule, names: Mapping[str, _Rule]) -> list[Event]:
    out = []
    for number, given in enumerate(case.events):
        rule = last if given.as_rule is None else names[given.as_rule]
        logsource = rule.logsource if isinstance(rule, DetectionRule) else LogSource()
        own = str(given.fields.get("event.id") or f"case-{number}")
        fields = {"event.kind": "event", **given.fields}
        out.append(Event(fields=fields, time=given.at_ns, id=own, logsource=logsource, source="case", sequence=number))
    return out


def _parsed(case: Case) -> list[Parsed]:
    parser = Parser(formats(), correct_clocks=False)
    frames = [
        Frame(line.encode(), "case", received=START_NS, sequence=number, format=case.format)
        for number, line in enumerate((case.raw or "").splitlines())
        if line
    ]
    return [*parser.feed(frames), *parser.expire("case", None)]


def _loud(rule: DetectionRule) -> DetectionRule:
    return msgspec.structs.replace(rule, silenced=False)


def _last(own: Sequence[_Rule]) -> _Rule:
    """The file's last rule: correlations are read behind the detections that they stand on."""
    return own[-1]


def _with_what_it_needs(own: Sequence[_Rule], every: Sequence[_Rule]) -> list[_Rule]:
    """The rules of a file and all that they refer to, in the order of the rule set."""
    by_id = {rule.head.id: rule for rule in every}
    wanted: set[str] = set()
    waiting = [rule.head.id for rule in own]
    while waiting:
        name = waiting.pop()
        if name in wanted or name not in by_id:
            continue
        wanted.add(name)
        rule = by_id[name]
        if isinstance(rule, CorrelationRule):
            waiting += rule.references
    return [rule for rule in every if rule.head.id in wanted]
