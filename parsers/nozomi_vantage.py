"""Nozomi Networks Vantage and N2OS: alerts as JSON, as the data integrations and the OpenAPI give them.

::

    {"id":"7f3c","event_type":"alerts","type_id":"SIGN:DEV-STATE-CHANGE","type_name":"OT device state change","name":"OT device state change","risk":8.0,"time":1767323045006,"ip_src":"192.0.2.7","port_src":50211,"mac_src":"00:00:5e:00:53:01","ip_dst":"198.51.100.9","port_dst":44818,"mac_dst":"00:00:5e:00:53:02","protocol":"ethernetip","transport_protocol":"tcp","description":"Controller put into program mode"}
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from engine.model.times import from_number
from parsers._grammar import monitors
from parsers._grammar.zeek import number, word

_ENDS = {
    "ip_src": "source.ip", "ip_dst": "destination.ip", "mac_src": "source.mac", "mac_dst": "destination.mac",
    "port_src": "source.port", "port_dst": "destination.port",
}  # fmt: skip
_OPERATIONS = {
    "SIGN:PROGRAM:DOWNLOAD": "program_download", "SIGN:PROGRAM:UPLOAD": "program_upload",
    "SIGN:PROGRAM:CHANGE": "program_download", "SIGN:DEV-STATE-CHANGE": "mode_change",
    "SIGN:OT-DEVICE-STOP": "plc_stop", "SIGN:OT-DEVICE-START": "plc_start", "SIGN:OT-DEVICE-REBOOT": "restart",
    "SIGN:FIRMWARE-CHANGE": "firmware", "SIGN:FIRMWARE-TRANSFER": "firmware", "SIGN:CONFIGURATION-CHANGE": "config",
}  # fmt: skip
_SOURCE = LogSource(product="nozomi", service="alert")


def _shape(row: Mapping[str, Any]) -> bool:
    return (
        "tieline.format" not in row
        and "ip_src" in row
        and "ip_dst" in row
        and ("type_name" in row or "type_id" in row)
        and "id_src" in row
    )


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("nozomi_vantage: no ip_src, ip_dst, id_src and type_name")
    get = row.get
    kind, title, text = word(get("type_id")), word(get("name")) or word(get("type_name")), word(get("description"))
    fields: Fields = {
        "event.kind": "alert",
        "event.category": ["intrusion_detection"],
        "event.type": ["info"],
        "observer.vendor": "Nozomi Networks",
    }
    when = get("time", get("created_time"))
    time = from_number(when) if type(when) in (int, float) else None
    if time:
        fields["@timestamp"] = time
    if kind is not None:
        fields["rule.id"] = fields["event.code"] = kind
    if title is not None:
        fields["rule.name"] = fields["event.action"] = title
    if text is not None or title is not None:
        fields["message"] = text or title
    severity = number(get("severity"))
    if severity is None and type(get("risk")) in (int, float):
        severity = int(get("risk"))
    if severity is not None:
        fields["event.severity"] = severity
    monitors.ends(row, fields, _ENDS)
    monitors.transport(fields, get("transport_protocol"))
    spoken, host = word(get("protocol")), word(get("appliance_host"))
    if spoken is not None:
        fields["network.protocol"] = spoken.lower()
    if host is not None:
        fields["observer.hostname"] = fields["observer.name"] = host
    done = _OPERATIONS.get(kind) if kind is not None else monitors.operation(word(get("type_name")))
    monitors.acted(fields, done, spoken)
    monitors.techniques(fields, get("mitre_attack_techniques"), get("properties.mitre_attack_techniques"))
    monitors.related(fields)
    for column, name in (("label_src", "source.domain"), ("label_dst", "destination.domain")):
        label = word(get(column))
        if label is not None:
            fields[name] = label
    return fields


def route(fields: Fields) -> LogSource:
    return monitors.source_of(fields, _SOURCE)


FORMAT = LogFormat(
    id="nozomi_vantage",
    vendor="Nozomi Networks",
    product="Vantage, alerts as JSON",
    logsource=LogSource(product="nozomi"),
    spec="https://technicaldocs.nozominetworks.com/products/vantage",
    parse=parse,
    inside="json",
    shape=_shape,
    route=route,
)
