"""Files that grow, are rotated, truncated, packed."""

import gzip
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.config.sources import FileSource
from engine.model import Chunk
from engine.sources.errors import SourceError
from engine.sources.files import Files
from engine.sources.reading import read_once


class Reading:
    def __init__(self) -> None:
        self.chunks: list[Chunk] = []

    def text(self) -> bytes:
        return b"".join(chunk.payload for chunk in self.chunks)

    def until(self, wanted: bytes, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while self.text() != wanted:
            assert time.monotonic() < deadline, self.chunks
            time.sleep(0.02)

    def positions(self) -> dict[str, int]:
        return {chunk.stream: chunk.offset + len(chunk.payload) for chunk in self.chunks}


@contextmanager
def following(pattern: Path, positions: dict[str, int] | None = None) -> Iterator[Reading]:
    source = Files(FileSource(name="f", paths=[str(pattern)]))
    source.resume(positions or {})
    reading, stop = Reading(), threading.Event()
    thread = threading.Thread(target=source.run, args=(lambda chunks: reading.chunks.extend(chunks), stop))
    thread.start()
    try:
        yield reading
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def test_a_file_is_followed_through_rotation_by_renaming(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"one\n")

    with following(log) as reading:
        reading.until(b"one\n")
        with log.open("ab") as file:
            file.write(b"two\n")
        log.rename(tmp_path / "a.log.1")
        log.write_bytes(b"three\n")
        reading.until(b"one\ntwo\nthree\n")

    assert len({chunk.stream for chunk in reading.chunks}) == 2


def test_a_file_truncated_in_place_is_read_from_its_start_as_a_new_stream(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"a long first line\n")

    with following(log) as reading:
        reading.until(b"a long first line\n")
        log.write_bytes(b"short\n")
        reading.until(b"a long first line\nshort\n")

    assert len(reading.positions()) == 2


def test_reading_goes_on_where_the_checkpoint_was_even_in_a_file_rotated_away_meanwhile(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"one\n")
    with following(log) as reading:
        reading.until(b"one\n")
    with log.open("ab") as file:
        file.write(b"two\n")
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(b"three\n")

    with following(log, reading.positions()) as again:
        deadline = time.monotonic() + 15
        while sorted(again.text().split()) != [b"three", b"two"]:
            assert time.monotonic() < deadline, again.chunks
            time.sleep(0.02)


def test_a_file_that_appears_later_is_found(tmp_path: Path) -> None:
    with following(tmp_path / "*.log") as reading:
        (tmp_path / "b.log").write_bytes(b"late\n")
        reading.until(b"late\n")


def test_packed_files_are_read_whole_and_resumed_within(tmp_path: Path) -> None:
    packed = tmp_path / "a.log.gz"
    packed.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    status = os.stat(packed)

    with following(packed, {f"{packed}#{status.st_dev}-{status.st_ino}": 4}) as reading:
        reading.until(b"two\n")


def test_a_torn_gzip_gives_what_it_holds(tmp_path: Path) -> None:
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(b"one\n" * 1000, compresslevel=0)[:-200])
    problems: list[str] = []

    text = b"".join(chunk.payload for chunk in read_once(str(packed), received=1, problems=problems))

    assert text.startswith(b"one\none\n")
    assert problems == [f"{packed}: the gzip data ends in the middle, behind {len(text)} bytes of its contents"]


@pytest.mark.parametrize(("behind", "found"), [(b"\0" * 512, 0), (b"garbage", 1)])
def test_what_follows_gzip_data_costs_none_of_it(tmp_path: Path, behind: bytes, found: int) -> None:
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + behind)
    problems: list[str] = []

    text = b"".join(chunk.payload for chunk in read_once(str(packed), received=1, problems=problems))

    assert (text, len(problems)) == (b"one\ntwo\n", found)


def test_damaged_gzip_and_missing_files_are_named(tmp_path: Path) -> None:
    packed = tmp_path / "a.gz"
    packed.write_bytes(b"\x1f\x8b\x08\x00garbage that is no deflate stream at all")

    with pytest.raises(SourceError, match=r"a\.gz: damaged gzip data"):
        list(read_once(str(packed), received=1))
    with pytest.raises(SourceError, match="nowhere: No such file or directory"):
        list(read_once(str(tmp_path / "nowhere"), received=1))
