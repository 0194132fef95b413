"""The configuration: one YAML file, validated whole before anything starts."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from engine.config.document import ConfigError, Document, Problem
from engine.config.durations import duration_ns, zone_of
from engine.config.kafka import KafkaSource
from engine.config.sinks import ElasticsearchSink, KafkaSink, NdjsonSink, SqliteSink
from engine.config.sources import FileSource, PacketSource, StdinSource, SyslogSource

__all__ = [
    "Config",
    "ConfigError",
    "Document",
    "Problem",
    "ThisFile",
    "check",
    "duration_ns",
    "read",
    "schema",
    "zone_of",
]

Source: TypeAlias = SyslogSource | FileSource | StdinSource | KafkaSource | PacketSource
Sink: TypeAlias = NdjsonSink | SqliteSink | ElasticsearchSink | KafkaSink
_OFTEN_NS = 100_000_000
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


class ThisFile(str):
    """The path of the configuration itself: the list stands in it, and is read where it stands."""


class Time(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``lateness``: how much later than younger events of its source an event may come (default 10s in ``run``, 30s in
    ``replay``). ``idle_after``: a source that is silent for so long follows the clock. ``rule_timezone``: the zone in
    which rules read hours and weekdays."""

    lateness: str | None = None
    idle_after: str = "5s"
    rule_timezone: str = "UTC"


