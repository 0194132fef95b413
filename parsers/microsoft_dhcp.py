"""Microsoft's DHCP server: the audit log (DhcpSrvLog-Fri.log, DhcpV6SrvLog-Fri.log), by its header or in the usual order.

::

    ID,Date,Time,Description,IP Address,Host Name,MAC Address,User Name, TransactionID, QResult,Probationtime, CorrelationID,Dhcid
    10,01/02/26,03:04:05,Assign,192.0.2.7,ews-1.plant.example,00005E005301,,3096562285,0,,,,0x4D53465420352E30,MSFT 5.0,,,,0
    11002,01/02/26,03:04:05,DHCPV6 Request,2001:db8::7,ews-1,,18,0004A34473BFC27FC55B25E86AF0E1761DAA,,,,,
"""  # noqa: E501  (records as they are sent)

import re
from functools import lru_cache

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import ip, mac
from parsers._grammar.people import account, with_hosts

_FIRST = re.compile(r"(\d{2,5}),(\d\d)/(\d\d)/(\d\d|\d{4}),(\d\d:\d\d:\d\d),")
_COLUMNS = (
    "ID", "Date", "Time", "Description", "IP Address", "Host Name", "MAC Address", "User Name", "TransactionID",
    "QResult", "Probationtime", "CorrelationID", "Dhcid",
)  # fmt: skip
_COLUMNS_6 = (
    "ID", "Date", "Time", "Description", "IPv6 Address", "Host Name", "Error Code", "Duid Length", "Duid Bytes(Hex)",
    "User Name",
)  # fmt: skip
_HEX = re.compile(r"[0-9A-Fa-f]{12}")

# https://learn.microsoft.com/windows-server/networking/technologies/dhcp/dhcp-audit-logs: what failed
_FAILED = frozenset(
    ("02", "13", "14", "15", "18", "20", "22", "31", "34", "35", "36", "1098", "1099", "11006", "11007", "11013",
     "11014")
)  # fmt: skip
_ACTIONS = {
    "00": "log-start", "01": "log-end", "02": "log-pause", "10": "dhcp-new", "11": "dhcp-renew", "12": "dhcp-release",
    "13": "ip-in-use", "14": "dhcp-scope-full", "15": "dhcp-deny", "16": "dhcp-delete", "17": "dhcp-expire",
    "18": "dhcp-expire", "20": "bootp-new", "21": "bootp-new", "22": "bootp-scope-full", "23": "bootp-delete",
    "24": "ip-cleanup-start", "25": "ip-cleanup-end", "30": "dhcp-dns-update", "31": "dhcp-dns-update",
    "32": "dhcp-dns-update", "33": "dhcp-deny-policy", "34": "dhcp-dns-update", "35": "dhcp-dns-update",
    "36": "dhcp-packet-dropped", "11000": "dhcpv6-solicit", "11001": "dhcpv6-advertise", "11002": "dhcpv6-request",
    "11003": "dhcpv6-confirm", "11004": "dhcpv6-renew", "11005": "dhcpv6-rebind", "11006": "dhcpv6-decline",
    "11007": "dhcpv6-release", "11008": "dhcpv6-info-request", "11009": "dhcpv6-scope-full", "11010": "log-start",
    "11011": "log-stop", "11012": "log-pause", "11013": "log-file", "11014": "dhcpv6-address-bad",
    "11028": "dhcpv6-dns-update", "11029": "dhcpv6-dns-update", "11030": "dhcpv6-stateless-clients-purged",
}  # fmt: skip


def parse(frame: Frame) -> Fields:
    return with_hosts(_read(frame), frame)


def _read(frame: Frame) -> Fields:
    text = frame.text.strip()
    if text.startswith("ID,"):
        return {"event.action": "log_header", "event.category": ["network"], "event.type": ["info"]}
    first = _FIRST.match(text)
    if first is None:
        raise ParseError(f"microsoft_dhcp: no record of an audit log: {text[:80]!r}")
    code, month, day, year, time = first.groups()
    names: tuple[str, ...] = _COLUMNS_6 if len(code) > 4 else _COLUMNS
    for line in frame.header:
        if line.startswith(b"ID,"):
            names = _names(line)
    record = dict(zip(names, text[:16_384].split(","), strict=False))
    fields: Fields = {"event.code": code, "event.category": ["network"], "event.type": ["connection", "info"]}
    if int(month) > 12:
        month, day = day, month
    when = clock.iso(f"{year if len(year) == 4 else '20' + year}-{month}-{day}T{time}", frame.zone)
    if when is not None:
        fields["@timestamp"] = when
    action = _ACTIONS.get(code)
    if action is not None:
        fields["event.action"] = action
    if not (50 <= int(code) < 1000):  # above 50: the server's own authorisation
        fields["event.outcome"] = "failure" if code in _FAILED else "success"
    description = record.get("Description", "")
    if description:
        fields["message"] = description
    _client(fields, record, own=frame.opened is None)
    number = record.get("TransactionID", "")
    if number not in ("", "0"):
        fields["tieline.dhcp.transaction_id"] = number
    return fields


@lru_cache(maxsize=64)
def _names(line: bytes) -> tuple[str, ...]:
    return tuple(name.strip().rstrip(".") for name in line.decode("utf-8", "backslashreplace").split(","))


def _client(fields: Fields, record: dict[str, str], own: bool) -> None:
    """The client is ``source``, and ``host`` as well where no header says which host wrote this."""
    address = ip(record.get("IP Address") or record.get("IPv6 Address"))
    if address is not None:
        fields["source.ip"] = fields["source.address"] = address
        fields["related.ip"] = [address]
    hardware = record.get("MAC Address", "")
    known = mac(":".join(hardware[at : at + 2] for at in range(0, 12, 2))) if _HEX.fullmatch(hardware) else None
    if known is not None:
        fields["source.mac"] = known
    name = record.get("Host Name", "")
    if name and (address is not None or known is not None):
        fields["source.domain"] = name.lower()
        fields["related.hosts"] = [name]
    user = record.get("User Name", "")
    if user and not user.isdigit():
        account(fields, user)
    if own:
        if address is not None:
            fields["host.ip"] = [address]
        if known is not None:
            fields["host.mac"] = [known]
        if name:
            fields["host.domain"] = name


_MARK = re.compile(rb"\d{2,5},\d\d/\d\d/\d{2,4},\d\d:\d\d:\d\d,[A-Z0-9][^,]{2,128},[0-9A-Fa-f.:]*,")

FORMAT = LogFormat(
    id="microsoft_dhcp",
    vendor="Microsoft",
    product="DHCP Server",
    logsource=LogSource(product="windows", service="dhcp"),
    spec="https://learn.microsoft.com/windows-server/networking/technologies/dhcp/dhcp-audit-logs",
    parse=parse,
    inside="syslog",
    heads=(b"ID,Date,Time,Description,IP", b"ID,Date,Time,Description,IPv6"),
    fingerprint=lambda head: _MARK.match(head) is not None,
    firsts=b"0123456789",
)
