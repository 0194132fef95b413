"""Rules loaded anew: what counts as a change, when it is taken, and that nobody notices one that changes nothing."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.app import Pipeline, enrichment, pipeline, rules, usable_rules
from engine.config import Config
from engine.model import Event, LogSource
from engine.reloading import Reloading, RuleFiles
from engine.telemetry import Telemetry

FAILED = """
title: Logon failed
id: 11111111-0000-4000-8000-000000000001
name: failed
logsource: {product: lab}
detection: {failed: {event.outcome: failure}, condition: failed}
level: low
"""
WORKED = """
title: Logon worked
id: 11111111-0000-4000-8000-000000000002
name: worked
logsource: {product: lab}
detection: {worked: {event.outcome: success}, condition: worked}
level: medium
"""
SPRAY = """
title: Failures, then success
id: 11111111-0000-4000-8000-000000000003
name: spray
correlation: {type: temporal_ordered, rules: [failed, worked], group-by: [user.name], timespan: 1m}
level: high
---
title: Many failures
id: 11111111-0000-4000-8000-000000000004
name: many
correlation:
  type: event_count
  rules: [failed]
  group-by: [user.name]
  timespan: 30s
  condition: {gte: 3}
  generate: true
level: medium
"""
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("rules"))


def filled(folder: Path) -> Path:
    for name, text in (("failed.yml", FAILED), ("worked.yml", WORKED), ("spray.yml", SPRAY)):
        (folder / name).write_text(text)
    return folder


def made(folder: Path) -> Pipeline:
    config = Config(rules=[str(folder)])
    enriched = enrichment(config)
    return pipeline(usable_rules([folder], config, enriched), config, enriched, lateness_ns=5 * SECOND, live=True)


_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 90),
        st.sampled_from(["failure", "success", "unknown"]),
        st.sampled_from(["ann", "Ann", "bob"]),
        st.sampled_from(["one", "two"]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(_EVENTS, st.frozensets(st.integers(0, 40), max_size=4))
def test_a_reload_that_changes_nothing_changes_no_alert(
    folder: Path, told: list[tuple[int, str, str, str]], reloads: frozenset[int]
) -> None:
    quiet, disturbed = made(folder), made(folder)
    events = [
        Event({"event.outcome": how, "user.name": who}, at * SECOND, str(number), LogSource("lab"), source)
        for number, (at, how, who, source) in enumerate(sorted(told, key=lambda each: each[0] // 6))
    ]

    expected, found = [], []
    for number, event in enumerate(events):
        if number in reloads:
            ready = disturbed.prepare(rules([folder]), disturbed.enrichment)
            dropped = disturbed.replace(ready)
            assert (dropped.correlations, dropped.matches) == ([], 0)
        expected += quiet.process([event])
        found += disturbed.process([event])
    expected += quiet.finish()
    found += disturbed.finish()

    assert [disturbed.alerts.alert(each) for each in found] == [quiet.alerts.alert(each) for each in expected]
    assert disturbed.by_rule == quiet.by_rule
    assert disturbed.revisions == quiet.revisions
    assert disturbed.detector.stats.hits == quiet.detector.stats.hits


def test_what_a_rule_is_silenced_by_and_fed_to_changes_with_it(folder: Path) -> None:
    at_work = made(folder)
    event = Event({"event.outcome": "failure", "user.name": "ann"}, SECOND, "1", LogSource("lab"), "s")
    assert [match.rule.name for match in at_work.process([event])] == []
    alone = usable_rules([folder / "failed.yml"], None, enrichment(None))

    at_work.replace(at_work.prepare(alone, at_work.enrichment))

    assert [match.rule.name for match in at_work.process([event])] == ["failed"]
    assert not at_work.correlator.feeds
    assert set(at_work.heads) == {rule.head.id for rule in alone.detections}


def test_what_the_detector_knows_of_unchanged_rules_is_kept(folder: Path) -> None:
    at_work = made(folder)
    source = LogSource("lab")
    at_work.process([Event({"event.outcome": "failure"}, SECOND, "1", source, "s")])
    before = at_work.detector

    at_work.replace(at_work.prepare(rules([folder]), at_work.enrichment))

    assert at_work.detector is not before
    assert at_work.detector._by_source[source] is before._by_source[source]
    assert at_work.detector.stats.events == 1


class Watched:
    """The thread that looks after the rules, driven by hand: ``look`` is one interval."""

    def __init__(self, folder: Path, *assets: Path, **more: Any) -> None:
        self.config = Config(rules=[str(folder)], assets=str(assets[0]) if assets else None, **more)
        self.asked: SimpleQueue[bool] = SimpleQueue()
        self.reloading = Reloading(self.config, self.asked)
        enriched = enrichment(self.config)
        self.pipeline = pipeline(
            usable_rules([folder], self.config, enriched), self.config, enriched, lateness_ns=0, live=True
        )
        self.reloading._pipeline, self.reloading._enriched = self.pipeline, enriched
        self.reloading._seen, self.reloading._known = self.reloading._read, self.reloading._files.digest()

    def look(self, *, asked: bool = False) -> bool:
        """Whether there were new rules, or a failure."""
        failures = self.reloading.outcomes["failure"]
        self.reloading._look(asked)
        return self.reloading.take() or self.reloading.outcomes["failure"] > failures

    def titles(self) -> set[str]:
        return {head.title for head in self.pipeline.heads.values()}

    def reading(self, metric: str, *labels: str) -> float:
        telemetry = Telemetry()
        self.reloading.publish(telemetry)
        samples = [sample for each in telemetry.collect() for sample in each.samples]
        (found,) = [s.value for s in samples if (s.name, *s.labels.values()) == (metric, *labels)]
        return found


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    return filled(folder)


def test_a_change_is_taken_when_the_files_have_kept_still_for_an_interval(own: Path) -> None:
    watched = Watched(own)

    (own / "new.yml").write_text(FAILED.replace("0001", "0009").replace("name: failed", "name: new"))
    looks = [watched.look() for _ in range(3)]

    assert looks == [False, True, False]
    assert len(watched.pipeline.heads) == 5
    assert watched.reading("tieline_rules_reloads_total", "success") == 1


def test_a_file_that_is_still_being_written_is_waited_for(own: Path) -> None:
    watched = Watched(own)
    text = FAILED.replace("Logon failed", "Logon refused")

    looks = []
    for end in (20, 60, 120, len(text)):
        (own / "failed.yml").write_text(text[:end])
        looks.append(watched.look())
    looks.append(watched.look())

    assert looks == [False, False, False, False, True]
    assert "Logon refused" in watched.titles()
    assert watched.reading("tieline_rules_reloads_total", "failure") == 0


def test_files_that_were_only_touched_or_written_again_are_not_read(own: Path) -> None:
    watched = Watched(own)

    os.utime(own / "failed.yml", (1, 1))
    (own / "worked.yml").write_text(WORKED)
    (own / ".failed.yml.swp").write_text("an editor's")
    (own / "failed.yml~").write_text("an editor's")

    assert [watched.look() for _ in range(4)] == [False] * 4


def test_a_file_changed_behind_the_back_of_its_time_is_read(own: Path) -> None:
    watched = Watched(own)
    before = (own / "failed.yml").stat()

    (own / "failed.yml").write_text(FAILED.replace("Logon failed", "Logon fooled"))
    os.utime(own / "failed.yml", ns=(before.st_atime_ns, before.st_mtime_ns))
    watched.look()

    assert watched.look()
    assert "Logon fooled" in watched.titles()


def test_a_link_that_points_elsewhere_is_a_change(tmp_path: Path) -> None:
    """As a ConfigMap changes: the files are links through `..data`, and only that one is put in another place."""
    mount = tmp_path / "mount"
    for number in (1, 2):
        (mount / f"..{number}").mkdir(parents=True)
        (mount / f"..{number}" / "rule.yml").write_text(FAILED.replace("Logon failed", f"Version {number}"))
    (mount / "..data").symlink_to("..1")
    (mount / "rule.yml").symlink_to("..data/rule.yml")
    watched = Watched(mount)

    (mount / "..next").symlink_to("..2")
    (mount / "..next").rename(mount / "..data")
    watched.look()

    assert watched.look()
    assert watched.titles() == {"Version 2"}


@pytest.mark.parametrize(
    ("name", "text", "line", "what"),
    [
        ("broken.yml", "title: x\n  id: [\n", 2, "YAML"),
        (
            "wrong.yml",
            FAILED.replace("0001", "0008").replace("name: failed\n", "").replace("{event", "{a|b: 1, event"),
            5,
            "b",
        ),
        ("twice.yml", FAILED, 4, "failed.yml"),
    ],
)
def test_rules_that_could_not_start_are_not_taken_and_the_old_ones_stay(
    own: Path, caplog: pytest.LogCaptureFixture, name: str, text: str, line: int, what: str
) -> None:
    watched = Watched(own)
    before = watched.pipeline.ruleset

    (own / name).write_text(text)
    watched.look()
    with caplog.at_level(logging.INFO, "tieline"):
        assert watched.look()

    assert watched.pipeline.ruleset is before
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    problem: str = vars(record)["problems"][0]
    assert problem in record.getMessage()
    assert problem.startswith(str(own)) and f".yml:{line}: error: " in problem and what in problem
    assert watched.reading("tieline_config_last_reload_successful") == 0
    assert watched.reading("tieline_rules_reloads_total", "failure") == 1
    assert watched.look() is False, "what has failed is not tried again before it changes"


def test_after_a_failure_the_mended_rules_are_taken(own: Path) -> None:
    watched = Watched(own)
    (own / "worked.yml").write_text("title: [")
    assert [watched.look(), watched.look()] == [False, True]
    began = watched.reading("tieline_config_last_reload_success_timestamp_seconds")

    (own / "worked.yml").write_text(WORKED)
    watched.look()

    assert watched.look()
    assert watched.reading("tieline_config_last_reload_successful") == 1
    assert watched.reading("tieline_config_last_reload_success_timestamp_seconds") > began


def test_a_folder_that_is_gone_or_empty_leaves_the_old_rules(own: Path) -> None:
    watched = Watched(own)
    own.rename(own.with_name("elsewhere"))
    assert [watched.look(), watched.look()] == [False, True]
    own.mkdir()
    assert [watched.look(), watched.look()] == [False, True]

    assert len(watched.pipeline.heads) == 4
    assert watched.reading("tieline_config_last_reload_successful") == 0


def test_whoever_asks_need_not_wait_and_the_same_rules_are_a_success(own: Path) -> None:
    watched = Watched(own, rules_reload=None)

    (own / "failed.yml").write_text(FAILED.replace("Logon failed", "Logon refused"))
    assert watched.look(asked=True)
    assert watched.look(asked=True)

    assert "Logon refused" in watched.titles()
    assert watched.reading("tieline_rules_reloads_total", "success") == 2


def test_rules_that_changed_while_they_were_read_are_read_again(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(own)
    read = watched.reloading._attempt
    changes = iter([FAILED.replace("Logon failed", "Half")])

    def attempt() -> Any:
        outcome = read()
        for text in changes:
            (own / "failed.yml").write_text(text)
        return outcome

    monkeypatch.setattr(watched.reloading, "_attempt", attempt)
    looks = [watched.look(asked=True), watched.look(), watched.look()]

    assert looks == [False, True, False]
    assert "Half" in watched.titles()


def test_assets_of_their_own_file_come_with_the_rules(own: Path, tmp_path: Path) -> None:
    assets = tmp_path / "assets.yml"
    assets.write_text("assets: [{name: plc-1, addresses: [192.0.2.1], consequence: The pump stops.}]\n")
    watched = Watched(own, assets)

    assets.write_text("assets: [{name: plc-2, addresses: [192.0.2.1], consequence: The valve opens.}]\n")
    watched.look()

    assert watched.look()
    assert watched.pipeline.enrichment.consequence("plc-2") == "The valve opens."
    assets.write_text("assets: [{name: plc-2, addresses: [nowhere]}]\n")
    assert [watched.look(), watched.look()] == [False, True]
    assert watched.pipeline.enrichment.consequence("plc-2") == "The valve opens."


def test_the_state_of_changed_rules_is_counted_and_said(own: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(own)
    for number in range(3):
        event = Event({"event.outcome": "failure", "user.name": "ann"}, number, str(number), LogSource("lab"), "s")
        watched.pipeline.process([event])
    watched.pipeline.tick("s", 10)

    (own / "spray.yml").write_text(SPRAY.replace("gte: 3", "gte: 4"))
    watched.look()
    with caplog.at_level(logging.INFO, "tieline"):
        watched.look()

    (reloaded, dropped) = map(vars, caplog.records)
    assert (reloaded["changed"], reloaded["rules_added"], reloaded["rules_removed"]) == (["many"], 0, 0)
    assert (dropped["groups_dropped"], dropped["open_alerts_dropped"]) == (1, 1)
    kinds = ("groups", "alerts", "matches")
    assert [watched.reading("tieline_reload_dropped_total", kind) for kind in kinds] == [1, 1, 0]


@pytest.fixture
def eventually() -> Iterator[Callable[[Callable[[], bool]], None]]:
    def wait(holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    yield wait


def test_the_thread_hears_every_signal_and_ends(own: Path, eventually: Callable[[Callable[[], bool]], None]) -> None:
    watched = Watched(own, rules_reload=None)
    reloading = Reloading(watched.config, watched.asked)
    watched.asked.put(True)  # before there is anybody to hear it

    reloading.start(watched.pipeline, watched.pipeline.enrichment)
    eventually(reloading.take)
    for _ in range(5):
        watched.asked.put(True)
    eventually(reloading.take)
    reloading.stop()

    assert 2 <= reloading.outcomes["success"] <= 6


def test_the_pipelines_and_assets_in_files_are_looked_after_and_what_stands_in_the_configuration_is_not(
    own: Path, tmp_path: Path
) -> None:
    mapping, assets = tmp_path / "mapping.yml", tmp_path / "assets.yml"
    for file in (mapping, assets):
        file.write_text("{}")
    config = Config(rules=[str(own)], pipelines=["ecs_windows", str(mapping)], assets=str(assets))
    before = RuleFiles(config).digest()

    mapping.write_text("{name: other}")
    with_mapping = RuleFiles(config).digest()
    assets.write_text("{assets: []}")

    assert len({before, with_mapping, RuleFiles(config).digest()}) == 3
    assert not RuleFiles(Config(rules=[str(own)])).with_assets
