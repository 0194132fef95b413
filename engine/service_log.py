"""Our own log: a JSON object a line on standard error; no record can start a line of its own."""

import logging
from typing import Any

from engine.model.times import rfc3339
from engine.sinks.documents import encoded

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        out: dict[str, Any] = {
            "@timestamp": rfc3339(int(record.created * 1e6) * 1000),
            "log.level": record.levelname.lower(),
            "log.logger": record.name,
            "message": record.getMessage(),
        }
        out |= {f"tieline.{key}": value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            out["error.message"] = str(record.exc_info[1])
            out["error.type"] = type(record.exc_info[1]).__name__
        return encoded(out).decode()


def log_as_json() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("kafka", "elastic_transport", "elasticsearch"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
