"""What a search means: modifiers, escapes, lists. The numbers are those of the traps that every engine must know."""

import base64
import re
from collections.abc import Callable
from ipaddress import ip_network

import pytest
import re2

from engine.ruleset.condition import (
    ANY,
    ONE,
    And,
    Cidr,
    Compare,
    Exists,
    FieldRef,
    Identifier,
    Node,
    Not,
    Null,
    Or,
    Regex,
    Text,
    TimePart,
)
from engine.ruleset.condition import (
    Test as Check,
)
from engine.ruleset.coverage import tests_of as checks_of
from engine.ruleset.load import Ruleset

Search = Callable[..., Node]
Rules = Callable[..., Ruleset]


def text(*parts: object, cased: bool = False) -> Text:
    return Text(tuple(parts), cased)  # type: ignore[arg-type]


def literals(node: Node) -> set[str]:
    return {"".join(p for p in check.predicate.parts if isinstance(p, str)) for check in checks_of(node)}  # type: ignore[union-attr]


def test_a_map_is_and_and_a_list_is_or(search: Search):  # trap 24
    assert search("a: 1\nb: [x, y]") == And((Check("a", text("1")), Or((Check("b", text("x")), Check("b", text("y"))))))
    assert search("- {a: 1, b: 2}\n- c: 3") == Or(
        (And((Check("a", text("1")), Check("b", text("2")))), Check("c", text("3")))
    )


def test_all_makes_a_list_and(search: Search):  # trap 24
    assert search("a|contains|all: [x, y]") == And((Check("a", text(ANY, "x", ANY)), Check("a", text(ANY, "y", ANY))))


def test_keywords_have_no_field(search: Search):  # trap 23
    assert search("[one, 'two*']") == Or((Check(None, text("one")), Check(None, text("two", ANY))))
    assert search("'|all': [one, two]") == And((Check(None, text("one")), Check(None, text("two"))))
    assert search("- one\n- a: 1") == Or((Check(None, text("one")), Check("a", text("1"))))


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        (r"a*b?c", ("a", ANY, "b", ONE, "c")),
        (r"a\*b", ("a*b",)),
        (r"a\?b", ("a?b",)),
        (r"a\\*b", ("a\\", ANY, "b")),
        (r"a\\\*b", ("a\\*b",)),
        (r"C:\Windows\x", ("C:\\Windows\\x",)),
        (r"\\\\host\share", ("\\\\host\\share",)),
        ("a\\", ("a\\",)),
        (r"a**b", ("a", ANY, "b")),
        ("", ()),
    ],
)
def test_escapes_are_those_of_the_specification(search: Search, written: str, parts: tuple):  # trap 19
    assert search(f"f: '{written}'") == Check("f", Text(parts))


@pytest.mark.parametrize(
    ("modifier", "parts"),
    [("contains", (ANY, "x\\", ANY)), ("startswith", ("x\\", ANY)), ("endswith", (ANY, "x\\"))],
)
def test_a_backslash_at_the_end_stays_literal(search: Search, modifier: str, parts: tuple):  # trap 19
    assert search(f"f|{modifier}: 'x\\'") == Check("f", Text(parts))


def test_numbers_and_booleans_are_compared_as_text(search: Search):  # trap 20
    assert search("f: 4625") == Check("f", text("4625"))
    assert search("f: 1.5") == Check("f", text("1.5"))
    assert search("f: true") == Check("f", text("true"))


def test_cased_keeps_the_case(search: Search):  # trap 18
    assert search("f|cased: Ab") == Check("f", text("Ab", cased=True))
    assert search("f|contains|cased: Ab") == Check("f", text(ANY, "Ab", ANY, cased=True))
    assert search("f|cased|endswith: Ab") == Check("f", text(ANY, "Ab", cased=True))


def test_null_is_not_the_empty_string(search: Search):  # trap 21
    assert search("f: null") == Check("f", Null())
    assert search("f: ''") == Check("f", Text(()))
    assert search("f|exists: true") == Check("f", Exists(True))
    assert search("f|exists: false") == Check("f", Exists(False))


def test_neq_denies_the_whole_list(search: Search):  # trap 27
    assert search("f|neq: [a, b]") == Not(Or((Check("f", text("a")), Check("f", text("b")))))
    assert search("f|contains|neq: a") == Not(Check("f", text(ANY, "a", ANY)))


