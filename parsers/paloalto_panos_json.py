"""Palo Alto Networks PAN-OS logs as JSON: Strata Logging Service (Cortex Data Lake) over HTTPS, and Prisma Access.

::

    {"TimeReceived":"2026-01-02T03:04:06.000000Z","DeviceSN":"007051000000001","LogType":"TRAFFIC","Subtype":"end","SourceAddress":"10.20.1.7","DestinationAddress":"198.51.100.5","NATSource":"192.0.2.7","NATDestination":"198.51.100.5","Rule":"lan-out","SourceUser":"corp\\\\m.keller","Application":"ssl","SourcePort":51234,"DestinationPort":443,"NATSourcePort":41022,"NATDestinationPort":443,"Protocol":"tcp","Action":"allow","Bytes":41748,"BytesSent":1850,"BytesReceived":39898,"DeviceName":"fw-edge-1","TimeGeneratedHighResolution":"2026-01-02T03:04:05.123000Z"}
    {"time":1767323045,"host":"stream-logfwd20","source":"Palo Alto Networks FLS LF","event":{"LogType":"SYSTEM","Subtype":"auth","EventName":"auth-success","EventDescription":"authenticated for user 'm.keller'.   From: 192.0.2.7.","LogSourceName":"fw-edge-1"}}

The service's own names are kept beside ECS.
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip
from parsers._grammar.panos_names import named
from parsers._grammar.panos_sessions import route
from parsers._grammar.people import hosts

_HEC = "event."
_SIGNS = frozenset(("DeviceSN", "LogSourceID", "LogSourceName", "DeviceName", "TimeGeneratedHighResolution"))


def _shape(row: Mapping[str, Any]) -> bool:
    if "LogType" in row:
        return type(row["LogType"]) is str and not _SIGNS.isdisjoint(row)
    return "event.LogType" in row and any(_HEC + name in row for name in _SIGNS)


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("paloalto_panos_json: no LogType beside the device's name or serial number")
    values: Mapping[str, Any] = row
    if "LogType" not in row:
        values = {name.removeprefix(_HEC): value for name, value in row.items()}
        for name in ("host", "source", "time"):  # the collector's own; ECS has objects of these names
            if type(frame.opened.fields.get(name)) is not dict:
                frame.opened.fields.pop(name, None)
        for name in [name for name in row if name.startswith(_HEC) and name[6:7].isupper()]:
            frame.opened.fields[f"tieline.panos.{name[6:]}"] = frame.opened.fields.pop(name)
    fields, names = named(values, frame.zone)
    device = fields.get("observer.name")
    if device is not None and "host.name" not in fields:  # no header names the sender
        fields["host.name"] = fields["host.hostname"] = device
    hosts(fields, frame, *(name for name in names if name and ip(name) is None))
    return fields


FORMAT = LogFormat(
    id="paloalto_panos_json",
    vendor="Palo Alto Networks",
    product="PAN-OS, Strata Logging Service",
    logsource=LogSource(product="paloalto", category="firewall"),
    spec="https://docs.paloaltonetworks.com/strata-logging-service/log-reference",
    parse=parse,
    inside="json",
    shape=_shape,
    route=route,
)
