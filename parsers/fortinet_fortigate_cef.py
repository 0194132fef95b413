"""Fortinet FortiGate logs in CEF mode: FortiOS's keys behind a prefix, others under CEF's names.

::

    CEF:0|Fortinet|Fortigate|v7.4.3|00013|traffic:forward close|3|deviceExternalId=FGT60F0000000001 FTNTFGTeventtime=1767323045123456789 FTNTFGTlogid=0000000013 cat=traffic:forward FTNTFGTsubtype=forward src=10.20.1.7 spt=51234 deviceInboundInterface=lan dst=198.51.100.5 dpt=443 proto=6 act=close FTNTFGTpolicyid=4 sourceTranslatedAddress=192.0.2.7 sourceTranslatedPort=51234 out=1850 in=39898
    CEF:0|Fortinet|Fortigate|v6.0.3|32002|event:system login failed|7|deviceExternalId=FGT60F0000000001 FTNTFGTlogid=0100032002 cat=event:system FTNTFGTsubtype=system duser=admin sproc=https(203.0.113.66) src=203.0.113.66 act=login outcome=failed reason=name_invalid

``out`` and ``in`` are the firewall's sentbyte and rcvdbyte: what the source sent, and what it received.
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, ParseError
from parsers._grammar.fortios import FIREWALL, described, route

_PREFIXES = ("FTNTFGT", "FortinetFortiGate", "ad.")
_KEYS = {
    "deviceExternalId": "devid", "dvchost": "devname", "src": "srcip", "spt": "srcport", "dst": "dstip",
    "dpt": "dstport", "proto": "proto", "act": "action", "app": "service", "externalId": "sessionid",
    "deviceInboundInterface": "srcintf", "deviceOutboundInterface": "dstintf", "sourceTranslatedAddress": "transip",
    "sourceTranslatedPort": "transport", "destinationTranslatedAddress": "tranip",
    "destinationTranslatedPort": "tranport", "out": "sentbyte", "in": "rcvdbyte", "duser": "user", "suser": "user",
    "shost": "srcname", "dhost": "hostname", "fname": "filename", "fsize": "filesize", "request": "url",
    "requestMethod": "httpmethod", "requestClientApplication": "agent", "msg": "msg", "reason": "reason",
    "sproc": "ui", "outcome": "status", "smac": "srcmac", "dmac": "dstmac", "deviceSeverity": "level",
}  # fmt: skip
_LABELLED = {"Virus": "virus", "Attack Name": "attack", "Reference": "ref"}
_SIDES = ("related.ip", "related.user")


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None:
        raise ParseError("fortinet_fortigate_cef: no CEF record")
    log = _keys(row)
    if "type" not in log or "subtype" not in log:
        raise ParseError("fortinet_fortigate_cef: no type and subtype of log in cat")
    said: Fields = frame.opened.fields
    for side in ("source", "destination"):
        said.pop(f"{side}.bytes", None)
    for name in ("process.name", "process.executable", "destination.user.name", "destination.user.domain"):
        said.pop(name, None)  # "https(192.0.2.7)" is where somebody came from, and duser is who came
    fields = described(log, frame)
    if "observer.name" in fields and "host.name" not in said:
        fields["host.name"] = fields["host.hostname"] = fields["observer.name"]
    for name in _SIDES:
        if name in said and name in fields:
            fields[name] = [*said[name], *(one for one in fields[name] if one not in said[name])]
    return fields


def _keys(row: Mapping[str, Any]) -> dict[str, str]:
    """FortiOS's own keys, first those that say so themselves."""
    log: dict[str, str] = {}
    for key, value in row.items():
        if type(value) is not str or not value:
            continue
        own = next((key[len(prefix) :] for prefix in _PREFIXES if key.startswith(prefix)), None)
        if own is not None:
            log[own] = value
        elif key in _KEYS:
            log.setdefault(_KEYS[key], value)
        elif key.endswith("Label") and value in _LABELLED:
            held = row.get(key[:-5])
            if held:
                log.setdefault(_LABELLED[value], str(held))
        elif key.islower():  # newer releases write FortiOS's keys as they are
            log.setdefault(key, value)
    kind, _, subtype = str(row.get("cat") or str(row.get("name", "")).partition(" ")[0]).partition(":")
    if kind:
        log["type"] = kind
        log.setdefault("subtype", subtype)
    log.setdefault("logid", str(row.get("deviceEventClassId", "")))
    return {key: value for key, value in log.items() if value}


def _shape(row: Mapping[str, Any]) -> bool:
    return str(row.get("deviceVendor", "")).lower() == "fortinet" and str(
        row.get("deviceProduct", "")
    ).lower().startswith(("fortigate", "fortios"))


FORMAT = LogFormat(
    id="fortinet_fortigate_cef",
    vendor="Fortinet",
    product="FortiGate, in CEF",
    logsource=FIREWALL,
    spec="https://docs.fortinet.com/document/fortigate/7.6.0/fortios-log-message-reference/604144/cef-support",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=route,
)
