"""sudo, 1.8 and 1.9.

::

    Jan  2 03:04:05 jump-1 sudo[77]: m.keller : TTY=pts/0 ; PWD=/home/m.keller ; USER=root ; COMMAND=/usr/bin/id
    Jan  2 03:04:05 jump-1 sudo: m.keller : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id
"""  # noqa: E501  (records as they are sent)

import re
from collections.abc import Callable

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import pam
from parsers._grammar.people import user

_CONTINUED = re.compile(r" {0,8}(\S[^:\n]{0,255}?) : \(command continued\) ")
_WRONG = re.compile(r"(\d+) incorrect password attempts?")
_REFUSED = (
    "not allowed",
    "NOT in sudoers",
    "NOT authorized",
    "unknown user",
    "no tty present",
    "you do not exist",
    "not permitted",
)


def parse(frame: Frame) -> Fields:
    name, colon, rest = frame.text.lstrip().partition(" : ")
    at = 0 if rest.startswith("COMMAND=") else rest.find(" ; COMMAND=") + 3
    if not (colon and name and rest.startswith("COMMAND=", at)):
        return _other(frame.text)
    fields: Fields = {
        "event.action": "sudo",
        "event.category": ["process"],
        "event.type": ["start"],
        "event.outcome": "success",
    }
    user(fields, name)
    for part in rest[:at].split(" ; "):
        key, equals, value = part.partition("=")
        if equals and key in _KEYS:
            _KEYS[key](fields, value)
        elif part and key not in _UNUSED:
            _refused(fields, part)
    fields["process.command_line"] = rest[at + 8 :]
    return fields


def _other(text: str) -> Fields:
    fields = pam.message(text)
    if fields is None:
        found = _CONTINUED.match(text)
        if found is None:
            raise ParseError(f"linux_sudo: unknown message {text[:80]!r}")
        fields = {"event.action": "command_continued", "message": text.lstrip()}
        user(fields, found[1])
    return fields


def _set(field: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, value: str) -> None:
        if value:
            fields[field] = value

    return put


_KEYS: dict[str, Callable[[Fields, str], None]] = {
    "TTY": _set("tieline.terminal"),
    "PWD": _set("process.working_directory"),
    "USER": lambda fields, value: user(fields, value, "user.effective.name"),
    "GROUP": _set("group.name"),
}
_UNUSED = frozenset(("HOST", "CHROOT", "TSID", "ENV"))


def _refused(fields: Fields, said: str) -> None:
    wrong = _WRONG.match(said)
    fields["event.reason"] = said
    fields["event.type"] = ["info"]
    fields["event.outcome"] = "failure"
    if wrong is not None or "password is required" in said or "authentication" in said:
        fields["event.category"] = ["authentication"]
        if wrong is not None:
            fields["tieline.repeated"] = int(wrong[1][:9])
    elif any(words in said for words in _REFUSED):
        fields["event.action"] = "sudo_denied"


_LOGSOURCE = LogSource(product="linux", service="sudo")
_AUTHENTICATION = LogSource(product="linux", service="sudo", category="authentication")


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


FORMAT = LogFormat(
    id="linux_sudo",
    vendor="Linux",
    product="sudo",
    logsource=_LOGSOURCE,
    spec="https://www.sudo.ws/docs/man/sudoers.man/#EVENT_LOGGING",
    parse=parse,
    inside="syslog",
    programs=("sudo",),
    route=route,
)
