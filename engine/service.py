"""The service: sources in threads of their own → the stages in one → sinks in threads of their own; state on disk."""

import logging
import signal
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from engine.app import (
    Pipeline,
    Source,
    enrichment,
    formats,
    framing_for,
    lateness,
    open_source,
    pipeline,
    settle,
    usable_rules,
)
from engine.checkpoint import CheckpointError, CheckpointStore
from engine.config import Config, duration_ns
from engine.config.kafka import KafkaSource
from engine.config.sources import FileSource, PacketSource, StdinSource, SyslogSource
from engine.framing.framing import Framing
from engine.model import Chunk, DeadLetter, Match
from engine.outlets import Outlets
from engine.parsing.parser import Parsed, Parser
from engine.readings import publish_build, publish_parser, publish_pipeline
from engine.service_log import log_as_json
from engine.sources.errors import SourceError
from engine.sources.journal import Journal
from engine.sources.syslog import address
from engine.telemetry import Heartbeat, Telemetry

log = logging.getLogger("tieline")

_STREAMS = 20_000
_BUSY_S = 0.2
_TICK_S = 0.5
_GRACE_S = 5.0


class ServiceError(Exception):
    """The service cannot go on; the message says why, and the mend."""


class _Inlet:
    """One configured source: its thread, its framing, and how far its streams have been read."""

    def __init__(self, source: Source, framing: Framing, *, composite: bool, pushed: bool) -> None:
        self.source = source
        self.framing = framing
        self.composite = composite  # each stream (file, partition) has a clock of its own
        self.pushed = pushed  # cannot be asked again: goes through the journal
        self.positions: OrderedDict[str, int] = OrderedDict()
        self.thread: threading.Thread | None = None
        self.error: Exception | None = None

    def clock(self, stream: str) -> str:
        return f"{self.source.name}:{stream}" if self.composite else self.source.name

    def read(self, chunk: Chunk) -> None:
        at = self.framing.position(chunk)
        if at is not None:
            self.positions[chunk.stream] = at
            if len(self.positions) > _STREAMS:
                self.positions.popitem(last=False)


