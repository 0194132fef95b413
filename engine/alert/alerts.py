"""Match → Alert: the ECS document that analysts read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from engine.alert.attack import threat
from engine.alert.masking import mask_document
from engine.alert.plain import keyword, plain
from engine.alert.wording import reason
from engine.model import Alert, Correlated, Event, Evidence, Held, Match, RuleHead
from engine.model.alert import alert_id
from engine.model.fields import alternatives
from engine.model.rule import SEVERITY
from engine.model.summary import summary
from engine.model.times import rfc3339

Document = dict[str, Any]

ECS_VERSION: Final = "9.5.0"

_SHOWN_ROOTS: Final = frozenset(
    (
        "source", "destination", "client", "server", "host", "user", "group", "process", "network", "observer",
        "service", "file", "registry", "url", "dns", "ot",
    )
)  # fmt: skip
_SHOWN: Final = ("event.action", "event.code", "event.outcome", "event.provider", "tieline.truncated", "tieline.time")
_ENRICHED: Final = ("tieline.source.", "tieline.destination.", "tieline.host.")
_MOST_FIELDS: Final = 200  # of the event in its alert
_LONGEST: Final = 8_192  # characters of one of them; Lucene refuses keywords beyond 32,766 bytes
_MOST_RELATED: Final = 256
_MOST_ASKED_FOR: Final = 64  # fields that one rule wants to be shown

_ADDRESSES: Final = ("source.ip", "destination.ip", "client.ip", "server.ip", "host.ip", "related.ip")
_USERS: Final = (
    "user.name",
    "user.target.name",
    "user.effective.name",
    "source.user.name",
    "destination.user.name",
    "related.user",
)
_HOSTS: Final = ("host.name", "host.hostname", "source.domain", "destination.domain", "related.hosts")
_ASSETS: Final = ("tieline.destination.asset", "tieline.host.asset", "tieline.source.asset")


def unknown(_: str) -> None:
    """No asset has a consequence."""


class Alerts:
    """``consequence`` gives the plant's own words for what happens when an asset is attacked, by the asset's name."""

    def __init__(self, *, consequence: Callable[[str], str | None] = unknown) -> None:
        self._consequence = consequence
        self._heads: dict[RuleHead, Document] = {}

    def alert(self, match: Match) -> Alert:
        """The alert of a detection, or one revision of a correlation's. The same match gives the same bytes."""
        rule, event, correlated = match.rule, match.event, match.correlated
        if correlated is None:
            number, time, revision = alert_id(rule.id, (), event.id), event.time, 0
        else:
            group = map(keyword, correlated.group.values())
            number, time = alert_id(rule.id, group, correlated.first_event), correlated.opened
            revision = correlated.revision
        document: Document = {"@timestamp": rfc3339(time), "event.id": number, "message": rule.title}
        document.update(self._of_rule(rule))
        seen = mask_document(plain(self._of_event(match)))
        seen.update(document)
        return Alert(number, revision, time, rule.id, rule.level, dict(sorted(seen.items())))

    def match_document(self, match: Match) -> Document:
        """A detection as ``replay --matches`` prints it: the event, and which rule held and why."""
        rule = match.rule
        document = plain(match.event.document())
        document["event.kind"] = "event"
        for name, value in (("rule.uuid", rule.id), ("rule.name", rule.title), ("tieline.rule.level", rule.level)):
            document[name] = plain(value)
        if rule.name is not None:
            document["rule.id"] = plain(rule.name)
        document["tieline.why"] = _why(match.why)
        return mask_document(document)

    def _of_rule(self, rule: RuleHead) -> Document:
        known = self._heads.get(rule)
        if known is None:
            if len(self._heads) >= 8_192:
                self._heads.clear()
            known = self._heads[rule] = plain(_head(rule))
        return known

    def _of_event(self, match: Match) -> Document:
        event, correlated = match.event, match.correlated
        out: Document = {}
        for name, value in event.fields.items():
            if len(out) >= _MOST_FIELDS:
                break
            if ("." in name and name.partition(".")[0] in _SHOWN_ROOTS) or name in _SHOWN or name.startswith(_ENRICHED):
                out[name] = _short(value)
        if correlated is None:
            original = event.fields.get("event.original")  # of a packet, in hexadecimal
            if not isinstance(original, str):
                original = event.original[: 4 * _LONGEST].decode("utf-8", "backslashreplace")
            out["event.original"] = _short(original)
            out["tieline.events"] = [
                {"id": event.id, "time": rfc3339(event.time), "rule": match.rule.label, "summary": summary(event)}
            ]
            out["tieline.events_total"] = 1
        else:
            out.update(_of_correlation(correlated))
        evidence = correlated.events if correlated is not None else []
        for name, fields, taken in (
            ("related.ip", _ADDRESSES, [one.ip for one in evidence]),
            ("related.user", _USERS, [one.user for one in evidence]),
            ("related.hosts", _HOSTS, [one.hosts for one in evidence]),
        ):
            related = _distinct([*(event.fields.get(field) for field in fields), *taken])
            if related:
                out[name] = related
        if match.why:
            out["tieline.why"] = _why(match.why)
        asked = _asked_for(match.rule.fields, event)
        if asked:
            out["tieline.fields"] = asked
        consequence = self._of_plant(match, evidence)
        if consequence is not None:
            out["tieline.consequence"] = consequence
        out["event.reason"] = reason(match, out.get("related.user", []))
        return out

    def _of_plant(self, match: Match, evidence: list[Evidence]) -> str | None:
        """What it means for the process: of the target, else of the host, else of the last asset that took part."""
        fields = match.event.fields
        assets = [fields.get(name) for name in _ASSETS]
        assets += [asset for one in reversed(evidence) for asset in one.assets]
        for asset in assets:
            if isinstance(asset, str):
                found = self._consequence(asset)
                if found:
                    return found
        return None


