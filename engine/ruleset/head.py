"""What every document tells of itself: title, id, level, tags. pySigma reads it; its complaints get a line."""

import uuid
from typing import Any

from sigma import exceptions as sigma_exceptions
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from engine.model import LogSource, RuleHead
from engine.ruleset.documents import Map, Seq
from engine.ruleset.problem import Problem, Refused, Severity
from engine.ruleset.searches import CRASHES

NAMESPACE = uuid.UUID("6f6f3b4e-2a53-5d0e-9c1f-7d0a4b6c8e21")
"""Of the uuid5 of rules without an id."""

LEVELS = ("informational", "low", "medium", "high", "critical")
STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")

_KEYS: dict[type[SigmaError], tuple[str, str]] = {
    sigma_exceptions.SigmaIdentifierError: ("id", "write a UUID"),
    sigma_exceptions.SigmaNameError: ("name", "write a name of letters, digits and _"),
    sigma_exceptions.SigmaTaxonomyError: ("taxonomy", "leave it out, or write 'sigma'"),
    sigma_exceptions.SigmaRelatedError: ("related", "list mappings of 'id' and 'type'"),
    sigma_exceptions.SigmaLevelError: ("level", f"write one of {', '.join(LEVELS)}"),
    sigma_exceptions.SigmaStatusError: ("status", f"write one of {', '.join(STATUSES)}"),
    sigma_exceptions.SigmaTagError: ("tags", "list tags such as attack.t0855"),
    sigma_exceptions.SigmaDateError: ("date", "write YYYY-MM-DD"),
    sigma_exceptions.SigmaModifiedError: ("modified", "write YYYY-MM-DD"),
    sigma_exceptions.SigmaFieldsError: ("fields", "write a list"),
    sigma_exceptions.SigmaFalsePositivesError: ("falsepositives", "write a list"),
    sigma_exceptions.SigmaAuthorError: ("author", "write text"),
    sigma_exceptions.SigmaDescriptionError: ("description", "write text"),
    sigma_exceptions.SigmaReferencesError: ("references", "write a list"),
    sigma_exceptions.SigmaTitleError: ("title", "give the rule a title of at most 256 characters"),
    sigma_exceptions.SigmaLicenseError: ("license", "write text"),
    sigma_exceptions.SigmaScopeError: ("scope", "write a list"),
}
# What only documents a rule: it runs all the same, and only the lint insists.
_DOCUMENTARY = frozenset(
    {"taxonomy", "related", "status", "date", "modified", "author", "references", "license", "scope", "fields"}
)


def read(
    document: Map, path: str, strict: bool, correlation: bool = False
) -> tuple[RuleHead, dict[str, Any], list[Problem]]:
    """The head, pySigma's keyword arguments for the same, and what is wrong. Refused where no head can be made."""
    problems: list[Problem] = []
    for key in ("id", "name", "title"):
        if key in document and document[key] is not None and not isinstance(document[key], str):
            raise Refused(f"'{key}' is no text: {str(document[key])[:60]}", "put it in quotes", document.at(key))
    try:
        kwargs, complaints = SigmaRule.from_dict_common_params(document, True)
    except CRASHES as bad:
        raise Refused(
            f"pySigma cannot read the head of this rule: {bad}", "compare it with a rule that works", document.line
        ) from None
    for complaint in complaints:
        key, mend = _key_of(complaint)
        severity: Severity = "warning" if key in _DOCUMENTARY and not strict else "error"
        problems.append(Problem(path, _line(document, key, complaint), severity, str(complaint.args[0]), mend))
    head = RuleHead(
        id=_id(document),
        title=_text(document.get("title")),
        name=document.get("name") or None,
        level=str(kwargs["level"])
        if document.get("level") and not isinstance(kwargs["level"], str)
        else "informational",
        description=_text(document.get("description")).strip(),
        status=_text(document.get("status")) or None,
        author=_text(document.get("author")) or None,
        tags=tuple(str(tag) for tag in kwargs["tags"]),
        references=_texts(document.get("references")),
        falsepositives=_texts(document.get("falsepositives")),
        fields=_texts(document.get("fields")),
        path=path,
        correlation=correlation,
    )
    return head, kwargs, problems


def logsource(document: Map, strict: bool) -> tuple[LogSource, list[tuple[int, Severity, str, str]]]:
    """The log source. One that names nothing is refused by pySigma; the rule then sees every event."""
    if "logsource" not in document:
        raise Refused(
            "there is no 'logsource'", "say where the events come from: logsource: {product: linux}", document.line
        )
    value = document["logsource"]
    line = document.at("logsource")
    parts: dict[str, str | None] = {}
    if isinstance(value, Map):
        for key in ("product", "category", "service", "definition"):
            part = value.get(key)
            if part is not None and not isinstance(part, str):
                raise Refused(f"logsource: '{key}' is no text", "put it in quotes", value.at(key))
            parts[key] = part or None
    elif value is not None:
        raise Refused("'logsource' is no mapping", "write logsource: {product: linux}", line)
    source = LogSource(parts.get("product"), parts.get("category"), parts.get("service"))
    if source == LogSource():
        severity: Severity = "error" if strict else "warning"
        what = "the log source names no product, category or service, so the rule sees every event"
        return source, [(line, severity, what, "say where the events come from: logsource: {product: linux}")]
    return source, []


def _id(document: Map) -> str:
    given = document.get("id")
    if given:
        try:
            return str(uuid.UUID(given))
        except ValueError:
            return str(given)
    return str(uuid.uuid5(NAMESPACE, str(document.get("name") or document.get("title") or "")))


def _key_of(complaint: SigmaError) -> tuple[str, str]:
    for kind, found in _KEYS.items():
        if type(complaint) is kind:
            return found
    return "tags", "write namespace.name, such as attack.t0855"  # pySigma: a plain SigmaValueError for a tag


def _line(document: Map, key: str, complaint: SigmaError) -> int:
    value = document.get(key)
    if key == "tags" and isinstance(value, Seq):
        for index, tag in enumerate(value):
            if not isinstance(tag, str) or "." not in tag:
                return value.at(index)
    return document.at(key)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value if item is not None) if isinstance(value, list) else ()
