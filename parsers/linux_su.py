"""su, of shadow, util-linux and BSD.

::

    Jan  2 03:04:05 jump-1 su[77]: Successful su for root by m.keller
    Jan  2 03:04:05 jump-1 su: FAILED SU (to root) m.keller on pts/0
    Jan  2 03:04:05 jump-1 su: 'su root' failed for m.keller on /dev/pts/8
"""

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import pam
from parsers._grammar.people import user

_BY = re.compile(r"(Successful|FAILED) su for (.+) by (.+)", re.DOTALL)
_TO = re.compile(r"(FAILED SU )?\(to (.+?)\) (.+) on (\S+)", re.DOTALL)
_QUOTED = re.compile(r"'su (.+?)' (failed|succeeded) for (.+) on (\S+)", re.DOTALL)
_SIGNED = re.compile(r"([+\-]) (\S+) (.+?)[:\-](\S+)")
_BSD = re.compile(r"(BAD SU )?(\S+) to (\S+) on (\S+)")
_LONGEST = 1024  # keeps every expression quick, whatever comes


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    if len(text) > _LONGEST:
        raise ParseError("linux_su: longer than any message")
    terminal: str | None = None
    if (found := _BY.fullmatch(text)) is not None:
        success, target, name = found[1] == "Successful", found[2], found[3]
    elif (found := _TO.fullmatch(text)) is not None:
        success, target, name, terminal = found[1] is None, found[2], found[3], found[4]
    elif (found := _QUOTED.fullmatch(text)) is not None:
        success, target, name, terminal = found[2] == "succeeded", found[1], found[3], found[4]
    elif (found := _SIGNED.fullmatch(text)) is not None:
        success, terminal, name, target = found[1] == "+", found[2], found[3], found[4]
    elif (found := _BSD.fullmatch(text)) is not None:
        success, name, target, terminal = found[1] is None, found[2], found[3], found[4]
    else:
        fields = pam.message(text)
        if fields is None:
            raise ParseError(f"linux_su: unknown message {text[:80]!r}")
        return fields
    fields = {"event.action": "su", "event.category": ["authentication"]}
    fields["event.type"] = ["start" if success else "info"]
    fields["event.outcome"] = "success" if success else "failure"
    user(fields, name)
    user(fields, target, "user.effective.name")
    if terminal is not None and terminal != "none":
        fields["tieline.terminal"] = terminal
    return fields


_LOGSOURCE = LogSource(product="linux", service="su")
_AUTHENTICATION = LogSource(product="linux", service="su", category="authentication")


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


FORMAT = LogFormat(
    id="linux_su",
    vendor="Linux",
    product="su",
    logsource=_LOGSOURCE,
    spec="https://github.com/shadow-maint/shadow https://github.com/util-linux/util-linux",
    parse=parse,
    inside="syslog",
    programs=("su", "su-l", "runuser"),
    route=route,
)
