"""One detector over long streams says at each event what the slow evaluator says, whatever it remembers.

`TIELINE_DEEP=20 pytest tests/detect` tries twenty times as much.
"""

import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import sigma_streams
import slow_sigma
import yaml

from engine.detect import Detector
from engine.model import Event, LogSource
from engine.ruleset.detection import DetectionRule
from engine.ruleset.load import load

DEEP = int(os.environ.get("TIELINE_DEEP", "1"))
TEST = LogSource(category="test")

Written = dict[str, dict[str, Any]]


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[list[dict[str, Any]]], tuple[list[DetectionRule], Written]]:
    """The rules that load, and by their ids what was written."""

    def rules(written: list[dict[str, Any]]) -> tuple[list[DetectionRule], Written]:
        path = tmp_path / "made_up.yml"
        path.write_text(yaml.safe_dump_all(written, sort_keys=False, allow_unicode=True), "utf-8")
        found = list(load([path]).detections)
        by_name = {one["name"]: one for one in written}
        return found, {rule.head.id: by_name[str(rule.head.name)] for rule in found}

    return rules


def search(**fields: Any) -> dict[str, Any]:
    """A rule on the log source of these tests: all of the fields."""
    return {"logsource": {"category": "test"}, "detection": {"s": fields, "condition": "s"}}


def named(*rules: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"title": f"rule {at}", "name": f"r{at}", **rule} for at, rule in enumerate(rules)]


def agree(rules: list[DetectionRule], written: Written, events: Iterable[Event], fresh_every: int = 0) -> int:
    """How many matches there were; at every so many events a fresh detector gives the same reasons, too."""
    detector, held = Detector(rules), 0
    for number, event in enumerate(events):
        as_it_was = dict(event.fields)
        found = detector.detect(event)

        expected = [
            rule.head.id
            for rule in rules
            if rule.logsource.covers(event.logsource) and slow_sigma.matches(written[rule.head.id], event)
        ]
        got = [match.rule.id for match in found]
        apart = [(rule, written[rule]["detection"]) for rule in {*got} ^ {*expected}]
        assert got == expected, (number, as_it_was, event.original, apart)
        if fresh_every and number % fresh_every == 0:
            again = Detector(rules).detect(event)
            assert [match.why for match in found] == [match.why for match in again], (number, as_it_was)
        event.fields.pop("tieline.truncated", None)
        assert event.fields == as_it_was or _has_nan(as_it_was)
        held += len(found)
    return held


def _has_nan(value: Any) -> bool:
    return "nan" in repr(value)


@pytest.mark.parametrize("seed", range(8 * DEEP))
def test_a_stream_of_repeated_and_new_values_is_seen_as_if_each_event_were_the_first(loaded: Any, seed: int) -> None:
    made = sigma_streams.Made(seed)
    rules, written = loaded(made.rules(24))

    events = [made.event(novelty=(0.02, 0.1, 0.5)[seed % 3]) for _ in range(350)]
    held = agree(rules, written, [*events, *random.Random(seed).sample(events, 100)], fresh_every=15)

    assert len(rules) > 12
    assert held > 50


@pytest.mark.parametrize("seed", range(3 * DEEP))
def test_more_distinct_values_than_any_memo_holds_change_nothing(loaded: Any, seed: int) -> None:
    made = sigma_streams.Made(1_000 + seed)
    rules, written = loaded(
        named(
            search(**{"CommandLine|contains": ["-ab", "7 "], "ip|cidr": "10.0.0.0/8"}),
            search(**{"CommandLine|startswith": "x", "n|gte": 5_000}),
            search(**{"n": [1, "true", 9_999], "a|exists": True}),
            search(**{"a|re": "^x[0-9]+7$", "CommandLine|neq": "x"}),
        )
    )

    def events() -> Iterable[Event]:
        rng = made.rng
        for number in range(20_000):
            fields: dict[str, Any] = {
                "CommandLine": f"{rng.choice('xyz')} {rng.choice(('-ab', '/ab', ''))} {number if rng.random() < 0.9 else 7} ",
                "ip": f"{rng.choice((10, 192))}.{number % 251}.{number // 251}.{rng.randrange(3)}",
                "n": rng.choice((number, str(number), float(number), True, 1, 1.0, "1")),
                "a": rng.choice((f"x{number}", "x7", None)),
            }
            if rng.random() < 0.2:
                del fields[rng.choice(list(fields))]
            yield Event(fields, number, str(number), TEST)

    assert agree(rules, written, events()) > 1_000


EQUAL_AS_KEYS: list[list[Any]] = [
    [1, True, 1.0, "1", "true", "1.0", [1], [True], (1,), (True,), [1.0], ["1"], ["true"]],
    [0, False, 0.0, -0.0, "0", "-0.0", "false", [0], [False], [-0.0], [0, False], [False, 0]],
    [None, [None], [], "", [""], {}, "null", float("nan"), [float("nan")], float("inf"), "inf", "nan"],
    ["a", ["a"], ("a",), [["a"]], ("a", ()), b"a", {"a": "a"}, [{"a": "a"}], "A", ["A"], ["A", "a"], ["a", "A"]],
    [2**53, 2**53 + 1, float(2**53), str(2**53), 1e15, 10**15, 1e16, 10**16, 1e22, 10**22, 10**400],
    [10, 10.0, "10", "10.0", "1e1", " 10 ", [10, "x"], ["x", 10.0], ("x", 10)],
]
"""Each row holds values of which some are equal, or nearly so, and mean different things."""


