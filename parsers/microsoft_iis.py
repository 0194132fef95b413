"""Microsoft IIS: W3C extended logs by their ``#Fields`` (or, without them, in the order that IIS keeps), HTTP.sys errors.

::

    #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken
    2026-01-02 03:04:05 10.20.1.5 GET /hmi/view.aspx id=7 443 CORP\\k.vogt 192.0.2.7 Mozilla/5.0+(Windows+NT+10.0) - 200 0 0 15
    2026-01-02 03:04:05 192.0.2.7 51234 10.20.1.5 80 HTTP/1.1 GET /..\\win.ini 403 - Forbidden -
"""  # noqa: E501  (records as they are sent)

import re
from functools import lru_cache

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, web
from parsers._grammar.addresses import ip, port
from parsers._grammar.event_time import moment
from parsers._grammar.people import account, with_hosts

_DAY = r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)"
_IP = r"(?:\[?[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f.%]{0,64}){2,8}\]?|\d{1,3}(?:\.\d{1,3}){3}|-)"
# The columns are always in this order, whichever of them an administrator has switched on.
_ACCESS = re.compile(
    rf"{_DAY} (?:(W3SVC\d+|SMTPSVC\d*|MSFTPSVC\d*) )?(?:(?!{_IP} )([\w.\-]+) (?={_IP} ))?(?:({_IP}) )?"
    rf"([A-Za-z_\-]{{2,32}}) (\S+) (\S+) (\d{{1,5}}|-) (\S+) ({_IP})(?: (HTTP/\d(?:\.\d)?))? (\S+)"
    r"((?: \S+){0,3}?) (\d{3}) (\d+) (\d+)((?: .*)?)$"
)
_ERROR = re.compile(
    rf"{_DAY} ({_IP}) (\d{{1,5}}|-) ({_IP}) (\d{{1,5}}|-) (HTTP/[\d.]+|-) (\S+) (.*?)(?: (?:\d+|-))? "
    r"(\d{3}|-) (\d+|-) ([A-Za-z_][\w/]*|-) (\S+)$"
)
_LINKED = re.compile(r"\[([^\]]+)\]\([a-z]+:[^)]*\)")  # a chat program's idea of an address
_CLASSIC = re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}")
_LONGEST = 65_536


def parse(frame: Frame) -> Fields:
    return with_hosts(_read(frame), frame)


def _read(frame: Frame) -> Fields:
    text = frame.text.strip()
    if len(text) > _LONGEST:
        raise ParseError("microsoft_iis: longer than any record")
    if text.startswith("#"):
        return {"event.category": ["web"], "event.type": ["info"], "event.action": "log_header"}
    for line in frame.header:
        if line.startswith(b"#Fields:"):
            columns = _columns(line)
            values = text.split(" ")
            if columns is not None and len(values) == len(columns):
                return _record(dict(zip(columns, values, strict=True)), frame)
    return _without_header(text, frame)


@lru_cache(maxsize=256)
def _columns(line: bytes) -> tuple[str, ...] | None:
    names = tuple(line.decode("utf-8", "backslashreplace").split()[1:])
    return names if "date" in names or "time" in names else None


def _without_header(text: str, frame: Frame) -> Fields:
    if "](" in text:
        text = _LINKED.sub(r"\1", text)
    found = _ERROR.match(text)
    names: tuple[str, ...]
    if found is not None:
        names = ("date", "time", "c-ip", "c-port", "s-ip", "s-port", "cs-version", "cs-method", "cs-uri", "sc-status",
                 "s-siteid", "s-reason", "s-queuename")  # fmt: skip
        return _record(dict(zip(names, found.groups(), strict=True)), frame)
    found = _ACCESS.match(text)
    if found is None:
        classic = text.split(", ")
        if len(classic) >= 14 and _CLASSIC.fullmatch(classic[2]) is not None:
            return _classic([part.rstrip(",") for part in classic], frame)
        raise ParseError(f"microsoft_iis: no W3C record, and no #Fields above it: {text[:80]!r}")
    *first, middle, status, substatus, win32, rest = found.groups()
    names = ("date", "time", "s-sitename", "s-computername", "s-ip", "cs-method", "cs-uri-stem", "cs-uri-query",
             "s-port", "cs-username", "c-ip", "cs-version", "cs(User-Agent)")  # fmt: skip
    record = {name: value for name, value in zip(names, first, strict=True) if value is not None}
    record.update({"sc-status": status, "sc-substatus": substatus, "sc-win32-status": win32})
    _middle(record, middle.split())
    _rest(record, rest.split())
    return _record(record, frame)


