"""Rule sets as they were loaded, kept on disk: reading SigmaHQ's rules takes seconds, reading them back a tenth of one.

An entry is data (msgpack), decoded strictly into the types of the rule set. Its name and its head are the key of
everything that it was made from; a checksum covers the rest. Whatever does not fit is read afresh and replaced.
"""

import logging
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.ruleset.cache_folder import CacheFolder
from engine.ruleset.files import contents, rule_files
from engine.ruleset.fingerprint import SIZE, fingerprint
from engine.ruleset.ruleset import Ruleset

log = logging.getLogger("tieline")

_MAGIC: Final = b"tieline rules, format 1\n"
_NOT_DATA = (UnicodeError, OverflowError, RecursionError, TypeError)  # msgpack has no integers beyond 64 bits
_NOT_OURS = (msgspec.DecodeError, UnicodeError, RecursionError)


def load(
    paths: Sequence[Path],
    *,
    placeholders: Mapping[str, Sequence[str]] = {},
    pipelines: Sequence[str | Path] = (),
    folder: Path | None = None,
) -> Ruleset:
    """What ``engine.ruleset.load.load`` gives, from ``folder`` where the same has been loaded before."""
    files, problems = rule_files(paths)
    read = list(contents(files))  # once: what the key is made of is what is loaded
    kept = CacheFolder(folder) if folder is not None else None
    key = fingerprint(read, problems, placeholders, pipelines) if kept is not None else b""
    if kept is not None:
        found = _from(kept, key)
        if found is not None:
            return found
    from engine.ruleset.load import load_files  # pySigma costs 0.15 s to import

    ruleset = load_files(read, problems, placeholders=placeholders, pipelines=pipelines)
    # pySigma reads the files of pipelines itself: they may have changed since the key was made
    if kept is not None and (not pipelines or fingerprint(read, problems, placeholders, pipelines) == key):
        data = packed(ruleset, key)
        if data is not None:
            kept.write(key.hex(), data)
    return ruleset


def _from(kept: CacheFolder, key: bytes) -> Ruleset | None:
    data = kept.read(key.hex())
    if data is None:
        return None
    ruleset = unpacked(data, key)
    if ruleset is None:
        log.warning("the cache of rules in %r is damaged: the rules are read afresh", str(kept.path))
    return ruleset


def packed(ruleset: Ruleset, key: bytes) -> bytes | None:
    """The rule set as data; None for one that would not come back as it is."""
    try:
        payload = _encoder.encode(ruleset)
        if _decoder.decode(payload) != ruleset:
            return None
    except _NOT_DATA + _NOT_OURS:
        return None
    return b"".join((_MAGIC, key, _checksum(key, payload), payload))


def unpacked(data: bytes, key: bytes) -> Ruleset | None:
    """The rule set in an entry; None unless the entry is whole and of this key."""
    head = _MAGIC + key
    start = len(head) + SIZE
    payload = memoryview(data)[start:]
    if not data.startswith(head) or data[len(head) : start] != _checksum(key, payload):
        return None
    try:
        return _decoder.decode(payload)
    except _NOT_OURS:
        return None


def _checksum(key: bytes, payload: bytes | memoryview) -> bytes:
    return blake2b(payload, digest_size=SIZE, key=key).digest()


def _encoded(value: Any) -> str:
    if isinstance(value, (IPv4Network, IPv6Network)):
        return str(value)
    raise TypeError(type(value).__name__)


def _decoded(kind: type, value: Any) -> Any:
    """Networks are the only values that msgspec does not know; that the result is of ``kind`` it sees to itself."""
    if type(value) is not str:
        raise TypeError(kind.__name__)
    return ip_network(value)


_encoder = msgspec.msgpack.Encoder(enc_hook=_encoded)
_decoder = msgspec.msgpack.Decoder(Ruleset, dec_hook=_decoded, strict=True)