@pytest.mark.parametrize("row", range(len(EQUAL_AS_KEYS)))
def test_values_that_are_equal_as_keys_are_not_taken_for_one_another(loaded: Any, row: int) -> None:
    values = EQUAL_AS_KEYS[row]
    tests: list[dict[str, Any]] = [
        {"f": None},
        {"f": ""},
        {"f": "*"},
        {"f|exists": True},
        {"f|re": "^1"},
        {"f|gte": 1},
        {"f|lt": 10},
    ]
    tests += [
        {"f": value}
        for value in ("1", "true", "0", "false", "a", "10", "1.0", "-0.0", "10.0", "nan", "null", "1e+22", str(2**53))
    ]
    tests += [
        {"f|cased": "a"},
        {"f|cased": "A"},
        {"f|contains": "0"},
        {"f|fieldref": "g"},
        {"f|cased|fieldref": "g"},
        {"f.a": "a"},
    ]
    both = [{**one, "g": value} for one in tests for value in ("1", "a")]
    rules, written = loaded(named(*(search(**one) for one in (*tests, *both))))
    rng = random.Random(row)

    def events() -> Iterable[Event]:
        for number in range(len(values) * 40):
            fields = {"f": values[number] if number < len(values) else rng.choice(values)}
            if rng.random() < 0.6:
                fields["g"] = rng.choice((*values, "1", "a"))
            if rng.random() < 0.1:
                del fields["f"]
            yield Event(fields, number, str(number), TEST)

    assert len(rules) == len(tests) + len(both)
    assert agree(rules, written, events(), fresh_every=11) > len(values)


def test_an_absent_field_is_remembered_apart_from_a_null(loaded: Any) -> None:
    rules, written = loaded(
        named(search(f=None), search(**{"f|exists": False}), search(**{"f|exists": True}), search(f=""))
    )
    kinds: list[dict[str, Any]] = [{}, {"f": None}, {"f": ""}, {"g": 1}, {"f": None, "g": 1}, {"f": [None]}, {"f": []}]
    rng = random.Random(7)

    events = [Event(dict(rng.choice(kinds)), at, str(at), TEST) for at in range(300)]

    assert agree(rules, written, events, fresh_every=3) > 200


@pytest.mark.parametrize("size", [65_530, 65_535, 65_536, 65_537, 70_000])
def test_long_values_are_seen_to_the_same_character(loaded: Any, size: int) -> None:
    rules, written = loaded(
        named(
            search(**{"f|contains": "evil"}),
            search(**{"f|endswith": "evil"}),
            search(**{"f|startswith": "evil", "g": "1"}),
            search(**{"f|re": "ev.l"}),
            search(f="*evil*y*"),
            search(**{"f|fieldref": "h"}),
        )
    )
    texts = [
        "x" * (size - 4) + "evil",
        "x" * size + "evil",
        "evil" + "y" * size,
        "ß" * size + "evil",
        "x" * (size - 5) + "EVILy",
    ]
    values: list[Any] = [
        *texts,
        [texts[0]],
        ["y", texts[0]],
        [texts[2], "evil"],
        ["y" * 40_000, "x" * 20_000 + "evil", "evil"],
    ]

    def events() -> Iterable[Event]:
        for number, value in enumerate(values * 3):
            yield Event({"f": value, "g": number % 2, "h": values[0]}, number, str(number), TEST)

    assert agree(rules, written, events(), fresh_every=4) > 10


def test_log_sources_in_turn_do_not_share_answers(loaded: Any) -> None:
    sources = [
        {"product": product, **more} for product in "pqr" for more in ({}, {"service": "s"}, {"category": "test"})
    ]
    rules, written = loaded(
        named(
            *({**search(f=value), "logsource": source} for source in sources for value in ("a", "b")),
            *({**search(**{"g|contains": "a", "f": "b"}), "logsource": source} for source in sources),
        )
    )
    rng = random.Random(3)

    def events() -> Iterable[Event]:
        for number in range(2_000):
            source = LogSource(
                rng.choice(("p", "q", "r", None)), rng.choice(("test", None)), rng.choice(("s", "t", None))
            )
            yield Event({"f": rng.choice("abc"), "g": rng.choice(("a", "xax", "b"))}, number, str(number), source)

    assert agree(rules, written, events(), fresh_every=50) > 1_000


def test_rules_that_share_most_of_their_tests_are_told_apart(loaded: Any) -> None:
    """Many rules of several conjunctive fields, each of which holds often by itself and seldom together."""
    values = ("ab", "cd", "ef", "gh")
    fields = ("a", "b", "d", "e")
    rng = random.Random(11)
    rules, written = loaded(
        named(
            *(
                search(
                    **{
                        f"{name}{rng.choice(('', '|contains', '|startswith', '|neq'))}": rng.choice(values)
                        for name in rng.sample(fields, 3)
                    }
                )
                for _ in range(120)
            )
        )
    )

    def events() -> Iterable[Event]:
        for number in range(600):
            seen = {
                name: rng.choice((*values, "xab", "ab" + "x" * rng.randrange(3), f"{number}"))
                for name in fields
                if rng.random() < 0.9
            }
            yield Event(seen, number, str(number), TEST)

    assert agree(rules, written, events(), fresh_every=25) > 1_000
