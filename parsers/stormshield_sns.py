"""Stormshield Network Security, SNS 3 and 4: filter, connections, alarms, authentication, VPN, administration.

::

    <14>Jan  2 03:04:05 fw-1 asqd id=firewall time="2026-01-02 03:04:05" fw="SN310A00000001" tz=+0000 startime="2026-01-02 03:04:04" pri=5 confid=01 slotlevel=2 ruleid=4 rulename="out" srcif="Ethernet3" srcifname="in" ipproto=tcp dstif="Ethernet2" dstifname="out" proto=https src=10.20.1.7 srcport=51234 dst=198.51.100.5 dstport=443 modsrc=192.0.2.7 modsrcport=41022 sent=1850 rcvd=39898 duration=10.25 action=pass logtype="connection"

``dst`` is where the packets went, ``origdst`` what the client had asked for: the second is the destination, the first
its translation.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import ip
from parsers._grammar.conversation import count, endpoints, hardware, page, translated, transport, volume
from parsers._grammar.outcomes import outcome
from parsers._grammar.pairs import pairs, spaced
from parsers._grammar.people import account, hosts, user

_NAMES = {
    "fw": "observer.serial_number",
    "ruleid": "rule.id",
    "rulename": "rule.name",
    "action": "event.action",
    "srcifname": "observer.ingress.interface.alias",
    "srcif": "observer.ingress.interface.name",
    "dstifname": "observer.egress.interface.alias",
    "dstif": "observer.egress.interface.name",
    "srcname": "source.domain",
    "dstname": "destination.domain",
    "proto": "network.protocol",
    "logtype": "tieline.stormshield.logtype",
    "msg": "event.reason",
    "alarmid": "event.code",
    "class": "tieline.stormshield.class",
    "classification": "tieline.stormshield.classification",
    "method": "tieline.auth.method",
    "service": "tieline.stormshield.service",
    "slotlevel": "tieline.stormshield.slotlevel",
    "cat_site": "tieline.stormshield.site_category",
    "peername": "tieline.stormshield.peer",
    "side": "tieline.stormshield.side",
    "phase": "tieline.stormshield.phase",
    "virus": "tieline.stormshield.virus",
    "risk": "tieline.stormshield.risk",
    "agentid": "tieline.stormshield.agent",
    "cmd": "process.command_line",
    "mailruleid": "tieline.stormshield.mail_rule",
}
_CATEGORIES = {
    "alarm": "intrusion_detection",
    "filter": "network",
    "connection": "network",
    "plugin": "network",
    "web": "web",
    "vpn": "network",
    "xvpn": "network",
    "auth": "authentication",
    "server": "configuration",
    "system": "host",
    "monitor": "host",
    "count": "host",
    "filterstat": "host",
    "sandboxing": "malware",
    "pvm": "vulnerability",
    "ssl": "network",
    "smtp": "email",
    "pop3": "email",
    "ftp": "network",
}
_ALLOWED = frozenset(("pass", "permit", "nat", "decrypt"))
_DENIED = frozenset(("block", "reset", "drop", "reject", "quarantine"))
_PRIORITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "information", "debug")
_SECONDS = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?")


def parse(frame: Frame) -> Fields:
    text = frame.text
    log = pairs(text) if '="' in text else spaced(text)
    get = log.get
    kind = get("logtype")
    if kind is None or "fw" not in log:
        raise ParseError("stormshield_sns: no logtype= and fw=")
    kind = kind.removeprefix("l_")
    fields: Fields = {"observer.vendor": "Stormshield", "observer.product": "SNS", "observer.type": "firewall"}
    if frame.opened is None:
        fields["message"] = text.strip()
    for key, value in log.items():
        name = _NAMES.get(key)
        if name is not None and value:
            fields[name] = value
    if log["fw"]:
        fields["observer.name"] = fields["observer.hostname"] = log["fw"]
    when = _when(log, frame)
    if when is not None:
        fields["@timestamp"] = when
    _sides(fields, log)
    if get("user"):
        account(fields, get("user"))
        if get("domain"):
            fields.setdefault("user.domain", log["domain"])
    if get("dstuser"):
        user(fields, get("dstuser"), "destination.user.name")
    _meaning(fields, log, kind)
    priority = get("pri")
    if priority and len(priority) == 1 and priority in "01234567":
        fields["event.severity"], fields["log.level"] = int(priority), _PRIORITIES[int(priority)]
    if kind in ("web", "plugin") and ("arg" in log or "op" in log):
        name = get("dstname")
        page(fields, get("arg") or "", name if name and ip(name) is None else None)
        if get("op"):
            fields["http.request.method"] = log["op"]
        status = count(get("result"))
        if status is not None and 100 <= status <= 599:
            fields["http.response.status_code"] = status
    hosts(fields, frame, *(name for name in (get("srcname"), get("dstname")) if name and ip(name) is None))
    return fields


def _when(log: dict[str, str], frame: Frame) -> int | None:
    text = log.get("time")
    if not text:
        return None
    zone = clock.offset_zone(log["tz"]) if log.get("tz") else None
    return clock.iso(text.replace(" ", "T", 1), zone or frame.zone)


def _sides(fields: Fields, log: dict[str, str]) -> None:
    get = log.get
    original, now = ip(get("origdst")), ip(get("dst"))
    number = get("dstport")
    if original is not None and now is not None and (original, get("origdstport")) != (now, number):
        endpoints(fields, get("src"), get("srcport"), original, get("origdstport"))
        translated(fields, "destination", now, number)
    else:
        endpoints(fields, get("src") or get("address") or get("host"), get("srcport"), get("dst"), number)
    modified, at = ip(get("modsrc")), get("modsrcport")
    if modified is not None and (modified, at) != (fields.get("source.ip"), get("srcport")):
        translated(fields, "source", modified, at)
    hardware(fields, "source", get("srcmac"))
    hardware(fields, "destination", get("dstmac"))
    transport(fields, get("ipproto"))
    volume(fields, get("sent"), get("rcvd"), get("sentpkt"), get("rcvdpkt"))
    found = _SECONDS.fullmatch(get("duration") or "")
    if found is not None:
        fields["event.duration"] = int(found[1]) * 1_000_000_000 + int((found[2] or "0").ljust(9, "0"))


def _meaning(fields: Fields, log: dict[str, str], kind: str) -> None:
    said, action = log.get("msg", ""), log.get("action", "").lower()
    category = _CATEGORIES.get(kind, "host")
    result: str | None = None
    types = ["info"]
    words = said.lower()
    if kind == "xvpn" and "authenticat" in words:
        category = "authentication"
    if category == "authentication":
        if "logged out" in words or "logout" in words or "disconnected" in words:
            category, types = "session", ["end"]
        else:
            result = outcome(said) or ("success" if log.get("error") == "0" else "unknown")
            if log.get("error", "0") not in ("", "0"):
                result = "failure"
            types = ["start" if result == "success" else "info"]
    elif category == "configuration":
        types = ["change"]
        if log.get("error", "") != "":
            result = "success" if log["error"] == "0" else "failure"
    elif kind in ("filter", "connection", "plugin", "alarm", "web", "ssl", "ftp", "smtp", "pop3"):
        types = ["connection"] if category == "network" else ["info"]
        if action in _DENIED:
            types.append("denied")
            result = "failure"
        elif action in _ALLOWED:
            types.append("allowed")
            result = "success"
    elif category == "network":
        types = ["connection", "info"]
    kinds = [category]
    if category in ("intrusion_detection", "web", "malware", "email") and len(types) > 1:
        kinds.append("network")
    fields["event.category"], fields["event.type"] = kinds, types
    if result is not None:
        fields["event.outcome"] = result


_FIREWALL = LogSource(product="stormshield", category="firewall")
_SOURCES = {
    "authentication": LogSource(product="stormshield", category="authentication"),
    "web": LogSource(product="stormshield", category="proxy"),
    "malware": LogSource(product="stormshield", category="antivirus"),
    "configuration": LogSource(product="stormshield", service="server"),
    "host": LogSource(product="stormshield", service="system"),
    "session": LogSource(product="stormshield", service="auth"),
}


def route(fields: Fields) -> LogSource:
    return _SOURCES.get((fields.get("event.category") or ("",))[0], _FIREWALL)


FORMAT = LogFormat(
    id="stormshield_sns",
    vendor="Stormshield",
    product="Network Security",
    logsource=_FIREWALL,
    spec="https://documentation.stormshield.eu/SNS/v4/en/Content/Description_of_Audit_logs/",
    parse=parse,
    inside="syslog",
    fingerprint=lambda head: b" startime=" in head and b" fw=" in head and b" tz=" in head,
    needs=(b" startime=",),
    route=route,
)
