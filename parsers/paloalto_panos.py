"""Palo Alto Networks PAN-OS 8 to 11 and Panorama: every log type, as the comma-separated values of the default format.

::

    <14>Jan  2 03:04:05 fw-edge-1 1,2026/01/02 03:04:05,007051000000001,TRAFFIC,end,2561,2026/01/02 03:04:05,10.20.1.7,198.51.100.5,192.0.2.7,198.51.100.5,lan-out,corp\\m.keller,,ssl,vsys1,trust,untrust,ethernet1/2,ethernet1/1,default,2026/01/02 03:04:05,33801,1,51234,443,41022,443,0x40001c,tcp,allow,41748,1850,39898,62,2026/01/02 03:03:55,10,any,0,123456,0x8000000000000000,10.0.0.0-10.255.255.255,United States,0,25,37,tcp-fin,0,0,0,0,,fw-edge-1,from-policy
    1,2026/01/02 03:04:06,007051000000001,SYSTEM,auth,2561,2026/01/02 03:04:06,,auth-fail,VPN-AUTH,0,0,general,medium,"failed authentication for user 'm.keller'. Reason: Invalid username/password. auth profile 'VPN-AUTH', vsys 'vsys1', From: 203.0.113.66.",7459881507616729894,0x0,0,0,0,0,,fw-edge-1

Columns are told by position: the format names none. Later releases add columns behind the earlier ones.
"""  # noqa: E501  (records as they are sent)

import csv
import re
from datetime import tzinfo

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import ip
from parsers._grammar.panos_events import Columns
from parsers._grammar.panos_sessions import READERS, route
from parsers._grammar.people import hosts

_TYPES = (
    "TRAFFIC|THREAT|SYSTEM|CONFIG|GLOBALPROTECT|USERID|HIPMATCH|HIP-MATCH|AUTHENTICATION|AUTH|DECRYPTION|CORRELATION"
)
_TYPES += "|TUNNEL|START|END|GTP|SCTP|IPTAG|URL|DATA|WILDFIRE"
_START = re.compile(rf"[^,]{{0,80}},(?=\d[^,]{{5,24}},[^,]{{0,24}},(?:{_TYPES}),)")
_MARK = re.compile(_START.pattern.encode())
_FLAGS = re.compile(r",(\d{1,32}),0x[0-9a-f]{1,16},\d*,\d*,\d*,\d*,[^,]{0,255},([^,\s]{1,255})(?:,|$)")
_PRECISE = re.compile(r",(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))(?:,|$)")
_DATE = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d)")
# The column of the device's name; in other logs it follows the flags and the four levels of device groups.
_DEVICE = {"TRAFFIC": 52, "THREAT": 59, "SYSTEM": 22, "GLOBALPROTECT": 47, "USERID": 25, "HIPMATCH": 24,
           "HIP-MATCH": 24, "AUTHENTICATION": 29, "AUTH": 29, "CORRELATION": 17}  # fmt: skip


def parse(frame: Frame) -> Fields:
    text = frame.text
    found = _START.match(text)
    if found is None:
        raise ParseError("paloalto_panos: no comma-separated record with a type of log in its fourth column")
    row = _row(text)
    read = READERS.get(row[3]) if len(row) > 7 else None
    if read is None:
        raise ParseError(f"paloalto_panos: a record of unknown type, or cut off after {len(row)} columns")
    kind, subtype = row[3], row[4]
    row += [""] * (13 - len(row))  # a record that is cut off
    fields: Fields = {
        "observer.vendor": "Palo Alto Networks",
        "observer.product": "PAN-OS",
        "observer.type": "firewall",
        "tieline.panos.type": kind,
    }
    if frame.opened is None:
        fields["message"] = text.strip()
    if row[2]:
        fields["observer.serial_number"] = row[2]
    if subtype and subtype != "0":
        fields["tieline.panos.subtype"] = subtype
    when = _when(text, row[6], frame.zone)
    if when is not None:
        fields["@timestamp"] = when
    names = read(fields, row, subtype)
    column = _DEVICE.get(kind)
    named = _FLAGS.search(text) if column is None else None
    name = named[2] if named is not None else row.at(column) if column is not None else ""
    if name:
        fields["observer.name"] = fields["observer.hostname"] = name
    hosts(fields, frame, *(name for name in names if name and ip(name) is None))
    return fields


def _row(text: str) -> Columns:
    if '"' not in text:
        return Columns(text.strip().split(","))
    try:
        return Columns(next(csv.reader((text.strip().replace("\n", " ").replace("\r", " "),))))
    except (csv.Error, StopIteration):
        raise ParseError("paloalto_panos: quotes that do not close, or a column that is too long") from None


def _when(text: str, generated: str, zone: tzinfo | None) -> int | None:
    found = _PRECISE.search(text)
    if found is not None:
        return clock.iso(found[1])
    found = _DATE.fullmatch(generated)
    return None if found is None else clock.iso(f"{found[1]}-{found[2]}-{found[3]}T{found[4]}", zone)


FORMAT = LogFormat(
    id="paloalto_panos",
    vendor="Palo Alto Networks",
    product="PAN-OS",
    logsource=LogSource(product="paloalto", category="firewall"),
    spec="https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-admin/monitoring/use-syslog-for-monitoring/syslog-field-descriptions",
    parse=parse,
    inside="syslog",
    fingerprint=lambda head: _MARK.match(head) is not None,
    needs=tuple(f",{one},".encode() for one in _TYPES.split("|")),
    route=route,
)
