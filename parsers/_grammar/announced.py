"""A record that says by its first word what it is (``CEF:0|``), behind whatever header a relay has put before it."""

import re

from engine.model import Fields, Frame
from parsers._grammar.syslog import header

_FIRST = 512  # bytes in which the word must stand: a header is no longer
# What may stand before it where no header is recognised: words, times, addresses. Quotes and brackets are other logs,
# in which a client may have written anything.
_BROKEN_HEADER = re.compile(r"[\w.:,+\-/<>*@#]{0,64}(?: +[\w.:,+\-/<>*@#]{1,64}){0,7} *")


def announced(frame: Frame, word: bytes, mark: re.Pattern[bytes]) -> tuple[Fields, str] | None:
    """The header's fields and the text from the mark on; None: the record is another's.

    A mark inside a message of words is not believed: who may write a user name must not choose the format.
    """
    payload = frame.payload
    if payload.find(word, 0, _FIRST) < 0:
        return None
    found = mark.search(payload, 0, _FIRST)
    if found is None:
        return None
    at = found.start(1)
    before = payload[:at].decode("utf-8", "backslashreplace").strip("\ufeff \t\x00")
    text = payload[at:].decode("utf-8", "backslashreplace")
    if not before:
        return {}, text
    if frame.opened is not None:
        return None  # a message inside an envelope that has been opened: the words before it are somebody's
    name = word[:-1].decode()
    if before[-1:] != ":":  # the word as a tag: the usual headers are read by one expression
        opened = header(f"{before} {name}: ", frame.received, frame.zone, lenient=True)
        if opened is not None and opened.program == name.lower() and not opened.text:
            fields = opened.fields
            del fields["process.name"], fields["log.syslog.appname"]
            return fields, text
    opened = header(before + " ", frame.received, frame.zone, lenient=True)
    if opened is None:
        return ({}, text) if _BROKEN_HEADER.fullmatch(before) is not None else None
    if opened.text.strip(" :-"):
        return None
    fields = opened.fields
    fields.pop("message", None)
    program = fields.get("process.name")
    if program is not None and "process.pid" not in fields:
        if program == name:  # the word as APP-NAME
            del fields["process.name"]
        elif "host.name" not in fields and before[-1:] == ":" and "@timestamp" in fields:  # "time host:"
            for name in ("log.syslog.hostname", "host.hostname", "host.name"):
                fields[name] = program
            fields["related.hosts"] = [program]
            del fields["process.name"], fields["log.syslog.appname"]
    return fields, text
