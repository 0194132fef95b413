"""The log source of an event from the plant floor, whether decoded from packets or sent as JSON by another sensor."""

from collections.abc import Mapping
from typing import Any

from engine.model import LogSource
from engine.model.routes import controller_request


def logsource(fields: Mapping[str, Any]) -> LogSource:
    """
    >>> logsource({"ot.protocol": "s7comm", "ot.operation": "plc_stop"})
    LogSource(product='s7comm', category='ot_protocol', service='plc_mode')
    """
    return controller_request(fields.get("ot.protocol"), fields.get("ot.operation"))
