"""What is wrong with a rule is said with file, line and the mend, and never stops the rest."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.ruleset.lint import lint
from engine.ruleset.load import Ruleset, load

Rules = Callable[..., Ruleset]

HEAD = "title: t\nlogsource: {product: p}\ndetection:\n"
GOOD = "title: good\nlogsource: {product: p}\ndetection: {s: {a: b}, condition: s}\n"


def in_search(text: str) -> str:
    return HEAD + "  s:\n    ok: 1\n    " + text + "\n  condition: s\n"  # the fault is in line 6


def with_condition(text: str) -> str:
    return HEAD + "  s: {a: 1}\n  t: {b: 1}\n  condition: " + text + "\n"  # line 6


@pytest.mark.parametrize(
    ("written", "line", "says"),
    [
        (in_search("f|contain: x"), 6, "unknown modifier 'contain'; did you mean 'contains'?"),
        (in_search("f|re: '(a'"), 6, "invalid"),
        (in_search("f|re: 5"), 6, "no text"),
        (in_search("f|contains|re: a"), 6, "unmodified"),
        (in_search("f|cidr: 10.0.0.1/8"), 6, "host bits"),
        (in_search("f|cidr: nonsense"), 6, "CIDR"),
        (in_search("f|gt: x"), 6, "number"),
        (in_search("f|exists: maybe"), 6, "true or false"),
        (in_search("f|contains: null"), 6, "null takes no modifier"),
        (in_search("f|base64: 'a*'"), 6, "wildcards"),
        (in_search("f|fieldref: 'a*'"), 6, "wildcards"),
        (in_search("f: [a, null]"), 6, "null stands in a list"),
        (in_search("f: {g: 1}"), 6, "itself a list or a mapping"),
        (in_search("f|gt: .inf"), 6, "write a number"),
        (in_search("f|gt: .nan"), 6, "write a number"),
        (in_search("f|gt: 2026-01-01"), 6, "write a number"),
        (in_search("ok: 2"), 6, "stands twice"),
        (in_search("f|windash|base64: '-a -b -c -d -e -f -g'"), 6, "dashes"),
        (HEAD + "  s: {}\n  condition: s\n", 4, "empty"),
        (HEAD + "  s: []\n  condition: s\n", 4, "empty"),
        (HEAD + "  s:\n  condition: s\n", 4, "empty"),
        (HEAD + "  condition: s\n", 4, "no search"),
        (HEAD + "  s: {a: 1}\n", 4, "no 'condition'"),
        (with_condition("u"), 6, "'u' (column 1), which is no search"),
        (with_condition("s and tt"), 6, "did you mean 't'?"),
        (with_condition("1 of sel*"), 6, "no search matches 'sel*'"),
        (with_condition("all of sel*"), 6, "no search matches 'sel*'"),
        (with_condition("s and"), 6, "ends too early (column 6)"),
        (with_condition("s AND t"), 6, "write 'and' in lower case"),
        (with_condition("s t"), 6, "column 3"),
        (with_condition("(s or t"), 6, "1 '(' but 0 ')'"),
        (with_condition("s | count() > 5"), 6, "correlation"),
        (with_condition("''"), 6, "empty"),
        (with_condition("[]"), 6, "empty"),
        (with_condition("{a: 1}"), 6, "no text"),
        (with_condition("(" * 100 + "s" + ")" * 100), 6, "nested deeper"),
        (with_condition("not " * 100 + "s"), 6, "nested deeper"),
        (with_condition(" or ".join(["s"] * 1500)), 6, "words"),
        ("title: t\ndetection: {s: {a: 1}, condition: s}\n", 1, "no 'logsource'"),
        ("title: t\nlogsource: x\ndetection: {s: {a: 1}, condition: s}\n", 2, "no mapping"),
        ("title: t\nlogsource: {product: 5}\ndetection: {s: {a: 1}, condition: s}\n", 2, "no text"),
        ("title: t\nlogsource: {product: p}\n", 1, "neither 'detection'"),
        ("title: t\nlogsource: {product: p}\ndetection: x\n", 3, "no mapping"),
        ("logsource: {product: p}\ndetection: {s: {a: 1}, condition: s}\n", 1, "title"),
        ("title: [a]\nlogsource: {product: p}\ndetection: {s: {a: 1}, condition: s}\n", 1, "no text"),
        ("title: t\nid: nonsense\n" + HEAD[9:] + "  s: {a: 1}\n  condition: s\n", 2, "UUID"),
        ("title: t\nlevel: hihg\n" + HEAD[9:] + "  s: {a: 1}\n  condition: s\n", 2, "level"),
        ("title: t\ntags:\n  - attack.t0855\n  - odd\n" + HEAD[9:] + "  s: {a: 1}\n  condition: s\n", 4, "namespace"),
        ("action: global\ntitle: t\n", 1, "write each rule out"),
        ("- name: x\n", 1, "a rule is a mapping"),
        ("just text\n", 1, "a rule is a mapping"),
    ],
)
def test_a_fault_is_named_with_its_line(
    rules: Rules, tmp_path: Path, written: str, line: int, says: str
):  # traps 22, 25
    ruleset = rules(written, GOOD)

    errors = [str(problem) for problem in ruleset.errors]
    assert any(says in error and error.startswith(f"{tmp_path / '0.yml'}:{line}: error: ") for error in errors), errors
    assert [rule.head.title for rule in ruleset.detections] == ["good"]


def test_one_bad_document_leaves_its_neighbours(rules: Rules):
    ruleset = rules(GOOD + "---\ntitle: bad\n---\n" + GOOD.replace("good", "also good"))

    assert [rule.head.title for rule in ruleset.detections] == ["good", "also good"]
    assert [problem.line for problem in ruleset.errors] == [5]


def test_what_cannot_be_read_is_named(rules: Rules, tmp_path: Path):
    (tmp_path / "binary.yml").write_bytes(b"\x00\xff\xfe")
    (tmp_path / "empty.yml").write_bytes(b"")

    ruleset = load([tmp_path, tmp_path / "absent"])

    said = {Path(problem.path).name: problem.severity for problem in ruleset.problems}
    assert said == {"binary.yml": "error", "empty.yml": "warning", "absent": "error"}


def test_odd_things_in_a_folder_of_rules_are_named_and_do_not_stop_the_rest(tmp_path: Path):
    (tmp_path / "good.yml").write_text(GOOD)
    os.mkfifo(tmp_path / "pipe.yml")
    (tmp_path / "circle.yml").symlink_to("circle.yml")
    (tmp_path / "nowhere.yml").symlink_to("absent")
    (tmp_path / "again").symlink_to(".")
    (tmp_path / "huge.yml").write_bytes(b"# x\n" * 2_200_000)
    (tmp_path / "utf16.yml").write_bytes(GOOD.encode("utf-16"))

    ruleset = load([tmp_path])

    said = {Path(problem.path).name: problem.what for problem in ruleset.errors}
    assert list(said) == ["circle.yml", "huge.yml", "nowhere.yml", "pipe.yml", "utf16.yml"]
    assert "8800000 bytes" in said["huge.yml"]
    assert [rule.head.title for rule in ruleset.detections] == ["good"]


@pytest.mark.parametrize(
    "written",
    [
        HEAD
        + "  s:\n    f|contains:\n"
        + "".join(f"      - value {at}\n" for at in range(100_000))
        + "  condition: s\n",
        HEAD + "".join(f"  s{at}: {{a: {at}}}\n" for at in range(20_000)) + "  condition: 1 of s*\n",
        in_search("f: '" + "*a" * 50_000 + "'"),
        in_search("f|re: '" + "(a|b)" * 20_000 + "'"),
        in_search("f|windash|contains: '" + " -a" * 5_000 + "'"),
        in_search("f|re: '((((a{1,100}){1,100}){1,100}){1,100})'"),
        "title: " + "x" * 3_000_000 + "\n" + HEAD[9:] + "  s: {a: 1}\n  condition: s\n",
    ],
    ids=["values", "searches", "wildcards", "alternatives", "dashes", "counts", "title"],
)
def test_an_enormous_rule_is_read_in_bounded_time(rules: Rules, tmp_path: Path, written: str):
    began = time.monotonic()

    ruleset = rules(written, GOOD)
    lint([tmp_path])

    assert "good" in [rule.head.title for rule in ruleset.detections]
    assert time.monotonic() - began < 30


def test_every_finding_says_how_to_mend_it(rules: Rules, tmp_path: Path, sigmahq: Path):
    rules(
        in_search("f|re: '(a'"),
        in_search("f: 'a**b'"),
        with_condition("all of them"),
        with_condition("s"),
        GOOD.replace("a: b", "f|fieldref: [a, b]"),
        GOOD.replace("a: b", "f|startswith|all: [a, b]"),
        GOOD.replace("title: good", "title: good\ntags: [odd.tag, attack.t1086, tlp.purple]\ndate: soon\nrelated: 5"),
    )

    bare = [str(problem) for problem in [*lint([tmp_path]), *lint([sigmahq])] if not problem.mend]

    assert bare == []


def test_what_only_documents_a_rule_is_a_warning_until_the_lint(rules: Rules, tmp_path: Path):
    written = GOOD.replace("logsource: {product: p}", "logsource:\nrelated: [{id: x, type: obsoletes}]\ndate: soon")

    ruleset = rules(written)

    assert len(ruleset.detections) == 1
    assert [problem.severity for problem in ruleset.problems] == ["warning"] * 3
    assert sum(problem.severity == "error" for problem in lint([tmp_path])) == 3


def test_duplicate_ids_and_names_are_refused(rules: Rules):
    one = GOOD + "id: 4bd9b0e9-7ddc-4b5e-94dc-b0f2b8e9e1c5\nname: same\n"
    other_id = GOOD + "id: 4BD9B0E9-7DDC-4B5E-94DC-B0F2B8E9E1C5\n"
    other_name = GOOD + "name: same\n"

    ruleset = rules(one, other_id, other_name)

    assert len(ruleset.detections) == 1
    assert ["0.yml:4" in error.what or "0.yml:5" in error.what for error in ruleset.errors] == [True, True]
    assert [error.line for error in ruleset.errors] == [4, 4]


def test_rules_without_id_get_one_of_their_own_and_keep_it(rules: Rules):
    first = rules(GOOD, GOOD, GOOD.replace("good", "other"))
    again = rules(GOOD, GOOD, GOOD.replace("good", "other"))

    ids = [rule.head.id for rule in first.detections]
    assert len(set(ids)) == 3
    assert ids == [rule.head.id for rule in again.detections]
    assert [problem.severity for problem in first.problems] == ["warning"]


def test_files_are_taken_once_sorted_and_not_from_tests(tmp_path: Path):
    for name in ("b/1.yaml", "a/2.yml", "a/.hidden.yml", "tests/case.yml", ".git/x.yml", "a/tests/3.yml", "note.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GOOD.replace("good", name))

    ruleset = load([tmp_path, tmp_path / "a", tmp_path / "a" / "2.yml"])

    assert [rule.head.title for rule in ruleset.detections] == ["a/2.yml", "a/tests/3.yml", "b/1.yaml"]


_words = st.sampled_from(
    [
        "title",
        "id",
        "name",
        "logsource",
        "product",
        "detection",
        "condition",
        "s",
        "sel",
        "1",
        "of",
        "them",
        "and",
        "or",
        "not",
        "correlation",
        "type",
        "rules",
        "group-by",
        "timespan",
        "event_count",
        "temporal",
        "value_count",
        "gte",
        "field",
        "aliases",
        "generate",
        "filter",
        "any",
        "level",
        "high",
        "tags",
        "attack.t0855",
        "f|re",
        "f|cidr",
        "f|all",
        "f|windash|contains",
        "f|expand|base64offset",
        "%x%",
        "5m",
        "10.0.0.0/8",
        "(a+)+",
        "tieline",
        "skew",
        "1s",
        "action",
        "global",
        "status",
        "related",
    ]
)
_scalars = st.none() | st.booleans() | st.integers() | st.floats() | _words | st.text(max_size=8) | st.dates()
_documents = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words | st.text(max_size=5), inner, max_size=6),
    max_leaves=20,
)
_rules = st.fixed_dictionaries(
    {"title": st.just("t") | _documents},
    optional={
        "id": st.uuids().map(str) | _documents,
        "logsource": st.just({"product": "p"}) | _documents,
        "detection": st.dictionaries(_words, _documents, max_size=4) | _documents,
        "correlation": st.dictionaries(_words, _documents, max_size=6) | _documents,
        "filter": st.dictionaries(_words, _documents, max_size=4) | _documents,
        "tags": _documents,
        "level": _documents,
        "tieline": _documents,
    },
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(_rules | _documents, max_size=3))
def test_any_document_is_a_rule_or_a_problem(tmp_path: Path, made: list):  # trap 41
    path = tmp_path / "made.yml"
    path.write_text(yaml.safe_dump_all(made, allow_unicode=True), encoding="utf-8")

    problems = lint([path], ours=True)

    assert all(problem.what and problem.path for problem in problems)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text(alphabet="title: logsurcdeni{}[]|&*!\n-'\"", max_size=80).map(str.encode))
def test_any_bytes_are_a_rule_or_a_problem(tmp_path: Path, data: bytes):
    path = tmp_path / "made.yml"
    path.write_bytes(data)

    ruleset = load([path])

    assert ruleset.problems


def test_every_live_rule_of_sigmahq_loads(outside: Path, sigmahq: Path):
    ruleset = load([folder for folder in sorted(sigmahq.iterdir()) if folder.name != "rules-placeholder"])

    assert len(ruleset.detections) + len(ruleset.disabled) == 3757
    assert len(ruleset.disabled) == 2
    assert ruleset.errors == []
    assert dedent(ruleset.problems[0].what).startswith("'ADCS - Certighost")
