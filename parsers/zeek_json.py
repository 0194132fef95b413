"""Zeek's logs as JSON, one object a line: ``LogAscii::use_json=T``, the JSON streaming package, Corelight's sensors.

::

    {"ts":1767323045.006,"uid":"CxT121","id.orig_h":"192.0.2.7","id.orig_p":40022,"id.resp_h":"198.51.100.9","id.resp_p":53,"proto":"udp","trans_id":7,"rejected":false,"query":"plc-1.example"}
    {"_path":"modbus_detailed","ts":"2026-01-02T03:04:05.006Z","uid":"CxT122","id.orig_h":"10.20.1.7","id.resp_h":"10.99.0.8","func":"WRITE_SINGLE_REGISTER","address":100,"quantity":1,"request_values":[700]}

Which log a line is of says ``_path``, else the names of its columns. The columns keep their names.
"""

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.zeek import log_of
from parsers._grammar.zeek_events import event, route
from parsers._grammar.zeek_requests import Requests


def _shape(row: Mapping[str, Any]) -> bool:
    return "ts" in row and "tieline.format" not in row and log_of(row) is not None


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    log = None if row is None else log_of(row)
    if row is None or log is None:
        raise ParseError("zeek_json: no ts, uid and id.orig_h, nor another log's columns")
    return event(log, row)


FORMAT = LogFormat(
    id="zeek_json",
    vendor="Zeek",
    product="Zeek, JSON",
    logsource=LogSource(product="zeek"),
    spec="https://docs.zeek.org/en/master/log-formats.html#zeek-json-format-logs",
    parse=parse,
    joins=Requests,
    inside="json",
    shape=_shape,
    route=route,
)
