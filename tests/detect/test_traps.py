"""Where engines commonly go wrong: one detection, one event, one answer."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import slow_sigma
import yaml

from engine.detect import Detector
from engine.model import Event, LogSource
from engine.ruleset.detection import DetectionRule
from engine.ruleset.load import load

TEST = LogSource(category="test")
NIGHT = 1_767_234_600_000_000_000  # 2026-01-01T02:30:00Z


def rule(folder: Path, detection: dict[str, Any], **more: Any) -> tuple[DetectionRule, dict[str, Any]]:
    written = {
        "title": "made up",
        "logsource": {"category": "test"},
        "detection": {"condition": "s", **detection},
        **more,
    }
    path = folder / "rule.yml"
    path.write_text(yaml.safe_dump(written, allow_unicode=True), "utf-8")
    (loaded,) = load([path]).detections
    return loaded, written


def event(fields: dict[str, Any], original: bytes = b"") -> Event:
    return Event(dict(fields), NIGHT, "e1", LogSource(category="test"), original=original)


CASES = [
    # 18: without regard to case, also beyond ASCII; regular expressions and cased with it
    ({"f": "STRASSE"}, {"f": "straße"}, True),
    ({"f|cased": "Ab"}, {"f": "AB"}, False),
    ({"f|re": "Ab"}, {"f": "ab"}, False),
    ({"f|re|i": "Ab"}, {"f": "xaBx"}, True),
    ({"f|contains|cased": "Ab"}, {"f": "xAbx"}, True),
    # 19: escapes
    ({"f": r"a\*b"}, {"f": "a*b"}, True),
    ({"f": r"a\*b"}, {"f": "axb"}, False),
    ({"f": r"a\\*"}, {"f": "a\\xyz"}, True),
    ({"f": r"a\\\*"}, {"f": "a\\*"}, True),
    ({"f": r"a\b"}, {"f": r"a\b"}, True),
    ({"f|endswith": "\\"}, {"f": "c:\\"}, True),
    ({"f|contains": "\\"}, {"f": "a\\b"}, True),
    ({"f": "a?c"}, {"f": "abc"}, True),
    ({"f": "a?c"}, {"f": "abbc"}, False),
    ({"f": "a*c*e"}, {"f": "abcde\nace"}, True),
    # 20: by string form
    ({"f": 4625}, {"f": "4625"}, True),
    ({"f": "4625"}, {"f": 4625}, True),
    ({"f": True}, {"f": "True"}, True),
    ({"f": "true"}, {"f": True}, True),
    ({"f": 1}, {"f": True}, False),
    ({"f": 1}, {"f": 1.0}, True),
    ({"f|contains": "46"}, {"f": 4625}, True),
    # 21: null, empty and missing are three things
    ({"f": None}, {"f": None}, True),
    ({"f": None}, {"f": ""}, False),
    ({"f": None}, {}, False),
    ({"f": ""}, {"f": ""}, True),
    ({"f": ""}, {"f": None}, False),
    ({"f": "*"}, {"f": ""}, True),
    ({"f": "*"}, {"f": None}, False),
    ({"f|exists": True}, {"f": None}, True),
    ({"f|exists": True}, {}, False),
    ({"f|exists": False}, {}, True),
    # 24: lists
    ({"f": ["a", "b"]}, {"f": "b"}, True),
    ({"f|contains|all": ["a", "b"]}, {"f": "xbxa"}, True),
    ({"f|contains|all": ["a", "b"]}, {"f": "a"}, False),
    ([{"f": "a"}, {"g": "b"}], {"g": "b"}, True),
    ({"f": "b"}, {"f": ["a", "b"]}, True),
    ({"f": "b"}, {"f": ["a", ["c", "b"]]}, True),
    # 27: neq negates the whole item
    ({"f|neq": ["a", "b"]}, {"f": "b"}, False),
    ({"f|neq": ["a", "b"]}, {"f": "c"}, True),
    # 28 to 30: dashes and base64
    ({"f|windash|contains": " -p "}, {"f": "x \u2013p y"}, True),
    ({"f|base64offset|contains": "/bin/bash"}, {"f": "eC9iaW4vYmFzaHg="}, True),
    ({"f|base64offset|contains": "/bin/bash"}, {"f": "ec9iaw4vymfzahg="}, False),
    ({"f|wide|base64offset|contains": "ab"}, {"f": "YQBiAA=="}, True),
    # 31: regular expressions, also those that RE2 refuses
    ({"f|re": "b+"}, {"f": "abbc"}, True),
    ({"f|re": "^(?!x).*b$"}, {"f": "ab"}, True),
    ({"f|re": "^(?!x).*b$"}, {"f": "xb"}, False),
    # 32: networks
    ({"f|cidr": "10.0.0.0/8"}, {"f": "10.9.9.9"}, True),
    ({"f|cidr": "10.0.0.0/8"}, {"f": "::ffff:10.9.9.9"}, True),
    ({"f|cidr": "10.0.0.0/8"}, {"f": "host-10.9.9.9"}, False),
    ({"f|cidr": "2001:db8::/32"}, {"f": "2001:DB8::1"}, True),
    ({"f|cidr": "10.0.0.0/8"}, {"f": 167772161}, False),
    # numbers
    ({"f|gte": 10}, {"f": "10"}, True),
    ({"f|lt": 10}, {"f": "9.5"}, True),
    ({"f|lt": 10}, {"f": "low"}, False),
    ({"f|lt": 10}, {"f": True}, False),
    ({"f|gt": 10}, {"f": 10**400}, True),
    # 33, 34
    ({"@timestamp|hour": 2}, {}, True),
    ({"f|hour": 3}, {"f": "2026-05-05T03:59:59+00:00"}, True),
    ({"f|fieldref": "g"}, {"f": "Ab", "g": "aB"}, True),
    ({"f|fieldref": "g"}, {"f": "a"}, False),
    ({"f|fieldref|startswith": "g"}, {"f": "abc", "g": "AB"}, True),
    # 42: nested and dotted
    ({"a.b.c": "x"}, {"a": {"b": {"c": "x"}}}, True),
    ({"a.b.c": "x"}, {"a.b": {"c": ["y", "x"]}}, True),
    ({"a.b": "x"}, {"a": [{"b": "y"}, {"b": "x"}]}, True),
    ({"a.b": "x"}, {"a": "b.x"}, False),
]


@pytest.mark.parametrize(("search", "fields", "held"), CASES)
def test_a_search_holds_as_sigma_says(tmp_path: Path, search: Any, fields: dict[str, Any], held: bool) -> None:
    loaded, _ = rule(tmp_path, {"s": search})
    detector = Detector([loaded])

    assert bool(detector.detect(event(fields))) is held
    assert bool(detector.detect(event(fields))) is held  # as remembered


@pytest.mark.parametrize(("search", "fields", "held"), CASES)
def test_the_slow_evaluator_says_the_same(tmp_path: Path, search: Any, fields: dict[str, Any], held: bool) -> None:
    _, written = rule(tmp_path, {"s": search})

    assert slow_sigma.matches(written, event(fields)) is held


@pytest.mark.parametrize(
    ("keywords", "fields", "original", "held"),
    [
        (["evil"], {"a": "so EVIL today"}, b"", True),
        (["evil"], {}, b"<13>so EVIL today", True),
        (["evil"], {"evil": "key"}, b"", False),
        (["evil"], {"a": [{"b": ["x", "evil"]}]}, b"", True),
        (["a b*c"], {"m": "xa bzzcx"}, b"", True),
        ({"|all": ["one", "two"]}, {"a": "one", "b": "two"}, b"", True),
        ({"|all": ["one", "two"]}, {"a": "one"}, b"", False),
        ([4625], {"a": 4625}, b"", True),
    ],
)
def test_keywords_search_every_value_and_the_record(
    tmp_path: Path, keywords: Any, fields: dict[str, Any], original: bytes, held: bool
) -> None:
    loaded, _ = rule(tmp_path, {"s": keywords})

    assert bool(Detector([loaded]).detect(event(fields, original))) is held


def test_one_true_and_one_point_zero_are_remembered_apart(tmp_path: Path) -> None:
    loaded, _ = rule(tmp_path, {"s": {"f": "true"}})
    detector = Detector([loaded])

    held = [bool(detector.detect(event({"f": value}))) for value in (1, True, 1.0, True, 1)]

    assert held == [False, True, False, True, False]


def test_a_rule_sees_only_the_events_of_its_log_source(tmp_path: Path) -> None:
    loaded, _ = rule(tmp_path, {"s": {"f": "a"}}, logsource={"product": "windows", "service": "security"})
    detector = Detector([loaded])
    sources = [
        LogSource("windows", None, "security"),
        LogSource("windows"),
        LogSource("linux", None, "security"),
        LogSource(),
    ]

    held = [bool(detector.detect(Event({"f": "a"}, 0, "e", source))) for source in sources]

    assert held == [True, False, False, False]


def test_a_rule_for_a_protocol_of_the_plant_sees_its_events_and_no_others(tmp_path: Path) -> None:
    """Trap 40: the taxonomy of Sigma has no log source for OT."""
    loaded, _ = rule(tmp_path, {"s": {"ot.operation": "plc_stop"}}, logsource={"category": "ot_protocol"})
    narrow, _ = rule(
        tmp_path, {"s": {"ot.operation": "plc_stop"}}, logsource={"category": "ot_protocol", "product": "modbus"}
    )
    sources = [
        LogSource("s7comm", "ot_protocol"),
        LogSource("modbus", "ot_protocol"),
        LogSource("modbus"),
        LogSource("linux"),
    ]

    held = [
        [bool(Detector([one]).detect(Event({"ot.operation": "plc_stop"}, 0, "e", source))) for source in sources]
        for one in (loaded, narrow)
    ]

    assert held == [[True, True, False, False], [False, True, False, False]]


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("UTC", [2, 22]), ("Europe/Berlin", [3, 0]), ("America/New_York", [21, 18]), ("Asia/Kolkata", [8, 3])],
)
def test_time_parts_are_those_of_the_rules_zone(tmp_path: Path, zone: str, hours: list[int]) -> None:
    """Trap 33: Sigma converts no time zone, so that off-hours are those of the setting `rule_timezone`."""
    loaded = [rule(tmp_path, {"s": {"@timestamp|hour": hour}})[0] for hour in range(24)]
    loaded = [
        msgspec.structs.replace(one, head=msgspec.structs.replace(one.head, id=str(at)))
        for at, one in enumerate(loaded)
    ]
    detector = Detector(loaded, zone=ZoneInfo(zone))
    summer = 1_782_857_000_000_000_000  # 2026-06-30T22:03:20Z

    found = [
        int(match.rule.id) for time in (NIGHT, summer) for match in detector.detect(Event({}, time, str(time), TEST))
    ]

    assert found == hours


def test_the_first_64_ki_of_a_field_are_scanned_and_the_event_is_marked(tmp_path: Path) -> None:
    loaded, _ = rule(tmp_path, {"s": {"f|contains": "evil"}})
    detector = Detector([loaded])
    early, late = event({"f": "evil" + "x" * 100_000}), event({"f": "x" * 70_000 + "evil"})

    assert detector.detect(early)
    assert not detector.detect(late)
    assert early.fields["tieline.truncated"] is late.fields["tieline.truncated"] is True
    assert detector.stats.truncated == 2


@pytest.mark.parametrize("value", [None, [], {}, [None], [[[]]], b"\xff", pytest.param(10**5000, id="huge"), float("nan"), "\ud800", object(), {1, 2}, ({"a": 1},)])  # fmt: skip
def test_odd_values_never_raise(tmp_path: Path, value: Any) -> None:
    searches = {
        "s": {"f|contains": "a"},
        "t": {"f|re": "a.b"},
        "u": {"f|gt": 3},
        "v": {"f|cidr": "10.0.0.0/8"},
        "w": ["kw"],
    }
    loaded, _ = rule(tmp_path, {**searches, "x": {"f.g|hour": 3}, "condition": "1 of them"})

    Detector([loaded]).detect(event({"f": value}))


def test_a_match_names_what_held_and_nothing_below_a_not(tmp_path: Path) -> None:
    detection = {
        "sel": {"f|contains": ["evil", "bad"], "n|gte": 3},
        "filter": {"g": "ok"},
        "condition": "sel and not filter",
    }
    loaded, _ = rule(tmp_path, detection)

    (match,) = Detector([loaded]).detect(event({"f": ["fine", "so bad"], "n": 4}))

    assert [(held.identifier, held.field, held.value, held.test) for held in match.why] == [
        ("sel", "f", "so bad", "contains 'bad'"),
        ("sel", "n", 4, ">= 3"),
    ]


def test_hits_and_sampled_cost_are_counted_by_rule(tmp_path: Path) -> None:
    loaded, _ = rule(tmp_path, {"s": {"f": "a"}})
    clock = iter(range(10_000_000))
    detector = Detector([loaded], timer=lambda: next(clock))

    for _ in range(640):
        detector.detect(event({"f": "a"}))

    assert detector.stats.events == detector.stats.hits[loaded.head.id] == 640
    assert (detector.stats.sampled, detector.stats.cost_ns[loaded.head.id]) == (10, 610)
