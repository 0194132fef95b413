"""Accounts and groups made, changed and deleted: shadow-utils.

::

    Jan  2 03:04:05 jump-1 useradd[901]: new user: name=svc-hist, UID=1007, GID=1007, home=/home/svc-hist, shell=/bin/bash, from=/dev/pts/0
    Jan  2 03:04:05 jump-1 usermod[902]: add 'svc-hist' to group 'sudo'
    Jan  2 03:04:05 jump-1 passwd[903]: password for 'svc-hist' changed by 'root'
"""  # noqa: E501  (records as they are sent)

import re
from collections.abc import Callable

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import pam
from parsers._grammar.people import user

_PAIR = re.compile(r"\b(\w++)=([^,\s]*)")
_NEW_USER = re.compile(r"new (?:user|account)(?: added)?: (.*)", re.DOTALL)
_NEW_GROUP = re.compile(r"(?:new group: |group added to [^:]+: |new group added - )(.*)", re.DOTALL)
_MEMBER = re.compile(r"(add|delete) '(.+?)' (?:to|from) (?:shadow )?group '(.+?)'")
_MEMBER_BY = re.compile(r"(?:user|member) (.+?) (added|removed) by (.+?) (?:to|from) group (.+)")
_MEMBERS = re.compile(r"members of group (\S+) set by (\S+) to (.*)")
_DELETED = re.compile(r"(?:delete user '(.+?)'|user (?:account )?(?:deleted|'(.+?)' deleted).*)")
_GROUP_GONE = re.compile(
    r"(?:removed (?:shadow )?group '(.+?)'(?: owned by '(.*)')?|(?:shadow )?group '(.+?)' (?:removed|deleted).*)"
)
_CHANGED = re.compile(r"(?:change|lock|unlock) user '(.+?)' ?(.*)|changed user `(.+?)' information", re.DOTALL)
_PASSWORD = re.compile(
    r"password for '(.+?)' changed by '(.+?)'|(?:changed password expiry for|changed password for) '?(\S+?)'?"
)
_FAILED = re.compile(r"failed (adding|deleting|modifying) (user|group) '(.+?)'.*", re.DOTALL)


def _iam(action: str, *types: str, outcome: str = "success") -> Fields:
    return {"event.action": action, "event.category": ["iam"], "event.type": list(types), "event.outcome": outcome}


def _account(fields: Fields, name: str | None) -> None:
    """The account that is changed; who does it these messages do not say."""
    user(fields, name)
    user(fields, name, "user.target.name")


def _new_user(found: re.Match[str]) -> Fields:
    pairs = dict(_PAIR.findall(found[1]))
    fields = _iam("user_added", "user", "creation")
    _account(fields, pairs.get("name"))
    _numbers(fields, pairs)
    return fields


def _new_group(found: re.Match[str]) -> Fields:
    pairs = dict(_PAIR.findall(found[1]))
    fields = _iam("group_added", "group", "creation")
    if pairs.get("name"):
        fields["group.name"] = pairs["name"]
    _numbers(fields, pairs)
    return fields


def _numbers(fields: Fields, pairs: dict[str, str]) -> None:
    for name, field in (("UID", "user.id"), ("uid", "user.id"), ("GID", "group.id"), ("gid", "group.id")):
        if pairs.get(name):
            fields[field] = pairs[name]
    if "user.id" in fields:
        fields["user.target.id"] = fields["user.id"]


def _member(found: re.Match[str]) -> Fields:
    fields = _iam("group_member_added" if found[1] == "add" else "group_member_removed", "group", "change")
    _account(fields, found[2])
    fields["group.name"] = found[3]
    return fields


def _member_by(found: re.Match[str]) -> Fields:
    fields = _iam("group_member_added" if found[2] == "added" else "group_member_removed", "group", "change")
    user(fields, found[3])
    user(fields, found[1], "user.target.name")
    fields["group.name"] = found[4].strip()
    return fields


def _members(found: re.Match[str]) -> Fields:
    fields = _iam("group_members_set", "group", "change")
    user(fields, found[2])
    fields["group.name"] = found[1]
    return fields


def _deleted(found: re.Match[str]) -> Fields:
    fields = _iam("user_deleted", "user", "deletion")
    _account(fields, found[1] or found[2])
    return fields


def _group_gone(found: re.Match[str]) -> Fields:
    fields = _iam("group_deleted", "group", "deletion")
    fields["group.name"] = found[1] or found[3]
    user(fields, found[2], "user.target.name")
    return fields


def _changed(found: re.Match[str]) -> Fields:
    fields = _iam("user_changed", "user", "change")
    _account(fields, found[1] or found[3])
    return fields


def _password(found: re.Match[str]) -> Fields:
    fields = _iam("password_changed", "user", "change")
    if found[2]:
        user(fields, found[2])
        user(fields, found[1], "user.target.name")
    else:
        _account(fields, found[3])
    return fields


def _failed(found: re.Match[str]) -> Fields:
    verb = {"adding": "creation", "deleting": "deletion", "modifying": "change"}[found[1]]
    fields = _iam(f"{found[2]}_{verb}_failed", found[2], verb, outcome="failure")
    if found[2] == "user":
        user(fields, found[3])
    else:
        fields["group.name"] = found[3]
    return fields


_LONGEST = 4096  # keeps every expression quick, whatever comes

_KINDS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Fields]], ...] = (
    (_NEW_USER, _new_user),
    (_NEW_GROUP, _new_group),
    (_MEMBER, _member),
    (_MEMBER_BY, _member_by),
    (_MEMBERS, _members),
    (_DELETED, _deleted),
    (_CHANGED, _changed),
    (_PASSWORD, _password),
    (_FAILED, _failed),
    (_GROUP_GONE, _group_gone),
)


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    if len(text) > _LONGEST:
        raise ParseError("linux_accounts: longer than any message")
    for pattern, read in _KINDS:
        found = pattern.fullmatch(text)
        if found is not None:
            return read(found)
    fields = pam.message(text)
    if fields is None:
        raise ParseError(f"linux_accounts: unknown message {text[:80]!r}")
    return fields


FORMAT = LogFormat(
    id="linux_accounts",
    vendor="Linux",
    product="shadow-utils",
    logsource=LogSource(product="linux", service="auth"),
    spec="https://github.com/shadow-maint/shadow",
    parse=parse,
    inside="syslog",
    programs=(
        "useradd", "adduser", "usermod", "userdel", "deluser", "groupadd", "groupmod", "groupdel", "gpasswd", "passwd",
        "chpasswd", "chage", "chsh", "chfn", "newusers", "vipw", "groupmems",
    ),
)  # fmt: skip
