"""Event → Event: who the addresses and names in it are, as the plant knows them."""

from collections.abc import Sequence
from typing import Any, Final

from engine.enrich.assets import Asset, Zone, mac
from engine.enrich.networks import Address, Network, Networks, address
from engine.enrich.process_image import WRITES, ProcessImage
from engine.enrich.tags import Tags
from engine.model import Event, Fields

_REMEMBERED: Final = 65_536  # addresses and names of one side
_LONGEST: Final = 512  # characters of what is remembered: no address, and hardly a name, is longer
_ENUMERATED: Final = 256  # addresses of a network that a rule's placeholder names one by one


class Enrichment:
    """
    >>> from ipaddress import ip_address, ip_network
    >>> from engine.model import LogSource
    >>> plc = Asset("plc-1", (ip_address("10.99.0.8"),), role="plc")
    >>> event = Event({"source.ip": "203.0.113.9", "destination.ip": "10.99.0.8"}, 0, "1", LogSource())
    >>> Enrichment([plc], [Zone("cell_a", (ip_network("10.99.0.0/24"),), level=1.0)]).enrich(event)
    >>> {name: value for name, value in event.fields.items() if name.startswith("tieline.")}
    {'tieline.destination.asset': 'plc-1', 'tieline.destination.role': 'plc', 'tieline.destination.zone': 'cell_a', \
'tieline.destination.level': 1.0}
    """

    def __init__(self, assets: Sequence[Asset], zones: Sequence[Zone]) -> None:
        self.assets = {asset.name: asset for asset in assets}
        self._zones = {zone.name: zone for zone in zones}
        self._zone_of = Networks((network, zone) for zone in zones for network in zone.networks)
        self._by_address: dict[Address, Asset] = {}
        networks: list[tuple[Network, Asset]] = []
        for asset in assets:
            for one in asset.addresses:
                if isinstance(one, Address):
                    self._by_address.setdefault(one, asset)
                else:
                    networks.append((one, asset))
        self._by_network = Networks(networks)
        self._by_mac = {found: asset for asset in assets for one in asset.macs if (found := mac(one)) is not None}
        self._by_name = _names(assets)
        self._sides = tuple((_Side(name), f"{name}.ip", f"{name}.mac", f"{name}.domain") for name in _ENDS)
        self._host = _Side("host")
        self._otherwise_named: dict[tuple[str | None, str | None], Asset | None] = {}
        self._knows_nothing = not (assets or zones)
        self._tags = {asset.name: Tags(asset.tags) for asset in assets if asset.tags}

    def enrich(self, event: Event) -> None:
        """Adds ``tieline.source.*``, ``.destination.*`` and ``.host.*`` in place: only what is known."""
        if self._knows_nothing:
            return
        fields = event.fields
        for side, ip, hardware, name in self._sides:
            value = fields.get(ip)
            if type(value) is str:
                known = side.by_value.get(value)
                if known is None:
                    known = side.remember(value, self._facts(side, self._of_address(value), value))
                if (
                    side.asset in known
                    or not (hardware in fields or name in fields)
                    or self._named_otherwise(_first(fields.get(hardware)), _first(fields.get(name))) is None
                ):
                    if known:
                        fields.update(known)
                    continue
            if hardware in fields or name in fields or ip in fields:
                fields.update(
                    self._otherwise(side, _first(value), _first(fields.get(hardware)), _first(fields.get(name)))
                )
        self._enrich_host(fields)

    def name_tags(self, event: Event, image: ProcessImage) -> None:
        """What is written to a controller, in the plant's words: ``ot.tag`` and ``ot.engineering.*``, in place. To be
        called behind ``enrich``, with the image that has observed the event."""
        fields = event.fields
        tags = self._tags.get(fields.get("tieline.destination.asset", ""))
        if tags is not None and fields.get("ot.operation") in WRITES:
            tags.describe(fields, lambda space, address: image.known(fields, space, address))

    def _enrich_host(self, fields: Fields) -> None:
        name = fields.get("host.name")
        if type(name) is not str:
            name = fields.get("host.hostname")
        side = self._host
        known: Fields | None = None
        if type(name) is str:
            known = side.by_value.get(name)
            if known is None:
                asset = self._of_name(name) or self._of_address(name)
                known = side.remember(name, self._facts(side, asset, name))
        if known is None or side.asset not in known:
            addresses = fields.get("host.ip")
            for one in addresses if isinstance(addresses, list | tuple) else (addresses,):
                if type(one) is not str:
                    continue
                found = side.by_value.get(one)
                if found is None:
                    found = side.remember(one, self._facts(side, self._of_address(one), one))
                if known is None or side.asset in found or len(found) > len(known):
                    known = found
                if side.asset in known:
                    break
        if not known:
            return
        fields.update(known)
        if "host.ip" not in fields and side.asset in known:
            addresses = [str(one) for one in self.assets[known[side.asset]].addresses if isinstance(one, Address)]
            if addresses:
                fields["host.ip"] = addresses

    def consequence(self, name: str) -> str | None:
        """What an attack on this asset means, in the plant's words."""
        asset = self.assets.get(name)
        return asset.consequence if asset is not None else None

    def placeholders(self) -> dict[str, list[str]]:
        """Sigma's ``expand``: by role (``engineering_workstation`` → ``EngineeringWorkstations``) addresses and names.

        Of a network its addresses, where there are at most 256.
        """
        out: dict[str, dict[str, None]] = {}
        for asset in self.assets.values():
            if asset.role is not None:
                name = "".join(part.capitalize() for part in asset.role.split("_")) + "s"
                values = out.setdefault(name, {})
                for one in asset.addresses:
                    if isinstance(one, Address):
                        values[str(one)] = None
                    elif one.num_addresses <= _ENUMERATED:
                        values.update((str(inner), None) for inner in one)
                values.update((host, None) for host in (asset.name, *asset.hostnames))
        return {name: list(values) for name, values in out.items()}

    def _otherwise(self, side: "_Side", ip: str | None, hardware: str | None, name: str | None) -> Fields:
        """By MAC address and by name, for what no address tells."""
        key = (ip, hardware, name)
        known = side.by_all.get(key)
        if known is None:
            asset = self._of_address(ip) if ip is not None else None
            if asset is None:
                asset = self._named_otherwise(hardware, name)
            known = self._facts(side, asset, ip if ip is not None else name)
            if len(side.by_all) >= _REMEMBERED:
                side.by_all.clear()
            if sum(len(one) for one in key if one is not None) <= _LONGEST:
                side.by_all[key] = known
        return known

    def _named_otherwise(self, hardware: str | None, name: str | None) -> Asset | None:
        key = (hardware, name)
        try:
            return self._otherwise_named[key]
        except KeyError:
            pass
        asset = self._by_mac.get(mac(hardware) or "") if hardware is not None else None
        if asset is None and name is not None:
            asset = self._of_name(name) or self._of_address(name)
        if len(self._otherwise_named) >= _REMEMBERED:
            self._otherwise_named.clear()
        if len(hardware or "") + len(name or "") <= _LONGEST:
            self._otherwise_named[key] = asset
        return asset

    def _of_address(self, text: str) -> Asset | None:
        one = address(text)
        if one is None:
            return None
        return self._by_address.get(one) or self._by_network.of(one)

    def _of_name(self, text: str) -> Asset | None:
        name = text.casefold().rstrip(".")
        return self._by_name.get(name) or self._by_name.get(name.partition(".")[0] + ".", None)

    def _facts(self, side: "_Side", asset: Asset | None, value: str | None) -> Fields:
        one = address(value) if value is not None else None
        zone = self._zones.get(asset.zone) if asset is not None and asset.zone is not None else None
        if zone is None and (asset is None or asset.zone is None):
            if one is None and asset is not None:
                one = next((own for own in asset.addresses if isinstance(own, Address)), None)
            zone = self._zone_of.of(one) if one is not None else None
        facts: dict[str, Any] = {}
        if asset is not None:
            facts = {"asset": asset.name, "role": asset.role, "zone": asset.zone, "level": asset.level}
            facts |= {"site": asset.site, "criticality": asset.criticality, "safety": asset.safety}
        if zone is not None:
            for fact, own in (("zone", zone.name), ("level", zone.level), ("site", zone.site)):
                if facts.get(fact) is None:
                    facts[fact] = own
        return {f"{side.prefix}{name}": fact for name, fact in facts.items() if fact is not None}


