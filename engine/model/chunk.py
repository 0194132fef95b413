"""Bytes as a source delivers them, before framing."""

import msgspec


class Chunk(msgspec.Struct, gc=False):
    """A piece of one stream (a connection, a file, a partition), in order.

    ``offset`` is the stream's position of ``payload[0]`` (bytes for files, the message offset for Kafka); a source that
    is asked to resume at ``(stream, offset)`` delivers from there. ``end`` marks the last chunk of its stream.
    """

    payload: bytes
    source: str
    stream: str = ""
    received: int = 0
    offset: int = 0
    peer: str | None = None
    end: bool = False
