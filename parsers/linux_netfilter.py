"""Packets that Linux's netfilter logs: iptables, nftables, ufw, and what firewalls on Linux make of the prefix.

::

    Jan  2 03:04:05 gw-1 kernel: [  812.004711] [UFW BLOCK] IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=198.51.100.9 DST=192.0.2.7 LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID=1 DF PROTO=TCP SPT=40022 DPT=502 WINDOW=64240 RES=0x00 SYN URGP=0

The verdict is only in the prefix that the administrator chose. A prefix without a known word tells none.
"""  # noqa: E501  (records as they are sent)

import re
from functools import lru_cache

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip, mac, port
from parsers._grammar.event_time import moment

_PAIR = re.compile(r"([A-Z]+)=(\S*)")
_PORT = r"(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
# As the kernel writes packets of TCP and UDP (net/netfilter/nf_log_syslog.c): most of all.
_USUAL = re.compile(
    r"IN=(\S*) OUT=(\S*) (?:MAC=(\S*) )?SRC=(\S*) DST=(\S*) LEN=\d+ TOS=\S* PREC=\S* TTL=\d+ ID=\d+ (?:CE )?(?:DF )?"
    rf"(?:MF )?PROTO=(TCP|UDP) SPT={_PORT} DPT={_PORT}(?!\S)"
)
_CLOCK = re.compile(r"\[ *\d+\.\d+\] ?")
_WORD = re.compile(r"[A-Za-z]+")
# UniFi's and EdgeOS's own prefixes: [rule set-rule-verdict], of late [rule set-verdict-rule]
_UBIQUITI = re.compile(r"\[([\w. \-]+)-(?:(\w+)-([ADR])|([ADR])-(\w+))\]\s*(?:DESCR=\"(.*?)\")?")
_PROXMOX = re.compile(r"\d+ \d+ (\S+) (\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}) (.*)")

_DENIED = frozenset(
    (
        "drop",
        "dropped",
        "droped",
        "drp",
        "deny",
        "denied",
        "denying",
        "block",
        "blocked",
        "blk",
        "reject",
        "rejected",
        "refuse",
        "refused",
        "ban",
        "banned",
        "deflt",
    )
)
_ALLOWED = frozenset(("accept", "accepted", "acc", "allow", "allowed", "pass", "passed", "permit", "permitted"))


_LONGEST = 512  # characters of what is remembered


def parse(frame: Frame) -> Fields:
    text = frame.text
    at = text.find("IN=")
    if at > 0 and text[at - 1] not in " :]\"'":
        at = text.find(" IN=") + 1
    usual = _USUAL.match(text, at) if at >= 0 else None
    link: tuple[str | None, ...]
    pairs: dict[str, str | None] = {}
    if usual is not None:
        inside, outside, header, by, to, protocol, from_port, to_port = usual.groups()
        source, destination, link = ip(by), ip(to), (inside, outside, header or "", None, None)
    else:
        caused_by = text.find(" [SRC=", at)  # an ICMP error carries the packet that caused it behind its own
        pairs = dict(reversed(_PAIR.findall(text, at, len(text) if caused_by < 0 else caused_by)))
        get = pairs.get
        source, destination = ip(get("SRC")), ip(get("DST"))
        link = get("IN"), get("OUT"), get("MAC") or "", get("MACDST"), get("MACSRC")
    if at < 0 or source is None or destination is None:
        return _rest(text)
    fields: Fields = {
        "event.category": ["network"],
        "source.ip": source,
        "source.address": source,
        "destination.ip": destination,
        "destination.address": destination,
        "related.ip": [source] if source == destination else [source, destination],
        "network.type": "ipv6" if ":" in source else "ipv4",
    }
    prefix = text[:at]
    _verdict(fields, prefix if prefix and not prefix.isspace() else _program(frame))
    fields.update(_interfaces(*link) if len(text) <= _LONGEST else _interfaces.__wrapped__(*link))
    if usual is not None:
        fields["network.transport"] = protocol.lower()
        fields["source.port"], fields["destination.port"] = int(from_port), int(to_port)
    else:
        _transport(fields, pairs)
    opened = frame.opened
    if opened is not None:
        name = opened.fields.get("host.name")
        if name is not None:
            fields["observer.name"] = name
        return fields
    proxmox = _PROXMOX.match(prefix)
    if proxmox is not None:
        fields["rule.ruleset"] = proxmox[1]
        fields["rule.name"] = proxmox[3].strip(" :")
        when = moment(proxmox[2])
        if when is not None:
            fields["@timestamp"] = when
    fields["message"] = text.strip()
    return fields


