"""WireGuard: the kernel's messages (with dynamic debugging on) and wireguard-go's.

::

    Jan  2 03:04:05 gw-1 kernel: [  812.004711] wireguard: wg0: Receiving handshake initiation from peer 7 (192.0.2.7:51820)
    Jan  2 03:04:05 gw-1 kernel: wireguard: wg0: Invalid MAC of handshake, dropping packet from 203.0.113.9:4711
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import endpoint

_HEAD = re.compile(
    r"(?:\[ *\d+\.\d+\] ?)?(?:wireguard: (\S{1,32}): |(?:DEBUG|INFO|ERROR): \((\S{1,32})\) (?:\d{4}/\d\d/\d\d"
    r" \d\d:\d\d:\d\d )?)"
)
_PEER = re.compile(r"\bpeer (\d{1,10})(?: \(([^)]{2,64})\))?|\bpeer\(([\w+/=…]{4,64})\)")
_ENDPOINT = re.compile(r"(?:from|to|address|endpoint) \[?([0-9A-Fa-f.:%\w]{2,64})\]?:(\d{1,5})\b")
_UNALLOWED = re.compile(r"unallowed (src|dst) IP \(([^)]{2,45})\)")

# What happened, whether the peer sent (source) or got it (destination), and how it ended.
_FORMS = (
    ("did not complete", "handshake_timeout", "destination", "failure"),
    ("Invalid MAC of handshake", "handshake_invalid", "source", "failure"),
    ("Invalid handshake", "handshake_invalid", "source", "failure"),
    ("Receiving handshake initiation", "handshake_initiated", "source", None),
    ("Received handshake initiation", "handshake_initiated", "source", None),
    ("Sending handshake initiation", "handshake_sent", "destination", None),
    ("Receiving handshake response", "handshake_completed", "source", "success"),
    ("Received handshake response", "handshake_completed", "source", "success"),
    ("Sending handshake response", "handshake_answered", "destination", None),
    ("Receiving keepalive", "keepalive_received", "source", None),
    ("Received keepalive", "keepalive_received", "source", None),
    ("Sending keepalive", "keepalive_sent", "destination", None),
    ("Keypair", "keypair_created", "source", None),
    ("unallowed", "packet_dropped", "source", "failure"),
    ("Cookie", "cookie", "source", None),
    ("cookie", "cookie", "source", None),
    ("Retrying handshake", "handshake_retried", "destination", None),
    ("Zeroing out all keys", "keys_erased", "source", None),
)


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()[:2048]
    head = _HEAD.match(text)
    if head is None:
        if frame.opened is not None and text:
            return {}  # what wg-quick echoes
        raise ParseError(f"wireguard_wireguard: unknown message {text[:80]!r}")
    fields: Fields = {"event.category": ["network"], "event.type": ["connection", "info"]}
    fields["network.protocol"], fields["network.transport"] = "wireguard", "udp"
    fields["observer.ingress.interface.name"] = head[1] or head[2]
    said = text[head.end() :]
    side = "source"
    for words, action, way, outcome in _FORMS:
        if words in said:
            side = way
            fields["event.action"] = action
            if outcome is not None:
                fields["event.outcome"] = outcome
            if action == "packet_dropped":
                fields["event.type"] = ["connection", "denied"]
            break
    peer = _PEER.search(said)
    there: str | None = None
    if peer is not None:
        fields["tieline.wireguard.peer"] = peer[1] or peer[3]
        there = peer[2]
    elif (found := _ENDPOINT.search(said)) is not None:
        there = f"[{found[1]}]:{found[2]}" if found[1].count(":") > 1 else f"{found[1]}:{found[2]}"
    if there is not None:
        address, number = endpoint(there.partition("%")[0] if "%" in there and "]" not in there else there)
        if address is not None:
            fields[f"{side}.ip"] = fields[f"{side}.address"] = address
            fields["related.ip"] = [address]
            if number is not None:
                fields[f"{side}.port"] = number
    unallowed = _UNALLOWED.search(said)
    if unallowed is not None:
        fields["tieline.wireguard.unallowed_ip"] = unallowed[2]
    return fields


FORMAT = LogFormat(
    id="wireguard_wireguard",
    vendor="WireGuard",
    product="WireGuard",
    logsource=LogSource(product="wireguard"),
    spec="https://www.wireguard.com/quickstart/ https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/drivers/net/wireguard",
    parse=parse,
    inside="syslog",
    programs=("wireguard-go", "wireguard", "wg-quick"),
    fingerprint=lambda head: b"wireguard: " in head[:64],
    needs=(b"wireguard: ",),
)
