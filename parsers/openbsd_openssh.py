"""OpenSSH server, 5.x to 10.x, portable and OpenBSD.

::

    Jan  2 03:04:05 gw-1 sshd[4711]: Failed password for invalid user admin from 192.0.2.66 port 51234 ssh2
    Jan  2 03:04:09 gw-1 sshd-session[4712]: Accepted publickey for m.keller from 192.0.2.7 port 40022 ssh2: ED25519 SHA256:…

The client chooses the user name, so a name may look like the rest of a message: what stands last is the server's.
An attempt may leave several lines (PAM's, "Invalid user", "Failed password"): each has its own ``event.action``, and
"ssh_login" is what the server decided.
"""  # noqa: E501  (records as they are sent)

import re
from collections.abc import Callable

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import pam
from parsers._grammar.addresses import ip, port
from parsers._grammar.people import account, remote

_DECIDED = re.compile(
    r"(Accepted|Failed|Partial|Postponed) (\S+) for ((?:invalid|illegal) user )?(.*) from (\S+) port (\d+)(?: ssh\d?)?"
    r"(?: \[preauth\])?(?:: (.*))?",
    re.DOTALL,
)
_KEY = re.compile(r"([A-Z0-9\-]+) ((?:SHA256|MD5|SHA1):\S+|(?:[0-9a-f]{2}:){15}[0-9a-f]{2})")
_INVALID = re.compile(r"(?:Invalid|Illegal) user (.*) from (\S+)(?: port (\d+))?", re.DOTALL)
_ON = re.compile(r"Connection from (\S+) port (\d+) on (\S+) port (\d+)(?: .*)?")
_MODULE = re.compile(r"(Accepted|Failed) (\S+) for (\S+)")  # a module's verdict, before the server's own
_MAXIMUM = re.compile(
    r"maximum authentication attempts exceeded for (invalid user )?(.*) from (\S+) port (\d+)(?: ssh\d?)?", re.DOTALL
)
_NOT_ALLOWED = re.compile(r"User (.*?)(?: from (\S+))? not allowed because (.+)", re.DOTALL)
_ENDED = re.compile(
    r"(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) "
    r"(?:(?:authenticating|invalid|illegal) )?(?:user (.*) )?(\S+) port (\d+)(?:: (.*))?",
    re.DOTALL,
)
_ENDED_OLD = re.compile(
    r"(?:Connection (?:closed|reset) by|Received disconnect from|Disconnected from) ([0-9A-Fa-f:.]+?)(?:: (.*))?",
    re.DOTALL,
)
_RECEIVED = re.compile(r"Received disconnect from (\S+) port (\d+):(.*)", re.DOTALL)
_TOO_MANY = re.compile(
    r"Disconnecting: Too many authentication failures for (?:invalid user )?(.*?)"
    r"(?: from (\S+) port (\d+)(?: ssh\d?)?)?",
    re.DOTALL,
)
_PAM_ERROR = re.compile(r"PAM: (.+) for (?:(illegal|invalid) user )?(.*) from (\S+)", re.DOTALL)
_FROM = re.compile(r"(?:from|with|for) \[?([0-9A-Fa-f:.]+)\]?(?::| port )(\d+)")
_BY_USER = re.compile(r"(?:by|for) user (\S+)|^input_userauth_request: invalid user (\S+)")
_SESSION = re.compile(
    r"(Starting|Close) session: (.*?)(?:for|user) (\S+) from (\S+) port (\d+)(?: id \d+)?(?: .*)?", re.DOTALL
)
_NAMED_HOST = re.compile(
    r"(?:getaddrinfo for (\S+) \[([^\]]+)\]|Address (\S+) maps to (\S+),|refused connect from (\S+)(?: \(([^)]+)\))?)"
)
_ROOT_REFUSED = re.compile(r"ROOT LOGIN REFUSED FROM (\S+)(?: port (\d+))?")
_PERMITTED = re.compile(
    r"Authentication tried for (.*) with correct key but not from a permitted host \(host=(.*), ip=(\S+?)(?:, .*)?\)",
    re.DOTALL,
)
_LISTENING = re.compile(r"Server listening on (\S+) port (\d+)")
_IDENTIFICATION = re.compile(
    r"(?:identification|string|ssh protocol).* (?:from|string) (\S+?)(?: port (\d+))?\.?$", re.DOTALL
)
_TIMEOUT = re.compile(
    r"Timeout before authentication for (?:connection from )?(\S+?)(?: port (\d+)| to \S+)?(?:, .*)?\.?$"
)
_REPEATED = re.compile(r"message repeated (\d{1,9}) times: \[ (.*)\]$", re.DOTALL)
_LONGEST = 4096  # keeps every expression quick, whatever comes
_PREFIXES = ("error: ", "fatal: ", "info: ", "debug1: ", "debug2: ", "debug3: ", "auth.")


