r"""Zeek's logs as it writes them by itself: columns separated by tabs, named by the header above them.

::

    #separator \x09
    #set_separator	,
    #empty_field	(empty)
    #unset_field	-
    #path	conn
    #fields	ts	uid	id.orig_h	id.orig_p	id.resp_h	id.resp_p	proto	conn_state
    #types	time	string	addr	port	addr	port	enum	string
    1767323045.006123	CxT121	192.0.2.7	40022	198.51.100.9	502	tcp	SF

Columns that ECS has no place for are ``tieline.zeek.<column>``.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.zeek import bare
from parsers._grammar.zeek_events import event, route
from parsers._grammar.zeek_requests import Requests

_HEADS = (b"#separator", b"#set_separator", b"#empty_field", b"#unset_field", b"#path", b"#open", b"#fields", b"#types",
          b"#close")  # fmt: skip
_DATA = re.compile(rb"\d{9,11}\.\d{3,9}\t[^\t]*\t")
_HEXADECIMAL = re.compile(r"\\x([0-9A-Fa-f]{2})")
_ESCAPED = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")
_INTEGERS = frozenset(("count", "int", "port"))
_NUMBERS = frozenset(("double", "interval"))
_ROOT = "tieline.zeek."
_MOST_COLUMNS = 512
# ECS holds these, under the name that every log has for them.
_CARRIED = frozenset(
    ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "source_h", "source_p", "destination_h",
     "destination_p", "password", "community_id")
)  # fmt: skip


class Header(NamedTuple):
    separator: str
    sets: str
    empty: str
    unset: str
    log: str
    columns: tuple[tuple[str, str], ...]


@lru_cache(maxsize=256)
def header(lines: tuple[bytes, ...]) -> Header:
    """What the header lines say; ParseError where the names of the columns are not among them."""
    said = {}
    for line in lines:
        word, _, rest = line.decode("utf-8", "backslashreplace").partition(" " if line[:11] == b"#separator " else "\t")
        said[word] = rest
    separator = _bytes(said.get("#separator", "\\x09")) or "\t"
    names = [name for name in said.get("#fields", "").split(separator) if name]
    if not names or len(names) > _MOST_COLUMNS:
        raise ParseError("zeek_tsv: no header above this line names its columns (#fields)")
    types = said.get("#types", "").split(separator)
    types += [""] * (len(names) - len(types))
    return Header(
        separator,
        said.get("#set_separator") or ",",
        said.get("#empty_field", "(empty)"),
        said.get("#unset_field", "-"),
        bare(said.get("#path", "unknown")),
        tuple(zip(names, types, strict=False)),
    )


def _bytes(text: str) -> str:
    """
    >>> _bytes("\\\\x09")
    '\\t'
    """
    return _HEXADECIMAL.sub(lambda found: chr(int(found[1], 16)), text)


def _unescaped(text: str) -> str:
    r"""The writer escapes the separator, what is not printable and, in sets, the set separator.

    >>> _unescaped(r"caf\xc3\xa9 \x09")
    'café \t'
    """
    return _ESCAPED.sub(
        lambda run: bytes(int(code, 16) for code in _HEXADECIMAL.findall(run[0])).decode("utf-8", "backslashreplace"),
        text,
    )


def _value(text: str, kind: str, head: Header) -> Any:
    if kind in _INTEGERS:
        return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else text
    if kind in _NUMBERS:
        try:
            number = float(text)
        except ValueError:
            return text
        return number if abs(number) < 1e15 else text
    if kind == "bool":
        return {"T": True, "F": False}.get(text, text)
    if kind[:4] == "set[" or kind[:7] == "vector[":
        inner = kind[kind.index("[") + 1 : -1]
        return [_value(one, inner, head) for one in text.split(head.sets) if one not in (head.unset, "")]
    if text == head.empty:
        return ""
    return _unescaped(text) if "\\x" in text else text


def parse(frame: Frame) -> Fields:
    head = header(frame.header)
    cells = frame.text.rstrip("\r\n").split(head.separator)
    if len(cells) != len(head.columns):
        raise ParseError(f"zeek_tsv: {len(cells)} columns where the header names {len(head.columns)}")
    row: dict[str, Any] = {}
    for (name, kind), cell in zip(head.columns, cells, strict=True):
        if cell == head.unset:
            continue
        if kind[:4] == "set[" or kind[:7] == "vector[":
            row[name] = [] if cell == head.empty else _value(cell, kind, head)
        else:
            row[name] = _value(cell, kind, head)
    fields = event(head.log, row)
    for name, value in row.items():
        if name not in _CARRIED and value not in ("", []):
            fields[_ROOT + name] = value
    return fields


FORMAT = LogFormat(
    id="zeek_tsv",
    vendor="Zeek",
    product="Zeek, columns",
    logsource=LogSource(product="zeek"),
    spec="https://docs.zeek.org/en/master/log-formats.html#zeek-tsv-format-logs",
    parse=parse,
    joins=Requests,
    fingerprint=lambda head: _DATA.match(head) is not None,
    firsts=b"0123456789",
    heads=_HEADS,
    route=route,
)
