"""Where alerts go."""

from typing import Annotated

import msgspec

from engine.config.kafka import ALERTS, EVENTS, KafkaConnection

Queue = Annotated[
    int, msgspec.Meta(ge=1, le=10_000_000, description="alerts that wait before the source is slowed down")
]


class NdjsonSink(msgspec.Struct, tag="ndjson", tag_field="type", forbid_unknown_fields=True, kw_only=True):
    """One JSON object a line, appended to the file ``path``; ``-`` is standard output."""

    name: str = "ndjson"
    path: str = "-"
    queue: Queue = 10_000


class SqliteSink(msgspec.Struct, tag="sqlite", tag_field="type", forbid_unknown_fields=True, kw_only=True):
    """The embedded store that ``tieline alerts`` reads. After ``retention_days`` alerts are removed."""

    name: str = "sqlite"
    path: str = "tieline-alerts.sqlite"
    retention_days: Annotated[int, msgspec.Meta(ge=1)] = 365
    queue: Queue = 10_000


class ElasticsearchSink(
    msgspec.Struct, tag="elasticsearch", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """``stream`` is a data stream that our index template covers (``logs-tieline.*-*``). Log in by ``api_key``, or by
    ``user`` and ``password``. ``retention`` (Elasticsearch's units: ``90d``) is the stream's lifecycle; without it the
    cluster's own policy holds. ``templates: false``: somebody else puts them."""

    hosts: Annotated[list[str], msgspec.Meta(min_length=1)]
    name: str = "elasticsearch"
    stream: Annotated[str, msgspec.Meta(pattern=r"^logs-tieline\.[a-z0-9_.]{1,90}-[a-z0-9_.]{1,90}$")] = (
        "logs-tieline.alert-default"
    )
    api_key: str | None = None
    user: str | None = None
    password: str | None = None
    ca_certs: str | None = None
    verify: bool = True
    templates: bool = True
    retention: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,5}(d|h|m|s)$")] | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 30.0
    batch: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500
    queue: Queue = 10_000


class KafkaSink(KafkaConnection, tag="kafka", tag_field="type"):
    """``alerts`` and ``events``: the topics that ``detect`` and ``collect`` write. They are made beforehand, unless the
    broker makes topics itself."""

    name: str = "kafka"
    alerts: str = ALERTS
    events: str = EVENTS
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 30.0
    queue: Queue = 10_000
