"""Nozomi Networks Vantage and N2OS: alerts, assets, vulnerabilities as JSON, of data integrations and the OpenAPI.

::

    {"id":"7f3c","event_type":"alerts","type_id":"SIGN:DEV-STATE-CHANGE","type_name":"OT device state change","name":"OT device state change","risk":8.0,"time":1767323045006,"ip_src":"192.0.2.7","port_src":50211,"mac_src":"00:00:5e:00:53:01","ip_dst":"198.51.100.9","port_dst":44818,"mac_dst":"00:00:5e:00:53:02","protocol":"ethernetip","transport_protocol":"tcp","description":"Controller put into program mode"}
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from engine.model.times import from_number
from parsers._grammar import monitors, nozomi
from parsers._grammar.addresses import ip, mac
from parsers._grammar.zeek import number, word, words

_ENDS = {
    "ip_src": "source.ip", "ip_dst": "destination.ip", "mac_src": "source.mac", "mac_dst": "destination.mac",
    "port_src": "source.port", "port_dst": "destination.port",
}  # fmt: skip
_SOURCE = LogSource(product="nozomi", service="alert")


_SOURCES = {
    "assets": LogSource(product="nozomi", service="asset"),
    "vulnerabilities": LogSource(product="nozomi", service="vulnerability"),
    "wireless_networks": LogSource(product="nozomi", service="wireless"),
}


def _shape(row: Mapping[str, Any]) -> bool:
    if "tieline.format" in row:
        return False
    if "ip_src" in row and "ip_dst" in row and "id_src" in row and ("type_name" in row or "type_id" in row):
        return True
    kind = row.get("event_type")
    if kind == "assets":
        return "mac_vendor" in row or "appliance_hosts" in row
    if kind == "vulnerabilities":
        return "cve" in row and "matching_cpes" in row
    return kind == "wireless_networks" and "avg_rssi" in row


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("nozomi_vantage: no ip_src, ip_dst, id_src and type_name, nor an asset or a vulnerability")
    fields: Fields = {"observer.vendor": "Nozomi Networks"}
    when = row.get("time", row.get("created_time"))
    time = from_number(when) if type(when) in (int, float) else None
    if time:
        fields["@timestamp"] = time
    if "ip_src" in row:
        _alert(row, fields)
    else:
        kind = str(row["event_type"])
        fields["tieline.nozomi.kind"] = kind
        _READERS[kind](row, fields)
    return fields


def _asset(row: Mapping[str, Any], fields: Fields) -> None:
    get = row.get
    fields["event.kind"], fields["event.category"], fields["event.type"] = "asset", ["host"], ["info"]
    addresses = [one for one in map(ip, words(get("ip"))) if one is not None]
    links = [one for one in map(mac, words(get("mac_address"))) if one is not None]
    if addresses:
        fields["host.ip"], fields["related.ip"] = addresses, [*addresses]
    if links:
        fields["host.mac"] = links
    for column, field in (
        ("name", "host.name"),
        ("type", "host.type"),
        ("os", "host.os.full"),
        ("edge_id", "host.id"),
        ("vendor", "device.manufacturer"),
        ("product_name", "device.model.name"),
        ("serial_number", "device.serial_number"),
        ("firmware_version", "tieline.nozomi.firmware_version"),
    ):
        text = word(get(column))
        if text is not None:
            fields[field] = text
    name = fields.get("host.name")
    if name is not None:
        fields["message"] = f"asset {name}"
        fields["related.hosts"] = [name]
    for column, field in (("zones", "tieline.nozomi.zones"), ("protocols", "tieline.nozomi.protocols")):
        found = words(get(column))
        if found:
            fields[field] = found
    risk = monitors.score(get("risk"))
    if risk is not None:
        fields["event.risk_score"] = risk


def _vulnerability(row: Mapping[str, Any], fields: Fields) -> None:
    get = row.get
    fields["event.kind"], fields["event.category"], fields["event.type"] = "state", ["vulnerability"], ["info"]
    for column, field in (("cve", "vulnerability.id"), ("summary", "vulnerability.description"),
                          ("summary", "message"), ("status", "tieline.nozomi.status")):  # fmt: skip
        text = word(get(column))
        if text is not None:
            fields[field] = text
    base = monitors.score(get("score"))
    if base is not None and base <= 10:
        fields["vulnerability.score.base"] = base


def _wireless(row: Mapping[str, Any], fields: Fields) -> None:
    fields["event.kind"], fields["event.category"], fields["event.type"] = "state", ["network"], ["info"]
    for column, field in (("name", "network.name"), ("protocol", "network.protocol")):
        text = word(row.get(column))
        if text is not None:
            fields[field] = text.lower() if field == "network.protocol" else text


_READERS = {"assets": _asset, "vulnerabilities": _vulnerability, "wireless_networks": _wireless}


def _alert(row: Mapping[str, Any], fields: Fields) -> None:
    get = row.get
    kind, title, text = word(get("type_id")), word(get("name")) or word(get("type_name")), word(get("description"))
    nozomi.alert(kind, fields)
    if kind is not None:
        fields["rule.id"] = fields["event.code"] = kind
    if title is not None:
        fields["rule.name"] = fields["event.action"] = title
    if text is not None or title is not None:
        fields["message"] = text or title
    severity = number(get("severity"))
    risk = monitors.score(get("risk"))
    if severity is None and risk is not None:
        severity = int(risk)
    if severity is not None:
        fields["event.severity"] = severity
    if risk is not None:
        fields["event.risk_score"] = risk
    monitors.ends(row, fields, _ENDS)
    monitors.transport(fields, get("transport_protocol"))
    spoken, host = word(get("protocol")), word(get("appliance_host"))
    if spoken is not None:
        fields["network.protocol"] = spoken.lower()
    if host is not None:
        fields["observer.hostname"] = fields["observer.name"] = host
    done = nozomi.operation(kind) if kind is not None else monitors.operation(word(get("type_name")))
    monitors.acted(fields, done, spoken)
    monitors.techniques(fields, get("mitre_attack_techniques"), get("properties.mitre_attack_techniques"))
    monitors.related(fields)
    for column, name in (("label_src", "source.domain"), ("label_dst", "destination.domain")):
        label = word(get(column))
        if label is not None:
            fields[name] = label


def route(fields: Fields) -> LogSource:
    return monitors.source_of(fields, _SOURCES.get(fields.get("tieline.nozomi.kind", ""), _SOURCE))


FORMAT = LogFormat(
    id="nozomi_vantage",
    vendor="Nozomi Networks",
    product="Vantage, JSON",
    logsource=LogSource(product="nozomi"),
    spec="https://technicaldocs.nozominetworks.com/products/vantage",
    parse=parse,
    inside="json",
    shape=_shape,
    route=route,
)
