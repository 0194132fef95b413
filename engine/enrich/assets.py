"""The plant's own list of what it has: assets and zones, from a YAML file that is believed whole or not at all.

::

    zones:
      cell_a: {networks: [10.99.0.0/24], level: 1, site: north}
    assets:
      - name: plc-mixer
        addresses: [10.99.0.8]
        role: plc
        zone: cell_a
        criticality: high
        consequence: The mixer overfills; caustic reaches the floor drain.
        tags:
          - {name: Mixer level, address: 40001, unit: mm, range: [0, 800]}
"""

import re
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.enrich.document import AssetFileError, Item, Problems, document
from engine.enrich.networks import Address, Network, address
from engine.enrich.tags import Tag, read_tags

__all__ = ["Asset", "AssetFileError", "Zone", "read_assets"]

LEVELS: Final = (0.0, 1.0, 2.0, 3.0, 3.5, 4.0, 5.0)
"""Purdue levels; 3.5 is the DMZ between plant and enterprise."""

CRITICALITIES: Final = ("low", "medium", "high", "critical")


class Zone(msgspec.Struct, frozen=True):
    name: str
    networks: tuple[Network, ...] = ()
    level: float | None = None
    site: str | None = None


class Asset(msgspec.Struct, frozen=True):
    """``hostnames`` beside ``name``, which is one too. ``consequence``: what an attack means, in the plant's words.
    ``tags``: what the plant calls the values that a controller holds."""

    name: str
    addresses: tuple[Address | Network, ...] = ()
    hostnames: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    role: str | None = None
    level: float | None = None
    zone: str | None = None
    site: str | None = None
    criticality: str | None = None
    owner: str | None = None
    safety: bool | None = None
    consequence: str | None = None
    tags: tuple[Tag, ...] = ()


def mac(text: str) -> str | None:
    """Twelve hexadecimal digits, however they are written.

    >>> mac("00:00:5E:00:53:23"), mac("0000.5e00.5323"), mac("plc")
    ('00005e005323', '00005e005323', None)
    """
    digits = re.sub(r"[-:. ]", "", text).lower()
    return digits if re.fullmatch(r"[0-9a-f]{12}", digits, re.ASCII) else None


def read_assets(path: Path, *, within: bool = False) -> tuple[tuple[Asset, ...], tuple[Zone, ...]]:
    """Raises ``AssetFileError`` with every problem of the file, each as ``path:line: what; mend``.

    ``within``: the two lists stand in a larger file, whose other keys somebody else reads; ones that are paths do, too.
    """
    problems = Problems(path)
    root = document(path, problems)
    sections = root.mapping("assets", "zones", others=within)
    if within:
        sections = {name: section for name, section in sections.items() if section.is_collection()}
    zones = tuple(_zones(sections["zones"])) if "zones" in sections else ()
    assets = tuple(_assets(sections["assets"])) if "assets" in sections else ()
    if not sections and not within:
        root.wrong("there are neither assets nor zones", "write a list under assets: or zones:")
    _alone(sections, assets, zones)
    problems.stop()
    return tuple(asset for asset, _ in assets), tuple(zone for zone, _ in zones)


def _zones(section: Item) -> Iterable[tuple[Zone, Item]]:
    named = section.named()
    for name, item in named:
        if name is not None and not item.is_mapping():  # office: [10.20.0.0/16]
            networks = [net for one in item.elements() if (net := _network(one)) is not None]
            yield Zone(name, tuple(networks)), item
            continue
        keys = item.mapping("name", "networks", "level", "site")
        if name is None:
            name = _name(keys, item, "a zone")
        networks = [net for one in _each(keys, "networks") if (net := _network(one)) is not None]
        yield Zone(name or "", tuple(networks), _level(keys), _text(keys, "site")), item


def _assets(section: Item) -> Iterable[tuple[Asset, Item]]:
    for name, item in section.named():
        keys = item.mapping(*Asset.__struct_fields__)
        if name is None:
            name = _name(keys, item, "an asset")
        addresses = [at for one in _each(keys, "addresses") if (at := _address_or_network(one)) is not None]
        macs = [known for one in _each(keys, "macs") if (known := _mac(one)) is not None]
        hostnames = [found for one in _each(keys, "hostnames") if (found := one.text())]
        yield (
            Asset(
                name=name or "",
                addresses=tuple(addresses),
                hostnames=tuple(hostnames),
                macs=tuple(macs),
                role=_role(keys),
                level=_level(keys),
                zone=_text(keys, "zone"),
                site=_text(keys, "site"),
                criticality=_criticality(keys),
                owner=_text(keys, "owner"),
                safety=keys["safety"].boolean() if "safety" in keys else None,
                consequence=_text(keys, "consequence"),
                tags=read_tags(keys["tags"]) if "tags" in keys else (),
            ),
            item,
        )


