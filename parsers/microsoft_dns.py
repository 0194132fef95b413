"""Microsoft's DNS server: the packets of its debug log (dns.log), without the details of a packet.

::

    1/2/2026 3:04:05 AM 0B58 PACKET  000000DE2C1A5B60 UDP Rcv 192.0.2.7       7b2f   Q [0001   D   NOERROR] A      (3)hmi(5)plant(7)example(0)
    20260102 03:04:05 0B58 PACKET  000000DE2C1A5B60 UDP Snd 192.0.2.7       7b2f R Q [8081   DR  NXDOMAIN] AAAA   (3)hmi(0)

The date is written as the server's locale has it: a month above 12 tells, else the American order counts.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, names
from parsers._grammar.addresses import ip
from parsers._grammar.people import with_hosts

_PACKET = re.compile(
    r"(.{8,24}?) ([0-9A-Fa-f]{3,8}) PACKET +(?:[0-9A-Fa-f]{8,16}) +(UDP|TCP) (Rcv|Snd) (\S{2,64}) +([0-9A-Fa-f]{4}) "
    r"(R| ) (.) "
    r"\[([0-9A-Fa-f]{4}) ([A-Z ]{1,8}?) +([A-Z][A-Z0-9]{2,15})\] (\S{1,16}) +(\S{1,1024})"
)
_DATE = re.compile(
    r"(?:(\d{4})[/\-.]?(\d\d?)[/\-.]?(\d\d?)|(\d\d?)([/\-.])(\d\d?)[/\-.](\d{4})) (\d\d?):(\d\d):(\d\d)(?: ([AP])M)?"
)
_LABEL = re.compile(r"\((\d{1,2})\)")
_OPCODES = {" ": "QUERY", "Q": "QUERY", "N": "NOTIFY", "U": "UPDATE"}
_FLAGS = {"A": "AA", "T": "TC", "D": "RD", "R": "RA"}


def parse(frame: Frame) -> Fields:
    return with_hosts(_read(frame), frame)


def _read(frame: Frame) -> Fields:
    text = frame.text.strip()
    found = _PACKET.match(text)
    if found is None:
        raise ParseError(f"microsoft_dns: no packet of a debug log: {text[:80]!r}")
    stamp, thread, transport, way, remote, number, response, opcode, _, flags, code, kind, name = found.groups()
    fields: Fields = {"event.category": ["network"], "event.type": ["protocol", "info"]}
    when = _time(stamp.strip(), frame)
    if when is not None:
        fields["@timestamp"] = when
    answer = response == "R"
    fields["event.action"] = "dns_answer" if answer else "dns_query"
    fields["dns.type"] = "answer" if answer else "query"
    fields["dns.id"] = number.lower()
    fields["dns.op_code"] = _OPCODES.get(opcode, opcode)
    fields["dns.question.type"] = kind
    if answer:
        fields["dns.response_code"] = code
    said = [meaning for letter, meaning in _FLAGS.items() if letter in flags]
    if said:
        fields["dns.header_flags"] = said
    names.question(fields, _LABEL.sub(".", name).strip(".") or ".")
    fields["network.transport"] = transport.lower()
    fields["process.thread.id"] = int(thread, 16)
    address = ip(remote)
    if address is not None:
        side = "source" if way == "Rcv" else "destination"
        fields[f"{side}.ip"] = fields[f"{side}.address"] = address
        fields["related.ip"] = [address]
    return fields


def _time(stamp: str, frame: Frame) -> int | None:
    found = _DATE.fullmatch(stamp)
    if found is None:
        return None
    year, month, day, one, mark, two, late, hour, minute, second, half = found.groups()
    if year is None:
        # points and dashes are written where the day comes first
        year, (month, day) = late, (two, one) if mark != "/" or int(one) > 12 else (one, two)
    hours = int(hour) if half is None else int(hour) % 12 + (12 if half == "P" else 0)
    return clock.iso(f"{year}-{int(month):02d}-{int(day):02d}T{hours:02d}:{minute}:{second}", frame.zone)


def _fingerprint(head: bytes) -> bool:
    return head[:1].isdigit() and b" PACKET " in head[:48] and (b" Rcv " in head[:90] or b" Snd " in head[:90])


FORMAT = LogFormat(
    id="microsoft_dns",
    vendor="Microsoft",
    product="DNS Server",
    logsource=LogSource(product="windows", category="dns", service="dns-server"),
    spec="https://learn.microsoft.com/previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/cc776361(v=ws.10)",
    parse=parse,
    inside="syslog",
    fingerprint=_fingerprint,
    needs=(b" PACKET ",),
)
