"""Rule files in, a Ruleset of typed values out. One bad document never stops the rest."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaDetection, SigmaLogSource, SigmaRule

from engine.model import LogSource, RuleHead
from engine.ruleset import alternatives, correlation_section, filters, head, references, searches
from engine.ruleset.condition import Node
from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.correlation_section import Draft
from engine.ruleset.detection import DetectionRule
from engine.ruleset.documents import Map, documents
from engine.ruleset.files import RuleFile, contents, rule_files
from engine.ruleset.filters import Filter
from engine.ruleset.modifiers import Unresolved
from engine.ruleset.pipelines import Pipelines, sigma_rule
from engine.ruleset.problem import Problem, Refused, errors
from engine.ruleset.ruleset import Ruleset as Ruleset


class Source(msgspec.Struct):
    """One document as it was read: for the lint, which looks at the text again."""

    path: str
    line: int
    document: Map
    head: RuleHead | None = None
    sigma: SigmaRule | SigmaCorrelationRule | None = None  # pySigma's own view of it


class Collection(msgspec.Struct):
    """Everything that the files gave, before references are resolved."""

    sources: list[Source] = []
    detections: list[DetectionRule] = []
    drafts: list[Draft] = []
    filters: list[Filter] = []
    problems: list[Problem] = []
    disabled: list[str] = []


def load(
    paths: Sequence[Path],
    *,
    placeholders: Mapping[str, Sequence[str]] = {},
    pipelines: Sequence[str | Path] = (),
    strict: bool = False,
) -> Ruleset:
    """All rules below the paths. ``strict``: what only documents a rule, and its log source, must be right, too."""
    return read(paths, placeholders=placeholders, pipelines=pipelines, strict=strict)[0]


def load_files(
    files: Iterable[RuleFile],
    problems: Sequence[Problem] = (),
    *,
    placeholders: Mapping[str, Sequence[str]] = {},
    pipelines: Sequence[str | Path] = (),
) -> Ruleset:
    """``load`` of files that have been read; ``problems`` of finding them."""
    reader = _Reader(placeholders, Pipelines(pipelines), strict=False, keep_sigma=False)
    return reader.read(files, problems)


def read(
    paths: Sequence[Path],
    *,
    placeholders: Mapping[str, Sequence[str]] = {},
    pipelines: Sequence[str | Path] = (),
    strict: bool = False,
    keep_sigma: bool = False,
) -> tuple[Ruleset, Collection]:
    """``load``, and what it was made from."""
    reader = _Reader(placeholders, Pipelines(pipelines), strict, keep_sigma)
    files, problems = rule_files(paths)
    return reader.read(contents(files), problems), reader.found


class _Reader:
    def __init__(
        self, placeholders: Mapping[str, Sequence[str]], pipelines: Pipelines, strict: bool, keep_sigma: bool
    ) -> None:
        self.placeholders = placeholders
        self.pipelines = pipelines
        self.strict = strict
        self.keep_sigma = keep_sigma
        self.found = Collection()
        self.names = references.Names()
        self.original: dict[str, LogSource] = {}  # log sources as written: pipelines change those of the rules

    def read(self, files: Iterable[RuleFile], problems: Sequence[Problem]) -> Ruleset:
        self.found.problems += [*problems, *self.pipelines.problems]
        for file in files:
            self.file(file)
        return self.ruleset()

    def file(self, file: RuleFile) -> None:
        path = file.path
        if file.refusal:
            self.found.problems.append(
                Problem(path, 0, "error", f"cannot be read: {file.refusal}", "check its size and permissions")
            )
            return
        count = 0
        try:
            for document, line in documents(file.data):
                if document is None:
                    continue
                count += 1
                self.document(document, path, line)
        except Refused as refused:
            self.found.problems.append(refused.problem(path, 1))
            count += 1
        if not count:
            self.found.problems.append(Problem(path, 1, "warning", "the file holds no rule", "remove it, or write one"))

    def document(self, document: Any, path: str, line: int) -> None:
        if not isinstance(document, Map):
            mend = (
                "move case files to a folder 'tests' beside the rules"
                if isinstance(document, list)
                else "start with 'title:'"
            )
            self.found.problems.append(Problem(path, line, "error", "a rule is a mapping of keys to values", mend))
            return
        source = Source(path, line, document)
        self.found.sources.append(source)
        try:
            try:
                self._rule(source)
            except Unresolved as unresolved:
                self._disable(source, unresolved)
        except Refused as refused:
            self.found.problems.append(refused.problem(path, line))
            self._unusable(source, "it has errors")

    def _disable(self, source: Source, unresolved: Unresolved) -> None:
        """It keeps its id and name, so that what refers to it is disabled, too, and not broken."""
        assert source.head is not None
        at = unresolved.source.line if unresolved.source is not None else None
        mend = "write its values in place of it, or give assets the role it names (JumpHosts: jump_host)"
        label = source.head.label
        what = f"'{label}' is disabled: {unresolved.args[0]}"
        self.found.problems.append(Problem(source.path, at or source.line, "warning", what, mend))
        self.found.disabled.append(label)
        self._claim(source, source.head)

    def _rule(self, source: Source) -> None:
        document = source.document
        if "action" in document:
            what = f"'action: {str(document['action'])[:20]}' joins documents in a way that Sigma has given up"
            raise Refused(what, "write each rule out in full", document.at("action"))
        kind = next((key for key in ("correlation", "filter") if key in document), "detection")
        if kind == "detection" and "detection" not in document:
            raise Refused(
                "there is neither 'detection' nor 'correlation' nor 'filter'", "add a detection", document.line
            )
        rule, kwargs, problems = head.read(document, source.path, self.strict, kind == "correlation")
        source.head = rule
        self.found.problems += problems
        if errors(problems):
            self._unusable(source, "it has errors")
            self._only_check(source, kind)
            return
        if kind == "correlation":
            draft, warnings, source.sigma = correlation_section.read(document, rule)
            self.found.problems += warnings
            draft.head = rule = self._claim(source, rule)
            self.found.drafts.append(draft)
            return
        logsource = self._logsource(source)
        if kind == "filter":
            self.found.filters.append(filters.read(document, rule, logsource, self.placeholders))
            return
        section = document["detection"]
        if not isinstance(section, Map):
            raise Refused(
                "'detection' is no mapping", "write searches and a condition below it", document.at("detection")
            )
        texts = searches.conditions(section)
        found = searches.detections(section, self.placeholders)
        if self.pipelines or self.keep_sigma:
            plain = document["logsource"] if isinstance(document["logsource"], Map) else {}
            sigma = self._sigma(source, kwargs, plain, found, [text for text, _ in texts])
        if self.pipelines and sigma is not None:
            self.pipelines.apply(sigma)
            found = sigma.detection.detections
            texts = [(text, texts[0][1]) for text in sigma.detection.condition]
        node = searches.tree(texts, searches.nodes(found))
        rule = self._claim(source, rule)
        self.original[rule.id] = logsource
        if self.pipelines and sigma is not None:
            logsource = LogSource(sigma.logsource.product, sigma.logsource.category, sigma.logsource.service)
        self.found.detections.append(DetectionRule(rule, logsource, node))

    def _sigma(
        self,
        source: Source,
        kwargs: Mapping[str, Any],
        logsource: Mapping[str, Any],
        found: dict[str, SigmaDetection],
        texts: list[str],
    ) -> SigmaRule | None:
        parts = {key: logsource.get(key) or None for key in ("category", "product", "service")}
        if not any(parts.values()):
            return None
        source.sigma = sigma_rule(kwargs, SigmaLogSource(**parts), found, texts, source.path, source.line)
        return source.sigma

    def _only_check(self, source: Source, kind: str) -> None:
        """The rule is lost already; say at once what else is wrong with it."""
        assert source.head is not None
        if kind == "correlation":
            self.found.problems += correlation_section.read(source.document, source.head)[1]
            return
        self._logsource(source)
        if kind == "detection" and isinstance(source.document["detection"], Map):
            section = source.document["detection"]
            searches.tree(searches.conditions(section), searches.nodes(searches.detections(section, self.placeholders)))

    def _logsource(self, source: Source) -> LogSource:
        logsource, complaints = head.logsource(source.document, self.strict)
        for line, severity, what, mend in complaints:
            self.found.problems.append(Problem(source.path, line, severity, what, mend))
        return logsource

    def _claim(self, source: Source, rule: RuleHead) -> RuleHead:
        """The rule takes its id and name. Of two rules without an id that share a title, the second gets another id."""
        document, path = source.document, source.path
        if rule.name:
            taken = self.names.claim("name", rule.name, path, document.at("name"))
            if taken is not None:
                what = f"the name '{rule.name}' is that of {taken[0]}:{taken[1]}, too"
                raise Refused(what, "give the rule a name of its own", document.at("name"))
        own = bool(document.get("id"))
        line = document.at("id" if own else "name" if rule.name else "title")
        taken = self.names.claim("id", rule.id, path, line)
        if taken is not None and own:
            raise Refused(
                f"the id {rule.id} is that of {taken[0]}:{taken[1]}, too", "give the rule an id of its own", line
            )
        if taken is not None:
            what = f"the title is that of {taken[0]}:{taken[1]}, too, and neither rule has an id"
            self.found.problems.append(Problem(path, line, "warning", what, "give each rule an id"))
        count = 2
        while taken is not None:
            rule = msgspec.structs.replace(rule, id=str(uuid.uuid5(head.NAMESPACE, f"{rule.title}\n{count}")))
            taken = self.names.claim("id", rule.id, path, line)
            count += 1
        self.names.give(rule.id, rule.name)
        source.head = rule
        return rule

    def _unusable(self, source: Source, why: str) -> None:
        for key in ("id", "name"):
            text = source.document.get(key)
            if isinstance(text, str):
                self.names.unusable.setdefault(text, f"{why} ({source.path}:{source.line})")

    def ruleset(self) -> Ruleset:
        detections = self._filtered()
        resolved = references.resolve(self.found.drafts, self.names, (rule.head.id for rule in detections))
        informational = {rule.head.id for rule in detections if rule.head.level == "informational"}
        silenced = references.silenced(resolved.correlations, informational)
        self.found.problems += resolved.problems
        self.found.problems[:] = sorted(set(self.found.problems))
        return Ruleset(
            detections=tuple(alternatives.resolved(_quiet(rule, silenced)) for rule in detections),
            correlations=tuple(
                _quiet(rule, silenced) for rule in self.pipelines.mapped(resolved.correlations, self.original)
            ),
            problems=tuple(self.found.problems),
            disabled=tuple(self.found.disabled + resolved.disabled),
        )

    def _filtered(self) -> list[DetectionRule]:
        named: list[frozenset[str]] = []
        for one in self.found.filters:
            ids = set()
            for reference in one.rules or ():
                rule_id = self.names.find(reference.text)
                if rule_id is None:
                    what = f"the filter names '{reference.text}', and there is no such rule"
                    problem = Problem(
                        one.head.path, reference.line, "warning", what, self.names.close_to(reference.text)
                    )
                    self.found.problems.append(problem)
                else:
                    ids.add(rule_id)
            named.append(frozenset(ids))
        if not self.found.filters:
            return self.found.detections
        out = []
        for rule in self.found.detections:
            logsource = self.original[rule.head.id]
            joining = [
                self._filter_node(one, logsource)
                for one, ids in zip(self.found.filters, named, strict=True)
                if one.joins(rule.head.id, logsource, ids)
            ]
            out.append(msgspec.structs.replace(rule, condition=filters.joined(rule.condition, joining)))
        return out

    def _filter_node(self, one: Filter, logsource: LogSource) -> Node:
        if not self.pipelines:
            return one.node
        try:
            return filters.fitted(one, logsource, self.placeholders, self.pipelines)
        except Refused as refused:
            self.found.problems.append(refused.problem(one.head.path, one.line))
            return one.node


_Rule = TypeVar("_Rule", DetectionRule, CorrelationRule)


def _quiet(rule: _Rule, silenced: set[str]) -> _Rule:
    return msgspec.structs.replace(rule, silenced=True) if rule.head.id in silenced else rule
