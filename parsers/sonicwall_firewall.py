"""SonicWall firewalls, SonicOS 5 to 8, in the default and the enhanced syslog format.

::

    <134>id=firewall sn=18B169AABBCC time="2026-01-02 03:04:05 UTC" fw=192.0.2.1 pri=6 c=262144 m=98 msg="Connection Opened" n=1437 src=10.20.1.7:51234:X0:ws-117 dst=198.51.100.5:443:X1 srcMac=00:00:5e:00:53:07 proto=tcp/https sent=52
    <129>id=firewall sn=18B169AABBCC time="2026-01-02 03:04:06" fw=192.0.2.1 pri=1 c=32 m=30 msg="Administrator login denied due to bad credentials" sess=Web n=7 usr="admin" src=203.0.113.66:0:X1 dst=192.0.2.1:443:X1

An endpoint is address, port, interface and name, parted by colons. CEF (ArcSight mode) is read by its own format.
"""  # noqa: E501  (records as they are sent)

import re
from datetime import UTC, tzinfo

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import ip
from parsers._grammar.conversation import count, endpoints, hardware, page, translated, transport, volume
from parsers._grammar.outcomes import outcome
from parsers._grammar.pairs import pairs
from parsers._grammar.people import account, hosts

_ENDPOINT = re.compile(
    r"(\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}\]?(?=$|,|/))(?:[:,](\d{0,5}))?(?::([^:]*))?(?::(.*))?"
)
_NAMES = {
    "sn": "observer.serial_number",
    "m": "event.code",
    "fw_action": "event.action",
    "rule": "rule.name",
    "appName": "network.application",
    "sess": "tieline.sonicwall.session_type",
    "note": "event.reason",
    "c": "tieline.sonicwall.category",
    "gcat": "tieline.sonicwall.group",
    "Category": "tieline.sonicwall.content_category",
    "category": "tieline.sonicwall.content_category",
    "ipscat": "tieline.sonicwall.ips_category",
    "sid": "tieline.sonicwall.signature",
    "vpnpolicy": "tieline.sonicwall.vpn_policy",
    "dstname": "destination.domain",
    "srcZone": "observer.ingress.zone",
    "dstZone": "observer.egress.zone",
    "fileid": "tieline.sonicwall.file",
    "agent": "user_agent.original",
    "icmpCode": "tieline.sonicwall.icmp_code",
    "msg": "tieline.sonicwall.msg",
}
_METHODS = {"1": "GET", "2": "POST", "3": "HEAD", "4": "PUT", "5": "CONNECT", "6": "DELETE", "7": "OPTIONS"}
_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "information", "debug")
_DROPPED = ("drop", "block", "prevention alert", "denied", "reject")
_PASSED = ("connection opened", "connection closed", "website accessed", "web site hit")


def parse(frame: Frame) -> Fields:
    log = pairs(frame.text)
    get = log.get
    if "m" not in log or "fw" not in log:
        raise ParseError("sonicwall_firewall: no m= (the number of the message) and fw=")
    fields: Fields = {"observer.vendor": "SonicWall", "observer.product": "SonicOS", "observer.type": "firewall"}
    if frame.opened is None:
        fields["message"] = frame.text.strip()
    for key, value in log.items():
        name = _NAMES.get(key)
        if name is not None and value and value != "NA":
            fields[name] = value.strip() or value
    when = _when(get("time"), frame.zone)
    if when is not None:
        fields["@timestamp"] = when
    own = ip(log["fw"])
    if own is not None:
        fields["observer.ip"] = [own]
    names = _sides(fields, log)
    name = get("usr") or get("user") or get("susr")
    if name and name.strip('"') and name not in ("Unknown", "Unknown (External IP)", "N/A"):
        account(fields, name)
        fields["source.user.name"] = fields["user.name"]
    if "dstname" in log and "arg" in log:
        page(fields, log["arg"], log["dstname"])
    number = count(get("n"))
    if number is not None:
        fields["event.sequence"] = number
    method = _METHODS.get(get("op") or "")
    if method is not None:
        fields["http.request.method"] = method
    status = count(get("result"))
    if status is not None and 100 <= status <= 599:
        fields["http.response.status_code"] = status
    priority = get("pri")
    if priority is not None and len(priority) == 1 and priority in "01234567":
        fields["event.severity"], fields["log.level"] = int(priority), _LEVELS[int(priority)]
    _meaning(fields, log)
    hosts(fields, frame, *(name for name in (*names, get("dstname")) if name and ip(name) is None))
    return fields


def _when(text: str | None, zone: tzinfo | None) -> int | None:
    if not text:
        return None
    if text.endswith((" UTC", " GMT")):
        return clock.iso(text[:-4].replace(" ", "T", 1), UTC)
    return clock.iso(text.replace(" ", "T", 1), zone)


