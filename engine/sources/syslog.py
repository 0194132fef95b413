"""Syslog over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425): bytes in, framing is somebody else's work."""

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping

from engine.config.sources import SyslogSource
from engine.model import Chunk
from engine.sources.errors import SourceError

Put = Callable[[list[Chunk]], None]

_SO_RXQ_OVFL = 40  # linux/socket.h: the kernel's count of dropped datagrams, as ancillary data
_RECEIVE_BUFFER = 16 * 1024 * 1024
_DATAGRAM = 65_535
_BATCH = 512
_READ = 64 * 1024
_PENDING_BYTES = 8 * 1024 * 1024
_HANDSHAKE_S = 10.0
_LENGTH_DIGITS = 10


def address(listen: str) -> tuple[str, int]:
    """
    >>> address("[::1]:6514")
    ('::1', 6514)
    """
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


class SyslogUdp:
    """One chunk a datagram. ``bound`` is the address in use once ``ready`` is set."""

    def __init__(self, settings: SyslogSource) -> None:
        self.name = settings.name
        self.settings = settings
        self.ready = threading.Event()
        self.bound: tuple[str, int] | None = None
        self.stats = {"received": 0, "kernel_drops": 0}

    def resume(self, positions: Mapping[str, int]) -> None:
        """A datagram that is gone is gone."""

    def waiting(self, stream: str) -> bool:
        return False

    def run(self, put: Put, stop: threading.Event) -> None:
        host, port = address(self.settings.listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            listener.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
            try:
                listener.bind((host, port))
            except OSError as error:
                raise SourceError(
                    f"source {self.name}: cannot listen on {self.settings.listen}: {error.strerror}"
                ) from None
            self.bound = listener.getsockname()[:2]
            self.ready.set()
            while not stop.is_set():
                listener.settimeout(0.2)
                batch: list[Chunk] = []
                try:
                    self._receive(listener, batch)
                    listener.setblocking(False)
                    while len(batch) < _BATCH:
                        self._receive(listener, batch)
                except (TimeoutError, BlockingIOError):
                    pass
                if batch:
                    put(batch)

    def _receive(self, listener: socket.socket, batch: list[Chunk]) -> None:
        data, ancillary, _, sender = listener.recvmsg(_DATAGRAM, 64)
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL:
                self.stats["kernel_drops"] = struct.unpack("=I", value)[0]
        self.stats["received"] += 1
        offset = self.stats["received"]
        batch.append(Chunk(data, self.name, "udp", time.time_ns(), offset, _host(sender[0])))


class SyslogTcp:
    """One stream a connection. Connections beyond the bound are refused; one that is silent in the middle of a record
    for ``idle_record_s`` is closed, and so is one whose TLS handshake does not end."""

    def __init__(self, settings: SyslogSource) -> None:
        self.name = settings.name
        self.settings = settings
        self.ready = threading.Event()
        self.bound: tuple[str, int] | None = None
        self.stats = {"connections": 0, "refused": 0, "idle_closed": 0, "handshakes_failed": 0}
        self._open = 0
        self._pending: list[Chunk] = []
        self._pending_bytes = 0
        self._writers: set[asyncio.StreamWriter] = set()

    def resume(self, positions: Mapping[str, int]) -> None:
        """What a closed connection sent is gone."""

    def waiting(self, stream: str) -> bool:
        return False

    def run(self, put: Put, stop: threading.Event) -> None:
        asyncio.run(self._serve(put, stop))

    async def _serve(self, put: Put, stop: threading.Event) -> None:
        host, port = address(self.settings.listen)
        self._room = asyncio.Event()
        self._room.set()
        context = self._context()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        try:
            server = await asyncio.start_server(
                self._connection,
                host,
                port,
                limit=_READ,
                ssl=context,
                ssl_handshake_timeout=_HANDSHAKE_S if context is not None else None,
            )
        except OSError as error:
            raise SourceError(
                f"source {self.name}: cannot listen on {self.settings.listen}: {error.strerror}"
            ) from None
        self.bound = server.sockets[0].getsockname()[:2]
        self.ready.set()
        while not stop.is_set():
            await asyncio.sleep(0 if await self._flush(put) else 0.02)
        server.close()
        for writer in list(self._writers):
            writer.close()
        await asyncio.sleep(0.05)
        await self._flush(put)

    async def _flush(self, put: Put) -> bool:
        """Hands over what the connections have read; they wait while the queue behind is full."""
        if not self._pending:
            return False
        batch, self._pending, self._pending_bytes = self._pending, [], 0
        await asyncio.get_running_loop().run_in_executor(None, put, batch)
        self._room.set()
        return True

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= self.settings.max_connections:
            self.stats["refused"] += 1
            writer.close()
            return
        self._open += 1
        self.stats["connections"] += 1
        self._writers.add(writer)
        peer = writer.get_extra_info("peername") or ("", 0)
        host = _host(str(peer[0]))
        stream = f"{host}:{peer[1]}#{self.stats['connections']}"
        offset = 0
        between = _Between()
        whole = True
        try:
            while True:
                try:
                    limit = None if whole else self.settings.idle_record_s
                    data = await asyncio.wait_for(reader.read(_READ), limit)
                except TimeoutError:
                    self.stats["idle_closed"] += 1
                    break
                if not data:
                    break
                whole = between.after(data)
                self._add(Chunk(data, self.name, stream, time.time_ns(), offset, host))
                offset += len(data)
                if self._pending_bytes > _PENDING_BYTES:
                    self._room.clear()
                await self._room.wait()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            self._add(Chunk(b"", self.name, stream, time.time_ns(), offset, host, end=True))
            self._open -= 1
            self._writers.discard(writer)
            writer.close()

    def _add(self, chunk: Chunk) -> None:
        self._pending.append(chunk)
        self._pending_bytes += len(chunk.payload)

    def _context(self) -> ssl.SSLContext | None:
        tls = self.settings.tls
        if self.settings.transport != "tls" or tls is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(tls.certificate, tls.key)
            if tls.client_ca is not None:
                context.load_verify_locations(tls.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError) as error:
            raise SourceError(f"source {self.name}: TLS certificate, key or client_ca: {error}") from None
        return context

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """A client's broken handshake is the client's affair: counted, not logged line by line."""
        self.stats["handshakes_failed"] += 1


class _Between:
    """Whether a connection stands between two records: a sender that counts octets ends none by a line feed.

    >>> between = _Between()
    >>> between.after(b"9 <13>1 "), between.after(b"- -"), between.after(b"9 <13>1 - -"), between.after(b"1")
    (False, True, True, False)
    """

    def __init__(self) -> None:
        self._counted: bool | None = None
        self._digits = b""
        self._left = 0

    def after(self, data: bytes) -> bool:
        if self._counted is None:
            self._counted = data[:1].isdigit() and data[:1] != b"0"
        return self._count(data) if self._counted else data.endswith((b"\n", b"\x00"))

    def _count(self, data: bytes) -> bool:
        at = min(self._left, len(data))
        self._left -= at
        while at < len(data):
            head = self._digits + data[at : at + _LENGTH_DIGITS]
            digits, space, _ = head.lstrip(b"\r\n").partition(b" ")
            if not space and len(head) < _LENGTH_DIGITS and (digits.isdigit() or not digits):
                self._digits = digits
                return not digits
            if not digits.isdigit() or not space:  # out of step: read by lines from here on, as the framing does
                self._counted = False
                return data.endswith((b"\n", b"\x00"))
            start = at + head.index(b" ") + 1 - len(self._digits)
            self._digits = b""
            at = min(start + int(digits), len(data))
            self._left = start + int(digits) - at
        return self._left == 0


def _host(host: str) -> str:
    return host.removeprefix("::ffff:")
