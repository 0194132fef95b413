"""OPC UA over TCP, in its binary encoding: OPC 10000-6 (mappings) and -4 (services).

::

    MSG F size  channel token sequence request  01 00 a1 02 …      673: a Write request

Of an encrypted channel its opening is seen, and that its messages are encrypted: what they say is not guessed.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Any, NamedTuple

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import opcua_services, ot
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import Finished
from parsers._grammar.opcua_binary import Cut, Reader
from parsers._grammar.opcua_services import REQUESTS, RESPONSES, status

_HEADER = Struct("<3ssI").unpack_from
_KINDS = (b"HEL", b"ACK", b"ERR", b"RHE", b"OPN", b"CLO", b"MSG")
_CHUNKS = (b"F", b"C", b"A")
_MAX_SIZE = 1 << 24
_MAX_MESSAGE = 1 << 20
_MAX_CHUNKED = 64  # messages at once
_MAX_CHUNKS = 1_024
_MAX_CHANNELS = 1_024
_ENDPOINT = b"opc.tcp://"
_OPENING = "open"


class Message(NamedTuple):
    """``body`` is what stands behind the sequence header; ``policy`` of OPN alone."""

    kind: bytes
    chunk: bytes
    channel: int
    request: int
    body: bytes
    policy: str | None


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(b"HELF" + bytes([32, 0, 0, 0])), cut(b"MS")
    (32, None)
    """
    head = bytes(buffer[:8])
    if not any(kind.startswith(head[:3]) for kind in _KINDS) or head[3:4] not in (b"", *_CHUNKS):
        raise ParseError(f"OPC UA: there is no message {head[:4]!r}")
    if len(head) < 8:
        return None
    size: int = _HEADER(head)[2]
    if not 8 <= size <= _MAX_SIZE:
        raise ParseError(f"OPC UA: a message of {size} bytes")
    return size


def fingerprint(head: bytes) -> bool:
    """Whether a message starts here whose type, chunk and size fit."""
    if len(head) < 12 or head[3:4] not in _CHUNKS or head[:3] not in _KINDS:
        return False
    size = _HEADER(head)[2]
    return bool(12 <= size <= _MAX_SIZE) and (head[:3] != b"HEL" or _ENDPOINT in head[:64])


def asks(pdu: bytes) -> bool | None:
    if pdu[:3] == b"HEL":
        return True
    if pdu[:3] in (b"ACK", b"ERR", b"RHE"):
        return False
    try:
        kind = Reader(_message(pdu).body).node()
    except (Cut, ParseError):
        return None
    return True if kind in REQUESTS else False if kind in RESPONSES else None


def _message(pdu: bytes) -> Message:
    """Cut where its headers are."""
    if len(pdu) < 8:
        raise ParseError(f"OPC UA: a message of {len(pdu)} bytes")
    kind, chunk = pdu[:3], pdu[3:4]
    reader = Reader(pdu, 8)
    channel = reader.number("I")
    policy = None
    if kind == b"OPN":
        policy = reader.text()
        reader.raw()
        reader.raw()
    else:
        reader.skip(4)
    reader.skip(4)
    request = reader.number("I")
    return Message(kind, chunk, channel, request, reader.take(len(pdu) - reader.position), policy)


