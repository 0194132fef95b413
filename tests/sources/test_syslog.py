"""Real sockets on the loopback."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from certificates import Authority

from engine.config.sources import SyslogSource, Tls
from engine.model import Chunk
from engine.sources.errors import SourceError
from engine.sources.syslog import SyslogTcp, SyslogUdp


class Received:
    def __init__(self) -> None:
        self.chunks: list[Chunk] = []

    def put(self, chunks: list[Chunk]) -> None:
        self.chunks += chunks

    def until(self, wanted: int, what=lambda chunk: True, seconds: float = 10) -> list[Chunk]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [chunk for chunk in self.chunks if what(chunk)]
            if len(found) >= wanted:
                return found
            time.sleep(0.01)
        raise AssertionError(f"{len(self.chunks)} chunks: {self.chunks[-3:]}")


@contextmanager
def running(source: SyslogUdp | SyslogTcp) -> Iterator[tuple[Received, tuple[str, int]]]:
    received, stop = Received(), threading.Event()
    thread = threading.Thread(target=source.run, args=(received.put, stop))
    thread.start()
    try:
        assert source.ready.wait(10)
        assert source.bound is not None
        yield received, source.bound
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def test_each_datagram_is_a_chunk_with_its_sender() -> None:
    with running(SyslogUdp(SyslogSource(name="u", listen="127.0.0.1:0"))) as (received, where):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"<1>a\nb", where)
            sender.sendto(b"<1>c", where)
        chunks = received.until(2)

    assert [(chunk.payload, chunk.peer) for chunk in chunks] == [(b"<1>a\nb", "127.0.0.1"), (b"<1>c", "127.0.0.1")]


def test_connections_are_streams_of_their_own_and_say_when_they_end() -> None:
    with running(SyslogTcp(SyslogSource(name="t", transport="tcp", listen="127.0.0.1:0"))) as (received, where):
        with socket.create_connection(where) as one, socket.create_connection(where) as two:
            one.sendall(b"a\n")
            two.sendall(b"b\n")
            received.until(2)
        ends = received.until(2, lambda chunk: chunk.end)

    streams = {chunk.stream: chunk.payload for chunk in received.chunks if chunk.payload}
    assert sorted(streams.values()) == [b"a\n", b"b\n"]
    assert {chunk.stream for chunk in ends} == set(streams)


def test_a_connection_beyond_the_bound_is_refused_and_the_others_go_on() -> None:
    source = SyslogTcp(SyslogSource(name="t", transport="tcp", listen="127.0.0.1:0", max_connections=1))
    with running(source) as (received, where), socket.create_connection(where) as one:
        one.sendall(b"a\n")
        received.until(1)
        with socket.create_connection(where) as two:
            two.settimeout(5)
            assert two.recv(1) == b""
        one.sendall(b"b\n")
        received.until(2)

    assert source.stats["refused"] == 1


def test_a_line_that_stays_half_sent_is_given_up() -> None:
    source = SyslogTcp(SyslogSource(name="t", transport="tcp", listen="127.0.0.1:0", idle_record_s=0.2))
    with running(source) as (received, where), socket.create_connection(where) as one:
        one.sendall(b"half a li")
        one.settimeout(5)
        assert one.recv(1) == b""
        received.until(1, lambda chunk: chunk.end)

    assert source.stats["idle_closed"] == 1


def test_tls_lets_in_who_has_a_certificate_and_nobody_else(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    server, client = ca.issue("server", "localhost"), ca.issue("client", "sender")
    tls = Tls(certificate=str(server.certificate), key=str(server.key), client_ca=str(ca.certificate))
    source = SyslogTcp(SyslogSource(name="t", transport="tls", listen="127.0.0.1:0", tls=tls))
    trusting = ssl.create_default_context(cafile=str(ca.certificate))
    trusting.check_hostname = False
    known = ssl.create_default_context(cafile=str(ca.certificate))
    known.check_hostname = False
    known.load_cert_chain(str(client.certificate), str(client.key))

    with running(source) as (received, where):
        with known.wrap_socket(socket.create_connection(where)) as good:
            good.sendall(b"<1>hello\n")
            received.until(1)
        with (
            pytest.raises((ssl.SSLError, ConnectionError)),
            trusting.wrap_socket(socket.create_connection(where)) as bad,
        ):
            bad.sendall(b"<1>evil\n")
            bad.settimeout(5)
            if bad.recv(1) == b"":
                raise ConnectionResetError

    assert b"".join(chunk.payload for chunk in received.chunks) == b"<1>hello\n"


def test_a_handshake_that_never_ends_holds_nobody_up(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    server = ca.issue("server", "localhost")
    tls = Tls(certificate=str(server.certificate), key=str(server.key))
    source = SyslogTcp(SyslogSource(name="t", transport="tls", listen="127.0.0.1:0", tls=tls))
    context = ssl.create_default_context(cafile=str(ca.certificate))
    context.check_hostname = False

    with running(source) as (received, where), socket.create_connection(where) as half:
        half.sendall(b"\x16\x03\x01")
        with context.wrap_socket(socket.create_connection(where)) as good:
            good.sendall(b"<1>hello\n")
            received.until(1)


def test_an_address_in_use_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(SourceError, match=f"source u: cannot listen on {listen}: Address already in use"):
            SyslogUdp(SyslogSource(name="u", listen=listen)).run(Received().put, threading.Event())
