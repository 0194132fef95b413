"""One partition of events: stand-alone alerts, and matches for the correlations of whoever has their group."""

from collections.abc import Sequence
from typing import Any

from engine.app import Pipeline, formats, framing_for
from engine.config.kafka import KafkaSource
from engine.correlate.routing import Routing
from engine.enrich.process_image import ProcessImage
from engine.model import Chunk, DeadLetter, Event, Match
from engine.parsing.parser import Parsed, Parser
from engine.parsing.reads import ReadAggregation
from engine.parsing.repeats import Repeats
from engine.sinks.kafka_transactions import Outgoing
from engine.sources.kafka_partitions import Record
from engine.workers.task import Shared
from engine.workers.wire import clock_record, match_record

_MILLION = 1_000_000


class Detection:
    """``feed`` is a function of the partition's log; ``idle`` moves the clock of one that was read to its end."""

    def __init__(
        self, stream: str, settings: KafkaSource, pipeline: Pipeline, routing: Routing, shared: Shared
    ) -> None:
        self._stream = stream
        self._source = f"{settings.name}:{stream}"
        self._framing = framing_for(settings)
        self._parser = Parser(formats())
        self._repeats = Repeats()
        self._reads = None if pipeline.reads is None else ReadAggregation(pipeline.reads.interval_ns)
        self._image = ProcessImage()
        self._pipeline = pipeline
        self._silenced = pipeline.silenced
        self._routing = routing
        self._shared = shared
        self._clock: int | None = None

    def feed(self, records: Sequence[Record], *, muted: bool = False) -> list[Outgoing]:
        chunks = [
            Chunk(record.value, self._source, self._stream, record.timestamp_ms * _MILLION, record.offset)
            for record in records
        ]
        out: list[Outgoing] = []
        for chunk in chunks:
            frames = self._framing.feed(chunk)
            for frame in frames:
                frame.source = self._source
            self._pass(self._repeats.fresh(self._source, self._parser.feed(frames)), out, muted)
        if self._clock is not None:
            self._tell(self._clock, out)
        return out

    def idle(self, wall: int, idle_ns: int) -> list[Outgoing]:
        """Nothing waits: the clock follows ours."""
        out: list[Outgoing] = []
        frames = self._framing.expire(self._source, wall, idle_ns)
        self._pass(self._parser.feed(frames) if frames else [], out, False)
        self._pass(self._parser.expire(self._source, wall), out, False)
        self._clock = wall if self._clock is None else max(self._clock, wall)
        self._tell(self._clock, out)
        return out

    def snapshot(self) -> Any:
        return [
            self._framing.snapshot(),
            self._parser.snapshot(),
            self._repeats.snapshot(),
            None if self._reads is None else self._reads.snapshot(),
            self._clock,
            self._image.snapshot(),
        ]

    def restore(self, state: Any) -> None:
        framing, parser, repeats, reads, self._clock, *later = state
        if later:
            self._image.restore(later[0])
        self._framing.restore(framing)
        self._parser.restore(parser)
        self._repeats.restore(repeats)
        if self._reads is not None and reads is not None:
            self._reads.restore(reads)

    def _pass(self, parsed: Sequence[Parsed], out: list[Outgoing], muted: bool) -> None:
        for event in parsed:
            if isinstance(event, DeadLetter):
                if not muted:
                    self._shared.bury(event)
                continue
            if self._clock is None or event.time > self._clock:
                self._clock = event.time
            self._image.observe(event)
            if self._reads is None or self._reads.passes(event):
                self._detect(event, out)

    def _detect(self, event: Event, out: list[Outgoing]) -> None:
        self._pipeline.enrichment.enrich(event)
        self._pipeline.enrichment.name_tags(event, self._image)
        for match in self._pipeline.detector.detect(event):
            if match.rule.id not in self._silenced:
                out.append(self._shared.alert(match))
            for part, key in self._routing.parts_of(match).items():
                out.append(self._wanted(match, part, key))

    def _wanted(self, match: Match, part: int, key: str) -> Outgoing:
        assert self._clock is not None
        value = match_record(match, self._source, self._clock)
        return Outgoing(self._shared.matches, key.encode("utf-8", "backslashreplace"), value, part)

    def _tell(self, clock: int, out: list[Outgoing]) -> None:
        value = clock_record(self._source, clock)
        key = self._source.encode()
        out.extend(Outgoing(self._shared.matches, key, value, part) for part in range(self._routing.parts))
