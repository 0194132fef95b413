"""The small HTTP server behind ``engine.telemetry``: three pages, bounded, and no echo of what a client sent."""

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

Probe = Callable[[], tuple[bool, dict[str, Any]]]
"""Whether it holds, and the parts that it was judged by, for a human."""

_CONNECTIONS = 16  # a scraper, a few probes and a human; the rest is turned away
_IDLE_S = 10.0
_TEXT = "text/plain; charset=utf-8"


class TelemetryError(Exception):
    """The address cannot be served: says which, and what to change."""


class TelemetryServer:
    def __init__(self, host: str, port: int, registry: CollectorRegistry, alive: Probe, ready: Probe) -> None:
        self._host = host
        self._port = port
        self._pages = _Pages(registry, alive, ready)
        self._http: _HTTP | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        try:
            family = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[0][0]
            self._http = _HTTP(family, (self._host, self._port), self._pages)
        except (OSError, OverflowError) as error:
            where = f"{self._host}:{self._port}"
            raise TelemetryError(f"metrics: cannot listen on {where} ({error}); choose another `listen:`") from None
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), name="telemetry", daemon=True)
        self._thread.start()
        return int(self._http.server_address[1])

    def stop(self) -> None:
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()
            self._http = self._thread = None


class _Pages:
    def __init__(self, registry: CollectorRegistry, alive: Probe, ready: Probe) -> None:
        self._registry = registry
        self._probes = {"/healthz": alive, "/readyz": ready}

    def page(self, path: str, accept: str) -> tuple[int, str, bytes]:
        """Status, content type, body."""
        if path == "/metrics":
            encode, content_type = choose_encoder(accept)
            return 200, content_type, encode(self._registry)
        probe = self._probes.get(path)
        if probe is None:
            return 404, _TEXT, b"there is /metrics, /healthz and /readyz\n"
        holds, parts = probe()
        body = orjson.dumps({"ok": holds, **parts}, default=str, option=orjson.OPT_APPEND_NEWLINE)
        return (200 if holds else 503), "application/json", body


class _HTTP(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = _CONNECTIONS

    def __init__(self, family: int, address: tuple[str, int], pages: _Pages) -> None:
        self.address_family = family
        self.pages = pages
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's asks the resolver for the host's name: slow where there is none
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread to be had
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _IDLE_S
    server_version = "tieline"
    sys_version = ""
    server: _HTTP

    def do_GET(self) -> None:
        status, content_type, body = self.server.pages.page(self.path.partition("?")[0], self.headers.get("Accept", ""))
        self._answer(status, content_type, body)

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The standard page quotes the request; ours does not."""
        self.close_connection = True
        self._answer(code, _TEXT, b"bad request\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line each."""

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
