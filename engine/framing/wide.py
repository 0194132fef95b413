"""UTF-16, as Windows' tools write files: told by its byte order mark, or by the zeros of its ASCII characters."""

from typing import Literal

Codec = Literal["utf-16-le", "utf-16-be"]

_BOMS: dict[bytes, Codec] = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_LOOK = 64


def codec(data: bytes, *, start: bool = True) -> Codec | None:
    """
    >>> codec("\\ufeffJan".encode("utf-16-le")), codec("Jan  2".encode("utf-16-be"))
    ('utf-16-le', 'utf-16-be')
    >>> codec(b"Jan  2"), codec(b"\\x00" * 9)
    (None, None)
    """
    if start and data[:2] in _BOMS:
        return _BOMS[data[:2]]
    head = data[:_LOOK]
    if len(head) < 8 or b"\0" not in head[:4]:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd * 4 >= half * 3 and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even * 4 >= half * 3 and odd == 0 else None


def narrow(data: bytes, by: Codec) -> bytes:
    """The text in UTF-8; what is no UTF-16 is kept as escapes."""
    data = data[: len(data) & ~1]
    return data.decode(by, "surrogatepass").lstrip("\ufeff").encode("utf-8", "backslashreplace")


def whole_lines(data: bytes, by: Codec) -> int:
    """How many bytes are whole lines."""
    feed = "\n".encode(by)
    at = len(data)
    while (at := data.rfind(feed, 0, at)) >= 0:
        if at % 2 == 0:
            return at + 2
        at += 1  # the zero of one character beside the feed-like byte of another
    return 0


def lines(data: bytes, by: Codec) -> list[tuple[bytes, int]]:
    """Whole lines in UTF-8 without their ends, each with its length as it was sent."""
    feed = "\n".encode(by)
    out = []
    start = at = 0
    while (at := data.find(feed, at)) >= 0:
        if at % 2:
            at += 1
            continue
        out.append((narrow(data[start:at], by), at + 2 - start))
        start = at = at + 2
    return out
