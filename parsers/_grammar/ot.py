"""The log source of an event from the plant floor, whether decoded from packets or sent as JSON by another sensor."""

from collections.abc import Mapping
from typing import Any

from engine.model import LogSource

# What rules name as `service`; an operation that is not here is a service of its own.
_SERVICE = {
    "plc_stop": "plc_mode",
    "plc_start": "plc_mode",
    "mode_change": "plc_mode",
    "restart": "plc_mode",
    "program_download": "program",
    "program_upload": "program",
    "program_delete": "program",
    "activate": "program",
    "firmware": "program",
    "write": "write",
    "command": "write",
    "force": "write",
}
_KNOWN: dict[tuple[str | None, str | None], LogSource] = {}
_MOST = 1024  # protocols times operations; a sensor that invents more gets a fresh object each time


def logsource(fields: Mapping[str, Any]) -> LogSource:
    """
    >>> logsource({"ot.protocol": "s7comm", "ot.operation": "plc_stop"})
    LogSource(product='s7comm', category='ot_protocol', service='plc_mode')
    >>> logsource({"ot.protocol": "modbus", "ot.operation": "diagnostic"}).service
    'diagnostic'
    """
    protocol, operation = fields.get("ot.protocol"), fields.get("ot.operation")
    key = (protocol if isinstance(protocol, str) else None, operation if isinstance(operation, str) else None)
    known = _KNOWN.get(key)
    if known is None:
        service = None if key[1] is None else _SERVICE.get(key[1], key[1])
        known = LogSource(product=key[0], category="ot_protocol", service=service)
        if len(_KNOWN) < _MOST:
            _KNOWN[key] = known
    return known
