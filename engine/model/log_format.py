"""What a file in ``parsers/`` declares."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from engine.model.event import Fields
from engine.model.frame import Frame
from engine.model.logsource import LogSource


class ParseError(ValueError):
    """A record is not what its format says: the message names what, and which format."""


class Opened(msgspec.Struct, gc=False):
    """What an envelope (a syslog header, a JSON object) says of the record inside it.

    ``fields`` become part of the event, below what the inner format says (``@timestamp`` in nanoseconds). ``text`` is
    the message inside; ``program`` (syslog's APP-NAME) and ``object`` (a JSON object, flat) choose the inner format.
    ``inside`` names the envelope whose formats ``text`` may be in, where that is another one.
    """

    fields: Fields
    text: str = ""
    program: str | None = None
    object: Fields | None = None
    inside: str | None = None


class Session(Protocol):
    """A format whose records depend on each other (request and response, the records of one auditd serial).

    ``feed`` and ``expire`` give finished events, each with the frame that it stands for (a request; joined records).
    ``expire(now)`` gives up on what has waited too long at ``now`` (nanoseconds; None: the input has ended).
    ``oldest`` is the sequence of the oldest frame still held, or None. ``snapshot`` is a value that msgpack can carry.
    """

    def feed(self, frame: Frame) -> Iterable[tuple[Frame, Fields]]: ...
    def expire(self, now: int | None) -> Iterable[tuple[Frame, Fields]]: ...
    def oldest(self) -> int | None: ...
    def snapshot(self) -> Any: ...
    def restore(self, state: Any) -> None: ...


class Joining(Protocol):
    """The records that make one event together (of one auditd serial): as ``Session``, but ``join`` takes each record
    as ``parse`` has read it, and the frame of a finished event holds the original records, joined by LF.
    """

    def join(self, frame: Frame, fields: Fields) -> Iterable[tuple[Frame, Fields]]: ...
    def expire(self, now: int | None) -> Iterable[tuple[Frame, Fields]]: ...
    def oldest(self) -> int | None: ...
    def snapshot(self) -> Any: ...
    def restore(self, state: Any) -> None: ...


class LogFormat(msgspec.Struct, frozen=True, kw_only=True):
    """One format. Either ``parse`` or ``session``; the rest says where and how it is recognised.

    - ``opens``: this format is an envelope (syslog, JSON, CEF): it opens a frame, or gives None where the frame is not
      its own. ``parse`` is then called, with ``frame.opened`` set, for records that no inner format takes. An envelope
      with a ``fingerprint`` is also found inside the message of another (CEF behind syslog, syslog in a JSON object).
      ``reopens``: the record that a shipper has wrapped in this envelope, to be read as if it had come by itself; asked
      where no inner format takes the record. ``firsts``: the bytes with one of which its records start; a single word
      in ``needs`` stands in their first 512 bytes: what has neither need not be opened.
    - ``inside``: the id of the envelope that this format lives in. Its ``parse`` finds ``frame.text`` (the message) and
      ``frame.opened``, and returns only what the message says: the header's fields are there already.
    - ``programs``: the names (lower case) that announce it: syslog's APP-NAME; inside CEF and LEEF the header's
      ``vendor|product``. ``shape``: whether a flat object is one of its records: a JSON object dotted; CEF's and LEEF's
      keys as they were sent with the header's parts (``deviceVendor`` …, ``vendor`` …). The envelope has put what its
      keys mean into the event already; the format inside adds or overrides.
    - ``fingerprint``: whether a head (a line's first 4 KiB; inside syslog the message; the first bytes of a TCP
      direction or a datagram) is one of its records. Cheap and certain, or absent. ``generic``: it says how records are
      written and not whose they are, and is asked after all others. ``needs``: literals one of which is in every head
      that the fingerprint takes, so that most heads need not be asked about.
    - ``cut``: for a protocol over a stream: the length of the PDU at the start of a buffer, None while it is not yet
      known,
      and ParseError where no PDU can start there. ``ports``: the servers' well-known ports. ``transport``: "tcp",
      "udp", "both", or "ethernet" (then ``ports`` are EtherTypes).
    - ``asks``: whether a PDU is a request, None where it could be either: tells the client where neither a SYN nor a
      port does.
    - ``heads``: the first words of header lines (``#fields``), by which ``parse`` reads the lines below them: it finds
      them in ``frame.header``. They are no records. ``heading``: whether a stream's first line is such a header,
      whatever its first word; ``heading(line, named)`` is told whether somebody has named the format.
    - ``joins``: beside ``parse``, where several records make one event.
    - ``starts_record``: whether a line starts a record (records of several lines in a file); with a ``fingerprint``
      also in a file whose format nobody names. ``ends_record``: whether it ends one, so that nobody waits for the next.
      ``wraps``: whether a line only opens or closes the document around the records; it is none, and is dropped.
    - ``route``: the log source of one event, where ``logsource`` is not the same for all.
    """

    id: str
    vendor: str
    product: str
    logsource: LogSource
    spec: str
    parse: Callable[[Frame], Fields] | None = None
    session: Callable[[], Session] | None = None
    joins: Callable[[], Joining] | None = None
    fingerprint: Callable[[bytes], bool] | None = None
    opens: Callable[[Frame], Opened | None] | None = None
    reopens: Callable[[Opened], Opened | None] | None = None
    inside: str | None = None
    programs: tuple[str, ...] = ()
    shape: Callable[[Mapping[str, Any]], bool] | None = None
    route: Callable[[Fields], LogSource] | None = None
    cut: Callable[[bytes | bytearray | memoryview], int | None] | None = None
    asks: Callable[[bytes], bool | None] | None = None
    ports: tuple[int, ...] = ()
    transport: str | None = None
    heads: tuple[bytes, ...] | None = None
    heading: Callable[[bytes, bool], bool] | None = None
    generic: bool = False
    needs: tuple[bytes, ...] = ()
    firsts: bytes = b""
    starts_record: Callable[[bytes], bool] | None = None
    ends_record: Callable[[bytes], bool] | None = None
    wraps: Callable[[bytes], bool] | None = None
