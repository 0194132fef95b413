"""Case files."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.ruleset import cases
from engine.ruleset.cases import START_NS, Case, CaseEvent

SECOND = 10**9


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], tuple]:
    def one(text: str) -> tuple:
        path = tmp_path / "case.yml"
        path.write_text(dedent(text), encoding="utf-8")
        return cases.read(path)

    return one


def test_a_case_has_events_with_times_and_fields(read, tmp_path: Path):
    found, problems = read(
        """\
        - name: an office laptop writes one coil
          events:
            - {at: 0s, ot.operation: write, source.ip: 192.0.2.7}
            - {at: 1m30s, as: other, source: {port: 502, list: [1, {a: b}]}, when: 2026-01-02}
          fires: 1
        - {name: near miss, events: [{a: b}], fires: {one: 0, two: 2}}
        """
    )

    assert problems == []
    assert found == (
        Case(
            name="an office laptop writes one coil",
            path=str(tmp_path / "case.yml"),
            line=1,
            fires=1,
            events=(
                CaseEvent(START_NS, {"ot.operation": "write", "source.ip": "192.0.2.7"}),
                CaseEvent(
                    START_NS + 90 * SECOND,
                    {"source.port": 502, "source.list": [1, {"a": "b"}], "when": "2026-01-02"},
                    "other",
                ),
            ),
        ),
        Case("near miss", str(tmp_path / "case.yml"), 6, {"one": 0, "two": 2}, (CaseEvent(START_NS, {"a": "b"}),)),
    )


@pytest.mark.parametrize(
    ("written", "offset_ns"),
    [
        ("0s", 0),
        ("250ms", SECOND // 4),
        ("1m30s", 90 * SECOND),
        ("1h2m3s4ms5us6ns", 3723 * SECOND + 4_005_006),
        ("1.5s", 1_500_000_000),
        ("2d", 172_800 * SECOND),
        ("7", 7 * SECOND),
        ("0.25", SECOND // 4),
        ("2026-01-01T00:00:01.000000007Z", SECOND + 7),
        ("'2026-01-01T01:00:00+01:00'", 0),
        ("2026-01-01 00:01:00", 60 * SECOND),
    ],
)
def test_times_are_offsets_or_absolute(read, written: str, offset_ns: int):
    (case,), _ = read(f"- {{name: n, fires: 0, events: [{{at: {written}, a: b}}]}}")

    assert abs(case.events[0].at_ns - START_NS - offset_ns) <= (7 if "007Z" in written else 0)


@pytest.mark.parametrize("raw", ["'<34>one\n\n  two'", "['<34>one', 'two']"])
def test_raw_records_name_their_format(read, raw: str):
    (case,), problems = read(f"- {{name: n, format: openssh, fires: 1, raw: {raw}}}")

    assert problems == []
    assert (case.raw, case.format, case.events) == ("<34>one\ntwo\n", "openssh", ())


@pytest.mark.parametrize(
    ("written", "line", "says"),
    [
        ("name: x", 1, "a case file is a list"),
        ("- name: ok\n  fires: 0\n  events: [{a: b}]\n- text", 4, "a case is a mapping"),
        ("- fires: 0\n  events: [{a: b}]", 1, "no name"),
        ("- name: n\n  events: [{a: b}]", 1, "how often"),
        ("- name: n\n  fires: -1\n  events: [{a: b}]", 2, "no count"),
        ("- name: n\n  fires: yes\n  events: [{a: b}]", 2, "no count"),
        ("- name: n\n  fires: {r: x}\n  events: [{a: b}]", 2, "no count"),
        ("- name: n\n  fires: 0", 1, "either 'events' or 'raw'"),
        ("- name: n\n  fires: 0\n  events: []", 3, "no list of events"),
        ("- name: n\n  fires: 0\n  events:\n  - a", 4, "an event is a mapping"),
        ("- name: n\n  fires: 0\n  events:\n  - {at: 0s}", 4, "no field"),
        ("- name: n\n  fires: 0\n  events:\n  - {at: soon, a: b}", 4, "no time"),
        ("- name: n\n  fires: 0\n  events:\n  - {at: 1s2, a: b}", 4, "no time"),
        ("- name: n\n  fires: 0\n  events:\n  - {as: [x], a: b}", 4, "name of a rule"),
        ("- name: n\n  fires: 0\n  raw: x", 3, "needs a 'format'"),
        ("- name: n\n  fires: 0\n  raw: [1]\n  format: f", 3, "no text"),
        ("- name: n\n  fires: 0\n  format: f\n  events: [{a: b}]", 3, "'format' is for 'raw'"),
        ("- name: n\n  fire: 0\n  events: [{a: b}]", 2, "did you mean 'fires'?"),
        ("- name: [n", 2, "not YAML"),
    ],
)
def test_a_fault_is_named_with_its_line(read, tmp_path: Path, written: str, line: int, says: str):
    found, problems = read(written)

    (problem,) = problems
    assert str(problem).startswith(f"{tmp_path / 'case.yml'}:{line}: error: ")
    assert says in str(problem)
    assert len(found) == ("ok" in written)


CASE = "- {name: n, fires: 0, events: [{a: b}]}\n"


def tree(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CASE if "tests" in path.parts else "title: t\n")


def pairs(found: list[cases.CaseFile], root: Path) -> list[tuple[str, str]]:
    return [(str(Path(one.path).relative_to(root)), str(Path(one.rule).relative_to(root))) for one in found]


def test_cases_lie_in_tests_beside_the_rules(tmp_path: Path):
    tree(tmp_path, "mine/ot/a.yml", "mine/b.yml", "mine/tests/a.yml", "mine/tests/deep/b.yml", "tests/rules/b.yml")

    found, problems = cases.belonging(tmp_path / "mine", here=tmp_path)

    assert problems == []
    assert pairs(found, tmp_path) == [("mine/tests/a.yml", "mine/ot/a.yml"), ("mine/tests/deep/b.yml", "mine/b.yml")]


def test_else_in_tests_rules_under_the_current_directory(tmp_path: Path):
    tree(tmp_path, "rules/ot/a.yml", "rules/it/a.yml", "rules/it/b.yml", "tests/rules/ot/a.yml", "tests/rules/it/b.yml")

    whole, _ = cases.belonging(tmp_path / "rules", here=tmp_path)
    part, problems = cases.belonging(tmp_path / "rules" / "ot", here=tmp_path)

    assert pairs(whole, tmp_path) == [
        ("tests/rules/it/b.yml", "rules/it/b.yml"),
        ("tests/rules/ot/a.yml", "rules/ot/a.yml"),
    ]
    assert pairs(part, tmp_path) == [("tests/rules/ot/a.yml", "rules/ot/a.yml")]
    assert problems == []


def test_a_case_file_without_its_rule_is_an_error(tmp_path: Path):
    tree(tmp_path, "mine/abc.yml", "cases/tests/abd.yml")

    _, (problem,) = cases.belonging(tmp_path / "mine", cases=tmp_path / "cases" / "tests")

    assert (problem.severity, problem.mend) == ("error", "did you mean 'abc'?")


def test_no_folder_of_cases_is_an_error(tmp_path: Path):
    tree(tmp_path, "mine/a.yml")

    _, (problem,) = cases.belonging(tmp_path / "mine", here=tmp_path)

    assert problem.severity == "error"


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["0s", "1m", "f"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "events", "raw", "format", "fires", "at", "as", "a.b"]), inner, max_size=5
        )
    ),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_values, max_size=3) | _values)
def test_any_document_is_cases_or_problems(tmp_path: Path, made: object):
    path = tmp_path / "made.yml"
    path.write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")

    found, problems = cases.read(path)

    assert found or problems
