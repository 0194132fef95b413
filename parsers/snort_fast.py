"""Snort's fast alerts, as Snort 2 and 3 and Suricata write them to a file, and as they send them to syslog.

::

    01/02-03:04:05.006123  [**] [1:2003:8] MS-SQL worm propagation attempt [**] [Classification: Misc Attack] [Priority: 2] {UDP} 192.0.2.7:1042 -> 198.51.100.9:1434
    01/02/2026-03:04:05.006123  [wDrop] [**] [1:1111006:2] EXAMPLE Modbus write [**] [Classification: (null)] [Priority: 3] {TCP} 2001:db8::7:40022 -> 2001:db8::9:502
    <33>Jan  2 03:04:05 ids-1 snort[811]: [1:2003:8] MS-SQL worm propagation attempt [Classification: Misc Attack] [Priority: 2]: {UDP} 192.0.2.7:1042 -> 198.51.100.9:1434

A file's times have no zone and, unless asked for, no year.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import ip, port

_STAMP = re.compile(r"(\d\d)/(\d\d)(?:/(\d{4}|\d\d))?-(\d\d:\d\d:\d\d(?:\.\d{1,9})?)\s+")
_HEAD = re.compile(rb"\d\d/\d\d(?:/\d{2,4})?-\d\d:\d\d:\d\d(?:\.\d{1,9})? +(?:\[w?[A-Z][a-z]{3,5}\] )?\[\*\*\] \[\d")
_RULE = re.compile(r"(?:\[(w?[A-Z][a-z]{3,5})\] +)?(?:\[\*\*\] +)?\[(\d{1,10}):(\d{1,10}):(\d{1,10})\] +")
_MESSAGE = re.compile(rb"(?:\[w?[A-Z][a-z]{3,5}\] )?\[\d{1,10}:\d{1,10}:\d{1,10}\] [^{]{1,1024}\{[\w:\-]{1,16}\} ")
_CLASS = re.compile(r"\[Classification: ([^\]]{1,200})\]")
_PRIORITY = re.compile(r"\[Priority: (\d{1,4})\]")
_PACKET = re.compile(r"\{([\w:\-]{1,16})\} +(\S{1,64}) -> (\S{1,64})")
_APPLICATION = re.compile(r"\[AppID: ([^\]]{1,100})\]")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PORTED = frozenset(("tcp", "udp", "sctp"))
_DENIED = frozenset(("drop", "block", "blocked", "reject"))  # wDrop only says that it would have been


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    fields: Fields = {"event.kind": "alert", "event.category": ["network", "intrusion_detection"]}
    at, year = 0, None
    stamp = _STAMP.match(text)
    if stamp is not None:
        at, year = stamp.end(), stamp[3]
        _time(stamp, frame, fields)
    rule = _RULE.match(text, at)
    if rule is None:
        raise ParseError("snort_fast: no [generator:signature:revision] where an alert has it")
    verdict, generator, signature, revision = rule.groups()
    packet = _PACKET.search(text, rule.end())
    if packet is None:
        raise ParseError("snort_fast: no {protocol} source -> destination in this alert")
    name = _name(text[rule.end() : packet.start()])
    fields["rule.id"], fields["rule.version"] = signature, revision
    if name:
        fields["rule.name"] = fields["message"] = name
    if generator != "1":
        fields["tieline.snort.generator"] = int(generator)
    kind, priority = _CLASS.search(text, rule.end()), _PRIORITY.search(text, rule.end())
    if kind is not None and kind[1] != "(null)":
        fields["rule.category"] = kind[1]
    if priority is not None:
        fields["event.severity"] = int(priority[1])
    fields["event.type"] = ["info"]
    if verdict is not None:
        fields["event.action"] = verdict.lower()
        if verdict.lower() in _DENIED:
            fields["event.type"] = ["denied"]
    application = _APPLICATION.search(text, rule.end())
    if application is not None:
        fields["network.application"] = application[1].lower()
    _ends(packet[1].lower(), packet[2], packet[3].rstrip(";"), fields, with_type=year is not None and len(year) == 4)
    return fields


def _time(stamp: re.Match[str], frame: Frame, fields: Fields) -> None:
    month, day, year, time = stamp.groups()
    if not 1 <= int(month) <= 12:
        return
    whole = None if year is None else year if len(year) == 4 else f"20{year}"
    when = clock.bsd(f"{_MONTHS[int(month) - 1]} {day} {time}", frame.received, frame.zone, whole)
    if when is not None:
        fields["@timestamp"] = when


def _name(text: str) -> str:
    """The rule's words, up to what Snort itself says."""
    for end in (" [**]", " [Classification:", " [Priority:"):
        text = text.partition(end)[0]
    return text.strip(' :"')


def _ends(protocol: str, by: str, to: str, fields: Fields, *, with_type: bool) -> None:
    """Suricata writes ICMP's type and code where ports stand; Snort writes neither."""
    if protocol.startswith("proto:"):
        number = protocol[6:]
        if number.isdecimal():
            fields["network.iana_number"] = str(int(number))
    else:
        fields["network.transport"] = {"icmpv6": "ipv6-icmp"}.get(protocol, protocol)
    ported = protocol in _PORTED
    for side, text in (("source", by), ("destination", to)):
        host, _, number = text.rpartition(":")
        whole = ip(text)
        split = ip(host) if host and (ported or with_type or whole is None) else None
        address = split or whole
        if address is not None:
            fields[f"{side}.ip"] = fields[f"{side}.address"] = address
            fields["network.type"] = "ipv6" if ":" in address else "ipv4"
        at = port(number) if split is not None and ported else None
        if at is not None:
            fields[f"{side}.port"] = at
    addresses = [fields[f"{side}.ip"] for side in ("source", "destination") if f"{side}.ip" in fields]
    if addresses:
        fields["related.ip"] = list(dict.fromkeys(addresses))


FORMAT = LogFormat(
    id="snort_fast",
    vendor="Snort",
    product="Snort, fast alerts",
    logsource=LogSource(product="snort"),
    spec="https://docs.snort.org/start/alert_logging https://docs.suricata.io/en/latest/output/index.html",
    parse=parse,
    inside="syslog",
    programs=("snort", "snort3", "suricata"),
    fingerprint=lambda head: _HEAD.match(head) is not None or _MESSAGE.match(head) is not None,
    firsts=b"0123456789[",
)
