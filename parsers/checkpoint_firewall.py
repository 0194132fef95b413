r"""Check Point gateways and management, R77 to R82, by Log Exporter (syslog, Splunk and generic formats) or OPSEC LEA.

::

    <134>1 2026-01-02T03:04:05Z gw-1 CheckPoint 1930 - [action:"Drop"; flags:"4606"; ifdir:"inbound"; ifname:"eth1"; origin:"192.0.2.1"; time:"1767323045"; dst:"10.99.0.5"; product:"VPN-1 & FireWall-1"; proto:"6"; rule_name:"plant"; s_port:"40022"; service:"502"; src:"10.20.1.7"; ]
    time=1767323045|hostname=gw-1|product=Firewall|action=Accept|ifdir=inbound|ifname=bond1|origin=192.0.2.1|src=10.20.1.7|s_port=51234|dst=198.51.100.5|service=443|proto=6|rule_name=lan-out|xlatesrc=192.0.2.7|xlatesport=41022
    "21" "2Jan2026" "03:04:05" "eth1" "gw-1" "Log" "Drop" "502" "40022" "10.20.1.7" "10.99.0.5" "tcp" "107" "plant" "107-Standard" "" "inzone: Internal" "Security Gateway/Management" "" ""

The last is an export by ``fwm logexport``. CEF and LEEF are read by their own formats.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat
from parsers._grammar.checkpoint import FIREWALL, described, route
from parsers._grammar.pairs import pairs

_BRACKETED = re.compile(r'(?<![\w./\-])([\w./\-]{1,64}+)::?"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_ESCAPED = re.compile(r'\\([\\"\]=|;])')
_MARK = re.compile(rb'[^\[\r\n"]{0,32}\[[\w./\-]{1,64}::?"')
_PRODUCT = re.compile(
    rb'(?:^|[| ;])product="?(?:VPN-1|Firewall|IPS|SmartConsole|Application Control|URL Filtering|Anti)'
)
_PART = re.compile(r"\|(?=[\w./\-]{1,64}=)")
_EXPORTED = re.compile(r'"\d{0,18}" "\d{1,2}[A-Z][a-z]{2}\d{4}" "\d\d:\d\d:\d\d" "')
_EXPORT = re.compile(_EXPORTED.pattern.encode())
_QUOTED = re.compile(r'"([^"]*)"')
_PAIR = re.compile(r"([\w. \-]{1,64}): ([^;]{0,1024})(?:;\s?|$)")
_DATE = re.compile(r"(\d{1,2})([A-Z][a-z]{2})(\d{4})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# What "fw log" prints, and administrators hand to syslog.
_PRINTED = re.compile(
    r"\s*(?:(\d{1,2}[A-Z][a-z]{2}\d{4}) +)?(\d{1,2}:\d\d:\d\d) +(?:\d{1,3} N/A \d{1,2} )?"
    r"(\w{3,16}) +(\S{1,255}) +([<>])(\S{1,32}) +(.*)",
    re.DOTALL,
)
# The columns of fwm logexport with its default order.
_COLUMNS = (
    "", "date", "clock", "ifname", "origin", "type", "action", "service", "s_port", "src", "dst", "proto", "rule",
    "rule_name", "", "user", "information", "product", "src_machine_name", "src_user_name",
)  # fmt: skip


def parse(frame: Frame) -> Fields:
    text = frame.text
    printed = _PRINTED.match(text) if ": " in text[:512] else None
    if printed is not None:
        log = _printed(printed)
    else:
        log = _exported(text) if _EXPORTED.match(text) is not None else _read(text)
    fields = described(log, frame)
    if frame.opened is None:
        fields["message"] = text.strip()
        if "observer.name" in fields and "observer.ip" not in fields:  # no header names the gateway
            fields["host.name"] = fields["host.hostname"] = fields["observer.name"]
            fields["related.hosts"] = [*fields.get("related.hosts", ()), fields["observer.name"]]
    return fields


def _printed(found: re.Match[str]) -> dict[str, str]:
    day, clock, action, origin, direction, interface, rest = found.groups()
    log = {"action": action, "origin": origin, "ifdir": "inbound" if direction == ">" else "outbound",
           "ifname": interface}  # fmt: skip
    for key, value in _PAIR.findall(rest[:16_384]):
        log.setdefault(key.strip().lower().replace(" ", "_"), value.strip(" ;"))
    _dated(log, day, clock)
    return log


def _dated(log: dict[str, str], day: str | None, clock: str) -> None:
    found = _DATE.fullmatch(day or "")
    if found is not None and found[2] in _MONTHS:
        log["time"] = f"{found[3]}-{_MONTHS.index(found[2]) + 1:02d}-{int(found[1]):02d}T{clock}"


def _exported(text: str) -> dict[str, str]:
    """What an administrator has exported: quoted columns without their names."""
    log = {key: value for key, value in zip(_COLUMNS, _QUOTED.findall(text), strict=False) if key and value}
    for key, value in _PAIR.findall(log.pop("information", "")):
        log.setdefault(key.strip().lower().replace(" ", "_"), value)
    _dated(log, log.pop("date", None), log.pop("clock", ""))
    return log


def _read(text: str) -> dict[str, str]:
    start = text.find("[", 0, 64)
    if start >= 0:
        found = _BRACKETED.findall(text, start)
        if found:
            found.reverse()  # the first of two equal keys is the record's own
            return {key: _ESCAPED.sub(r"\1", value) if "\\" in value else value for key, value in found}
    if "|" in text:
        log: dict[str, str] = {}
        for part in _PART.split(text):
            key, equals, value = part.rpartition(" ")[2].partition("=") if not log else part.partition("=")
            if equals and key not in log:
                log[key] = value.strip("| \r\n")
        return log
    return {key.lower(): value for key, value in pairs(text).items()}


def _is_one(head: bytes) -> bool:
    if head[:1] == b'"':
        return _EXPORT.match(head) is not None
    if b"CEF:" in head or b"LEEF:" in head:
        return False
    if b'origin:"' in head or b'product:"' in head or b'loguid:"' in head:
        return _MARK.match(head) is not None
    if b"loguid=" in head and b"product=" in head:
        return True
    return b"product=" in head and b"action=" in head and b"|" in head and _PRODUCT.search(head) is not None


FORMAT = LogFormat(
    id="checkpoint_firewall",
    vendor="Check Point",
    product="Quantum gateways and management",
    logsource=FIREWALL,
    spec="https://support.checkpoint.com/results/sk/sk144192 https://support.checkpoint.com/results/sk/sk122323",
    parse=parse,
    inside="syslog",
    programs=("checkpoint",),
    fingerprint=_is_one,
    needs=(b"product", b"loguid", b"origin:", b'" "'),
    route=route,
)
