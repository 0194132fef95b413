"""Sigma's value modifiers: pySigma's, and our own where pySigma lacks one or its result cannot be used as it is.

- ``windash``: pySigma writes out every combination of five dashes (5^n values); ours stays one value with a mark.
- ``base64``, ``base64offset``: compared with regard to case, computed from bytes (pySigma counts characters, and
  encodes the backslash of an escaped wildcard).
- ``wide``, ``utf16``, ``utf16le`` (the specification's name, unknown to pySigma), ``utf16be``: bytes, any character.
- ``expand``: takes the values from the configuration.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sigma.exceptions import SigmaValueError
from sigma.modifiers import (
    SigmaBase64Modifier,
    SigmaBase64OffsetModifier,
    SigmaExpandModifier,
    SigmaModifier,
    SigmaRegularExpressionModifier,
    SigmaUTF16BEModifier,
    SigmaUTF16Modifier,
    SigmaWideModifier,
    SigmaWindowsDashModifier,
    modifier_mapping,
)
from sigma.types import (
    Placeholder,
    SigmaCasedString,
    SigmaExpansion,
    SigmaRegularExpression,
    SigmaString,
    SigmaType,
    SpecialChars,
)

Modifier = type[SigmaModifier[Any, Any]]

DASHES = "-/\N{EN DASH}\N{EM DASH}\N{HORIZONTAL BAR}"
DASH_MARK = "_windash"
_DASH = re.compile(r"\B[-/]\b")
_PLACEHOLDER = re.compile(r"(?<!\\)%([^%]+)%")
_MAX_COMBINATIONS = 625  # four dashes written out, where a later modifier needs the text itself
_MAX_EXPANDED = 100_000


class Unresolved(SigmaValueError):
    """``expand`` names a placeholder that nobody has given values for."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the placeholder '%{name}%' has no value")
        self.name = name


class Encoded(SigmaString):
    """Bytes, one character each; the result of wide and the UTF-16 modifiers."""


class _Windash(SigmaWindowsDashModifier):
    written_out = False

    def modify(self, val: SigmaString) -> SigmaExpansion:
        marked = val.replace_with_placeholder(_DASH, DASH_MARK)
        if not self.written_out:
            return SigmaExpansion([marked])
        return SigmaExpansion(list(written_out(marked, self.source)))


class _WindashWrittenOut(_Windash):
    written_out = True


def dashes(value: SigmaString) -> int:
    return sum(1 for part in value.s if isinstance(part, Placeholder) and part.name == DASH_MARK)


def written_out(value: SigmaString, source: Any = None) -> list[SigmaString]:
    if 5 ** dashes(value) > _MAX_COMBINATIONS:
        raise SigmaValueError(
            "windash on a value with more than four dashes cannot be combined with an encoding", source=source
        )
    return value.replace_placeholders(lambda mark: iter(DASHES) if mark.name == DASH_MARK else iter([mark]))


def _literal(value: SigmaString, modifier: str, source: Any) -> str:
    if not all(isinstance(part, str) for part in value.s):
        raise SigmaValueError(f"{modifier} of a value with wildcards is not possible; escape them (\\*)", source=source)
    return "".join(part for part in value.s if isinstance(part, str))


def _bytes(value: SigmaString, modifier: str, source: Any) -> bytes:
    text = _literal(value, modifier, source)
    return text.encode("latin-1") if isinstance(value, Encoded) else text.encode("utf-8", "surrogatepass")


def _cased(text: str) -> SigmaCasedString:
    value = SigmaCasedString()
    value.s = [text] if text else []
    value.original = text
    return value


class _Base64(SigmaBase64Modifier):
    def modify(self, val: SigmaString) -> SigmaString:
        return _cased(b64encode(_bytes(val, "base64", self.source)).decode())


class _Base64Offset(SigmaBase64OffsetModifier):
    def modify(self, val: SigmaString) -> SigmaExpansion:
        data = _bytes(val, "base64offset", self.source)
        return SigmaExpansion(
            [
                _cased(
                    b64encode(b" " * i + data)[self.start_offsets[i] : self.end_offsets[(len(data) + i) % 3]].decode()
                )
                for i in range(3)
            ]
        )