def _decided(text: str) -> Fields | None:
    found = _DECIDED.fullmatch(text)
    if found is None:
        return _module(text)
    verdict, method, invalid, name, address, number, key = found.groups()
    fields: Fields = {"event.action": "ssh_login", "event.category": ["authentication"], "event.type": ["info"]}
    if verdict == "Accepted":
        fields["event.category"] = ["authentication", "session"]
        fields["event.type"] = ["start"]
        fields["event.outcome"] = "success"
    else:
        # "Partial" and "Postponed" have decided nothing yet
        fields["event.outcome"] = "failure" if verdict == "Failed" else "unknown"
    account(fields, name)
    remote(fields, address, number)
    fields["tieline.auth.method"] = method
    if invalid:
        fields["event.reason"] = "invalid user"
    if key:
        found = _KEY.match(key)
        if found is not None:
            fields["tieline.ssh.key_type"] = found[1]
            fields["tieline.ssh.key_fingerprint"] = found[2]
    return fields


def _module(text: str) -> Fields | None:
    found = _MODULE.fullmatch(text)
    if found is None:
        return None
    fields = _refused("ssh_authentication_step", found[3], None)
    fields["event.outcome"] = "success" if found[1] == "Accepted" else "failure"
    fields["tieline.auth.method"] = found[2]
    return fields


def _refused(
    action: str, name: str | None, address: str | None, number: str | None = None, reason: str | None = None
) -> Fields:
    fields: Fields = {
        "event.action": action,
        "event.category": ["authentication"],
        "event.type": ["info"],
        "event.outcome": "failure",
    }
    account(fields, name)
    remote(fields, address, number)
    if reason:
        fields["event.reason"] = reason
    return fields


def _invalid(text: str) -> Fields | None:
    found = _INVALID.fullmatch(text)
    return None if found is None else _refused("invalid_user", found[1], found[2], found[3], "invalid user")


def _maximum(text: str) -> Fields | None:
    found = _MAXIMUM.fullmatch(text)
    return (
        None
        if found is None
        else _refused("too_many_failures", found[2], found[3], found[4], "maximum authentication attempts exceeded")
    )


def _of_user(text: str) -> Fields | None:
    found = _NOT_ALLOWED.fullmatch(text)
    return _connection(text) if found is None else _refused("user_not_allowed", found[1], found[2], None, found[3])


def _pam_error(text: str) -> Fields | None:
    found = _PAM_ERROR.fullmatch(text)
    if found is None:
        return pam.message(text) or {}
    fields = _refused("pam_authentication", found[3], found[4], None, found[1])
    if "failure" not in found[1].lower() and "unknown" not in found[1].lower() and "denied" not in found[1].lower():
        fields["event.outcome"] = "unknown"
    return fields


def _ended(text: str) -> Fields | None:
    if text.startswith("Disconnecting: Too many"):
        found = _TOO_MANY.fullmatch(text)
        if found is not None:
            return _refused("too_many_failures", found[1], found[2], found[3], "Too many authentication failures")
    fields: Fields = {
        "event.action": "disconnected",
        "event.category": ["network"],
        "event.type": ["connection", "end"],
    }
    found = _ENDED.fullmatch(text)
    if found is not None:
        account(fields, found[1])
        remote(fields, found[2], found[3])
        reason = found[4]
        if reason and reason.startswith("Too many authentication failures"):
            fields.update(
                {"event.action": "too_many_failures", "event.category": ["authentication"], "event.type": ["info"]}
            )
            fields["event.outcome"] = "failure"
    elif (found := _RECEIVED.fullmatch(text)) is not None:
        remote(fields, found[1], found[2])
        reason = found[3].lstrip(" 0123456789:")
    elif (found := _ENDED_OLD.fullmatch(text)) is not None:
        remote(fields, found[1])
        reason = (found[2] or "").lstrip(" 0123456789:")
    else:
        return _connection(text)
    if reason:
        fields["event.reason"] = reason
    return fields


def _connection(text: str) -> Fields:
    """Whatever else names a peer."""
    fields: Fields = {}
    found = _FROM.search(text)
    if found is not None:
        remote(fields, found[1], found[2])
        if "source.ip" in fields:
            fields["event.category"], fields["event.type"] = ["network"], ["connection", "info"]
    found = _BY_USER.search(text)
    if found is not None:
        account(fields, found[1] or found[2])
    return fields


def _new_connection(text: str) -> Fields | None:
    if not text.startswith("Connection from "):
        return _ended(text)
    fields = _connection(text)
    if "source.ip" in fields:
        fields.update({"event.action": "connected", "event.type": ["connection", "start"]})
        found = _ON.fullmatch(text)
        here = None if found is None else ip(found[3])
        if found is not None and here is not None:
            fields["destination.ip"] = fields["destination.address"] = here
            fields["related.ip"] = list(dict.fromkeys((*fields["related.ip"], here)))
            at = port(found[4])
            if at is not None:
                fields["destination.port"] = at
    return fields


def _session(text: str) -> Fields | None:
    found = _SESSION.fullmatch(text)
    if found is None:
        return None
    start = found[1] == "Starting"
    fields: Fields = {
        "event.action": "session_started" if start else "session_closed",
        "event.category": ["session"],
        "event.type": ["start" if start else "end"],
    }
    account(fields, found[3])
    remote(fields, found[4], found[5])
    return fields


