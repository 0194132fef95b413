"""What came by network or pipe cannot be asked for again: it is written down before it is worked on.

Written with one ``write`` a batch and no ``fsync``: it survives the end of the process, not that of the machine.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from engine.model import Chunk

_HEADER = struct.Struct(">IIQ")  # length, CRC-32, number
_SEGMENT_BYTES = 64 * 1024 * 1024


class Journal:
    """Numbered batches of chunks in segment files ``PATH.<first number>`` (0600)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(list[Chunk]).decode
        self._file: int | None = None
        self._written = 0
        self.number = 0
        for number, _ in self._scan(0):
            self.number = number

    def append(self, chunks: list[Chunk]) -> int:
        """Writes the batch down and gives its number."""
        self.number += 1
        body = self._encode(chunks)
        if self._file is None or self._written > _SEGMENT_BYTES:
            self.close()
            name = f"{self._path}.{self.number:020d}"
            # What a crash left in a file of that name is torn, or its number would be behind us.
            self._file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)
            self._written = 0
        record = _HEADER.pack(len(body), zlib.crc32(body), self.number) + body
        view = memoryview(record)
        while view:
            view = view[os.write(self._file, view) :]
        self._written += len(record)
        return self.number

    def after(self, number: int) -> Iterator[tuple[int, list[Chunk]]]:
        """The batches behind ``number``, in order; a torn last one is not there."""
        for at, body in self._scan(number):
            if at > number:
                yield at, self._decode(body)

    def forget(self, number: int) -> None:
        """Every batch up to ``number`` is in a checkpoint: segments that hold only such are removed."""
        segments = self._segments()
        for segment, following in pairwise(segments):
            if int(following.suffix[1:]) <= number + 1:
                segment.unlink(missing_ok=True)
        if segments and number >= self.number:
            self.close()
            segments[-1].unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _segments(self) -> list[Path]:
        found = self._path.parent.glob(f"{self._path.name}.*")
        return sorted(path for path in found if path.suffix[1:].isdigit() and len(path.suffix) == 21)

    def _scan(self, number: int) -> Iterator[tuple[int, bytes]]:
        segments = self._segments()
        for at, segment in enumerate(segments):
            if at + 1 < len(segments) and int(segments[at + 1].suffix[1:]) <= number:
                continue
            with segment.open("rb") as file:
                while len(header := file.read(_HEADER.size)) == _HEADER.size:
                    length, check, found = _HEADER.unpack(header)
                    body = file.read(length)
                    if len(body) != length or zlib.crc32(body) != check:
                        break
                    yield found, body