def _encoded(value: SigmaString, encoding: str, mark: bytes = b"") -> SigmaString:
    parts: list[str | SpecialChars | Placeholder] = [mark.decode("latin-1")] if mark else []
    for part in value.s:
        parts.append(part.encode(encoding, "surrogatepass").decode("latin-1") if isinstance(part, str) else part)
    encoded = Encoded()
    encoded.s = parts
    encoded.original = value.original
    return encoded._merge_strs()


class _Wide(SigmaWideModifier):
    def modify(self, val: SigmaString) -> SigmaString:
        return _encoded(val, "utf-16-le")


class _Utf16(SigmaUTF16Modifier):
    def modify(self, val: SigmaString) -> SigmaString:
        return _encoded(val, "utf-16-le", b"\xff\xfe")


class _Utf16Be(SigmaUTF16BEModifier):
    def modify(self, val: SigmaString) -> SigmaString:
        return _encoded(val, "utf-16-be")


def _expand(placeholders: Mapping[str, Sequence[str]]) -> Modifier:
    def values(mark: Placeholder) -> list[str]:
        found = placeholders.get(mark.name)
        if found is None:
            raise Unresolved(mark.name)
        return [str(value) for value in found]

    class Expand(SigmaExpandModifier):
        def modify(self, val: SigmaString | SigmaRegularExpression) -> Any:
            if isinstance(val, SigmaRegularExpression):
                pattern = _PLACEHOLDER.sub(lambda mark: _alternatives(values(Placeholder(mark[1]))), str(val.regexp))
                return SigmaRegularExpression(pattern, val.flags)
            cased = isinstance(val, SigmaCasedString)
            marked = val.insert_placeholders()
            expanded: list[SigmaType] = []
            for text in _replaced(marked, lambda mark: [SigmaString(v) for v in values(mark)]):
                expanded.append(SigmaCasedString.from_sigma_string(text) if cased else text)
            return SigmaExpansion(expanded)

    return Expand


def _alternatives(values: Sequence[str]) -> str:
    return "(?:" + "|".join(re.escape(value) for value in values) + ")"


def _replaced(value: SigmaString, values: Callable[[Placeholder], Sequence[SigmaString]]) -> list[SigmaString]:
    combinations = 1
    for part in value.s:
        if isinstance(part, Placeholder) and part.name != DASH_MARK:
            combinations *= len(values(part))
    if combinations > _MAX_EXPANDED:
        raise SigmaValueError(f"the placeholders stand for more than {_MAX_EXPANDED} values")
    plain = SigmaString()
    plain.s = value.s
    return plain.replace_placeholders(lambda mark: iter([mark] if mark.name == DASH_MARK else values(mark)))


_ENCODINGS = {"base64", "base64offset", "wide", "utf16", "utf16le", "utf16be"}
_OWN: dict[str, Modifier] = {
    "windash": _Windash,
    "base64": _Base64,
    "base64offset": _Base64Offset,
    "wide": _Wide,
    "utf16le": _Wide,
    "utf16": _Utf16,
    "utf16be": _Utf16Be,
}
NAMES = frozenset(modifier_mapping) | {"utf16le"}


def chain(names: Sequence[str], placeholders: Mapping[str, Sequence[str]]) -> list[Modifier]:
    """The modifiers of one key, in order. KeyError (the name) for one that nobody knows."""
    modifiers: list[Modifier] = []
    for at, name in enumerate(names):
        if name == "expand":
            modifiers.append(_expand(placeholders))
        elif name == "windash" and _ENCODINGS.intersection(names[at + 1 :]):
            modifiers.append(_WindashWrittenOut)
        else:
            modifiers.append(_OWN.get(name) or modifier_mapping[name])
    return modifiers


def takes_regex(modifiers: Sequence[Modifier]) -> bool:
    return SigmaRegularExpressionModifier in modifiers