def _middle(record: dict[str, str], values: list[str]) -> None:
    """cs(Cookie), cs(Referer), cs-host."""
    if len(values) == 3:
        record["cs(Cookie)"], record["cs(Referer)"], record["cs-host"] = values
    elif len(values) == 2:
        if "://" in values[0] or ("://" not in values[1] and "." in values[1] and "=" not in values[1]):
            record["cs(Referer)"], record["cs-host"] = values
        else:
            record["cs(Cookie)"], record["cs(Referer)"] = values
    elif values:
        record["cs(Referer)"] = values[0]


def _rest(record: dict[str, str], values: list[str]) -> None:
    """sc-bytes, cs-bytes, time-taken, and a column of one's own, as a rule X-Forwarded-For."""
    numbers: list[str] = []
    while values and values[0].isdigit() and len(numbers) < 3:
        numbers.append(values.pop(0))
    names = {1: ("time-taken",), 2: ("sc-bytes", "cs-bytes"), 3: ("sc-bytes", "cs-bytes", "time-taken")}
    record.update(zip(names.get(len(numbers), ()), numbers, strict=False))
    if values:
        record["X-Forwarded-For"] = values[0]


def _classic(values: list[str], frame: Frame) -> Fields:
    """IIS's own format, before W3C's: a fixed order, commas."""
    record = {
        "c-ip": values[0], "cs-username": values[1], "s-sitename": values[4], "s-computername": values[5],
        "s-ip": values[6], "time-taken": values[7], "cs-bytes": values[8], "sc-bytes": values[9],
        "sc-status": values[10], "sc-win32-status": values[11], "cs-method": values[12], "cs-uri-stem": values[13],
    }  # fmt: skip
    if len(values) > 14 and values[14]:
        record["cs-uri-query"] = values[14]
    fields = _record(record, frame)
    when = moment(f"{values[2]} {values[3]} AM", frame.zone)
    hour = values[3].partition(":")[0]
    if hour.isdigit() and int(hour) >= 12:
        when = moment(f"{values[2]} {int(hour) - 12 or 12}:{values[3].partition(':')[2]} PM", frame.zone)
    if when is not None:
        fields["@timestamp"] = when
    return fields


def _record(said: dict[str, str], frame: Frame) -> Fields:
    record = {name: value for name, value in said.items() if value and value != "-"}
    get = record.get
    fields: Fields = {"event.action": "http_request", "event.category": ["web"], "event.type": ["access"]}
    day, time = get("date"), get("time")
    if day is not None and time is not None:
        when = clock.iso(f"{day}T{time}")  # W3C's times are UTC
        if when is not None:
            fields["@timestamp"] = when
    _ends(fields, record)
    _request(fields, record)
    status = get("sc-status", "-")
    web.response(fields, status)
    for name, field in (("sc-bytes", "http.response"), ("cs-bytes", "http.request")):
        size = get(name, "-")
        if size.isascii() and size.isdigit() and len(size) < 19:
            fields[f"{field}.bytes"] = fields[f"{field}.body.bytes"] = int(size)
    taken = get("time-taken", "-")
    if taken.isascii() and taken.isdigit() and len(taken) < 13:
        fields["event.duration"] = int(taken) * 1_000_000
    for name in ("sc-substatus", "sc-win32-status", "s-sitename", "s-reason", "s-queuename"):
        value = get(name, "-")
        if value != "-":
            fields[f"tieline.iis.{name}"] = value
    if "s-reason" in said:
        fields["event.action"], fields["event.type"] = "http_error", ["error"]
    return fields


