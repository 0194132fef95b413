"""The rules of a worker stay as they are until it is restarted; who asks for others is told so."""

import logging
import threading
import time
from queue import Empty, SimpleQueue

from engine.config import Config, duration_ns
from engine.correlate.succession import Dropped
from engine.reloading import Listing, RuleFiles, add_dropped
from engine.telemetry import Telemetry

log = logging.getLogger("tieline")

_REFUSED = "rules not reloaded, the old ones stay: a worker of a Kafka group reads its rules at its start; restart it"


class FixedRules:
    """Which partition has a group follows from the rules, and workers do not all change theirs at one moment.

    Made before the rules are read. ``asked`` takes an item for each SIGHUP.
    """

    def __init__(self, config: Config, asked: "SimpleQueue[bool]") -> None:
        self._asked = asked
        self._every_s = None if config.rules_reload is None else duration_ns(config.rules_reload) / 1e9
        self._files = RuleFiles(config)
        self._judged = self._seen = self._files.listing()
        self._known = self._files.digest()
        self._over = False
        self.began_at = time.time()
        self.current = True
        self.refused = 0
        self.dropped = {"groups": 0, "alerts": 0, "matches": 0}

    def start(self) -> None:
        threading.Thread(target=self._watch, name="rules", daemon=True).start()

    def stop(self) -> None:
        self._over = True
        self._asked.put(False)

    def count(self, dropped: Dropped) -> None:
        """State that went with rules that the worker before us had."""
        add_dropped(self.dropped, dropped)

    def publish(self, telemetry: Telemetry) -> None:
        telemetry.register("tieline_config_last_reload_successful", lambda: {(): int(self.current)})
        telemetry.register("tieline_config_last_reload_success_timestamp_seconds", lambda: {(): self.began_at})
        telemetry.register("tieline_rules_reloads_total", lambda: {("failure",): self.refused})
        telemetry.register("tieline_reload_dropped_total", lambda: {(key,): n for key, n in self.dropped.items()})

    def _watch(self) -> None:
        while True:
            try:
                self._asked.get(timeout=self._every_s)
                asked = True
            except Empty:
                asked = False
            if self._over:
                return
            self.look(asked)

    def look(self, asked: bool) -> None:
        """Says once of every change, and whenever it is asked, that the files are others than those in use."""
        listing: Listing = self._files.listing()
        if not asked and (listing == self._judged or listing != self._seen):
            self._seen = listing  # files that are just being written are judged when they keep still
            return
        self._judged = self._seen = listing
        self.current = self._files.digest() == self._known
        if not self.current:
            self.refused += 1
            log.error(_REFUSED)
        elif asked:
            log.info("SIGHUP: the rules in use are those of the files")
