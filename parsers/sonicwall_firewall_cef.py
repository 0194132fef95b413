"""SonicWall firewalls, SonicOS 6.5 and 7, in CEF (the syslog format "ArcSight").

::

    CEF:0|SonicWall|NSa 2700|7.0.1-5100|98|Connection Opened|4|cat=262144 gcat=6 src=10.20.1.7 spt=51234 deviceInboundInterface=X0 cs1Label=192.0.2.7 snpt=12345 dst=198.51.100.5 dpt=443 deviceOutboundInterface=X1 cs2Label=198.51.100.5 dnpt=443 susr="corp\\\\m.keller" proto=tcp/https out=52 cs1="lan-out" app=49177 appName="General HTTPS" cnt=1437 fw_action="NA"

Labels of custom strings hold values of their own: cs1Label and cs2Label are the translated addresses, cs3Label and
cs4Label the zones. ``out`` is what the source sent, ``in`` what it received.
"""  # noqa: E501  (records as they are sent)

import re
from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.conversation import translated, transport, volume
from parsers._grammar.outcomes import outcome
from parsers._grammar.people import account

_FILE = re.compile(r"[Ff]ilename: ([^\s:\"*?<>|][^\"*?<>|]{0,254}?)\.?$")
_NONE = frozenset(("", "NA", "N/A"))


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None:
        raise ParseError("sonicwall_firewall_cef: no CEF record")
    said: Fields = frame.opened.fields
    log = {key: value.strip('"').strip() for key, value in row.items() if type(value) is str}
    get = log.get
    fields: Fields = {"observer.vendor": "SonicWall", "observer.product": "SonicOS", "observer.type": "firewall"}
    name, action = get("name", "").lower(), get("fw_action", "").lower()
    for field in ("source.bytes", "destination.bytes", "network.transport"):
        said.pop(field, None)
    protocol, _, service = get("proto", "").partition("/")
    transport(fields, protocol)
    if service and not service.isdigit():
        fields["network.protocol"] = service.lower()
    volume(fields, get("out"), get("in"), None, None)
    fields["related.ip"] = list(said.get("related.ip", ()))
    translated(fields, "source", get("cs1Label"), get("snpt"))
    translated(fields, "destination", get("cs2Label"), get("dnpt"))
    if not fields["related.ip"]:
        del fields["related.ip"]
    user = get("susr") or get("suser") or ""
    if user not in _NONE:
        account(fields, user.replace("\\\\", "\\"))
        fields["source.user.name"] = fields["user.name"]
    for key, field in (("cs1", "rule.name"), ("cs3Label", "observer.ingress.zone"),
                       ("cs4Label", "observer.egress.zone"),
                       ("appName", "network.application"), ("fw_action", "event.action")):  # fmt: skip
        value = get(key, "")
        if value not in _NONE:
            fields[field] = value.lower() if key == "appName" else value
    found = _FILE.search(get("msg", "")[:1024])
    if found is not None:
        fields["file.name"] = found[1]
    denied = action in ("drop", "block", "reject") or "drop" in name or "block" in name or "denied" in name
    if " login " in f" {name} " or "logged in" in name or "authentication" in name:
        result = outcome(name) or "unknown"
        fields["event.category"], fields["event.outcome"] = ["authentication"], result
        fields["event.type"] = ["start" if result == "success" else "info"]
    elif "source.ip" in said or "destination.ip" in said:
        fields["event.category"] = ["network"]
        fields["event.type"] = ["connection"] if "connection" in name else ["info"]
        if "alert" in name:
            fields["event.category"], fields["event.type"] = ["intrusion_detection", "network"], ["info"]
        if denied:
            fields["event.type"].append("denied")
        elif "connection" in name or action == "forward":
            fields["event.type"].append("allowed")
            fields["event.outcome"] = "success"
    else:
        fields["event.category"], fields["event.type"] = ["host"], ["info"]
    return fields


def _shape(row: Mapping[str, Any]) -> bool:
    return str(row.get("deviceVendor", "")).lower() == "sonicwall"


_FIREWALL = LogSource(product="sonicwall", category="firewall")
_LOGINS = LogSource(product="sonicwall", category="authentication")

FORMAT = LogFormat(
    id="sonicwall_firewall_cef",
    vendor="SonicWall",
    product="SonicOS, in CEF",
    logsource=_FIREWALL,
    spec="https://www.sonicwall.com/support/technical-documentation/docs/sonicos-7-1-log_event_reference_guide/",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=lambda fields: _LOGINS if "authentication" in fields.get("event.category", ()) else _FIREWALL,
)
