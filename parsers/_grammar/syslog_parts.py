"""The parts of a syslog header, as fields."""

from engine.model import Fields, Opened

_FACILITY = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
_SEVERITY = ("Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug")
PRIORITY: tuple[Fields, ...] = tuple(
    {
        "log.syslog.priority": priority,
        "log.syslog.facility.code": priority >> 3,
        "log.syslog.facility.name": _FACILITY[priority >> 3],
        "log.syslog.severity.code": priority & 7,
        "log.syslog.severity.name": _SEVERITY[priority & 7],
    }
    for priority in range(192)
)
NAMED = {name: code for code, name in enumerate(_FACILITY)} | {"kernel": 0, "security": 4}
GRADED = {
    "emerg": 0, "panic": 0, "alert": 1, "crit": 2, "err": 3, "error": 3, "warning": 4, "warn": 4, "notice": 5,
    "info": 6, "debug": 7,
}  # fmt: skip

_MOST, _LONGEST = 16_384, 256
_programs: dict[str, tuple[str, str]] = {}


def finished(fields: Fields, message: str, host: str | None, app: str | None = None, pid: str | None = None) -> Opened:
    """The header's parts, told apart, beside what is known already."""
    if message:
        message = message.rstrip("\r\n\x00")
        if message[:1] == "\ufeff":
            message = message[1:]
        if message[:1] == " ":  # rsyslog keeps the blank that followed the tag of the program's own message
            message = message.lstrip(" ")
    if message:
        fields["message"] = message
    if host is not None:
        fields["log.syslog.hostname"] = host
        fields["host.hostname"] = host
        fields["host.name"] = host
        fields["related.hosts"] = [host]
    if app is None:
        return Opened(fields, message)
    names = _programs.get(app)
    if names is None:
        names = _program(app)
    fields["log.syslog.appname"] = app
    fields["process.name"] = names[0]
    if pid:
        fields["log.syslog.procid"] = pid
        if pid.isascii() and pid.isdigit() and len(pid) <= 10:
            fields["process.pid"] = int(pid)
    return Opened(fields, message, names[1])


def _program(app: str) -> tuple[str, str]:
    """As the process is called, and the name that chooses a format.

    >>> _program("/usr/sbin/CRON"), _program("sshd(pam_unix)"), _program("postfix/smtpd")
    (('CRON', 'cron'), ('sshd', 'sshd'), ('postfix/smtpd', 'postfix/smtpd'))
    """
    name = app.rsplit("/", 1)[-1] if app[0] == "/" else app
    name = name.removesuffix("(pam_unix)")
    names = (name or app, (name or app).lower())
    if len(_programs) >= _MOST:
        _programs.clear()
    if len(app) <= _LONGEST:
        _programs[app] = names
    return names
