"""Requests as web servers log them: what was sent, what it means, who asked."""

from typing import Any

import pytest

from engine.model import Frame, LogSource
from engine.model.fields import alternatives
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0


def documents(*lines: str, name: str | None = None) -> list[dict[str, Any]]:
    frames = [Frame(one.encode(), "t", received=RECEIVED, sequence=n, format=name) for n, one in enumerate(lines)]
    return [parsed.document() for parsed in Parser(FORMATS).feed(frames)]


def access(before: str, request: str = "GET / HTTP/1.1", status: str = "200") -> dict[str, Any]:
    (document,) = documents(f'{before} [02/Jan/2026:03:04:05 +0000] "{request}" {status} 5 "-" "-"')
    return document


def test_a_query_is_decoded_and_kept_as_it_was_sent() -> None:
    document = access("192.0.2.7 - -", "GET /a%20b?q=%27%20or%201 HTTP/1.1")

    assert (document["url.path"], document["url.query"]) == ("/a b", "q=' or 1")
    assert (document["tieline.url.path"], document["tieline.url.query"]) == ("/a%20b", "q=%27%20or%201")
    assert document["url.original"] == "/a%20b?q=%27%20or%201"


def test_a_path_without_percent_signs_is_said_once() -> None:
    assert "tieline.url.path" not in access("192.0.2.7 - -", "GET /a/b HTTP/1.1")


def test_bytes_that_are_no_utf_8_do_not_stop_the_reading() -> None:
    assert access("192.0.2.7 - -", "GET /%c0%af.. HTTP/1.1")["url.path"] == "/\\xc0\\xaf.."


@pytest.mark.parametrize(
    ("before", "source", "user", "domain"),
    [
        ("192.0.2.7 - -", "192.0.2.7", None, None),
        ("192.0.2.7 - ann", "192.0.2.7", "ann", None),
        ("192.0.2.7 - jörg weiß", "192.0.2.7", "jörg weiß", None),
        ("portal.example:443 192.0.2.7 - ann", "192.0.2.7", "ann", "portal.example"),
        ("- 2001:db8::7 - -", "2001:db8::7", None, None),
        ("192.0.2.7 (-) - -", "192.0.2.7", None, None),
        ("10.0.0.2, 10.0.0.1, 9.9.9.9 - -", "9.9.9.9", None, None),
        ('"10.0.0.2, 8.8.4.4" 10.0.0.9 - -', "8.8.4.4", None, None),
        ("192.0.2.7 -", "192.0.2.7", None, None),
    ],
)
def test_who_asked_stands_before_the_time(before: str, source: str, user: str | None, domain: str | None) -> None:
    document = access(before)

    assert document["source.ip"] == source
    assert document.get("user.name") == user
    assert document.get("url.domain") == domain


def test_what_is_no_http_has_a_status_and_no_url() -> None:
    document = access("192.0.2.7 - -", "\\x16\\x03\\x01", "400")

    assert document["http.response.status_code"] == 400
    assert "url.original" not in document


def test_a_request_line_in_a_user_agent_is_no_second_record() -> None:
    line = '192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "x - - [1] GET /y 404"'

    (document,) = documents(line)

    assert (document["url.path"], document["http.response.status_code"]) == ("/", 200)


def test_iis_is_read_by_the_names_of_its_columns_in_whatever_order() -> None:
    (document,) = documents(
        "#Software: Microsoft Internet Information Services 10.0",
        "#Fields: time date cs-uri-stem c-ip cs-method sc-status",
        "03:04:05 2026-01-02 /x 192.0.2.7 PUT 201",
    )

    assert document["@timestamp"] == "2026-01-02T03:04:05.000Z"
    assert (document["http.request.method"], document["source.ip"]) == ("PUT", "192.0.2.7")


def test_iis_without_a_header_is_read_in_the_order_that_iis_keeps() -> None:
    line = "2026-01-02 03:04:05 192.0.2.5 GET /a q=b+c 443 CORP\\ann 192.0.2.7 Mozilla/5.0+(X) - 401 2 5 15"

    (document,) = documents(line)

    assert (document["source.ip"], document["destination.ip"]) == ("192.0.2.7", "192.0.2.5")
    assert (document["user.domain"], document["user.name"]) == ("CORP", "ann")
    assert (document["url.query"], document["tieline.url.query"]) == ("q=b c", "q=b+c")


def test_rules_that_look_for_a_path_in_the_query_see_what_was_sent() -> None:
    names = alternatives(LogSource(product="nginx", category="webserver", service="access"))

    document = access("192.0.2.7 - -", "GET /remote/logincheck?enc=1 HTTP/1.1")

    assert next(document[name] for name in names["cs-uri-query"] if name in document) == "/remote/logincheck?enc=1"
    assert next(document[name] for name in names["cs-uri-stem"] if name in document) == "/remote/logincheck"


@pytest.mark.parametrize(
    ("column", "forwarded"),
    [
        ('"203.0.113.7"', "203.0.113.7"),
        ('"2001:db8::66, 10.0.0.9"', "2001:db8::66"),
        ('"203.0.113.7,10.0.0.9" 0.004', "203.0.113.7"),
        ('"-"', None),
        ('"unknown, 203.0.113.7"', None),
        ('"999.0.113.7"', None),
    ],
)
def test_whom_a_proxy_before_nginx_asked_for_stands_behind_the_agent(column: str, forwarded: str | None) -> None:
    line = f'10.0.0.4 - - [02/Jan/2026:03:04:05 +0000] "GET /a HTTP/1.1" 200 512 "-" "Mozilla/5.0" {column}'

    (document,) = documents(line, name="nginx_nginx")

    assert document["source.ip"] == "10.0.0.4"
    assert document.get("network.forwarded_ip") == forwarded
    assert document["related.ip"] == (["10.0.0.4"] if forwarded is None else ["10.0.0.4", forwarded])
