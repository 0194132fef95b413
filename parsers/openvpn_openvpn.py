"""OpenVPN server, 2.3 to 2.7, through syslog or from its own file; OpenVPN Access Server's log around the same lines.

::

    2026-01-02 03:04:05 us=123456 203.0.113.66:51234 TLS: Username/Password authentication succeeded for username 'm.keller' [CN SET]
    Fri Jan  2 03:04:05 2026 203.0.113.66:51234 TLS Auth Error: Auth Username/Password verification failed for peer
    Jan  2 03:04:06 gw-1 openvpn[77]: m.keller/203.0.113.66:51234 MULTI_sva: pool returned IPv4=10.8.0.6, IPv6=(Not enabled)

"vpn_login" is the server's own verdict; plugins, scripts and the control message to the client say it again under other
actions. "Peer Connection Initiated" ends the TLS handshake, refused users included: it is no login. The address
that the tunnel gives to the peer is ``source.nat.ip``: the network behind the server sees the peer under it.
"""  # noqa: E501  (records as they are sent)

import re
from collections.abc import Callable

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, pam
from parsers._grammar.addresses import endpoint, ip
from parsers._grammar.people import account, remote

_OWN_FILE = re.compile(
    r"(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)|(\d{10}\.\d{6}) [0-9a-f]{1,8}|"
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d) (\d{4}))"
    r"(?: us=(\d{1,6}))? "
)
_ACCESS_SERVER = re.compile(
    r"""(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[+-]\d{4}) \[[^\]]*\] (?:OVPN \d+ (?:OUT|ERR): ['"](.*)['"]|(.*))""",
    re.DOTALL,
)
_PEER = re.compile(
    r"(?:([^/\s][^/]{0,127})/)?"
    r"((?:(?:udp|tcp)\d?(?:-server)?:)?(?:\[AF_INET6?\])?(?:\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}|"
    r"\[?[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45}\]?(?::\d{1,5})?)) "
)
_TRANSPORT = re.compile(r"(?:(udp|tcp)\d?(?:-server)?:)?(?:\[AF_INET6?\])?")
_SOCKET = re.compile(r"\[AF_INET6?\](\[?[0-9A-Fa-f:.]+\]?:\d{1,5})")

_VERIFIED = re.compile(
    r"TLS: Username/Password authentication (succeeded|deferred) for username '(.*)'(?: ?\[CN SET\])?\s*", re.DOTALL
)
_TOKEN = re.compile(r"TLS: Username/auth-token authentication (succeeded|failed) for username '(.*)'.*", re.DOTALL)
_PAM_PLUGIN = re.compile(r"AUTH-PAM: BACKGROUND: user '(.*)' failed to authenticate: (.*)", re.DOTALL)
_PAM_DEFERRED = re.compile(r"AUTH-PAM: BACKGROUND: (.*): deferred auth: PAM (succeeded|rejected)", re.DOTALL)
_PLUGIN = re.compile(r"PLUGIN_CALL: .*AUTH_USER_PASS_VERIFY.* status[= ](-?\d+).*", re.DOTALL)
_SENT = re.compile(r"SENT CONTROL \[(.*?)\]: '(AUTH_FAILED|PUSH_REPLY|AUTH_PENDING|RESTART|HALT)(.*)'.*", re.DOTALL)
_INITIATED = re.compile(r"\[(.*)\] Peer Connection Initiated with (?:\[AF_INET6?\])?(\S+?)(?: \(via .*\))?", re.DOTALL)
_POOL = re.compile(r"MULTI_sva: pool returned IPv4=(\S+?), IPv6=(.*)")
_LEARN = re.compile(r"MULTI: Learn: (\S+) -> (?:([^/]*)/)?([^\s/]+)")
_PRIMARY = re.compile(r"MULTI: primary virtual IP for (?:([^/]*)/)?([^\s/]+): (\S+)")
_SIGNAL = re.compile(
    r"(SIG[A-Z0-9]+)\[(?:soft|hard),([^\]]*)\] received, (?:client-instance|process) (restarting|exiting)"
)
_VERIFY = re.compile(r"VERIFY (OK|ERROR): depth=(\d+), (?:error=([^:]*): )?(.*)", re.DOTALL)
_COMMON_NAME = re.compile(r"(?:^|[,/] ?)CN=([^,/]+)")
_CHANNEL = re.compile(
    r"Control Channel: TLSv([\d.]+), cipher (?:(?:TLSv[\d.]+|SSLv\d|TLSv1/SSLv3) )?([^\s,]+).*", re.DOTALL
)
_INFO_USER = re.compile(r"'(?:user|username)': '([^']*)'")
_INFO_STATUS = re.compile(r"'status': (\d+)")
_INFO_REASON = re.compile(r"'reason': [\"']([^\"']*)")
_COMMON = re.compile(r"peer info: IV_PLAT=(\S+)|.*username '([^']+)'.*", re.DOTALL)

