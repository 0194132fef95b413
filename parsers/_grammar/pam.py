"""Linux-PAM's messages, which every program that logs in by PAM writes under its own name.

::

    pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=m.keller
    pam_unix(sudo:session): session opened for user root(uid=0) by m.keller(uid=1000)
"""

import re

from engine.model import Fields
from parsers._grammar.people import account, remote, user

_MODULE = re.compile(r"(pam_\w+)\(([^():\s]+)(?::(\w+))?\): ?(.*)", re.DOTALL)
_FAILURE = re.compile(
    r"(?:logname=(.*?) )?uid=-?\d* euid=-?\d* tty=(.*?) ruser=(.*?) rhost=(\S*) *(?:user=(.*))?", re.DOTALL
)
_OPENED = re.compile(r"session opened for user (.+?)(?:\(uid=(\d+)\))? by (.*?)(?:\(uid=(\d+)\))?\s*$", re.DOTALL)
_CLOSED = re.compile(r"session closed for user (.+?)\s*$", re.DOTALL)
_QUOTED = re.compile(r"(?:for|by|of|account|user) (?:user )?['\"\[]([^'\"\]]+)['\"\]]")
_PLAIN = re.compile(
    r"(?:user|account) (\S+) (?:\(|granted|account temporarily|has expired|does not|denied|from)|changed for (\S+)"
    r"|[Ff]ailures? for (?:user )?(\S+)|[Aa]ccess denied for (?:user )?(\S+?):?(?: |$)"
)
_MORE = re.compile(r"PAM (\d+) more authentication failures?; (.*)", re.DOTALL)
_SSS = re.compile(r"received for user (.+): (\d+) \((.+)\)")

_LONGEST = 4096  # keeps every expression quick, whatever comes

# Where the acting user (by …) is somebody else than the one who gets the session.
_BECOMES = frozenset(("sudo", "sudo-i", "su", "su-l", "runuser", "runuser-l", "pkexec", "polkit-1", "doas"))


def message(text: str) -> Fields | None:
    """What a PAM module said; None where the text is not PAM's.

    >>> message("pam_unix(sudo:session): session opened for user root by m.keller(uid=1000)")["user.name"]
    'm.keller'
    """
    if len(text) > _LONGEST:
        return None
    text = text.lstrip()
    found = _MODULE.match(text)
    if found is None:
        return _more(text)
    module, service, kind, said = found.groups()
    fields: Fields = {"tieline.pam.module": module, "tieline.pam.service": service}
    if kind is not None:
        fields["tieline.pam.type"] = kind
    if kind == "session" or said.startswith("session "):
        _session(fields, service, said)
    elif kind == "chauthtok" or "password changed" in said:
        _password(fields, said)
    elif kind == "auth":
        _authentication(fields, said)
    elif kind == "account":
        _account(fields, said)
    else:
        _name(fields, said)
    return fields


def _more(text: str) -> Fields | None:
    """The summary that libpam's callers write when a connection ends: failures that were each logged before."""
    found = _MORE.match(text)
    if found is None:
        return None
    fields: Fields = {
        "event.action": "pam_failures_summary",
        "event.category": ["authentication"],
        "event.type": ["info"],
    }
    fields["event.outcome"] = "failure"
    fields["tieline.repeated"] = int(found[1][:9])
    _who(fields, found[2])
    return fields


def _who(fields: Fields, said: str) -> None:
    found = _FAILURE.search(said)
    if found is None:
        _name(fields, said)
        return
    logname, terminal, ruser, rhost, name = found.groups()
    account(fields, name or None)
    if name is None:
        account(fields, ruser or logname)
    else:
        for other in (ruser, logname):
            if other and other not in fields.get("related.user", ()):
                fields.setdefault("related.user", []).append(other)
    remote(fields, rhost)
    if terminal:
        fields["tieline.terminal"] = terminal


def _name(fields: Fields, said: str) -> None:
    """A name where it certainly is one; "user environment" and "user unknown" are none."""
    found = _QUOTED.search(said) or _PLAIN.search(said)
    if found is not None:
        account(fields, next((name for name in found.groups() if name), None))


def _session(fields: Fields, service: str, said: str) -> None:
    found = _OPENED.match(said)
    if found is not None:
        target, target_id, by, by_id = found.groups()
        fields.update({"event.action": "session_opened", "event.category": ["session"], "event.type": ["start"]})
        fields["event.outcome"] = "success"
        if service in _BECOMES and by:
            account(fields, by)
            user(fields, target, "user.effective.name")
            if by_id is not None:
                fields["user.id"] = by_id
            if target_id is not None:
                fields["user.effective.id"] = target_id
            return
        account(fields, target)
        if target_id is not None:
            fields["user.id"] = target_id
        return
    found = _CLOSED.match(said)
    if found is not None:
        fields.update({"event.action": "session_closed", "event.category": ["session"], "event.type": ["end"]})
        account(fields, found[1])
        return
    _name(fields, said)


def _password(fields: Fields, said: str) -> None:
    _name(fields, said)
    if "password changed" in said:
        fields.update({"event.action": "password_changed", "event.category": ["iam"], "event.type": ["user", "change"]})
        fields["event.outcome"] = "success"
    elif "failure" in said or "not acceptable" in said or said.startswith("BAD PASSWORD"):
        fields.update(
            {"event.action": "password_change_failed", "event.category": ["iam"], "event.type": ["user", "change"]}
        )
        fields["event.outcome"] = "failure"
        _who(fields, said)


def _authentication(fields: Fields, said: str) -> None:
    if said.startswith("authentication failure"):
        outcome, action = "failure", "pam_authentication"
        _who(fields, said)
    elif said.startswith("authentication success"):
        outcome, action = "success", "pam_authentication"
        _who(fields, said)
    elif (sss := _SSS.match(said)) is not None:
        # the code's line follows the failure that the same module has just written
        account(fields, sss[1])
        fields["event.reason"] = sss[3]
        return
    elif said.startswith(("Consecutive login failures", "user ")) and ("locked" in said or "tally" in said):
        outcome, action = "failure", "account_locked"
        _name(fields, said)
    elif said.startswith(("user ", "granted")) and "granted access" in said:
        outcome, action = "success", "pam_authentication"
        _name(fields, said)
    else:
        # "check pass; user unknown", "conversation failed", requirements: the failure itself has a line of its own
        _name(fields, said)
        return
    fields.update(
        {"event.action": action, "event.category": ["authentication"], "event.type": ["info"], "event.outcome": outcome}
    )


def _account(fields: Fields, said: str) -> None:
    _name(fields, said)
    if "expired" in said or "denied" in said or "locked" in said:
        fields.update({"event.action": "account_refused", "event.category": ["authentication"], "event.type": ["info"]})
        fields["event.outcome"] = "failure"
        fields["event.reason"] = said.strip()
