"""One worker of a group: its tasks come and go with the partitions that the group gives it."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec

from engine.app import Pipeline, enrichment, lateness, limits, pipeline, settle, usable_rules
from engine.config import Config, duration_ns
from engine.config.kafka import KafkaSource
from engine.config.sinks import KafkaSink
from engine.correlate.correlator import Correlator
from engine.correlate.routing import Routing
from engine.model import DeadLetter, Match
from engine.sinks.dead_letters import DeadLetters
from engine.sinks.documents import encoded
from engine.sinks.kafka_transactions import Outgoing, Transactions, make_topics
from engine.sinks.sink import SinkUnavailable
from engine.sources.kafka_partitions import Partitions, Record, Snapshots, Unavailable
from engine.telemetry import Heartbeat
from engine.workers.correlation import Correlation
from engine.workers.detection import Detection
from engine.workers.fixed_rules import FixedRules
from engine.workers.readings import publish
from engine.workers.task import Running, Shared, Task

log = logging.getLogger("tieline")

_LOOK_S = 1.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0


class Worker:
    """``run`` returns when ``stop`` was called and the transaction in hand is committed. Whatever comes into ``reload``
    asks for the rules anew, which is refused."""

    def __init__(self, config: Config, reload: "SimpleQueue[bool] | None" = None) -> None:
        source, sink = config.sources[0], config.sinks[0]
        assert isinstance(source, KafkaSource)
        assert isinstance(sink, KafkaSink)
        self.config, self.source, self.sink = config, source, sink
        self.rules = FixedRules(config, SimpleQueue() if reload is None else reload)
        enriched = enrichment(config)
        ruleset = usable_rules([Path(name) for name in config.rules], config, enriched)
        self._lateness_ns = lateness(config, None, "10s")
        self.pipeline: Pipeline = pipeline(ruleset, config, enriched, lateness_ns=self._lateness_ns, live=True)
        self.heartbeat = Heartbeat()
        self.dead_letters = DeadLetters(Path(config.privacy.dead_letters), retention_days=config.privacy.retention_days)
        self.shared = Shared(config.state.matches, self._alert, self._bury)
        self.tasks: dict[str, Running] = {}
        self.up = False
        self.saved_at = 0.0
        self.stats = {"rebuilt": 0, "transactions": 0, "failures": 0, "lost": 0, "refused": 0}
        self._stop = threading.Event()
        self._snapshots = Snapshots(source, config.state.snapshots)
        self._routing: Routing | None = None
        self._partitions: Partitions | None = None
        self._events: list[str] = []
        self._idle_ns = duration_ns(config.time.idle_after)
        self._every_s = duration_ns(config.state.every) / 1e9
        self._opening: dict[str, float] = {}

    def stop(self) -> None:
        self._stop.set()

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether the group has let us in, and we have what it gave us."""
        return self.up and not self._opening, {"tasks": sorted(self.tasks)}

    def run(self) -> None:
        telemetry = publish(self)
        self.dead_letters.start()
        self.rules.start()
        settle()
        pause = _FIRST_PAUSE_S
        try:
            while not self._stop.is_set():
                try:
                    self._join()
                    log.info("started", extra={"role": "detect", "group": self.source.group})
                    pause = _FIRST_PAUSE_S
                    while not self._stop.is_set():
                        self._turn()
                except (Unavailable, SinkUnavailable) as error:
                    log.warning("Kafka is unavailable, trying again: %s", error)
                    self.stats["failures"] += 1
                    self._leave()
                    self.heartbeat.beat()
                    self._stop.wait(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_S)
        finally:
            self.rules.stop()
            self._leave()
            self.dead_letters.close()
            if telemetry is not None:
                telemetry.stop()
        log.info("stopped", extra={"transactions": self.stats["transactions"]})

    def _join(self) -> None:
        state = self.config.state
        make_topics(self.sink, self.source.topics, state.matches, state.snapshots)
        partitions = self._partitions = Partitions(self.source, [*self.source.topics, state.matches])
        parts = partitions.numbers(state.matches)
        self._events = [f"{topic}/{number}" for topic in self.source.topics for number in partitions.numbers(topic)]
        if not parts or not self._events:
            raise Unavailable(f"no partitions of {state.matches}, or of {', '.join(self.source.topics)}, are known yet")
        self._routing = Routing(self.pipeline.ruleset.correlations, len(parts))

    def _leave(self) -> None:
        for running in self.tasks.values():
            running.transactions.close()
        self.tasks.clear()
        self._opening.clear()
        self.up = False
        if self._partitions is not None:
            self._partitions.close()
            self._partitions = None

    def _turn(self) -> None:
        """One look at the group, and one transaction for every task that has something to do."""
        assert self._partitions is not None
        found = self._partitions.poll()
        self.heartbeat.beat()
        taken, given = self._partitions.changes()
        for stream in taken:
            self._forget(stream)
        for stream in given:
            self._opening[stream] = 0.0
        self.up = self.up or bool(given or taken)
        now = time.monotonic()
        for stream, when in list(self._opening.items()):
            if when <= now:
                self._open(stream)
        for stream, records in found.items():
            running = self.tasks.get(stream)
            if running is not None and records and records[0].offset >= running.offset:
                self._attempt(running, records)
        for running in list(self.tasks.values()):
            self._rest(running, now)

    def _forget(self, stream: str) -> None:
        self._opening.pop(stream, None)
        running = self.tasks.pop(stream, None)
        if running is not None:
            running.transactions.close()

    def _again(self, stream: str, error: Exception) -> None:
        """The task's memory may be ahead of the log: it is built anew from there."""
        log.warning("the work on %s is taken up again: %s", stream, error)
        self.stats["failures"] += 1
        self._forget(stream)
        self._opening[stream] = time.monotonic() + _FIRST_PAUSE_S

    def _open(self, stream: str) -> None:
        assert self._partitions is not None
        name = f"{self.source.group}/{stream}"
        transactions = None
        try:
            # First of all: what the owner before us has begun is ended, and it can begin nothing more.
            transactions = Transactions(self.sink, f"tieline/{name}", self.source.group)
            committed = self._partitions.committed(stream)
            first, end = self._partitions.bounds(stream)
            task, offset = self._restored(stream, name)
            begin = first if committed is not None or self._begins_early(stream) else end
            if offset is None or offset < first:
                lost = first - (offset or 0) if committed is not None else 0
                self.stats["lost"] += max(0, lost)
            else:
                begin = offset
            running = Running(stream, name, task, transactions, begin)
            running.muted_until = begin if committed is None else max(begin, committed)
            running.heard_at = time.monotonic()
            self._partitions.begin(stream, begin)
        except (Unavailable, SinkUnavailable) as error:
            if transactions is not None:
                transactions.close()
            self._opening[stream] = time.monotonic() + _FIRST_PAUSE_S
            log.warning("the work on %s could not be taken up: %s", stream, error)
            return
        self._opening.pop(stream, None)
        self.tasks[stream] = running
        self.stats["rebuilt"] += running.muted_until - begin
        log.info("took up", extra={"stream": stream, "offset": begin, "decided": running.muted_until})

    def _begins_early(self, stream: str) -> bool:
        return self.source.begin == "earliest" or stream not in self._events

    def _restored(self, stream: str, name: str) -> tuple[Task, int | None]:
        """The task with its newest snapshot, and the offset that this stands at."""
        task = self._task(stream)
        body = self._snapshots.newest(name, self._home(stream))
        if body is None:
            return task, None
        try:
            offset, state = msgspec.msgpack.decode(body)
            task.restore(state)
        except (msgspec.DecodeError, ValueError, TypeError, KeyError) as error:
            log.warning("the snapshot of %s cannot be used, the log is read from its beginning: %s", stream, error)
            return self._task(stream), None
        if isinstance(task, Correlation):
            self.rules.count(task.correlator.dropped)
        return task, int(offset)

    def _task(self, stream: str) -> Task:
        assert self._routing is not None
        if stream in self._events:
            return Detection(stream, self.source, self.pipeline, self._routing, self.shared)
        part = int(stream.rpartition("/")[2])
        ruleset = self.pipeline.ruleset
        correlator = Correlator(
            ruleset.correlations,
            lateness_ns=self._lateness_ns,
            limits=limits(self.config),
            owns=partial(self._routing.owns, part),
            definitions=ruleset.definitions,
        )
        heads = {rule.head.id: rule.head for rule in ruleset.detections}
        sources = [f"{self.source.name}:{events}" for events in self._events]
        return Correlation(correlator, heads, self.pipeline.silenced, sources, self.shared)

    def _home(self, stream: str) -> int:
        """The partition of the topic of snapshots."""
        assert self._routing is not None
        return int(stream.rpartition("/")[2]) % self._routing.parts

    def _attempt(self, running: Running, records: Sequence[Record]) -> None:
        running.heard_at = time.monotonic()
        outgoing = running.feed(records)
        if outgoing is not None:
            self._commit(running, outgoing)

    def _rest(self, running: Running, now: float) -> None:
        """A partition that is read to its end and has been quiet follows the clock."""
        assert self._partitions is not None
        quiet_ns = (now - running.heard_at) * 1e9
        if running.stream not in self._events or quiet_ns < self._idle_ns or now - running.looked_at < _LOOK_S:
            return
        running.looked_at = now
        position = self._partitions.position(running.stream)
        if position is not None and position >= self._partitions.bounds(running.stream)[1]:
            assert self._routing is not None
            outgoing = running.task.idle(time.time_ns(), self._idle_ns)
            if len(outgoing) > self._routing.parts:  # more than clocks: what no reading of the log again would decide
                running.saved_at = None
            self._commit(running, outgoing)

    def _commit(self, running: Running, outgoing: list[Outgoing]) -> None:
        now = time.monotonic()
        saving = running.saved_at is None or now - running.saved_at >= self._every_s
        if saving:
            home = self._home(running.stream)
            outgoing = [*outgoing, *running.snapshot(time.time_ns(), self.config.state.snapshots, home)]
        self.dead_letters.flush()
        try:
            refused = running.transactions.commit(outgoing, {running.stream: running.offset})
        except SinkUnavailable as error:
            self._again(running.stream, error)
            return
        self.stats["transactions"] += 1
        if saving:
            running.saved_at = now
            self.saved_at = time.time()
        if refused:
            self.stats["refused"] += len(refused)
            self.dead_letters.write(
                [DeadLetter(f"Kafka, topic {each.topic}: too large", each.value, "kafka") for each in refused]
            )

    def _alert(self, match: Match) -> Outgoing:
        alert = self.pipeline.alerts.alert(match)
        counts = self.pipeline.by_rule if alert.revision == 0 else self.pipeline.revisions
        counts[match.rule.id] = counts.get(match.rule.id, 0) + 1
        return Outgoing(self.sink.alerts, alert.id.encode(), encoded(alert.document))

    def _bury(self, letter: DeadLetter) -> None:
        self.dead_letters.write([letter])

    def correlators(self) -> list[Correlator]:
        """Those of the partitions that are ours."""
        return [running.task.correlator for running in self.tasks.values() if isinstance(running.task, Correlation)]

    def heads(self) -> Mapping[str, tuple[str, str]]:
        """Label and level by rule id."""
        ruleset = self.pipeline.ruleset
        heads = [rule.head for rule in ruleset.detections] + [rule.head for rule in ruleset.correlations]
        return {head.id: (head.label, head.level) for head in heads}