_LONGEST = 4096  # a longer message is none of these, and keeps every expression quick
_NOBODY = frozenset(("", "UNDEF", "undef"))

# What certainly is OpenVPN's, in lines that name no program.
_CERTAIN = re.compile(
    rb"\[AF_INET|TLS: Username/|TLS Auth Error: |MULTI_sva: | MULTI: |Peer Connection Initiated with|"
    rb"AUTH-PAM: BACKGROUND: |"
    rb"received, client-instance |Control Channel: TLSv|PLUGIN_CALL: | peer info: IV_|SENT CONTROL \[|"
    rb" PUSH: Received control message|\] OVPN |TLS Error: TLS | VERIFY (?:OK|ERROR): depth=|VPN Auth Failed: |"
    rb"\] AUTH SUCCESS \{| Data Channel: |OpenVPN 2\.| VERIFY E?KU OK"
)


def _login(outcome: str, name: str | None, action: str = "vpn_login", reason: str | None = None) -> Fields:
    fields: Fields = {
        "event.action": action,
        "event.category": ["authentication"],
        "event.type": ["info"],
        "event.outcome": outcome,
    }
    if outcome == "success":
        fields["event.type"] = ["start"]
    if name not in _NOBODY:
        account(fields, name)
    if reason:
        fields["event.reason"] = reason
    return fields


def _network(action: str, *types: str, outcome: str | None = None) -> Fields:
    fields: Fields = {"event.action": action, "event.category": ["network"], "event.type": list(types)}
    if outcome is not None:
        fields["event.outcome"] = outcome
    return fields


def _tls(text: str) -> Fields | None:
    found = _VERIFIED.fullmatch(text)
    if found is not None:
        return _login("success" if found[1] == "succeeded" else "unknown", found[2])
    if (found := _TOKEN.fullmatch(text)) is not None:
        return _login("success" if found[1] == "succeeded" else "failure", found[2], "vpn_token_login")
    if text.startswith("TLS Auth Error"):
        if "verification failed for peer" in text:
            return _login("failure", None)
        found = _COMMON.fullmatch(text)
        return _login("failure", None if found is None else found[2], "vpn_refused", text.partition(": ")[2])
    if text.startswith("TLS: Initial packet from "):
        return _network("connected", "connection", "start")
    if text.startswith("TLS Error: "):
        if "incoming packet authentication failed" in text or "cannot locate HMAC" in text:
            return _network("packet_refused", "connection", "denied", outcome="failure")
        if "was not provided by peer" in text:
            return _login("failure", None, "vpn_refused", text[11:])
        fields = _network("tls_failed", "connection", "info", outcome="failure")
        fields["event.reason"] = text[11:]
        return fields
    return {} if text.startswith("TLS") else None


def _auth_pam(text: str) -> Fields | None:
    found = _PAM_PLUGIN.fullmatch(text)
    if found is not None:
        return _login("failure", found[1], "vpn_pam", found[2])
    found = _PAM_DEFERRED.fullmatch(text)
    if found is not None:
        return _login("success" if found[2] == "succeeded" else "failure", found[1], "vpn_pam")
    return {}


def _plugin(text: str) -> Fields | None:
    found = _PLUGIN.fullmatch(text)
    if found is None:
        return {}
    return _login({"0": "success", "2": "unknown"}.get(found[1], "failure"), None, "vpn_plugin")


def _sent(text: str) -> Fields | None:
    found = _SENT.fullmatch(text)
    if found is None:
        return {}
    name, what, rest = found.groups()
    if what == "AUTH_FAILED":
        return _login("failure", name, "auth_failed_sent", rest.lstrip(",") or None)
    fields: Fields = {}
    if name not in _NOBODY:
        account(fields, name)
    return fields


