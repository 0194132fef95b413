"""JSON objects: any names, nested or dotted, among them ECS, Sigma's flat names, and what Tieline wrote itself.

::

    {"@timestamp": "2026-01-02T03:04:05.006Z", "ls_product": "linux", "ls_category": "process_creation", "Image": "/usr/bin/id"}
    {"@timestamp": "2026-01-02T03:04:05.006Z", "ot": {"protocol": "modbus", "operation": "write"}, "source": {"ip": "192.0.2.7"}}

The object's own names are kept. What they mean in ECS is for the formats inside, which know shapes. A log line that a
shipper has wrapped (Filebeat's ``message``, Docker's ``log``, the journal's ``MESSAGE``) is read as if it had come by itself.
"""  # noqa: E501  (records as they are sent)

from engine.model import Fields, Frame, LogFormat, LogSource, Opened, ParseError
from engine.model.fields import sigma_names
from engine.model.routes import ecs_event, linux_channel
from parsers._grammar import ot
from parsers._grammar.event_time import event_time
from parsers._grammar.logsources import named
from parsers._grammar.objects import flat
from parsers._grammar.people import domain_and_name
from parsers._grammar.shippers import wrapped

_NONE = LogSource()
_SYSTEM = ("host.os.type", "host.os.family", "host.os.platform")
_LISTS = ("event.category", "event.type", "related.ip", "related.user", "related.hosts")


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
    if not fields.keys().isdisjoint(_LISTS):
        _lists(fields)
    name = fields.get("user.name")
    if name is not None and type(name) is str and "\\" in name and "user.domain" not in fields:
        domain, name = domain_and_name(name)
        if domain is not None:
            fields["user.domain"], fields["user.name"] = domain, name
    return Opened(fields, object=fields)


def _lists(fields: Fields) -> None:
    """ECS says lists; a sender's single value stands for a list of one."""
    for name in _LISTS:
        value = fields.get(name)
        if value is not None and type(value) is not list:
            fields[name] = [value]


def parse(frame: Frame) -> Fields:
    if frame.opened is not None:
        fields = frame.opened.fields
        # endpoint agents speak ECS alone; the rules for Windows speak of Image and CommandLine
        return sigma_names(fields, route(fields)) if _is_windows(fields) else {}
    opened = _opens(frame)
    if opened is None:
        raise ParseError("json: not a JSON object")
    return opened.fields


def _is_windows(fields: Fields) -> bool:
    return not fields.keys().isdisjoint(_SYSTEM) and any(fields.get(name) == "windows" for name in _SYSTEM)


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
    reopens=lambda opened: wrapped(opened.fields),
    fingerprint=_fingerprint,
    firsts=b"{ \t\r\n\xef\xbb\xbf",
    route=route,
)