def _sides(fields: Fields, log: dict[str, str]) -> list[str | None]:
    get = log.get
    source = _endpoint(get("src") or get("srcV6"))
    destination = _endpoint(get("dst") or get("dstV6"))
    endpoints(fields, source[0], source[1] or get("sport"), destination[0], destination[1] or get("dport"))
    for side, one, translation in (("source", source, "natSrc"), ("destination", destination, "natDst")):
        address = _endpoint(get(translation) or get(f"{translation}V6"))
        if address[0] is not None:
            translated(fields, side, address[0], address[1])
        end = "ingress" if side == "source" else "egress"
        if one[2]:
            fields[f"observer.{end}.interface.name"] = one[2]
        if one[3]:
            fields.setdefault(f"{side}.domain", one[3])
    hardware(fields, "source", get("srcMac") or get("smac"))
    hardware(fields, "destination", get("dstMac") or get("dmac"))
    protocol, _, service = (get("proto") or "").partition("/")
    transport(fields, protocol)
    if service and not service.isdigit():
        fields["network.protocol"] = service.lower()
    volume(fields, get("sent") or get("out"), get("rcvd") or get("in"), get("spkt"), get("rpkt"))
    lasted = count(get("dur")) if "dur" in log else None
    if lasted is not None and lasted < 9_000_000_000:
        fields["event.duration"] = lasted * 1_000_000_000
    return [source[3], destination[3]]


def _endpoint(text: str | None) -> tuple[str | None, str | None, str | None, str | None]:
    if not text:
        return None, None, None, None
    found = _ENDPOINT.fullmatch(text)
    if found is None:
        return (text, None, None, None) if ip(text) is not None else (None, None, None, None)
    address, number, interface, name = found.groups()
    return address, number or None, interface or None, name or None


def _meaning(fields: Fields, log: dict[str, str]) -> None:
    said = log.get("msg", "").lower()
    action = log.get("fw_action", "").lower()
    if "login" in said or "log in" in said or "authentication" in said or "lockout" in said:
        result = outcome(said)
        if result is not None and ("user.name" in fields or "login" in said):
            fields["event.category"] = ["authentication"]
            fields["event.type"] = ["start" if result == "success" else "info"]
            fields["event.outcome"] = result
            fields.setdefault("event.action", "login")
            return
    if "logged out" in said or "logout" in said:
        fields["event.category"], fields["event.type"] = ["session"], ["end"]
        fields.setdefault("event.action", "logout")
        return
    category = ["network"]
    if "ips " in said or "intrusion" in said or "attack" in said or "spoof" in said or "scan" in said:
        category = ["intrusion_detection", "network"]
    elif "virus" in said or "spyware" in said or "malware" in said or "botnet" in said:
        category = ["malware", "network"]
    elif "web site" in said or "website" in said:
        category = ["web", "network"]
    elif "source.ip" not in fields and "destination.ip" not in fields:
        fields["event.category"], fields["event.type"] = ["host"], ["info"]
        return
    types = ["connection"] if category == ["network"] else ["info"]
    if action == "drop" or any(word in said for word in _DROPPED):
        types.append("denied")
    elif action in ("forward", "mgmt", "allow") or said.startswith(_PASSED):
        types.append("allowed")
        fields["event.outcome"] = "success"
    if category == ["network"] and "connection opened" in said:
        types.append("start")
    elif category == ["network"] and "connection closed" in said:
        types.append("end")
    fields["event.category"], fields["event.type"] = category, types


_FIREWALL = LogSource(product="sonicwall", category="firewall")
_SOURCES = {
    "authentication": LogSource(product="sonicwall", category="authentication"),
    "web": LogSource(product="sonicwall", category="proxy"),
    "malware": LogSource(product="sonicwall", category="antivirus"),
    "session": LogSource(product="sonicwall", service="system"),
    "host": LogSource(product="sonicwall", service="system"),
}


def route(fields: Fields) -> LogSource:
    return _SOURCES.get((fields.get("event.category") or ("",))[0], _FIREWALL)


FORMAT = LogFormat(
    id="sonicwall_firewall",
    vendor="SonicWall",
    product="SonicOS",
    logsource=_FIREWALL,
    spec="https://www.sonicwall.com/techdocs/pdf/sonicos-6-5-1-log-events-reference-guide.pdf",
    parse=parse,
    inside="syslog",
    fingerprint=lambda head: b" sn=" in head and b" fw=" in head and b" m=" in head and b" pri=" in head,
    needs=(b" sn=",),
    route=route,
)
