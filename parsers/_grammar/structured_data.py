"""STRUCTURED-DATA of RFC 5424 section 6.3."""

import re

_ELEMENT = re.compile(r'\[([^\s=\]"]+)((?: +[^\s=\]"]+="[^"\\]*+(?:\\.[^"\\]*+)*+")*+) *\]', re.DOTALL)
_PARAMETER = re.compile(r' +([^\s=\]"]+)="([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_ESCAPED = re.compile(r'\\([\\"\]])')


def structured_data(text: str, at: int) -> tuple[dict[str, dict[str, str]], int]:
    """The elements, and where the message starts. What is no structured data is message: many senders leave it out.

    >>> structured_data(r'[a@1 b="c" d="\\"e\\]"][f] said', 0)
    ({'a@1': {'b': 'c', 'd': '"e]'}, 'f': {}}, 25)
    >>> structured_data("- said", 0), structured_data("[1] said", 4)
    (({}, 2), ({}, 4))
    """
    if text.startswith("-", at) and text[at + 1 : at + 2] in ("", " "):
        return {}, min(at + 2, len(text))
    elements: dict[str, dict[str, str]] = {}
    start = at
    while (found := _ELEMENT.match(text, at)) is not None:
        values = elements.setdefault(found[1], {})
        for name, value in _PARAMETER.findall(found[2]):
            values[name] = _ESCAPED.sub(r"\1", value) if "\\" in value else value
        at = found.end()
    if at == start or text[at : at + 1] not in ("", " "):
        return {}, start
    return elements, min(at + 1, len(text))
