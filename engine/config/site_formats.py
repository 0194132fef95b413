"""A site's own formats: the YAML files of a directory, linted whole (file, line, mend) before one of them is used.

::

    vendor: Pumpworks
    product: Controller
    logsource: {product: pumpworks, service: login}
    inside: syslog
    programs: [pumpd]
    patterns:
      - pattern: "login of {who:user} from {from:ip}:{port:port} {verdict:word}"
        fields:
          source.ip: "{from}"
          source.port: "{port}"
          user.name: "{who}"
          event.category: [authentication]
          event.type: [start]
          event.outcome: {from: verdict, map: {accepted: success, refused: failure}, default: unknown}

The file's name is the format's id. A place is ``{name:type}``; types are those of ``engine.model.site_format.TYPES``, a
time with its pattern: ``{at:time(dd.MM.yyyy HH:mm:ss)}``. Where ``regex:`` stands instead of ``pattern:``, it is an
expression of RE2 with ``(?P<name>…)``, and ``types:`` says what its groups are. A record inside no envelope is found by
the words that it ``contains:``; ``starts_record:`` is an expression that the first line of each record fits.
"""

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import re2

from engine.config.document import ConfigError, Document, Problem
from engine.config.site_fields import check_fields
from engine.model import LogSource
from engine.model.site_format import TYPES, Lookup, Pattern, SiteFormat
from engine.model.time_patterns import PatternError, reader

_ID = re.compile(r"[a-z][a-z0-9_]{1,63}")
_PLACE = re.compile(r"\{([A-Za-z_]\w{0,63})(?::([a-z]+)(?:\(((?:[^()]|\([^()]*\))*)\))?)?\}")
_KEYS = (
    "vendor",
    "product",
    "spec",
    "logsource",
    "inside",
    "programs",
    "contains",
    "starts_record",
    "patterns",
    "fields",
)
_PATTERN_KEYS = ("pattern", "regex", "types", "fields")
_MOST_PATTERNS, _LONGEST = 64, 8192
_PARTS = {
    "ip": r"[0-9A-Fa-f:.]{2,45}", "port": r"\d{1,5}", "int": r"-?\d{1,18}", "hex": r"(?:0[xX])?[0-9A-Fa-f]{1,15}",
    "float": r"-?\d{1,18}(?:\.\d{1,9})?", "bool": r"[A-Za-z01]{1,5}", "mac": r"[0-9A-Fa-f:.\-]{12,17}",
    "word": r"[^\s,;|]+", "text": r".*?", "rest": r".*", "quoted": r'"[^"]*"', "host": r"[\w.\-:]{1,255}",
    "user": r"\S.*?", "time": r"\S.*?",
}  # fmt: skip


def read_formats(folders: Iterable[str], known: Collection[str]) -> list[SiteFormat]:
    """The formats of all files; ConfigError with every problem. ``known``: ids that are taken, and envelopes."""
    found: dict[str, SiteFormat] = {}
    problems: list[Problem] = []
    for folder in folders:
        if not Path(folder).is_dir():
            problems.append(Problem(folder, 0, "no such directory", "name the directory of the formats' YAML files"))
            continue
        for path in sorted(Path(folder).iterdir()):
            if path.suffix not in (".yml", ".yaml"):
                continue
            taken = {*known, *found}
            one, wrong = _read(path, taken, known)
            problems += wrong
            if one is not None and not wrong:
                found[one.id] = one
    if problems:
        raise ConfigError(problems)
    return list(found.values())


def _read(path: Path, taken: Collection[str], known: Collection[str]) -> tuple[SiteFormat | None, list[Problem]]:
    try:
        document = Document(path)
    except ConfigError as error:
        return None, error.problems
    reading = _Reading(document)
    return reading.format(path.stem, taken, known), reading.problems