def _name(keys: dict[str, Item], item: Item, what: str) -> str | None:
    if "name" not in keys:
        item.wrong(f"{what} without a name", "add name:")
        return None
    return keys["name"].text()


def _each(keys: dict[str, Item], name: str) -> list[Item]:
    return keys[name].elements() if name in keys else []


def _text(keys: dict[str, Item], name: str) -> str | None:
    return keys[name].text() if name in keys else None


def _network(item: Item) -> Network | None:
    text = item.text()
    if text is None:
        return None
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        whole = ip_network(text, strict=False)
    except ValueError:
        item.wrong(f"{text!r} is no network", "write it as 10.99.0.0/24 or 2001:db8::/64")
        return None
    item.wrong(f"{text!r} has bits behind its prefix", f"write {whole}, or the address alone")
    return None


def _address_or_network(item: Item) -> Address | Network | None:
    text = item.text()
    if text is None:
        return None
    if "/" in text:
        return _network(item)
    found = address(text)
    if found is None:
        item.wrong(f"{text!r} is no address", "write an IPv4 or IPv6 address, a name goes under hostnames:")
        return None
    return found


def _mac(item: Item) -> str | None:
    text = item.text()
    if text is None:
        return None
    found = mac(text)
    if found is None:
        item.wrong(f"{text!r} is no MAC address", "write it as 00:00:5e:00:53:23")
    return found


def _role(keys: dict[str, Item]) -> str | None:
    role = _text(keys, "role")
    if role is not None and re.fullmatch(r"[a-z][a-z0-9_]*", role) is None:
        mended = re.sub(r"[^a-z0-9]+", "_", role.lower()).strip("_") or "plc"
        keys["role"].wrong(f"the role {role!r} is no word that rules can name", f"write {mended}")
        return None
    return role


def _level(keys: dict[str, Item]) -> float | None:
    if "level" not in keys:
        return None
    level = keys["level"].number()
    if level is not None and level not in LEVELS:
        keys["level"].wrong(f"there is no Purdue level {level:g}", "write 0, 1, 2, 3, 3.5 (the DMZ), 4 or 5")
        return None
    return level


def _criticality(keys: dict[str, Item]) -> str | None:
    found = _text(keys, "criticality")
    if found is not None and found not in CRITICALITIES:
        keys["criticality"].wrong(f"there is no criticality {found!r}", f"write one of {', '.join(CRITICALITIES)}")
        return None
    return found


def _alone(
    sections: dict[str, Item], assets: tuple[tuple[Asset, Item], ...], zones: tuple[tuple[Zone, Item], ...]
) -> None:
    """No name, address or network twice, and no asset in a zone that the same file does not know."""
    _once("zone", ((zone.name.casefold(), zone.name, item) for zone, item in zones))
    _once("network", ((network, str(network), item) for zone, item in zones for network in zone.networks))
    _once("asset", ((asset.name.casefold(), asset.name, item) for asset, item in assets))
    _once("address", ((one, str(one), item) for asset, item in assets for one in asset.addresses))
    _once("MAC address", ((one, one, item) for asset, item in assets for one in asset.macs))
    _once("host name", ((one.casefold(), one, item) for asset, item in assets for one in asset.hostnames))
    known = {zone.name for zone, _ in zones}
    if "zones" in sections:
        for asset, item in assets:
            if asset.zone is not None and asset.zone not in known:
                item.wrong(
                    f"asset {asset.name} is in the zone {asset.zone!r}, which is not there", "add it under zones:"
                )


def _once(what: str, found: Iterable[tuple[Any, str, Item]]) -> None:
    seen: dict[Any, Item] = {}
    for key, shown, item in found:
        if key in seen:
            item.wrong(f"the {what} {shown} is there twice", f"keep one; the other is in line {seen[key].line}")
        seen.setdefault(key, item)
