"""The compiled detector says what the slow evaluator says, on rules and events made by Hypothesis."""

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import slow_sigma
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.detect import Detector
from engine.model import Event, LogSource
from engine.ruleset.load import load

FIELDS = ("a", "b", "c.d", "@timestamp")
WORDS = (
    "",
    "x",
    "ab",
    "AB",
    "abc",
    "ß",
    "SS",
    "a*b",
    "*ab",
    "a?",
    "x\\*",
    "c:\\ab\\",
    "10",
    "10.0",
    "true",
    "\\",
    "-ab",
    "*",
)

words = st.one_of(st.sampled_from(WORDS), st.text("abAB*?\\ x-/.1é", max_size=6))
scalars = st.one_of(words, st.integers(-3, 12), st.booleans())
addresses = st.sampled_from(("10.0.0.1", "10.1.0.1", "::ffff:10.0.0.9", "192.0.2.1", "2001:db8::1", "10.0.0"))
times = st.sampled_from(("2026-01-01T03:30:00Z", "2026-02-28 23:59:59", "1767225600", 1767225600, "soon"))


def items(modifiers: str, values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[tuple[str, Any]]:
    fields = st.sampled_from([f"{field}{modifiers}" for field in FIELDS])
    return st.tuples(fields, st.one_of(values, st.lists(values, min_size=2, max_size=most, unique_by=repr)))


selections = st.one_of(
    items("", scalars),
    st.tuples(st.sampled_from(FIELDS), st.none()),
    items("|cased", words),
    *(items(f"|{how}", words.filter(bool)) for how in ("contains", "startswith", "endswith", "contains|cased")),
    st.tuples(st.sampled_from(["a|contains|all", "b|endswith|all"]), st.lists(words.filter(bool), min_size=2, max_size=3)),
    items("|neq", st.sampled_from(("ab", "x", "10"))),
    items("|re", st.sampled_from(("a+b", "^x", "[0-9]{2}", "b$", "(?:ab|x)c?", "A.c"))),
    items("|re|i", st.sampled_from(("a+b", "^X", "ABC|x"))),
    items("|cidr", st.sampled_from(("10.0.0.0/24", "2001:db8::/32", "10.0.0.0/8"))),
    *(items(f"|{how}", st.integers(-2, 12)).filter(lambda i: not isinstance(i[1], list)) for how in ("lt", "lte", "gt", "gte")),
    st.tuples(st.sampled_from(["a|exists", "c.d|exists"]), st.booleans()),
    st.tuples(st.sampled_from(["a|fieldref", "a|fieldref|contains", "c.d|fieldref|startswith"]), st.just("b")),
    st.tuples(st.sampled_from(["b|base64offset|contains", "b|wide|base64offset|contains"]), st.just("ab")),
    items("|hour", st.sampled_from((3, 23, 0))).filter(lambda i: not isinstance(i[1], list)),
)  # fmt: skip
maps = st.lists(selections, min_size=1, max_size=3, unique_by=lambda item: item[0]).map(dict)
keywords = st.lists(words.filter(lambda word: bool(word.strip("*"))), min_size=1, max_size=3)
searches = st.one_of(maps, maps, st.lists(maps, min_size=1, max_size=2), keywords)
conditions = st.sampled_from(
    (
        "s1",
        "s1 and s2",
        "s1 or s2",
        "s1 and not s2",
        "not s1",
        "not (s1 and s2) or s3",
        "1 of s*",
        "all of them",
        "s1 and not 1 of s2*",
        "2 of them",
        "(s1 or s2) and not s3",
    )
)
rules = st.builds(
    lambda one, two, three, condition: {"detection": {"s1": one, "s2": two, "s3": three, "condition": condition}},
    searches,
    searches,
    searches,
    conditions,
)

plain = st.one_of(
    scalars, st.none(), addresses, times, st.floats(allow_nan=True), st.just(2.0), st.integers(), st.binary(max_size=3)
)
values = st.recursive(plain, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abd"), inner, max_size=2)), max_leaves=4)  # fmt: skip
events = st.dictionaries(st.sampled_from(("a", "b", "c.d", "c", "other")), values, max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(rules, min_size=1, max_size=6), st.lists(st.tuples(events, st.sampled_from((b"", b"xabc"))), max_size=8)
)
def test_the_fast_detector_agrees_with_the_slow_evaluator(
    tmp_path_factory: Any, written: list[dict[str, Any]], seen: list[tuple[dict[str, Any], bytes]]
) -> None:
    path = tmp_path_factory.mktemp("rules") / "made_up.yml"
    for at, rule in enumerate(written):
        rule |= {"title": f"rule {at}", "name": f"r{at}", "logsource": {"category": "test"}}
    path.write_text(yaml.safe_dump_all(written, sort_keys=False, allow_unicode=True), "utf-8")
    loaded = load([path]).detections
    detector = Detector(loaded)
    known = {rule.head.name: rule for rule in loaded}

    for fields, original in [*seen, *seen]:  # the second time from the memo
        event = Event(dict(fields), 1_767_237_000_000_000_000, "e1", LogSource(category="test"), original=original)
        found = [match.rule.name for match in detector.detect(event)]

        expected = [rule["name"] for rule in written if rule["name"] in known and slow_sigma.matches(rule, event)]
        assert found == expected, (fields, written)


def test_sigmahq_agrees_on_real_linux_events(outside: Path, sigmahq: Path) -> None:
    folder = sigmahq / "rules" / "linux"
    loaded = load([folder]).detections
    written = {one["id"]: one for path in folder.rglob("*.yml") for one in slow_sigma.read(path.read_text("utf-8"))}
    detector = Detector(loaded)
    with gzip.open(outside / "bench" / "linux-20k.ndjson.gz", "rt") as lines:
        records = [json.loads(line) for line in islice(lines, 0, 20_000, 100)]

    for number, record in enumerate(records):
        source = LogSource(record.get("ls_product"), record.get("ls_category"), record.get("ls_service"))
        event = Event(record, 0, str(number), source, original=json.dumps(record).encode())
        found = {match.rule.id for match in detector.detect(event)}

        expected = {rule.head.id for rule in loaded if rule.logsource.covers(source) and slow_sigma.matches(written[rule.head.id], event)}  # fmt: skip
        assert found == expected, record