class Conversation(Dialogue):
    """The messages of one connection. A response has its request's id on the same secure channel."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks: dict[tuple[bool, int, int], list[tuple[Frame, bytes]]] = {}
        self._told: set[int] = set()  # encrypted channels of which an event has said so

    def feed(self, frame: Frame) -> Iterable[Finished]:
        pdu = frame.payload
        if pdu[:3] in (b"HEL", b"ACK", b"ERR"):
            return self._greeting(frame, pdu)
        if pdu[:3] not in _KINDS:
            raise ParseError(f"OPC UA: there is no message {pdu[:3]!r}")
        try:
            one = _message(pdu)
        except Cut:
            return [self._broken(frame)] if frame.from_client else ()
        whole = self._join(frame, one)
        if whole is None:
            return ()
        return self._ask(frame, one, whole) if frame.from_client else self._answer(frame, one, whole)

    def unfinished(self) -> Iterable[Frame]:
        return (frame for chunks in self._chunks.values() for frame, _ in chunks)

    def snapshot(self) -> Any:
        return [super().snapshot(), sorted(self._told)]

    def restore(self, state: Any) -> None:
        frames, told = state
        super().restore(frames)
        self._told.update(told)

    def _join(self, frame: Frame, one: Message) -> bytes | None:
        """The body of a message whose last chunk this is (OPC 10000-6, 6.7)."""
        key = (frame.from_client, one.channel, one.request)
        if one.chunk == b"A":
            self._chunks.pop(key, None)
            return None
        if one.chunk == b"F" and key not in self._chunks:
            return one.body
        if key not in self._chunks and len(self._chunks) >= _MAX_CHUNKED:
            self._chunks.pop(next(iter(self._chunks)))
        chunks = self._chunks.setdefault(key, [])
        chunks.append((frame, one.body))
        if len(chunks) > _MAX_CHUNKS or sum(len(body) for _, body in chunks) > _MAX_MESSAGE:
            del self._chunks[key]
            return None
        if one.chunk == b"C":
            return None
        del self._chunks[key]
        return b"".join(body for _, body in chunks)

    def _greeting(self, frame: Frame, pdu: bytes) -> Iterable[Finished]:
        if pdu[:3] == b"HEL":
            if not frame.from_client:
                return ()
            fields = self._named(frame, "hello", "session")
            try:
                reader = Reader(pdu, 28)
                fields["url.full"] = reader.text()
            except Cut:
                fields["error.message"] = f"OPC UA hello: {len(pdu)} bytes are too few"
            return self.ask(frame, "hello", fields)
        waiting = self.answered(frame, "hello") if not frame.from_client else None
        if waiting is None:
            return ()
        waiting.fields["event.outcome"] = "success"
        if pdu[:3] == b"ERR":
            code = int.from_bytes(pdu[8:12], "little")
            waiting.fields["event.outcome"] = "failure"
            waiting.fields["ot.exception"] = status(code) or f"error_0x{code:08x}"
        return [self.say(waiting.frame, waiting.fields)]

    def _named(self, frame: Frame, name: str, operation: str) -> Fields:
        fields = self.begin(frame, "opcua")
        fields["ot.function"], fields["ot.operation"] = name, operation
        return fields

    def _ask(self, frame: Frame, one: Message, body: bytes) -> Iterable[Finished]:
        key: Any = (one.channel, one.request)
        reader = Reader(body)
        try:
            kind = reader.node()
        except Cut:
            kind = ""
        known = REQUESTS.get(kind)
        if one.policy is not None:
            key = _OPENING  # of a secured channel the request's id is encrypted, too
        if known is None:
            return self._sealed(frame, one, kind, key)
        fields = self._named(frame, *known)
        fields["ot.function_code"] = int(kind[2:])
        if one.policy is not None:
            fields["ot.security.policy"] = one.policy.rpartition("#")[2] or "None"
        try:
            opcua_services.header(reader)
            opcua_services.describe(known[0], reader, fields)
        except Cut:
            fields["error.message"] = f"OPC UA {known[0]}: {len(body)} bytes are too few, or no such request"
        if known[0] == "close_secure_channel":
            return [self.say(frame, fields)]  # nobody answers
        return self.ask(frame, key, fields)

    def _sealed(self, frame: Frame, one: Message, kind: str, key: Any) -> Iterable[Finished]:
        """A request that cannot be read: the opening of a secured channel, and once what goes through it."""
        if one.policy is not None:
            fields = self._named(frame, "open_secure_channel", "session")
            fields["ot.security.policy"] = one.policy.rpartition("#")[2]
            fields["ot.encrypted"] = True
            return self.ask(frame, key, fields)
        if kind.startswith("i=") and len(one.body) < 64:
            fields = self._named(frame, f"service_{kind[2:]}", "diagnostic")
            return self.ask(frame, key, fields)
        if one.channel in self._told:
            return ()
        if len(self._told) >= _MAX_CHANNELS:
            self._told.clear()
        self._told.add(one.channel)
        fields = self._named(frame, "encrypted_messages", "session")
        fields["ot.encrypted"] = True
        return [self.say(frame, fields)]

    def _answer(self, frame: Frame, one: Message, body: bytes) -> Iterable[Finished]:
        waiting = self.answered(frame, (one.channel, one.request) if one.policy is None else _OPENING)
        if waiting is None:
            return ()
        if one.policy is not None:
            waiting.fields["event.outcome"] = "success"  # a server that refuses sends ERR
        reader = Reader(body)
        try:
            kind = reader.node()
            if kind in RESPONSES:
                opcua_services.outcome(kind, reader, waiting.fields)
        except Cut:
            pass
        return [self.say(waiting.frame, waiting.fields)]

    def _broken(self, frame: Frame) -> Finished:
        fields = self._named(frame, "incomplete_message", "diagnostic")
        fields["error.message"] = f"OPC UA: {len(frame.payload)} bytes are too few for the headers of a message"
        return self.say(frame, fields)


FORMAT = LogFormat(
    id="opcua",
    vendor="OPC Foundation",
    product="OPC UA",
    logsource=LogSource(category="ot_protocol", product="opcua"),
    spec="https://reference.opcfoundation.org/Core/Part6/ https://reference.opcfoundation.org/Core/Part4/",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(4840,),
    transport="tcp",
)
