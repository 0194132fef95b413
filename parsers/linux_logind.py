"""Sessions and units as systemd and systemd-logind tell them.

::

    Jan  2 03:04:05 jump-1 systemd-logind[512]: New session 7 of user m.keller.
    Jan  2 03:04:05 jump-1 systemd[1]: Started Session 7 of User m.keller.
"""

import re

from engine.model import Fields, Frame, LogFormat, LogSource
from parsers._grammar import pam, systemd_units
from parsers._grammar.people import account

_NEW = re.compile(
    r"New session '?([^\s']+)'? of user '?([^']+?)'?(?: with class '?[\w\-]+'? and type '?([\w\-]+)'?)?\.?"
)
_OVER = re.compile(r"(?:Removed session|Session) '?([^\s']+?)'?(?: logged out\. Waiting for processes to exit)?\.?")
_STARTED = re.compile(
    r"(Started|Starting|Stopped|Removed slice) (?:session-\S+ - )?"
    r"(Session (\S+) of [Uu]ser (.+?)|User Manager for UID (\d+))\.*"
)


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    fields = pam.message(text)
    if fields is not None:
        return fields
    fields = {}
    if (found := _NEW.fullmatch(text)) is not None:
        fields = {"event.action": "session_opened", "event.category": ["session"], "event.type": ["start"]}
        fields["tieline.session.id"] = found[1]
        account(fields, found[2])
    elif text.startswith(("Removed session", "Session ")) and (found := _OVER.fullmatch(text)) is not None:
        fields = {"event.action": "session_closed", "event.category": ["session"], "event.type": ["end"]}
        fields["tieline.session.id"] = found[1]
    elif (found := _STARTED.fullmatch(text)) is not None:
        start = found[1].startswith("Start")
        fields = {
            "event.action": "session_unit",
            "event.category": ["session"],
            "event.type": ["info" if start else "end"],
        }
        if found[3] is not None:
            fields["tieline.session.id"] = found[3]
        account(fields, found[4])
        if found[5] is not None:
            fields["user.id"] = found[5]
    else:
        fields = systemd_units.unit(text)
    return fields


FORMAT = LogFormat(
    id="linux_logind",
    vendor="Linux",
    product="systemd",
    logsource=LogSource(product="linux", service="syslog"),
    spec="https://www.freedesktop.org/software/systemd/man/systemd-logind.service.html",
    parse=parse,
    inside="syslog",
    programs=("systemd-logind", "systemd"),
)
