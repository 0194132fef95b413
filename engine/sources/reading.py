"""Files and standard input read once, from start to end."""

import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from engine.model import Chunk
from engine.sources.errors import SourceError

_PIECE = 1024 * 1024
GZIP = b"\x1f\x8b"


def pieces(stream: BufferedReader, name: str, problems: list[str] | None = None) -> Iterator[bytes]:
    """The bytes of a stream, unpacked where they are gzip (several members).

    Of a torn or damaged one what there is before, and ``problems`` is told; without them damage is a SourceError.
    """
    first = stream.read(2)
    if first != GZIP:
        piece = first + stream.read1(_PIECE)
        while piece:
            yield piece
            piece = stream.read1(_PIECE)
        return
    unpack = zlib.decompressobj(wbits=31)
    data = first + stream.read1(_PIECE)
    given, whole = 0, True
    while data:
        try:
            piece = unpack.decompress(data, _PIECE)
        except zlib.error as error:
            if problems is None or not given:
                raise SourceError(f"{name}: damaged gzip data: {error}") from None
            problems.append(f"{name}: damaged gzip data behind {given} bytes of its contents: {error}")
            return
        if piece:
            given += len(piece)
            yield piece
        data = unpack.unconsumed_tail
        whole = unpack.eof
        if whole:
            data = unpack.unused_data.lstrip(b"\0")  # what pads a member to a block
            unpack = zlib.decompressobj(wbits=31)
        if not data:
            data = stream.read1(_PIECE)
    if not whole and problems is not None:
        problems.append(f"{name}: the gzip data ends in the middle, behind {given} bytes of its contents")


def read_once(path: str, *, received: int, problems: list[str] | None = None) -> Iterator[Chunk]:
    """The chunks of a file, or of standard input for ``-``; SourceError names a file that cannot be read."""
    try:
        stream = Path("/dev/stdin" if path == "-" else path).open("rb")  # noqa: SIM115
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    offset = 0
    try:
        for piece in pieces(stream, path, problems):
            yield Chunk(piece, path, stream=path, received=received, offset=offset)
            offset += len(piece)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    finally:
        stream.close()
    yield Chunk(b"", path, stream=path, received=received, offset=offset, end=True)
