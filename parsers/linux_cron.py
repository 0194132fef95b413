"""cron: Vixie cron, cronie, anacron's runs.

::

    Jan  2 03:04:01 hist-1 CRON[901]: (backup) CMD (/usr/local/bin/pull-historian.sh)
    Jan  2 03:04:01 hist-1 crontab[902]: (m.keller) REPLACE (root)
"""

import re

from engine.model import Fields, Frame, LogFormat, LogSource
from parsers._grammar import pam
from parsers._grammar.people import user

_DONE = re.compile(r"\((.*?)\) ([A-Z][A-Za-z ]*?) \((.*)\)\s*", re.DOTALL)
_CHANGES = {"REPLACE": "creation", "DELETE": "deletion", "END EDIT": "change"}
_NOBODY = frozenset(("CRON", "*system*", "CROND", "anacron"))


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    found = _DONE.fullmatch(text)
    if found is None:
        return pam.message(text) or {}
    name, what, subject = found.groups()
    fields: Fields = {}
    if name not in _NOBODY:
        user(fields, name)
    if what in ("CMD", "CMDEND"):
        start = what == "CMD"
        fields.update(
            {"event.action": "cron_command", "event.category": ["process"], "event.type": ["start" if start else "end"]}
        )
        fields["process.command_line"] = subject
    elif what in _CHANGES:
        fields.update(
            {"event.action": "crontab_changed", "event.category": ["configuration"], "event.type": [_CHANGES[what]]}
        )
        user(fields, subject, "user.target.name")
    return fields


FORMAT = LogFormat(
    id="linux_cron",
    vendor="Linux",
    product="cron",
    logsource=LogSource(product="linux", service="cron"),
    spec="https://manpages.debian.org/cron",
    parse=parse,
    inside="syslog",
    programs=("cron", "crond", "crontab", "anacron", "atd"),
)