class Service:
    """Set up whole before anything starts. ``run`` returns when ``stop`` was called and all is written, or every source
    has ended."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._stop = threading.Event()
        enriched = enrichment(config)
        self.pipeline: Pipeline | None = None
        if config.role != "collect":
            ruleset = usable_rules([Path(name) for name in config.rules], config, enriched)
            self.pipeline = pipeline(ruleset, config, enriched, lateness_ns=lateness(config, None, "10s"))
        self.parser = Parser(formats())
        self.heartbeat = Heartbeat()
        self.outlets = Outlets(config, self.heartbeat)
        self._inlets: dict[str, _Inlet] = {}
        for settings in config.sources:
            self._inlets[settings.name] = _Inlet(
                open_source(settings),
                framing_for(settings),
                composite=isinstance(settings, (FileSource, KafkaSource)),
                pushed=isinstance(settings, (SyslogSource, StdinSource, PacketSource)),
            )
        try:
            self.store = CheckpointStore(Path(config.state.path))
        except CheckpointError as error:
            raise ServiceError(str(error)) from None
        self.journal = Journal(Path(config.state.path + ".journal"))
        self._queue: Queue[tuple[int, list[Chunk]]] = Queue(config.limits.queue_chunks)
        self._push_lock = threading.Lock()
        self._journaled = 0  # the newest journal entry that was worked on
        self._heard: dict[str, tuple[float, str, str]] = {}  # clock → when it last moved, inlet, stream
        self._placeholders: set[str] = set()
        self._idle_s = duration_ns(config.time.idle_after) / 1e9
        self._grace_s = min(self._idle_s, _GRACE_S)  # for streams that a start has not heard yet
        self._every_s = duration_ns(config.state.every) / 1e9
        self.stats = {"checkpoints": 0, "checkpoint_bytes": 0, "checkpoints_postponed": 0}

    def stop(self) -> None:
        """Asks for the end: what was received is worked on, written and committed first."""
        self._stop.set()

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether every source listens and every sink takes what it is given."""
        sources = {name: inlet.source.ready.is_set() and inlet.error is None for name, inlet in self._inlets.items()}
        sinks = self.outlets.healthy()
        return all(sources.values()) and all(sinks.values()), {"sources": sources, "sinks": sinks}

    def run(self) -> None:
        self._restore()
        self.outlets.start()
        settle()
        telemetry = self._telemetry()
        try:
            self._replay_journal()
            for inlet in self._inlets.values():
                inlet.thread = threading.Thread(target=self._run_source, args=(inlet,), name=inlet.source.name)
                inlet.thread.start()
            log.info("started", extra={"role": self.config.role, "sources": list(self._inlets)})
            self._loop()
        finally:
            self._stop.set()
            self._unblock()
            self.outlets.close()
            if telemetry is not None:
                telemetry.stop()
            self.journal.close()
            self.store.close()
        failed = [inlet.error for inlet in self._inlets.values() if inlet.error is not None]
        if failed:
            raise failed[0]

    def _telemetry(self) -> Telemetry | None:
        if self.config.metrics.listen is None:
            return None
        telemetry = Telemetry(alive=lambda: (self.heartbeat.moving(), {}), ready=self.ready)
        publish_build(telemetry)
        publish_parser(telemetry, self.parser)
        if self.pipeline is not None:
            publish_pipeline(telemetry, self.pipeline)
        self.outlets.publish(telemetry)
        for name, inlet in self._inlets.items():
            telemetry.register("tieline_source_up", partial(_up, name, inlet))
            telemetry.register("tieline_records_total", partial(_records, name, inlet))
            telemetry.register("tieline_source_dropped_total", partial(_dropped, name, inlet))
        telemetry.register("tieline_queue_depth", lambda: {("stages",): self._queue.qsize()})
        telemetry.register("tieline_queue_capacity", lambda: {("stages",): self._queue.maxsize})
        telemetry.register("tieline_checkpoints_total", lambda: {(): self.stats["checkpoints"]})
        telemetry.start(*address(self.config.metrics.listen))
        return telemetry

    def _run_source(self, inlet: _Inlet) -> None:
        try:
            inlet.source.run(self._put_pushed if inlet.pushed else self._put, self._stop)
        except SourceError as error:
            inlet.error = error
            self._stop.set()

    def _put(self, chunks: list[Chunk]) -> None:
        self._queue.put((0, chunks))

    def _put_pushed(self, chunks: list[Chunk]) -> None:
        with self._push_lock:  # the journal's order is the order in which the stages see it
            self._queue.put((self.journal.append(chunks), chunks))

    def _loop(self) -> None:
        ticked = saved = time.monotonic()
        while True:
            try:
                number, chunks = self._queue.get(timeout=_BUSY_S)
            except Empty:
                if not any(inlet.thread is not None and inlet.thread.is_alive() for inlet in self._inlets.values()):
                    if self._queue.empty():
                        break
                    continue
                number, chunks = 0, []
            if chunks:
                self._work(number, chunks)
            self.heartbeat.beat()
            now = time.monotonic()
            if now - ticked >= _TICK_S:
                ticked = now
                self._tick(now)
            if now - saved >= self._every_s and self._checkpoint(wait_s=1.0):
                saved = now
        if not self._checkpoint(wait_s=30.0):
            log.warning("stopped before every sink had confirmed; the next start goes on from the last checkpoint")
        log.info("stopped", extra={"events": self.parser.stats["events"]})

    def _work(self, number: int, chunks: list[Chunk]) -> None:
        for chunk in chunks:
            inlet = self._inlets.get(chunk.source)
            if inlet is None:
                continue  # a journal entry of a source that the configuration no longer has
            frames = inlet.framing.feed(chunk)
            clock = inlet.clock(chunk.stream)
            for frame in frames:
                frame.source = clock
            self._pass(self.parser.feed(frames))
            inlet.read(chunk)
            self._heard[clock] = (time.monotonic(), chunk.source, chunk.stream)
            if chunk.end and inlet.composite:
                self._pass(self.parser.expire(clock, None))
                self._heard.pop(clock, None)
                if self.pipeline is not None:
                    self._deliver(self.pipeline.retire(clock))
        if number:
            self._journaled = number

    def _pass(self, parsed: list[Parsed]) -> None:
        if not parsed:
            return
        dead = [item for item in parsed if isinstance(item, DeadLetter)]
        if dead:
            self.outlets.bury(dead)
        if self.pipeline is None:
            self.outlets.collect(item for item in parsed if not isinstance(item, DeadLetter))
        else:
            self._deliver(self.pipeline.process(parsed))

    def _deliver(self, decided: list[Match]) -> None:
        """That an alert has closed is no revision, and is not sent."""
        if decided and self.pipeline is not None:
            alert = self.pipeline.alerts.alert
            self.outlets.deliver(
                [alert(match) for match in decided if match.correlated is None or match.correlated.closed_by is None]
            )

    def _tick(self, now: float) -> None:
        """A source that has been silent for ``idle_after``, with nothing waiting anywhere for it, follows the clock."""
        wall = time.time_ns()
        for clock, (heard, name, stream) in list(self._heard.items()):
            inlet = self._inlets[name]
            if now - heard < self._idle_s or inlet.source.waiting(stream) or not self._queue.empty():
                continue
            frames = inlet.framing.expire(name, wall, int(self._idle_s * 1e9))
            for frame in frames:
                frame.source = clock
            self._pass(self.parser.feed(frames) if frames else [])
            self._pass(self.parser.expire(clock, wall))
            if self.pipeline is not None:
                self._deliver(self.pipeline.tick(clock, wall))
        if self.pipeline is not None:
            for name in list(self._placeholders):
                inlet = self._inlets[name]
                known = any(entry[1] == name for entry in self._heard.values())
                if inlet.composite and (known or inlet.source.ready.is_set()) and now - self._started > self._grace_s:
                    self._placeholders.discard(name)
                    self._deliver(self.pipeline.retire(name))

    def _checkpoint(self, *, wait_s: float) -> bool:
        """State and offsets in one transaction, when every sink has what was decided; False: one is behind."""
        if not self.outlets.drain(wait_s):
            self.stats["checkpoints_postponed"] += 1
            return False
        positions = {name: dict(inlet.positions) for name, inlet in self._inlets.items()}
        size = self.store.save(
            {
                "positions": positions,
                "journal": self._journaled,
                "framing": {name: i.framing.snapshot() for name, i in self._inlets.items() if i.pushed},
                "parser": self.parser.snapshot(),
                "pipeline": None if self.pipeline is None else self.pipeline.snapshot(),
                "sinks": self.outlets.positions(),
            }
        )
        self.stats["checkpoints"] += 1
        self.stats["checkpoint_bytes"] = size
        self.journal.forget(self._journaled)
        for name, inlet in self._inlets.items():
            commit: Callable[[Mapping[str, int]], None] | None = getattr(inlet.source, "commit", None)
            if commit is not None:
                commit(positions[name])
        return True

    def _restore(self) -> None:
        self._started = time.monotonic()
        try:
            state = self.store.load()
        except CheckpointError as error:
            raise ServiceError(str(error)) from None
        if self.store.damaged:
            log.warning("a damaged checkpoint was passed over", extra={"damaged": self.store.damaged})
        if state is not None:
            self._journaled = state["journal"]
            self.parser.restore(state["parser"])
            if self.pipeline is not None and state["pipeline"] is not None:
                self.pipeline.restore(state["pipeline"])
            for name, inlet in self._inlets.items():
                inlet.positions.update(state["positions"].get(name, {}))
                inlet.source.resume(state["positions"].get(name, {}))
                if name in state["framing"]:
                    inlet.framing.restore(state["framing"][name])
        self.outlets.restore({} if state is None else state["sinks"])
        if self.pipeline is not None:
            for name, inlet in self._inlets.items():
                self.pipeline.correlator.expect(name)
                self._placeholders.add(name)
                if not inlet.composite:
                    self._heard[name] = (self._started, name, "")

    def _replay_journal(self) -> None:
        for number, chunks in self.journal.after(self._journaled):
            self._work(number, chunks)
        self.journal.number = max(self.journal.number, self._journaled)

    def _unblock(self) -> None:
        """Lets the sources' threads end though nobody reads the queue any more."""
        for inlet in self._inlets.values():
            while inlet.thread is not None and inlet.thread.is_alive():
                try:
                    self._queue.get(timeout=0.05)
                except Empty:
                    inlet.thread.join(0.05)


def _up(name: str, inlet: _Inlet) -> Mapping[tuple[str, ...], float]:
    return {(name,): int(inlet.source.ready.is_set() and inlet.error is None)}


def _records(name: str, inlet: _Inlet) -> Mapping[tuple[str, ...], float]:
    return {(name,): inlet.framing.stats.get("frames", 0)}


def _dropped(name: str, inlet: _Inlet) -> Mapping[tuple[str, ...], float]:
    stats = inlet.source.stats
    return {(name, reason): stats[reason] for reason in ("kernel_drops", "refused", "idle_closed") if stats.get(reason)}


def serve(config: Config) -> None:
    """Runs the service until SIGTERM or SIGINT."""
    log_as_json()
    service = Service(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    service.run()
