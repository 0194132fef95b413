"""``key=value`` pairs as appliances write them: quoted where a value holds blanks. Knows no vendor.

The first of two equal keys holds: devices write what they know first, and what strangers chose (addresses of pages,
names of files) last.
"""

import re

_BLANK = re.compile(r'(?<![\w.\-])([\w.\-]++)=(?:"([^"]*)(?:"|\Z)|(\S*))')
_COMMA = re.compile(r'(?<![\w.\-])([\w.\-]++)=(?:"([^"]*)(?:"|\Z)|([^,"]*))')
_ESCAPING = re.compile(r'(?<![\w.\-])([\w.\-]++)=(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)|(\S*))', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_NEXT = re.compile(r"(?<!\s)\s++(?=[\w.\-]+=)")


def pairs(text: str) -> dict[str, str]:
    r"""Separated by blanks; a quote inside quotes is escaped by a backslash. A value that is cut off is what is left.

    >>> found = pairs(r'user="k vogt" from=192.0.2.7 note= said="\"yes\"" user=x last="cut o')
    >>> found == {"user": "k vogt", "from": "192.0.2.7", "note": "", "said": '"yes"', "last": "cut o"}
    True
    """
    if '\\"' in text:
        return {key: _plain(quoted) or bare for key, quoted, bare in reversed(_ESCAPING.findall(text))}
    found = _regular(text)
    if found is not None:
        return found
    return {key: quoted or bare for key, quoted, bare in reversed(_BLANK.findall(text))}


def _regular(text: str) -> dict[str, str] | None:
    """What devices write nearly always, cut behind its quotes, which takes half of the time; None for all else."""
    pieces = text.strip().split('" ')
    last = pieces.pop()
    if last[-1:] == '"' and last.count('"') == 2:
        pieces.append(last[:-1])
        last = ""
    elif '"' in last:
        return None
    if text.count('"') != 2 * len(pieces):
        return None
    found: dict[str, str] = {}
    number = len(pieces)
    for piece in pieces:
        key, mark, quoted = piece.partition('="')
        if not mark:
            return None
        if " " in key or "=" in key:
            if key[-1:] == " ":
                return None
            words = key.split()
            key = words.pop()
            for word in words:
                name, equals, value = word.partition("=")
                if not equals or not name:
                    return None
                found[name] = value
            number += len(words)
            if "=" in key:
                return None
        elif not key:
            return None
        found[key] = quoted
    for word in last.split():
        name, equals, value = word.partition("=")
        if not equals or not name:
            return None
        found[name] = value
        number += 1
    return found if len(found) == number else None  # a key that comes twice is read by the slower way


def listed(text: str) -> dict[str, str]:
    """Separated by commas.

    >>> listed('user=k vogt,from=192.0.2.7,said="a, b"')
    {'said': 'a, b', 'from': '192.0.2.7', 'user': 'k vogt'}
    """
    return {key: quoted or bare for key, quoted, bare in reversed(_COMMA.findall(text))}


def spaced(text: str) -> dict[str, str]:
    """Without any quotes: a value goes on until the next key, as relays leave it that take quotes away.

    >>> spaced("said=file is infected from=192.0.2.7")
    {'from': '192.0.2.7', 'said': 'file is infected'}
    """
    found = {}
    for part in reversed(_NEXT.split(text)):
        key, equals, value = part.partition("=")
        if equals:
            found[key] = value.strip()
    return found


def _plain(quoted: str) -> str:
    return _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted
