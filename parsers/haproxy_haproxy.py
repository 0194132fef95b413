"""HAProxy and its enterprise edition: ``option httplog``, ``httpslog``, ``tcplog``, the default log, errors and health.

::

    Jan  2 03:04:05 lb-1 haproxy[812]: 192.0.2.7:51234 [02/Jan/2026:03:04:05.006] web~ be_hmi/hmi-3 0/0/1/2/3 200 512 - - ---- 2/2/0/0/0 0/0 {hmi.example|Mozilla} {} "GET /a HTTP/1.1"
    Jan  2 03:04:05 lb-1 haproxy[812]: Connect from 192.0.2.7:51234 to 10.0.0.5:443 (web/HTTP)
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, web
from parsers._grammar.addresses import endpoint
from parsers._grammar.people import remote, with_hosts

_HEAD = re.compile(r"(\S{1,260}):(\d{1,5}) \[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d(?:\.\d{1,6})?)\] ")
_HTTP = re.compile(
    r"(\S+) ([^\s/]+)/(\S*) (?:(\S+) )?(-?\d+(?:/-?\d+){2,3}/\+?-?\d+) (-?\d+) (\+?\d+) (\S+) (\S+) (\S{4}) "
    r"(\d+/\d+/\d+/\d+/\+?\d+) (\d+/\d+)(?: \{([^}]*)\})?(?: \{([^}]*)\})? "
    r'"((?:[^"\\]|\\.)*+)"(.*)',
    re.DOTALL,
)
_TCP = re.compile(
    r"(\S+) ([^\s/]+)/(\S*) (-?\d+/-?\d+/\+?-?\d+) (\+?\d+) (\S{2}) (\d+/\d+/\d+/\d+/\+?\d+) (\d+/\d+)(.*)", re.DOTALL
)
_ERROR = re.compile(r"([^\s/]+)/(\S+?): (.+)", re.DOTALL)
_CONNECT = re.compile(r"Connect from (\S+) to (\S+) \(([^/)]+)/(\w+)\)")
_TLS = re.compile(r"(?:^|[\s/])(TLSv1(?:\.[0-3])?|SSLv[23])(?:[\s/]([A-Z0-9][A-Z0-9_\-]{5,}))?")
_SERVER = re.compile(r"Server (\S+)/(\S+) is (UP|DOWN|going DOWN for maintenance|stopping|MAINT)\b")
_LONGEST = 32_768


def parse(frame: Frame) -> Fields:
    return with_hosts(_read(frame), frame)


def _read(frame: Frame) -> Fields:
    text = frame.text.strip()
    if len(text) > _LONGEST:
        text = text[:_LONGEST]
    head = _HEAD.match(text)
    if head is not None:
        return _connection(head, text, frame)
    found = _CONNECT.match(text)
    if found is not None:
        return _connect(found)
    server = _SERVER.match(text)
    if server is not None:
        fields: Fields = {"event.action": "server_state", "event.category": ["network"], "event.type": ["info"]}
        fields["tieline.haproxy.backend"], fields["tieline.haproxy.server"] = server[1], server[2]
        fields["tieline.haproxy.state"] = server[3]
        return fields
    if frame.opened is not None and text:
        return {}  # what the program says of itself: the header and the message are all of it
    raise ParseError(f"haproxy_haproxy: unknown record {text[:80]!r}")


def _connection(head: re.Match[str], text: str, frame: Frame) -> Fields:
    host, number, day, month, year, time = head.groups()
    fields: Fields = {"event.category": ["web"], "event.type": ["access"], "event.action": "http_request"}
    if frame.opened is None or "@timestamp" not in frame.opened.fields:
        when = clock.bsd(f"{month} {day} {time}", 0, frame.zone, year)
        if when is not None:
            fields["@timestamp"] = when
    if host == "-":
        fields["source.port"] = int(number) if int(number) < 65_536 else 0
    elif host.startswith("unix"):
        fields["source.address"] = host
    else:
        remote(fields, host, number)
    found = _HTTP.match(text, head.end())
    if found is not None:
        _http(fields, found)
        return fields
    fields["event.category"], fields["event.type"] = ["network"], ["connection", "end"]
    fields["event.action"] = "connection"
    found = _TCP.match(text, head.end())
    if found is not None:
        front, back, server, timers, size, state, *_ = found.groups()
        _ends(fields, front, back, server, timers, state)
        fields["destination.bytes"] = int(size.lstrip("+")[:18])
        return fields
    found = _ERROR.match(text, head.end())
    if found is None:
        raise ParseError(f"haproxy_haproxy: unknown columns behind the time: {text[head.end() : head.end() + 80]!r}")
    fields["event.action"], fields["event.type"] = "connection_error", ["connection", "info"]
    fields["tieline.haproxy.frontend"] = found[1]
    fields["event.reason"] = found[3]
    fields["event.outcome"] = "failure"
    return fields


def _http(fields: Fields, found: re.Match[str]) -> None:
    front, back, server, host, timers, status, size, _, _, state, _, _, _, _, request, rest = found.groups()
    _ends(fields, front, back, server, timers, state)
    if host is not None:
        web.virtual_host(fields, host)
    web.response(fields, status)
    fields["http.response.bytes"] = int(size.lstrip("+")[:18])
    if request != "<BADREQ>":
        web.request_line(fields, request)
    tls = _TLS.search(rest[:512]) if rest else None
    if tls is not None:
        fields["tls.version_protocol"], fields["tls.version"] = tls[1][:3].lower(), tls[1][4:]
        if tls[2] is not None:
            fields["tls.cipher"] = tls[2]


def _ends(fields: Fields, front: str, back: str, server: str, timers: str, state: str) -> None:
    fields["tieline.haproxy.frontend"] = front.rstrip("~")
    fields["tieline.haproxy.backend"] = back
    if server:
        fields["tieline.haproxy.server"] = server
    fields["tieline.haproxy.termination_state"] = state
    total = timers.rpartition("/")[2].lstrip("+")
    if total.isdigit() and len(total) < 13:
        fields["event.duration"] = int(total) * 1_000_000


def _connect(found: re.Match[str]) -> Fields:
    fields: Fields = {"event.action": "connected", "event.category": ["network"], "event.type": ["connection", "start"]}
    address, number = endpoint(found[1])
    if address is not None:
        remote(fields, address, None if number is None else str(number))
    address, number = endpoint(found[2])
    if address is not None:
        fields["destination.ip"] = fields["destination.address"] = address
        if address not in fields.setdefault("related.ip", []):
            fields["related.ip"].append(address)
        if number is not None:
            fields["destination.port"] = number
    fields["tieline.haproxy.frontend"] = found[3]
    fields["tieline.haproxy.mode"] = found[4].lower()
    return fields


_WEB = LogSource(product="haproxy", category="webserver")
_OTHER = LogSource(product="haproxy")


def route(fields: Fields) -> LogSource:
    return _WEB if fields.get("event.action") == "http_request" else _OTHER


_MARK = re.compile(rb"\S{1,260}:\d{1,5} \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] \S+ \S+")

FORMAT = LogFormat(
    id="haproxy_haproxy",
    vendor="HAProxy",
    product="HAProxy",
    logsource=_WEB,
    spec="https://docs.haproxy.org/3.0/configuration.html#8.2",
    parse=parse,
    inside="syslog",
    programs=("haproxy", "hapee-lb"),
    fingerprint=lambda head: _MARK.match(head) is not None,
    needs=(b" [",),
    route=route,
)
