"""No password reaches a sink; what is none stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alert import mask, mask_document

M = "********"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("login password=hunter2 ok", f"login password={M} ok"),
        ("Passwd: s3cr3t", f"Passwd: {M}"),
        ("uid=sa;pwd=abc;db=x", f"uid=sa;pwd={M};db=x"),
        ('{"user":"a","password":"x\\"y","n":1}', f'{{"user":"a","password":"{M}","n":1}}'),
        ('{"Command":"tool --password=\\"my secret\\" -x","n":1}', f'{{"Command":"tool --password=\\"{M}\\" -x","n":1}}'),
        ("tool --password hunter2 --verbose", f"tool --password {M} --verbose"),
        ("access_token: abc.def", f"access_token: {M}"),
        ("sshpass -p S3cret ssh a@b", f"sshpass -p {M} ssh a@b"),
        ("mysql -uroot -pfoo db", f"mysql -uroot -p{M} db"),
        (r"psexec \\h -u a -p b cmd", rf"psexec \\h -u a -p {M} cmd"),
        ("plink.exe -ssh h -pw secret", f"plink.exe -ssh h -pw {M}"),
        (r"net use \\h\s Passw0rd /user:d\u", rf"net use \\h\s {M} /user:d\u"),
        (r"net use z: \\h\s /user:d\u Passw0rd", rf"net use z: \\h\s /user:d\u {M}"),
        ("net user bob Hunter2! /add", f"net user bob {M} /add"),
        ("curl -u bob:pw https://h/", f"curl -u bob:{M} https://h/"),
        ("xfreerdp /u:a /p:b /v:c", f"xfreerdp /u:a /p:{M} /v:c"),
        ("schtasks /create /ru u /rp pw /tn x", f"schtasks /create /ru u /rp {M} /tn x"),
        ("secretsdump.py dom/u:pw@192.0.2.7", f"secretsdump.py dom/u:{M}@192.0.2.7"),
        ("ConvertTo-SecureString 'abc' -AsPlainText", f"ConvertTo-SecureString '{M}' -AsPlainText"),
        ('echo "root:pw" | chpasswd', f'echo "root:{M}" | chpasswd'),
        ("GET http://u:p@192.0.2.7/x", f"GET http://u:{M}@192.0.2.7/x"),
        ("Authorization: Basic YWxhZGRpbjpvcGVu", f"Authorization: Basic {M}"),
        ("PASS xyz", f"PASS {M}"),
        ('FTP command: Client "192.0.2.7", "PASS xyz"', f'FTP command: Client "192.0.2.7", "PASS {M}"'),
        ("Failed password for invalid user Summer2026! from 192.0.2.7", f"Failed password for invalid user {M} from 192.0.2.7"),
    ],
)  # fmt: skip
def test_a_password_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/ls",
        "PWD=unknown ; USER=root",
        "pam_unix(passwd:chauthtok): password changed for alice",
        "Failed password for invalid user admin from 192.0.2.7 port 22 ssh2",
        "Accepted password for alice from 192.0.2.7 port 22 ssh2",
        "action=PASS src=192.0.2.7 dst=198.51.100.1",
        "docker run -p 80:80 nginx",
        "nmap -p 502 192.0.2.7",
        "https://192.0.2.7:8443/login",
        '{"password":null}',
        "net user bob /delete",
    ],
)
def test_what_is_no_password_stays(text: str) -> None:
    assert mask(text) == text


def test_a_password_typed_into_the_user_field_is_masked_wherever_it_stands() -> None:
    document = {
        "event.outcome": "failure",
        "user.name": "Winter26!!",
        "related.user": ["Winter26!!"],
        "message": "for Winter26!!",
    }

    assert mask_document(document) == {
        "event.outcome": "failure",
        "user.name": M,
        "related.user": [M],
        "message": f"for {M}",
    }
    assert mask_document({**document, "event.outcome": "success"})["user.name"] == "Winter26!!"


def test_masking_reaches_every_depth_and_leaves_the_document_it_was_given() -> None:
    document = {"tieline.why": [{"value": "password=a"}], "x": {"y": ["pwd=b"]}, "n": 7}

    masked = mask_document(document)

    assert masked == {"tieline.why": [{"value": f"password={M}"}], "x": {"y": [f"pwd={M}"]}, "n": 7}
    assert document["x"] == {"y": ["pwd=b"]}


def test_nothing_to_mask_costs_no_copy() -> None:
    document = {"message": "session opened", "related.ip": ["192.0.2.7"]}

    assert mask_document(document) is document


PIECES = ("password", "pwd", "=", ": ", '"', "'", "\\", "://", "a:b@", "-p ", "net use ", "/user:", "PASS ", "\n", " ", "x", M, "mysql ", "é", "authorization")  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=24).map("".join))
def test_masking_is_idempotent_and_never_raises(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize(
    "piece", ['password="', "sshpass ", "net use ", "://a:b", "echo a:", "curl -u ", "password=\\", "PASS x"]
)
def test_a_hostile_megabyte_is_masked_in_bounded_time(piece: str) -> None:
    assert mask(piece * (1_000_000 // len(piece)))
