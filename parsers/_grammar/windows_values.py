"""What one value of a Windows event becomes in ECS: each function here makes a writer for one kind of value.

A writer takes the fields and the value. What is derived from a value (a path's last part, a list of digests) is
remembered, within a bound: the values of logs repeat.
"""

from collections.abc import Callable
from typing import Any

from engine.model import Fields
from parsers._grammar.addresses import ip, port
from parsers._grammar.people import domain_and_name
from parsers._grammar.windows_command import arguments

Writer = Callable[[Fields, Any], None]

_NOBODY = frozenset(("", "-", "S-1-0-0", "N/A", "NULL SID", "?"))
_MOST, _LONGEST = 4096, 2048


class Memory(dict[str, Any]):
    """Remembers a bounded number of short answers."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[str], Any]) -> None:
        self._make = make

    def __missing__(self, value: str) -> Any:
        made = self._make(value)
        if len(value) <= _LONGEST:
            if len(self) >= _MOST:
                self.clear()
            self[value] = made
        return made


def said(value: Any) -> str | None:
    """The text of a value, None where Windows writes that there is none.

    >>> said("-"), said(4624), said("S-1-0-0"), said(True), said(["a"]), said("m.keller")
    (None, '4624', None, None, None, 'm.keller')
    """
    if type(value) is str:
        return None if value in _NOBODY else value
    if value is None or isinstance(value, (list, dict, bool)):
        return None
    value = str(value)
    return None if value in _NOBODY else value


def number(value: Any) -> int | None:
    """
    >>> number("0x1f4"), number("500"), number(500), number("-"), number("0xC000006D"), number(-1073741715)
    (500, 500, 500, None, 3221225581, 3221225581)
    """
    if type(value) is str:
        if 0 < len(value) <= 20:
            try:
                return int(value, 16) if value[:2] in ("0x", "0X") else int(value)
            except ValueError:
                return None
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value & 0xFFFFFFFF if -(1 << 31) <= value < 0 else value


def related(fields: Fields, name: str, value: str) -> None:
    known = fields.get(name)
    if known is None:
        fields[name] = [value]
    elif value not in known:
        known.append(value)


def copy(field: str) -> Writer:
    def write(fields: Fields, value: Any) -> None:
        if type(value) is not str:
            value = said(value)
            if value is None:
                return
        if value not in _NOBODY:
            fields[field] = value

    return write


def many(*fields_: str) -> Writer:
    def write(fields: Fields, value: Any) -> None:
        value = said(value)
        if value is not None:
            for field in fields_:
                fields[field] = value

    return write


def integer(field: str, least: int = 0) -> Writer:
    def write(fields: Fields, value: Any) -> None:
        value = number(value)
        if value is not None and least <= value < 1 << 63:
            fields[field] = value

    return write


def _executable(path: str) -> tuple[str, str]:
    return path, path.replace("/", "\\").rpartition("\\")[2]


_executables = Memory(_executable)


def executable(field: str) -> Writer:
    """``process.executable`` and ``process.name``."""
    ours, name = f"{field}.executable", f"{field}.name"

    def write(fields: Fields, value: Any) -> None:
        if type(value) is str and value not in _NOBODY:
            fields[ours], short = _executables[value]
            if short:
                fields[name] = short

    return write


_arguments = Memory(arguments)


def command_line(field: str) -> Writer:
    """``process.command_line`` and its arguments."""
    ours, args, count = f"{field}.command_line", f"{field}.args", f"{field}.args_count"

    def write(fields: Fields, value: Any) -> None:
        if type(value) is str and value not in _NOBODY:
            fields[ours] = value
            found = _arguments[value]
            if found:
                fields[args] = [*found]
                fields[count] = len(found)

    return write


def _account(name: str) -> tuple[str | None, str | None]:
    domain, found = domain_and_name(name)
    short = found.rpartition("\\")[2]
    return (None if domain in _NOBODY else domain), (None if short in _NOBODY else short)


_accounts = Memory(_account)


def account(field: str) -> Writer:
    """``CORP\\\\m.keller``."""
    ours, domain_field = f"{field}.name", f"{field}.domain"

    def write(fields: Fields, value: Any) -> None:
        if type(value) is str and value not in _NOBODY:
            domain, name = _accounts[value]
            if domain is not None:
                fields[domain_field] = domain
            if name is not None:
                fields[ours] = name
                related(fields, "related.user", name)

    return write


def _person(name: str) -> tuple[str, str | None]:
    if "@" in name:
        short, _, realm = name.partition("@")
        return (short, realm or None) if short else (name, None)
    if "\\" in name:
        realm, _, short = name.rpartition("\\")
        return (short, realm or None) if short else (name, None)
    return name, None


_people = Memory(_person)


def person(field: str) -> Writer:
    """A name with its domain, if at all, in another value: the domain's writer comes first."""
    ours, domain_field = f"{field}.name", f"{field}.domain"

    def write(fields: Fields, value: Any) -> None:
        value = said(value)
        if value is not None:
            fields[ours], realm = _people[value]
            if realm is not None and domain_field not in fields:
                fields[domain_field] = realm
            related(fields, "related.user", fields[ours])

    return write