def _rest(text: str) -> Fields:
    """The end of a line of which a relay has lost the beginning: protocol and ports are in it."""
    pairs: dict[str, str | None] = dict(_PAIR.findall(text))
    if not (pairs.get("PROTO") and pairs.get("SPT") and pairs.get("DPT")) or "SRC" in pairs or "IN" in pairs:
        raise ParseError("linux_netfilter: no packet with IN=, SRC= and DST=")
    fields: Fields = {"event.category": ["network"], "event.type": ["connection", "info"]}
    _transport(fields, pairs)
    return fields


_LOGGERS = frozenset(("kernel", "ulogd", "ulogd2", "firewall", "syslog", "klogd", "iptables", "nft"))


def _program(frame: Frame) -> str:
    """A header that lacks the kernel's name ends where the prefix begins, and takes it for a program."""
    if frame.opened is None:
        return ""
    name = frame.opened.fields.get("process.name")
    return name if isinstance(name, str) and name.lower() not in _LOGGERS else ""


def _verdict(fields: Fields, prefix: str) -> None:
    if prefix[:1] == "[":
        found = _CLOCK.match(prefix)
        prefix = prefix if found is None else prefix[found.end() :]
    rule, action = _rule(prefix) if len(prefix) <= _LONGEST else _rule.__wrapped__(prefix)
    fields.update(rule)
    if action is None:
        fields["event.type"] = ["connection", "info"]
    else:
        fields["event.action"] = action
        fields["event.type"] = ["connection", action]


@lru_cache(maxsize=4096)
def _rule(prefix: str) -> tuple[Fields, str | None]:
    """What a prefix names, and its verdict; an administrator has a few dozen of them."""
    fields: Fields = {}
    ubiquiti = _UBIQUITI.match(prefix)
    if ubiquiti is not None:
        ruleset, number, verdict, verdict_first, number_last, description = ubiquiti.groups()
        fields["rule.ruleset"] = ruleset
        fields["rule.id"] = number or number_last
        fields["rule.name"] = description or ruleset
        zones = ruleset.split("-")
        if len(zones) == 2 and all(zones):
            fields["observer.ingress.zone"], fields["observer.egress.zone"] = zones
        return fields, "allowed" if (verdict or verdict_first) == "A" else "denied"
    name = prefix.strip(" :-[]\"'")
    if name:
        fields["rule.name"] = name
    words = {word.lower() for word in _WORD.findall(prefix)}
    denied, allowed = not words.isdisjoint(_DENIED), not words.isdisjoint(_ALLOWED)
    return fields, None if denied == allowed else "denied" if denied else "allowed"


@lru_cache(maxsize=4096)
def _interfaces(inside: str | None, outside: str | None, header: str, to: str | None, by: str | None) -> Fields:
    fields: Fields = {}
    if inside:
        fields["observer.ingress.interface.name"] = inside
    if outside:
        fields["observer.egress.interface.name"] = outside
    if inside and not outside:
        fields["network.direction"] = "ingress"
    elif outside and not inside:
        fields["network.direction"] = "egress"
    # destination, source and EtherType; some drivers have more of the frame behind them
    if len(header) == 41 or header[35:42] in (":08:00:", ":86:dd:"):
        to, by = header[:17], header[18:35]
    to, by = mac(to), mac(by)
    if to is not None:
        fields["destination.mac"] = to
    if by is not None:
        fields["source.mac"] = by
    return fields


def _transport(fields: Fields, pairs: dict[str, str | None]) -> None:
    protocol = (pairs.get("PROTO") or "").lower()
    if protocol.isdigit():
        fields["network.iana_number"] = protocol
    elif protocol:
        fields["network.transport"] = "ipv6-icmp" if protocol == "icmpv6" else protocol
    by, to = port(pairs.get("SPT")), port(pairs.get("DPT"))
    if by is not None:
        fields["source.port"] = by
    if to is not None:
        fields["destination.port"] = to


def _fingerprint(head: bytes) -> bool:
    if b" PROTO=" not in head:
        return False
    if b" SRC=" in head:
        return b" DST=" in head and b"IN=" in head
    return b" SPT=" in head and b" DPT=" in head and b" ID=" in head


FORMAT = LogFormat(
    id="linux_netfilter",
    vendor="Linux",
    product="netfilter",
    logsource=LogSource(product="linux", category="firewall", service="iptables"),
    spec="https://www.netfilter.org/documentation/ https://man7.org/linux/man-pages/man8/iptables-extensions.8.html#TARGET_EXTENSIONS",
    parse=parse,
    inside="syslog",
    fingerprint=_fingerprint,
    needs=(b" PROTO=", b" DPT="),
)