def _peer_initiated(text: str) -> Fields | None:
    found = _INITIATED.fullmatch(text)
    if found is None:
        return None
    fields = _network("tls_established", "connection", "start")
    if found[1] not in _NOBODY:
        account(fields, found[1])
    address, number = endpoint(found[2])
    remote(fields, address, None if number is None else str(number))
    return fields


def _session(action: str, kind: str) -> Fields:
    return {"event.action": action, "event.category": ["session"], "event.type": [kind]}


def _tunnel(fields: Fields, address: str | None) -> None:
    inside = ip(address)
    if inside is not None:
        fields["source.nat.ip"] = inside
        related = fields.setdefault("related.ip", [])
        if inside not in related:
            related.append(inside)


def _multi(text: str) -> Fields | None:
    found = _POOL.fullmatch(text)
    if found is not None:
        fields = _session("vpn_session_started", "start")
        fields["event.outcome"] = "success"
        _tunnel(fields, found[1] if ip(found[1]) is not None else found[2])
        return fields
    found = _LEARN.fullmatch(text)
    if found is not None:
        inside, name, peer = found.groups()
    elif (found := _PRIMARY.fullmatch(text)) is not None:
        name, peer, inside = found.groups()
    else:
        return {}
    fields = _session("vpn_address_assigned", "info")
    if name not in _NOBODY:
        account(fields, name)
    address, number = endpoint(_TRANSPORT.sub("", peer, count=1))
    remote(fields, address, None if number is None else str(number))
    if "/" not in inside and "@" not in inside:
        _tunnel(fields, inside)
    return fields


def _signal(text: str) -> Fields | None:
    found = _SIGNAL.match(text)
    if found is None:
        return None
    if "client-instance" not in text:
        return {
            "event.action": "server_stopped",
            "event.category": ["process"],
            "event.type": ["end"],
            "event.reason": found[2],
        }
    fields = _session("vpn_session_ended", "end")
    if found[2]:
        fields["event.reason"] = found[2]
    return fields


def _verify(text: str) -> Fields | None:
    found = _VERIFY.fullmatch(text)
    if found is None:
        return {}
    verdict, depth, error, subject = found.groups()
    if verdict == "ERROR":
        fields = _login("failure", None, "certificate_refused", error)
    else:
        fields = _network("certificate_verified", "info")
    if depth == "0":
        fields["tls.client.subject"] = subject.strip()
        name = _COMMON_NAME.search(subject)
        if name is not None:
            account(fields, name[1].strip())
    return fields


def _channel(text: str) -> Fields | None:
    found = _CHANNEL.fullmatch(text)
    if found is None:
        return {}
    fields = _network("tls_negotiated", "info")
    fields.update({"tls.version": found[1], "tls.version_protocol": "tls", "tls.cipher": found[2]})
    return fields


def _warning(text: str) -> Fields:
    if "--auth-user-pass-verify" in text and "exited with error" in text:
        return _login("failure", None, "vpn_script", "external program refused")
    return {}


_BY_FIRST_WORD: dict[str, Callable[[str], Fields | None]] = {
    "TLS:": _tls,
    "TLS": _tls,
    "AUTH-PAM:": _auth_pam,
    "PLUGIN_CALL:": _plugin,
    "SENT": _sent,
    "MULTI:": _multi,
    "MULTI_sva:": _multi,
    "VERIFY": _verify,
    "Control": _channel,
    "WARNING:": _warning,
}


def parse(frame: Frame) -> Fields:
    text = frame.text
    fields: Fields = {}
    bare = frame.opened is None
    if bare:
        text, fields = _own_file(text, frame)
    text = text.strip()
    peer = _PEER.match(text)
    if peer is not None:
        text = text[peer.end() :]
    said = _read(text) if len(text) <= _LONGEST else None
    if said is None:
        if peer is None and not (bare and fields):
            raise ParseError(f"openvpn_openvpn: unknown message {text[:80]!r}")
        said = {}
    _complete(said, peer, text)
    fields.update(said)
    return fields


def _read(text: str) -> Fields | None:
    text = text.removeprefix("PLUGIN ")  # before what a plugin itself says, since 2.4
    read = _BY_FIRST_WORD.get(text.partition(" ")[0])
    if read is not None:
        return read(text)
    if text[:1] == "[":
        return _peer_initiated(text)
    if text.startswith("SIG"):
        return _signal(text)
    if text.startswith(("AUTH SUCCESS", "VPN Auth Failed", "AUTH FAILED", "VPN Auth:")):
        return _access_server(text)
    return pam.message(text)


