"""Live capture on the loopback interface, and what stops it."""

import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

from engine.config.sources import PacketSource
from engine.framing.capture import Capture
from engine.framing.capture_file import CaptureFile
from engine.model import Chunk
from engine.sources.errors import SourceError
from engine.sources.packets import Packets, _restored
from parsers.modbus import FORMAT

READ = bytes.fromhex("000100000006010300640002")
ANSWER = bytes.fromhex("000100000007010304002a002b")


def may_capture() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return False
    return True


needs_capture = pytest.mark.skipif(not may_capture(), reason="live capture needs CAP_NET_RAW")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@needs_capture
def test_a_conversation_on_the_loopback_interface_is_read_once() -> None:
    source = Packets(PacketSource(name="tap", interface="lo"))
    chunks: list[Chunk] = []
    stop = threading.Event()
    thread = threading.Thread(target=source.run, args=(chunks.extend, stop))
    thread.start()
    assert source.ready.wait(10)

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        before = time.time_ns()
        with closing(socket.create_connection(("127.0.0.1", port))) as client, closing(server.accept()[0]) as accepted:
            for _ in range(3):
                client.sendall(READ)
                accepted.recv(100)
                accepted.sendall(ANSWER)
                client.recv(100)
    reading = Capture([FORMAT])
    frames = []

    def all_there() -> bool:
        while chunks:
            frames.extend(
                frame for frame in reading.feed(chunks.pop(0)) if frame.flow and frame.flow.server_port == port
            )
        return len(frames) >= 6

    until(all_there)
    stop.set()
    thread.join(10)
    all_there()

    assert [frame.payload for frame in frames] == [READ, ANSWER] * 3
    assert [frame.from_client for frame in frames] == [True, False] * 3
    assert all(before <= (frame.time or 0) <= time.time_ns() for frame in frames)
    assert reading.problems == []
    assert source.stats["packets"] > 0


@needs_capture
def test_capturing_again_starts_a_file_of_its_own() -> None:
    source = Packets(PacketSource(name="tap", interface="lo", promiscuous=False))

    for _ in range(2):
        chunks: list[Chunk] = []
        stop = threading.Event()
        stop.set()
        source.run(chunks.extend, stop)

        assert CaptureFile().feed(chunks[0].payload) == []
        assert (chunks[0].offset, chunks[-1].end) == (0, True)


@needs_capture
def test_an_interface_that_is_not_there_is_named_with_those_that_are() -> None:
    source = Packets(PacketSource(name="tap", interface="nonesuch0"))

    with pytest.raises(SourceError, match=r"tap: cannot capture on interface 'nonesuch0': .*there are: .*lo"):
        source.run(lambda chunks: None, threading.Event())


def test_without_permission_the_error_says_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refused)

    with pytest.raises(SourceError, match="CAP_NET_RAW"):
        Packets(PacketSource(name="tap", interface="lo")).run(lambda chunks: None, threading.Event())


def test_a_vlan_tag_that_the_card_took_out_is_put_back() -> None:
    packet = bytes(range(12)) + b"\x08\x00" + b"payload"
    status = (1 << 4) | (1 << 6)
    auxiliary = struct.pack("@IIIHHHH", status, 60, 60, 0, 14, 0x6007, 0x88A8)
    when = struct.pack("@qq", 1_767_225_600, 123_456_789)

    time_ns, data = _restored(packet, [(263, 8, auxiliary), (socket.SOL_SOCKET, 35, when)])

    assert time_ns == 1_767_225_600_123_456_789
    assert data == bytes(range(12)) + b"\x88\xa8\x60\x07\x08\x00payload"