def security_id(field: str) -> Writer:
    def write(fields: Fields, value: Any) -> None:
        if type(value) is str and value[:2] == "S-" and value not in _NOBODY:
            fields[field] = value

    return write


def user_related(fields: Fields, value: Any) -> None:
    value = said(value)
    if value is not None:
        related(fields, "related.user", _people[value][0])


def address(side: str) -> Writer:
    ours, theirs = f"{side}.ip", f"{side}.address"

    def write(fields: Fields, value: Any) -> None:
        if type(value) is str and value not in _NOBODY:
            found = ip(value) if value != "LOCAL" else "127.0.0.1"
            if found is not None:
                fields[ours] = fields[theirs] = found
                related(fields, "related.ip", found)

    return write


def port_of(side: str) -> Writer:
    """Only beside an address: without one the number 0 stands for nothing."""
    ours, beside = f"{side}.port", f"{side}.ip"

    def write(fields: Fields, value: Any) -> None:
        if beside in fields:
            at = port(value)
            if at is not None:
                fields[ours] = at

    return write


def host_of(side: str) -> Writer:
    """The name that a side goes by; some events write its address there."""
    domain, at = f"{side}.domain", address(side)

    def write(fields: Fields, value: Any) -> None:
        value = said(value)
        if value is not None:
            value = value.lstrip("\\")
            if ip(value) is not None:
                if f"{side}.ip" not in fields:
                    at(fields, value)
            elif value and value != "localhost":
                fields[domain] = value
                related(fields, "related.hosts", value)

    return write


def _file(path: str) -> tuple[tuple[str, str], ...]:
    folder, slash, name = path.rpartition("\\")
    if not slash and "/" in path:
        folder, slash, name = path.rpartition("/")
    found = [("path", path)]
    if slash and folder:
        found.append(("directory", folder))
    if name and slash:
        found.append(("name", name))
        stem, _, extension = name.rpartition(".")
        if stem and extension:
            found.append(("extension", extension))
    return tuple(found)


_files = Memory(_file)


def file(field: str = "file") -> Writer:
    names = {part: f"{field}.{part}" for part in ("path", "directory", "name", "extension")}

    def write(fields: Fields, value: Any) -> None:
        if type(value) is str and value not in _NOBODY:
            for part, found in _files[value]:
                fields[names[part]] = found

    return write


def library(fields: Fields, value: Any) -> None:
    if type(value) is str and value not in _NOBODY:
        fields["dll.path"], name = _executables[value]
        if name:
            fields["dll.name"] = name


_HASHES = {"MD5": "hash.md5", "SHA1": "hash.sha1", "SHA256": "hash.sha256", "IMPHASH": "pe.imphash"}


def _digests(value: str) -> tuple[tuple[str, str], ...]:
    """
    >>> _digests("SHA1=0A0B,MD5=00,IMPHASH=1F")
    (('hash.sha1', '0a0b'), ('pe.imphash', '1f'))
    """
    found = []
    for pair in value.split(",")[:8]:
        name, _, digest = pair.partition("=")
        kind, digest = _HASHES.get(name.strip().upper()), digest.strip().lower()
        if kind is not None and digest.strip("0"):
            found.append((kind, digest))
    return tuple(found)


_hashes = Memory(_digests)


def hashes(*roots: str) -> Writer:
    names = [{part: f"{root}.{part}" for part in _HASHES.values()} for root in roots]

    def write(fields: Fields, value: Any) -> None:
        if type(value) is str and value not in _NOBODY:
            found = _hashes[value]
            for own in names:
                for part, digest in found:
                    fields[own[part]] = digest
            for _, digest in found:
                related(fields, "related.hash", digest)

    return write


def word(field: str, words: dict[str, str], *, unknown: bool = True) -> Writer:
    """The word for a code; a code without a word stands for itself, or for nothing."""

    def write(fields: Fields, value: Any) -> None:
        value = said(value)
        if value is not None:
            meant = words.get(value, value if unknown else None)
            if meant is not None:
                fields[field] = meant

    return write
