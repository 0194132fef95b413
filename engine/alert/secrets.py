"""Where passwords stand in text: data for masking. Each place has literals by which it is called for, and a pattern.

In a pattern group 1 stays, group 2 is the secret. Every repetition is bounded or possessive: the text is not ours.
"""

import re
from itertools import product
from typing import Final

# A value: quoted (inside JSON text the quote is escaped once more), or a word. The closing quote stays where it is.
QUOTED: Final = r"""\\"[^"\\]*+|"(?:\\.|[^"\\])*+|'[^']*+"""
WORD: Final = r"""[^\s"',;&<>(){}\[\]\\][^\s"',;&<>\\]*+"""  # of a pair in a list of pairs
ARGUMENT: Final = r"""[^\s"'\\][^\s"']*+"""  # of a command

_START: Final = r"""(?:^|(?<=[\s\\/"'=;|&(`]))"""

Place = tuple[tuple[str, ...], re.Pattern[str]]

_NAMES: Final = (
    "password", "passwd", "passwort", "passphrase", "passcode", "pass", "pwd", "secret", "token", "psk",
    "apikey", "api-key", "api_key", "privatekey", "private-key", "private_key",
)  # fmt: skip
_MARKS: Final = ("=", ":", '"', "'", "\\", " =", " :", "  ", "\t")


def _pair() -> Place:
    names = (
        r"passw(?:or)?[dt]|passphrase|passcode|(?<![A-Za-z])(?:OLD)?pwd|secret|api[_-]?key|private[_-]?key"
        r"|(?:(?<![A-Za-z])|access[_-]?|auth[_-]?|refresh[_-]?|session[_-]?|bearer[_-]?|id[_-]?)token"
        r"|(?<![A-Za-z])psk|(?<![A-Za-z])pass"
    )
    return (
        tuple(map("".join, product(_NAMES, _MARKS))),
        re.compile(rf"((?:{names})(?:\\*[\"'])?[ \t]{{0,8}}[=:]>?[ \t]{{0,8}})({QUOTED}|{WORD})", re.IGNORECASE),
    )


def _flag() -> Place:
    """``--password hunter2``; with a sign between them it is a pair."""
    names = ("password", "passwd", "passphrase", "pass", "pwd", "secret", "token", "api-key", "auth-token")
    return (
        tuple(map("".join, product("-/", names, " \t"))),
        re.compile(rf"({_START}(?:--?|/)(?:{'|'.join(names)})[ \t]+)(?![-/|])({QUOTED}|{ARGUMENT})", re.IGNORECASE),
    )


def _option(programs: str, option: str, value: str = ARGUMENT) -> Place:
    """What follows an option, at most 24 words behind the program's name and in the same command."""
    names = programs.split(" ")
    calls = "|".join(re.escape(name).replace("\\+", r"\s+") for name in names)
    return (
        tuple(name.rpartition("+")[2] for name in names),
        re.compile(
            rf"({_START}(?:{calls})(?:\.exe|\.py)?[\"']?[ \t]++"
            rf"(?:[^\s|;]++[ \t]++){{0,24}}?(?:{option}))({QUOTED}|{value})",
            re.IGNORECASE,
        ),
    )


def _net(verb: str, between: str) -> Place:
    return (
        (f" {verb} ",),
        re.compile(
            rf"({_START}net1?(?:\.exe)?[\"']?[ \t]+{verb}[ \t]{between}[ \t]+)(?!/)({QUOTED}|{ARGUMENT})", re.IGNORECASE
        ),
    )


PLACES: Final[tuple[Place, ...]] = (
    _pair(),
    _flag(),
    (("auth-token ",), re.compile(r"(\bauth-token[ \t]+)([^\s'\",]+)", re.IGNORECASE)),  # OpenVPN's PUSH_REPLY
    (("://",), re.compile(r"(://[^\s/:@\"'<>]{0,256}:)([^\s/@\"'<>]{1,512})(?=@)")),
    (
        ("authorization",),
        re.compile(
            r"(authorization(?:\\*[\"'])?[ \t]{0,8}[:=][ \t]{0,8}(?:\\*[\"'])?"
            r"(?:(?:basic|bearer|digest|negotiate|ntlm|token|apikey)[ \t]+)?)([A-Za-z0-9+/=._~*-]++)",
            re.IGNORECASE,
        ),
    ),
    (  # FTP and POP3; firewalls say PASS too, but in the middle of a line
        ("pass ", "pass\t"),
        re.compile(
            r"((?:^|[\"'>\]][ \t]?|command: )PASS[ \t]+)([^\s\"']+)(?=[\"']?[ \t]*(?:\r?$|\\r|\\n|[\"']))", re.MULTILINE
        ),
    ),
    _option(
        "sshpass psexec psexec64 paexec crackmapexec cme netexec nxc evil-winrm hydra medusa docker+login podman+login",
        r"(?-i:-p)[ \t]+",
    ),
    _option("sshpass mysql mysqldump mysqladmin mariadb 7z 7za 7zr rar winrar", r"(?-i:-h?p)(?=[^\s])"),
    _option("plink pscp psftp putty kitty", r"-pw[ \t]+"),
    _option("sqlcmd osql isql bcp mosquitto_pub mosquitto_sub", r"(?-i:-P)[ \t]*"),
    _option("ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldappasswd ldapcompare", r"(?-i:-w)[ \t]+"),
    _option("redis-cli", r"(?-i:-a)[ \t]+"),
    _option("curl wget", r"(?:-u|--user|-U|--proxy-user)[ \t=]{0,4}[\"']?[^\s:\"']{1,128}:"),
    _option("smbclient rpcclient winexe smbmap smbget", r"(?:-U|--user)[ \t=]{0,4}[\"']?[^\s%\"']{1,128}%"),
    _option("xfreerdp xfreerdp3 wfreerdp sdl-freerdp cmdkey rdesktop", r"/p:|(?-i:-p)[ \t]+"),
    _option(
        "psexec smbexec wmiexec atexec dcomexec secretsdump mssqlclient", r"[^\s:@\"']{1,128}:", r"[^\s@\"']+(?=@)"
    ),
    _option("schtasks", r"/rp[ \t]+"),
    _net("use", r"[ \t]*+(?:[^\s|]++[ \t]++){0,12}?/user:\S{1,128}"),
    _net("use", r"[ \t]*+(?:[a-z*]:?[ \t]+)?\\\\\S{1,256}"),
    _net("user", r"[ \t]*+[^\s/\"']{1,128}"),
    (
        ("securestring",),
        re.compile(
            rf"(ConvertTo-SecureString[ \t]+(?:-String[ \t]+)?)(?!-)({QUOTED}|{ARGUMENT})",
            re.IGNORECASE,
        ),
    ),
    (
        ("chpasswd",),
        re.compile(
            r"(\becho[ \t]+(?:\\*[\"'])?[^\s:|\"']{1,64}:)([^\s|\"'\\]{1,256})"
            r"(?=(?:\\*[\"'])?[ \t]*\|[ \t]*(?:sudo[ \t]+)?chpasswd)"
        ),
    ),
)
