"""Events with the same field names in the same order: which columns of a bucket are to be asked, worked out once."""

from collections.abc import Callable, Mapping, Sequence
from operator import getitem, itemgetter
from typing import Any, Final

from engine.detect.column import Column
from engine.detect.values import MISSING, lookup

_NUMBERS: Final = frozenset((int, float, bool, type(None)))

Fields = Mapping[str, Any]
Taken = Callable[[Fields], Sequence[Any]]


class Layout:
    """``columns`` of the bucket; ``paths``: names under which a column's dotted name may be found inside an object.

    ``base`` is what the bucket starts every answer with. ``answers`` is for the bucket to remember what it made of the
    columns' numbers.
    """

    __slots__ = ("_base", "_columns", "_deep", "_keys", "_names", "_others", "_texts", "_values", "answers")

    def __init__(self, fields: Fields, columns: Mapping[str, Column], paths: frozenset[str], base: int) -> None:
        self._deep = not paths.isdisjoint(fields)
        self._names = tuple(columns) if self._deep else tuple(name for name in fields if name in columns)
        self._columns = tuple(columns[name] for name in self._names)
        self._keys = not self._deep
        """Whether the values have been keys so far, and not lists."""
        self._base = base
        for name, column in columns.items():
            if name not in self._names:
                self._base |= column.missing
        self._values = _taken(self._names)
        beside = [] if self._deep else [name for name in fields if name not in columns]
        self._texts = _taken([name for name in beside if type(fields[name]) is str])
        self._others = _taken([name for name in beside if type(fields[name]) is not str])
        self.answers: dict[tuple[int, ...], Any] = {}

    def numbers(self, fields: Fields) -> tuple[int, ...]:
        """What the columns say, each by its number; -1 for a field that an object does not have."""
        if self._keys:
            try:
                return tuple(map(getitem, self._columns, self._values(fields)))
            except TypeError:  # a list
                self._keys = False
        if not self._deep:
            return tuple(column.told(value) for column, value in zip(self._columns, self._values(fields), strict=True))
        out = []
        for name, column in zip(self._names, self._columns, strict=True):
            value = lookup(fields, name)
            out.append(-1 if value is MISSING else column.told(value))
        return tuple(out)

    def together(self, numbers: tuple[int, ...]) -> int:
        """The answers as one."""
        told = self._base
        for column, number in zip(self._columns, numbers, strict=True):
            told |= column.missing if number < 0 else column.answers[number]
        return told

    def text(self, fields: Fields) -> str | None:
        """The fields that no column has seen, joined; None where one is a list or an object."""
        if self._deep or not _NUMBERS.issuperset(map(type, self._others(fields))):
            return None
        try:
            return "\n".join(self._texts(fields))
        except TypeError:  # one that used to be text is not
            return None


def _taken(names: Sequence[str]) -> Taken:
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        (name,) = names
        return lambda fields: (fields[name],)
    return lambda fields: ()
