"""JSON may say a list, an object or null where ECS has one value: an event, never a crash."""

from collections.abc import Mapping

import orjson
import pytest

from engine.model import Event, Frame
from engine.parsing.formats import discover
from engine.parsing.parser import Parser
from engine.parsing.reads import ReadAggregation

_LOGON: Mapping[str, object] = {"Channel": "Security", "EventID": 4625, "Computer": "ews-1", "IpAddress": "10.8.0.6"}
_READ: Mapping[str, object] = {"ot.protocol": "modbus", "ot.operation": "read", "event.outcome": "success"}


@pytest.mark.parametrize(
    "said",
    [
        {**_LOGON, "IpPort": ["51234"]},
        {**_LOGON, "IpPort": {"a": 1}},
        {**_LOGON, "IpPort": 5.5},
        {"event.category": None, "message": "x"},
        {**_READ, "source.ip": ["192.0.2.1"], "ot.unit_id": {"a": [1]}},
    ],
)
def test_an_odd_value_is_no_crash(said: Mapping[str, object]) -> None:
    parser, reads = Parser(discover()), ReadAggregation()

    (event,) = parser.feed([Frame(orjson.dumps(said), "odd", received=10**18)])

    assert isinstance(event, Event)
    assert reads.passes(event)
    assert event.fields.get("source.port") is None
