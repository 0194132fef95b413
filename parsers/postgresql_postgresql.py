"""PostgreSQL 9 to 17: stderr and syslog with any usual ``log_line_prefix``, and csvlog.

::

    2026-01-02 03:04:05.006 UTC [812] k.vogt@historian LOG:  duration: 12.437 ms  statement: SELECT 1
    2026-01-02 03:04:05.006 UTC,"k.vogt","historian",812,"192.0.2.7:51234",6028ff3a.56,4,"idle",2026-01-02 03:04:00 UTC,3/3,0,LOG,00000,"statement: SELECT 1",,,,,,,,,"psql","client backend"

A record may have several lines; only its first starts with the time.
"""  # noqa: E501  (records as they are sent)

import csv
import re
from functools import lru_cache

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import postgres
from parsers._grammar.addresses import endpoint, ip
from parsers._grammar.people import account, remote

_LEVELS = "DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION|BACKTRACE"
_SEVERITY = re.compile(rf"(?:^|[\s:>\]|])({_LEVELS}):  ?")
_LEVEL = re.compile(_LEVELS)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?: (?:[A-Z]{1,5}|[+-]\d\d(?::?\d\d)?)(?=[\s:,\]>]|$))?"
)
_PID = re.compile(r"\[(\d{1,10})(?:-\d{1,10})?\]|\bp(?:id)?=(\d{1,10})|^:?(\d{1,10})(?=[:\s])|\[(\d{1,10}):")
_SYSLOG = re.compile(r"\[\d{1,9}-\d{1,9}\] ?")  # the message's number and that of its line
_AT = re.compile(r"(?:^|[\s:\]])(\[unknown\]|[^\s@:=,\[\]()]{1,63})@(\[unknown\]|[^\s@:=,\[\]()]{1,63})(?=[\s:]|$)")
_KEY = re.compile(
    r"\b(user|usr|u|db|database|d|app|application_name|client|host|h|remote|sess|session|state|e)=(\[unknown\]|[^\s,;|\]]{0,128})"
)
_REMOTE = re.compile(r"(?:^|[\s:])(\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]{3,45})\((\d{1,5})\)")
_STATE = re.compile(r"(?:^|[\s:\[])([0-9A-Z]{5})(?=[\s:\]]|$)")
_PREFIX = 512
_LONGEST = 262_144
_NONE = frozenset(("", "[unknown]", "[local]", "unknown"))
_CSV = re.compile(
    r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})? [A-Z+\-\d:]{1,6},(?:"[^"]{0,128}")?,(?:"[^"]{0,128}")?,\d{0,10},'
)
_COLUMNS = (
    "time", "user", "database", "pid", "client", "session", "line", "tag", "started", "vxid", "xid", "severity",
    "state", "message", "detail", "hint", "internal_query", "internal_pos", "context", "query", "pos", "location",
    "application", "backend", "leader", "query_id",
)  # fmt: skip


def parse(frame: Frame) -> Fields:
    text = frame.text.rstrip("\r\n")[:_LONGEST]
    if _CSV.match(text) is not None:
        return _comma(text, frame)
    if frame.opened is not None:
        numbered = _SYSLOG.match(text)
        if numbered is not None:
            text = text[numbered.end() :]
    found = _SEVERITY.search(text, 0, _PREFIX)
    if found is None:
        if frame.opened is not None:
            return {"event.category": ["database"], "event.type": ["info"]}  # a further line of a message
        raise ParseError(f"postgresql_postgresql: no severity behind a prefix: {text[:80]!r}")
    fields: Fields = {}
    prefix = text[: found.start()]
    time = _TIME.search(prefix)
    if time is not None:
        when = postgres.stamp(time[0], frame.zone)
        if when is not None:
            fields["@timestamp"] = when
        prefix = prefix[: time.start()] + " " + prefix[time.end() :].lstrip(": ")
    elif frame.opened is None:
        raise ParseError(f"postgresql_postgresql: no time in the prefix: {text[:80]!r}")
    said = _said(prefix.strip())
    fields.update(said)
    for name in ("related.ip", "related.user"):
        if name in said:
            fields[name] = list(said[name])  # what is remembered stays as it is
    postgres.fill(fields, found[1], text[found.end() :])
    if frame.opened is not None:
        del fields["message"]
    return fields


