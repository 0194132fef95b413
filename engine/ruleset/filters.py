"""``filter`` documents: conditions that are AND-ed to the rules they name."""

from collections.abc import Sequence

import msgspec

from engine.model import LogSource, RuleHead
from engine.ruleset import searches
from engine.ruleset.condition import And, Node
from engine.ruleset.correlation_section import Reference
from engine.ruleset.documents import Map, Seq
from engine.ruleset.pipelines import Pipelines, sigma_logsource, sigma_rule
from engine.ruleset.problem import Refused


class Filter(msgspec.Struct, frozen=True):
    """``rules`` None: any rule whose log source this one covers. ``condition`` is the text, for the lint."""

    head: RuleHead
    logsource: LogSource
    rules: tuple[Reference, ...] | None
    node: Node
    section: Map
    condition: str
    line: int

    def joins(self, rule_id: str, logsource: LogSource, named: frozenset[str]) -> bool:
        return self.logsource.covers(logsource) and (self.rules is None or rule_id in named)


def read(document: Map, head: RuleHead, logsource: LogSource, placeholders: searches.Placeholders) -> Filter:
    section = document["filter"]
    if not isinstance(section, Map):
        raise Refused("'filter' is no mapping", "write rules, a search and a condition below it", document.at("filter"))
    texts = searches.conditions(section)
    if len(texts) != 1 or isinstance(section["condition"], Seq):
        raise Refused("a filter has exactly one condition", "write condition: not selection", section.at("condition"))
    found = searches.detections(section, placeholders, ("condition", "rules"))
    node = searches.tree(texts, searches.nodes(found), prefix=f"{head.label}: ")
    return Filter(head, logsource, _rules(section), node, section, texts[0][0], section.at("condition"))


def fitted(one: Filter, logsource: LogSource, placeholders: searches.Placeholders, pipelines: Pipelines) -> Node:
    """The filter as the pipelines change it for rules of this log source."""
    found = searches.detections(one.section, placeholders, ("condition", "rules"))
    rule = sigma_rule({"title": one.head.title}, sigma_logsource(logsource), found, [one.condition])
    changed = pipelines.apply(rule).detection
    texts = [(text, one.line) for text in changed.condition]
    return searches.tree(texts, searches.nodes(changed.detections), prefix=f"{one.head.label}: ")


def _rules(section: Map) -> tuple[Reference, ...] | None:
    if "rules" not in section:
        raise Refused(
            "the filter does not say which rules it joins", "write rules: any, or list names or ids", section.line
        )
    value = section["rules"]
    line = section.at("rules")
    if isinstance(value, str):
        return None if value.lower() == "any" else (Reference(value, line),)
    if not isinstance(value, Seq):
        raise Refused("'rules' is neither 'any' nor a list", "write rules: any, or list names or ids", line)
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise Refused(
                f"the reference {str(item)[:60]!r} is no text", "write the name or the id of a rule", value.at(index)
            )
    return tuple(Reference(item, value.at(index)) for index, item in enumerate(value)) or None


def joined(condition: Node, filters: Sequence[Node]) -> Node:
    return And((condition, *filters)) if filters else condition
