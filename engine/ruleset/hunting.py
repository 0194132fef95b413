"""The pySigma pipelines ``tieline`` and ``tieline_ecs``: rules as hunting queries over what Tieline writes.

``sigma convert -t lucene -p tieline rules/it``. Log sources and field names come from the tables that the engine uses.
An event is stored with ECS names, ``ot.``, ``tieline.`` (its log source under ``tieline.logsource.``), and the names
that a JSON object had itself; Windows events always with Sigma's names. A field of another rule is looked for under all
its names; ``tieline_ecs`` leaves Sigma's out, for ES|QL and EQL, which refuse a query that names a field of no event.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product as combinations
from typing import Final

from sigma.conditions import SigmaCondition
from sigma.correlations import SigmaCorrelationRule, SigmaCorrelationType, SigmaExtendedCorrelationCondition
from sigma.exceptions import SigmaTransformationError
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation, SetStateTransformation
from sigma.processing.transformations.base import ConditionTransformation, PreprocessingTransformation
from sigma.rule import SigmaDetection, SigmaRule
from sigma.types import SigmaCompareExpression

from engine.model import LogSource
from engine.model.fields import NAMES, alternatives
from engine.model.taxonomy import TAXONOMY

INDEX: Final = "logs-tieline.*-*"
"""What the index template of the Elasticsearch sink applies to: events and alerts."""

_FIELD: Final = {part: f"tieline.logsource.{part}" for part in ("product", "category", "service")}
_SEARCH: Final = "_tieline_logsource"
_MAPPING: Final = "tieline_fields"

Way = dict[str, frozenset[str]]
"""One way for an event to be of a log source: the values that its parts may have."""


def ways(logsource: LogSource) -> list[Way]:
    """Every way, by what an event says of itself: the inverse of ``LogSource.covers``.

    >>> [{part: sorted(some) for part, some in way.items()} for way in ways(LogSource("linux", None, "auth"))]
    [{'product': ['linux'], 'service': ['auth', 'login', 'pam', 'sshd', 'su', 'sudo']}]
    """
    parts = (("product", logsource.product), ("category", logsource.category), ("service", logsource.service))
    named = [_ways(part, value, frozenset()) for part, value in parts if value is not None]
    return _simple(both for some in combinations(*named) if (both := _joined(some)) is not None)


def _ways(part: str, value: str, above: frozenset[tuple[str, str]]) -> list[Way]:
    out: list[Way] = [{part: frozenset((value,))}]
    above = above | {(part, value)}
    for also in TAXONOMY.also:
        added = {"product": also.products, "category": also.categories, "service": also.services}[part]
        if value not in added:
            continue
        when = {"product": also.when.product, "category": also.when.category, "service": also.when.service}
        options = [
            [way for one in some if (name, one) not in above for way in _ways(name, one, above)]
            for name, some in when.items()
            if some
        ]
        out += [both for some in combinations(*options) if (both := _joined(some)) is not None]
    return _simple(out)


def _joined(some: Iterable[Way]) -> Way | None:
    """All of them at once; None where no event can be."""
    out: Way = {}
    for way in some:
        for part, values in way.items():
            out[part] = out[part] & values if part in out else values
    return out if all(out.values()) else None


def _simple(some: Iterable[Way]) -> list[Way]:
    """Ways that differ in one part only become one; one that another holds already is left out."""
    left = list(some)
    changed = True
    while changed:
        changed = False
        for at, one in enumerate(left):
            for other in left[at + 1 :]:
                merged = _merged(one, other)
                if merged is not None:
                    left.remove(other)
                    left[at] = merged
                    changed = True
                    break
            if changed:
                break
    return left


def _merged(one: Way, other: Way) -> Way | None:
    if one.keys() == other.keys():
        differing = [part for part in one if one[part] != other[part]]
        if len(differing) <= 1:
            return {part: one[part] | other[part] for part in one}
    for wide, narrow in ((one, other), (other, one)):
        if all(part in narrow and narrow[part] <= wide[part] for part in wide):
            return wide
    return None


@dataclass
class OfLogSource(ConditionTransformation):
    """Only events of the rule's log source: the search is AND-ed to its conditions."""

    def apply(self, rule: SigmaRule | SigmaCorrelationRule) -> None:
        if not isinstance(rule, SigmaRule):
            return
        source = rule.logsource
        found = ways(LogSource(source.product, source.category, source.service))
        if not any(found):
            return
        searches = [
            SigmaDetection.from_definition({_FIELD[part]: sorted(values) for part, values in way.items()})
            for way in found
        ]
        rule.detection.detections[_SEARCH] = searches[0] if len(searches) == 1 else SigmaDetection(list(searches))
        super().apply(rule)

    def apply_condition(self, cond: SigmaCondition) -> None:
        cond.condition = f"{_SEARCH} and ({cond.condition})"


