"""Check Point gateways and management in CEF, by Log Exporter: Check Point's keys, most of them under CEF's names.

::

    CEF:0|Check Point|VPN-1 & FireWall-1|Check Point|Log|https|Unknown|act=Accept deviceDirection=0 rt=1767323045000 spt=51234 dpt=443 suser=Maria Keller (mkeller) cs2Label=Rule Name cs2=lan-out ifname=bond1 loguid={0x1,0x0,0x0,0x0} origin=192.0.2.1 originsicname=CN\\\\=gw-1,O\\\\=mgmt dst=198.51.100.5 product=VPN-1 & FireWall-1 proto=6 src=10.20.1.7 sourceTranslatedAddress=192.0.2.7 sourceTranslatedPort=41022
    CEF:0|Check Point|SmartDefense|Check Point|IPS|Web Server Exposed Repository|Very-High|act=Prevent cs4Label=Protection Name cs4=Web Server Exposed Repository rt=1767323046000 spt=51451 dpt=80 origin=192.0.2.1 src=203.0.113.66 dst=10.99.0.5 product=SmartDefense proto=6
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, ParseError
from parsers._grammar.checkpoint import FIREWALL, described, route

_KEYS = {
    "src": "src", "dst": "dst", "spt": "s_port", "dpt": "service", "proto": "proto", "act": "action",
    "suser": "src_user_name", "duser": "dst_user_name", "shost": "src_machine_name", "dhost": "dst_machine_name",
    "sourceTranslatedAddress": "xlatesrc", "sourceTranslatedPort": "xlatesport", "request": "resource",
    "destinationTranslatedAddress": "xlatedst", "destinationTranslatedPort": "xlatedport", "requestMethod": "method",
    "requestClientApplication": "user_agent", "fname": "file_name", "reason": "reason",
    "deviceInboundInterface": "ifname", "in": "received_bytes", "out": "sent_bytes", "app": "service_id",
}  # fmt: skip
_LABELS = {
    "Rule Name": "rule_name", "Threat Prevention Rule Name": "malware_rule_name", "Protection Name": "protection_name",
    "Protection ID": "protection_id", "Application Name": "appi_name", "Matched Category": "matched_category",
    "Application Rule Name": "app_rule_name", "DLP Rule Name": "dlp_rule_name", "Email Subject": "email_subject",
    "Attack Information": "attack_info", "Peer Gateway": "peer_gateway", "Malware Action": "malware_action",
    "User": "src_user_name", "TCP Flags": "tcp_flags", "Administrator": "administrator",
}  # fmt: skip
_SIDES = ("related.ip", "related.user")


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None:
        raise ParseError("checkpoint_firewall_cef: no CEF record")
    log = _keys(row)
    fields = described(log, frame)
    said: Fields = frame.opened.fields
    for name in ("destination.user.name", "destination.user.domain"):  # duser repeats suser
        if name in said and name in fields and log.get("src_user_name") == log.get("dst_user_name"):
            said.pop(name), fields.pop(name)
    if "user.full_name" in fields:  # "Maria Keller (mkeller)" is one account
        for name in ("user.target.name", "destination.user.name"):
            said.pop(name, None)
        said.pop("related.user", None)
    agent = row.get("user_agent")
    if agent:
        fields["user_agent.original"] = agent
    observer = fields.get("observer.name") or ""
    if observer and "host.name" not in said and "observer.ip" not in fields:
        fields["host.name"] = fields["host.hostname"] = observer
        known = fields.get("related.hosts") or said.get("related.hosts") or []
        fields["related.hosts"] = [*known, observer]
    for name in _SIDES:
        if name in said and name in fields:
            fields[name] = [*said[name], *(one for one in fields[name] if one not in said[name])]
    return fields


def _keys(row: Mapping[str, Any]) -> dict[str, str]:
    """Check Point's own keys."""
    log: dict[str, str] = {}
    for key, value in row.items():
        if type(value) is not str or not value:
            continue
        if key in _KEYS:
            log.setdefault(_KEYS[key], value)
        elif key.endswith("Label"):
            held, name = row.get(key[:-5]), _LABELS.get(value)
            if held and name is not None:
                log.setdefault(name, str(held))
        elif key.islower():
            log.setdefault(key, value)
    if log.get("src_user_name") and log.get("dst_user_name") == log["src_user_name"]:
        del log["dst_user_name"]
    log.setdefault("product", str(row.get("deviceProduct", "")))
    log.pop("time", None)  # rt says it, and the envelope has read it
    return {key: value for key, value in log.items() if value}


def _shape(row: Mapping[str, Any]) -> bool:
    return (row.get("deviceVendor") or row.get("deviceProduct")) == "Check Point" and "origin" in row


FORMAT = LogFormat(
    id="checkpoint_firewall_cef",
    vendor="Check Point",
    product="Quantum gateways and management, in CEF",
    logsource=FIREWALL,
    spec="https://support.checkpoint.com/results/sk/sk122323 https://support.checkpoint.com/results/sk/sk144192",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=route,
)
