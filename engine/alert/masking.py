"""Passwords in what we read, masked before any sink: in key=value pairs, on command lines, in URLs and headers.

Conservative where a guess would cost evidence: sudo's ``PWD=/root`` stays, a user name is masked only when it looks
like a password that somebody typed into the wrong field.
"""

import re
from typing import Any, Final

from ahocorasick_rs import AhoCorasick

from engine.alert.secrets import PLACES

MASK: Final = "********"

_KEPT: Final = frozenset(("", "null", "none", "true", "false", "-", "*", "(null)", "N/A", MASK))
"""What stands where a password would, and is none."""

_TYPED: Final = re.compile(r"((?:invalid|illegal|unknown) user[ \t]+)(\S{8,64})(?=[ \t]|$)", re.IGNORECASE)


def _automaton() -> tuple[AhoCorasick, list[int]]:
    called: dict[str, int] = {}
    for at, (literals, _) in enumerate(PLACES):
        for literal in literals:
            called[literal] = called.get(literal, 0) | 1 << at
    for literal in ("invalid user", "illegal user", "unknown user"):
        called[literal] = 1 << len(PLACES)
    return AhoCorasick(list(called)), list(called.values())


_SCAN, _CALLED = _automaton()


def mask(text: str) -> str:
    """
    >>> mask("mysql -u root -pS3cret! plant"), mask("GET http://bob:hunter2@192.0.2.7/")
    ('mysql -u root -p******** plant', 'GET http://bob:********@192.0.2.7/')
    >>> mask("TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls")
    'TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls'
    """
    for _ in range(16):  # what one pattern leaves may be another's: until nothing changes
        masked = _once(text)
        if masked == text:
            return text
        text = masked
    return text


def _once(text: str) -> str:
    hits = _SCAN.find_matches_as_indexes(text.lower(), overlapping=True)
    if not hits:
        return text
    called = 0
    for hit in hits:
        called |= _CALLED[hit[0]]
    for at, (_, pattern) in enumerate(PLACES):
        if called >> at & 1:
            text = pattern.sub(_masked, text)
    if called >> len(PLACES) & 1:
        text = _TYPED.sub(_masked_name, text)
    return text


def _masked(found: re.Match[str]) -> str:
    before, value = found[1], found[2]
    quote = '\\"' if value.startswith('\\"') else value[0] if value[:1] in ("'", '"') else ""
    content = value[len(quote) :]
    if content.rstrip(")]}") in _KEPT or (before.upper().endswith("PWD=") and content.startswith(("/", "unknown"))):
        return found[0]
    if before[:7].lower() == "passwd:" and _is_program(found):
        return found[0]
    return f"{before}{quote}{MASK}"


def _is_program(found: re.Match[str]) -> bool:
    """passwd(1) and its PAM stack: ``pam_unix(passwd:chauthtok)``, ``passwd: gkr-pam: …``."""
    return found.string[max(found.start() - 1, 0) : found.start()] == "(" or found[2].startswith(("pam_", "gkr-pam"))


def _masked_name(found: re.Match[str]) -> str:
    return found[1] + MASK if looks_like_a_password(found[2]) else found[0]


def looks_like_a_password(name: str) -> bool:
    """
    >>> [looks_like_a_password(name) for name in ("Summer2026!", "P@ssw0rd1", "Alice2.B@plant.example", "svc-Backup01")]
    [True, True, False, False]
    """
    if not 8 <= len(name) <= 64 or any(map(str.isspace, name)):
        return False
    signs = {letter for letter in name if letter in _SIGNS}
    if name.endswith("$"):  # the account of a machine
        signs.discard("$")
    if not signs or (signs == {"@"} and _ADDRESS.fullmatch(name) is not None):
        return False
    return any(map(str.isupper, name)) and any(map(str.islower, name)) and any(map(str.isdigit, name))


_SIGNS: Final = frozenset("!#$%^&*?+=~<>{}[]|;:,@")
_ADDRESS: Final = re.compile(r"[^@]+@[\w-]+(?:\.[\w-]+)+")

_NEVER: Final = frozenset(("@timestamp", "event.id", "event.start", "event.end", "ecs.version", "rule.uuid"))


def mask_document(document: dict[str, Any]) -> dict[str, Any]:
    """The document with every text masked, at any depth; the same object where there was nothing to mask.

    The user name of a failed login that looks like a password is masked wherever the document repeats it.
    """
    masked: dict[str, Any] = {}
    for name, value in document.items():
        if name not in _NEVER:
            new = _masked_value(value)
            if new is not value:
                masked[name] = new
    out = {**document, **masked} if masked else document
    if out.get("event.outcome") == "failure":
        user = out.get("user.name")
        if isinstance(user, str) and looks_like_a_password(user):
            replaced: dict[str, Any] = _without(out, user)
            return replaced
    return out


def _masked_value(value: Any) -> Any:
    if type(value) is str:
        new = mask(value) if len(value) > 4 else value
        return value if new == value else new
    if type(value) is list:
        elements = [_masked_value(one) for one in value]
        return elements if any(new is not old for new, old in zip(elements, value, strict=True)) else value
    if type(value) is dict:
        return mask_document(value)
    return value


def _without(value: Any, secret: str) -> Any:
    if isinstance(value, str):
        return value.replace(secret, MASK)
    if isinstance(value, list):
        return [_without(one, secret) for one in value]
    if isinstance(value, dict):
        return {name: _without(inner, secret) for name, inner in value.items()}
    return value