_ENDS: Final = ("source", "destination")


class _Side:
    """What is remembered of one party of an event: the fields that a value adds."""

    def __init__(self, name: str) -> None:
        self.prefix = f"tieline.{name}."
        self.asset = f"tieline.{name}.asset"
        self.by_value: dict[str, Fields] = {}
        self.by_all: dict[tuple[str | None, ...], Fields] = {}

    def remember(self, value: str, facts: Fields) -> Fields:
        if len(self.by_value) >= _REMEMBERED:
            self.by_value.clear()
        if len(value) <= _LONGEST:
            self.by_value[value] = facts
        return facts


def _first(value: Any) -> str | None:
    if isinstance(value, list | tuple) and value:
        value = value[0]
    return value if isinstance(value, str) else None


def _names(assets: Sequence[Asset]) -> dict[str, Asset]:
    """By full name; a short name also finds the one asset whose full name begins with it, and ``name.`` (with the dot)
    stands for a short name of ours under whatever domain."""
    out: dict[str, Asset] = {}
    short: dict[str, list[Asset]] = {}
    for asset in assets:
        for index, host in enumerate((*asset.hostnames, asset.name)):
            name = host.casefold().rstrip(".")
            if index < len(asset.hostnames):
                out[name] = asset
            else:
                out.setdefault(name, asset)
            head, dot, _ = name.partition(".")
            if dot:
                short.setdefault(head, []).append(asset)
            else:
                out.setdefault(f"{name}.", asset)
    for head, found in short.items():
        if all(one is found[0] for one in found):
            out.setdefault(head, found[0])
    return out
