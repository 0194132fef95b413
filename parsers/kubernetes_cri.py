"""Container logs as Kubernetes' runtimes write them (the CRI logging format): an envelope of what the program wrote.

::

    2026-01-02T03:04:05.006007008Z stdout F <34>Jan  2 03:04:05 gw-1 su: 'su root' failed for k.vogt on /dev/pts/8
    2026-01-02T03:04:05.006007008+01:00 stderr P the first part of a long line
"""

import re

from engine.model import Fields, Frame, LogFormat, LogSource, Opened, ParseError
from parsers._grammar import clock

_LINE = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP](?::\w{1,32})?)(?: |$)"
)


def _fingerprint(head: bytes) -> bool:
    return head[4:5] == b"-" and _LINE.match(head) is not None


def _opens(frame: Frame) -> Opened | None:
    found = _LINE.match(frame.payload) if frame.payload[4:5] == b"-" else None
    when = None if found is None else clock.iso(found[1].decode())
    if found is None or when is None:
        return None
    text = frame.payload[found.end() :].decode("utf-8", "backslashreplace")
    fields: Fields = {"@timestamp": when, "tieline.container.stream": found[2].decode()}
    if found[3][:1] == b"P":
        fields["tieline.container.partial"] = True
    if text:
        fields["message"] = text
    return Opened(fields, text)


def parse(frame: Frame) -> Fields:
    if frame.opened is not None:
        return {}
    opened = _opens(frame)
    if opened is None:
        raise ParseError("kubernetes_cri: no time, stream and tag at the start")
    return opened.fields


FORMAT = LogFormat(
    id="kubernetes_cri",
    vendor="Kubernetes",
    product="container logs",
    logsource=LogSource(),
    spec="https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md",
    parse=parse,
    opens=_opens,
    reopens=lambda opened: Opened({}, opened.text) if len(opened.text) > 3 else None,
    fingerprint=_fingerprint,
    firsts=b"0123456789",
)
