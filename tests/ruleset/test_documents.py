"""YAML with lines, and with bounds."""

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.ruleset.documents import MAX_DEPTH, Map, documents
from engine.ruleset.problem import Refused


def read(text: str):
    return [value for value, _ in documents(text.encode())]


def test_every_key_and_item_knows_its_line():
    ((document, line),) = documents(b"# comment\ntitle: t\nlist:\n  - a\n  - b: 1\n    c: 2\n")

    assert line == 2
    assert (document.at("title"), document.at("list")) == (2, 3)
    assert (document["list"].at(0), document["list"].at(1)) == (4, 5)
    assert document["list"][1].at("c") == 6


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: -31\nc: 1.5\nd: true\ne: False\nf: ~\ng:\nh: NULL\ni: 0\nj: '1'\nk: -0.25\n",
        "- a\n- 'b'\n- |\n  block\n  text\n- >\n  folded\n  text\n- \"\\u00e9\"\n",
        "base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}\nsame: *b\n",
        "--- \na: 1\n---\n---\nb: [1, [2, {c: d}]]\n...\n",
        "a: !!str 4625\nb: !!int '3'\n",
    ],
)
def test_the_values_are_those_of_the_safe_loader(text: str):
    assert read(text) == list(yaml.safe_load_all(text))


@pytest.mark.parametrize(
    "written",
    """yes no on off y n Yes NO On 0x1410 0o17 012 00000407 1_000 +5 -0 1.10 1.0 2.50 .5 1. 1e3 1.0e+3 .inf -.INF .nan
    12:30:45 190:20:30 2026-01-02 2026-01-02T03:04:05Z 1.2.3 = nUll tRue 0b101 -.5""".split(),  # noqa: SIM905
)
def test_a_plain_scalar_is_what_its_author_wrote(written: str):
    """YAML 1.1 makes numbers, dates and booleans of these, most of which would be compared in another spelling."""
    (document,) = read(f"a: {written}\nb: [{written}]\n")

    assert [document["a"], *document["b"]] == ([1.0, 1.0] if written == "1.0" else [written] * 2)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        ("4625", 4625),
        ("-1", -1),
        ("0", 0),
        ("0.5", 0.5),
        ("'4625'", "4625"),
        ("!!str 1", "1"),
        ("!!int 0x1f", 31),
    ],
)
def test_booleans_nulls_and_numbers_are_those_of_yaml_1_2(written: str, means: object):
    assert read(f"a: {written}") == [{"a": means}]
    assert type(read(f"a: {written}")[0]["a"]) is type(means)


def test_more_digits_than_a_number_has_are_text():
    assert read("a: " + "9" * 6000) == [{"a": "9" * 6000}]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from([0.5, -1.25, 1e10]) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
        max_leaves=12,
    )
)
def test_what_yaml_writes_is_read_back(value: object):
    text = yaml.safe_dump(value, allow_unicode=True)

    assert read(text) == list(yaml.safe_load_all(text))


def test_a_bomb_of_aliases_is_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    began = time.monotonic()

    with pytest.raises(Refused, match="aliases repeat") as refused:
        read("\n".join(lines))

    assert refused.value.line > 1
    assert time.monotonic() - began < 2


def test_an_anchor_may_not_hold_itself():
    with pytest.raises(Refused, match="has no anchor before it"):
        read("a: &a [*a]")


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_depth_is_bounded(opening: str):
    with pytest.raises(Refused, match="nested deeper"):
        read("x: " + opening * (MAX_DEPTH + 5))
    with pytest.raises(Refused):
        read(opening * 100_000)


def test_a_key_that_stands_twice_is_refused_with_both_lines():
    with pytest.raises(Refused, match=r"'b' stands twice .*first in line 2") as refused:
        read("a: 1\nb: 2\nc: 3\nb: 4\n")

    assert refused.value.line == 4


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1,\n", 3),
        ("a: 1\nb: 'x\n", 3),
        ("a: 1\n\tb: 2\n", 2),
        ("a: 1\nb: *none\n", 2),
        ("a: 1\nb: !!python/object/apply:os.system [echo]\n", 2),
        ("a: 1\nb: !secret x\n", 2),
        ("a: 1\nb: !!int x\n", 2),
        ("a: 1\n? [x]\n: 2\n", 2),
        ("a: 1\nb: !!int " + "9" * 6000 + "\n", 2),
        ("a: 1\nb: \x07\n", 2),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(text: str, line: int):
    with pytest.raises(Refused) as refused:
        read(text)

    assert refused.value.line == line


def test_bytes_that_are_no_utf8_are_refused_with_their_line():
    with pytest.raises(Refused, match="not UTF-8") as refused:
        list(documents(b"a: 1\nb: \xff\n"))

    assert refused.value.line == 2


def test_a_byte_order_mark_is_no_part_of_the_first_key():
    assert read("\ufefftitle: t") == [{"title": "t"}]


def test_keys_are_text_as_they_are_spelt():
    (document,) = read("4625: a\nyes: b\n")

    assert isinstance(document, Map)
    assert list(document) == ["4625", "yes"]


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@` \n\t<?,0", max_size=60))
def test_any_text_is_values_or_refused(text: str):
    try:
        read(text)
    except Refused as refused:
        assert refused.what