def _named_host(text: str) -> Fields | None:
    found = _NAMED_HOST.search(text)
    if found is None:
        return _connection(text)
    name, address = (found[1] or found[4] or found[5]), (found[2] or found[3] or found[6] or found[5])
    fields: Fields = {"event.category": ["network"], "event.type": ["info"]}
    remote(fields, address)
    if name and name != address and name != "UNKNOWN":
        fields["source.domain"] = name.lower()
    if found[5] is not None:
        fields.update(
            {"event.action": "connection_refused", "event.type": ["connection", "denied"], "event.outcome": "failure"}
        )
    return fields


def _identification(text: str) -> Fields:
    fields = _connection(text)
    if "source.ip" not in fields:
        found = _IDENTIFICATION.search(text)
        if found is not None:
            remote(fields, found[1], found[2])
    fields.update(
        {"event.action": "no_ssh_client", "event.category": ["network"], "event.type": ["connection", "info"]}
    )
    return fields


def _timeout(text: str) -> Fields:
    fields: Fields = {
        "event.action": "login_timeout",
        "event.category": ["network"],
        "event.type": ["connection", "end"],
    }
    found = _TIMEOUT.match(text)
    if found is not None:
        remote(fields, found[1], found[2])
    return fields


def _root(text: str) -> Fields | None:
    found = _ROOT_REFUSED.match(text)
    return None if found is None else _refused("user_not_allowed", "root", found[1], found[2], "root login refused")


def _tried(text: str) -> Fields | None:
    found = _PERMITTED.fullmatch(text)
    if found is None:
        return _connection(text)
    return _refused("host_not_permitted", found[1], found[3], None, "not from a permitted host")


def _server(text: str) -> Fields:
    fields: Fields = {}
    found = _LISTENING.match(text)
    if found is not None:
        fields = {
            "event.action": "listening",
            "event.category": ["process"],
            "event.type": ["start"],
            "server.port": int(found[2]),
        }
        if fields["server.port"] > 65_535:
            del fields["server.port"]
    return fields


_BY_FIRST_WORD: dict[str, Callable[[str], Fields | None]] = {
    "Accepted": _decided,
    "Failed": _decided,
    "Partial": _decided,
    "Postponed": _decided,
    "Invalid": _invalid,
    "Illegal": _invalid,
    "maximum": _maximum,
    "User": _of_user,
    "PAM": _pam_error,
    "PAM:": _pam_error,
    "Connection": _new_connection,
    "Disconnected": _ended,
    "Disconnecting": _ended,
    "Disconnecting:": _ended,
    "Received": _ended,
    "Starting": _session,
    "Close": _session,
    "reverse": _named_host,
    "Address": _named_host,
    "refused": _named_host,
    "Did": _identification,
    "Bad": _identification,
    "banner": _identification,
    "Timeout": _timeout,
    "ROOT": _root,
    "Authentication": _tried,
    "Server": _server,
    "subsystem": _connection,
    "Unable": _connection,
    "drop": _connection,
    "ssh_dispatch_run_fatal:": _connection,
    "input_userauth_request:": _connection,
    "kex_exchange_identification:": _connection,
    "kex_protocol_error:": _connection,
    "userauth_pubkey:": _connection,
    "Exiting": _server,
    "Read": _connection,
    "Write": _connection,
    "Transferred:": _server,
}


def parse(frame: Frame) -> Fields:
    text = frame.text.lstrip()
    if len(text) > _LONGEST:
        raise ParseError("openbsd_openssh: longer than any message")
    repeated: str | None = None
    if text.startswith("message repeated "):
        found = _REPEATED.match(text)
        if found is not None:
            repeated, text = found.groups()
    if text.startswith(_PREFIXES):
        text = text.partition(" ")[2]
    text = text.strip()
    if text.endswith(" [preauth]"):
        text = text[:-10].rstrip()
    read = _BY_FIRST_WORD.get(text.partition(" ")[0])
    fields = pam.message(text) if read is None else read(text)
    if fields is None:
        if "sshd(pam_unix)" in frame.text or text.startswith(("authentication failure;", "session ", "check pass;")):
            fields = pam.message(f"pam_unix(sshd:{'session' if text.startswith('session') else 'auth'}): {text}")
        if fields is None:
            raise ParseError(f"openbsd_openssh: unknown message {text[:80]!r}")
    if repeated is not None:
        fields["tieline.repeated"] = int(repeated)
    if "source.ip" in fields:
        fields["network.protocol"] = "ssh"
    return fields


_LOGSOURCE = LogSource(product="linux", service="sshd")
_AUTHENTICATION = LogSource(product="linux", service="sshd", category="authentication")


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


FORMAT = LogFormat(
    id="openbsd_openssh",
    vendor="OpenBSD",
    product="OpenSSH",
    logsource=_LOGSOURCE,
    spec="https://man.openbsd.org/sshd https://github.com/openssh/openssh-portable",
    parse=parse,
    inside="syslog",
    programs=("sshd", "sshd-session", "sshd-auth"),
    route=route,
)
