"""The lint of log sources: what no event is, by the table."""

from engine.model import LogSource
from engine.model.taxonomy import complaint
from engine.ruleset.documents import Map
from engine.ruleset.problem import Problem


def unknown(document: Map, path: str) -> list[Problem]:
    """A warning where a rule names a product, category or service that is in no table: a misspelt rule is silent."""
    section = document.get("logsource")
    if not isinstance(section, Map):
        return []
    parts = {key: value for key in ("product", "category", "service") if isinstance(value := section.get(key), str)}
    logsource = LogSource(**{key: value or None for key, value in parts.items()})
    found = complaint(logsource.product, logsource.category, logsource.service)
    return [] if found is None else [Problem(path, document.at("logsource"), "warning", *found)]
