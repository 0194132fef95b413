"""ISC BIND 9: queries, answers, refusals, response policy, transfers; by syslog or in its own files.

::

    Jan  2 03:04:05 ns-1 named[812]: client @0x7f62 192.0.2.7#55575 (hmi.example): query: hmi.example IN AAAA +E(0)K (192.0.2.53)
    02-Jan-2026 03:04:05.006 security: info: client @0x7f62 203.0.113.9#4711 (x.example): query (cache) 'x.example/A/IN' denied
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, names
from parsers._grammar.addresses import ip, port
from parsers._grammar.people import with_hosts

_STAMP = re.compile(r"(\d\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d:\d\d:\d\d(?:\.\d{1,6})?) ")
_CATEGORY = re.compile(
    r"(?!query: |answer: )(?:([a-z][a-z\-]{2,24}): )?(?:(debug \d{1,3}|info|notice|warning|error|critical): )?"
)
_CLIENT = re.compile(
    r"client (?:@0x[0-9a-f]{1,16} )?([0-9A-Fa-f.:%\w]{2,64})#(\d{1,5})(?:/key (\S{1,255}))?(?: \(([^)\s]{1,1024})\))?: "
)
_VIEW = re.compile(r"view (\S{1,255}): +")
_QUERY = re.compile(
    r"(query|answer): (\S{1,1024}) (\w{2,8}) ([A-Za-z0-9\-]{1,16}) ([+\-]\S{0,32}) \(([^)]{2,64})\)(.*)", re.DOTALL
)
_ANSWER = re.compile(r" -> ([A-Z]{2,16})\b")
_DENIED = re.compile(
    r"(?:signer \"[^\"]{1,255}\" )?(query|update|zone transfer|notify|recursion)(?: \(cache\))? '([^'/]{0,1024})/"
    r"([^'/]{1,16})"
    r"(?:/([^']{1,16}))?' (denied|approved)"
)
_FAILED = re.compile(r"query(?: \(cache\))? failed \(([^)]{1,128})\) for ([^\s/]{1,1024})/(\w{2,8})/(\S{1,16})")
_POLICY = re.compile(
    r"(?:disabled )?rpz (\S{1,32}) (\S{1,32}) rewrite ([^\s/]{1,1024})(?:/(\S{1,16})/(\w{2,8}))? via (\S{1,1024})"
)
_RESOLVING = re.compile(
    r"(.{3,64}?) resolving '([^'/]{1,1024})(?:/(\w{1,16}))?(?:/(\w{2,8}))?'(?: \(in '[^']{0,1024}'\?\))?: "
    r"([0-9A-Fa-f.:]{2,64})#(\d{1,5})"
)
_TRANSFER = re.compile(
    r"transfer of '([^'/]{1,1024})/(\w{2,8})(?:/[^']{1,64})?' from ([0-9A-Fa-f.:]{2,64})#(\d{1,5}): (.*)", re.DOTALL
)
_VALIDATING = re.compile(r"validating ([^\s/]{1,1024})/(\w{1,16}): (.*)", re.DOTALL)
_RESOLVED = re.compile(r"success resolving '([^'/]{1,1024})(?:/(\w{1,16}))?(?:/\w{2,8})?' (after .*)", re.DOTALL)
_RATE = re.compile(r"rate limit (drop|slip) (?:all )?(\w{1,16}) ?response to (\S{2,64})")
_FLAGS = {"C": "CD", "D": "DO"}
_LONGEST = 8192


def parse(frame: Frame) -> Fields:
    return with_hosts(_read(frame), frame)


def _read(frame: Frame) -> Fields:
    text = frame.text.strip()[:_LONGEST]
    fields: Fields = {}
    stamp = _STAMP.match(text)
    if stamp is not None:
        day, month, year, time = stamp.groups()
        when = clock.bsd(f"{month} {day} {time}", 0, frame.zone, year)
        if when is not None:
            fields["@timestamp"] = when
        text = text[stamp.end() :]
    category = _CATEGORY.match(text)
    if category is not None:
        if category[1] is not None:
            fields["tieline.bind.category"] = category[1]
        if category[2] is not None:
            fields["log.level"] = category[2]
        text = text[category.end() :]
    client = _CLIENT.match(text)
    if client is not None:
        _client(fields, client)
        text = text[client.end() :]
    view = _VIEW.match(text)
    if view is not None:
        fields["tieline.bind.view"] = view[1]
        text = text[view.end() :]
    if not _said(fields, text.strip()) and client is None and frame.opened is None and stamp is None:
        raise ParseError(f"isc_bind: unknown message {text[:80]!r}")
    if client is not None and client[4] and "dns.question.name" not in fields:  # what the client had asked
        names.question(fields, client[4])
    if stamp is not None:
        fields["message"] = text
    return fields


def _client(fields: Fields, found: re.Match[str]) -> None:
    address = ip(found[1])
    if address is not None:
        fields["source.ip"] = fields["source.address"] = address
        fields["related.ip"] = [address]
        if (number := port(found[2])) is not None:
            fields["source.port"] = number
    fields["network.protocol"] = "dns"
    fields["event.category"], fields["event.type"] = ["network"], ["protocol", "info"]


def _question(fields: Fields, name: str, kind: str | None, klass: str | None) -> None:
    names.question(fields, name)
    if kind:
        fields["dns.question.type"] = kind
    if klass:
        fields["dns.question.class"] = klass


def _said(fields: Fields, text: str) -> bool:
    """Whether the words were understood."""
    if (found := _QUERY.match(text)) is not None:
        kind, name, klass, record, flags, server, rest = found.groups()
        _question(fields, name, record, klass)
        fields["event.action"] = f"dns_{kind}"
        fields["dns.type"] = kind
        _flags(fields, flags)
        address = ip(server)
        if address is not None:
            _related(fields, "destination", address)
        answer = _ANSWER.search(rest[:512]) if kind == "answer" else None
        if answer is not None:
            fields["dns.response_code"] = answer[1]
    elif (found := _DENIED.match(text)) is not None:
        what, name, one, two, verdict = found.groups()
        # queries are name/type/class, updates name/class, transfers name/type/class
        _question(fields, name, one if two is not None else None, two or one)
        fields["event.action"] = f"dns_{what.replace(' ', '_')}_{verdict}"
        allowed = verdict == "approved"
        fields["event.type"] = ["protocol", "allowed" if allowed else "denied"]
        fields["event.outcome"] = "success" if allowed else "failure"
    elif (found := _FAILED.match(text)) is not None:
        reason, name, klass, record = found.groups()
        _question(fields, name, record, klass)
        fields["event.action"] = "dns_query_failed"
        fields["event.outcome"] = "failure"
        if reason.isupper():
            fields["dns.response_code"] = reason
        else:
            fields["event.reason"] = reason
    elif (found := _POLICY.match(text)) is not None:
        _, policy, name, record, klass, by = found.groups()
        _question(fields, name, record, klass)
        fields["event.action"] = "dns_policy"
        fields["rule.name"] = by
        fields["tieline.bind.policy"] = policy
        fields["event.type"] = ["protocol", "allowed" if policy == "PASSTHRU" else "denied"]
    elif (found := _RESOLVING.match(text)) is not None:
        reason, name, record, klass, server, number = found.groups()
        _question(fields, name, record, klass)
        fields.update({"event.action": "dns_resolution_failed", "event.reason": reason, "event.category": ["network"]})
        fields["event.type"] = ["protocol", "info"]
        _server(fields, "destination", server, number)
    elif (found := _VALIDATING.match(text)) is not None or (found := _RESOLVED.match(text)) is not None:
        _question(fields, found[1], found[2], None)
        resolved = text.startswith("success")
        fields.update({"event.action": "dns_resolution" if resolved else "dnssec_validation", "event.reason": found[3]})
        fields["event.category"], fields["event.type"] = ["network"], ["protocol", "info"]
        if resolved:
            fields["event.outcome"] = "success"
    elif (found := _TRANSFER.match(text)) is not None:
        zone, klass, server, number, said = found.groups()
        fields.update({"event.action": "zone_transfer", "event.category": ["network"], "event.reason": said})
        fields["event.type"] = ["protocol", "info"]
        fields["tieline.bind.zone"] = zone
        fields["dns.question.class"] = klass
        _server(fields, "source", server, number)
        if said.startswith(("Transfer completed", "Transfer status: success")):
            fields["event.outcome"] = "success"
        elif "fail" in said or "unreachable" in said or "REFUSED" in said:
            fields["event.outcome"] = "failure"
    elif (found := _RATE.search(text, 0, 256)) is not None:
        fields["event.action"] = "dns_rate_limited"
        fields["event.type"] = ["protocol", "denied"]
    else:
        return False
    return True


def _flags(fields: Fields, flags: str) -> None:
    """``+`` asks for recursion, S is signed, E(0) has EDNS, T came by TCP, D and C are DNSSEC's, V and K cookies'."""
    said = ["RD"] if flags[0] == "+" else []
    said += [meaning for letter, meaning in _FLAGS.items() if letter in flags]
    if said:
        fields["dns.header_flags"] = said
    fields["network.transport"] = "tcp" if "T" in flags else "udp"


def _server(fields: Fields, side: str, address: str, number: str) -> None:
    there = ip(address)
    if there is not None:
        _related(fields, side, there)
        if (at := port(number)) is not None:
            fields[f"{side}.port"] = at


def _related(fields: Fields, side: str, address: str) -> None:
    fields[f"{side}.ip"] = fields[f"{side}.address"] = address
    related = fields.setdefault("related.ip", [])
    if address not in related:
        related.append(address)


_MARK = re.compile(
    rb"(?:\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d\.\d{3} )?(?:[a-z][a-z\-]{2,24}: )?(?:(?:debug \d+|info|notice"
    rb"|warning|error): )?"
    rb"client (?:@0x[0-9a-f]+ )?[0-9A-Fa-f.:]+#\d+[ :/]"
)
_DNS = LogSource(product="bind", category="dns")
_OTHER = LogSource(product="bind")


def route(fields: Fields) -> LogSource:
    return _DNS if "dns.question.name" in fields else _OTHER


FORMAT = LogFormat(
    id="isc_bind",
    vendor="ISC",
    product="BIND",
    logsource=_DNS,
    spec="https://bind9.readthedocs.io/en/latest/reference.html#the-category-phrase https://kb.isc.org/docs/aa-00434",
    parse=parse,
    inside="syslog",
    programs=("named",),
    fingerprint=lambda head: _MARK.match(head) is not None,
    needs=(b"client ",),
    route=route,
)
