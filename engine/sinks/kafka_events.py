"""Events to the Kafka topic that ``detect`` reads: what ``collect`` ends with."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from kafka.errors import KafkaError

from engine.config.sinks import KafkaSink
from engine.sinks.kafka_producer import TOO_LARGE, end, producer
from engine.sinks.sink import SinkUnavailable
from engine.telemetry import Readings, Telemetry

_BATCH_BYTES = 256 * 1024
_LINGER_MS = 20
_UNCONFIRMED = 20_000
_PAUSE_S = 0.5
_REFUSED = object()


class KafkaEvents:
    """Keys and values in order; ``flush`` says when all of them are durable. After a lost broker some may be there
    twice: ``event.id`` tells. ``refused(value, reason)`` takes what the broker will never take.

    For one thread. ``stop`` says that we are asked to end, ``waiting`` is called about once a second while we wait.
    """

    def __init__(
        self,
        settings: KafkaSink,
        *,
        refused: Callable[[bytes, str], None] = lambda value, reason: None,
        stop: Callable[[], bool] = lambda: False,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = settings.name
        self.stats = {"written": 0, "failures": 0, "retries": 0, "refused": 0}
        self.up = False
        self.reason = "not started"
        self._settings = settings
        self._refused = refused
        self._stop = stop
        self._waiting = waiting
        self._producer: Any = None
        self._sent: deque[tuple[Any, bytes, bytes]] = deque()

    def start(self) -> None:
        """A broker that is down is tried again with each write; files that cannot be used are a SinkError."""
        try:
            self._connect()
        except SinkUnavailable as unavailable:
            self._failed(unavailable)

    def write(self, records: Iterable[tuple[bytes, bytes]]) -> bool:
        """Blocks while too many are unconfirmed, or the broker is away; False when we were asked to end meanwhile."""
        for key, value in records:
            while len(self._sent) >= _UNCONFIRMED:
                if not self._harvest(1.0) and self._stop():
                    return False
            while (future := self._send(key, value)) is None:
                if self._stop():
                    return False
            if future is not _REFUSED:
                self._sent.append((future, key, value))
        return True

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until every record is durable or refused; False when ``timeout`` seconds did not suffice."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._sent:
            left = 1.0 if deadline is None else min(1.0, deadline - time.monotonic())
            if left <= 0:
                return False
            if not self._harvest(left) and self._stop() and deadline is None:
                return False
        return True

    def depth(self) -> int:
        return len(self._sent)

    def close(self) -> None:
        if self._producer is not None:
            end(self._producer)
            self._producer = None

    def publish(self, telemetry: Telemetry) -> None:
        label = (f"{self.name} events",)
        for name in self.stats:
            telemetry.register(f"tieline_sink_{name}_total", partial(self._count, name))
        telemetry.register("tieline_sink_up", lambda: {label: int(self.up)})
        telemetry.register("tieline_queue_depth", lambda: {("sink " + label[0],): len(self._sent)})
        telemetry.register("tieline_queue_capacity", lambda: {("sink " + label[0],): _UNCONFIRMED})

    def _count(self, name: str) -> Readings:
        return {(f"{self.name} events",): self.stats[name]}

    def _connect(self) -> Any:
        if self._producer is None:
            self._producer = producer(self._settings, batch_size=_BATCH_BYTES, linger_ms=_LINGER_MS)
            self.up, self.reason = True, ""  # a sensor on a quiet network is ready, too
        return self._producer

    def _send(self, key: bytes, value: bytes) -> Any:
        """The client's future; _REFUSED, or None when it could not be sent now."""
        try:
            return self._connect().send(self._settings.events, value, key=key)
        except TOO_LARGE as error:
            self._refuse(value, error)
            return _REFUSED
        except (KafkaError, SinkUnavailable) as error:
            self._failed(error)
            return None

    def _harvest(self, patience_s: float) -> bool:
        """Takes the oldest unconfirmed record off when it is decided; False when it is not yet."""
        future, key, value = self._sent[0]
        if future is None:  # the client gave it up: it comes again, perhaps twice
            self.stats["retries"] += 1
            future = self._send(key, value)
            self._sent[0] = (future, key, value)
        if future is None:
            return False
        if future is not _REFUSED and not self._confirmed(future, value, patience_s):
            if future.is_done:
                self._sent[0] = (None, key, value)
            return False
        self._sent.popleft()
        return True

    def _confirmed(self, future: Any, value: bytes, patience_s: float) -> bool:
        """Whether it is decided: durable, or refused."""
        try:
            future.get(timeout=patience_s)
        except TOO_LARGE as error:
            self._refuse(value, error)
        except KafkaError as error:
            self._failed(error, pause=False)
            return False
        else:
            self.stats["written"] += 1
            self.up, self.reason = True, ""
        return True

    def _refuse(self, value: bytes, error: KafkaError) -> None:
        self.stats["refused"] += 1
        self._refused(value, f"Kafka: {error}")

    def _failed(self, error: Exception, *, pause: bool = True) -> None:
        self.stats["failures"] += 1
        self.up, self.reason = False, str(error)
        self._waiting()
        if pause:
            time.sleep(_PAUSE_S)
