"""The rules anew while the service runs: on SIGHUP, and when their files have changed.

They are read and made ready in a thread of their own, and taken into use by the stages' thread between two batches: an
event is seen by the old rules or by the new ones. As long as the new ones cannot be used, the old ones stay.
"""

import hashlib
import logging
import os
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeAlias

import msgspec

from engine.app import SHIPPED_RULES, Pipeline, RulesAtWork, UnusableRules, enrichment, usable_rules
from engine.config import Config, ThisFile, duration_ns
from engine.correlate.succession import Dropped
from engine.enrich.assets import AssetFileError
from engine.enrich.enrichment import Enrichment
from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.detection import DetectionRule
from engine.ruleset.files import rule_files
from engine.ruleset.ruleset import Ruleset
from engine.telemetry import Telemetry

log = logging.getLogger("tieline")

Listing: TypeAlias = list[tuple[str, tuple[int, ...]]]
"""Every file with what changes when it does: times, size, inode; or why it cannot be looked at."""

_PATIENCE: Final = 20  # intervals in which the files never keep still; then they are read as they are
_SOON_S: Final = 1.0
_SHOWN: Final = 20


def add_dropped(counts: dict[str, int], dropped: Dropped) -> None:
    """Counts what was dropped, and says so."""
    if not (dropped.correlations or dropped.matches):
        return
    counts["groups"] += dropped.groups
    counts["alerts"] += dropped.open_alerts
    counts["matches"] += dropped.matches
    log.warning(
        "correlations that have changed start anew",
        extra={
            "correlations": dropped.correlations[:_SHOWN],
            "groups_dropped": dropped.groups,
            "open_alerts_dropped": dropped.open_alerts,
            "matches_dropped": dropped.matches,
        },
    )


class RuleFiles:
    """What rules are made of: rule files, pipelines, and assets and zones that have files of their own."""

    def __init__(self, config: Config) -> None:
        self.folders = [Path(name) for name in config.rules]
        assets = [name for name in (config.assets, config.zones) if isinstance(name, str)]
        self.with_assets = bool(assets) and not any(isinstance(name, ThisFile) for name in assets)
        others = [name for name in config.pipelines if name.endswith((".yml", ".yaml"))]
        self._others = [Path(name) for name in (*others, *(assets if self.with_assets else ()))]

    def listing(self) -> Listing:
        files, problems = rule_files(self.folders or [SHIPPED_RULES])
        found: Listing = [(str(problem), ()) for problem in problems]
        for path in (*files, *self._others):
            try:
                seen = path.stat()  # through links: a mounted ConfigMap changes where they point to
            except OSError as error:
                found.append((str(path), (error.errno or 0,)))
            else:
                # The inode's own time as well: permissions, and editors that put the time of change back.
                found.append((str(path), (seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_dev, seen.st_ino)))
        return found

    def digest(self) -> bytes:
        """The same as long as the files are: their names and all that is in them."""
        files, problems = rule_files(self.folders or [SHIPPED_RULES])
        whole = hashlib.blake2b(repr([str(problem) for problem in problems]).encode("utf-8", "backslashreplace"))
        for path in (*files, *self._others):
            try:
                with path.open("rb") as file:
                    said = hashlib.file_digest(file, "blake2b").digest()
            except OSError as error:
                said = str(error.errno).encode()
            whole.update(os.fsencode(path) + b"\0" + said + b"\0")
        return whole.digest()


class Ready(msgspec.Struct):
    """Rules to be taken into use, what is different in them, and how long it took to read them."""

    rules: RulesAtWork
    changes: dict[str, list[str]]
    seconds: float


