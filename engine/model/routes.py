"""The log source of one event, by the table: formats ask here, and only they know which field says what.

Everything is looked up in dictionaries made at import; what depends on an event's own words is remembered, bounded.
"""

from collections.abc import Mapping
from typing import Any, Final

from engine.model.logsource import LogSource
from engine.model.taxonomy import TAXONOMY, Named, Told

_WINDOWS: Final = TAXONOMY.windows
_CHANNELS: Final = {channel: service for service, some in _WINDOWS.services.items() for channel in some}
_FOLDED: Final = {channel.lower(): service for channel, service in _CHANNELS.items()}
_OF_PROVIDER: Final = {name: _CHANNELS[channel] for name, channel in _WINDOWS.providers.items()}
_OF_SERVICE: Final = {service: LogSource("windows", None, service) for service in (None, *_WINDOWS.services)}
_OF_CODE: Final = {
    (service, str(code)): LogSource("windows", category, service)
    for service, by_category in _WINDOWS.categories.items()
    for category, codes in by_category.items()
    for code in codes
}
_TOLD: Final[Mapping[LogSource, Told]] = {_OF_CODE[told.service, str(told.code)]: told for told in _WINDOWS.told_apart}
_OF_PROGRAM: Final = {
    program: LogSource("linux", None, service)
    for service, programs in TAXONOMY.linux.programs.items()
    for program in programs
}
_OPERATION: Final = {one: service for service, some in TAXONOMY.ot.services.items() for one in some}
_SYSTEMS: Final = {name: product for product, names in TAXONOMY.ecs.systems.items() for name in names}
_HAS: Final = tuple(dict.fromkeys(one.has for one in TAXONOMY.ecs.categories if one.has is not None))

_MOST, _LONGEST = 4096, 512
_requests: dict[tuple[str | None, str | None], LogSource] = {}
_ecs: dict[tuple[Any, ...], LogSource] = {}


def windows_service(channel: str | None, provider: str | None) -> str | None:
    """
    >>> windows_service("security", None), windows_service(None, "Microsoft-Windows-Sysmon")
    ('security', 'sysmon')
    """
    if channel is None:
        return None if provider is None else _OF_PROVIDER.get(provider)
    return _CHANNELS.get(channel) or _FOLDED.get(channel.lower())


def windows_event(service: str | None, code: str | None, fields: Mapping[str, Any]) -> LogSource:
    """
    >>> windows_event("sysmon", "12", {"EventType": "DeleteValue"}).category
    'registry_delete'
    >>> windows_event("security", "4688", {})
    LogSource(product='windows', category='process_creation', service='security')
    """
    found = _OF_CODE.get((service, code))  # type: ignore[arg-type]  # what is None is not there
    if found is None:
        return _OF_SERVICE.get(service) or LogSource("windows", None, service)
    told = _TOLD.get(found)
    if told is not None:
        word = fields.get(told.field)
        if isinstance(word, str):
            for start, category in told.starts.items():
                if word.startswith(start):
                    return _told(category, told.service)
    return found


def _told(category: str, service: str) -> LogSource:
    key = (category, service)
    known = _categories.get(key)
    if known is None:
        known = _categories[key] = LogSource("windows", category, service)
    return known


_categories: dict[tuple[str, str], LogSource] = {}


def linux_channel(channel: Any, code: Any) -> LogSource | None:
    """Sysmon for Linux writes Windows' event ids.

    >>> linux_channel("Linux-Sysmon/Operational", 1)
    LogSource(product='linux', category='process_creation', service='sysmon')
    """
    service = TAXONOMY.linux.channels.get(channel) if isinstance(channel, str) else None
    if service is None:
        return None
    found = _OF_CODE.get((service, str(code)[:8]))
    return LogSource("linux", None if found is None else found.category, service)


def linux_program(name: Any) -> LogSource | None:
    """
    >>> linux_program("freshclam").service, linux_program("nginx")
    ('clamav', None)
    """
    return _OF_PROGRAM.get(name.lower()) if isinstance(name, str) else None


def controller_request(protocol: Any, operation: Any) -> LogSource:
    """
    >>> controller_request("s7comm", "plc_stop")
    LogSource(product='s7comm', category='ot_protocol', service='plc_mode')
    >>> controller_request("modbus", "diagnostic").service
    'diagnostic'
    """
    key = (protocol if isinstance(protocol, str) else None, operation if isinstance(operation, str) else None)
    known = _requests.get(key)
    if known is None:
        service = None if key[1] is None else _OPERATION.get(key[1], key[1])
        known = LogSource(key[0], TAXONOMY.ot.category, service)
        if len(_requests) < _MOST and sum(len(part or "") for part in key) <= _LONGEST:
            _requests[key] = known
    return known


def ecs_event(fields: Mapping[str, Any]) -> LogSource:
    """What an event says in ECS: its dataset, else its module; its category and type; the system of its host.

    >>> ecs_event({"event.category": ["process"], "event.type": ["start"], "host.os.type": "linux"})
    LogSource(product='linux', category='process_creation', service=None)
    >>> ecs_event({"event.dataset": "zeek.dns"})
    LogSource(product='zeek', category=None, service='dns')
    """
    get = fields.get
    key = (
        _word(get("event.dataset") or get("data_stream.dataset")) or _word(get("event.module")),
        _words(get("event.category")),
        _words(get("event.type")),
        _word(get("host.os.type") or get("host.os.family") or get("host.os.platform")),
        tuple([name in fields for name in _HAS]),
    )
    known = _ecs.get(key)
    if known is None:
        known = _routed(*key)
        if len(_ecs) < _MOST:
            _ecs[key] = known
    return known


def _routed(
    dataset: str | None, kinds: tuple[str, ...], types: tuple[str, ...], system: str | None, has: tuple[bool, ...]
) -> LogSource:
    product = None if system is None else _SYSTEMS.get(system.lower())
    named = Named() if dataset is None else _dataset(dataset)
    present = {name for name, there in zip(_HAS, has, strict=True) if there}
    category = named.category
    if category is None or "authentication" in kinds:
        for one in TAXONOMY.ecs.categories:
            if (
                one.category in kinds
                and (not one.type or not set(one.type).isdisjoint(types))
                and (one.has is None or one.has in present)
                and not (one.os and product is None)
            ):
                category = one.becomes
                break
    if "authentication" in kinds:
        category = "authentication"
    return LogSource(named.product or product, category, named.service)


def _dataset(name: str) -> Named:
    """The longest name first: ``zeek.connection`` before ``zeek.*``."""
    datasets = TAXONOMY.ecs.datasets
    module, _, rest = name.partition(".")
    found = datasets.get(name)
    if found is None:
        found = datasets.get(f"{module}.*", Named())
        if not rest:
            return Named(found.product, found.category)
    service = found.service
    return Named(found.product, found.category, None if service is None else service.replace("<rest>", rest))


def _word(value: Any) -> str | None:
    return value if type(value) is str and 0 < len(value) <= _LONGEST else None


def _words(value: Any) -> tuple[str, ...]:
    if type(value) is list:
        return tuple([one for one in value[:8] if type(one) is str and len(one) <= 64])
    return (value,) if type(value) is str and len(value) <= 64 else ()
