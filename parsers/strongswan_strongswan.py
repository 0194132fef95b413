"""strongSwan 5 and 6: who asks for a tunnel, who proves to be whom, which address and traffic a tunnel carries.

::

    Jan  2 03:04:05 gw-1 charon[812]: 13[IKE] <ra|7> authentication of 'k.vogt@corp.example' with EAP successful
    Jan  2 03:04:05 gw-1 charon[812]: 13[IKE] IKE_SA ra[7] established between 192.0.2.1[gw.example]...198.51.100.7[k.vogt@corp.example]
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip, port
from parsers._grammar.people import account, remote

_HEAD = re.compile(
    r"(?:(?:ipsec|charon)(?:\[\d+\])?: )?(\d{1,5})\[([A-Z]{3})\d?\] (?:<([^>|]{0,128})(?:\|(\d{1,10}))?> )?"
)
_HOST = r"([0-9A-Fa-f.:]{2,45})"
_PACKET = re.compile(
    rf"(received|sending) packet: from {_HOST}\[(\d{{1,5}})\] to {_HOST}\[(\d{{1,5}})\](?: \((\d{{1,9}}) bytes\))?"
)
_INITIATING = re.compile(rf"{_HOST} is initiating an? (.{{1,48}}?)(?:IKE_SA)?$")
_SA = re.compile(
    rf"(deleting )?IKE_SA (\S{{1,128}}?)\[(\d{{1,10}})\] (?:established |state change: )?between {_HOST}\["
    rf"([^\]]{{0,256}})\]\.\.\.{_HOST}\[([^\]]{{0,256}})\]"
)
_PROVED = re.compile(
    r"(?:(XAuth|EAP) )?authentication of '([^']{1,256})' (?:\(myself\) )?(?:with (.{1,64}?) )?(successful|failed)(?::"
    r" (.*))?"
)
_MYSELF = re.compile(r"authentication of '[^']{1,256}' \(myself\)")
_EAP_FAILED = re.compile(
    r"(EAP_\w{2,16}|EAP) method (\S{1,32} )?failed for peer (\S{1,256})|EAP method (\S{1,32}) failed for peer "
    r"(\S{1,256})"
)
_RADIUS = re.compile(r"RADIUS authentication of '([^']{1,256})' (successful|failed)")
_VIRTUAL = re.compile(
    rf"assigning (?:new lease to |virtual IP )(?:'([^']{{1,256}})'|{_HOST} to peer '([^']{{1,256}})')"
)
_LEASE = re.compile(
    rf"(?:reassigning (?:online|offline|existing) lease to|lease) (?:'([^']{{1,256}})'|{_HOST} by '([^']{{1,256}})')"
)
_CHILD = re.compile(
    r"(?:(closing|deleting) )?CHILD_SA (\S{1,128}?)\{(\d{1,10})\} (?:(established) with SPIs (\S{1,16}) (\S{1,16})"
    r" and|.*?with SPIs .*? and) TS (\S.*?) === (.*)"
)
_NO_CONFIG = re.compile(rf"no IKE config found for {_HOST}\.\.\.{_HOST}")
_MATCHING = re.compile(
    rf"(?:looking for peer configs matching|no matching peer config found)(?: {_HOST}\["
    rf"([^\]]{{0,256}})\]\.\.\.{_HOST}\[([^\]]{{0,256}})\])?"
)
_MISMATCH = re.compile(r"tried \d{1,6} shared keys? for '([^']{0,256})' - '([^']{1,256})', but MAC mismatched")
_LONGEST = 4096


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()[:_LONGEST]
    head = _HEAD.match(text)
    if head is None:
        if frame.opened is not None and text:
            return {}
        raise ParseError(f"strongswan_strongswan: no thread and subsystem before the message: {text[:80]!r}")
    fields: Fields = {"event.category": ["network"], "event.type": ["info"], "tieline.ipsec.subsystem": head[2]}
    if head[3]:
        fields["tieline.ipsec.connection"] = head[3]
    said = text[head.end() :]
    for start, read in _FORMS:
        if start in said and read(fields, said):
            break
    return fields


def _ends(fields: Fields, source: str, destination: str) -> None:
    by, to = ip(source), ip(destination)
    if by is not None:
        remote(fields, by)
    if to is not None:
        fields["destination.ip"] = fields["destination.address"] = to
        if to not in fields.setdefault("related.ip", []):
            fields["related.ip"].append(to)


def _packet(fields: Fields, text: str) -> bool:
    found = _PACKET.match(text)
    if found is None:
        return False
    way, source, one, destination, two, size = found.groups()
    _ends(fields, source, destination)
    for side, number in (("source", one), ("destination", two)):
        if (at := port(number)) is not None:
            fields[f"{side}.port"] = at
    fields["event.action"] = "packet_received" if way == "received" else "packet_sent"
    fields["event.type"] = ["connection", "info"]
    fields["network.direction"] = "ingress" if way == "received" else "egress"
    fields["network.transport"] = "udp"
    if size is not None:
        fields["network.bytes"] = int(size)
    return True


def _initiating(fields: Fields, text: str) -> bool:
    found = _INITIATING.match(text)
    if found is None:
        return False
    remote(fields, found[1])
    fields["event.action"], fields["event.type"] = "ike_initiated", ["connection", "start"]
    return True


def _sa(fields: Fields, text: str) -> bool:
    found = _SA.match(text)
    if found is None:
        return False
    deleting, connection, number, here, _, there, who = found.groups()
    _ends(fields, there, here)
    fields["tieline.ipsec.connection"], fields["tieline.ipsec.ike_sa"] = connection, number
    fields["event.action"] = "ike_deleted" if deleting else "ike_established"
    fields["event.category"] = ["network", "session"]
    fields["event.type"] = ["connection", "end"] if deleting else ["connection", "start"]
    if not deleting:
        fields["event.outcome"] = "success"
    _identity(fields, who)
    return True


def _identity(fields: Fields, who: str) -> None:
    """An IKE identity: an address is none that somebody has."""
    if who and ip(who) is None and who != "%any":
        account(fields, _common_name(who))


def _common_name(who: str) -> str:
    at = who.find("CN=")
    return who[at + 3 :].partition(",")[0].strip() if at >= 0 and "=" in who else who


def _login(fields: Fields, who: str, outcome: str, method: str | None = None, reason: str | None = None) -> None:
    fields["event.action"] = "vpn_login"
    fields["event.category"], fields["event.type"] = ["network", "authentication"], ["info"]
    fields["event.outcome"] = outcome
    _identity(fields, who)
    if method:
        fields["tieline.auth.method"] = method
    if reason:
        fields["event.reason"] = reason


def _proved(fields: Fields, text: str) -> bool:
    found = _RADIUS.match(text)
    if found is not None:
        _login(fields, found[1], "success" if found[2] == "successful" else "failure", "RADIUS")
        return True
    found = _PROVED.search(text)
    if found is None:
        return False
    kind, who, method, verdict, reason = found.groups()
    if _MYSELF.match(text) is not None:
        fields["event.action"] = "authenticated_self"
        return True
    _login(fields, who, "success" if verdict == "successful" else "failure", method or kind, reason)
    return True


def _eap_failed(fields: Fields, text: str) -> bool:
    found = _EAP_FAILED.search(text)
    if found is None:
        return False
    _login(fields, found[3] or found[5], "failure", found[4] or found[1])
    return True


def _virtual(fields: Fields, text: str) -> bool:
    found = _VIRTUAL.search(text) or _LEASE.search(text)
    if found is None:
        return False
    fields["event.action"] = "address_assigned" if "assigning" in text else "address_released"
    address = ip(found[2])
    if address is not None:
        fields["source.nat.ip"] = address
        fields["related.ip"] = [address]
    _identity(fields, found[1] or found[3])
    return True


def _child(fields: Fields, text: str) -> bool:
    found = _CHILD.match(text)
    if found is None:
        return False
    closing, connection, _, established, _, _, here, there = found.groups()
    fields["tieline.ipsec.connection"] = connection
    fields["tieline.ipsec.local_ts"], fields["tieline.ipsec.remote_ts"] = here, there
    fields["event.action"] = "child_closed" if closing or not established else "child_established"
    fields["event.type"] = ["connection", "start" if established and not closing else "end"]
    return True


def _refused(fields: Fields, text: str) -> bool:
    if (found := _NO_CONFIG.match(text)) is not None:
        _ends(fields, found[2], found[1])
    elif (found := _MISMATCH.match(text)) is not None:
        _login(fields, found[2], "failure", "pre-shared key", "MAC mismatched")
        return True
    elif (found := _MATCHING.match(text)) is not None:
        if text.startswith("looking"):
            if found[3] is not None:
                _ends(fields, found[3], found[1])
            fields["event.action"] = "peer_config_sought"
            return True
    elif "AUTHENTICATION_FAILED" not in text and "NO_PROPOSAL_CHOSEN" not in text:
        return False
    fields["event.action"] = "ike_refused"
    fields["event.type"], fields["event.outcome"] = ["connection", "denied"], "failure"
    fields["event.reason"] = text[:256]
    return True


_FORMS = (
    (" packet: from ", _packet),
    ("is initiating ", _initiating),
    ("IKE_SA ", _sa),
    ("authentication of ", _proved),
    ("failed for peer ", _eap_failed),
    ("CHILD_SA ", _child),
    ("assigning ", _virtual),
    ("lease ", _virtual),
    ("peer config", _refused),
    ("no IKE config", _refused),
    ("MAC mismatched", _refused),
    ("AUTHENTICATION_FAILED", _refused),
    ("NO_PROPOSAL_CHOSEN", _refused),
)
_LOGSOURCE = LogSource(product="strongswan")
_AUTHENTICATION = LogSource(product="strongswan", category="authentication")
_SUBSYSTEMS = (
    b"IKE", b"NET", b"ENC", b"CFG", b"CHD", b"KNL", b"MGR", b"JOB", b"DMN", b"LIB", b"TNC", b"IMC", b"IMV", b"PTS",
    b"TLS", b"APP", b"ESP", b"ASN", b"LIC",
)  # fmt: skip
_MARK = re.compile(rb"\d\d\[(?:" + b"|".join(_SUBSYSTEMS) + rb")\d?\] ")


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


FORMAT = LogFormat(
    id="strongswan_strongswan",
    vendor="strongSwan",
    product="strongSwan",
    logsource=_LOGSOURCE,
    spec="https://docs.strongswan.org/docs/latest/config/logging.html",
    parse=parse,
    inside="syslog",
    programs=("charon", "charon-systemd", "charon-nm", "ipsec", "strongswan"),
    fingerprint=lambda head: _MARK.match(head) is not None,
    needs=tuple(b"[" + name for name in _SUBSYSTEMS),
    route=route,
)
