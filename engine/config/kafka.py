"""How Kafka is reached, and the source that reads it."""

import ssl
from typing import Annotated, Any, Literal

import msgspec

EVENTS = "tieline.events"
ALERTS = "tieline.alerts"

_BOOTSTRAP_MS = 10_000
_RECONNECT_MS = 5_000


class KafkaConnection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``tls: true`` is enough for a broker whose certificate the system trusts; ``ca_file`` names another authority,
    ``cert_file`` and ``key_file`` (PEM) show who we are. ``user`` and ``password`` turn SASL on (``mechanism``)."""

    brokers: Annotated[list[str], msgspec.Meta(min_length=1)]
    tls: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify_host: bool = True
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    user: str | None = None
    password: str | None = None

    def connect(self, kind: type[Any], **options: Any) -> Any:
        """A client of that kind (kafka-python's KafkaConsumer, KafkaProducer …). Files that cannot be used are an
        OSError; a broker that does not answer is kafka-python's KafkaError, and what the client had begun is ended."""
        begun: list[Any] = []

        def network(**settings: Any) -> Any:
            begun.append(kind.DEFAULT_CONFIG["kafka_client"](**settings))
            return begun[-1]

        try:
            if "metrics_enabled" in kind.DEFAULT_CONFIG:
                options["metrics_enabled"] = False
            return kind(**self._options(), **options, kafka_client=network)
        except BaseException:
            for client in begun:  # else each attempt leaves a thread and two files open (kafka-python 3.0.12)
                client.close()
            raise

    def _options(self) -> dict[str, Any]:
        """https://kafka-python.readthedocs.io/en/master/apidoc/KafkaConsumer.html"""
        out: dict[str, Any] = {
            "bootstrap_servers": self.brokers,
            "bootstrap_timeout_ms": _BOOTSTRAP_MS,
            "reconnect_backoff_max_ms": _RECONNECT_MS,
        }
        protocol = "SSL" if self.tls else "PLAINTEXT"
        if self.user is not None:
            protocol = f"SASL_{protocol}"
            out |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password or "",
            }
        if self.tls:
            out["ssl_context"] = self._context()
        return out | {"security_protocol": protocol}

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = self.verify_host
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context


class KafkaSource(KafkaConnection, tag="kafka", tag_field="type"):
    """Messages of Kafka topics, one record a message: the events of ``collect`` (``format: auto`` knows them), or any
    other producer's. ``from``: where a group without offsets begins."""

    name: str = "kafka"
    topics: Annotated[list[str], msgspec.Meta(min_length=1)] = msgspec.field(default_factory=lambda: [EVENTS])
    group: str = "tieline"
    begin: Literal["earliest", "latest"] = msgspec.field(default="earliest", name="from")
    format: str = "auto"
    timezone: str | None = None
    session_timeout_ms: Annotated[int, msgspec.Meta(ge=1_000, le=300_000)] = 10_000
