"""Where a record starts in a file that holds several formats, and which records are of several lines."""

import re
from collections.abc import Callable, Iterable

from engine.model import LogFormat

_HEAD = 4096
# Lines that always begin a record, whatever stands before them.
_KNOWN = re.compile(
    rb"<\d{1,3}>|\d{1,9} <\d{1,3}>|<Event[ >]|\{[ \t]*\"|[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d|CEF:\d|"
    rb"LEEF:\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d|(?:node=\S{1,255} )?type=[A-Z_0-9]+ msg=audit\(|"
    rb"(?:date|time|timestamp|ts)=\d|%[A-Z]+-\d-|\d{1,3}(?:\.\d{1,3}){3} - "
)
# Of these, the ones whose record is their line: nothing below belongs to it but a stack trace.
_CLOSED = re.compile(rb"<\d{1,3}>|\d{1,9} <\d{1,3}>|\{|[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d|CEF:\d|LEEF:\d")

_Told = tuple[LogFormat, Callable[[bytes], bool], tuple[bytes, ...]]


def is_known(line: bytes) -> bool:
    """
    >>> is_known(b"<13>Jan  2 03:04:05 gw-1 su: x"), is_known(b"hello"), is_known(b"  FROM pumps")
    (True, False, False)
    """
    return _KNOWN.match(line) is not None


def is_whole(record: bytes) -> bool:
    """Whether it says itself that it has ended.

    >>> is_whole(b'{"a": 1}'), is_whole(b"<Event><System/></Event>"), is_whole(b"a {b}")
    (True, True, False)
    """
    return (record[:1] == b"{" and record[-1:] == b"}") or (record[:6] == b"<Event" and record[-8:] == b"</Event>")


class Starts:
    """What the ``formats`` say of a line, in a file whose format nobody has named."""

    def __init__(self, formats: Iterable[LogFormat]) -> None:
        told = [one for one in formats if one.fingerprint is not None and one.cut is None and one.transport is None]
        self._several = [
            (one, one.starts_record, one.fingerprint)
            for one in told
            if one.starts_record is not None and one.fingerprint is not None
        ]
        self._told: list[_Told] = [
            (one, one.fingerprint, one.needs or (b"",))
            for one in told
            if one.fingerprint is not None and not one.generic
        ]
        self._by_first: dict[bytes, list[_Told]] = {}  # made as lines ask for it
        self._heads = frozenset(word for one in formats for word in one.heads or ())
        self.by_id = {one.id: one for one, _, _ in self._several}
        self.wraps: list[Callable[[bytes], bool]] = [one.wraps for one in told if one.wraps is not None]

    def of_several(self, line: bytes) -> LogFormat | None:
        """The format of several lines a record that this line starts a record of."""
        if not self._several or _CLOSED.match(line) is not None:
            return None
        for one, starts, fingerprint in self._several:
            if starts(line) and fingerprint(line[:_HEAD]):
                return one
        return None

    def begins(self, line: bytes, pending: LogFormat) -> bool:
        """Whether a line below an unfinished record of ``pending`` begins another: any format would start with it."""
        if _KNOWN.match(line) is not None:
            return True
        if pending.starts_record is not None and pending.starts_record(line):
            return True
        head = line[:_HEAD]
        if head[:1] in b" \t":  # and an empty line
            return self.of_several(line) is not None
        if head[:1] == b"#" and head.split(None, 1)[0] in self._heads:
            return True
        first = head[:1]
        asked = self._by_first.get(first)
        if asked is None:
            asked = self._by_first[first] = [
                each for each in self._told if not each[0].firsts or first in each[0].firsts
            ]
        for one, fingerprint, needs in asked:
            for need in needs:
                if need in head:
                    if one is not pending and fingerprint(head):
                        return True
                    break
        return False
