"""Syslog: RFC 5424, and RFC 3164 with what devices make of it.

::

    <34>1 2026-01-02T03:04:05.003Z gw-1 su - ID47 [meta sequenceId="1"] 'su root' failed for k.vogt on /dev/pts/8
    <34>Jan  2 03:04:05 gw-1 su: 'su root' failed for k.vogt on /dev/pts/8
    <189>57: sw-core-2: *Jan  2 03:04:05.123 UTC: %SYS-5-CONFIG_I: Configured from console
"""

from engine.model import Fields, Frame, LogFormat, LogSource, Opened
from engine.model.routes import linux_program
from parsers._grammar.addresses import ip
from parsers._grammar.syslog import header


def _opens(frame: Frame) -> Opened | None:
    return _header(frame, lenient=False)


def _header(frame: Frame, *, lenient: bool) -> Opened | None:
    opened = header(frame.payload.decode("utf-8", "backslashreplace"), frame.received, frame.zone, lenient=lenient)
    if opened is not None and "host.name" not in opened.fields:
        _sender(frame, opened.fields)
    return opened


def _sender(frame: Frame, fields: Fields) -> None:
    """A header without a host: the sender's address stands for it, as RFC 3164 section 4.3.3 has relays do."""
    peer = ip(frame.peer)
    if peer is not None:
        fields["host.name"] = peer
        fields["host.ip"] = [peer]
        fields["related.hosts"] = [peer]


def parse(frame: Frame) -> Fields:
    if frame.opened is not None:
        return {}  # the header's fields and the message are there already
    opened = _header(frame, lenient=True)
    if opened is not None:
        return opened.fields
    fields: Fields = {"message": frame.payload.decode("utf-8", "backslashreplace").strip("\ufeff\r\n\x00")}
    _sender(frame, fields)
    return fields


_SYSLOG = LogSource(service="syslog")


def route(fields: Fields) -> LogSource:
    return linux_program(fields.get("process.name")) or _SYSLOG


FORMAT = LogFormat(
    id="syslog",
    vendor="IETF",
    product="Syslog",
    logsource=_SYSLOG,
    spec="https://www.rfc-editor.org/rfc/rfc5424 https://www.rfc-editor.org/rfc/rfc3164",
    parse=parse,
    opens=_opens,
    route=route,
)
