"""nginx: access logs (combined, with a host or with proxies before it), the ingress controller's, and the error log.

::

    192.0.2.7 - k.vogt [02/Jan/2026:03:04:05 +0000] "GET /a HTTP/1.1" 200 512 "-" "Mozilla/5.0" 348 0.001 [web-80] [] 10.0.0.5:8080 512 0.001 200 0a1b2c
    192.0.2.1 - - [02/Jan/2026:03:04:05 +0000] "GET /a HTTP/1.1" 200 512 "-" "Mozilla/5.0" "203.0.113.7, 10.0.0.4"
    2026/01/02 03:04:05 [error] 812#812: *7 open() "/srv/x" failed (2: No such file or directory), client: 192.0.2.7, server: _, request: "GET /x HTTP/1.1", host: "ews-1:8080"

An access record without the ingress controller's columns cannot be told from Apache's: name the format of the source.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, web
from parsers._grammar.addresses import ip
from parsers._grammar.people import account, remote, with_hosts

_ERROR = re.compile(
    r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d) \[([a-z]{2,6})\] (\d{1,10})#(\d{1,10}): (?:\*(\d{1,19}) )?(.*)", re.DOTALL
)
_CONTEXT = re.compile(
    r", (client|server|request|upstream|host|referrer|subrequest|login|bytes from/to client)"
    r': (?:"((?:[^"\\]|\\.){0,8192})"|([^\s,"]{1,1024}))'
)
_INGRESS = re.compile(
    r" (\d{1,12}) (\d{1,9}\.\d{1,6}) \[([^\]]{0,256})\] \[([^\]]{0,256})\] (.{1,1024}?) ([0-9a-f]{32}|\S{8,64})$"
)
_FORWARDED = re.compile(r' "([0-9A-Fa-f.:]{2,45})(?:, ?[^"]{0,2048})?"')  # $http_x_forwarded_for
_MARK = re.compile(rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[[a-z]{2,6}\] \d+#\d+: ")
_USER = re.compile(r'user "([^"]{0,256})"(?: was not found|: password mismatch)')
_FILE = re.compile(r'(?:open|stat|access|connect|mkdir|unlink|rename)\(\) "([^"]{1,4096})" failed|"(/[^"]{1,4096})" is (?:not found|forbidden)')  # fmt: skip # noqa: E501
_BAD = frozenset(("emerg", "alert", "crit", "error"))


def parse(frame: Frame) -> Fields:
    return with_hosts(_read(frame), frame)


def _read(frame: Frame) -> Fields:
    text = frame.text.rstrip("\r\n")
    found = _ERROR.match(text)
    if found is not None:
        return _error(found, frame)
    access = web.common(text)
    if access is None:
        raise ParseError(f"nginx_nginx: neither an access nor an error record: {text[:80]!r}")
    fields, rest = access
    ingress = _INGRESS.match(rest)
    if ingress is not None:
        length, _, upstream, _, _, request = ingress.groups()
        fields["http.request.bytes"] = int(length)
        fields["http.request.id"] = request
        if upstream:
            fields["tieline.nginx.upstream"] = upstream
    elif (passed := _FORWARDED.match(rest)) is not None:
        client = ip(passed[1])  # the first is the one that the proxies behind it were asked by
        if client is not None:
            fields["network.forwarded_ip"] = client
            fields["related.ip"] = list(dict.fromkeys((*fields.get("related.ip", ()), client)))
    return fields


def _error(found: re.Match[str], frame: Frame) -> Fields:
    year, month, day, time, level, pid, thread, connection, message = found.groups()
    fields: Fields = {"event.category": ["web"], "event.type": ["error" if level in _BAD else "info"]}
    when = clock.iso(f"{year}-{month}-{day}T{time}", frame.zone)
    if when is not None:
        fields["@timestamp"] = when
    fields["log.level"] = level
    fields["process.pid"] = int(pid)
    fields["process.thread.id"] = int(thread)
    fields["message"] = message
    if connection is not None:
        fields["tieline.nginx.connection"] = int(connection)
    path = _FILE.search(message, 0, 8192)
    if path is not None:
        fields["file.path"] = path[1] or path[2]
    # what the client chose may hold commas and words: the server's own words come last, so the last of each counts
    for name, quoted, bare in _CONTEXT.findall(message, 0, 32_768):
        value = quoted or bare
        if name == "client":
            remote(fields, value)
        elif name == "request":
            web.request_line(fields, value)
        elif name == "host":
            web.virtual_host(fields, value)
        elif name == "referrer":
            fields["http.request.referrer"] = value
    who = _USER.match(message)
    if who is not None:
        account(fields, who[1])
        fields["event.action"] = "http_login"
        fields["event.category"], fields["event.type"] = ["web", "authentication"], ["info"]
        fields["event.outcome"] = "failure"
    return fields


def _fingerprint(head: bytes) -> bool:
    if head[:2] == b"20" and head[4:5] == b"/":
        return _MARK.match(head) is not None
    return web.ingress(head) and web.fingerprint(head)


_ACCESS = LogSource(product="nginx", category="webserver", service="access")
_ERRORS = LogSource(product="nginx", category="webserver", service="error")
_LOGIN = LogSource(product="nginx", category="authentication", service="error")


def route(fields: Fields) -> LogSource:
    if "log.level" not in fields:
        return _ACCESS
    return _LOGIN if fields.get("event.action") == "http_login" else _ERRORS


FORMAT = LogFormat(
    id="nginx_nginx",
    vendor="nginx",
    product="nginx",
    logsource=_ACCESS,
    spec="https://nginx.org/en/docs/http/ngx_http_log_module.html https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/",
    parse=parse,
    inside="syslog",
    programs=("nginx",),
    fingerprint=_fingerprint,
    needs=(b'] "', b"#"),
    route=route,
)
