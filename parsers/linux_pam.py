"""Logins by PAM at a console, a display manager, or any program that has no format of its own.

::

    Jan  2 03:04:05 hmi-3 login[812]: FAILED LOGIN (1) on '/dev/tty1' FOR 'operator', Authentication failure
    Jan  2 03:04:05 hmi-3 gdm-password][812]: pam_unix(gdm-password:auth): authentication failure; logname= uid=0 euid=0 tty=/dev/tty1 ruser= rhost=  user=operator
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import pam
from parsers._grammar.people import account, remote

_FAILED = re.compile(
    r"FAILED LOGIN (?:SESSION )?(?:\(?\d+\)? )?(?:on '?(.*?)'? )?(?:FROM '?(\S*?)'? )?FOR '?(.*?)'?, (.*)", re.DOTALL
)
_LOGIN = re.compile(r"(ROOT )?LOGIN ON '?(\S+?)'?(?: BY '?(.*?)'?)?(?: FROM '?(\S+?)'?)?", re.DOTALL)
_CHECKED = re.compile(r"(?:password check failed for user|could not obtain user info) \((.*)\)", re.DOTALL)
_LONGEST = 4096  # keeps every expression quick, whatever comes


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    if len(text) > _LONGEST:
        raise ParseError("linux_pam: longer than any message")
    fields = pam.message(text)
    if fields is not None:
        return fields
    if (found := _CHECKED.fullmatch(text)) is not None:
        fields = {"event.action": "password_check", "event.category": ["authentication"], "event.type": ["info"]}
        fields["event.outcome"] = "failure"
        account(fields, found[1])
        return fields
    if (found := _FAILED.fullmatch(text)) is not None:
        terminal, host, name, reason = found.groups()
        fields = {"event.action": "console_login", "event.category": ["authentication"], "event.type": ["info"]}
        fields["event.outcome"] = "failure"
        fields["event.reason"] = reason
        if name != "UNKNOWN":
            account(fields, name)
    elif (found := _LOGIN.fullmatch(text)) is not None:
        root, terminal, name, host = found.groups()
        fields = {
            "event.action": "console_login",
            "event.category": ["authentication", "session"],
            "event.type": ["start"],
        }
        fields["event.outcome"] = "success"
        account(fields, name or ("root" if root else None))
    else:
        raise ParseError(f"linux_pam: unknown message {text[:80]!r}")
    if host and host != "(null)":
        remote(fields, host)
    if terminal:
        fields["tieline.terminal"] = terminal
    return fields


_LOGSOURCE = LogSource(product="linux", service="auth")
_AUTHENTICATION = LogSource(product="linux", service="auth", category="authentication")


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


FORMAT = LogFormat(
    id="linux_pam",
    vendor="Linux",
    product="PAM",
    logsource=_LOGSOURCE,
    spec="https://github.com/linux-pam/linux-pam",
    parse=parse,
    inside="syslog",
    programs=("login", "gdm-password", "gdm", "lightdm", "sddm", "sddm-helper", "kcheckpass", "unix_chkpwd"),
    fingerprint=lambda head: head.lstrip().startswith(b"pam_"),
    needs=(b"pam_",),
    route=route,
)
