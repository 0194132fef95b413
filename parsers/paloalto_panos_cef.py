"""Palo Alto Networks PAN-OS logs in CEF: Strata Logging Service's own, and the device's by Palo Alto's custom format.

::

    CEF:0|Palo Alto Networks|LF|2.0|TRAFFIC|end|3|dtz=UTC rt=Jan 02 2026 03:04:05 deviceExternalId=007051000000001 src=10.20.1.7 dst=198.51.100.5 sourceTranslatedAddress=192.0.2.7 cs1=lan-out cs1Label=Rule suser0=corp\\\\m.keller app=ssl cs4=trust cs4Label=FromZone cs5=untrust cs5Label=ToZone cn1=33801 cn1Label=SessionID spt=51234 dpt=443 proto=tcp act=allow dvchost=fw-edge-1
    CEF:0|Palo Alto Networks|PAN-OS|10.1.0|auth-fail|SYSTEM|3|rt=Jan 02 2026 03:04:06 GMT deviceExternalId=007051000000001 cs3Label=Virtual System cs3=vsys1 fname=VPN-AUTH msg=failed authentication for user 'm.keller'. Reason: Invalid username/password. From: 203.0.113.66.

The columns' meaning is the default format's; addresses, ports and counts are read from CEF's own keys by the envelope.
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip
from parsers._grammar.panos_names import TYPES, named, word
from parsers._grammar.panos_sessions import route
from parsers._grammar.people import hosts

_OWN = "PanOS"
_KEYS = {
    "src": "SourceAddress", "dst": "DestinationAddress", "sourceTranslatedAddress": "NATSource",
    "destinationTranslatedAddress": "NATDestination", "spt": "SourcePort", "dpt": "DestinationPort",
    "sourceTranslatedPort": "NATSourcePort", "destinationTranslatedPort": "NATDestinationPort", "proto": "Protocol",
    "act": "Action", "app": "Application", "deviceInboundInterface": "InboundInterface",
    "deviceOutboundInterface": "OutboundInterface", "suser0": "SourceUser", "suser": "SourceUser",
    "duser0": "DestinationUser", "duser": "DestinationUser", "reason": "SessionEndReason", "dvchost": "DeviceName",
    "shost": "EndpointDeviceName", "deviceExternalId": "DeviceSN", "msg": "EventDescription",
    "requestMethod": "HTTPMethod", "requestClientApplication": "UserAgent", "filePath": "FileName", "request": "URL",
}  # fmt: skip
_LABELS = {
    "SourceZone": "FromZone", "DestinationZone": "ToZone", "VirtualSystem": "VirtualLocation",
    "IngressInterface": "InboundInterface", "EgressInterface": "OutboundInterface", "TotalBytes": "Bytes",
    "Totalbytes": "Bytes", "Packets": "PacketsTotal", "Flags": "", "URLCategory": "URLCategory",
}  # fmt: skip
_OVERRIDDEN = ("source.bytes", "destination.bytes", "@timestamp", "message")  # CEF's own keys say these


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None:
        raise ParseError("paloalto_panos_cef: no CEF record")
    values = _values(row)
    said: Fields = frame.opened.fields
    fields, names = named(values, frame.zone)
    for name in _OVERRIDDEN:
        if name in said:
            fields.pop(name, None)
    kind, event = values["LogType"], fields.get("event.code")
    if event is None:
        fields["event.code"] = kind
    device = fields.get("observer.name")
    if device is not None and "host.name" not in fields and "host.name" not in said:
        fields["host.name"] = fields["host.hostname"] = device
    for name in ("related.ip", "related.user"):
        if name in said and name in fields:
            fields[name] = [*said[name], *(one for one in fields[name] if one not in said[name])]
    hosts(fields, frame, *(name for name in names if name and ip(name) is None))
    return fields


def _values(row: Mapping[str, Any]) -> dict[str, str]:
    """CEF's keys under the names that the service gives the columns."""
    kind, subtype = str(row.get("deviceEventClassId", "")), str(row.get("name", ""))
    if subtype.upper() in TYPES and kind.upper() not in TYPES:
        kind, subtype = subtype, kind  # the device's own format has them the other way round
    values: dict[str, str] = {"LogType": kind, "Subtype": subtype}
    if kind.upper() == "SYSTEM":
        values["EventName"] = subtype
    for key, value in row.items():
        if value in ("", "null") or type(value) is not str:
            continue
        if key.startswith(_OWN):
            values[key[5:]] = value
        elif key in _KEYS:
            values.setdefault(_KEYS[key], value)
        elif key.endswith("Label"):
            held = row.get(key[:-5])
            name = value.replace(" ", "")
            name = _LABELS.get(name, name)
            if held and name:
                values.setdefault(name, str(held))
    values.pop("TimeGeneratedHighResolution", None)  # as CEF writes times, which the envelope has read
    for name in ("SourceUser", "DestinationUser"):
        if name in values:
            values[name] = values[name].replace("\\\\", "\\")
    if values["LogType"] in ("HIPMATCH", "HIP-MATCH") and word(row.get("cat")):
        values["HipMatchName"] = row["cat"]
    return values


def _shape(row: Mapping[str, Any]) -> bool:
    return str(row.get("deviceVendor", "")).lower() == "palo alto networks" and (
        str(row.get("deviceEventClassId", "")).upper() in TYPES or str(row.get("name", "")).upper() in TYPES
    )


FORMAT = LogFormat(
    id="paloalto_panos_cef",
    vendor="Palo Alto Networks",
    product="PAN-OS, in CEF",
    logsource=LogSource(product="paloalto", category="firewall"),
    spec="https://docs.paloaltonetworks.com/resources/cef",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=route,
)
