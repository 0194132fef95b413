"""The formats, found by file name: ``parsers/<id>.py`` with a ``FORMAT``."""

import importlib
import pkgutil

from engine.model import LogFormat


class FormatError(Exception):
    """A file in ``parsers/`` breaks the convention; the message names the file and the mend."""


def discover(package: str = "parsers") -> dict[str, LogFormat]:
    """Every format of a package, by id, in the order of the ids."""
    found: dict[str, LogFormat] = {}
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if module.ispkg or module.name.startswith("_"):
            continue
        log_format = getattr(importlib.import_module(f"{package}.{module.name}"), "FORMAT", None)
        where = f"{package}/{module.name}.py"
        if not isinstance(log_format, LogFormat):
            raise FormatError(f"{where}: no FORMAT; end the file with FORMAT = LogFormat(…)")
        if log_format.id != module.name:
            raise FormatError(f"{where}: FORMAT.id is {log_format.id!r}; name it after the file")
        if log_format.parse is None and log_format.session is None:
            raise FormatError(f"{where}: give FORMAT a parse, or a session where records depend on each other")
        found[log_format.id] = log_format
    for log_format in found.values():
        if (
            log_format.inside is not None
            and (outer := found.get(log_format.inside)) is not None
            and outer.opens is None
        ):
            raise FormatError(f"{package}/{log_format.id}.py: inside={log_format.inside!r}, which opens nothing")
    return dict(sorted(found.items()))
