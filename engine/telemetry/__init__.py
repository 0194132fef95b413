"""What Tieline says of itself: ``/metrics`` for Prometheus, ``/healthz`` and ``/readyz`` for whoever restarts it.

The hot path counts in plain integers; one collector reads them when it is scraped. Names and units follow
https://prometheus.io/docs/practices/naming/. No label carries an address, a user or anything else out of a record.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from engine.telemetry.server import Probe, TelemetryServer

Readings = Mapping[tuple[str, ...], "float | Histogram"]
"""Label values in the family's order to what is counted; ``{(): 3}`` where a family has no labels."""

_OTHER = "other"
_READ_ATTEMPTS = 3


class Histogram:
    """
    >>> waits = Histogram((0.1, 1.0))
    >>> waits.observe(0.05), waits.observe(3.0)
    (None, None)
    >>> waits.cumulative(), waits.sum
    ([('0.1', 1), ('1.0', 1), ('+Inf', 2)], 3.05)
    """

    LATENCY: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

    def __init__(self, bounds: tuple[float, ...] = LATENCY) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, int]]:
        total = 0
        out = []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), tuple(self._counts), strict=True):
            total += count
            out.append((bound, total))
        return out


class Heartbeat:
    """Whether a loop still turns: it calls ``beat`` each round, also while it waits for a sink that is down."""

    def __init__(self, patience_s: float = 60.0) -> None:
        self._patience_s = patience_s
        self._last = time.monotonic()

    def beat(self) -> None:
        self._last = time.monotonic()

    def moving(self) -> bool:
        return time.monotonic() - self._last <= self._patience_s