@lru_cache(maxsize=4096)
def _said(prefix: str) -> Fields:
    """What a prefix says beside the time: a session writes the same one many times."""
    fields: Fields = {}
    pid = _PID.search(prefix)
    if pid is not None:
        fields["process.pid"] = int(pid[1] or pid[2] or pid[3] or pid[4])
    values = dict(_KEY.findall(prefix)) if "=" in prefix else {}
    get = values.get
    name = get("user") or get("usr") or get("u")
    database = get("db") or get("database") or get("d")
    if name is None and (who := _AT.search(prefix)) is not None:
        name, database = who.groups()
    client = get("client") or get("host") or get("h") or get("remote")
    _who(fields, name, database, get("app") or get("application_name"))
    if client is not None:
        address, number = endpoint(client.replace("(", ":").rstrip(")"))
        if address is not None:
            remote(fields, address, None if number is None else str(number))
        elif client not in _NONE and client != "localhost":
            remote(fields, client.partition("(")[0])
    elif (there := _REMOTE.search(prefix)) is not None and ip(there[1]) is not None:
        remote(fields, there[1], there[2])
    state = get("state") or get("e")
    if state is None and (found := _STATE.search(prefix)) is not None and not found[1].isalpha():
        state = found[1] if not (found[1].isdigit() and pid is not None and found[1] in pid[0]) else None
    if state and len(state) == 5:
        fields["event.code"] = state
    return fields


def _who(fields: Fields, name: str | None, database: str | None, application: str | None) -> None:
    if name is not None and name not in _NONE:
        account(fields, name)
    if database is not None and database not in _NONE:
        fields["tieline.sql.database"] = database
    if application is not None and application not in _NONE:
        fields["tieline.sql.application"] = application


def _comma(text: str, frame: Frame) -> Fields:
    try:
        row = next(csv.reader([text.replace("\0", "")]))
    except (csv.Error, StopIteration):
        raise ParseError("postgresql_postgresql: a csvlog record that is not CSV") from None
    if len(row) < 14:
        raise ParseError(f"postgresql_postgresql: {len(row)} columns of csvlog's 23 to 26")
    record = dict(zip(_COLUMNS, row, strict=False))
    fields: Fields = {}
    when = postgres.stamp(record["time"], frame.zone)
    if when is not None:
        fields["@timestamp"] = when
    if record["pid"].isdigit() and len(record["pid"]) < 11:
        fields["process.pid"] = int(record["pid"])
    _who(fields, record["user"], record["database"], record.get("application"))
    address, number = endpoint(record["client"])
    if address is not None:
        remote(fields, address, None if number is None else str(number))
    if record["session"]:
        fields["tieline.sql.session"] = record["session"]
    if _LEVEL.fullmatch(record["severity"]) is None:
        raise ParseError(f"postgresql_postgresql: {record['severity'][:20]!r} is no severity")
    if record["state"]:
        fields["event.code"] = record["state"]
    postgres.fill(fields, record["severity"], record["message"])
    if record.get("query"):
        fields["tieline.sql.query"] = record["query"]
    if record.get("detail"):
        fields["event.reason"] = record["detail"]
    return fields


_START = re.compile(rb"<\d|[A-Z][a-z]{2} [ \d]\d \d\d:|\S{0,64}? ?<? ?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_MARK = re.compile(
    rb"[^\t]{0,64}?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d{1,6})? [^\t]{0,256}?[\s:>\]|](?:DEBUG[1-5]?|LOG|INFO"
    rb"|NOTICE|WARNING|ERROR|FATAL|PANIC|"
    rb"DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION):  \S"
)
_CSV_MARK = re.compile(
    rb'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z+\-\d:]{1,6},(?:"[^"]{0,128}")?,(?:"[^"]{0,128}")?,'
    rb'\d{0,10},(?:"[^"]{0,64}")?,[0-9a-f]{1,16}\.[0-9a-f]{1,8},'
)
_LOGSOURCE = LogSource(product="postgresql", category="database")
_AUTHENTICATION = LogSource(product="postgresql", category="authentication")


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


FORMAT = LogFormat(
    id="postgresql_postgresql",
    vendor="PostgreSQL",
    product="PostgreSQL",
    logsource=_LOGSOURCE,
    spec="https://www.postgresql.org/docs/current/runtime-config-logging.html",
    parse=parse,
    inside="syslog",
    programs=("postgres", "postgresql"),
    fingerprint=lambda head: _CSV_MARK.match(head) is not None or _MARK.match(head) is not None,
    needs=(b":  ", b","),
    starts_record=lambda line: _START.match(line) is not None,
    route=route,
)
