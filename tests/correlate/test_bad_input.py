"""What people and devices get wrong, through the whole path: records in a file, alerts out."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.config import read
from engine.model.times import from_iso, rfc3339
from engine.replay import Outcome, replay_files

Alerts = list[dict[str, Any]]
Replay = Callable[..., tuple[Alerts, str]]

NOW = from_iso("2026-03-02T12:00:00Z") or 0
HOUR = 3600 * 10**9
DAY = 24 * HOUR

BASE = """\
title: {name}
name: {name}
logsource: {{category: probe}}
detection: {{s: {{act: {name}}}, condition: s}}
level: informational
---
"""
BASES = BASE.format(name="a") + BASE.format(name="b") + BASE.format(name="c")


def counted(least: int, key: str = "who", timespan: str = "10m") -> str:
    return (
        f"{BASES}title: counted\nlevel: medium\ncorrelation:\n  type: event_count\n  rules: [a]\n"
        f"  group-by: [{key}]\n  timespan: {timespan}\n  condition: {{gte: {least}}}\n"
    )


def ordered(timespan: str = "10m") -> str:
    return (
        f"{BASES}title: ordered\nlevel: medium\ncorrelation:\n  type: temporal_ordered\n  rules: [a, b, c]\n"
        f"  group-by: [who]\n  timespan: {timespan}\n"
    )


def event(act: str = "a", when: int | None = None, **fields: Any) -> dict[str, Any]:
    time = {} if when is None else {"@timestamp": rfc3339(when)}
    return {**time, "ls_category": "probe", "act": act, "who": "ann", **fields}


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    def replayed(rules: str, *files: Iterable[dict[str, Any]], config: str = "") -> tuple[Alerts, str]:
        (tmp_path / "rules.yml").write_text(rules)
        (tmp_path / "tieline.yml").write_text(config)
        names = []
        for number, events in enumerate(files):
            names.append(str(tmp_path / f"{number}.ndjson"))
            Path(names[-1]).write_text("".join(json.dumps(each) + "\n" for each in events))
        outcome = Outcome()
        summary = replay_files(
            names,
            [tmp_path / "rules.yml"],
            read(tmp_path / "tieline.yml") if config else None,
            format="json",
            late=None,
            reference_time=NOW,
            matches=False,
            profile=False,
            outcome=outcome,
        )
        return [orjson.loads(line) for line in outcome.lines()], summary

    return replayed


def total(alert: dict[str, Any]) -> int:
    return int(alert["tieline.events_total"])


def test_events_without_a_time_are_of_the_time_of_receipt_and_counted(replay: Replay) -> None:
    (alert,), summary = replay(counted(3), [event() for _ in range(3)])

    assert alert["@timestamp"] == rfc3339(NOW)
    assert total(alert) == 3
    assert "3 times assumed" in summary


def test_an_event_without_a_time_makes_none_of_its_neighbours_late(replay: Replay) -> None:
    when = NOW - 30 * DAY
    events = [event(when=when), event(), event(when=when + 10**9), event(), event(when=when + 2 * 10**9)]

    alerts, summary = replay(counted(3), events)

    assert [(alert["@timestamp"], total(alert)) for alert in alerts] == [(rfc3339(when + 2 * 10**9), 3)]
    assert "late" not in summary


def test_time_as_text_in_six_forms_and_as_a_number_in_three_is_one_order(replay: Replay) -> None:
    forms = [
        "2026-03-02T11:00:00Z",
        "2026-03-02 12:00:01,000+01:00",
        "02/Mar/2026:11:00:02 +0000",
        "Mon, 02 Mar 2026 11:00:03 GMT",
        "3/2/2026 11:00:04 AM",
        "/Date(1772449205000)/",
        1772449206,
        1772449207000,
        "1772449208000000",
    ]

    (alert,), _ = replay(counted(9), [event(number=n, **{"@timestamp": form}) for n, form in enumerate(forms)])

    times = [from_iso(each["time"]) for each in alert["tieline.events"]]
    start = from_iso("2026-03-02T11:00:00Z") or 0
    assert times == [start + n * 10**9 for n in range(9)]


def test_text_that_is_no_time_is_no_time(replay: Replay) -> None:
    odd = ["soon", "", "99:99", "2026-13-45T00:00:00Z", [], {}, True, "1e999", 1e300]

    events = [event(number=n, **{"@timestamp": one}) for n, one in enumerate(odd)]

    (alert,), summary = replay(counted(len(odd)), events)

    assert (alert["@timestamp"], total(alert)) == (rfc3339(NOW), len(odd))
    assert f"{len(odd)} times assumed" in summary


def test_a_clock_that_jumps_a_day_ahead_costs_nothing_but_its_own_time(replay: Replay) -> None:
    start = NOW - HOUR
    times = [start, start + 10**9, start + 25 * HOUR + 2 * 10**9, start + 3 * 10**9, start + 4 * 10**9]

    (alert,), summary = replay(ordered(), [event(act, when) for act, when in zip("aabbc", times, strict=True)])

    assert alert["@timestamp"] == rfc3339(times[-1])
    assert "1 times corrected" in summary
    assert "late" not in summary


def test_a_clock_that_jumps_far_ahead_for_good_is_the_last_time_that_could_be_believed(replay: Replay) -> None:
    start = NOW - HOUR
    events = [event(when=start), *(event(when=start + 300 * DAY + n * 10**9, number=n) for n in range(3))]

    (alert,), summary = replay(counted(4), events)

    assert alert["@timestamp"] == rfc3339(start)
    assert "3 times corrected" in summary


def test_a_clock_that_jumps_a_day_back_is_late_and_takes_part_again_when_it_is_right(replay: Replay) -> None:
    start = NOW - HOUR
    back = [event(when=start - DAY + n * 10**9, number=n) for n in range(5)]
    events = [event(when=start), *back, event(when=start + 10**9), event(when=start + 2 * 10**9)]

    (alert,), summary = replay(counted(3), events)

    assert (alert["@timestamp"], total(alert)) == (rfc3339(start + 2 * 10**9), 3)
    assert "5 late matches" in summary


def test_a_source_that_jumps_back_does_not_hold_another_one_up(replay: Replay) -> None:
    start = NOW - HOUR
    good = [event(act, start + n * 10**9) for n, act in enumerate("abc")]
    jumping = [event("x", start), event("x", start - DAY), event("x", start - 2 * DAY)]

    (alert,), _ = replay(ordered(), good, jumping)

    assert alert["@timestamp"] == rfc3339(start + 2 * 10**9)


@pytest.mark.parametrize("when", [-1, -DAY, -(10**18), "1969-12-31T23:59:50Z", "0001-01-01T00:00:00Z"])
@pytest.mark.parametrize("window", ["sliding", "tumbling", "session"])
def test_before_1970_time_goes_on_as_after_it(replay: Replay, when: int | str, window: str) -> None:
    first = from_iso(when) if isinstance(when, str) else when
    assert first is not None
    rules = counted(3).replace("title: counted", f"title: counted\ntieline: {{window: {window}}}")
    span = 600 * 10**9
    first -= first % span  # so that a tumbling window holds all three

    (alert,), summary = replay(rules, [event(when=max(first, -62135596800 * 10**9) + n * 10**9) for n in range(3)])

    assert total(alert) == 3
    assert "late" not in summary


def test_a_list_as_a_key_is_each_of_its_first_sixteen_values(replay: Replay) -> None:
    names = [f"user{n}" for n in range(100)]

    alerts, _ = replay(counted(2), [event(when=NOW - HOUR + n, who=names) for n in range(2)])

    assert sorted(alert["tieline.correlation.group"]["who"] for alert in alerts) == sorted(names[:16])


def test_lists_in_lists_and_objects_as_keys_are_compared_as_wholes(replay: Replay) -> None:
    same = [{"a": 1, "b": [2, {"c": None}]}, {"b": [2, {"c": None}], "a": 1}]
    events = [event(when=NOW - HOUR + n, who=[each]) for n, each in enumerate([*same, {"a": 1}, [["x"]], [["y"]]])]

    (alert,), _ = replay(counted(2), events)

    assert total(alert) == 2
    assert json.loads(alert["tieline.correlation.group"]["who"]) == same[0]


def test_an_object_as_a_key_is_no_key_since_its_parts_have_names_of_their_own(replay: Replay) -> None:
    events = [event(when=NOW - HOUR + n, who={"name": "ann", "id": 7}) for n in range(2)]

    whole, summary = replay(counted(2), events)
    (part,), _ = replay(counted(2, "who.name"), events)

    assert whole == []
    assert "2 matches without a group key" in summary
    assert part["tieline.correlation.group"] == {"who.name": "ann"}


def test_keys_of_a_megabyte_are_told_apart_and_kept_short(replay: Replay) -> None:
    long = "x" * 1_000_000
    events = [event(when=NOW - HOUR + n, who=long + "ab"[n % 2]) for n in range(4)]

    alerts, _ = replay(counted(2), events)

    assert [total(alert) for alert in alerts] == [2, 2]
    assert len({alert["tieline.correlation.group"]["who"] for alert in alerts}) == 2
    assert all(len(alert["tieline.correlation.group"]["who"]) < 2_000 for alert in alerts)


def test_null_and_a_missing_key_are_no_group_and_empty_text_is_one(replay: Replay) -> None:
    missing = event(when=NOW - HOUR)
    del missing["who"]
    events = [missing, missing, event(when=NOW - HOUR, who=None), event(when=NOW - HOUR, who=[])]

    none, summary = replay(counted(2), events)
    (empty,), _ = replay(counted(2), [event(when=NOW - HOUR + n, who="") for n in range(2)])

    assert none == []
    assert "4 matches without a group key" in summary
    assert empty["tieline.correlation.group"] == {"who": ""}


PLANT = """\
assets:
  - {name: EWS-1, addresses: [10.30.0.5], role: engineering_workstation, site: North}
  - {name: EWS-2, addresses: [10.30.0.6], role: engineering_workstation, site: North}
zones:
  Cell A: {networks: [10.30.0.0/24], level: 2}
  Cell B: {networks: [10.31.0.0/24], level: 2}
"""


@pytest.mark.parametrize(
    ("fact", "groups"),
    [("asset", []), ("site", [("North", 3)]), ("zone", [("Cell A", 4)])],
)
def test_events_group_by_what_the_plant_knows_of_their_addresses(
    replay: Replay, fact: str, groups: list[tuple[str, int]]
) -> None:
    addresses = ["10.30.0.5", "10.30.0.6", "10.30.0.9", "10.31.0.1", "192.0.2.1", "::ffff:10.30.0.5"]
    events = [event(when=NOW - HOUR + n, **{"source.ip": one}) for n, one in enumerate(addresses)]
    key = f"tieline.source.{fact}"

    alerts, summary = replay(counted(3, key), events, config=PLANT)

    assert [(alert["tieline.correlation.group"][key], total(alert)) for alert in alerts] == groups
    without = re.search(r"(\d+) matches without a group key", summary)
    assert without is not None
    assert int(without[1]) == {"asset": 3, "site": 3, "zone": 1}[fact]
