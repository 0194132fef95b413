"""Suricata's EVE: alerts, flows, and what its protocol loggers write, one JSON object a line.

::

    {"timestamp":"2026-01-02T03:04:05.006123+0000","flow_id":1,"event_type":"alert","src_ip":"198.51.100.9","src_port":40022,"dest_ip":"192.0.2.7","dest_port":502,"proto":"TCP","alert":{"action":"allowed","gid":1,"signature_id":2250009,"rev":2,"signature":"SURICATA Modbus Exception code invalid","category":"","severity":3}}
    {"timestamp":"2026-01-02T03:04:05.106123+0000","flow_id":1,"event_type":"modbus","src_ip":"10.20.1.7","dest_ip":"10.99.0.8","dest_port":502,"proto":"TCP","modbus":{"id":1,"request":{"transaction_id":7,"unit_id":1,"function_raw":6,"write":{"address":100,"data":700}}}}

The object's own names are kept. Requests of control protocols are the events that our own decoders give.
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from engine.model.times import from_number
from parsers._grammar import clock, ot, suricata_controllers
from parsers._grammar.addresses import ip, mac, port
from parsers._grammar.suricata_events import READERS as _TRANSACTIONS
from parsers._grammar.suricata_events import volume
from parsers._grammar.suricata_services import READERS as _SERVICES
from parsers._grammar.zeek import word

_CATEGORY = {
    "alert": ("network", "intrusion_detection"),
    "http": ("network", "web"),
    "http2": ("network", "web"),
    "smtp": ("network", "email"),
    "fileinfo": ("network", "file"),
    "krb5": ("network", "authentication"),
    "anomaly": ("network", "intrusion_detection"),
    "rdp": ("network", "session"),
    "rfb": ("network", "authentication"),
    "pgsql": ("network", "database"),
    "nfs": ("network", "file"),
    "tftp": ("network", "file"),
}
_TYPE = {"http": ("access", "protocol"), "http2": ("access", "protocol"), "alert": (), "krb5": ("protocol", "start"),
         "anomaly": ("info",), "drop": ("denied",), "fileinfo": ("info",),
         "rfb": ("protocol", "start"), "pgsql": ("protocol", "access"),
         "nfs": ("protocol", "access"), "tftp": ("protocol", "access")}  # fmt: skip
_PROTOCOLS = {"ftp_data": "ftp", "ftp-data": "ftp"}
_NO_PROTOCOL = frozenset(("failed", "template", "template-rust", "unknown"))
_TRANSPORTS = {"ipv6-icmp": "ipv6-icmp", "icmpv6": "ipv6-icmp"}
# Parts of the record that an alert carries along from the transaction that it is about.
_PARTS = {f"{part}.": part for part in ("http", "dns", "tls", "smb", "smtp", "ssh", "rdp", "ftp", "fileinfo")}
READERS = {**_TRANSACTIONS, **_SERVICES}
_CONTROL = frozenset(suricata_controllers.LOGS)
_LOGGED = _CONTROL.union(READERS, ("ike", "mdns", "dcerpc", "bittorrent_dht", "websocket", "ntp", "llmnr")) - {
    "alert",
    "flow",
    "netflow",
    "anomaly",
    "fileinfo",
}
_SOURCES: dict[str, LogSource] = {}
_LOGONS = {kind: LogSource("suricata", "authentication", kind) for kind in ("krb5", "ldap", "rfb")}


def _kind(row: Mapping[str, Any]) -> str | None:
    """The event type; old relays cut it off, and an alert is known without."""
    kind = row.get("event_type")
    if kind is None and "alert.signature_id" in row:
        return "alert"
    return kind.lower() if type(kind) is str else None


def _shape(row: Mapping[str, Any]) -> bool:
    if (
        "timestamp" not in row
        or "tieline.format" in row
        or ("event_type" not in row and "alert.signature_id" not in row)
    ):
        return False
    kind = _kind(row)
    return kind is not None and (
        "src_ip" in row or "flow_id" in row or f"{kind}.uptime" in row or "ether.src_mac" in row or "arp.src_ip" in row
    )


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    kind = None if row is None or not _shape(row) else _kind(row)
    if row is None or kind is None:
        raise ParseError("suricata_eve: no event_type, timestamp and src_ip")
    get = row.get
    fields: Fields = {
        "event.kind": "alert" if kind == "alert" else "metric" if kind == "stats" else "event",
        "event.category": list(_CATEGORY.get(kind, ("network",))),
        "event.type": list(_TYPE.get(kind, ("protocol",))),
        "event.dataset": "suricata.eve",
    }
    _time(row, frame, fields)
    _ends(row, fields)
    spoken = word(get("app_proto")) or (kind if kind in _LOGGED else None)
    if spoken is not None and spoken not in _NO_PROTOCOL:
        fields["network.protocol"] = _PROTOCOLS.get(spoken, spoken)
    if "flow.bytes_toserver" in row or "flow.start" in row:
        volume(row, fields)
    if kind in ("alert", "fileinfo"):
        _carried(row, kind, fields)
    reader = READERS.get(kind)
    if reader is not None:
        reader(row, fields)
    elif kind in _CONTROL:
        suricata_controllers.LOGS[kind](row, fields)
        if "ot.function" in fields:
            fields["message"] = suricata_controllers.message(fields)
    if type(get("dns.id")) is int and "dns.id" not in fields:
        fields["dns.id"] = str(row["dns.id"])
    return fields


def _time(row: Mapping[str, Any], frame: Frame, fields: Fields) -> None:
    """EVE's own time is that of the packet; a shipper's ``@timestamp`` is later."""
    said = row["timestamp"]
    when = (
        clock.iso(said, frame.zone) if type(said) is str else from_number(said) if type(said) in (int, float) else None
    )
    if when is not None:
        fields["@timestamp"] = when


def _ends(row: Mapping[str, Any], fields: Fields) -> None:
    get = row.get
    source, destination = ip(word(get("src_ip"))), ip(word(get("dest_ip")))
    if source is not None:
        fields["source.ip"] = fields["source.address"] = source
        fields["network.type"] = "ipv6" if ":" in source else "ipv4"
    if destination is not None:
        fields["destination.ip"] = fields["destination.address"] = destination
    if source is not None or destination is not None:
        fields["related.ip"] = [one for one in dict.fromkeys((source, destination)) if one is not None]
    for column, name in (("src_port", "source.port"), ("dest_port", "destination.port")):
        at = port(get(column))
        if at is not None:
            fields[name] = at
    if "ether.src_mac" in row or "ether.dest_mac" in row:
        for column, name in (("ether.src_mac", "source.mac"), ("ether.dest_mac", "destination.mac")):
            address = mac(word(get(column)))
            if address is not None:
                fields[name] = address
    transport = word(get("proto"))
    if transport is not None:
        if transport.isdecimal():
            fields["network.iana_number"] = transport
        else:
            fields["network.transport"] = _TRANSPORTS.get(transport.lower(), transport.lower())
    for column, name in (
        ("community_id", "network.community_id"),
        ("in_iface", "observer.ingress.interface.name"),
        ("host", "observer.name"),
    ):
        text = word(get(column))
        if text is not None:
            fields[name] = text
    vlan = get("vlan")
    if vlan is None:
        return
    numbers = [one for one in (vlan if type(vlan) is list else [vlan]) if type(one) is int]
    if numbers:
        fields["network.vlan.id"] = str(numbers[0])
        if len(numbers) > 1:
            fields["network.inner.vlan.id"] = str(numbers[1])


def _carried(row: Mapping[str, Any], kind: str, fields: Fields) -> None:
    """The transaction that an alert or a file is about: its address and names, not its outcome."""
    parts = {_PARTS[name[: name.find(".") + 1]] for name in row if name[: name.find(".") + 1] in _PARTS}
    for part in sorted(parts):
        if part != kind:
            READERS[part](row, fields)
    fields.pop("event.outcome", None)
    fields.pop("event.action", None)


def route(fields: Fields) -> LogSource:
    if "ot.protocol" in fields:
        return ot.logsource(fields)
    kind = (_kind(fields) or "")[:32]
    if "authentication" in fields.get("event.category", ()):
        return _LOGONS.get(kind) or LogSource("suricata", "authentication", kind)
    known = _SOURCES.get(kind)
    if known is None:
        category = {"http": "proxy", "dns": "dns", "flow": "firewall"}.get(kind)
        known = LogSource("suricata", category, kind or None)
        if len(_SOURCES) < 256:
            _SOURCES[kind] = known
    return known


FORMAT = LogFormat(
    id="suricata_eve",
    vendor="OISF",
    product="Suricata, EVE",
    logsource=LogSource(product="suricata"),
    spec="https://docs.suricata.io/en/latest/output/eve/eve-json-format.html",
    parse=parse,
    joins=suricata_controllers.Transactions,
    inside="json",
    shape=_shape,
    route=route,
)
