"""Requests as web servers and proxies log them: the common log format (NCSA, Apache's "combined") and what it grew to.

::

    192.0.2.7 - k.vogt [02/Jan/2026:03:04:05 +0000] "GET /a.html?q=1 HTTP/1.1" 200 512 "-" "Mozilla/5.0"
"""

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import unquote_to_bytes

from engine.model import Fields
from parsers._grammar import clock
from parsers._grammar.addresses import ip, port
from parsers._grammar.people import account

_QUOTED = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_TIME = r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d{1,9})? [+-]\d{4})\]"
_USUAL = re.compile(
    rf"(\S+) (\S+) (\S+) {_TIME} {_QUOTED} (\d{{3}}|-) (\d+|-)(?: {_QUOTED} {_QUOTED})?(?= |$)", re.DOTALL
)
_BEHIND_TIME = re.compile(
    rf" {_TIME} (?:\"-\" (?=\"))?{_QUOTED} (\d{{3}}|-) (\d+|-)(?: {_QUOTED} {_QUOTED})?(?= |$)", re.DOTALL
)
_REQUEST = re.compile(r"([A-Za-z][A-Za-z_\-]{1,31}) (.*?)(?: HTTP/(\d(?:\.\d)?))?", re.DOTALL)
_ADDRESSES = re.compile(r"[^\s,\"()]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,31})://(?:([^/?#@]*)@)?(\[[^\]/?#]*\]|[^/?#:]*)(?::(\d{1,5}))?")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_BEFORE = 4096
_FILE = re.compile(r"[^/.]\.([A-Za-z0-9_\-]{1,16})$")


def fingerprint(head: bytes) -> bool:
    """Whether a line is in the common log format: the time in brackets, then the request in quotes.

    >>> fingerprint(b'192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5'), fingerprint(b'[x] "y"')
    (True, False)
    """
    at = head.find(b'] "')
    return at >= 26 and _STAMP.search(head, max(at - 38, 0), at + 3) is not None and head[:1] not in b"[{<"


def ingress(head: bytes) -> bool:
    """Whether the columns of Kubernetes' ingress controller for nginx stand behind the usual ones."""
    return _INGRESS.search(head) is not None


_INGRESS = re.compile(rb'" \d{1,12} \d{1,9}\.\d{3} \[[^\]]{0,256}\] \[[^\]]{0,256}\] ')
_STAMP = re.compile(rb' \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4}\] "')


def common(text: str) -> tuple[Fields, str] | None:
    """The fields of an access record, and what stands behind the usual columns; None: it is none.

    >>> common('192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET /a?b=1 HTTP/1.1" 404 9 "-" "curl"')[0]["url.query"]
    'b=1'
    """
    found = _USUAL.match(text)
    if found is not None:
        host, _, user, when, request, status, size, referrer, agent = found.groups()
        clients, virtual, end = [host], None, found.end()
    else:
        found = _BEHIND_TIME.search(text, 0, _BEFORE * 4)
        if found is None or found.start() > _BEFORE:
            return None
        when, request, status, size, referrer, agent = found.groups()
        clients, virtual, user = _clients(text[: found.start()])
        end = found.end()
    fields: Fields = {"event.action": "http_request", "event.category": ["web"], "event.type": ["access"]}
    time = _clf_time(when)
    if time is not None:
        fields["@timestamp"] = time
    _source(fields, clients)
    if virtual is not None:
        virtual_host(fields, virtual)
    if user != "-" and user != '""' and user:
        account(fields, user)
    request_line(fields, request)
    if status != "-":
        response(fields, status)
    if size != "-" and len(size) < 19:
        fields["http.response.body.bytes"] = int(size)
    headers(fields, referrer, agent)
    return fields, text[end:]


@lru_cache(maxsize=4096)
def _clf_time(text: str) -> int | None:
    """
    >>> _clf_time("02/Jan/2026:03:04:05 +0100")
    1767319445000000000
    """
    day, month, rest = text.split("/", 2)
    year, _, time = rest.partition(":")
    stamp, _, offset = time.partition(" ")
    return clock.bsd(f"{month} {day} {stamp}", 0, clock.offset_zone(offset), year)


def time(text: str) -> int | None:
    """A time of the common log format, ``02/Jan/2026:03:04:05 +0100``."""
    return _clf_time(text) if _ONE_TIME.fullmatch(text) is not None else None


_ONE_TIME = re.compile(r"\d{2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d{1,9})? [+-]\d{4}")


def _clients(before: str) -> tuple[list[str], str | None, str]:
    """What stands before the time: a virtual host, proxies that passed the request on, a user with blanks."""
    words = before.split(" ")
    user = words.pop()
    # the identity (RFC 1413) is "-" as good as always: what follows its last "-" is the user
    if words and words[-1] != "-" and "-" in words[1:]:
        at = len(words) - 1 - words[::-1].index("-")
        user = " ".join((*words[at + 1 :], user))
        words = words[:at]
    elif len(words) > 1:
        words.pop()
    names = _ADDRESSES.findall(" ".join(words))
    addresses = [name for name in names if ip(name) is not None]
    virtual = None
    if len(names) > 1 and ip(names[0]) is None:
        virtual = names[0] if names[0] != "-" else None
        names = names[1:]
    elif len(addresses) > 1 and '"' not in before and not words[0].endswith(","):
        virtual, addresses = addresses[0], addresses[1:]
    return addresses or names[:1], virtual, user