def _head(rule: RuleHead) -> Document:
    severity = SEVERITY.get(rule.level, SEVERITY["informational"])
    folder = rule.path.replace("\\", "/").split("/")[-2:-1]
    out: Document = {
        "ecs.version": ECS_VERSION,
        "event.kind": "alert",
        "event.category": ["intrusion_detection"],
        "event.type": ["info"],
        "event.module": "tieline",
        "event.dataset": "tieline.alert",
        "event.severity": severity,
        "event.risk_score": float(severity),
        "rule.id": rule.name or rule.id,
        "rule.uuid": rule.id,
        "rule.name": rule.title,
        "rule.category": "correlation" if rule.correlation else "detection",
        "tieline.rule.level": rule.level,
    }
    for name, value in (
        ("rule.description", rule.description.strip()),
        ("rule.author", [one.strip() for one in (rule.author or "").split(",") if one.strip()]),
        ("rule.reference", rule.references[0] if rule.references else ""),
        ("rule.ruleset", folder[0] if folder else ""),
        ("tieline.rule.status", rule.status),
        ("tieline.rule.references", list(rule.references)),
        ("tieline.rule.falsepositives", list(rule.falsepositives)),
        ("tags", list(rule.tags)),
    ):
        if value:
            out[name] = value
    out.update(threat(rule.tags))
    return out


def _of_correlation(correlated: Correlated) -> Document:
    out: Document = {
        "event.start": rfc3339(correlated.first),
        "event.end": rfc3339(correlated.last),
        "tieline.correlation.type": correlated.type,
        "tieline.correlation.group": {name: keyword(value) for name, value in correlated.group.items()},
        "tieline.correlation.first": rfc3339(correlated.first),
        "tieline.correlation.last": rfc3339(correlated.last),
        "tieline.correlation.revision": correlated.revision,
        "tieline.correlation.late": correlated.late,
        "tieline.events": [
            {"id": one.id, "time": rfc3339(one.time), "rule": one.rule, "summary": one.summary}
            for one in correlated.events
        ],
        "tieline.events_total": correlated.events_total,
    }
    if correlated.evicted is not None:
        out["tieline.correlation.evicted"] = correlated.evicted
    if correlated.closed_by is not None:
        out["tieline.correlation.closed_by"] = correlated.closed_by
    return out


def _why(why: Iterable[Held]) -> list[Document]:
    out = []
    for held in why:
        one = {"identifier": plain(held.identifier), "value": keyword(held.value), "test": plain(held.test)}
        if held.field is not None:
            one["field"] = plain(held.field)
        out.append(one)
    return out


def _asked_for(names: Iterable[str], event: Event) -> list[Document]:
    """What the rule's ``fields`` names for the analyst, as far as the event has it; also what has no place in ECS."""
    out: list[Document] = []
    for name in names:
        others = alternatives(event.logsource).get(name, ())
        value = next((found for one in (name, *others) if (found := _inside(event.fields, one)) is not None), None)
        if value is not None and len(out) < _MOST_ASKED_FOR:
            out.append({"field": plain(name), "value": _short(keyword(value))})
    return out


def _inside(fields: Mapping[str, Any], name: str) -> Any:
    """The field by its flat name, else by its path through objects."""
    value = fields.get(name)
    if value is not None or "." not in name:
        return value
    dot = name.find(".")
    while dot > 0:
        inner = fields.get(name[:dot])
        if isinstance(inner, Mapping):
            value = _inside(inner, name[dot + 1 :])
            if value is not None:
                return value
        dot = name.find(".", dot + 1)
    return None


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
    if isinstance(value, list | tuple) and len(value) > _MOST_RELATED:
        return [_short(one) for one in value[:_MOST_RELATED]]
    if isinstance(value, list | tuple):
        return [_short(one) for one in value]
    return value


def _distinct(values: Iterable[Any]) -> list[str]:
    out: dict[str, None] = {}
    for value in values:
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, str) and one and len(out) < _MOST_RELATED:
                out[one] = None
    return list(out)