class Kind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Family(msgspec.Struct, frozen=True):
    """``name`` as it is scraped. ``most`` label sets are shown; what comes later is added up under ``other``."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    most: int = 100


def _table(*rows: tuple[str, Kind, tuple[str, ...], int, str]) -> dict[str, Family]:
    return {name: Family(name, kind, text, labels, most) for name, kind, labels, most, text in rows}


_RULES = 5_000
FAMILIES = _table(
    ("tieline_build_info", Kind.GAUGE, ("version", "python"), 1, "Always 1; the labels say what runs."),
    ("tieline_records_total", Kind.COUNTER, ("source",), 200, "Records that a source delivered."),
    ("tieline_received_bytes_total", Kind.COUNTER, ("source",), 200, "Bytes that a source delivered."),
    ("tieline_events_total", Kind.COUNTER, ("format",), 500, "Events made of records."),
    ("tieline_parse_failures_total", Kind.COUNTER, (), 1, "Records that no format took."),
    ("tieline_partial_events_total", Kind.COUNTER, ("format",), 500, "Events of which only the envelope was read."),
    ("tieline_format_faults_total", Kind.COUNTER, ("format",), 500, "Records on which a format's own code failed."),
    ("tieline_truncated_events_total", Kind.COUNTER, ("source",), 200, "Events whose record was cut at a bound."),
    ("tieline_dead_letters_total", Kind.COUNTER, ("kind",), 10, "Records and alerts kept aside, with the reason."),
    ("tieline_dead_letters_lost_total", Kind.COUNTER, ("reason",), 10, "Dead letters given up: disk or retention."),
    ("tieline_source_up", Kind.GAUGE, ("source",), 200, "1 while the source listens or is connected."),
    ("tieline_source_errors_total", Kind.COUNTER, ("source",), 200, "Failures of a source that it retried."),
    ("tieline_source_dropped_total", Kind.COUNTER, ("source", "reason"), 500, "Records lost before us, or refused."),
    ("tieline_source_lag_records", Kind.GAUGE, ("source",), 200, "Records that wait at the source."),
    (
        "tieline_source_last_record_timestamp_seconds",
        Kind.GAUGE,
        ("source",),
        200,
        "When it last delivered, by our clock.",
    ),
    ("tieline_watermark_timestamp_seconds", Kind.GAUGE, (), 1, "Event time up to which everything is decided."),
    ("tieline_watermark_lag_seconds", Kind.GAUGE, (), 1, "Clock less watermark."),
    ("tieline_clock_jumps_total", Kind.COUNTER, (), 1, "Event times too far ahead of receipt, corrected."),
    ("tieline_matches_total", Kind.COUNTER, ("rule", "level"), _RULES, "Detections, also silenced ones."),
    ("tieline_alerts_total", Kind.COUNTER, ("rule", "level"), _RULES, "Alerts opened (revision 0)."),
    ("tieline_alert_revisions_total", Kind.COUNTER, ("rule", "level"), _RULES, "Later revisions of open alerts."),
    ("tieline_late_matches_total", Kind.COUNTER, (), 1, "Matches later than the watermark."),
    (
        "tieline_missing_key_total",
        Kind.COUNTER,
        ("rule",),
        _RULES,
        "Matches without the key their correlation groups by.",
    ),
    ("tieline_evicted_total", Kind.COUNTER, ("what",), 100, "State given up at a bound, before its time."),
    ("tieline_correlation_groups", Kind.GAUGE, (), 1, "Groups that correlations keep state for."),
    ("tieline_rule_evaluation_seconds_total", Kind.COUNTER, ("rule",), _RULES, "Time spent in a rule's evaluation."),
    ("tieline_rule_evaluations_total", Kind.COUNTER, ("rule",), _RULES, "Evaluations of a rule."),
    ("tieline_rules", Kind.GAUGE, ("state",), 10, "Rules by state: enabled, disabled."),
    (
        "tieline_config_last_reload_successful",
        Kind.GAUGE,
        (),
        1,
        "1 when the last (re)load of configuration and rules held.",
    ),
    ("tieline_config_last_reload_success_timestamp_seconds", Kind.GAUGE, (), 1, "When one last held."),
    ("tieline_rules_reloads_total", Kind.COUNTER, ("outcome",), 2, "Reloads of the rules: success, failure."),
    ("tieline_reload_dropped_total", Kind.COUNTER, ("what",), 10, "State of rules that a reload changed or removed."),
    ("tieline_queue_depth", Kind.GAUGE, ("queue",), 200, "Entries that wait in a bounded queue."),
    ("tieline_queue_capacity", Kind.GAUGE, ("queue",), 200, "Entries that it holds before it pushes back."),
    ("tieline_sink_up", Kind.GAUGE, ("sink",), 100, "0 while a sink does not take what we send."),
    ("tieline_sink_written_total", Kind.COUNTER, ("sink",), 100, "Documents that are durable in the sink."),
    ("tieline_sink_failures_total", Kind.COUNTER, ("sink",), 100, "Writes that failed and are tried again."),
    ("tieline_sink_retries_total", Kind.COUNTER, ("sink",), 100, "Writes tried again."),
    ("tieline_sink_refused_total", Kind.COUNTER, ("sink",), 100, "Documents refused for good: see the dead letters."),
    (
        "tieline_sink_repeated_total",
        Kind.COUNTER,
        ("sink",),
        100,
        "Documents not sent because they were there already.",
    ),
    ("tieline_sink_write_seconds", Kind.HISTOGRAM, ("sink",), 100, "Time of one successful batch."),
    ("tieline_checkpoints_total", Kind.COUNTER, (), 1, "Checkpoints stored."),
    ("tieline_checkpoint_timestamp_seconds", Kind.GAUGE, (), 1, "When the last one was stored."),
    ("tieline_scrape_failures_total", Kind.COUNTER, ("family",), 100, "Families that could not be read at a scrape."),
)


class Telemetry:
    """
    >>> telemetry = Telemetry()
    >>> telemetry.register("tieline_queue_depth", lambda: {("stages",): 3})
    >>> [sample.value for metric in telemetry.collect() for sample in metric.samples]
    [3.0]
    """

    def __init__(self, *, alive: Probe | None = None, ready: Probe | None = None) -> None:
        self.alive: Probe = alive or _always
        self.ready: Probe = ready or _always
        self._readers: dict[str, list[Callable[[], Readings]]] = {}
        self._shown: dict[str, set[tuple[str, ...]]] = {name: set() for name in FAMILIES}
        self._failures: dict[tuple[str, ...], float] = {}
        self._server: TelemetryServer | None = None
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def register(self, family: str, read: Callable[[], Readings]) -> None:
        """``read`` is called at each scrape, on another thread; readers of one family are added up."""
        self._readers.setdefault(FAMILIES[family].name, []).append(read)

    def start(self, host: str, port: int) -> int:
        """Serves until ``stop``; the port it got (``port`` 0: a free one). A port in use is a TelemetryError."""
        self._server = TelemetryServer(host, port, self.registry, lambda: self.alive(), lambda: self.ready())
        return self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: else the registry would collect once to find the names out."""
        return ()

    def collect(self) -> Iterator[Metric]:
        for name, readers in list(self._readers.items()):
            family = FAMILIES[name]
            readings = self._read(family, readers)
            if readings:
                yield _metric(family, readings)
        if self._failures:
            yield _metric(FAMILIES["tieline_scrape_failures_total"], dict(self._failures))

    def _read(
        self, family: Family, readers: list[Callable[[], Readings]]
    ) -> dict[tuple[str, ...], "float | Histogram"]:
        for _ in range(_READ_ATTEMPTS):
            try:
                return self._capped(family, [item for read in readers for item in read().items()])
            except RuntimeError:  # a dict that the stage thread was just adding to
                continue
        self._failures[(family.name,)] = self._failures.get((family.name,), 0) + 1
        return {}

    def _capped(
        self, family: Family, items: list[tuple[tuple[str, ...], "float | Histogram"]]
    ) -> dict[tuple[str, ...], "float | Histogram"]:
        shown = self._shown[family.name]
        out: dict[tuple[str, ...], float | Histogram] = {}
        for labels, value in items:
            if labels not in shown:
                if len(shown) < family.most:
                    shown.add(labels)
                else:
                    labels = (_OTHER,) * len(family.labels)
            if isinstance(value, Histogram):
                out[labels] = value
            else:
                before = out.get(labels, 0.0)
                out[labels] = value if isinstance(before, Histogram) else before + value
        return out


def _metric(family: Family, readings: Readings) -> Metric:
    metric: CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
    if family.kind is Kind.HISTOGRAM:
        metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        for labels, value in readings.items():
            if isinstance(value, Histogram):
                metric.add_metric(list(labels), value.cumulative(), value.sum)
        return metric
    shape = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = shape(family.name, family.help, labels=family.labels)
    for labels, value in readings.items():
        if not isinstance(value, Histogram):
            metric.add_metric(list(labels), float(value))
    return metric


def _always() -> tuple[bool, dict[str, object]]:
    return True, {}
