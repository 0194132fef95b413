"""The composition root: the only file that knows every stage, and joins them."""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine.alert.alerts import Alerts
from engine.alert.masking import mask_document
from engine.catalogue import formats as formats
from engine.config import Config, ThisFile, duration_ns, zone_of
from engine.config.kafka import KafkaSource
from engine.config.sinks import ElasticsearchSink, KafkaSink, NdjsonSink, SqliteSink
from engine.config.sources import FileSource, PacketSource, StdinSource, SyslogSource
from engine.correlate.capture import merged
from engine.correlate.correlator import Correlator
from engine.correlate.limits import Limits
from engine.correlate.succession import Dropped
from engine.detect.detector import Detector
from engine.enrich.assets import Asset, Zone, read_assets
from engine.enrich.enrichment import Enrichment
from engine.enrich.process_image import ProcessImage
from engine.framing.framing import FILE_RECORD_BYTES, Framing
from engine.model import Chunk, DeadLetter, Match
from engine.parsing.parser import Parsed
from engine.parsing.reads import INTERVAL_NS, ReadAggregation
from engine.ruleset import cache as kept_rules
from engine.ruleset.cache_folder import standard_folder
from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.detection import DetectionRule
from engine.ruleset.ruleset import Ruleset
from engine.sinks.ndjson import NdjsonFile, NdjsonStdout
from engine.sinks.sink import Sink
from engine.sinks.sqlite import SqliteSink as SqliteStore
from engine.sources.files import Files, Stdin

if TYPE_CHECKING:
    from engine.sinks.kafka_events import KafkaEvents

SHIPPED_RULES = Path(__file__).parent.parent / "rules"
REPLAY_LATENESS = "30s"


def framing_for(settings: object) -> Framing:
    """The framing of a configured source."""
    kind = "lines"
    if isinstance(settings, SyslogSource):
        kind = "records" if settings.transport == "udp" else "syslog"
    elif isinstance(settings, KafkaSource):
        kind = "records"
    chosen = getattr(settings, "format", "auto")
    zone = getattr(settings, "timezone", None)
    return Framing(
        formats(),
        kind=kind,
        format=None if chosen == "auto" else chosen,
        zone=None if zone is None else zone_of(zone),
        max_bytes=getattr(settings, "max_record_bytes", FILE_RECORD_BYTES),
    )


class RulesAtWork:
    """A rule set as the stages run it, with the enrichment that it was read with: made in any thread."""

    def __init__(
        self, ruleset: Ruleset, enrichment: Enrichment, lateness_ns: int, limits: Limits, zone: tzinfo | None
    ) -> None:
        self.ruleset = ruleset
        self.enrichment = enrichment
        self.alerts = Alerts(consequence=enrichment.consequence)
        self.detector = Detector(ruleset.detections, zone=zone, timer=time.perf_counter_ns)
        self.correlator = Correlator(
            ruleset.correlations, lateness_ns=lateness_ns, limits=limits, definitions=ruleset.definitions
        )
        rules: list[DetectionRule | CorrelationRule] = [*ruleset.detections, *ruleset.correlations]
        self.silenced = frozenset(rule.head.id for rule in rules if rule.silenced)
        self.heads = {rule.head.id: rule.head for rule in rules}


