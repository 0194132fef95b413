"""PostgreSQL 15 and later: jsonlog.

::

    {"timestamp":"2026-01-02 03:04:05.006 UTC","user":"k.vogt","dbname":"historian","pid":812,"remote_host":"192.0.2.7","remote_port":51234,"session_id":"6028ff3a.56","line_num":4,"error_severity":"LOG","message":"statement: SELECT 1","backend_type":"client backend"}
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import postgres
from parsers._grammar.people import account, remote


def shape(fields: Mapping[str, Any]) -> bool:
    return "error_severity" in fields and "backend_type" in fields and "pid" in fields


def parse(frame: Frame) -> Fields:
    log = frame.opened.object if frame.opened is not None else None
    if not log:
        raise ParseError("postgresql_jsonlog: not a JSON object")
    severity, message = log.get("error_severity"), log.get("message", "")
    if not isinstance(severity, str) or not isinstance(message, str):
        raise ParseError("postgresql_jsonlog: no error_severity or message")
    fields: Fields = {}
    time = log.get("timestamp")
    when = postgres.stamp(time, frame.zone) if isinstance(time, str) else None
    if when is not None:
        fields["@timestamp"] = when
    pid = log.get("pid")
    if type(pid) is int and 0 <= pid < 1 << 32:
        fields["process.pid"] = pid
    name, host, number = log.get("user"), log.get("remote_host"), log.get("remote_port")
    if isinstance(name, str):
        account(fields, name)
    if isinstance(host, str) and host not in ("[local]", ""):
        remote(fields, host, str(number) if type(number) is int else None)
    for key, field in (("dbname", "tieline.sql.database"), ("application_name", "tieline.sql.application"), ("session_id", "tieline.sql.session"), ("state_code", "event.code"), ("detail", "event.reason"), ("statement", "tieline.sql.query")):  # fmt: skip  # noqa: E501
        value = log.get(key)
        if isinstance(value, str) and value:
            fields[field] = value
    postgres.fill(fields, severity[:16], message)
    return fields


_LOGSOURCE = LogSource(product="postgresql", category="database")
_AUTHENTICATION = LogSource(product="postgresql", category="authentication")


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


FORMAT = LogFormat(
    id="postgresql_jsonlog",
    vendor="PostgreSQL",
    product="PostgreSQL jsonlog",
    logsource=_LOGSOURCE,
    spec="https://www.postgresql.org/docs/current/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-JSONLOG",
    parse=parse,
    inside="json",
    shape=shape,
    route=route,
)
