"""Apache HTTP server 2.2 and 2.4: access logs (common, combined, with a virtual host), mod_ssl's, and the error log.

::

    192.0.2.7 - k.vogt [02/Jan/2026:03:04:05 +0000] "GET /a.html?q=1 HTTP/1.1" 200 512 "-" "Mozilla/5.0"
    [Fri Jan 02 03:04:05.006007 2026] [core:error] [pid 812:tid 139] [client 192.0.2.7:51234] AH00126: Invalid URI in request
    [Fri Jan 02 03:04:05 2026] [error] [client 192.0.2.7] File does not exist: /var/www/favicon.ico

The access log is the same in many servers; a site that wants another name for it names the format of the source.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, web
from parsers._grammar.addresses import endpoint, ip, port
from parsers._grammar.people import remote, with_hosts

_ERROR = re.compile(
    r"(?:\[(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))? (\d{4})\] )?"
    r"\[(?:([\w\-]*):)?([a-z]{2,6}\d?)\] "
)
_IN_BRACKETS = re.compile(r"\[(pid|client|remote|rid|host|server|unique_id) ([^\]]{1,256}?) ?\] ?")
_PID = re.compile(r"(\d{1,10})(?::tid (\d{1,19}))?")
_CODE = re.compile(r"(AH\d{5}): ")
_OS_ERROR = re.compile(r"\((\d{1,6})\)([^:\[]{1,128}): (?=\[client )")
_REFERER = re.compile(r", referer: (\S{1,4096})$")
_FILE = re.compile(
    r"(?:File does not exist|client denied by server configuration|script (?:'|not found or unable to stat: )|"
    r"Directory index forbidden by [^:]{1,64}|not found or unable to stat|Symbolic link not allowed[^:]{0,64}|"
    r"attempt to invoke directory as script|[Pp]remature end of script headers):? ?(/[^,']{0,4096})"
)
_USER = re.compile(r"user ([^\s:]{1,256})(?: not found)?: (?=\S)|user '([^']{1,256})'")
_LOGIN_PATH = re.compile(r"(?:not found: |authentication failure for \"|failure for )(/[^\s\",]{0,2048})")
_REFUSED = ("authentication failure", "not found", "Password Mismatch", "password mismatch")
_TAGGED = re.compile(r'\[(id|msg|severity|uri|hostname|unique_id|file) "([^"]{1,2048})"\]')
_TLS = re.compile(r"\[([^\]]{26,36})\] (\S+) (TLSv[\d.]+|SSLv\d|-) (\S+) \"([^\"]{0,65535})\" (\d+|-)")
_LEVELS = frozenset(
    ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", *(f"trace{n}" for n in range(1, 9)))
)


def parse(frame: Frame) -> Fields:
    return with_hosts(_read(frame), frame)


def _read(frame: Frame) -> Fields:
    text = frame.text.rstrip("\r\n")
    if text[:1] == "[":
        fields = _tls(text) or _error(text, frame)
        if fields is not None:
            return fields
    else:
        access = web.common(text)
        if access is not None:
            return access[0]
    raise ParseError(f"apache_http: neither an access nor an error record: {text[:80]!r}")


def _tls(text: str) -> Fields | None:
    """The log of mod_ssl's example configuration: ``%t %h %{SSL_PROTOCOL}x %{SSL_CIPHER}x "%r" %b``."""
    found = _TLS.fullmatch(text)
    if found is None:
        return None
    stamp, host, protocol, cipher, request, size = found.groups()
    when = web.time(stamp)
    if when is None:
        return None
    fields: Fields = {"event.action": "http_request", "event.category": ["web"], "event.type": ["access"]}
    fields["@timestamp"] = when
    remote(fields, host)
    web.request_line(fields, request)
    if size != "-" and len(size) < 19:
        fields["http.response.body.bytes"] = int(size)
    if cipher != "-":
        fields["tls.cipher"] = cipher
    if protocol != "-":
        fields["tls.version_protocol"] = protocol[:3].lower()
        fields["tls.version"] = protocol[4:]
    return fields


def _error(text: str, frame: Frame) -> Fields | None:
    found = _ERROR.match(text)
    if found is None or found[7] not in _LEVELS:
        return None
    month, day, time, fraction, year, module, level = found.groups()
    fields: Fields = {"event.category": ["web"], "event.type": ["error" if level in _BAD else "info"]}
    if month is not None:
        when = clock.bsd(f"{month} {day} {time}.{fraction or '0'}", 0, frame.zone, year)
        if when is not None:
            fields["@timestamp"] = when
    fields["log.level"] = level
    if module:
        fields["tieline.apache.module"] = module
    rest = text[found.end() :]
    os_error = ""
    for _ in range(8):
        part = _IN_BRACKETS.match(rest)
        if part is not None:
            _named(fields, part[1], part[2])
            rest = rest[part.end() :]
            continue
        broken = _OS_ERROR.match(rest)
        if broken is None or os_error:
            break
        os_error = f"({broken[1]}){broken[2]}: "
        rest = rest[broken.end() :]
    fields["message"] = os_error + rest
    _message(fields, rest)
    return fields


