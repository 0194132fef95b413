"""JSON objects: any names, nested or dotted, among them ECS, Sigma's flat names, and what Tieline wrote itself.

::

    {"@timestamp": "2026-01-02T03:04:05.006Z", "ls_product": "linux", "ls_category": "process_creation", "Image": "/usr/bin/id"}
    {"@timestamp": "2026-01-02T03:04:05.006Z", "ot": {"protocol": "modbus", "operation": "write"}, "source": {"ip": "192.0.2.7"}}

The object's own names are kept. What they mean in ECS is for the formats inside, which know shapes.
"""  # noqa: E501  (records as they are sent)

from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, Opened, ParseError
from engine.model.fields import sigma_names
from engine.model.routes import ecs_event, linux_channel
from parsers._grammar import ot
from parsers._grammar.event_time import event_time
from parsers._grammar.logsources import named
from parsers._grammar.objects import flat

_NONE = LogSource()
_WINDOWS = {"windows"}


def _fingerprint(head: bytes) -> bool:
    return head[:1] == b"{" or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def _opens(frame: Frame) -> Opened | None:
    if not _fingerprint(frame.payload):
        return None
    fields = flat(frame.payload)
    if fields is None:
        return None
    when = event_time(fields, frame.zone)
    fields.pop("@timestamp", None)
    if when is not None:
        fields["@timestamp"] = when
    _lists(fields)
    return Opened(fields, object=fields)


def _lists(fields: Fields) -> None:
    """ECS says lists; a sender's single value stands for a list of one."""
    for name in ("event.category", "event.type", "related.ip", "related.user", "related.hosts"):
        value = fields.get(name)
        if value is not None and type(value) is not list:
            fields[name] = [value]


def parse(frame: Frame) -> Fields:
    if frame.opened is not None:
        fields = frame.opened.fields
        # endpoint agents speak ECS alone; the rules for Windows speak of Image and CommandLine
        return sigma_names(fields, route(fields)) if _WINDOWS & _systems(fields) else {}
    opened = _opens(frame)
    if opened is None:
        raise ParseError("json: not a JSON object")
    return opened.fields


def _systems(fields: Fields) -> set[Any]:
    found = fields.get("host.os.type"), fields.get("host.os.family"), fields.get("host.os.platform")
    return {one for one in found if type(one) is str}


def route(fields: Fields) -> LogSource:
    said = named(fields)
    if said is not None:
        return said
    if "ot.operation" in fields or "ot.protocol" in fields:
        return ot.logsource(fields)
    if "Channel" in fields:
        sysmon = linux_channel(fields["Channel"], fields.get("EventID"))
        if sysmon is not None:
            return sysmon
    return ecs_event(fields)


FORMAT = LogFormat(
    id="json",
    vendor="Any",
    product="JSON",
    logsource=_NONE,
    spec="https://www.rfc-editor.org/rfc/rfc8259",
    parse=parse,
    opens=_opens,
    fingerprint=_fingerprint,
    route=route,
)
