"""A producer that neither loses nor doubles: acks=all, idempotent, and no record given up while we live."""

import logging
import ssl
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from engine.config.sinks import KafkaSink
from engine.sinks.sink import SinkError, SinkUnavailable

_LOG = logging.getLogger("tieline.sinks")
_FOR_EVER_MS = 2**31 - 1  # 24 days: a record is given up by nobody but us, so its place in the sequence is kept
_METADATA_MS = 10_000

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
"""The only errors that speak of one record alone: the broker will never take it."""


def producer(settings: KafkaSink, **options: Any) -> Any:
    """SinkError for files that cannot be used, SinkUnavailable for a broker that does not answer or lets us not in."""
    try:
        return settings.connect(
            KafkaProducer,
            client_id="tieline",
            acks="all",
            enable_idempotence=True,
            delivery_timeout_ms=_FOR_EVER_MS,
            request_timeout_ms=int(settings.timeout_s * 1000),
            max_block_ms=min(_METADATA_MS, int(settings.timeout_s * 1000)),
            **options,
        )
    except KafkaError as error:
        raise SinkUnavailable(f"Kafka: {error}") from None
    except (FileNotFoundError, PermissionError, IsADirectoryError, ssl.SSLError) as error:
        raise SinkError(f"sink {settings.name}: ca_file, cert_file or key_file: {error}") from None
    except OSError as error:
        raise SinkUnavailable(f"Kafka: {error}") from None


def end(open_producer: Any) -> None:
    """At once, without waiting for what is not confirmed."""
    try:
        open_producer.close(timeout=0)
    except KafkaError as error:
        _LOG.debug("a Kafka producer closed with unconfirmed records: %s", error)
