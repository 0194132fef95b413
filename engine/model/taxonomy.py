"""The table of Sigma's log sources, ``logsources.toml``: read once, checked as it is read."""

import tomllib
from collections.abc import Iterable, Set
from difflib import get_close_matches
from importlib.resources import files
from typing import Final

import msgspec


class Told(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An event id that stands for several categories: how ``field`` starts decides."""

    service: str
    code: int
    field: str
    starts: dict[str, str]


class Windows(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    services: dict[str, list[str]]
    providers: dict[str, str]
    categories: dict[str, dict[str, list[int]]]
    told_apart: list[Told]


class Linux(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    channels: dict[str, str]
    programs: dict[str, list[str]]


class Controllers(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    category: str
    products: list[str]
    operations: list[str]
    services: dict[str, list[str]]


class Parts(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    product: list[str] = []
    category: list[str] = []
    service: list[str] = []


class Also(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    when: Parts = msgspec.field(name="if")
    products: list[str] = []
    categories: list[str] = []
    services: list[str] = []


class Named(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    product: str | None = None
    category: str | None = None
    service: str | None = None


class Category(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    category: str
    becomes: str = msgspec.field(name="is")
    type: list[str] = []
    has: str | None = None
    os: bool = False


class Ecs(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    datasets: dict[str, Named]
    categories: list[Category]
    systems: dict[str, list[str]]


class Known(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    categories: list[str]
    services: dict[str, list[str]]


class Taxonomy(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    windows: Windows
    linux: Linux
    ot: Controllers
    also: list[Also]
    ecs: Ecs
    known: Known


FILE: Final = files("engine.model").joinpath("logsources.toml")

TAXONOMY: Final = msgspec.convert(tomllib.loads(FILE.read_text("utf-8")), Taxonomy)

Belongs = tuple[frozenset[str], frozenset[str], frozenset[str]]
"""Every product, category and service that an event is of."""

_MOST, _LONGEST = 4096, 256
_known: dict[tuple[str | None, str | None, str | None], Belongs] = {}


def belongs(product: str | None, category: str | None, service: str | None) -> Belongs:
    """What an event of this log source is, broader log sources included.

    >>> sorted(belongs("windows", "registry_set", "sysmon")[1])
    ['registry_event', 'registry_set']
    >>> sorted(belongs("linux", None, "sshd")[2])
    ['auth', 'sshd']
    """
    key = (product, category, service)
    known = _known.get(key)
    if known is None:
        known = _closed(key)
        if len(_known) < _MOST and sum(len(part or "") for part in key) <= _LONGEST:
            _known[key] = known
    return known


def _closed(key: tuple[str | None, str | None, str | None]) -> Belongs:
    products, categories, services = ({part} if part is not None else set() for part in key)
    size = -1
    while size != (size := len(products) + len(categories) + len(services)):
        for also in TAXONOMY.also:
            if fits(also.when, (products, categories, services)):
                products.update(also.products)
                categories.update(also.categories)
                services.update(also.services)
    return frozenset(products), frozenset(categories), frozenset(services)


def fits(parts: Parts, is_of: tuple[Set[str], Set[str], Set[str]]) -> bool:
    """Whether each part that is named has one of what an event is of."""
    return (
        (not parts.product or not is_of[0].isdisjoint(parts.product))
        and (not parts.category or not is_of[1].isdisjoint(parts.category))
        and (not parts.service or not is_of[2].isdisjoint(parts.service))
    )


def products() -> dict[str, set[str]]:
    """The products that rules may name, each with its services; under "" the services that need no product."""
    out = {product: set(services) for product, services in TAXONOMY.known.services.items()}
    out.setdefault("windows", set()).update(TAXONOMY.windows.services)
    out.setdefault("linux", set()).update(TAXONOMY.linux.channels.values(), TAXONOMY.linux.programs)
    ot = {*TAXONOMY.ot.services, *TAXONOMY.ot.operations}
    for product in TAXONOMY.ot.products:
        out.setdefault(product, set()).update(ot)
    for named in TAXONOMY.ecs.datasets.values():
        if named.product is not None and named.product not in out:
            out[named.product] = set()
    out[""].update(ot)
    for also in TAXONOMY.also:
        for product in also.when.product or [""]:
            out.setdefault(product, set()).update(also.services)
            if also.when.category == [TAXONOMY.ot.category]:
                for one in TAXONOMY.ot.products:
                    out[one].update(also.services)
    return out


def categories() -> set[str]:
    out = {*TAXONOMY.known.categories, TAXONOMY.ot.category}
    out.update(category for by_category in TAXONOMY.windows.categories.values() for category in by_category)
    out.update(category for told in TAXONOMY.windows.told_apart for category in told.starts.values())
    out.update(category for also in TAXONOMY.also for category in also.categories)
    out.update(one.becomes for one in TAXONOMY.ecs.categories)
    return out


def complaint(product: str | None, category: str | None, service: str | None) -> tuple[str, str] | None:
    """What is unknown of a rule's log source, and the nearest that is known; None where all of it is known.

    >>> complaint("windows", "process_creaton", None)
    ("no event is of the category 'process_creaton'", "did you mean 'process_creation'?")
    >>> complaint("windows", None, "security") is None
    True
    """
    known = products()
    if product is not None and product not in known:
        return f"no event is of the product '{product}'", _nearest(product, known)
    if category is not None and category not in (all_categories := categories()):
        return f"no event is of the category '{category}'", _nearest(category, all_categories)
    if service is None:
        return None
    if product is None:
        services = {one for some in known.values() for one in some}
    else:
        services = known[product]
    if service in services:
        return None
    of = f" of the product '{product}'" if product is not None else ""
    elsewhere = [one for one, some in known.items() if service in some and one]
    if product is not None and elsewhere:
        return f"no event{of} is of the service '{service}'", f"{service} is a service of {', '.join(elsewhere[:3])}"
    return f"no event{of} is of the service '{service}'", _nearest(service, services)


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(one for one in known if one)
    close = get_close_matches(name.lower().replace("-", "_"), names, 1) or get_close_matches(name.lower(), names, 1)
    if close:
        return f"did you mean '{close[0]}'?"
    if not names:
        return "leave the service out"
    listed = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f"known are: {listed}; or send JSON events that name it as ls_product, ls_category, ls_service"
