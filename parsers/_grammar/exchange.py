"""Requests and their responses in one conversation of a control protocol."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import msgspec

from engine.model import Fields, Frame

TIMEOUT_NS = 5_000_000_000
_MAX_WAITING = 1_024

Finished = tuple[Frame, Fields]


class Waiting(msgspec.Struct, gc=False):
    """A request that waits for its response; ``detail`` is what the format needs to read that. ``part`` tells apart
    the requests that one frame holds."""

    frame: Frame
    key: Hashable
    fields: Fields
    detail: Any = None
    part: int = 0


class Exchange:
    """The requests of one conversation that wait. Without a response within 5 s their outcome stays unknown."""

    __slots__ = ("_by_key", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], Waiting] = {}
        self._by_key: dict[Hashable, list[Waiting]] = {}

    def ask(self, request: Waiting) -> list[Finished]:
        """Keeps a request; gives the oldest one up where too many wait."""
        out: list[Finished] = []
        if len(self._waiting) >= _MAX_WAITING:
            out.append(self._give_up(next(iter(self._waiting.values()))))
        self._waiting[request.frame.sequence, request.part] = request
        self._by_key.setdefault(request.key, []).append(request)
        return out

    def answered(self, key: Hashable, fits: Callable[[Waiting], bool] | None = None) -> Waiting | None:
        """The oldest request under ``key`` that the response fits; it waits no longer."""
        for request in self._by_key.get(key, ()):
            if fits is None or fits(request):
                self._remove(request)
                return request
        return None

    def expire(self, now: int | None) -> list[Finished]:
        late = []
        for request in self._waiting.values():
            if now is not None and now - (request.frame.time or 0) < TIMEOUT_NS:
                break
            late.append(request)
        return [self._give_up(request) for request in late]

    def oldest(self) -> int | None:
        return next(iter(self._waiting), (None, 0))[0]

    def frames(self) -> list[Frame]:
        return list({request.frame.sequence: request.frame for request in self._waiting.values()}.values())

    def parts(self) -> list[tuple[int, int]]:
        """Sequence and part of each request that waits."""
        return list(self._waiting)

    def keys(self) -> list[Hashable]:
        """Of the requests that wait, the oldest first."""
        return [request.key for request in self._waiting.values()]

    def keep(self, parts: Iterable[tuple[int, int]]) -> None:
        """Only these wait still: the others of their frames have been answered."""
        kept = set(parts)
        for part in [part for part in self._waiting if part not in kept]:
            self._remove(self._waiting[part])

    def _give_up(self, request: Waiting) -> Finished:
        self._remove(request)
        request.fields["event.outcome"] = "unknown"
        return request.frame, request.fields

    def _remove(self, request: Waiting) -> None:
        self._waiting.pop((request.frame.sequence, request.part), None)
        queue = self._by_key[request.key]
        queue.remove(request)
        if not queue:
            del self._by_key[request.key]


def snapshot(frames: Iterable[Frame]) -> Any:
    """Frames of packets as a value that msgpack can carry."""
    return [msgspec.to_builtins(frame, builtin_types=(bytes,)) for frame in frames]


def restored(state: Any) -> list[Frame]:
    return [msgspec.convert(frame, Frame) for frame in state]


def one_or_list(values: list[Any]) -> Any:
    """
    >>> one_or_list([7]), one_or_list([7, 8])
    (7, [7, 8])
    """
    return values[0] if len(values) == 1 else values
