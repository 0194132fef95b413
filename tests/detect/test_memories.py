"""What the hot path remembers is bounded, and wrong for no event, whoever chooses the values."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import pytest
import yaml

from engine.detect import Detector, bucket, column
from engine.detect.clauses import clauses
from engine.model import Event, LogSource
from engine.ruleset.detection import DetectionRule
from engine.ruleset.load import load

TEST = LogSource(category="test")
WORDS = [f"w{at:02}" for at in range(12)]

Rules = Callable[..., list[DetectionRule]]


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    """One rule for each detection, named by its number."""

    def rules(*detections: dict[str, Any]) -> list[DetectionRule]:
        path = tmp_path / "made_up.yml"
        written = [
            {"title": f"rule {at}", "name": str(at), "logsource": {"category": "test"}, "detection": one}
            for at, one in enumerate(detections)
        ]
        path.write_text(yaml.safe_dump_all(written, sort_keys=False, allow_unicode=True), "utf-8")
        return list(load([path]).detections)

    return rules


def search(**fields: Any) -> dict[str, Any]:
    return {"s": fields, "condition": "s"}


def found(detector: Detector, fields: dict[str, Any], original: bytes = b"{") -> list[int]:
    return [int(str(one.rule.name)) for one in detector.detect(Event(fields, 0, "e", TEST, original=original))]


def of_words(rules: Rules) -> Detector:
    return Detector(rules(*(search(**{"f|contains": word}) for word in WORDS)))


def held(number: int) -> list[int]:
    return [at for at in range(len(WORDS)) if number >> at & 1]


def text(number: int) -> str:
    return " ".join(WORDS[at] for at in held(number))


def test_the_event_at_which_a_memory_of_answers_starts_afresh_has_its_own_answer(
    rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column, "REMEMBERED", 50)
    detector = of_words(rules)

    for number in range(2_000):
        assert found(detector, {"f": f"{number} {text(number)}"}) == held(number)


@pytest.mark.parametrize("timer", [None, perf_counter_ns])
def test_values_in_turn_through_a_small_memory_of_answers_have_their_own(
    rules: Rules, monkeypatch: pytest.MonkeyPatch, timer: Any
) -> None:
    monkeypatch.setattr(column, "REMEMBERED", 5)
    monkeypatch.setattr(bucket, "TOLD", 7)
    monkeypatch.setattr(bucket, "ANSWERS", 3)
    monkeypatch.setattr(bucket, "LAYOUTS", 2)
    both = [search(**{"f|contains": word, "g|contains": word}) for word in WORDS[:4]]
    detector = Detector(rules(*both), timer=timer)

    for number in range(3_000):
        f, g = number * 7 % 16, number * number % 13
        fields = {"f": text(f), "g": text(g), f"h{number % 3}": 1}
        assert found(detector, fields) == held(f & g)


@pytest.mark.parametrize("kind", [lambda text: "x" * 5_000 + text, lambda text: [1, text], lambda text: [text]])
def test_answers_to_values_too_odd_to_be_remembered_are_forgotten_too(
    rules: Rules, monkeypatch: pytest.MonkeyPatch, kind: Callable[[str], Any]
) -> None:
    monkeypatch.setattr(column, "REMEMBERED", 50)
    detector = of_words(rules)

    for number in range(500):
        assert found(detector, {"f": kind(text(number))}) == held(number)

    (made,) = detector._buckets.values()
    assert len(made._columns["f"].answers) <= 50


def test_lists_of_nothing_much_fill_no_memory(rules: Rules) -> None:
    detector = of_words(rules)

    for number in range(100):
        found(detector, {"f": [""] * (1_000 + number)})

    (made,) = detector._buckets.values()
    assert sum(map(len, made._columns["f"]._odd)) < 1_000


def test_names_that_a_sender_makes_up_fill_no_memory(rules: Rules) -> None:
    detector = of_words(rules)

    for number in range(200):
        assert found(detector, {"f": text(5), **{f"{number}.{at}.{'x' * 50}": at for at in range(400)}}) == [0, 2]
    assert found(detector, {"f": text(5), **{f"{at}.{'x' * 50}": at for at in range(4_000)}}) == [0, 2]

    (made,) = detector._buckets.values()
    assert sum(len(name) for names in made._layouts for name in names) < 4_000_000
    assert max(map(len, made._layouts)) < 1_000


def test_a_look_at_the_cost_keeps_what_is_remembered(rules: Rules) -> None:
    detector = Detector(rules(search(f="a")), timer=perf_counter_ns)

    for number in range(200):
        found(detector, {"f": "abc"[number % 3]})

    (made,) = detector._buckets.values()
    (layout,) = made._layouts.values()
    assert len(layout.answers) == 2


def test_a_number_that_also_reads_as_yes_is_asked_about_once(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Detector(rules(search(f=1), search(f=0)))
    asked = []
    answer = column.Column._answer
    assert found(detector, {"f": 1}) == [0]

    monkeypatch.setattr(column.Column, "_answer", lambda self, values: asked.append(values) or answer(self, values))

    assert found(detector, {"f": 1}) == [0]
    assert found(detector, {"f": True}) == []
    assert len(asked) <= 1


def test_conjuncts_of_keywords_or_fields_do_not_multiply(rules: Rules) -> None:
    searches = {f"s{at}": [f"evil{at}", {f"f{at}": "a"}] for at in range(40)}
    (rule,) = rules({**searches, "condition": "all of s*"})

    assert len(clauses(rule.condition, lambda name: True)) <= 8
    detector = Detector([rule])
    assert found(detector, {f"f{at}": "a" if at % 3 else f"EVIL{at}" for at in range(40)}) == [0]
    assert found(detector, {f"f{at}": "a" if at % 3 else f"EVIL{at}" for at in range(39)}) == []


READ_OTHERWISE = [
    (r"a\Sb", "a\x0bb"),
    (r"a[^\s]b", "a\x0bb"),
    (r"a[^\v]b", "a\nb"),
    (r"^[^\]\s]+$", "\x0b"),
    (r"é?x", "x"),
    (r"caf(?:é*|q)z", "cafz"),
    ("(?i)\u212aill", "kill"),
    ("(?i)\u017fecret", "secret"),
    ("a|b\0|c", "c"),
    (r"(?!x)a{,2}b", "aab"),
    (r"(?!x)a\sb", "a\x0bb"),
    (r"(?i)(?!x)s(?=it)it", "s\u0130t"),
]
"""Expressions with a text in which they are found, and would not be if Hyperscan were believed."""


@pytest.mark.parametrize(("pattern", "value"), READ_OTHERWISE, ids=ascii)
def test_an_expression_is_found_wherever_its_own_engine_finds_it(rules: Rules, pattern: str, value: str) -> None:
    detector = Detector(rules(search(**{"f|re": pattern}), search(**{"f|re": "zzz"})))

    assert found(detector, {"f": value}) == [0]
    assert found(detector, {"f": ["q", value]}) == [0]


def test_a_line_feed_that_is_looked_for_is_not_the_one_between_two_elements(rules: Rules) -> None:
    detector = Detector(rules(search(**{"f|contains": "a\nb"})))

    assert found(detector, {"f": ["xa", "bx"]}) == []
    assert found(detector, {"f": ["xa", "a\nb"]}) == [0]


def test_a_keyword_is_found_in_a_number_in_a_yes_and_in_an_object(rules: Rules) -> None:
    keywords = [{"k": [word, "evil"], "condition": "k"} for word in ("4711", "tru", "e+2")]
    detector = Detector(rules(search(f="a"), *keywords))

    for _ in range(2):
        assert found(detector, {"f": "x", "n": 47110}) == [1]
        assert found(detector, {"f": "x", "n": True}) == [2]
        assert found(detector, {"f": "x", "n": 1e22}) == [3]
        assert found(detector, {"f": {"g": "evil"}}) == [1, 2, 3]
        assert found(detector, {"f": [1, "evil"]}) == [1, 2, 3]
        assert found(detector, {"f": "x", "n": ["evil"]}) == [1, 2, 3]
        assert found(detector, {"f": "x", "n": "x"}, b"\xff EVIL") == [1, 2, 3]
        assert found(detector, {"f": "x", "n": "x"}) == []


def test_a_field_too_long_is_said_each_time_it_comes(rules: Rules) -> None:
    detector = Detector(rules(search(**{"f|contains": "evil"}), search(f="a", **{"g|fieldref": "h"})))

    for at in range(1, 4):
        found(detector, {"f": "x" * 70_000})
        found(detector, {"f": "x"})
        assert detector.stats.truncated == at
    for at in range(4, 7):
        found(detector, {"f": "a", "g": "x" * 70_000, "h": "y"})
        found(detector, {"f": "a", "g": "x", "h": "y"})
        assert detector.stats.truncated == at


def test_a_reload_takes_over_nothing_of_rules_that_changed(rules: Rules) -> None:
    old = Detector(rules(search(f="a"), search(f="b")))
    found(old, {"f": "a"})

    new = Detector(rules(search(f="a"), search(f="c")))
    new.prepare(old)

    assert found(new, {"f": "c"}) == [1]
    assert found(new, {"f": "b"}) == []


def test_each_of_several_wants_of_a_field_may_be_met_by_another_element(rules: Rules) -> None:
    some = {"s": {"f|contains|all": ["evil", "cmd"]}, "n": {"f|endswith": "x"}}
    detector = Detector(rules({**some, "condition": "s"}, {**some, "condition": "s and not n"}))

    assert found(detector, {"f": ["an evil", "cmd"]}) == [0, 1]
    assert found(detector, {"f": ["evil cmd", "x"]}) == [0]
    assert found(detector, {"f": ["evil", "x"]}) == []


def test_an_expression_found_in_thousands_of_places_hides_no_other(rules: Rules) -> None:
    detector = Detector(rules(search(**{"f|re": "a+"}), search(**{"f|re": "[yz]{2}9"})))

    assert found(detector, {"f": "a" * 3_000 + "zz9"}) == [0, 1]


def test_a_keyword_is_found_in_a_list_that_was_text_before_and_beside_an_object(rules: Rules) -> None:
    detector = Detector(rules(search(**{"c.d": "a"}), {"k": ["evil", "bad"], "condition": "k"}))

    assert found(detector, {"n": "x"}) == []
    assert found(detector, {"n": ["evil"]}) == [1]
    assert found(detector, {"c": {"x": 1}, "n": "evil"}) == [1]


def test_an_expression_that_runs_away_is_given_up_and_the_event_marked(rules: Rules) -> None:
    detector = Detector(rules(search(**{"f|re": r"(?=a)a*a*a*a*a*a*c"}), search(**{"f|contains": "end"})))
    event = Event({"f": "c b " + "a" * 3_000 + "! end"}, 0, "e", TEST)

    held = detector.detect(event)  # without a limit it takes years

    assert [one.rule.name for one in held] == ["1"]
    assert event.fields.get("tieline.truncated") is True
