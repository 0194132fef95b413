"""The service: sources in threads of their own → the stages in one → sinks in threads of their own; state on disk."""

import logging
import signal
import threading
import time
from functools import partial
from pathlib import Path
from queue import Empty, Queue, SimpleQueue
from typing import TYPE_CHECKING, Any

import msgspec

from engine.app import (
    Pipeline,
    enrichment,
    formats,
    lateness,
    pipeline,
    settle,
    usable_rules,
)
from engine.checkpoint import CheckpointError, CheckpointStore
from engine.checkpointing import Checkpointing
from engine.config import Config, duration_ns
from engine.inlet import Inlet
from engine.model import Chunk, DeadLetter, Match
from engine.outlets import Outlets
from engine.parsing.parser import Parsed, Parser
from engine.parsing.repeats import Repeats
from engine.readings import publish_build, publish_parser, publish_pipeline
from engine.reloading import Reloading
from engine.service_log import log_as_json
from engine.sources.errors import SourceError
from engine.sources.journal import Journal
from engine.sources.syslog import address
from engine.telemetry import Heartbeat, Telemetry

if TYPE_CHECKING:
    from engine.workers import Worker

log = logging.getLogger("tieline")

_BUSY_S = 0.2
_TICK_S = 0.5
_GRACE_S = 5.0
_PATIENCE_S = 20.0


class ServiceError(Exception):
    """The service cannot go on; the message says why, and the mend."""


