"""What the stages count, under the names of ``engine.telemetry``."""

import platform
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from engine.app import Pipeline
from engine.parsing.parser import Parser
from engine.telemetry import Readings, Telemetry


def publish_parser(telemetry: Telemetry, parser: Parser) -> None:
    telemetry.register("tieline_events_total", lambda: {(name,): n for name, n in parser.by_format.items()})
    telemetry.register("tieline_partial_events_total", lambda: {(name,): n for name, n in parser.partial.items()})
    telemetry.register(
        "tieline_format_faults_total", lambda: {(name or "auto",): n for name, n in parser.faults.items()}
    )
    telemetry.register("tieline_parse_failures_total", lambda: {(): parser.stats["dead_letters"]})
    telemetry.register("tieline_clock_jumps_total", lambda: {(): parser.stats["clock_corrected"]})
    telemetry.register("tieline_evicted_total", lambda: {("sessions",): parser.stats["sessions_evicted"]})


def publish_pipeline(telemetry: Telemetry, pipeline: Pipeline) -> None:
    """Asks the pipeline anew each time: a reload gives it another detector and another correlator."""

    def by_rule(counts: Mapping[str, int]) -> Readings:
        heads = pipeline.heads
        return {(heads[rule].label, heads[rule].level): n for rule, n in counts.items() if n and rule in heads}

    def per_rule(name: str) -> Readings:
        heads = pipeline.heads
        return {
            (heads[rule].label,): counts[name]
            for rule, counts in pipeline.correlator.rule_stats.items()
            if counts.get(name) and rule in heads
        }

    def costs() -> Readings:
        heads = pipeline.heads
        spent = pipeline.detector.stats.cost_ns
        return {(heads[rule].label,): ns / 1e9 for rule, ns in spent.items() if rule in heads}

    def evicted() -> Readings:
        stats = pipeline.correlator.stats
        return {("correlation",): stats.get("evicted", 0)}

    def lag() -> Readings:
        watermark = pipeline.correlator.watermark
        return {} if watermark is None else {(): max(0.0, (time.time_ns() - watermark) / 1e9)}

    def watermark_at() -> Readings:
        watermark = pipeline.correlator.watermark
        return {} if watermark is None else {(): watermark / 1e9}

    telemetry.register("tieline_matches_total", lambda: by_rule(pipeline.detector.stats.hits))
    telemetry.register("tieline_alerts_total", lambda: by_rule(pipeline.by_rule))
    telemetry.register("tieline_alert_revisions_total", lambda: by_rule(pipeline.revisions))
    telemetry.register("tieline_late_matches_total", lambda: {(): pipeline.correlator.stats.get("late", 0)})
    telemetry.register("tieline_missing_key_total", lambda: per_rule("missing_key"))
    telemetry.register("tieline_correlation_groups", lambda: {(): pipeline.correlator.stats.get("groups", 0)})
    telemetry.register("tieline_evicted_total", evicted)
    telemetry.register("tieline_watermark_lag_seconds", lag)
    telemetry.register("tieline_watermark_timestamp_seconds", watermark_at)
    telemetry.register("tieline_rule_evaluation_seconds_total", costs)
    telemetry.register(
        "tieline_rules",
        lambda: {("enabled",): len(pipeline.heads), ("disabled",): len(pipeline.ruleset.disabled)},
    )


def publish_build(telemetry: Telemetry) -> None:
    try:
        ours = version("tieline")
    except PackageNotFoundError:
        ours = "unknown"
    telemetry.register("tieline_build_info", lambda: {(ours, platform.python_version()): 1})
