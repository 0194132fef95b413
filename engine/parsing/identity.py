"""Event ids: the same record read again has the same id, two identical records of one source have two."""

from hashlib import blake2b
from typing import Any

from engine.model import LogSource

_REMEMBERED = 16_384
"""Identical records (same source, time and bytes) are told apart while fewer than this many others lie between them."""


class Identity:
    """
    >>> ids = Identity()
    >>> a, b = (ids.of("file", LogSource(), 5, b"x") for _ in range(2))
    >>> a == b, a == Identity().of("another file", LogSource(), 5, b"x")
    (False, True)
    """

    def __init__(self) -> None:
        self._young: dict[str, dict[bytes, int]] = {}
        self._old: dict[str, dict[bytes, int]] = {}
        self._prefix: dict[LogSource, bytes] = {}

    def of(self, source: str, logsource: LogSource, time: int, original: bytes) -> str:
        prefix = self._prefix.get(logsource)
        if prefix is None:
            names = (logsource.product, logsource.category, logsource.service)
            prefix = "\x00".join(name or "" for name in names).encode() + b"\x00"
            if len(self._prefix) < _REMEMBERED:
                self._prefix[logsource] = prefix
        digest = blake2b(b"%b%d\x00%b" % (prefix, time, original), digest_size=16).digest()
        young = self._young.get(source)
        if young is None:
            young = self._young[source] = {}
        count = young.get(digest)
        if count is None:
            old = self._old.get(source)
            count = 0 if old is None else old.get(digest, 0)
            if len(young) >= _REMEMBERED:
                self._old[source] = young
                young = self._young[source] = {}
        young[digest] = count + 1
        if count:
            digest = blake2b(b"%b%d" % (digest, count), digest_size=16).digest()
        return digest.hex()

    def forget(self, source: str) -> None:
        """The source has ended."""
        self._young.pop(source, None)
        self._old.pop(source, None)

    def snapshot(self) -> Any:
        return [self._young, self._old]

    def restore(self, state: Any) -> None:
        self._young, self._old = ({source: dict(seen) for source, seen in part.items()} for part in state)
