"""Command lines of Windows, taken apart as its C runtime does it.

https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
"""

import re

_LONGEST = 8_191  # what a shell takes; longer ones are kept whole alone
_MOST = 512
_SIMPLE = re.compile(r'(?:[^ \t"]+|"[^"]*+"?)+')


def arguments(line: str) -> list[str]:
    r"""
    >>> arguments('"C:\\Program Files\\a.exe" -f "x y" c:\\t\\')
    ['C:\\Program Files\\a.exe', '-f', 'x y', 'c:\\t\\']
    >>> arguments('a.exe "say \\"hi\\"" ""')
    ['a.exe', 'say "hi"', '']
    """
    if len(line) > _LONGEST:
        return []
    if '"' not in line:
        return line.split()[:_MOST]
    end = line.find('"', 1)
    if line[0] == '"' and '"' not in line[end + 1 :] and line[end + 1 : end + 2] in ("", " ") and line[end - 1] != "\\":
        return [line[1:end], *line[end + 1 :].split()[:_MOST]]
    if '\\"' not in line and '""' not in line:
        return [piece.replace('"', "") for piece in _SIMPLE.findall(line)[:_MOST]]
    return _letters(line)


def _letters(line: str) -> list[str]:
    found: list[str] = []
    piece: list[str] = []
    quoted, begun, at, end = False, False, 0, len(line)
    while at < end and len(found) < _MOST:
        letter = line[at]
        at += 1
        if letter == "\\":
            run = at
            while at < end and line[at] == "\\":
                at += 1
            slashes = at - run + 1
            if line[at : at + 1] == '"':
                piece.append("\\" * (slashes // 2))
                if slashes % 2:
                    piece.append('"')
                    at += 1
            else:
                piece.append("\\" * slashes)
            begun = True
        elif letter == '"':
            if quoted and line[at : at + 1] == '"':
                piece.append('"')
                at += 1
            quoted, begun = not quoted, True
        elif letter in " \t" and not quoted:
            if begun:
                found.append("".join(piece))
                piece, begun = [], False
        else:
            piece.append(letter)
            begun = True
    if begun and len(found) < _MOST:
        found.append("".join(piece))
    return found
