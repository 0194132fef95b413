"""Alerts into an Elasticsearch data stream, each revision once."""

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine.config.sinks import ElasticsearchSink as Settings
from engine.model import Alert
from engine.model.times import SECOND, rfc3339
from engine.sinks.documents import encoded
from engine.sinks.elasticsearch_client import Client, Refusal, TooLarge, Unsure, reason_of
from engine.sinks.elasticsearch_templates import put_templates
from engine.sinks.sink import Refused, SinkUnavailable

_LOG = logging.getLogger("tieline.sinks")
_REQUEST_BYTES = 5 * 1024 * 1024
_PAGE = 5_000
_MOST_KNOWN = 500_000
_MARGIN_MS = 300_000  # between our clock now and at the checkpoint, or an ingest pipeline's
_LAST_NS = 9_223_372_036 * SECOND  # date_nanos ends on 2262-04-11, and begins in 1970
_ANSWER = "errors,items.create.status,items.create.error"


class ElasticsearchStream:
    """``_id`` is the alert's key and the operation ``create``, so 409 says that it is there. A rollover forgets
    ``_id``s: after an answer that left doubt, the ids are looked up before anything is sent again.

    The position is a time of our clock, and ``known``. What was sent behind it, between the checkpoint and a crash, is
    looked up at the start. Without a position each batch is looked up, until the first checkpoint.
    """

    def __init__(self, settings: Settings) -> None:
        self.name = settings.name
        self.stats = {"repeated": 0}
        self._settings = settings
        self._client = Client(settings)
        self._path = f"/{settings.stream}"
        self._since: int | None = None
        self._known: set[str] = set()
        self._look_up = True
        self._unsure = False
        self._decided: dict[str, Refused | None] = {}

    def start(self) -> None:
        if self._settings.templates:
            left_out = put_templates(self._client, retention=self._settings.retention)
            if left_out:
                _LOG.warning("sink %s: this Elasticsearch does not know %s", self.name, ", ".join(left_out))
        self._refresh()
        if self._since is not None:
            self._look_up = not self._read_back(self._since)
            self._since = None

    def write(self, alerts: Sequence[Alert]) -> Sequence[Refused]:
        """``_decided`` outlives an attempt that failed in the middle, and not the batch."""
        waiting = {alert.key: alert for alert in alerts if alert.key not in self._known}
        if self._look_up or self._unsure:
            for key in self._there([key for key in waiting if key not in self._decided]):
                self._decided[key] = None
                self.stats["repeated"] += 1
            self._unsure = False
        for piece in self._pieces(alert for key, alert in waiting.items() if key not in self._decided):
            self._send(piece)
        left = [key for key in waiting if key not in self._decided]
        if left:
            raise SinkUnavailable(f"Elasticsearch is busy: {len(left)} documents have to wait")
        refused = [found for found in self._decided.values() if found is not None]
        self._decided.clear()
        self.stats["repeated"] += len(alerts) - len(waiting)
        self._known.difference_update([alert.key for alert in alerts])
        return refused

    def position(self) -> Any:
        self._look_up = self._look_up and len(self._known) >= _MOST_KNOWN
        return {"since": time.time_ns() // 1_000_000, "known": sorted(self._known)}

    def restore(self, position: Any) -> None:
        if isinstance(position, dict):
            self._since = int(position["since"])
            self._known = set(position["known"])

    def close(self) -> None:
        self._client.close()

    def _pieces(self, alerts: Iterable[Alert]) -> Iterator[list[tuple[Alert, bytes]]]:
        piece: list[tuple[Alert, bytes]] = []
        size = 0
        for alert in alerts:
            lines = b'{"create":{"_id":"%s"}}\n%s\n' % (alert.key.encode(), encoded(_sent(alert)))
            if piece and size + len(lines) > _REQUEST_BYTES:
                yield piece
                piece, size = [], 0
            piece.append((alert, lines))
            size += len(lines)
        if piece:
            yield piece

    def _send(self, piece: list[tuple[Alert, bytes]]) -> None:
        try:
            body = b"".join(lines for _, lines in piece)
            answer = self._client.ask("POST", f"{self._path}/_bulk", body, filter_path=_ANSWER)
        except TooLarge as error:
            if len(piece) == 1:
                self._decided[piece[0][0].key] = Refused(piece[0][0], f"Elasticsearch answers 413: {error}")
                return
            half = len(piece) // 2
            self._send(piece[:half])
            self._send(piece[half:])
            return
        except Unsure:
            self._unsure = True
            raise
        for (alert, _), item in zip(piece, answer["items"], strict=True):
            self._decide(alert, item["create"])

    def _decide(self, alert: Alert, item: dict[str, Any]) -> None:
        status = item["status"]
        if status == 409:
            self.stats["repeated"] += 1
        if status < 300 or status == 409:
            self._decided[alert.key] = None
        elif status >= 500:
            self._unsure = True
        elif status != 429:
            self._decided[alert.key] = Refused(alert, f"Elasticsearch answers {status}: {reason_of(item)}")

    def _refresh(self) -> None:
        """Makes what was written visible to a search."""
        self._client.ask("POST", f"{self._path}/_refresh", ignore_unavailable="true", allow_no_indices="true")

    def _there(self, keys: list[str]) -> set[str]:
        """Those of the keys that the stream holds, in whatever index behind it."""
        if not keys:
            return set()
        self._refresh()
        query = {"query": {"ids": {"values": keys}}, "size": len(keys), "_source": False, "track_total_hits": False}
        return set(_ids(self._search(query)))

    def _read_back(self, since: int) -> bool:
        """Takes the keys sent since that time in; False when they are too many to keep."""
        query = {
            "query": {"range": {"event.ingested": {"gte": since - _MARGIN_MS, "format": "epoch_millis"}}},
            "size": _PAGE,
            "sort": ["_doc"],
            "_source": False,
        }
        answer = self._search(query, scroll="2m")
        while found := _ids(answer):
            self._known.update(found)
            if len(self._known) >= _MOST_KNOWN:
                return False
            scroll = {"scroll": "2m", "scroll_id": answer["_scroll_id"]}
            answer = self._client.ask("POST", "/_search/scroll", scroll)
        if "_scroll_id" in answer:
            with contextlib.suppress(Refusal):  # gone by itself
                self._client.ask("DELETE", "/_search/scroll", {"scroll_id": answer["_scroll_id"]})
        return True

    def _search(self, query: dict[str, Any], **params: str) -> Any:
        return self._client.ask(
            "POST",
            f"{self._path}/_search",
            query,
            ignore_unavailable="true",
            allow_no_indices="true",
            allow_partial_search_results="false",
            **params,
        )


def _ids(answer: Any) -> list[str]:
    return [hit["_id"] for hit in answer["hits"]["hits"]]


def _sent(alert: Alert) -> dict[str, Any]:
    """The document with the times that the stages, which have no clock, leave out."""
    now = rfc3339(time.time_ns() // 1_000_000 * 1_000_000)
    document = {"event.created": now, **alert.document, "event.ingested": now}
    if not 0 <= alert.time < _LAST_NS:
        document["tieline.unclamped_time"] = document.get("@timestamp")
        document["@timestamp"] = rfc3339(min(max(alert.time, 0), _LAST_NS - 1))
    return document
