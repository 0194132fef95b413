"""pySigma processing pipelines: field names and log sources of rules made to fit the events.

A pipeline is a name that an installed pySigma plug-in gives, or a YAML file. One that runs Python files (``vars`` of a
template) or fetches its values from outside is refused.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sigma.exceptions import SigmaRuleLocation
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections, SigmaLogSource, SigmaRule
from sigma.rule.logsource import EmptyLogSource
from sigma.types import SigmaString

from engine.model import LogSource
from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.documents import Map, Seq, documents
from engine.ruleset.problem import Problem, Refused
from engine.ruleset.searches import CRASHES

_RUNS_CODE = ("vars", "allow_template_vars", "vars_allowed_paths", "allow_external_sources", "path", "command", "url")
_DRAWN = re.compile(r"_cond_[a-z]{10}")  # pySigma's AddConditionTransformation
_HUNTING = ("tieline", "tieline_ecs")
_MULTI_FIELDS = (".caseless", ".keyword", ".text")
_STEPS = ("transformations", "postprocessing", "finalizers")


class Pipelines:
    """Applied in the order of their priorities, as pySigma does it."""

    def __init__(self, given: Sequence[str | Path]) -> None:
        self.problems: list[Problem] = []
        self._pipeline: ProcessingPipeline | None = None
        self._mapped: dict[tuple[LogSource, str], tuple[str, ...]] = {}
        if given:
            self._pipeline = self._resolved([str(spec) for spec in given])

    def __bool__(self) -> bool:
        return self._pipeline is not None

    def apply(self, rule: SigmaRule) -> SigmaRule:
        """The rule itself, changed. Refused where a transformation does not fit it."""
        if self._pipeline is not None:
            try:
                self._pipeline.apply(rule)
            except CRASHES as bad:
                raise Refused(f"a pipeline cannot be applied: {bad}", "mend the pipeline, or leave it out") from None
            _settle(rule)
        return rule

    def mapped(
        self, correlations: Sequence[CorrelationRule], original: Mapping[str, LogSource]
    ) -> list[CorrelationRule]:
        """Group keys, aliases and value fields follow the fields of the rules that a correlation joins."""
        if self._pipeline is None:
            return list(correlations)
        logsources: dict[str, tuple[LogSource, ...]] = {rule: (logsource,) for rule, logsource in original.items()}
        out = []
        for correlation in correlations:
            below = tuple(dict.fromkeys(one for rule in correlation.references for one in logsources.get(rule, ())))
            logsources[correlation.head.id] = below
            out.append(self._correlation(correlation, logsources))
        return out

    def _correlation(self, rule: CorrelationRule, logsources: Mapping[str, tuple[LogSource, ...]]) -> CorrelationRule:
        aliases = {alias: dict(mapping) for alias, mapping in rule.aliases.items()}
        for mapping in aliases.values():
            for target, field in mapping.items():
                mapping[target] = self._field(field, logsources.get(target, ()))
        for field in rule.names:
            if field in aliases:
                continue
            names = {target: self._field(field, logsources.get(target, ())) for target in rule.references}
            if any(name != field for name in names.values()):
                aliases[field] = names  # the rules may call it differently now; the alert shows the rule's own word
        return msgspec.structs.replace(rule, aliases=aliases)

    def _field(self, field: str, logsources: Sequence[LogSource]) -> str:
        """What the pipelines make of a field in rules of these log sources; itself where they do not agree."""
        names = {self._field_of(field, logsource) for logsource in logsources}
        only = names.pop() if len(names) == 1 else (field,)
        return only[0] if len(only) == 1 else field

    def _field_of(self, field: str, logsource: LogSource) -> tuple[str, ...]:
        known = self._mapped.get((logsource, field))
        if known is None:
            item = SigmaDetectionItem(field, [], [SigmaString("x")])
            rule = sigma_rule(
                {"title": "one field"}, sigma_logsource(logsource), {"one": SigmaDetection([item])}, ["one"]
            )
            fields = tuple(_fields(self.apply(rule).detection.detections["one"]))
            known = self._mapped[logsource, field] = fields or (field,)
        return known

    def _resolved(self, specs: list[str]) -> ProcessingPipeline | None:
        from sigma.plugins import (
            InstalledSigmaPlugins,
        )  # imports every plug-in and an HTTP client; most have no pipeline

        resolver = InstalledSigmaPlugins.autodiscover().get_pipeline_resolver()
        for spec in specs:
            if spec in _HUNTING:
                mend = "leave it out: the engine knows log sources and fields by itself"
                what = "this pipeline makes queries over stored events, not rules over events"
                self.problems.append(Problem(spec, 0, "error", what, mend))
            elif spec not in resolver.pipelines:
                self._file(spec)
        if self.problems:
            return None
        try:
            return resolver.resolve(specs)
        except CRASHES as bad:
            self.problems.append(Problem(", ".join(specs), 0, "error", f"no usable pipeline: {bad}", "check the file"))
            return None

    def _file(self, spec: str) -> None:
        try:
            data = Path(spec).read_bytes()
        except OSError as bad:
            what = f"there is neither a pipeline of this name nor such a file ({bad.strerror})"
            self.problems.append(
                Problem(spec, 0, "error", what, "install the plug-in that brings it, or mend the path")
            )
            return
        try:
            for document, line in documents(data):
                if not isinstance(document, Map):
                    raise Refused("a pipeline is a mapping", "start with 'name:'", line)
                for step in _STEPS:
                    _harmless(document.get(step))
        except Refused as refused:
            self.problems.append(refused.problem(spec, 1))


def _settle(rule: SigmaRule) -> None:
    """Conditions that the pipeline added are in the parsed ones alone, under names drawn by lot: the same each time."""
    texts = [parsed.condition for parsed in rule.detection.parsed_condition]
    detections = rule.detection.detections
    for number, drawn in enumerate([name for name in detections if _DRAWN.fullmatch(name)], 1):
        name = f"_pipeline_{number}"
        texts = [re.sub(rf"\b{drawn}\b", name, text) for text in texts]
        detections[name] = detections.pop(drawn)
    rule.detection.condition = texts
    for detection in detections.values():
        _to_parents(detection)


def _to_parents(detection: SigmaDetection) -> None:
    """``process.executable.caseless`` is how Elasticsearch indexes ``process.executable`` again: no event has it."""
    for item in detection.detection_items:
        if isinstance(item, SigmaDetection):
            _to_parents(item)
        elif item.field is not None:
            for multi_field in _MULTI_FIELDS:
                item.field = item.field.removesuffix(multi_field)


def _harmless(value: Any) -> None:
    for item in value if isinstance(value, Seq) else ():
        for key in _RUNS_CODE if isinstance(item, Map) else ():
            if key in item:
                what = f"the pipeline step uses '{key}', which runs a Python file or reads from outside"
                raise Refused(what, "write the values into the pipeline", item.at(key))
        if isinstance(item, Map):
            for inner in item.values():
                _harmless(inner)


def sigma_rule(
    head: Mapping[str, Any],
    logsource: SigmaLogSource,
    detections: dict[str, SigmaDetection],
    conditions: list[str],
    path: str = "",
    line: int = 0,
) -> SigmaRule:
    """pySigma's rule from searches that are read already."""
    kwargs = {**head, "source": SigmaRuleLocation(Path(path), line)}
    return SigmaRule(logsource=logsource, detection=SigmaDetections(detections, conditions), **kwargs)


def sigma_logsource(logsource: LogSource) -> SigmaLogSource:
    """pySigma knows no empty one."""
    if logsource == LogSource():
        return EmptyLogSource()
    return SigmaLogSource(logsource.category, logsource.product, logsource.service)


def _fields(detection: SigmaDetection) -> Iterable[str]:
    for item in detection.detection_items:
        if isinstance(item, SigmaDetection):
            yield from _fields(item)
        elif item.field is not None:
            yield item.field
