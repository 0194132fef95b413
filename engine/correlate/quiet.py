"""Groups of which there is nothing to tell yet, each as one value of bytes: what most groups are, most of the time.

A group's log is a head (time of the first match and of the last, how many) and the matches, each with time and length.
"""

import struct
from typing import Any, TypeAlias

import msgspec

from engine.correlate.evidence import participants
from engine.correlate.items import ID, RULE, SEQUENCE, SOURCE, TIME, WHAT, Item, Key, Traced
from engine.correlate.keys import Spelling
from engine.model import Evidence, Match
from engine.model.summary import summary

Name: TypeAlias = str | Key
"""A group's key; of one field alone the value itself, which is half the size."""

HEAD = struct.Struct(">qqI")
_RECORD = struct.Struct(">qI")
_pack_head, _unpack_head, _pack_record = HEAD.pack, HEAD.unpack_from, _RECORD.pack
_BODY = HEAD.size
_MOST_KINDS = 4_096
_HEXADECIMAL = 32


class Unpackable(Exception):
    """A time beyond 64 bits, text that is no Unicode: such a match is kept as it is."""


def name_of(key: Key) -> Name:
    return key[0] if len(key) == 1 else key


def key_of(name: Name) -> Key:
    return (name,) if isinstance(name, str) else name


def mark(id: str) -> bytes | str:
    """An event id in half its length, where it is a digest in hexadecimal."""
    if len(id) == _HEXADECIMAL:
        try:
            digest = bytes.fromhex(id)
        except ValueError:
            return id
        if digest.hex() == id:
            return digest
    return id


class Logs:
    """Matches to bytes and back. ``kinds``: source, rule and label of matches, which a record names by number."""

    def __init__(self) -> None:
        self.kinds: list[tuple[str, str, str]] = []
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder().decode

    def begun(self, item: Item, spelling: Spelling | None) -> bytes:
        """The log of a group's first match; ``spelling`` where it is not the key itself."""
        record = self._record(item, mark(item[ID]), spelling)
        return HEAD.pack(item[TIME], item[TIME], 1) + record

    def extended(self, log: bytes, item: Item, spelling: Spelling | None, floor: int, most: int) -> bytes | None:
        """The log without what came before ``floor`` and with this match, the same log where it has it; None: it would
        be ``most`` matches, or more."""
        first, _, count = _unpack_head(log)
        time = item[TIME]
        if first < floor:
            log, first, count = _cut(log, count, floor)
        id = mark(item[ID])
        if count:
            if (_utf8(id) if isinstance(id, str) else id) in log and self._holds(log, id):
                return log
            if count + 1 >= most:
                return None
            return _pack_head(first, time, count + 1) + log[_BODY:] + self._record(item, id, spelling)
        return _pack_head(time, time, 1) + self._record(item, id, spelling)

    def items(self, log: bytes, key: Key, floor: int) -> list[Item]:
        """The matches from ``floor`` on."""
        found: list[Item] = []
        at = HEAD.size
        while at < len(log):
            time, length = _RECORD.unpack_from(log, at)
            at += _RECORD.size + length
            if time >= floor:
                found.append(self._item(time, log[at - length : at], key))
        return found

    def state(self) -> Any:
        return self.kinds

    def restore(self, state: Any) -> None:
        self.kinds = [(source, rule, label) for source, rule, label in state]
        self._numbers = {kind: number for number, kind in enumerate(self.kinds)}

    def _record(self, item: Item, id: bytes | str, spelling: Spelling | None) -> bytes:
        what = item[WHAT]
        assert isinstance(what, Match)
        kind = (item[SOURCE], item[RULE], what.rule.label)
        number: int | tuple[str, str, str] | None = self._numbers.get(kind)
        if number is None:
            number = self._number(kind)
        parts = (id, number, item[SEQUENCE], spelling, summary(what.event), *participants(what.event.fields))
        try:
            body = self._encode(parts)
            return _pack_record(item[TIME], len(body)) + body
        except (UnicodeEncodeError, OverflowError, struct.error) as error:
            raise Unpackable(str(error)) from None

    def _number(self, kind: tuple[str, str, str]) -> int | tuple[str, str, str]:
        if len(self.kinds) >= _MOST_KINDS:
            return kind
        number = self._numbers[kind] = len(self.kinds)
        self.kinds.append(kind)
        return number

    def _item(self, time: int, body: bytes, key: Key) -> Item:
        id, number, sequence, spelling, line, ip, user, hosts, assets = self._decode(body)
        source, rule, label = self.kinds[number] if isinstance(number, int) else number
        named = id.hex() if isinstance(id, bytes) else id
        evidence = Evidence(named, time, label, line, tuple(ip), tuple(user), tuple(hosts), tuple(assets))
        spelled = key if spelling is None else tuple(spelling)
        return (time, source, sequence, named, rule, 0, Traced(evidence, spelled))

    def _holds(self, log: bytes, id: bytes | str) -> bool:
        start = HEAD.size
        while start < len(log):
            length = _RECORD.unpack_from(log, start)[1]
            start += _RECORD.size + length
            if self._decode(log[start - length : start])[0] == id:
                return True
        return False


def _cut(log: bytes, count: int, floor: int) -> tuple[bytes, int, int]:
    """Without the matches before ``floor``: the rest, its first time, and how many are left."""
    start, first = HEAD.size, floor
    while count:
        first, length = _RECORD.unpack_from(log, start)
        if first >= floor:
            break
        start += _RECORD.size + length
        count -= 1
    return log[:_BODY] + log[start:], first, count


def last_of(log: bytes) -> int:
    last: int = _unpack_head(log)[1]
    return last


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
