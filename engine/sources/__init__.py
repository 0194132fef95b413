"""Bytes in. A source has ``name``, ``run(put, stop)`` in a thread of its own, and ``resume(positions)`` before it."""
