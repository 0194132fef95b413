"""Windows events as JSON: Winlogbeat and Elastic Agent, NXLog and Sigma's flat names, ``evtx_dump``'s nested ones.

::

    {"winlog": {"channel": "Security", "event_id": "4625", "event_data": {"TargetUserName": "m.keller", "LogonType": "10"}}}
    {"EventID": 4625, "Channel": "Security", "Computer": "ews-1", "TargetUserName": "m.keller", "IpAddress": "10.8.0.6"}
    {"Event": {"System": {"EventID": 4625, "Channel": "Security"}, "EventData": {"TargetUserName": "m.keller"}}}

The object keeps its names; Sigma's flat names (``EventID``, ``TargetUserName``) and ECS are added where it does not have them.
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from engine.model.fields import ECS_NAMES, alternatives, sigma_names
from engine.model.routes import windows_event, windows_service
from parsers._grammar import windows_sysmon
from parsers._grammar.logsources import named
from parsers._grammar.windows_ecs import FILLS, number, subject, text
from parsers._grammar.windows_names import flat_names, is_windows
from parsers._grammar.windows_tables import MEANINGS, Meaning

_UNKNOWN = Meaning("", (), ())
_FAILURE, _SUCCESS = 1 << 52, 1 << 53  # the audit bits of Keywords
_LISTS = ("related.ip", "related.user", "related.hosts", "related.hash")


def parse(frame: Frame) -> Fields:
    shape = frame.opened.object if frame.opened is not None else None
    if shape is None:
        raise ParseError("microsoft_windows: not a JSON object")
    names = flat_names(shape)
    data: Mapping[str, Any] = shape | names if names else shape
    code = text(data, "EventID")
    if code is None:
        raise ParseError("microsoft_windows: no EventID")
    service = _service(data)
    meaning = MEANINGS.get(service or "", {}).get(code, _UNKNOWN)
    fields: Fields = {"event.code": code}
    _meaning(fields, meaning, data)
    _origin(fields, data)
    if service == "sysmon":
        windows_sysmon.fill(fields, data, code)
    else:
        FILLS.get(service or "", {}).get(code, subject)(fields, data, code)
    for name in _LISTS:
        own = shape.get(name)
        if own is not None and name in fields:
            own = own if isinstance(own, list) else [own]
            names[name] = own + [value for value in fields[name] if value not in own]
    if shape.keys().isdisjoint(fields):
        fields.update(names)
        names = fields
    else:
        for name, value in fields.items():
            if name not in shape and name not in names:
                names[name] = value
    if not ECS_NAMES.isdisjoint(shape):
        source = route(data)
        if alternatives(source).keys().isdisjoint(data):  # an agent that speaks ECS alone
            for name, value in sigma_names(data, source).items():
                names.setdefault(name, value)
    if isinstance(names.get("EventID"), str) and code.isascii() and code.isdigit() and len(code) < 10:
        names["EventID"] = int(code)
    return names


def _service(data: Mapping[str, Any]) -> str | None:
    channel, provider = text(data, "Channel"), text(data, "Provider_Name")
    service = windows_service(channel, provider)
    if service is None and channel is None:
        said = named(data)
        return None if said is None else said.service
    return service


def _meaning(fields: Fields, meaning: Meaning, data: Mapping[str, Any]) -> None:
    if meaning.action:
        fields["event.action"] = meaning.action
    if meaning.category:
        fields["event.category"] = list(meaning.category)
        fields["event.type"] = list(meaning.type)
    outcome = meaning.outcome or _audited(data)
    if outcome is not None:
        fields["event.outcome"] = outcome


def _audited(data: Mapping[str, Any]) -> str | None:
    """Success or failure as the Security log's keywords say it, in numbers or words."""
    keywords = data.get("Keywords")
    if keywords is None:
        kind = data.get("EventType")
        return {"AUDIT_SUCCESS": "success", "AUDIT_FAILURE": "failure"}.get(kind) if isinstance(kind, str) else None
    bits = number(keywords)
    if bits is not None:
        if bits < 0:
            bits += 1 << 64
        return "failure" if bits & _FAILURE else "success" if bits & _SUCCESS else None
    words = " ".join(map(str, keywords)) if isinstance(keywords, list) else str(keywords)
    return "failure" if "Audit Failure" in words else "success" if "Audit Success" in words else None


def _origin(fields: Fields, data: Mapping[str, Any]) -> None:
    provider, computer, channel = text(data, "Provider_Name"), text(data, "Computer"), text(data, "Channel")
    if provider is not None:
        fields["event.provider"] = provider
    if computer is not None:
        fields["host.name"] = computer
        fields["related.hosts"] = [computer]
        record = text(data, "EventRecordID")
        if record is not None and channel is not None:
            fields["event.id"] = f"{channel}/{computer}/{record}"


def route(fields: Fields) -> LogSource:
    said = named(fields)
    return said if said is not None else windows_event(_service(fields), text(fields, "EventID"), fields)


FORMAT = LogFormat(
    id="microsoft_windows",
    vendor="Microsoft",
    product="Windows",
    logsource=LogSource(product="windows"),
    spec="https://learn.microsoft.com/windows/security/threat-protection/auditing/security-auditing-overview",
    parse=parse,
    inside="json",
    shape=is_windows,
    route=route,
)
