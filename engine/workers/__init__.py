"""Processes that share the work of one consumer group: Kafka keeps the state, and hands the work of a dead one on."""

from engine.workers.worker import Worker

__all__ = ["Worker"]