@pytest.mark.parametrize("op", ["lt", "lte", "gt", "gte"])
def test_comparisons_are_of_numbers(search: Search, op: str):
    assert search(f"f|{op}: 10") == Check("f", Compare(op, 10))  # type: ignore[arg-type]
    assert search(f"f|{op}: -1.5") == Check("f", Compare(op, -1.5))  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["minute", "hour", "day", "week", "month", "year"])
def test_time_parts_are_numbers(search: Search, part: str):  # trap 33
    assert search(f"f|{part}: 7") == Check("f", TimePart(part, "eq", 7))  # type: ignore[arg-type]
    assert search(f"f|{part}|gte: 7") == Check("f", TimePart(part, "gte", 7))  # type: ignore[arg-type]


def test_cidr_takes_both_families(search: Search):  # trap 32
    assert search("f|cidr: [192.0.2.0/24, '2001:db8::/32']") == Or(
        (Check("f", Cidr(ip_network("192.0.2.0/24"))), Check("f", Cidr(ip_network("2001:db8::/32"))))
    )


@pytest.mark.parametrize("how", ["contains", "startswith", "endswith"])
def test_fieldref_compares_with_another_field(search: Search, how: str):  # trap 34
    assert search("f|fieldref: g") == Check("f", FieldRef("g"))
    assert search(f"f|fieldref|{how}: g") == Check("f", FieldRef("g", how))  # type: ignore[arg-type]
    assert search("f|fieldref|neq: g") == Not(Check("f", FieldRef("g")))


def test_a_regular_expression_is_case_sensitive_unless_i_says_otherwise(search: Search):  # traps 18, 31
    assert search(r"f|re: 'a.*\\b'") == Check("f", Regex(r"a.*\\b"))
    assert search("f|re|i|m|s: x") == Check("f", Regex("x", "ims"))
    assert search("f|re|ignorecase|multiline|dotall: x") == Check("f", Regex("x", "ims"))


@pytest.mark.parametrize("modifier", ["startswith", "endswith"])
def test_a_regular_expression_can_be_anchored(search: Search, modifier: str):
    found = search(f"f|re|{modifier}: 'b|c'")

    pattern = re.compile(found.predicate.pattern)  # type: ignore[union-attr]
    assert bool(pattern.search("ab")) == (modifier == "endswith")
    assert bool(pattern.search("ca")) == (modifier == "startswith")
    assert not pattern.search("abd")


@pytest.mark.parametrize("plain", ["http://", "x", "ab", "abc", "é", "a*b"])
def test_base64offset_finds_the_text_at_each_offset(search: Search, plain: str):  # traps 29, 30
    written = plain.replace("*", "\\*")

    found = search(f"f|base64offset|contains: '{written}'")

    pieces = literals(found)
    assert len(pieces) == 3
    assert all(check.predicate.cased for check in checks_of(found))  # type: ignore[union-attr]
    for before in range(9):
        encoded = base64.b64encode(b"." * before + plain.encode() + b"..").decode()
        assert any(piece in encoded for piece in pieces), (before, encoded, pieces)


def test_base64_is_compared_with_case(search: Search):  # trap 30
    assert search("f|base64: abc") == Check("f", text("YWJj", cased=True))


@pytest.mark.parametrize(
    ("modifier", "encoding", "mark"),
    [
        ("wide", "utf-16-le", b""),
        ("utf16le", "utf-16-le", b""),
        ("utf16be", "utf-16-be", b""),
        ("utf16", "utf-16-le", b"\xff\xfe"),
    ],
)
@pytest.mark.parametrize("plain", ["ping", "naïve", "Ω"])
def test_the_order_of_encodings_matters(
    search: Search, modifier: str, encoding: str, mark: bytes, plain: str
):  # trap 29
    expected = base64.b64encode(mark + plain.encode(encoding)).decode()

    assert search(f"f|{modifier}|base64: {plain}") == Check("f", text(expected, cased=True))


def test_windash_stands_for_five_dashes(search: Search):  # trap 28
    found = search("f|windash|contains: ' -e'")

    assert literals(found) == {" -e", " /e", " –e", " —e", " ―e"}