def _complete(said: Fields, peer: re.Match[str] | None, text: str) -> None:
    """The peer of the line's head, or of a socket that the message names."""
    if "source.ip" not in said:
        where = peer[2] if peer is not None else None
        if (
            where is None
            and (socket := _SOCKET.search(text)) is not None
            and " link local" not in text
            and not text.startswith(("UDP", "TCPv"))
        ):
            where = socket[1]
        if where is not None:
            transport = _TRANSPORT.match(where)
            if transport is not None:
                if transport[1] is not None:
                    said["network.transport"] = transport[1]
                where = where[transport.end() :]
            address, number = endpoint(where)
            remote(said, address, None if number is None else str(number))
    if peer is not None and peer[1] is not None and "user.name" not in said and peer[1] not in _NOBODY:
        account(said, peer[1])
    if "source.ip" in said or "event.action" in said:
        said["network.protocol"] = "openvpn"


def _access_server(text: str) -> Fields:
    name, status, reason = _INFO_USER.search(text), _INFO_STATUS.search(text), _INFO_REASON.search(text)
    success = text.startswith("AUTH SUCCESS") or (status is not None and status[1] == "0")
    return _login(
        "success" if success else "failure",
        None if name is None else name[1],
        reason=None if success or reason is None else reason[1],
    )


def _own_file(text: str, frame: Frame) -> tuple[str, Fields]:
    fields: Fields = {}
    text = text.rstrip("\r\n\x00")
    wrapped = _ACCESS_SERVER.fullmatch(text)
    if wrapped is not None:
        when = clock.iso(wrapped[1])
        if when is not None:
            fields["@timestamp"] = when
        text = wrapped[2] if wrapped[2] is not None else wrapped[3]
    found = _OWN_FILE.match(text)
    if found is None:
        if wrapped is None:
            raise ParseError("openvpn_openvpn: not a line of OpenVPN's log file")
        fields["message"] = text
        return text, fields
    iso, epoch, day, year, micros = found.groups()
    if epoch is not None:
        when = int(epoch[:10]) * 1_000_000_000 + int(epoch[11:]) * 1_000
    elif iso is not None:
        when = clock.iso(iso, frame.zone)
    else:
        when = clock.bsd(day, frame.received, frame.zone, year)
    if when is not None and "@timestamp" not in fields:
        fields["@timestamp"] = when + (int(micros) * 1_000 if micros else 0)
    text = text[found.end() :]
    fields["message"] = text
    return text, fields


_LOGSOURCE = LogSource(product="openvpn")
_AUTHENTICATION = LogSource(product="openvpn", category="authentication")


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


def _fingerprint(head: bytes) -> bool:
    # the expression is tried at every byte: most lines are told by a word that they lack
    head = head[:512]
    return (
        b"TLS" in head or b"AF_INET" in head or b"MULTI" in head or b"AUTH" in head or b"VERIFY" in head
        or b"VPN" in head or b"Peer Connection" in head or b" PUSH: " in head or b" peer info: " in head
        or b"PLUGIN_CALL" in head or b"CONTROL [" in head or b"client-instance" in head or b"Data Channel" in head
    ) and _CERTAIN.search(head) is not None  # fmt: skip


FORMAT = LogFormat(
    id="openvpn_openvpn",
    vendor="OpenVPN",
    product="OpenVPN",
    logsource=_LOGSOURCE,
    spec="https://github.com/OpenVPN/openvpn https://openvpn.net/as-docs/",
    parse=parse,
    inside="syslog",
    programs=(
        "openvpn", "ovpn-server", "ovpn-udp", "ovpn-tcp", "openvpn-server", "openvpn@server", "openvpnas", "openvpn-as",
    ),
    fingerprint=_fingerprint,
    needs=(b"TLS", b"AF_INET", b"MULTI", b"AUTH", b"VERIFY", b"VPN", b"Peer Connection", b" PUSH: ", b" peer info: ",
           b"PLUGIN_CALL", b"CONTROL [", b"client-instance", b"Data Channel"),
    route=route,
)  # fmt: skip
