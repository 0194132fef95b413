"""F5 BIG-IP in CEF: application security (ASM), protocol security (PSM), the network firewall (AFM) and iRules.

::

    CEF:0|F5|ASM|15.1.2|Successful Request|Successful Request|2|dvchost=bigip-1.corp.example dvc=192.0.2.1 cs1=/Common/portal cs1Label=policy_name act=passed cn1=200 cn1Label=response_code src=203.0.113.7 spt=50631 dst=10.99.0.5 dpt=443 requestMethod=GET app=HTTPS rt=Jan 02 2026 03:04:05 request=/login cs3Label=full_request cs3=GET /login HTTP/1.1\\\\r\\\\nHost: portal.example\\\\r\\\\nUser-Agent: Mozilla/5.0\\\\r\\\\n
    CEF:0|F5|Advanced Firewall Module|16.1.0|23003137|Network Event|8|rt=Jan 02 2026 03:04:06 dvchost=bigip-1.corp.example src=10.20.1.7 spt=39321 dst=10.99.0.5 dpt=443 proto=TCP act=Accept cs5=allow_https cs5Label=acl_rule_name

What the keys of CEF mean is read by the envelope; here are F5's labels and what a request says of itself.
"""  # noqa: E501  (records as they are sent)

import re
from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip
from parsers._grammar.conversation import count
from parsers._grammar.people import hosts

_AGENT = re.compile(r"User-Agent: ?([^\r\n\\]{1,1024})")
_HOST = re.compile(r"\bHost: ?([\w.\-]{1,255})")
_PASSED = frozenset(("passed", "alerted", "accept", "accept decisively", "allow"))
_BLOCKED = frozenset(("blocked", "drop", "reject"))
_NONE = frozenset(("", "N/A"))
_LABELS = {
    "acl_rule_name": "rule.name",
    "policy_name": "rule.ruleset",
    "query_name": "dns.question.name",
    "query_type": "dns.question.type",
    "attack_type": "tieline.f5.attack_type",
    "virtual_name": "tieline.f5.virtual_server",
    "vs_name": "tieline.f5.virtual_server",
    "drop_reason": "event.reason",
    "attack_status": "tieline.f5.attack_status",
    "support_id": "tieline.f5.support_id",
}


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None:
        raise ParseError("f5_bigip_cef: no CEF record")
    said: Fields = frame.opened.fields
    labels = {
        str(row[key]).strip(): str(row.get(key[:-5], "")).strip() for key in row if key.endswith("Label") and row[key]
    }
    fields: Fields = {name: value for label, name in _LABELS.items() if (value := labels.get(label, "")) not in _NONE}
    web = str(row.get("deviceProduct")) in ("ASM", "BIG-IP", "PSM")
    action = str(row.get("act", "")).lower()
    fields["event.category"] = ["web", "network"] if web else ["network"]
    fields["event.type"] = ["access" if web else "connection"]
    if action in _PASSED:
        fields["event.type"].append("allowed")
        fields["event.outcome"] = "success"
    elif action in _BLOCKED:
        fields["event.type"].append("denied")
    status = count(labels.get("response_code") or str(row.get("http_code", "")))
    if status is not None and 100 <= status <= 599:
        fields["http.response.status_code"] = status
    request = labels.get("full_request", "")[:8192].replace("\\r\\n", "\r\n")
    found = _AGENT.search(request)
    if found is not None and "user_agent.original" not in said:
        fields["user_agent.original"] = found[1].strip()
    found = _HOST.search(request)
    domain = found[1] if found is not None else str(row.get("host", ""))
    if domain and " " not in domain:
        fields["url.domain"] = domain
    forwarded = ip(labels.get("x_forwarded_for_header_value", "").partition(",")[0])
    if forwarded is not None:
        fields["network.forwarded_ip"] = forwarded
    device = str(row.get("dvchost", ""))
    if device and "host.name" not in said and ip(device) is None:
        fields["host.name"] = fields["host.hostname"] = device
    if said.get("source.user.name") == "N/A":
        for name in ("source.user.name", "user.name", "related.user"):
            said.pop(name, None)
    hosts(fields, frame, device if ip(device) is None else None, domain if domain and ip(domain) is None else None)
    return fields


def _shape(row: Mapping[str, Any]) -> bool:
    return row.get("deviceVendor") == "F5"


_FIREWALL = LogSource(product="f5", category="firewall", service="afm")
_WEB = LogSource(product="f5", category="webserver", service="asm")

FORMAT = LogFormat(
    id="f5_bigip_cef",
    vendor="F5",
    product="BIG-IP, in CEF",
    logsource=_WEB,
    spec="https://techdocs.f5.com/en-us/bigip-15-1-0/external-monitoring-of-big-ip-systems-implementations.html",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=lambda fields: _WEB if "web" in fields.get("event.category", ()) else _FIREWALL,
)