def _ends(fields: Fields, record: dict[str, str]) -> None:
    related = []
    for side, address, number in (("destination", "s-ip", "s-port"), ("source", "c-ip", "c-port")):
        there = ip(record.get(address))
        if there is not None:
            fields[f"{side}.ip"] = fields[f"{side}.address"] = there
            related.append(there)
        at = port(record.get(number))
        if at is not None and at:
            fields[f"{side}.port"] = at
    name = record.get("s-computername", "-")
    if name != "-":
        fields["host.name"] = fields["host.hostname"] = name
        fields["related.hosts"] = [name]
    forwarded = record.get("X-Forwarded-For") or record.get("x-forwarded-for") or "-"
    first = ip(forwarded.replace("+", " ").split(",")[0].strip())
    if first is not None:
        fields["network.forwarded_ip"] = first
        related.append(first)
    if related:
        fields["related.ip"] = list(dict.fromkeys(related))
    user = record.get("cs-username", "-")
    if user != "-":
        account(fields, user)
    host = record.get("cs-host", "-")
    if host != "-":
        known = fields.get("destination.port"), fields.get("destination.ip"), fields.get("destination.address")
        web.virtual_host(fields, host)
        for field, value in zip(("destination.port", "destination.ip", "destination.address"), known, strict=True):
            if value is not None:
                fields[field] = value


def _request(fields: Fields, record: dict[str, str]) -> None:
    get = record.get
    method, version = get("cs-method", "-"), get("cs-version", "-")
    if method != "-":
        fields["http.request.method"] = method
    if version.startswith("HTTP/"):
        fields["http.version"] = version[5:]
    whole = get("cs-uri", "-")
    stem, query = get("cs-uri-stem", "-"), get("cs-uri-query", "-")
    if whole != "-" and whole:
        web.url(fields, whole)
    elif stem != "-":
        web.url(fields, stem)
        fields["url.original"] = stem
        if query != "-":
            fields["tieline.url.original"] = f"{stem}?{query}"
            web.part(fields, "query", query.replace("+", " "))  # a blank cannot stand in a column
            if fields["url.query"] != query:
                fields["tieline.url.query"] = query
    web.headers(fields, get("cs(Referer)"), get("cs(User-Agent)", "-").replace("+", " "))
    cookie = get("cs(Cookie)", "-")
    if cookie != "-":
        fields["tieline.http.cookie"] = cookie


_MARK = re.compile(
    rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:W3SVC\d+ \S+ |[\[0-9A-Fa-f:.%]{3,46} (?:[A-Z][A-Z_\-]{1,31} \S+ \S+ \d+ |\d{1,5} [\[0-9A-Fa-f:.%]{3,46} \d{1,5} (?:HTTP/|- )))"  # noqa: E501
    rb"|[0-9A-Fa-f:.]{3,46}, [^,]{1,256}, \d{1,2}/\d{1,2}/\d{2,4}, \d{1,2}:\d\d:\d\d, W3SVC\d+, "
)

FORMAT = LogFormat(
    id="microsoft_iis",
    vendor="Microsoft",
    product="IIS",
    logsource=LogSource(product="iis", category="webserver", service="access"),
    spec="https://www.w3.org/TR/WD-logfile.html https://learn.microsoft.com/windows/win32/http/w3c-logging",
    parse=parse,
    inside="syslog",
    programs=("iis", "w3svc"),
    heads=(b"#Software:", b"#Version:", b"#Date:", b"#Fields:"),
    fingerprint=lambda head: _MARK.match(head) is not None,
    firsts=b"0123456789ABCDEFabcdef[:.",
)
