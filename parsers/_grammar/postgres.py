"""What PostgreSQL says in its messages, whichever way they were logged."""

import re

from engine.model import Fields
from parsers._grammar import clock
from parsers._grammar.people import account, remote

_BAD = frozenset(("ERROR", "FATAL", "PANIC"))
_DURATION = re.compile(r"duration: (\d{1,12}(?:\.\d{1,6})?) ms(?:  (.*))?$", re.DOTALL)
_STEP = re.compile(r"(statement|(?:parse|bind|execute(?: fetch from)?) [^:\s]{1,128}): (.*)", re.DOTALL)
_RECEIVED = re.compile(r"connection received: host=(\S{1,255})(?: port=(\d{1,5}))?")
_AUTHORIZED = re.compile(r"(?:replication )?connection authorized: user=(\S{1,128})(?: database=(\S{1,128}))?")
_AUTHENTICATED = re.compile(r'connection authenticated: identity="([^"]{1,256})" method=(\S{1,32})')
_FAILED = re.compile(
    r"(?:(?:password|Ident|Peer|LDAP|GSSAPI|SSPI|PAM|RADIUS|SCRAM|certificate|BSD) authentication failed for user|role)"
    r' "([^"]{1,128})"'
)
_REFUSED = re.compile(
    r"(?:no pg_hba\.conf entry for|pg_hba\.conf rejects connection for) (?:replication connection from )?host \""
    r"([^\"]{1,128})\", "
    r'user "([^"]{1,128})"(?:, database "([^"]{1,128})")?'
)
_ENDED = re.compile(
    r"disconnection: session time: \S{1,32} user=(\S{1,128}) database=(\S{1,128}) host=(\S{1,255})(?: port=(\d{1,5}))?"
)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)(?: ([A-Z]{1,5}|[+-]\d\d(?::?\d\d)?))?")


def stamp(text: str, zone: object) -> int | None:
    """
    >>> stamp("2026-01-02 04:04:05.006 CET", None)
    1767323045006000000
    """
    found = _STAMP.fullmatch(text)
    if found is None:
        return None
    day, time, name = found.groups()
    own = clock.offset_zone(name) if name is not None else None
    return clock.iso(f"{day}T{time}", own or zone)  # type: ignore[arg-type]


def fill(fields: Fields, severity: str, message: str) -> None:
    """ECS for a message; what the prefix or the columns have said already stays."""
    fields["log.level"] = severity
    fields["event.category"] = ["database"]
    fields["event.type"] = ["error"] if severity in _BAD else ["info"]
    fields["message"] = message
    text = message[:65_536]
    found = _DURATION.match(text)
    if found is not None:
        fields["event.duration"] = round(float(found[1]) * 1_000) * 1_000
        text = found[2] or ""
    if severity == "STATEMENT":
        fields["tieline.sql.query"] = text
        return
    step = _STEP.match(text)
    if step is not None:
        fields["event.action"] = "sql_statement"
        fields["event.type"] = ["access"]
        fields["tieline.sql.query"] = step[2]
    elif text.startswith(("connection ", "disconnection:", "replication connection")):
        _connection(fields, text)
    elif severity == "FATAL":
        _fatal(fields, text)


def _connection(fields: Fields, text: str) -> None:
    if (found := _RECEIVED.match(text)) is not None:
        fields["event.action"] = "connection_received"
        _host(fields, found[1], found[2])
    elif (found := _AUTHORIZED.match(text)) is not None:
        _login(fields, "success", found[1])
        if found[2] is not None:
            fields["tieline.sql.database"] = found[2]
    elif (found := _AUTHENTICATED.match(text)) is not None:
        fields["event.action"] = "connection_authenticated"
        fields["tieline.auth.method"] = found[2]
        if "user.name" not in fields:
            account(fields, found[1])
    elif (found := _ENDED.match(text)) is not None:
        fields["event.action"] = "disconnected"
        if "user.name" not in fields:
            account(fields, found[1])
        fields["tieline.sql.database"] = found[2]
        _host(fields, found[3], found[4])


def _fatal(fields: Fields, text: str) -> None:
    if (found := _REFUSED.match(text)) is not None:
        _host(fields, found[1], None)
        _login(fields, "failure", found[2])
        if found[3] is not None:
            fields["tieline.sql.database"] = found[3]
    elif (found := _FAILED.match(text)) is not None:
        _login(fields, "failure", found[1])


def _login(fields: Fields, outcome: str, name: str) -> None:
    fields["event.action"] = "database_login"
    fields["event.category"], fields["event.type"] = ["database", "authentication"], ["info"]
    fields["event.outcome"] = outcome
    account(fields, name)


def _host(fields: Fields, host: str, number: str | None) -> None:
    if host not in ("[local]", "localhost") and "source.ip" not in fields:
        remote(fields, host, number)
