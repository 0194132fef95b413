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

    __slots__ = ("_base", "_columns", "_deep", "_keys", "_lists", "_names", "_others", "_several", "_texts", "answers")

    def __init__(self, fields: Fields, columns: Mapping[str, Column], paths: frozenset[str], base: int) -> None:
        self._deep = not paths.isdisjoint(fields)
        self._names = tuple(columns) if self._deep else tuple(name for name in fields if name in columns)
        self._columns = tuple(columns[name] for name in self._names)
        self._base = base
        for name, column in columns.items():
            if name not in self._names:
                self._base |= column.missing
        self._keys = _taken(self._names)  # of the columns whose values are keys; those of the others come after them
        self._several: tuple[tuple[str, Column], ...] = ()
        beside = [] if self._deep else [name for name in fields if name not in columns]
        self._texts = _taken([name for name in beside if type(fields[name]) is str])
        self._lists = _taken([name for name in beside if type(fields[name]) is list])
        self._others = _taken([name for name in beside if type(fields[name]) not in (str, list)])
        self.answers: dict[tuple[int, ...], Any] = {}

    def numbers(self, fields: Fields) -> tuple[int, ...]:
        """What the columns say, each by its number; -1 for a field that an object does not have."""
        if not self._deep:
            try:
                numbers = tuple(map(getitem, self._columns, self._keys(fields)))
            except TypeError:  # a list
                self._set_apart(fields)
                return self.numbers(fields)
            if self._several:
                numbers += tuple([column.told(fields[name]) for name, column in self._several])
            return numbers
        out = []
        for name, column in zip(self._names, self._columns, strict=True):
            value = lookup(fields, name)
            out.append(-1 if value is MISSING else column.told(value))
        return tuple(out)

    def _set_apart(self, fields: Fields) -> None:
        """The columns whose values have been lists or objects: these are not asked by key."""
        apart = {name for name, _ in self._several}
        apart |= {name for name in self._names if not isinstance(fields[name], str | int | float | None)}
        if len(apart) == len(self._several):
            apart = set(self._names)
        columns = dict(zip(self._names, (*self._columns, *(column for _, column in self._several)), strict=True))
        keys = [name for name in self._names if name not in apart]
        self._several = tuple((name, columns[name]) for name in self._names if name in apart)
        self._columns = tuple(columns[name] for name in keys)
        self._names = (*keys, *(name for name, _ in self._several))
        self._keys = _taken(keys)
        self.answers.clear()

    def together(self, numbers: tuple[int, ...]) -> int:
        """The answers as one."""
        told = self._base
        columns = (*self._columns, *(column for _, column in self._several))
        for column, number in zip(columns, numbers, strict=True):
            told |= column.missing if number < 0 else column.answers[number]
        return told

    def text(self, fields: Fields) -> str | None:
        """The fields that no column has seen, joined; None where there is more to them than texts and numbers."""
        if self._deep or not _NUMBERS.issuperset(map(type, self._others(fields))):
            return None
        try:
            text = "\n".join(self._texts(fields))
            for value in self._lists(fields):
                if type(value) is not list:
                    return None
                text += "\n" + "\n".join(value)
        except TypeError:  # no text, or no longer
            return None
        return text


def _taken(names: Sequence[str]) -> Taken:
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        (name,) = names
        return lambda fields: (fields[name],)
    return lambda fields: ()