@dataclass
class Names(PreprocessingTransformation):
    """Each field under the names that events store it by; numbers where they are stored as numbers."""

    sigma: bool = True

    def apply(self, rule: SigmaRule | SigmaCorrelationRule) -> None:
        super().apply(rule)
        if not isinstance(rule, SigmaRule):
            return
        source = LogSource(rule.logsource.product, rule.logsource.category, rule.logsource.service)
        if source.product != "windows":
            own = self.sigma
            mapping: dict[str | None, str | list[str]] = {
                name: [name, *others] if own else list(others) if len(others) > 1 else others[0]
                for name, others in alternatives(source).items()
            }
            inner = FieldMappingTransformation(mapping)
            if self.processing_item is not None:
                inner.set_processing_item(self.processing_item)
            if self._pipeline is not None:
                inner.set_pipeline(self._pipeline)
            inner.apply(rule)
        for name, detection in rule.detection.detections.items():
            if name != _SEARCH:
                _numbers(detection)


def _numbers(detection: SigmaDetection) -> None:
    for item in detection.detection_items:
        if isinstance(item, SigmaDetection):
            _numbers(item)
        elif item.field in NAMES.numbers and any(isinstance(one, SigmaCompareExpression) for one in item.value):
            item.field = f"{item.field}.number"


@dataclass
class Convertible(PreprocessingTransformation):
    """Refuses a correlation whose meaning no query of Elasticsearch has."""

    keys: tuple[str, ...] = field(default=("tieline",))

    def apply(self, rule: SigmaRule | SigmaCorrelationRule) -> None:
        super().apply(rule)
        if not isinstance(rule, SigmaCorrelationRule):
            return
        why = None
        if rule.type == SigmaCorrelationType.TEMPORAL_ORDERED:
            why = "no query tells the order of events (temporal_ordered)"
        elif isinstance(rule.condition, SigmaExtendedCorrelationCondition):
            why = "no query joins rules by a condition (temporal with and, or, not)"
        elif rule.aliases is not None and rule.aliases.aliases:
            why = "no query joins fields of different names (aliases)"
        elif any(isinstance(one.rule, SigmaCorrelationRule) for one in rule.rules or ()):
            why = "no query counts what another correlation found"
        else:
            key = next((key for key in self.keys if key in rule.custom_attributes), None)
            if key is not None:
                why = f"no query has what stands under '{key}:'"
        if why is not None:
            raise SigmaTransformationError(f"'{rule.title}' stays with the engine: {why}")


def _pipeline(name: str, sigma: bool) -> ProcessingPipeline:
    return ProcessingPipeline(
        name=name,
        priority=20,
        items=[
            ProcessingItem(identifier="tieline_convertible", transformation=Convertible()),
            ProcessingItem(identifier=_MAPPING, transformation=Names(sigma)),
            ProcessingItem(identifier="tieline_logsource", transformation=OfLogSource()),
            ProcessingItem(identifier="tieline_index", transformation=SetStateTransformation("index", INDEX)),
        ],
    )


def tieline_pipeline() -> ProcessingPipeline:
    """Every name that an event may have a field by."""
    return _pipeline("Tieline: events under ECS and their own names", sigma=True)


def tieline_ecs_pipeline() -> ProcessingPipeline:
    """ECS names alone; Windows events by Sigma's."""
    return _pipeline("Tieline: events under ECS names", sigma=False)
