"""The official client, spoken to in one dialect that Elasticsearch 8 and 9 both understand."""

import warnings
from collections.abc import Mapping
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch, ElasticsearchWarning, UnsupportedProductError

from engine.config.sinks import ElasticsearchSink as Settings
from engine.sinks.sink import SinkError, SinkUnavailable

# A client 9 asks for the dialect of 9, which a server 8 answers with 400; both servers speak 8.
# https://www.elastic.co/docs/reference/elasticsearch/rest-apis/compatibility
_JSON = "application/vnd.elasticsearch+json; compatible-with=8"
_NDJSON = "application/vnd.elasticsearch+x-ndjson; compatible-with=8"

_PRIVILEGES = "the login needs create_doc, create_index, read and maintenance on the stream, and manage_index_templates"


class Unsure(SinkUnavailable):
    """The request may have been carried out, or be under way still."""


class TooLarge(Exception):
    """413: the body is larger than the server or a proxy before it takes."""


class Refusal(SinkUnavailable):
    """The server understood, and does not want: ``reason`` in its own words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"Elasticsearch answers {status}: {reason}")
        self.status = status
        self.reason = reason


class Client:
    """Requests that are not tried again in secret: a request whose answer is lost may have been carried out."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        options: dict[str, Any] = {}
        if any(host.startswith("https:") for host in settings.hosts):
            options = {"verify_certs": settings.verify, "ssl_show_warn": False}
            if settings.ca_certs is not None:
                options["ca_certs"] = settings.ca_certs
        if settings.api_key is not None:
            options["api_key"] = settings.api_key
        elif settings.user is not None:
            options["basic_auth"] = (settings.user, settings.password or "")
        try:
            self._client = Elasticsearch(
                settings.hosts,
                request_timeout=settings.timeout_s,
                max_retries=0,
                retry_on_timeout=False,
                **options,
            )
        except (ValueError, OSError) as error:
            raise SinkError(f"sink {settings.name}: {error}; write hosts as https://host:9200") from None

    def ask(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """The answer; raises Refusal, Unsure, TooLarge or SinkUnavailable."""
        headers = {"accept": _JSON}
        if body is not None:
            headers["content-type"] = _NDJSON if isinstance(body, bytes) else _JSON
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ElasticsearchWarning)
                answer = self._client.perform_request(method, path, params=params, headers=headers, body=body)
        except ApiError as error:
            raise _meaning(error) from None
        except TransportError as error:
            raise Unsure(f"Elasticsearch: {error}") from None
        except UnsupportedProductError as error:
            raise SinkUnavailable(f"Elasticsearch: {error}") from None
        return answer.body

    def close(self) -> None:
        self._client.close()


def _meaning(error: ApiError) -> Exception:
    status, reason = error.meta.status, reason_of(error.body)
    if status == 413:
        return TooLarge(reason)
    if status >= 500:
        return Unsure(f"Elasticsearch answers {status}: {reason}")
    if status in (401, 403):
        return Refusal(status, f"{reason}; {_PRIVILEGES}")
    return Refusal(status, reason)


def reason_of(body: Any) -> str:
    """
    >>> reason_of({"error": {"type": "a", "reason": "b", "caused_by": {"type": "c", "reason": "d"}}})
    'a: b: d'
    """
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        return str(error)[:500]
    words = [str(error.get("type", "")), str(error.get("reason", ""))]
    cause = error.get("caused_by")
    depth = 0
    while isinstance(cause, Mapping) and depth < 5:
        words.append(str(cause.get("reason", "")))
        cause, depth = cause.get("caused_by"), depth + 1
    return ": ".join(dict.fromkeys(word for word in words if word))[:1000]