class Pipeline:
    """Events → what is to be alerted: enrich, detect, correlate; ``alerts.alert`` then makes the document.

    ``process`` gives every revision in the order of decision, and of an alert that closes its last revision once more,
    with ``closed_by``. ``on_match`` sees every detection, silenced ones too.
    Unless ``live``, a record without a time says nothing of its source's clock: a file's time is behind all of it.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        enrichment: Enrichment,
        *,
        lateness_ns: int,
        limits: Limits | None = None,
        rule_zone: tzinfo | None = None,
        reads_ns: int = INTERVAL_NS,
        on_match: Callable[[Match], None] | None = None,
        live: bool = False,
    ) -> None:
        self._live = live
        self._setting = (lateness_ns, limits or Limits(), rule_zone)
        self._use(RulesAtWork(ruleset, enrichment, *self._setting))
        self.reads = ReadAggregation(reads_ns) if reads_ns else None
        self.image = ProcessImage()
        self._on_match = on_match
        self.by_rule: dict[str, int] = {}
        self.revisions: dict[str, int] = {}

    def _use(self, rules: RulesAtWork) -> None:
        self.ruleset, self.heads, self.silenced = rules.ruleset, rules.heads, rules.silenced
        self.enrichment, self.alerts = rules.enrichment, rules.alerts
        self.detector, self.correlator = rules.detector, rules.correlator

    def prepare(self, ruleset: Ruleset, enrichment: Enrichment) -> RulesAtWork:
        """Other rules made ready for ``replace``: in any thread, while the stages go on with those they have."""
        rules = RulesAtWork(ruleset, enrichment, *self._setting)
        rules.detector.prepare(self.detector)
        return rules

    def replace(self, rules: RulesAtWork) -> Dropped:
        """Other rules from the next event on, each with the state and the counts that it had; what had to be dropped
        of them. The rules that were used until now are of no use any more."""
        rules.correlator.take_over(self.correlator)
        rules.detector.take_over(self.detector)
        self._use(rules)
        for counts in (self.by_rule, self.revisions):
            for rule in counts.keys() - self.heads.keys():
                del counts[rule]
        return rules.correlator.dropped

    def process(self, events: Iterable[Parsed]) -> list[Match]:
        out: list[Match] = []
        live = self._live
        tick, detect, enrich = self.correlator.tick, self.detector.detect, self.enrichment.enrich
        reads, feeds = self.reads, self.correlator.feeds
        image, name_tags = self.image, self.enrichment.name_tags
        for event in events:
            if isinstance(event, DeadLetter):
                continue
            if live or event.fields.get("tieline.time") != "assumed":
                decided = tick(event.source, event.time)
                if decided:
                    self._raise(decided, out)
            is_ot = "ot.operation" in event.fields
            if is_ot:
                image.observe(event)
                if reads is not None and not reads.passes(event):
                    continue
            enrich(event)
            if is_ot:
                name_tags(event, image)
            for match in detect(event):
                if self._on_match is not None:
                    self._on_match(match)
                if match.rule.id not in self.silenced:
                    self._count(match)
                    out.append(match)
                if match.rule.id in feeds:
                    decided = self.correlator.add(match)
                    if decided:
                        self._raise(decided, out)
        return out

    def tick(self, source: str, now: int) -> list[Match]:
        """A source's clock without an event."""
        out: list[Match] = []
        self._raise(self.correlator.tick(source, now), out)
        return out

    def retire(self, source: str) -> list[Match]:
        """A source has ended: nothing waits for it any more."""
        out: list[Match] = []
        self._raise(self.correlator.retire(source), out)
        return out

    def finish(self) -> list[Match]:
        """The input has ended: the watermark moves to infinity."""
        out: list[Match] = []
        self._raise(self.correlator.finish(), out)
        return out

    def _raise(self, decided: Sequence[Match], out: list[Match]) -> None:
        for match in decided:
            if match.rule.id not in self.silenced:
                self._count(match)
                out.append(match)

    def _count(self, match: Match) -> None:
        correlated = match.correlated
        if correlated is None or not correlated.closing:
            counts = self.by_rule if correlated is None or correlated.revision == 0 else self.revisions
            counts[match.rule.id] = counts.get(match.rule.id, 0) + 1

    def dearest(self, count: int) -> list[tuple[int, int, str]]:
        """The rules that cost most: (nanoseconds, hits, title), dearest first."""
        heads = {rule.head.id: rule.head for rule in self.ruleset.detections}
        hits, cost = self.detector.stats.hits, self.detector.stats.cost_ns
        ranked = sorted(((cost.get(key, 0), hits.get(key, 0), head.title) for key, head in heads.items()), reverse=True)
        return ranked[:count]

    def snapshot(self) -> Any:
        """State as a value that msgpack can carry."""
        return {"correlate": self.correlator.snapshot(), **self.rest()}

    def rest(self) -> dict[str, Any]:
        """The state without that of the correlations, whose capture comes in pieces."""
        return {
            "reads": None if self.reads is None else self.reads.snapshot(),
            "image": self.image.snapshot(),
            "by_rule": dict(self.by_rule),
        }

    def restore(self, state: Any, captures: Sequence[tuple[bytes, Sequence[bytes]]] = ()) -> None:
        self.correlator.restore(merged(captures) if captures else state["correlate"])
        if self.reads is not None and state["reads"] is not None:
            self.reads.restore(state["reads"])
        self.image.restore(state.get("image", ()))
        self.by_rule = dict(state["by_rule"])