def _source(fields: Fields, clients: list[str]) -> None:
    """Of several, each a proxy of the one before, the first that is reachable from elsewhere."""
    if not clients:
        return
    addresses = [address for client in clients if (address := ip(client)) is not None]
    if not addresses:
        fields["source.address"] = clients[0]
        if clients[0][0].isalnum() and clients[0] != "unix:":
            fields["source.domain"] = clients[0].lower()
        return
    address = addresses[0]
    if len(addresses) > 1:
        address = next((one for one in addresses if ip_address(one).is_global), address)
    fields["source.ip"] = fields["source.address"] = address
    fields["related.ip"] = [address, *(one for one in dict.fromkeys(addresses) if one != address)]


def virtual_host(fields: Fields, host: str) -> None:
    """The server by the name that it was asked under, maybe with its port."""
    name, at = host, None
    if host.count(":") == 1 or host[:1] == "[":
        name, _, number = host.rpartition(":")
        at = port(number)
        if at is None:
            name = host
    name = name.strip("[]")
    if name in ("", "-", "_"):
        return
    fields["url.domain"] = name
    address = ip(name)
    if address is not None:
        fields["destination.ip"] = fields["destination.address"] = address
        related = fields.setdefault("related.ip", [])
        if address not in related:
            related.append(address)
    else:
        fields["destination.domain"] = fields["destination.address"] = name
        known = fields.setdefault("related.hosts", [])
        if name not in known:
            known.append(name)
    if at is not None:
        fields["destination.port"] = at


def request_line(fields: Fields, line: str) -> None:
    r"""
    >>> fields: Fields = {}
    >>> request_line(fields, "GET http://ews-1.example/x.php?a=%27 HTTP/1.1")
    >>> fields["http.request.method"], fields["url.path"], fields["url.query"], fields["url.domain"]
    ('GET', '/x.php', "a='", 'ews-1.example')
    """
    found = _REQUEST.fullmatch(line) if len(line) < 65_536 else None
    if found is None:
        if line not in ("-", ""):  # bytes that are no HTTP: TLS on a plain port, scanners
            fields["tieline.http.request_line"] = line[:65_536]
        return
    method, target, version = found.groups()
    if version is None and method not in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "CONNECT", "PROPFIND"):
        fields["tieline.http.request_line"] = line
        return
    fields["http.request.method"] = method
    if version is not None:
        fields["http.version"] = version
    if target:
        url(fields, target, authority=method == "CONNECT")


def url(fields: Fields, target: str, *, authority: bool = False) -> None:
    """Parts as they are meant (percent signs decoded), the whole as it was sent.

    What was sent stands below ``tieline.url.`` where decoding has changed it: Sigma's rules look for both.
    """
    if not target:
        return
    fields["url.original"] = target
    rest = target
    if authority:
        name, colon, number = target.rpartition(":")
        if not colon:
            name, number = target, ""
        if name := name.strip("[]"):
            fields["url.domain"] = name
        if (at := port(number)) is not None:
            fields["url.port"] = at
        return
    found = _SCHEME.match(target) if target[0] != "/" else None
    if found is not None:
        scheme, user, host, number = found.groups()
        fields["url.scheme"] = scheme.lower()
        if host := host.strip("[]"):
            fields["url.domain"] = host
        if (at := port(number)) is not None:
            fields["url.port"] = at
        if user and user[0] != ":":
            fields["url.username"] = user.partition(":")[0]
        rest = target[found.end() :]
    rest, hash_, fragment = rest.partition("#")
    path, mark, query = rest.partition("?")
    if hash_ and fragment:
        fields["url.fragment"] = fragment
    if path:
        part(fields, "path", path)
        extension = _FILE.search(path[-64:])
        if extension is not None:
            fields["url.extension"] = extension[1]
    if mark and query:
        part(fields, "query", query)


def part(fields: Fields, name: str, text: str) -> None:
    decoded = _decoded(text) if "%" in text else text
    fields[f"url.{name}"] = decoded
    if decoded != text:
        fields[f"tieline.url.{name}"] = text


def _decoded(text: str) -> str:
    if _PERCENT.search(text) is None:
        return text
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "backslashreplace")


def response(fields: Fields, status: str) -> None:
    """
    >>> fields: Fields = {}
    >>> response(fields, "404")
    >>> fields
    {'http.response.status_code': 404, 'event.outcome': 'failure'}
    """
    if not (status.isascii() and status.isdigit() and len(status) == 3):
        return
    code = int(status)
    if code:
        fields["http.response.status_code"] = code
        fields["event.outcome"] = "success" if code < 400 else "failure"


def headers(fields: Fields, referrer: str | None, agent: str | None) -> None:
    if referrer and referrer != "-":
        fields["http.request.referrer"] = _plain(referrer)
    if agent and agent != "-":
        fields["user_agent.original"] = _plain(agent)


def _plain(text: str) -> str:
    return text.replace('\\"', '"') if '\\"' in text else text
