"""The formats that there are: ours, found in ``parsers/``, and a site's own, from the directories that it names."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path

from engine.config import Config, ConfigError, Problem, check, read
from engine.config.site_formats import read_formats
from engine.model import LogFormat
from engine.parsing.formats import discover
from engine.parsing.site_format import log_format

_site: dict[str, LogFormat] = {}


@cache
def shipped() -> Mapping[str, LogFormat]:
    """The formats of ``parsers/``, by id."""
    return discover()


def formats() -> Mapping[str, LogFormat]:
    """Every format that there is, by id."""
    return {**shipped(), **_site} if _site else shipped()


def site_formats(folders: Sequence[str]) -> dict[str, LogFormat]:
    """The formats of these directories; ConfigError names file, line and mend of all that is wrong with them."""
    known = shipped()
    found = {one.id: log_format(one) for one in read_formats(folders, known)}
    outside = [one for one in found.values() if one.inside is not None and known[one.inside].opens is None]
    if outside:
        raise ConfigError(
            [Problem(one.id, 1, f"inside: {one.inside} is no envelope", "syslog, json, cef or leef") for one in outside]
        )
    return found


def use(folders: Sequence[str]) -> None:
    """From now on ``formats()`` has these as well."""
    _site.clear()
    _site.update(site_formats(folders))


def configured(path: Path, *, without: Collection[str] = ()) -> Config:
    """The configuration in ``path``, with its site's formats in use."""
    found = read(path, without=without)
    use(found.formats)
    return read(path, formats=formats(), without=without)


def problems(path: Path) -> list[Problem]:
    """All that is wrong with a configuration and with the formats that it names."""
    found = check(path)
    if found:
        return found
    try:
        use(read(path).formats)
    except ConfigError as error:
        return error.problems
    return check(path, formats=formats())
