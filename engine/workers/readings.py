"""What a worker counts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.readings import publish_build
from engine.telemetry import Readings, Telemetry

if TYPE_CHECKING:
    from engine.workers.worker import Worker


def publish(worker: "Worker") -> Telemetry | None:
    """Serves the metrics of a worker, where the configuration says so."""
    listen = worker.config.metrics.listen
    if listen is None:
        return None
    telemetry = Telemetry(alive=lambda: (worker.heartbeat.moving(), {}), ready=worker.ready)
    publish_build(telemetry)
    heads, pipeline = worker.heads(), worker.pipeline

    def by_rule(counts: Mapping[str, int]) -> Readings:
        return {heads[rule]: n for rule, n in counts.items() if n and rule in heads}

    def total(name: str) -> Readings:
        return {(): sum(correlator.stats.get(name, 0) for correlator in worker.correlators())}

    def evicted() -> Readings:
        return {("correlation",): sum(correlator.stats.get("evicted", 0) for correlator in worker.correlators())}

    telemetry.register("tieline_matches_total", lambda: by_rule(pipeline.detector.stats.hits))
    telemetry.register("tieline_alerts_total", lambda: by_rule(pipeline.by_rule))
    telemetry.register("tieline_alert_revisions_total", lambda: by_rule(pipeline.revisions))
    telemetry.register("tieline_late_matches_total", lambda: total("late"))
    telemetry.register("tieline_correlation_groups", lambda: total("groups"))
    telemetry.register("tieline_evicted_total", evicted)
    telemetry.register("tieline_checkpoint_timestamp_seconds", lambda: {(): worker.saved_at})
    telemetry.register("tieline_checkpoints_total", lambda: {(): worker.stats["transactions"]})
    telemetry.register("tieline_source_up", lambda: {(worker.source.name,): int(worker.up)})
    telemetry.register("tieline_sink_up", lambda: {(worker.sink.name,): int(worker.up)})
    worker.rules.publish(telemetry)
    worker.dead_letters.publish(telemetry)
    host, _, port = listen.rpartition(":")
    telemetry.start(host.strip("[]"), int(port))
    return telemetry
