"""MySQL 5.5 to 9, MariaDB and Percona: the error log, the slow query log, the general log.

::

    2026-01-02T03:04:05.006007Z 12 [Note] [MY-010926] [Server] Access denied for user 'root'@'192.0.2.66' (using password: YES)
    # User@Host: k.vogt[k.vogt] @ ews-1 [192.0.2.7]  Id:    12
    # Query_time: 2.461578  Lock_time: 0.000196 Rows_sent: 10  Rows_examined: 3145718
    SET timestamp=1767323045;
    SELECT * FROM tags;
    2026-01-02T03:04:05.006007Z	   12 Query	SELECT 1
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import ip
from parsers._grammar.people import account, remote, user

_TIME = r"(\d{4}-\d\d-\d\d[T ] ?\d{1,2}:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?|\d{6} [ \d]\d:\d\d:\d\d)"
_ERROR = re.compile(
    rf"{_TIME} +(?:(\d{{1,10}}|0x[0-9a-f]{{1,16}}) +)?\[(Note|Warning|ERROR|System|Error|Info|Warn)\] (.*)", re.DOTALL
)
_CODE = re.compile(r"\[(MY-\d{6})\] \[(\w{1,32})\] (.*)", re.DOTALL)
_GENERAL = re.compile(
    rf"(?:{_TIME})?\s+(\d{{1,19}}) (Connect|Query|Quit|Init DB|Prepare|Execute|Close stmt|Reset stmt|Field List"
    rf"|Statistics|"
    r"Change user|Binlog Dump(?: GTID)?|Ping|Shutdown|Kill|Create DB|Drop DB|Refresh|Sleep|Fetch|Long Data|Set option"
    r"|Daemon|"
    r"Register Slave|Reset connection|Debug|Processlist)(?:\s+(.*))?$",
    re.DOTALL,
)
_PLAIN = re.compile(rf"{_TIME} +(.*)", re.DOTALL)
_DENIED = re.compile(r"Access denied for user '([^']{0,128})'@'([^']{0,255})'(?: \(using password: (\w{1,8})\))?")
_ABORTED = re.compile(
    r"Aborted connection (\d{1,19}) to db: '([^']{0,128})' user: '([^']{0,128})' host: '([^']{0,255})'(?: \("
    r"([^)]{0,256})\))?"
)
_CONNECT = re.compile(r"([^\s@]{0,128})@(\S{0,255})(?: as \S{0,128})? on (\S{0,128}) ?(?:using (\S{1,32}))?")
_USER_HOST = re.compile(
    r"# User@Host: ([^\[\n]{0,128})\[([^\]\n]{0,128})\] @ ?([^\[\n]{0,255}?) ?\[([^\]\n]{0,64})\](?: +Id: +(\d{1,19}))?"
)
_STATISTIC = re.compile(
    r"\b(Query_time|Lock_time|Rows_sent|Rows_examined|Rows_affected|Bytes_sent|Schema|Thread_id|Last_errno): +"
    r"(\S{1,64})"
)
_SET = re.compile(r"^SET timestamp=(\d{9,11})(?:\.(\d{1,6}))?;$", re.MULTILINE)
_SLOW_TIME = re.compile(rf"^# Time: {_TIME}", re.MULTILINE)
_USE = re.compile(r"^use (\S{1,128});$", re.MULTILINE | re.IGNORECASE)
_LONGEST = 262_144
_BAD = frozenset(("ERROR", "Error"))


def parse(frame: Frame) -> Fields:
    text = frame.text.strip("\r\n")[:_LONGEST]
    if text.startswith("# "):
        return _slow(text, frame)
    fields: Fields = {"event.category": ["database"], "event.type": ["info"]}
    if (found := _ERROR.match(text)) is not None:
        _error(fields, found, frame)
    elif (found := _GENERAL.match(text)) is not None:
        _general(fields, found, frame)
    elif (found := _PLAIN.match(text)) is not None:
        _when(fields, found[1], frame)
        fields["message"] = found[2]
    elif frame.opened is not None and text:
        _words(fields, text)
    else:
        raise ParseError(f"oracle_mysql: neither an error nor a query: {text[:80]!r}")
    if frame.opened is not None and "message" in frame.opened.fields:
        fields.pop("message", None)
    return fields


def _when(fields: Fields, text: str, frame: Frame) -> None:
    if not text:
        return
    if text[4] == "-":
        day, time = text[:10], text[11:].strip()
        if time[1] == ":":
            time = "0" + time
        when = clock.iso(f"{day}T{time}", frame.zone)
    else:
        when = clock.iso(f"20{text[:2]}-{text[2:4]}-{text[4:6]}T{text[7:].strip().rjust(8, '0')}", frame.zone)
    if when is not None:
        fields["@timestamp"] = when


def _error(fields: Fields, found: re.Match[str], frame: Frame) -> None:
    time, thread, level, message = found.groups()
    _when(fields, time, frame)
    fields["log.level"] = level
    fields["message"] = message
    if level in _BAD:
        fields["event.type"] = ["error"]
    if thread is not None and thread.isdigit():
        fields["tieline.mysql.thread_id"] = int(thread)
    code = _CODE.match(message)
    if code is not None:
        fields["event.code"], fields["event.provider"], message = code.groups()
    _words(fields, message)


def _words(fields: Fields, text: str) -> None:
    if (found := _DENIED.search(text, 0, 1024)) is not None:
        _login(fields, "failure", found[1], found[2])
        fields["event.reason"] = found[0]
    elif (found := _ABORTED.match(text)) is not None:
        fields["event.action"] = "connection_aborted"
        _side(fields, found[4])
        if found[3] != "unauthenticated":
            account(fields, found[3])
        if found[2] != "unconnected":
            fields["tieline.sql.database"] = found[2]
        if found[5]:
            fields["event.reason"] = found[5]


def _login(fields: Fields, outcome: str, name: str, host: str) -> None:
    fields["event.action"] = "database_login"
    fields["event.category"], fields["event.type"] = ["database", "authentication"], ["info"]
    fields["event.outcome"] = outcome
    account(fields, name)
    _side(fields, host)


def _side(fields: Fields, host: str) -> None:
    if host not in ("localhost", "", "%"):
        remote(fields, host)
    elif host == "localhost":
        fields["source.address"] = fields["source.domain"] = host


def _general(fields: Fields, found: re.Match[str], frame: Frame) -> None:
    time, thread, command, argument = found.groups("")
    _when(fields, time, frame)
    fields["message"] = f"{command}\t{argument}"
    if len(thread) < 19:
        fields["tieline.mysql.thread_id"] = int(thread)
    fields["event.action"] = f"mysql_{command.lower().replace(' ', '_')}"
    if command in ("Query", "Prepare", "Execute"):
        fields["event.type"] = ["access"]
        fields["tieline.sql.query"] = argument
    elif command in ("Connect", "Change user"):
        if argument.startswith("Access denied"):
            _words(fields, argument)
        elif (who := _CONNECT.match(argument)) is not None:
            # a refused one has a line of its own behind this one
            _side(fields, who[2])
            account(fields, who[1])
            if who[3]:
                fields["tieline.sql.database"] = who[3]
    elif command == "Init DB":
        fields["tieline.sql.database"] = argument[:128]


def _slow(text: str, frame: Frame) -> Fields:
    fields: Fields = {"event.action": "slow_query", "event.category": ["database"], "event.type": ["access"]}
    who = _USER_HOST.search(text, 0, 4096)
    head = text[:16_384]
    if who is None:
        time = _SLOW_TIME.match(text)
        if time is None:
            raise ParseError(f"oracle_mysql: no slow query: {text[:80]!r}")
        _when(fields, time[1], frame)
        fields["event.action"], fields["event.type"] = "slow_query_time", ["info"]
        return fields
    name, current, host, address, thread = who.groups()
    user(fields, name.strip())
    if current and current != name:
        user(fields, current, "user.effective.name")
    if ip(address) is not None:
        remote(fields, address)
    if host:
        fields["source.domain"] = host.lower()
        fields.setdefault("source.address", host)
    values = dict(_STATISTIC.findall(head))
    _statistics(fields, values)
    thread = thread or values.get("Thread_id")
    if thread is not None and thread.isdigit() and len(thread) < 19:
        fields["tieline.mysql.thread_id"] = int(thread)
    exact = _SET.search(head)
    if exact is not None:
        fields["@timestamp"] = int(exact[1]) * 1_000_000_000 + int((exact[2] or "0").ljust(9, "0"))
    elif (time := _SLOW_TIME.search(head)) is not None and time.start() < who.start():
        _when(fields, time[1], frame)
    used = _USE.search(head)
    if used is not None:
        fields["tieline.sql.database"] = used[1].strip("`")
    query = [line for line in text.split("\n") if not line.startswith("# ") and line != "#"]
    query = [line for line in query if _SET.fullmatch(line) is None and _USE.fullmatch(line) is None]
    if query:
        fields["tieline.sql.query"] = "\n".join(query)
    return fields


def _statistics(fields: Fields, values: dict[str, str]) -> None:
    for name, number in values.items():
        if name == "Schema":
            if not number.endswith(":"):
                fields["tieline.sql.database"] = number
        elif name == "Query_time":
            if number.replace(".", "", 1).isdigit() and len(number) < 20:
                fields["event.duration"] = round(float(number) * 1_000_000) * 1_000
        elif number.isdigit() and len(number) < 19 and name != "Thread_id":
            fields[f"tieline.mysql.{name.lower()}"] = int(number)


_START = re.compile(
    rb"# User@Host: |\d{4}-\d\d-\d\d[T ] ?\d{1,2}:\d\d:\d\d|\d{6} [ \d]\d:\d\d:\d\d|\t\t? +\d{1,19} [A-Z][a-z]|<\d"
    rb"|[A-Z][a-z]{2} [ \d]\d \d\d:"
)
_MARK = re.compile(
    rb"# User@Host: |# Time: \d|\t\t {1,5}\d{1,19} (?:Connect|Query|Quit|Init DB|Prepare|Execute)\t|"
    rb"\d{4}-\d\d-\d\d[T ] ?\d{1,2}:\d\d:\d\d(?:\.\d{6}Z?)? +(?:\d{1,10} )?"
    rb"\[(?:Note|Warning|ERROR|System)\] |\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?:Z|[+-]\d\d:\d\d)\s+\d{1,19} [A-Z]"
    rb"|\d{6} [ \d]\d:\d\d:\d\d\s+\S"
)
_LOGSOURCE = LogSource(product="mysql", category="database")
_AUTHENTICATION = LogSource(product="mysql", category="authentication")


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


FORMAT = LogFormat(
    id="oracle_mysql",
    vendor="Oracle",
    product="MySQL",
    logsource=_LOGSOURCE,
    spec="https://dev.mysql.com/doc/refman/8.4/en/server-logs.html https://mariadb.com/kb/en/server-monitoring-logs/",
    parse=parse,
    inside="syslog",
    programs=("mysqld", "mysql", "mariadbd", "mariadb", "mysqld_safe"),
    fingerprint=lambda head: _MARK.match(head) is not None,
    firsts=b"#\t0123456789",
    starts_record=lambda line: _START.match(line) is not None,
    route=route,
)
