"""Windows events as JSON: Winlogbeat and Elastic Agent, NXLog and Sigma's flat names, ``evtx_dump``'s nested ones, Wazuh.

::

    {"winlog": {"channel": "Security", "event_id": "4625", "event_data": {"TargetUserName": "m.keller", "LogonType": "10"}}}
    {"EventID": 4625, "Channel": "Security", "Computer": "ews-1", "TargetUserName": "m.keller", "IpAddress": "10.8.0.6"}
    {"Event": {"System": {"EventID": 4625, "Channel": "Security"}, "EventData": {"TargetUserName": "m.keller"}}}
    {"win": {"system": {"eventID": "4625", "channel": "Security"}, "eventdata": {"targetUserName": "m.keller"}}}

The object keeps its names; Sigma's flat names (``EventID``, ``TargetUserName``) and ECS are added where it does not have them.
"""  # noqa: E501  (records as they are sent)

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.event_time import moment
from parsers._grammar.windows_event import additions, route
from parsers._grammar.windows_names import SHAPES, is_windows, rendered
from parsers._grammar.windows_text import values
from parsers._grammar.windows_xml import names

_SPOKEN = ("Security", "Microsoft-Windows-Sysmon/Operational")
_FACTS = frozenset(("user.name", "user.target.name", "source.ip", "process.executable", "process.pid"))


def parse(frame: Frame) -> Fields:
    shape = frame.opened.object if frame.opened is not None else None
    if shape is None:
        raise ParseError("microsoft_windows: not a JSON object")
    if "EventID" not in shape and (xml := rendered(shape)) is not None and shape.keys().isdisjoint(SHAPES):
        return _rendered(xml)
    fields = additions(shape, "microsoft_windows")
    channel, shown = shape.get("Channel"), shape.get("Message")
    if channel in _SPOKEN and type(shown) is str and _FACTS.isdisjoint(fields) and _FACTS.isdisjoint(shape):
        # no values but in the text that the Event Viewer shows
        code = fields.get("event.code") or shape["event.code"]  # what the sender says is not added again
        said = values(shown, str(code), sysmon=channel != "Security")
        fields = additions({**said, **shape}, "microsoft_windows") | {
            name: said[name] for name in said.keys() - shape.keys()
        }
    sent = fields.pop("SystemTime", None)  # Wazuh's own time is the manager's
    if sent is not None:
        when = moment(sent)
        if when is not None:
            fields["@timestamp"] = when
    return fields


def _rendered(xml: str) -> Fields:
    event = names(xml, "microsoft_windows")
    when = moment(event.pop("TimeCreated", None))
    fields = {**event, **additions(event, "microsoft_windows")}
    if when is not None:
        fields["@timestamp"] = when
    return fields


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
