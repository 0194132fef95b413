"""Squid 3 to 6: the access log in Squid's own format, with or without quoted headers behind it, and in the common one.

::

    1767323045.006     61 192.0.2.7 TCP_TUNNEL/200 8811 CONNECT updates.example:443 k.vogt HIER_DIRECT/198.51.100.7 -
    1767323045.006      0 192.0.2.7 TCP_DENIED/403 3868 GET http://bad.example/x.exe - HIER_NONE/- text/html
"""

import re
from urllib.parse import unquote

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import web
from parsers._grammar.addresses import ip, port
from parsers._grammar.people import account, remote, with_hosts

_NATIVE = re.compile(
    r"(\d{9,11})\.(\d{3}) +(-?\d{1,12}) (\S+) ([A-Z][A-Z_]{2,64})/(\d{3}) (-?\d{1,18}) (\S{1,64}) "
    r"(.{1,32768}?) (\S{1,256}) ([A-Z][A-Z_\-]{1,64})/(\S+)(?: (\S+))?(?: +(.*))?$",
    re.DOTALL,
)
# The columns that Elastic's integration asks administrators to log.
_EXTENSIVE = re.compile(
    r"(\d{9,11})\.(\d{3}) +(-?\d{1,12}) (\S+) (\d{1,5}) ([A-Z][A-Z_]{2,64})/(\d{3}) (-|\d{1,18}) (-|\d{1,18}) (?:-"
    r"|\d{1,18}) "
    r"(?:-|\d{1,18}) (-|\d{1,18}) (\S{1,64}) (\S{1,32768}) (-|\d\.\d|\d) (\S{1,256}) ([A-Z][A-Z_\-]{1,64})/(\S+) (-"
    r"|\d{1,5}) "
    r"(\S+)(.*)$",
    re.DOTALL,
)
_WORKER = re.compile(r"\(squid-\d{1,4}\)(?:\[\d{1,10}\])?: *")  # a tag that no syslog header can hold
_MARK = re.compile(
    rb"(?:\(squid-\d+\)(?:\[\d+\])?: *)?\d{9,11}\.\d{3} +-?\d+ \S+ (?:\d{1,5} )?[A-Z_]{3,64}/\d{3} -?\d+ "
)
_HEADERS = re.compile(r'"((?:[^"\\]|\\.)*+)" "((?:[^"\\]|\\.)*+)"')
_RESULT = re.compile(r" ([A-Z][A-Z_]{2,64}):([A-Z][A-Z_\-]{1,64})(?: |$)")


def parse(frame: Frame) -> Fields:
    return with_hosts(_read(frame), frame)


def _read(frame: Frame) -> Fields:
    text = frame.text.strip()
    worker = _WORKER.match(text)
    if worker is not None:
        text = text[worker.end() :]
    found = _NATIVE.match(text)
    if found is not None:
        return _native(found)
    found = _EXTENSIVE.match(text)
    if found is not None:
        return _extensive(found)
    common = web.common(text)
    if common is None:
        raise ParseError(f"squid_squid: no access record: {text[:80]!r}")
    fields, rest = common
    result = _RESULT.match(rest)
    if result is not None:
        _verdict(fields, result[1])
    _destination(fields, None)
    return fields


def _native(found: re.Match[str]) -> Fields:
    seconds, milliseconds, elapsed, client, result, status, size, method, target, user, _, peer, kind, rest = (
        found.groups()
    )
    fields = _taken(seconds, milliseconds, elapsed)
    remote(fields, client if client != "-" else None)
    _answer(fields, result, status, size, kind)
    _request(fields, method, target, user)
    headers = _HEADERS.search(rest) if rest else None
    if headers is not None:
        web.headers(fields, headers[1], headers[2])
    _destination(fields, peer)
    return fields


def _extensive(found: re.Match[str]) -> Fields:
    (
        seconds, milliseconds, elapsed, client, number, result, status, size, sent, body, method, target, version, user,
        _, peer, at, kind, rest,
    ) = found.groups()  # fmt: skip
    fields = _taken(seconds, milliseconds, elapsed)
    remote(fields, client, number)
    _answer(fields, result, status, size, kind)
    if sent != "-":
        fields["source.bytes"] = int(sent)
    if body != "-":
        fields["http.response.body.bytes"] = int(body)
    _request(fields, method, target, user)
    if version != "-":
        fields["http.version"] = version
    headers = _HEADERS.search(rest)
    if headers is not None:
        web.headers(fields, headers[1], headers[2])
    _destination(fields, peer)
    if (there := port(at)) is not None:
        fields["destination.port"] = there
    return fields


def _taken(seconds: str, milliseconds: str, elapsed: str) -> Fields:
    fields: Fields = {"event.category": ["web"], "event.type": ["access"]}
    fields["@timestamp"] = (int(seconds) * 1000 + int(milliseconds)) * 1_000_000
    if not elapsed.startswith("-"):
        fields["event.duration"] = int(elapsed) * 1_000_000
    return fields


def _answer(fields: Fields, result: str, status: str, size: str, kind: str | None) -> None:
    web.response(fields, status)
    _verdict(fields, result)
    if not size.startswith("-"):
        fields["http.response.bytes"] = fields["destination.bytes"] = int(size)
    if kind is not None and kind != "-":
        fields["http.response.mime_type"] = kind


def _request(fields: Fields, method: str, target: str, user: str) -> None:
    if method not in ("-", "NONE"):
        fields["http.request.method"] = method
    if target not in ("-", "/") and not target.startswith("error:"):
        web.url(fields, target, authority=method == "CONNECT")
    if user != "-":
        account(fields, unquote(user) if "%" in user else user)
        fields["source.user.name"] = fields["user.name"]


def _verdict(fields: Fields, result: str) -> None:
    fields["event.action"] = result
    fields["tieline.squid.result"] = result
    if "DENIED" in result:
        fields["event.outcome"] = "failure"


def _destination(fields: Fields, peer: str | None) -> None:
    fields.update(_OBSERVER)
    name = fields.get("url.domain")
    address = ip(peer)
    if address is None:
        address = ip(name)
    if address is not None:
        fields["destination.ip"] = fields["destination.address"] = address
        if address not in fields.setdefault("related.ip", []):
            fields["related.ip"].append(address)
    if name is not None:
        fields.setdefault("destination.address", name)
        if ip(name) is None:
            fields["destination.domain"] = name
            fields["related.hosts"] = [name]
        if "url.port" in fields:
            fields["destination.port"] = fields["url.port"]


_OBSERVER = {"observer.vendor": "Squid", "observer.product": "Squid", "observer.type": "proxy"}

FORMAT = LogFormat(
    id="squid_squid",
    vendor="Squid",
    product="Squid",
    logsource=LogSource(product="squid", category="proxy"),
    spec="https://wiki.squid-cache.org/Features/LogFormat https://www.squid-cache.org/Doc/config/logformat/",
    parse=parse,
    inside="syslog",
    programs=("squid", "(squid-1)", "squid-1"),
    fingerprint=lambda head: _MARK.match(head) is not None,
    needs=(b"TCP_", b"UDP_", b"NONE"),
)