def settle() -> None:
    """After the set-up: rules and tables are never garbage, and events die young. Halves what the collector costs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def enrichment(config: Config | None) -> Enrichment:
    """Assets and zones as the configuration names or lists them."""
    assets: list[Asset] = []
    zones: list[Zone] = []
    names = {config.assets, config.zones} if config is not None else set()
    for name in sorted(name for name in names if isinstance(name, str)):
        more_assets, more_zones = read_assets(Path(name), within=isinstance(name, ThisFile))
        assets += more_assets
        zones += more_zones
    return Enrichment(assets, zones)


class UsageError(Exception):
    """A word on the command line means nothing; the message names it and the mend."""


class UnusableRules(Exception):
    """Rules that cannot be used; the message names every file, line and mend."""


def rules(paths: Sequence[Path], config: Config | None = None, enriched: Enrichment | None = None) -> Ruleset:
    """The rules of ``paths`` (none: the shipped ones), placeholders filled from the assets, problems included."""
    return kept_rules.load(
        list(paths) or [SHIPPED_RULES],
        placeholders=enriched.placeholders() if enriched is not None else {},
        pipelines=list(config.pipelines) if config is not None else [],
        folder=standard_folder(os.environ, _beside_state(config)),
    )


def _beside_state(config: Config | None) -> Path | None:
    """A service keeps its rules where it may write. Without sources it is a replay, which leaves nothing there."""
    return Path(f"{config.state.path}.rules") if config is not None and config.sources else None


def usable_rules(paths: Sequence[Path], config: Config | None, enriched: Enrichment) -> Ruleset:
    """The rules, or UnusableRules when one of them is broken."""
    for path in paths:
        if not path.exists():
            raise UnusableRules(f"{path}: no such file or directory; name a directory of rules")
    ruleset = rules(paths, config, enriched)
    errors = [str(problem) for problem in ruleset.problems if problem.severity == "error"]
    if errors:
        raise UnusableRules("\n".join(errors))
    return ruleset


def masked(document: dict[str, Any]) -> dict[str, Any]:
    """A document as any sink may have it: passwords masked."""
    return mask_document(document)


def limits(config: Config | None) -> Limits:
    """How much the correlations may remember."""
    if config is None:
        return Limits()
    return Limits(
        groups=config.limits.groups,
        links_per_rule=config.limits.links_per_rule,
        groups_per_rule=config.limits.groups_per_rule,
        matches_per_group=config.limits.matches_per_group,
        held=config.limits.held_matches,
    )


def pipeline(
    ruleset: Ruleset,
    config: Config | None,
    enriched: Enrichment,
    *,
    lateness_ns: int,
    on_match: Callable[[Match], None] | None = None,
    live: bool = False,
) -> Pipeline:
    """The stages behind parsing, set up as the configuration says."""
    return Pipeline(
        ruleset,
        enriched,
        lateness_ns=lateness_ns,
        limits=limits(config),
        rule_zone=zone_of(config.time.rule_timezone) if config is not None else None,
        reads_ns=duration_ns(config.limits.read_interval) if config is not None else INTERVAL_NS,
        on_match=on_match,
        live=live,
    )


def lateness(config: Config | None, given: str | None, default: str) -> int:
    """Lateness in nanoseconds: as given on the command line, else in the configuration, else the default."""
    chosen = given or (config.time.lateness if config is not None else None) or default
    try:
        return duration_ns(chosen)
    except ValueError as error:
        raise UsageError(f"--lateness: {error}") from None


class Source(Protocol):
    """What every source does: ``run`` in a thread of its own hands chunks to ``put``, which blocks while the stages are
    behind; ``waiting(stream)`` says whether more is there to be read; ``ready`` is set once it listens or reads."""

    name: str
    ready: threading.Event
    stats: dict[str, int]

    def run(self, put: Callable[[list[Chunk]], None], stop: threading.Event) -> None: ...
    def resume(self, positions: Mapping[str, int]) -> None: ...
    def waiting(self, stream: str) -> bool: ...


def open_source(settings: object) -> Source:
    """The source that its settings describe."""
    match settings:
        case SyslogSource():
            from engine.sources.syslog import SyslogTcp, SyslogUdp  # asyncio costs 0.03 s to import

            return SyslogUdp(settings) if settings.transport == "udp" else SyslogTcp(settings)
        case FileSource():
            return Files(settings)
        case StdinSource():
            return Stdin(settings)
        case PacketSource():
            from engine.sources.packets import Packets

            return Packets(settings)
        case KafkaSource():
            from engine.sources.kafka import KafkaTopics  # the client costs 0.2 s to import

            return KafkaTopics(settings)
    raise TypeError(settings)


def open_sinks(config: Config) -> list[tuple[Sink, int]]:
    """The sinks of the alerts, each with its bound of alerts that may wait for it."""
    found: list[tuple[Sink, int]] = []
    for settings in config.sinks:
        match settings:
            case NdjsonSink(path="-"):
                found.append((NdjsonStdout(settings.name), settings.queue))
            case NdjsonSink():
                found.append((NdjsonFile(Path(settings.path), settings.name), settings.queue))
            case SqliteSink():
                store = SqliteStore(Path(settings.path), settings.name, retention_days=settings.retention_days)
                found.append((store, settings.queue))
            case ElasticsearchSink():
                from engine.sinks.elasticsearch import ElasticsearchStream  # the client costs 0.3 s to import

                found.append((ElasticsearchStream(settings), settings.queue))
            case KafkaSink():
                from engine.sinks.kafka import KafkaAlerts

                found.append((KafkaAlerts(settings), settings.queue))
    return found


def open_event_log(
    config: Config,
    *,
    refused: Callable[[bytes, str], None],
    stop: Callable[[], bool],
    waiting: Callable[[], None],
) -> "KafkaEvents":
    """The topic that role ``collect`` writes its events to."""
    from engine.sinks.kafka_events import KafkaEvents

    settings = next(settings for settings in config.sinks if isinstance(settings, KafkaSink))
    return KafkaEvents(settings, refused=refused, stop=stop, waiting=waiting)
