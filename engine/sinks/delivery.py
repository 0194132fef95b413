"""Between the stages and a sink: a bounded queue, a thread of the sink's own, and patience."""

import logging
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from engine.model import Alert
from engine.sinks.sink import Refused, Sink, SinkError, SinkUnavailable
from engine.telemetry import Histogram, Readings, Telemetry

_LOG = logging.getLogger("tieline.sinks")
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 30.0
_FIRST_ATTEMPT_S = 15.0
_BEAT_S = 1.0

OnRefused = Callable[[str, Sequence[Refused]], None]


class Delivery:
    """Writes alerts to one sink in the order they were put. While the sink is down, the batch in hand is written again,
    with growing pauses, for ever; then the queue fills and ``put`` blocks: it slows the source down, and loses nothing.

    ``refused(sink, documents)`` takes what the sink refuses for good. ``waiting`` is called about once a second while
    ``put`` or ``drain`` blocks, so that a stage that waits is not taken for one that hangs.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        queue: int = 10_000,
        batch: int = 500,
        refused: OnRefused | None = None,
        waiting: Callable[[], None] | None = None,
        longest_pause_s: float = _LONGEST_PAUSE_S,
    ) -> None:
        self.sink = sink
        self.name = sink.name
        self.stats = {"written": 0, "failures": 0, "retries": 0, "refused": 0}
        self.write_seconds = Histogram()
        self.up = False
        self.reason = "not started"
        self._capacity = queue
        self._batch = batch
        self._on_refused = refused
        self._waiting = waiting
        self._longest_pause_s = longest_pause_s
        self._queue: deque[Alert] = deque()
        self._unconfirmed = 0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._attempted = threading.Event()
        self._ended: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the sink. One that is down is tried again and no failure; one that can never work is a SinkError."""
        self._thread = threading.Thread(target=self._run, name=f"sink {self.name}", daemon=True)
        self._thread.start()
        self._attempted.wait(_FIRST_ATTEMPT_S)
        self._raise()

    def put(self, alerts: Sequence[Alert]) -> None:
        """Blocks while the queue is full."""
        if not alerts:
            return
        with self._changed:
            for alert in alerts:
                while len(self._queue) >= self._capacity and self._ended is None and not self._stop.is_set():
                    self._changed.notify_all()
                    self._wait(_BEAT_S)
                self._raise()
                if self._stop.is_set():
                    return
                self._queue.append(alert)
                self._unconfirmed += 1
            self._changed.notify_all()

    def drain(self, timeout: float | None = None) -> bool:
        """Waits until all that was put is durable, or refused; False when ``timeout`` seconds did not suffice."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while self._unconfirmed:
                self._raise()
                left = _BEAT_S if deadline is None else min(_BEAT_S, deadline - time.monotonic())
                if left <= 0 or self._stop.is_set():
                    return False
                self._wait(left)
        self._raise()
        return True

    def depth(self) -> int:
        return self._unconfirmed

    def abandon(self) -> None:
        """``put`` and ``drain`` wait no more; what they are given from now on is not written."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def close(self, timeout: float = 10.0) -> None:
        """Ends the thread after the write it is in; what is not written by then comes again from the checkpoint."""
        self.abandon()
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return  # it sits in a call of the client library: a daemon thread, it ends with us
        self.sink.close()

    def publish(self, telemetry: Telemetry) -> None:
        """Registers what this delivery counts."""
        label = (self.name,)
        for name in ("written", "failures", "retries", "refused"):
            telemetry.register(f"tieline_sink_{name}_total", partial(self._count, name))
        telemetry.register("tieline_sink_up", lambda: {label: int(self.up)})
        telemetry.register("tieline_sink_write_seconds", lambda: {label: self.write_seconds})
        queue = (f"sink {self.name}",)
        telemetry.register("tieline_queue_depth", lambda: {queue: self._unconfirmed})
        telemetry.register("tieline_queue_capacity", lambda: {queue: self._capacity})

    def _count(self, name: str) -> Readings:
        return {(self.name,): self.stats[name]}

    def _wait(self, seconds: float) -> None:
        self._changed.wait(seconds)
        if self._waiting is not None:
            self._waiting()

    def _raise(self) -> None:
        if self._ended is not None:
            if isinstance(self._ended, SinkError):
                raise self._ended
            raise SinkError(f"sink {self.name} ended: {self._ended!r}") from self._ended

    def _run(self) -> None:
        try:
            if self._until_taken(self.sink.start) is not None:
                while not self._stop.is_set():
                    self._deliver()
        except SinkError as error:
            self._ended = error
        finally:
            if self._ended is None and not self._stop.is_set():
                self._ended = sys.exc_info()[1] or SinkError(f"sink {self.name} ended")
            self.up = False
            self._attempted.set()
            with self._changed:
                self._changed.notify_all()

    def _deliver(self) -> None:
        with self._changed:
            while not self._queue:
                if self._stop.is_set():
                    return
                self._changed.wait()
            alerts = [self._queue.popleft() for _ in range(min(self._batch, len(self._queue)))]
            self._changed.notify_all()
        refused = self._until_taken(lambda: self._write(alerts))
        if refused is None:
            return
        if refused:
            self.stats["refused"] += len(refused)
            if self._on_refused is not None:
                self._on_refused(self.name, refused)
        self.stats["written"] += len(alerts) - len(refused)
        with self._changed:
            self._unconfirmed -= len(alerts)
            self._changed.notify_all()

    def _write(self, alerts: list[Alert]) -> Sequence[Refused]:
        began = time.perf_counter()
        refused = self.sink.write(alerts)
        self.write_seconds.observe(time.perf_counter() - began)
        return refused

    def _until_taken(self, attempt: Callable[[], Sequence[Refused] | None]) -> Sequence[Refused] | None:
        """The answer of the first attempt that is not SinkUnavailable; None when we were stopped before."""
        pause = _FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                answer = attempt()
            except SinkUnavailable as unavailable:
                self.stats["failures"] += 1
                if self.up or self.reason != str(unavailable):
                    _LOG.warning("sink %s is unavailable, trying again: %s", self.name, unavailable)
                self.up, self.reason = False, str(unavailable)
                self._attempted.set()
                if self._stop.wait(pause * random.uniform(0.5, 1.0)):
                    return None
                pause = min(pause * 2, self._longest_pause_s)
                self.stats["retries"] += 1
                continue
            if not self.up:
                _LOG.info("sink %s takes documents", self.name)
            self.up, self.reason = True, ""
            self._attempted.set()
            return answer if answer is not None else ()
        return None