class State(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where state and offsets are kept between starts, and how often they are written.

    ``kind: embedded`` (the default) keeps them in the file ``path``, for one process. ``kind: kafka`` keeps them in
    Kafka, so that several workers share one consumer group: matches go through the topic ``matches`` to the worker that
    has their group, snapshots to the compacted topic ``snapshots``, and alerts and offsets are one transaction. Both
    topics are made, where they are missing, with as many partitions as the events have. Rules that have changed want a
    restart of all workers of a group: which worker has a group follows from them.
    """

    kind: Literal["embedded", "kafka"] = "embedded"
    path: str = "tieline-state.sqlite"
    every: str = "5s"
    matches: str = "tieline.matches"
    snapshots: str = "tieline.snapshots"


class Metrics(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where ``/metrics``, ``/healthz`` and ``/readyz`` are served; ``listen: null`` turns them off."""

    listen: str | None = "127.0.0.1:9464"


AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class Limits(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Bounds of what grows: chunks before the stages, correlation groups of all rules together and of one rule, matches
    a group, facts that link entities a rule, held matches. Of a Kafka group's workers each partition has its own.
    ``read_interval``: successful reads of the same registers by the same client are one event in so long (0s: each)."""

    queue_chunks: Count = 256
    groups: Count = 2_000_000
    groups_per_rule: Count = 200_000
    matches_per_group: Count = 10_000
    links_per_rule: Count = 50_000
    held_matches: Count = 1_000_000
    read_interval: str = "60s"


class Privacy(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``dead_letters``: where unparsable records and refused documents are kept (0600), and for how many days."""

    dead_letters: str = "dead-letters.ndjson"
    retention_days: int = 30


class Config(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``role``: ``collect`` parses and writes events to Kafka, ``detect`` reads them and alerts, ``all`` does both in
    one process. ``formats``: directories of a site's own formats (YAML). ``rules``: directories or files (default: the
    shipped rules). ``rules_reload``: how often it is looked whether they have changed (null: only on SIGHUP).
    ``assets``, ``zones``: a YAML file (one may hold both), or the list itself."""

    role: Literal["all", "collect", "detect"] = "all"
    sources: list[Source] = []
    formats: list[str] = []
    rules: list[str] = []
    rules_reload: str | None = "5s"
    pipelines: list[str] = []
    assets: str | list[dict[str, Any]] | dict[str, Any] | None = None
    zones: str | list[dict[str, Any]] | dict[str, Any] | None = None
    sinks: list[Sink] = []
    state: State = msgspec.field(default_factory=State)
    time: Time = msgspec.field(default_factory=Time)
    metrics: Metrics = msgspec.field(default_factory=Metrics)
    limits: Limits = msgspec.field(default_factory=Limits)
    privacy: Privacy = msgspec.field(default_factory=Privacy)


_PATHS = {
    ("formats", 0),
    ("rules", 0),
    ("assets",),
    ("zones",),
    ("state", "path"),
    ("privacy", "dead_letters"),
    ("sources", 0, "paths", 0),
    ("sources", 0, "tls", "certificate"),
    ("sources", 0, "tls", "key"),
    ("sources", 0, "tls", "client_ca"),
    ("sources", 0, "ca_file"),
    ("sources", 0, "cert_file"),
    ("sources", 0, "key_file"),
    ("sinks", 0, "path"),
    ("sinks", 0, "ca_certs"),
    ("sinks", 0, "ca_file"),
    ("sinks", 0, "cert_file"),
    ("sinks", 0, "key_file"),
}
"""Where the document holds paths (0 for any index): relative to the file's folder."""


def read(path: Path, *, formats: Mapping[str, Any] | None = None, without: Collection[str] = ()) -> Config:
    """The configuration in ``path``; ConfigError with every problem. ``formats``: the ids that ``format`` may name;
    ``without``: keys that are not looked at, nor their secrets."""
    document = Document(path, without=without)
    problems, config = _convert(document, formats)
    if config is None or problems:
        raise ConfigError(problems)
    for key in ("assets", "zones"):
        if isinstance(getattr(config, key), (list, dict)):
            setattr(config, key, ThisFile(path))
    return config


def check(path: Path, *, formats: Mapping[str, Any] | None = None) -> list[Problem]:
    """All that is wrong with the file."""
    try:
        read(path, formats=formats)
    except ConfigError as error:
        return error.problems
    return []


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the configuration."""
    out = msgspec.json.schema(Config)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "tieline.yml", **out}


def _convert(document: Document, formats: Mapping[str, Any] | None) -> tuple[list[Problem], Config | None]:
    value = document.value
    if not isinstance(value, dict):
        return [Problem(str(document.path), 1, "not a mapping", "write keys like role:, sources:, sinks:")], None
    _resolve(value, (), document.path.parent.absolute())
    problems: list[Problem] = []
    known = {field.name: field.type for field in msgspec.structs.fields(Config)}
    for key, part in value.items():
        if key not in known:
            problems.append(
                Problem(str(document.path), document.line((key,)), f"unknown key {key!r}", f"one of {', '.join(known)}")
            )
        elif key in ("sources", "sinks") and isinstance(part, list):
            for at, item in enumerate(part):
                problems += _complaint(document, item, Source if key == "sources" else Sink, (key, at))
        else:
            problems += _complaint(document, part, known[key], (key,))
    if problems:
        return problems, None
    config = msgspec.convert(value, Config)
    return _meaning(document, config, formats), config


def _complaint(document: Document, value: Any, kind: Any, where: tuple[str | int, ...]) -> list[Problem]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return [document.problem(error, where)]
    return []


def _resolve(value: Any, where: tuple[str | int, ...], folder: Path) -> None:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        place = (*where, 0 if isinstance(value, list) else key)
        if isinstance(inner, str) and inner != "-" and (place in _PATHS or _names_a_pipeline_file(place, inner)):
            value[key] = str(folder / inner)
        else:
            _resolve(inner, place, folder)


def _names_a_pipeline_file(place: tuple[str | int, ...], inner: str) -> bool:
    """What has no such ending is the name of an installed pipeline."""
    return place == ("pipelines", 0) and inner.endswith((".yml", ".yaml"))


def _meaning(document: Document, config: Config, formats: Mapping[str, Any] | None) -> list[Problem]:
    """What types cannot say: durations, zones, names used twice, missing files, roles without what they need."""
    problems: list[Problem] = []

    def complain(where: tuple[str | int, ...], what: str, mend: str = "") -> None:
        problems.append(Problem(str(document.path), document.line(where), what, mend))

    for where, text in (
        (("time", "lateness"), config.time.lateness),
        (("time", "idle_after"), config.time.idle_after),
        (("limits", "read_interval"), config.limits.read_interval),
        (("state", "every"), config.state.every),
        (("rules_reload",), config.rules_reload),
    ):
        try:
            if text is not None:
                duration_ns(text)
            if where == ("rules_reload",) and text is not None and duration_ns(text) < _OFTEN_NS:
                complain(where, f"{text} is too often", "write 100ms or more, or null: only on SIGHUP")
        except ValueError as error:
            complain(where, str(error))
    try:
        zone_of(config.time.rule_timezone)
    except ValueError as error:
        complain(("time", "rule_timezone"), str(error))
    for at, path in enumerate(config.rules):
        if not Path(path).exists():
            complain(("rules", at), f"no such file or directory: {path}")
    for key, name in (("assets", config.assets), ("zones", config.zones)):
        if isinstance(name, str) and not Path(name).is_file():
            complain((key,), f"no such file: {name}")
    names: set[str] = set()
    for at, source in enumerate(config.sources):
        if source.name in names:
            complain(("sources", at, "name"), f"two sources are named {source.name!r}", "give each its own name")
        names.add(source.name)
        chosen = getattr(source, "format", "auto")
        if formats is not None and chosen != "auto" and chosen not in formats:
            complain(("sources", at, "format"), f"unknown format {chosen!r}", "`tieline formats` lists them")
        zone = getattr(source, "timezone", None)
        if zone is not None:
            try:
                zone_of(zone)
            except ValueError as error:
                complain(("sources", at, "timezone"), str(error))
        if isinstance(source, SyslogSource):
            if source.transport == "tls" and source.tls is None:
                complain(("sources", at), "TLS needs a certificate", "add tls: {certificate: …, key: …}")
            host, _, port = source.listen.rpartition(":")
            if not host or not port.isdigit() or int(port) > 65535:
                complain(("sources", at, "listen"), f"{source.listen!r} is no address", "write host:port")
    if config.metrics.listen is not None:
        host, _, port = config.metrics.listen.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            complain(("metrics", "listen"), f"{config.metrics.listen!r} is no address", "write host:port")
    if config.state.kind == "kafka":
        if config.role != "detect" or [type(source) for source in config.sources] != [KafkaSource]:
            complain(
                ("state", "kind"), "workers share a Kafka topic of events", "role: detect, one source of type kafka"
            )
        elif document.reads("sinks") and [type(sink) for sink in config.sinks] != [KafkaSink]:
            complain(
                ("state", "kind"),
                "alerts and offsets are one transaction of Kafka",
                "one sink of type kafka; let another process carry the alerts from its topic on",
            )
    if (
        config.role == "collect"
        and document.reads("sinks")
        and not any(isinstance(sink, KafkaSink) for sink in config.sinks)
    ):
        complain(("role",), "role collect writes its events to Kafka", "add a sink of type kafka")
    return problems