@pytest.mark.parametrize("order", ["windash|contains", "contains|windash"])
def test_many_dashes_cost_one_pattern(search: Search, order: str):  # trap 28
    found = search(f"f|{order}: 'x -a -b /c -d-e -f -g -h -i -j (k) *z'")

    assert isinstance(found, Check)
    assert isinstance(found.predicate, Regex)
    for engine in (
        re.compile(found.predicate.pattern, re.IGNORECASE | re.DOTALL),
        re2.compile("(?is)" + found.predicate.pattern),
    ):
        assert engine.search("before X /A -b –c —d-e ―f -g -h -i -j (k) anything\nz after")
        assert not engine.search("x -a -b /c -d/e -f -g -h -i -j (k) z")  # a dash inside a word is no parameter
        assert not engine.search("x -a -b /c -d-e -f -g -h -i -j k z")


def test_a_pattern_of_many_dashes_is_anchored_like_its_text(search: Search):
    whole, starts, ends = (search(f"f|windash{m}: '-a -b -c'") for m in ("", "|startswith", "|endswith"))

    for check, texts in ((whole, "y"), (starts, "ys"), (ends, "ye")):
        pattern = re.compile(check.predicate.pattern)  # type: ignore[union-attr]
        assert bool(pattern.search("/a /b /c")) == ("y" in texts)
        assert bool(pattern.search("/a /b /c tail")) == ("s" in texts)
        assert bool(pattern.search("head /a /b /c")) == ("e" in texts)


def test_windash_keeps_the_case_where_asked(search: Search):
    assert all(check.predicate.cased for check in checks_of(search("f|cased|windash: -E")))  # type: ignore[union-attr]
    assert search("f|windash|cased: '-a -b -c'").predicate.flags == "s"  # type: ignore[union-attr]


def test_windash_before_an_encoding_is_written_out(search: Search):
    assert len(literals(search("f|windash|wide|base64: ' -e'"))) == 5


def test_placeholders_take_the_values_of_the_configuration(search: Search):  # trap 35
    given = {"admins": ["root", "adm_*"], "zone": ["cell"]}

    found = search("f|expand: '%admins%@%zone%'", placeholders=given)

    assert found == Or((Check("f", text("root@cell")), Check("f", text("adm_", ANY, "@cell"))))
    assert search("f|expand|contains: '%zone%'", placeholders=given) == Check("f", text(ANY, "cell", ANY))
    assert search("f|re|expand: '^%zone%$'", placeholders={"zone": ["a.b", "c"]}) == Check("f", Regex(r"^(?:a\.b|c)$"))


def test_a_rule_with_an_unresolved_placeholder_is_disabled_with_a_warning(rules: Rules):  # trap 35
    ruleset = rules(
        """\
        title: waits for its list
        logsource: {product: p}
        detection:
          s:
            f|expand: '%nobody%'
          condition: s
        """
    )

    assert ruleset.detections == ()
    assert ruleset.disabled == ("waits for its list",)
    (problem,) = ruleset.problems
    assert (problem.severity, problem.line) == ("warning", 5)
    assert "%nobody%" in problem.what


def condition(rules: Rules, text: str, searches: str = "a: {x: 1}, b: {x: 2}, c: {x: 3}, _d: {x: 4}") -> Node:
    ruleset = rules(f"title: t\nlogsource: {{product: p}}\ndetection: {{{searches}, condition: {text}}}\n")
    assert not ruleset.problems, ruleset.problems
    return ruleset.detections[0].condition


def shape(node: Node) -> str:
    if isinstance(node, Identifier):
        return node.name
    if isinstance(node, Not):
        return f"-{shape(node.part)}"
    assert isinstance(node, (And, Or))
    return "(" + ("&" if isinstance(node, And) else "|").join(shape(part) for part in node.parts) + ")"


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("a or b and c", "(a|(b&c))"),
        ("not a and b", "(-a&b)"),
        ("not (a or b)", "-(a|b)"),
        ("(a or b) and c", "((a|b)&c)"),
        ("not not a", "--a"),
        ("1 of them", "(a|b|c)"),
        ("any of them", "(a|b|c)"),
        ("all of them", "(a&b&c)"),
        ("1 of _*", "_d"),
        ("a and not 1 of _*", "(a&-_d)"),
        ("[a and b, c]", "((a&b)|c)"),
        ("_d", "_d"),
    ],
)
def test_conditions_bind_as_in_the_specification(rules: Rules, written: str, means: str):  # traps 25, 26
    assert shape(condition(rules, written)) == means


def test_names_may_begin_like_an_operator(rules: Rules):
    assert shape(
        condition(rules, "notepad and order or 1 of and*", "notepad: {x: 1}, order: {x: 2}, and-so: {x: 3}")
    ) == ("((notepad&order)|and-so)")
