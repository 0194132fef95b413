"""Records that are nothing but ``key=value`` pairs (logfmt), of products that no other format knows.

::

    time=2026-01-02T03:04:05Z level=warn msg="login failed" user=k.vogt src_ip=192.0.2.7 src_port=4022
    <134>Jan  2 03:04:05 gw-1 netd[7]: action=deny proto=udp srcip=192.0.2.7 dstip=192.0.2.53 dstport=53

Keys that mean one thing wherever they stand are ECS; the others are ``tieline.key_value.<key>``.
"""

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from engine.model.routes import ecs_event
from parsers._grammar.pairs import listed, pairs
from parsers._grammar.plain_names import is_known, mean

_ALL = re.compile(
    r'\s*+(?:[A-Za-z_@][\w.\-@]{0,63}+=(?:"(?:[^"\\]|\\.)*+"|[^\s",;]*+)(?:[,;]?\s++|[,;](?=\w)|\s*+\Z)){3,}+\Z'
)
_COMMAS = re.compile(r'=(?:"[^"]{0,1024}"|[^\s",]{0,1024}),\s?[A-Za-z_][\w.\-]{0,63}=')
_LEAST_KNOWN = 2


def _fingerprint(head: bytes) -> bool:
    if b"=" not in head[:64]:
        return False
    text = head.decode("utf-8", "backslashreplace")
    return _ALL.match(text) is not None and sum(map(is_known, _pairs(text))) >= _LEAST_KNOWN


def _pairs(text: str) -> dict[str, str]:
    return listed(text) if _COMMAS.search(text) is not None else pairs(text)


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    said = _pairs(text)
    if len(said) < 2 or (frame.opened is None and len(text) > 4096 and "=" not in text[:64]):
        raise ParseError("key_value: no key=value pairs")
    fields: Fields = {}
    mean(fields, dict(reversed(said.items())), "tieline.key_value.", frame.received, frame.zone)
    if "message" not in fields and frame.opened is None:
        fields["message"] = text
    if frame.opened is not None and "related.hosts" in fields:
        known = frame.opened.fields.get("related.hosts", [])
        fields["related.hosts"] = [*known, *(one for one in fields["related.hosts"] if one not in known)]
    return fields


FORMAT = LogFormat(
    id="key_value",
    vendor="Any",
    product="key=value",
    logsource=LogSource(),
    spec="https://brandur.org/logfmt",
    parse=parse,
    inside="syslog",
    fingerprint=_fingerprint,
    needs=(b"=",),
    generic=True,
    route=ecs_event,
)
