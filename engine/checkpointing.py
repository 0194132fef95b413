"""A checkpoint of the service on its way: the state of one moment, written while the stream goes on."""

from collections.abc import Mapping

from engine.checkpoint import CheckpointStore
from engine.correlate.capture import Capture


class Checkpointing:
    """``go_on`` again and again until it says that the checkpoint is durable; only then may sources forget."""

    def __init__(
        self,
        store: CheckpointStore,
        value: bytes,
        capture: Capture | None,
        positions: Mapping[str, Mapping[str, int]],
        journaled: int,
    ) -> None:
        self.positions = positions
        self.journaled = journaled
        self._value = value
        self._capture = capture
        self._saving = store.begin(full=capture is None or capture.full)
        self._finished = False

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._saving.size

    def go_on(self, *, patiently: bool = False) -> bool:
        """Hands a piece on, where there is room; ``patiently``: waits for it."""
        if not self._finished and (patiently or self._saving.room()):
            piece = None if self._capture is None else self._capture.piece()
            if piece is not None:
                self._saving.put(piece)
            else:
                self._saving.finish(self._value, None if self._capture is None else self._capture.head())
                self._finished = True
        if self._finished and patiently:
            self._saving.join()
        return self._finished and self._saving.done()
