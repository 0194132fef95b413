"""Where records come from."""

from typing import Literal

import msgspec


class Tls(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """PEM files, relative to the configuration's folder; ``client_ca``: only who has a certificate of it gets in."""

    certificate: str
    key: str
    client_ca: str | None = None


class SyslogSource(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag="syslog", tag_field="type"):
    """Syslog over UDP (RFC 5426), TCP (RFC 6587, octet counting or LF told apart per connection) or TLS (RFC 5425).

    ``timezone`` is that of senders that name none (IANA name or offset), ``format`` a format's id or ``auto``.
    """

    name: str
    transport: Literal["udp", "tcp", "tls"] = "udp"
    listen: str = "127.0.0.1:5514"
    format: str = "auto"
    timezone: str | None = None
    tls: Tls | None = None
    max_connections: int = 1024
    max_record_bytes: int = 1024 * 1024
    idle_record_s: float = 30.0


class FileSource(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag="file", tag_field="type"):
    """Files by path or pattern; followed through rotation unless ``follow`` is false; ``.gz`` is read as it is."""

    name: str
    paths: list[str]
    follow: bool = True
    format: str = "auto"
    timezone: str | None = None
    max_record_bytes: int = 16 * 1024 * 1024


class StdinSource(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag="stdin", tag_field="type"):
    """Lines on standard input."""

    name: str = "stdin"
    format: str = "auto"
    timezone: str | None = None
    max_record_bytes: int = 16 * 1024 * 1024


class PacketSource(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag="packets", tag_field="type"):
    """A mirror port, by AF_PACKET: needs CAP_NET_RAW."""

    name: str
    interface: str
    promiscuous: bool = True
