"""Everything that leaves the service: alerts to the sinks, events to Kafka, dead letters, metrics."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.app import masked, open_event_log, open_sinks
from engine.config import Config
from engine.model import Alert, DeadLetter, Event
from engine.sinks.dead_letters import DeadLetters
from engine.sinks.delivery import Delivery
from engine.sinks.documents import encoded
from engine.telemetry import Heartbeat, Telemetry


class Outlets:
    """``drain`` answers whether all that was given so far is durable: only then may a checkpoint be written."""

    def __init__(self, config: Config, heartbeat: Heartbeat) -> None:
        self.dead_letters = DeadLetters(Path(config.privacy.dead_letters), retention_days=config.privacy.retention_days)
        self.deliveries: list[Delivery] = []
        self._abandoned = threading.Event()
        self.events = None
        if config.role == "collect":
            self.events = open_event_log(
                config, refused=self._refused, stop=self._abandoned.is_set, waiting=heartbeat.beat
            )
        else:
            self.deliveries = [
                Delivery(sink, queue=queue, refused=self.dead_letters.refused, waiting=heartbeat.beat)
                for sink, queue in open_sinks(config)
            ]

    def start(self) -> None:
        self.dead_letters.start()
        for delivery in self.deliveries:
            delivery.start()
        if self.events is not None:
            self.events.start()

    def deliver(self, alerts: Sequence[Alert]) -> None:
        """Blocks while a sink's queue is full."""
        for delivery in self.deliveries:
            delivery.put(alerts)

    def collect(self, events: Iterable[Event]) -> None:
        """Events to the topic, keyed by the host they speak of (a sensor at a mirror port by its own name)."""
        if self.events is not None:
            self.events.write([(_key(event), encoded(masked(_carried(event)))) for event in events])

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        self.dead_letters.write(letters)

    def _refused(self, value: bytes, reason: str) -> None:
        """An event that the broker will never take."""
        self.dead_letters.write([DeadLetter(reason, value, "kafka", received=time.time_ns())])

    def abandon(self) -> None:
        """Whoever waits for a sink waits no more. What was not written comes again: no checkpoint is written any
        more."""
        self._abandoned.set()
        for delivery in self.deliveries:
            delivery.abandon()

    def drain(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        if self._abandoned.is_set() or (self.events is not None and not self.events.flush(timeout)):
            return False
        drained = all(d.drain(max(0.01, deadline - time.monotonic())) for d in self.deliveries)
        self.dead_letters.flush()
        return drained

    def healthy(self) -> dict[str, bool]:
        found = {delivery.name: delivery.up for delivery in self.deliveries}
        if self.events is not None:
            found[self.events.name] = self.events.up
        return found

    def positions(self) -> dict[str, Any]:
        return {delivery.name: delivery.sink.position() for delivery in self.deliveries}

    def restore(self, positions: Mapping[str, Any]) -> None:
        for delivery in self.deliveries:
            delivery.sink.restore(positions.get(delivery.name))

    def publish(self, telemetry: Telemetry) -> None:
        """Registers what the sinks and the dead letters count."""
        for delivery in self.deliveries:
            delivery.publish(telemetry)
        if self.events is not None:
            self.events.publish(telemetry)
        self.dead_letters.publish(telemetry)

    def close(self) -> None:
        for delivery in self.deliveries:
            delivery.close()
        if self.events is not None:
            self.events.close()
        self.dead_letters.close()


def _carried(event: Event) -> dict[str, Any]:
    """An event as another process of ours reads it: with where it came from."""
    document = event.document()
    document["tieline.origin"] = event.source
    return document


def _key(event: Event) -> bytes:
    fields = event.fields
    if "ot.protocol" in fields:
        return str(fields.get("observer.name") or event.source).encode("utf-8", "backslashreplace")
    host = fields.get("host.name") or fields.get("host.hostname") or fields.get("Computer") or event.source
    return str(host).casefold().encode("utf-8", "backslashreplace")