_BAD = frozenset(("emerg", "alert", "crit", "error"))


def _named(fields: Fields, name: str, value: str) -> None:
    if name == "pid":
        found = _PID.fullmatch(value)
        if found is not None:
            fields["process.pid"] = int(found[1])
            if found[2] is not None:
                fields["process.thread.id"] = int(found[2])
    elif name == "client" and "source.ip" not in fields:
        value = value.replace(" ", "")
        address, number = endpoint(value)
        if number is None and value.count(":") > 1 and "process.pid" in fields:
            host, _, last = value.rpartition(":")  # 2.4 writes IPv6 with the port and without brackets
            if ip(host) is not None and port(last) is not None:
                address, number = ip(host), port(last)
        if address is not None:
            remote(fields, address, None if number is None else str(number))
        elif ":" in value and value.count(":") == 1:
            remote(fields, *value.split(":"))
        else:
            remote(fields, value)


def _message(fields: Fields, text: str) -> None:
    code = _CODE.match(text)
    if code is not None:
        fields["event.code"] = code[1]
        text = text[code.end() :]
    referer = _REFERER.search(text[-4200:])
    if referer is not None:
        fields["http.request.referrer"] = referer[1]
        text = text.removesuffix(referer[0])
    path = _FILE.match(text)
    if path is not None:
        fields["file.path"] = path[1].strip()
    if text.startswith("user "):
        who = _USER.match(text)
        if who is not None:
            name = who[1] or who[2]
            fields["user.name"] = name
            fields["related.user"] = [name]
            asked = _LOGIN_PATH.search(text)
            if asked is not None:
                web.url(fields, asked[1])
            if any(word in text for word in _REFUSED):
                fields["event.action"] = "http_login"
                fields["event.category"], fields["event.type"] = ["web", "authentication"], ["info"]
                fields["event.outcome"] = "failure"
    elif "ModSecurity" in text:
        _mod_security(fields, text)


def _mod_security(fields: Fields, text: str) -> None:
    fields["event.category"] = ["web", "intrusion_detection"]
    fields["event.type"] = ["denied" if "Access denied" in text else "info"]
    fields["event.action"] = "modsecurity"
    for name, value in _TAGGED.findall(text[:16_384]):
        if name == "id":
            fields["rule.id"] = value
        elif name == "msg":
            fields["rule.name"] = value
        elif name == "uri":
            web.url(fields, value)
        elif name == "hostname":
            if ip(value) is not None:
                fields["destination.ip"] = ip(value)
            fields["url.domain"] = value
        elif name == "severity":
            fields["tieline.modsecurity.severity"] = value
        elif name == "unique_id":
            fields["http.request.id"] = value


def _fingerprint(head: bytes) -> bool:
    if head[:1] == b"[":
        return _MARK.match(head) is not None
    return web.fingerprint(head) and not web.ingress(head)


_MARK = re.compile(
    rb"\[(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d[.\d]* \d{4}\] \["
    rb"|\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] \S+ (?:TLS|SSL)v"
)
_ACCESS = LogSource(product="apache", category="webserver", service="access")
_ERRORS = LogSource(product="apache", category="webserver", service="error")
_LOGIN = LogSource(product="apache", category="authentication", service="error")
_MODSECURITY = LogSource(product="modsecurity")


def route(fields: Fields) -> LogSource:
    if "log.level" not in fields:
        return _ACCESS
    action = fields.get("event.action")
    return _MODSECURITY if action == "modsecurity" else _LOGIN if action == "http_login" else _ERRORS


FORMAT = LogFormat(
    id="apache_http",
    vendor="Apache",
    product="HTTP Server",
    logsource=_ACCESS,
    spec="https://httpd.apache.org/docs/2.4/mod/mod_log_config.html https://httpd.apache.org/docs/2.4/mod/core.html#errorlogformat",
    parse=parse,
    inside="syslog",
    programs=("httpd", "apache2", "apache"),
    fingerprint=_fingerprint,
    needs=(b'] "', b"] [", b"TLSv", b"SSLv"),
    route=route,
)