class _Reading:
    """One file; everything that is wrong with it goes to ``problems``."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.problems: list[Problem] = []

    def complain(self, where: tuple[str | int, ...], what: str, mend: str = "") -> None:
        self.problems.append(Problem(str(self._document.path), self._document.line(where), what, mend))

    def format(self, name: str, taken: Collection[str], known: Collection[str]) -> SiteFormat | None:
        value = self._document.value
        if not isinstance(value, dict):
            self.complain((), "not a mapping", f"write keys like {', '.join(_KEYS)}")
            return None
        if _ID.fullmatch(name) is None:
            self.complain(
                (), f"{name!r} cannot be an id", "name the file with small letters, digits and _: acme_pump.yml"
            )
        if name in taken:
            self.complain(
                (), f"{name!r} is the id of another format", "name the file otherwise: <vendor>_<product>.yml"
            )
        for key in value:
            if key not in _KEYS:
                self.complain((key,), f"unknown key {key!r}", f"one of {', '.join(_KEYS)}")
        inside = self._text(value, "inside") or None
        if inside is not None and inside not in known:
            self.complain(("inside",), f"no envelope is called {inside!r}", "syslog, json, cef, leef, or leave it out")
        contains = self._texts(value, "contains")
        programs = tuple(one.lower() for one in self._texts(value, "programs"))
        if programs and inside is None:
            self.complain(("programs",), "programs are named by an envelope's header", "add inside: syslog")
        common = self._fields(value.get("fields"), ("fields",))
        patterns = self._patterns(value.get("patterns"), common)
        return SiteFormat(
            id=name,
            vendor=self._text(value, "vendor") or "Site",
            product=self._text(value, "product") or name,
            spec=self._text(value, "spec"),
            logsource=self._logsource(value.get("logsource")),
            inside=inside,
            programs=programs,
            contains=contains,
            starts_record=self._expression(value.get("starts_record"), ("starts_record",)),
            patterns=patterns,
            fields=common,
        )

    def _text(self, value: dict[str, Any], key: str) -> str:
        said = value.get(key, "")
        if not isinstance(said, str):
            self.complain((key,), f"{key}: not a text", f"write {key}: a text")
            return ""
        return said

    def _texts(self, value: dict[str, Any], key: str) -> tuple[str, ...]:
        said = value.get(key, [])
        said = [said] if isinstance(said, str) else said
        if not isinstance(said, list) or not all(isinstance(one, str) and one for one in said):
            self.complain((key,), f"{key}: not a list of texts", f"write {key}: [a, b]")
            return ()
        return tuple(said)

    def _logsource(self, value: Any) -> LogSource:
        if value is None:
            return LogSource()
        parts = ("product", "category", "service")
        if (
            not isinstance(value, dict)
            or not set(value) <= set(parts)
            or not all(isinstance(v, str) for v in value.values())
        ):
            self.complain(("logsource",), "no log source", "logsource: {product: …, category: …, service: …}")
            return LogSource()
        return LogSource(*(value.get(part) for part in parts))

    def _expression(self, value: Any, where: tuple[str | int, ...]) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > _LONGEST:
            self.complain(where, "no expression", f"a text of at most {_LONGEST} characters")
            return None
        try:
            _compiled(value)
        except re2.error as error:
            self.complain(
                where, f"RE2 refuses it: {_said(error)}", "no look-around, no back-references: they take no linear time"
            )
            return None
        return value

    def _patterns(self, value: Any, common: dict[str, Any]) -> tuple[Pattern, ...]:
        if not isinstance(value, list) or not value:
            self.complain(("patterns",), "no patterns", 'patterns: [{pattern: "… {name:type} …", fields: {…}}]')
            return ()
        if len(value) > _MOST_PATTERNS:
            self.complain(("patterns",), f"more than {_MOST_PATTERNS} patterns", "make several formats of it")
        return tuple(
            one
            for at, item in enumerate(value[:_MOST_PATTERNS])
            if (one := self._pattern(item, ("patterns", at), common))
        )

    def _pattern(self, item: Any, where: tuple[str | int, ...], common: dict[str, Any]) -> Pattern | None:
        if not isinstance(item, dict) or ("pattern" in item) == ("regex" in item):
            self.complain(where, "neither pattern: nor regex:", "write one of the two")
            return None
        for key in item:
            if key not in _PATTERN_KEYS:
                self.complain((*where, key), f"unknown key {key!r}", f"one of {', '.join(_PATTERN_KEYS)}")
        key = "pattern" if "pattern" in item else "regex"
        if not isinstance(item[key], str):
            self.complain((*where, key), f"{key}: not a text", "put it in quotes")
            return None
        places: dict[str, tuple[str, str]] = {}
        expression = self._template(item[key], places, (*where, key)) if key == "pattern" else item[key]
        expression_ok = self._expression(expression, (*where, key))
        if expression_ok is None:
            return None
        if key == "regex":
            names = dict.fromkeys(_compiled(expression).groupindex, ("text", ""))
            places = names | self._types(item.get("types", {}), names, (*where, "types"))
        fields = self._fields(item.get("fields"), (*where, "fields"))
        check_fields(self.complain, common, places, ("fields",))
        check_fields(self.complain, fields, places, (*where, "fields"))
        return Pattern(expression=expression, places=places, fields=fields)

    def _template(self, text: str, places: dict[str, tuple[str, str]], where: tuple[str | int, ...]) -> str:
        out: list[str] = []
        at = 0
        for found in _PLACE.finditer(text):
            name, kind, argument = found[1], found[2] or "word", found[3] or ""
            out.append(_literal(text[at : found.start()]))
            at = found.end()
            if name in places:
                self.complain(where, f"two places are called {name!r}", "give each its own name")
                continue
            places[name] = self._type(name, kind, argument, where)
            out.append(f"(?P<{name}>{_PARTS[places[name][0]]})")
        out.append(_literal(text[at:]))
        return "(?s)^(?:" + "".join(out) + r")\s*$"

    def _type(self, name: str, kind: str, argument: str, where: tuple[str | int, ...]) -> tuple[str, str]:
        if kind not in TYPES:
            self.complain(where, f"{{{name}:{kind}}}: no such type", f"one of {', '.join(TYPES)}")
            return "text", ""
        if kind == "time":
            try:
                reader(argument or "iso8601")
            except PatternError as error:
                self.complain(where, f"{name}: {error}", "time(yyyy-MM-dd HH:mm:ss), time(epoch) or time(iso8601)")
                return kind, "iso8601"
            return kind, argument or "iso8601"
        if argument:
            self.complain(where, f"{{{name}:{kind}(…)}}: only a time takes a pattern", f"write {{{name}:{kind}}}")
        return kind, ""

    def _types(self, value: Any, names: Collection[str], where: tuple[str | int, ...]) -> dict[str, tuple[str, str]]:
        if not isinstance(value, dict):
            self.complain(where, "types: no mapping", "types: {name: ip, at: time(yyyy-MM-dd HH:mm:ss)}")
            return {}
        out: dict[str, tuple[str, str]] = {}
        for name, said in value.items():
            found = _PLACE.fullmatch(f"{{{name}:{said}}}")
            if name not in names or found is None:
                self.complain(
                    (*where, name),
                    f"{name}: {said}: no group and type",
                    f"a group of the regex, and one of {', '.join(TYPES)}",
                )
                continue
            out[name] = self._type(name, found[2], found[3] or "", (*where, name))
        return out

    def _fields(self, value: Any, where: tuple[str | int, ...]) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.complain(where, "fields: no mapping", 'fields: {source.ip: "{place}"}')
            return {}
        out: dict[str, Any] = {}
        for name, said in value.items():
            if not isinstance(said, dict):
                out[name] = said
            elif {"from", "map"} <= set(said) <= {"from", "map", "default"} and isinstance(said["map"], dict):
                out[name] = Lookup(place=str(said["from"]), map=said["map"], default=said.get("default"))
            else:
                self.complain((*where, name), f"{name}: no lookup", "{from: place, map: {word: value}, default: value}")
        return out


def _literal(text: str) -> str:
    """What stands between the places; any blank is any number of blanks."""
    return r"\s+".join(re.escape(part) for part in re.split(r"\s+", text))


def _compiled(expression: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    return re2.compile(expression, options)  # type: ignore[no-untyped-call]


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