class Service:
    """Set up whole before anything starts. ``run`` returns when ``stop`` was called and all is written, or every source
    has ended. Whatever comes into ``reload`` asks for the rules anew."""

    def __init__(self, config: Config, reload: "SimpleQueue[bool] | None" = None) -> None:
        if not config.sources:
            raise ServiceError("the configuration has no sources: nothing to read; add one under sources:")
        if config.role != "collect" and not config.sinks:
            raise ServiceError("the configuration has no sinks: alerts would go nowhere; add one under sinks:")
        self.config = config
        self._stop = threading.Event()
        self._over = threading.Event()
        self.reloading = Reloading(config, SimpleQueue() if reload is None else reload)
        self._enriched = enriched = enrichment(config)
        self.pipeline: Pipeline | None = None
        if config.role != "collect":
            ruleset = usable_rules([Path(name) for name in config.rules], config, enriched)
            if not ruleset.detections:
                where = ", ".join(config.rules)
                raise ServiceError(f"rules: {where}: there is no rule, or all are disabled; see tieline rules check")
            self.pipeline = pipeline(ruleset, config, enriched, lateness_ns=lateness(config, None, "10s"), live=True)
        self.parser = Parser(formats())
        self._repeats = Repeats()
        self.heartbeat = Heartbeat()
        self.outlets = Outlets(config, self.heartbeat)
        self._inlets: dict[str, Inlet] = {}
        for settings in config.sources:
            self._inlets[settings.name] = Inlet(settings)
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
        self._saving: Checkpointing | None = None
        self.fresh = True
        self.checkpointed_at = 0.0
        self.stats = {"checkpoints": 0, "checkpoint_bytes": 0, "checkpoints_postponed": 0}

    def stop(self) -> None:
        """Asks for the end: what was received is worked on, written and committed first."""
        self._stop.set()

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether every source listens and every sink takes what it is given."""
        sources = {name: inlet.up() for name, inlet in self._inlets.items()}
        sinks = self.outlets.healthy()
        return all(sources.values()) and all(sinks.values()), {"sources": sources, "sinks": sinks}

    def run(self) -> None:
        self._restore()
        telemetry = self._telemetry()
        try:
            self.outlets.start()
            settle()
            if self.fresh:  # a sink can only tell after a crash what it has when it knows where we began
                self._checkpoint(wait_s=0.1)
            self._replay_journal()
            threading.Thread(target=self._wait_no_longer, name="patience", daemon=True).start()
            for inlet in self._inlets.values():
                inlet.thread = threading.Thread(target=self._run_source, args=(inlet,), name=inlet.source.name)
                inlet.thread.start()
            self.reloading.start(self.pipeline, self._enriched)
            log.info("started", extra={"role": self.config.role, "sources": list(self._inlets)})
            self._loop()
        finally:
            self._stop.set()
            self._over.set()
            self.reloading.stop()
            for inlet in self._inlets.values():
                inlet.end(self._queue)
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
        for inlet in self._inlets.values():
            inlet.publish(telemetry)
        telemetry.register("tieline_queue_depth", lambda: {("stages",): self._queue.qsize()})
        telemetry.register("tieline_queue_capacity", lambda: {("stages",): self._queue.maxsize})
        telemetry.register("tieline_checkpoint_timestamp_seconds", lambda: {(): self.checkpointed_at})
        self.reloading.publish(telemetry)
        telemetry.register("tieline_checkpoints_total", lambda: {(): self.stats["checkpoints"]})
        telemetry.start(*address(self.config.metrics.listen))
        return telemetry

    def _run_source(self, inlet: Inlet) -> None:
        ended = False
        try:
            inlet.source.run(partial(self._put_pushed if inlet.pushed else self._put, inlet), self._stop)
            ended = True
        except SourceError as error:
            inlet.error = error
        except OSError as error:
            inlet.error = SourceError(f"source {inlet.source.name}: {error}")
        finally:
            if not ended:
                inlet.error = inlet.error or ServiceError(f"source {inlet.source.name} broke down")
                self._stop.set()

    def _put(self, inlet: Inlet, chunks: list[Chunk]) -> None:
        inlet.given += 1
        self._queue.put((0, chunks))

    def _put_pushed(self, inlet: Inlet, chunks: list[Chunk]) -> None:
        inlet.given += 1
        with self._push_lock:  # the journal's order is the order in which the stages see it
            self._queue.put((self.journal.append(chunks), chunks))

    def _wait_no_longer(self) -> None:
        """Asked to end, we do not wait for ever for a sink that is away."""
        self._stop.wait()
        while not self._over.wait(_PATIENCE_S):
            if not all(self.outlets.healthy().values()):
                self.outlets.abandon()
                return

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
                self._inlets[chunks[0].source].taken += 1
            self.heartbeat.beat()
            now = time.monotonic()
            if now - ticked >= _TICK_S:
                ticked = now
                self._tick(now)
            if self.reloading.take():
                saved = 0.0  # a checkpoint is to belong to the rules that are in use
            if self._saving is not None:
                self._save()
            elif now - saved >= self._every_s and self._begin_checkpoint(wait_s=1.0):
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
                frame.source = clock if frame.stream == chunk.stream else inlet.clock(frame.stream)
            parsed = self.parser.feed(frames)
            self._pass(self._repeats.fresh(clock, parsed) if inlet.shared else parsed)
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
        """That an alert has closed is no revision, and is not sent; what came late to a closed one is."""
        if decided and self.pipeline is not None:
            alert = self.pipeline.alerts.alert
            self.outlets.deliver(
                [alert(match) for match in decided if match.correlated is None or not match.correlated.closing]
            )

    def _tick(self, now: float) -> None:
        """A source that has been silent for ``idle_after``, with nothing waiting anywhere for it, follows the clock."""
        wall = time.time_ns()
        for clock, (heard, name, stream) in list(self._heard.items()):
            inlet = self._inlets[name]
            if now - heard < self._idle_s or inlet.given != inlet.taken or inlet.source.waiting(stream):
                continue
            if inlet.composite and not inlet.source.ready.is_set():
                continue  # it does not know yet what waits
            frames = inlet.framing.expire(name, wall, int(self._idle_s * 1e9))
            for frame in frames:  # of every stream of the source that has been silent for so long
                frame.source = inlet.clock(frame.stream)
            self._pass(self.parser.feed(frames) if frames else [])
            self._pass(self.parser.expire(clock, wall))
            if self.pipeline is not None:
                self._deliver(self.pipeline.tick(clock, wall))
        if self.pipeline is not None:
            for name in list(self._placeholders):
                inlet = self._inlets[name]
                if not inlet.composite or now - self._started <= self._grace_s:
                    continue
                if inlet.source.ready.is_set() and inlet.given == inlet.taken and not inlet.unheard(self._heard):
                    self._placeholders.discard(name)
                    self._deliver(self.pipeline.retire(name))

    def _checkpoint(self, *, wait_s: float) -> bool:
        """A whole checkpoint, now; False: a sink is behind."""
        self._finish_checkpoint()
        begun = self._begin_checkpoint(wait_s=wait_s)
        self._finish_checkpoint()
        return begun

    def _finish_checkpoint(self) -> None:
        while self._saving is not None:
            self._save(patiently=True)

    def _begin_checkpoint(self, *, wait_s: float) -> bool:
        """State and offsets of this moment, once every sink has what was decided; False: one is behind."""
        if not self.outlets.drain(wait_s):
            self.stats["checkpoints_postponed"] += 1
            return False
        positions = {name: dict(inlet.positions) for name, inlet in self._inlets.items()}
        value = {
            "positions": positions,
            "journal": self._journaled,
            "framing": {name: i.framing.snapshot(half_lines=i.pushed) for name, i in self._inlets.items()},
            "parser": self.parser.snapshot(),
            "repeats": self._repeats.snapshot(),
            "pipeline": None if self.pipeline is None else self.pipeline.rest(),
            "sinks": self.outlets.positions(),
            "heard": {clock: [name, stream] for clock, (_, name, stream) in self._heard.items()},
        }
        capture = None if self.pipeline is None else self.pipeline.correlator.capture(full=self.store.full())
        self._saving = Checkpointing(self.store, msgspec.msgpack.encode(value), capture, positions, self._journaled)
        return True

    def _save(self, *, patiently: bool = False) -> None:
        """A piece of the checkpoint, between batches."""
        saving = self._saving
        assert saving is not None
        try:
            if not saving.go_on(patiently=patiently):
                return
        except CheckpointError as error:
            raise ServiceError(str(error)) from None
        self._saving = None
        self.stats["checkpoints"] += 1
        self.stats["checkpoint_bytes"] = saving.size
        self.checkpointed_at = time.time()
        if self._push_lock.acquire(blocking=False):  # else a source waits for room, holding it
            try:
                self.journal.forget(saving.journaled)
            finally:
                self._push_lock.release()
        for name, inlet in self._inlets.items():
            inlet.commit(saving.positions[name])

    def _restore(self) -> None:
        self._started = time.monotonic()
        try:
            state = self.store.load()
            if state is not None and self.pipeline is not None and state["pipeline"] is not None:
                self.pipeline.restore(state["pipeline"], state.get("captures", ()))
                self.reloading.count(self.pipeline.correlator.dropped)
        except CheckpointError as error:
            raise ServiceError(str(error)) from None
        except ValueError as error:
            raise ServiceError(f"{self.store.path}: {error}; move it away and lose the state") from None
        if self.store.damaged:
            log.warning("a damaged checkpoint was passed over", extra={"damaged": self.store.damaged})
        if state is not None:
            self._journaled = state["journal"]
            self.parser.restore(state["parser"])
            self._repeats.restore(state.get("repeats", [{}, {}]))
            for name, inlet in self._inlets.items():
                inlet.positions.update(state["positions"].get(name, {}))
                inlet.source.resume(state["positions"].get(name, {}))
                if name in state["framing"]:
                    inlet.framing.restore(state["framing"][name])
            for clock, (name, stream) in state.get("heard", {}).items():
                if name in self._inlets:
                    self._heard[clock] = (self._started, name, stream)
        self.fresh = state is None
        self.outlets.restore({} if state is None else state["sinks"])
        for name, inlet in self._inlets.items():
            if not inlet.composite:
                self._heard[name] = (self._started, name, "")
            if self.pipeline is not None:
                self.pipeline.correlator.expect(name)
                self._placeholders.add(name)

    def _replay_journal(self) -> None:
        """The connections, pipes and captures of the process before us have ended, however it ended."""
        for number, chunks in self.journal.after(self._journaled):
            self._work(number, chunks)
            self.heartbeat.beat()
        self.journal.number = max(self.journal.number, self._journaled)
        for name, inlet in self._inlets.items():
            if inlet.pushed:
                self._pass(self.parser.feed(inlet.framing.finish(name)))


def _worker(config: Config, reload: "SimpleQueue[bool]") -> "Worker":
    from engine.workers import Worker  # Kafka's clients cost 0.2 s to import

    return Worker(config, reload)


def serve(config: Config) -> None:
    """Runs the service until SIGTERM or SIGINT; SIGHUP loads the rules anew."""
    log_as_json()
    reload: SimpleQueue[bool] = SimpleQueue()  # put is the one thing here that a signal may do at any moment
    signal.signal(signal.SIGHUP, lambda *_: reload.put(True))
    service = Service(config, reload) if config.state.kind == "embedded" else _worker(config, reload)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    service.run()
