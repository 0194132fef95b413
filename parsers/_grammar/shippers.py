"""Log lines that a shipper carries in a JSON object: Filebeat, Docker, the journal, Fluentd, syslog-ng, Splunk."""

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Opened
from parsers._grammar.event_time import moment
from parsers._grammar.syslog import header_fields

_READ = frozenset(
    ("tieline.format", "event.category", "event.action", "event.type", "event.outcome", "source.ip", "destination.ip",
     "ot.protocol", "ot.operation", "winlog.event_id", "EventID")
)  # fmt: skip
"""An object with one of these has been read already: what it carries beside is the same record once more."""
_RAW = (
    "event.original", "message", "log", "_raw", "raw", "rawmsg", "rawEvent", "full_message", "short_message", "event",
    "line", "MESSAGE", "msg", "log.original",
)  # fmt: skip
_PROGRAM = (
    "SYSLOG_IDENTIFIER", "log.syslog.appname", "syslog.identifier", "systemd.syslog.identifier", "PROGRAM", "ident",
    "programname", "syslog_program", "program", "app-name", "appname", "_COMM",
)  # fmt: skip
_MESSAGE = ("MESSAGE", "message", "syslog_message", "msg")
_HOST = (
    "_HOSTNAME", "log.syslog.hostname", "host.hostname", "host.name", "HOST", "hostname", "syslog_hostname", "host"
)  # fmt: skip
_PID = ("SYSLOG_PID", "_PID", "log.syslog.procid", "process.pid", "PID", "syslog_pid", "procid", "pid")
_TIME = (
    "_SOURCE_REALTIME_TIMESTAMP",
    "__REALTIME_TIMESTAMP",
    "ISODATE",
    "R_ISODATE",
    "syslog_timestamp",
    "time",
    "date",
)
_SYSLOG = frozenset((*_HOST, *_PID, "PRIORITY", "FACILITY", "facility", "severity", "SYSLOG_FACILITY"))
_CARRIES = frozenset((*_RAW, *_MESSAGE))
_LONGEST = 1 << 20


def wrapped(fields: Fields) -> Opened | None:
    """The record inside; ``inside="syslog"`` where the shipper has taken its header apart.

    >>> wrapped({"log": "<34>su: x\\n", "stream": "stdout", "time": "2026-01-02T03:04:05Z"}).text
    '<34>su: x'
    >>> wrapped({"SYSLOG_IDENTIFIER": "sshd", "_PID": "77", "MESSAGE": "hello"}).fields["process.pid"]
    77
    >>> wrapped({"EventID": 1, "message": "x"}), wrapped({"a": "b"})
    (None, None)
    """
    if _CARRIES.isdisjoint(fields) or not _READ.isdisjoint(fields):
        return None
    program = _first(fields, _PROGRAM)
    if program is not None and (message := _message(fields)) is not None and not _SYSLOG.isdisjoint(fields):
        return _taken_apart(fields, program, message)
    for name in _RAW:
        text = fields.get(name)
        if type(text) is str and 3 < len(text) <= _LONGEST:
            own: Fields = {}
            if "@timestamp" not in fields and "time" in fields:  # Docker's json-file driver, Splunk's collector
                when = moment(fields["time"])
                if when is not None:
                    own["@timestamp"] = fields["@timestamp"] = when
            text = text.rstrip("\r\n\x00")
            if name != "message":
                fields.setdefault("message", text)
            return Opened(own, text)
    return None


def _taken_apart(fields: Fields, program: str, message: str) -> Opened:
    pid = next((str(fields[name]) for name in _PID if type(fields.get(name)) in (str, int)), None)
    opened = header_fields(message, _first(fields, _HOST), program, pid)
    if "@timestamp" not in fields:
        for name in _TIME:
            when = moment(fields.get(name))
            if when is not None:
                opened.fields["@timestamp"] = when
                break
    fields.update(opened.fields)  # what no format inside says more of
    opened.inside = "syslog"
    return opened


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = fields.get(name)
        if type(value) is str and 0 < len(value) <= 255 and " " not in value:
            return value
    return None


def _message(fields: Mapping[str, Any]) -> str | None:
    for name in _MESSAGE:
        value = fields.get(name)
        if type(value) is str and len(value) <= _LONGEST:
            return value
        if type(value) is list and len(value) <= _LONGEST:  # journald writes what is not UTF-8 as numbers
            try:
                return bytes(value).decode("utf-8", "backslashreplace")
            except (TypeError, ValueError):
                return None
    return None
