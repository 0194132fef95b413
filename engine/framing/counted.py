"""Octet counting (RFC 6587, 3.4.1): records that say their length."""

COUNT_DIGITS = 9


def is_counted(data: bytes) -> bool | None:
    """Whether a connection counts octets; None while its first bytes do not tell.

    >>> is_counted(b"83 <34>1 "), is_counted(b"<34>Oct 11"), is_counted(b"8"), is_counted(b"123: *Mar  1")
    (True, False, None, False)
    """
    digits = 0
    while digits < len(data) and digits <= COUNT_DIGITS and data[digits : digits + 1].isdigit():
        digits += 1
    if digits == 0 or digits > COUNT_DIGITS or data[:1] == b"0":
        return False
    if digits == len(data):
        return None
    if data[digits : digits + 1] != b" ":
        return False
    if len(data) == digits + 1:
        return None
    return data[digits + 1 : digits + 2] == b"<"