class Reloading:
    """``asked`` takes an item for each SIGHUP. ``start`` once there is a pipeline (None: role collect has no rules);
    ``take`` in the stages' thread, between two batches."""

    def __init__(self, config: Config, asked: "SimpleQueue[bool]") -> None:
        self._config = config
        self._asked = asked
        self._every_s = None if config.rules_reload is None else duration_ns(config.rules_reload) / 1e9
        self._files = RuleFiles(config)
        self._pipeline: Pipeline | None = None
        self._enriched: Enrichment | None = None
        self._ready: SimpleQueue[Ready] = SimpleQueue()
        self._outcome: Ready | list[str] | None = None
        self._over = False
        # Of what was last read: before the start reads, so that no change is missed.
        self._read = self._files.listing() if config.role != "collect" and self._every_s is not None else []
        self._known = b""
        self._seen: Listing = []  # at the last look
        self._again = False
        self._restless = 0
        self.successful = True
        self.succeeded_at = time.time()
        self.outcomes = {"success": 0, "failure": 0}
        self.dropped = {"groups": 0, "alerts": 0, "matches": 0}

    def start(self, pipeline: Pipeline | None, enriched: Enrichment) -> None:
        self._pipeline, self._enriched = pipeline, enriched
        threading.Thread(target=self._watch, name="rules", daemon=True).start()

    def stop(self) -> None:
        """Does not wait for rules that are just being read."""
        self._over = True
        self._asked.put(False)

    def publish(self, telemetry: Telemetry) -> None:
        telemetry.register("tieline_config_last_reload_successful", lambda: {(): int(self.successful)})
        telemetry.register("tieline_config_last_reload_success_timestamp_seconds", lambda: {(): self.succeeded_at})
        if self._config.role != "collect":
            telemetry.register("tieline_rules_reloads_total", lambda: {(key,): n for key, n in self.outcomes.items()})
            telemetry.register("tieline_reload_dropped_total", lambda: {(key,): n for key, n in self.dropped.items()})

    def take(self) -> bool:
        """Takes new rules into use, if there are any."""
        if self._ready.empty():
            return False
        ready = self._ready.get()
        while not self._ready.empty():
            ready = self._ready.get()
        pipeline = self._pipeline
        assert pipeline is not None
        begin = time.perf_counter()
        dropped = pipeline.replace(ready.rules)
        pause = time.perf_counter() - begin
        self.successful, self.succeeded_at = True, time.time()
        self.outcomes["success"] += 1
        told: dict[str, Any] = {f"rules_{kind}": len(labels) for kind, labels in ready.changes.items()}
        told |= {kind: labels[:_SHOWN] for kind, labels in ready.changes.items() if labels}
        told |= {"rules": len(pipeline.heads), "rules_disabled": len(pipeline.ruleset.disabled)}
        log.info(
            "rules reloaded", extra={**told, "seconds": round(ready.seconds, 3), "pause_ms": round(pause * 1e3, 3)}
        )
        self.count(dropped)
        return True

    def count(self, dropped: Dropped) -> None:
        """State that went with the rules it belonged to, at a reload or at the start."""
        add_dropped(self.dropped, dropped)

    def _watch(self) -> None:
        if self._pipeline is None:
            while self._asked.get() and not self._over:
                log.info("SIGHUP ignored: role collect has no rules")
            return
        if self._every_s is not None:
            self._seen = self._files.listing()
            self._known = self._files.digest() if self._seen == self._read else b""
        while True:
            asked = self._wait()
            if self._over:
                return
            self._look(asked)

    def _wait(self) -> bool:
        """Until somebody asks, or it is time to look."""
        try:
            self._asked.get(timeout=_SOON_S if self._every_s is None and self._again else self._every_s)
            while not self._asked.empty():  # what asks while rules are being read is not lost: it comes after them
                self._asked.get()
        except Empty:
            return False
        return True

    def _look(self, asked: bool) -> None:
        """Reads the rules when asked to, or when their files are others and have kept still for an interval."""
        listing = self._files.listing()
        if not asked:
            if listing == self._read and not self._again:
                self._seen, self._restless = listing, 0
                return
            if listing != self._seen and self._restless < _PATIENCE:
                self._seen, self._restless = listing, self._restless + 1
                return
        digest = self._files.digest()
        if not asked and not self._again and digest == self._known:
            self._read, self._seen, self._restless = listing, listing, 0
            return
        outcome = self._attempt()
        self._seen = self._files.listing()
        if self._seen != listing and self._restless < _PATIENCE:
            self._again, self._restless = True, self._restless + 1  # half of it may be old and half new
            return
        self._read, self._known, self._again, self._restless = listing, digest, False, 0
        if isinstance(outcome, Ready):
            self._ready.put(outcome)
        else:
            self._fail(outcome)

    def _attempt(self) -> Ready | list[str]:
        """In a thread that may die of what nobody has thought of: this one lives on."""
        self._outcome = None
        reading = threading.Thread(target=self._load, name="rules-reading", daemon=True)
        reading.start()
        reading.join()
        return ["reading the rules broke down; standard error says where"] if self._outcome is None else self._outcome

    def _load(self) -> None:
        pipeline, enriched = self._pipeline, self._enriched
        assert pipeline is not None
        assert enriched is not None
        begin = time.perf_counter()
        try:
            if self._files.with_assets:
                enriched = enrichment(self._config)
            ruleset = usable_rules(self._files.folders, self._config, enriched)
        except (UnusableRules, AssetFileError, OSError) as error:
            self._outcome = str(error).splitlines()
            return
        if pipeline.heads and not (ruleset.detections or ruleset.correlations):
            where = ", ".join(map(str, self._files.folders))
            self._outcome = [f"{where}: no rule is left; to run without rules, restart"]
            return
        rules = pipeline.prepare(ruleset, enriched)
        self._outcome = Ready(rules, _changes(pipeline, rules), time.perf_counter() - begin)

    def _fail(self, reasons: list[str]) -> None:
        self.outcomes["failure"] += 1
        self.successful = False
        log.error(
            f"rules not reloaded, the old ones stay: {reasons[0]}",
            extra={"problems": reasons[:_SHOWN], "problems_total": len(reasons)},
        )


def _changes(pipeline: Pipeline, rules: RulesAtWork) -> dict[str, list[str]]:
    """The labels of the rules that are different."""
    old, new = _by_id(pipeline.ruleset), _by_id(rules.ruleset)
    return {
        "added": [rules.heads[id].label for id in new if id not in old],
        "removed": [pipeline.heads[id].label for id in old if id not in new],
        "changed": [rules.heads[id].label for id, rule in new.items() if id in old and rule != old[id]],
    }


def _by_id(ruleset: Ruleset) -> dict[str, DetectionRule | CorrelationRule]:
    rules: list[DetectionRule | CorrelationRule] = [*ruleset.detections, *ruleset.correlations]
    return {rule.head.id: rule for rule in rules}
