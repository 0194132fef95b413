"""Who logged in from where, on lines made up on purpose."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Event, Frame
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0


def event(message: str, program: str) -> Event:
    line = f"<38>Jan  2 03:04:05 host-1 {program}[77]: {message}".encode()
    parsed = Parser(FORMATS).feed([Frame(line, "test", received=RECEIVED)])[0]
    assert isinstance(parsed, Event)
    return parsed


def who(message: str, program: str = "sshd") -> tuple[Any, ...]:
    fields = event(message, program).fields
    return tuple(fields.get(name) for name in ("event.outcome", "user.name", "source.ip", "source.port"))


@pytest.mark.parametrize("verdict", ["Accepted", "Failed"])
@given(
    name=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\@"), min_size=1, max_size=30),
    address=st.ip_addresses(),
    number=st.integers(1, 65535),
)
def test_sshd_names_the_user_and_the_peer(verdict: str, name: str, address: Any, number: int) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or address

    found = who(f"{verdict} password for {name} from {address} port {number} ssh2")

    assert found == ("success" if verdict == "Accepted" else "failure", name, str(mapped), number)


@pytest.mark.parametrize(
    ("written", "name", "domain"),
    [
        ("CORP\\m.keller", "m.keller", "CORP"),
        ("m.keller@corp.example", "m.keller", "corp.example"),
        ("p@ssw0rd", "p@ssw0rd", None),
        ("a\\b\\c", "a\\b\\c", None),
        ("@corp.example", "@corp.example", None),
    ],
)
def test_a_directory_s_user_is_the_same_user_with_and_without_the_domain(
    written: str, name: str, domain: str | None
) -> None:
    for message in (
        f"Accepted password for {written} from 198.51.100.9 port 4 ssh2",
        f"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=x  user={written}",
    ):
        fields = event(message, "sshd").fields

        assert (fields["user.name"], fields.get("user.domain")) == (name, domain)


@pytest.mark.parametrize(
    "name",
    [
        "from 203.0.113.1 port 22",
        "root from 203.0.113.1 port 22 ssh2",
        "x from 203.0.113.1 port 22 ssh2: RSA SHA256:abc",
        "a b c",
        "invalid user root from 203.0.113.1",
        "x]: Accepted password for root from 203.0.113.1 port 22 ssh2",
    ],
)
def test_a_user_name_that_looks_like_a_message_fools_nobody(name: str) -> None:
    assert who(f"Failed password for invalid user {name} from 198.51.100.9 port 4 ssh2") == (
        "failure",
        name,
        "198.51.100.9",
        4,
    )
    assert who(f"Invalid user {name} from 198.51.100.9 port 4") == ("failure", name, "198.51.100.9", 4)
    assert who(f"Connection closed by invalid user {name} 198.51.100.9 port 4 [preauth]") == (
        None,
        name,
        "198.51.100.9",
        4,
    )


def test_a_repeated_message_is_one_event_that_says_how_often() -> None:
    fields = event("message repeated 5 times: [ Failed password for root from 192.0.2.66 port 4 ssh2]", "sshd").fields

    assert (fields["tieline.repeated"], fields["user.name"], fields["event.outcome"]) == (5, "root", "failure")


@pytest.mark.parametrize(
    ("message", "program", "expected"),
    [
        (
            "203.0.113.66:51234 TLS Auth Error: Auth Username/Password verification failed for peer",
            "openvpn",
            ("failure", None),
        ),
        (
            "203.0.113.66:51234 TLS: Username/Password authentication succeeded for username 'k.vogt' [CN SET]",
            "ovpn-x",
            ("success", "k.vogt"),
        ),
        (
            "tcp4-server:203.0.113.66:51234 TLS: Username/Password authentication succeeded for username 'k.vogt'",
            "openvpn",
            ("success", "k.vogt"),
        ),
        (
            "k.vogt/203.0.113.66:51234 MULTI_sva: pool returned IPv4=10.8.0.6, IPv6=(Not enabled)",
            "openvpn",
            ("success", "k.vogt"),
        ),
        (
            "[INFO ] ++ created session (access granted): username k.vogt, ip ::ffff:203.0.113.66:51234 - socket: 12",
            "xrdp-sesman",
            ("success", "k.vogt"),
        ),
        (
            "[INFO ] ++ created session (access granted): username k.vogt, ip 203.0.113.66:51234 - socket: 12",
            "xrdp-sesman",
            ("success", "k.vogt"),
        ),
    ],
)
def test_vpn_and_desktop_name_peer_and_port(message: str, program: str, expected: tuple[str, str | None]) -> None:
    assert who(message, program) == (*expected, "203.0.113.66", 51234)


def test_the_handshake_of_a_refused_user_is_no_login() -> None:
    refused = event("203.0.113.66:51234 [k.vogt] Peer Connection Initiated with [AF_INET]203.0.113.66:51234", "openvpn")

    assert "authentication" not in refused.fields["event.category"]
    assert refused.logsource.category is None


def test_the_tunnel_address_joins_the_vpn_to_the_desktop() -> None:
    vpn = event("k.vogt/203.0.113.66:51234 MULTI: Learn: 10.8.0.6 -> k.vogt/203.0.113.66:51234", "openvpn")
    desktop = event("[INFO ] AUTHFAIL: user=k.vogt ip=::ffff:10.8.0.6 time=1767323045", "xrdp-sesman")

    assert vpn.fields["source.nat.ip"] == desktop.fields["source.ip"] == "10.8.0.6"
    assert vpn.fields["user.name"] == desktop.fields["user.name"] == "k.vogt"


def test_an_unknown_message_of_a_known_program_keeps_header_and_log_source() -> None:
    parser = Parser(FORMATS)

    parsed = parser.feed(
        [Frame(b"<38>Jan  2 03:04:05 host-1 sshd[77]: a message yet unknown", "test", received=RECEIVED)]
    )[0]

    assert isinstance(parsed, Event)
    assert (parsed.fields["host.name"], parsed.fields["message"]) == ("host-1", "a message yet unknown")
    assert (parsed.logsource.product, parsed.logsource.service, parsed.logsource.category) == ("linux", "sshd", None)
    assert parser.partial == {"openbsd_openssh": 1}
