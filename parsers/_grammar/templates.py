"""Message templates: text as a vendor's reference prints it, with named places, made into one expression each.

``<src>`` is an address with its port, ``<src:>`` one behind an interface's name, ``<src:nat>`` one with its translation
in parentheses (each with ``dst`` too, and with the user whom a firewall knows behind that address); ``[…]`` may be
missing, ``{a|b}`` is one of both, ``\\`` takes the meaning off the next character. A blank stands for any number.
"""

import re

_ADDRESS = r'[^\s/(),;"<>]{1,128}'
_USER = r"(?: ?\((?P<{0}user>[^()]{{0,256}})\))?"
_PLACES = {
    "transport": r"(?P<transport>[Pp]rotocol \d{1,3}|[\w\-]{1,24})",
    "direction": r"(?P<direction>[Ii]nbound|[Oo]utbound)",
    "in": r"(?P<iif>[^,:]{1,64}?)(?=\.?\s*$|\. |[,:]| for | to | using | with )",
    "out": r"(?P<oif>[^,:]{1,64}?)(?=\.?\s*$|\. |[,:]| for | to | using | with )",
    "user": r"""(?P<user>'[^']{0,256}'|"[^"]{0,256}"|[^\s,;]{1,256})""",
    "user…": r"(?P<user>.{0,256}?)",
    "group": r"(?P<group>[^,<>]{1,128}?)",
    "reason": r"(?P<reason>.{1,512}?)\.?\s*$",
    "reason,": r"(?P<reason>[^,;:]{1,256})",
    "duration": r"(?P<duration>\d{1,6}:\d\d:\d\d|(?:\d{1,5}d )?\d{1,5}h:\d{1,2}m:\d{1,2}s)",
    "bytes": r"(?P<bytes>\d{1,19})",
    "sbytes": r"(?P<sbytes>\d{1,19})",
    "dbytes": r"(?P<dbytes>\d{1,19})",
    "number": r"(?P<number>\d{1,19})",
    "rule": r"""(?P<rule>"[^"]{0,256}"|[^\s:"]{1,256})""",
    "signature_id": r"(?P<signature_id>\d{1,9})",
    "signature": r"(?P<signature>.{1,128}?)",
    "verdict": r"(?P<verdict>[\w\-]{1,24})",
    "command": r"""(?P<command>'.{0,2048}'|".{0,2048}"|.{1,2048}?)\.?\s*$""",
    "url": r"""(?P<url>"[^"]{1,4096}"|\S{1,4096})""",
    "file": r"(?P<file>.{1,512}?)\s*$",
    "domain": r"(?P<domain>[\w.\-*]{1,255})",
    "list": r"(?P<list>[\w\-]{1,32})",
    "level": r"(?P<level>[\w\-]{1,32})",
    "category": r"(?P<category>[\w \-/]{1,64})",
    "mac": r"(?P<mac>[0-9A-Fa-f]{2,4}(?:[.:\-][0-9A-Fa-f]{2,4}){2,5})",
    "app": r"(?P<app>[\w\-./]{1,64})",
    "agent": r"(?P<agent>.{1,512}?)\s*$",
    "assigned": r"(?P<assigned>[0-9A-Fa-f.:]{2,45})",
    "type": r"(?P<type>[\w \-]{1,32}?)",
    "icmp": r"(?P<icmp_type>\d{1,3})",
    "code": r"(?P<icmp_code>\d{1,3})",
    "ended": r"(?P<ended>.{1,256})$",
    "cause": r"(?P<reason>[^:=]{1,128}?)",
    "policy": r"\(?(?P<group>[^\s()]{1,128})\)?",
    "tunnel": r"[\w \-]{1,64}",
    "aaa": r"(?P<aaa>\w{1,32})",
    "quoted": r"(?:'[^']{0,256}'|\S{1,128})",
    "who": r"(?P<who>[0-9A-Fa-f.:]{2,45})",
    "client": r"(?P<client>[0-9A-Fa-f.:]{2,45})",
    "addr": r"(?P<src>[0-9A-Fa-f.:]{2,45}?)(?=[\s,]|: |:?$)",
    "object": r"(?P<object>[^\]]{1,128}?)",
    "attacker": r"(?P<attacker>\S{1,64})",
    "how": r"(?P<how>targeted|attacking)",
    "idfw": r"(?P<user>.{1,256}?)",
    "user@": r"(?P<user>[^\s@]{1,128})@",
    "srcu": rf"(?P<src>{_ADDRESS})(?: ?\((?P<suser>[^()]{{0,256}})\))?",
    "urldst": r"(?:[^\s@:]{1,128}@)?(?P<dst>[^\s@]{1,128}?)(?=:(?:/|[A-Za-z]{2,10}://|$))",
    "in/src": rf"(?P<iif>[^/]{{0,64}})/(?P<src>{_ADDRESS})\((?P<sport>\d{{1,5}})\){_USER.format('s')}",
    "out/dst": rf"(?P<oif>[^/]{{0,64}})/(?P<dst>{_ADDRESS})\((?P<dport>\d{{1,5}})\){_USER.format('d')}",
    "faddr": rf"(?P<faddr>{_ADDRESS})/(?P<fport>\d{{1,5}})(?: ?\((?P<fuser>[^()]{{0,256}})\))?",
    "gaddr": rf"(?P<gaddr>{_ADDRESS})/\d{{1,5}}",
    "laddr": rf"(?P<laddr>{_ADDRESS})/(?P<lport>\d{{1,5}})(?:\((?P<luser>[^()]{{0,256}})\))?",
    "*": r".{0,512}?",
    "n": r"\S{1,128}",
}
_SIDES = {"src": ("s", "iif"), "dst": ("d", "oif")}
_PLACE = re.compile(r"<([^<>\s]{1,24})>")
_BARE = (
    r"(?: ?\((?P<{0}user>[^()]{{0,256}})\)| (?P<{0}bare>(?!to |duration )[\w.\\@\-]{{1,128}})(?= (?:to|duration) ))?"
)


def expression(template: str) -> re.Pattern[str]:
    """
    >>> found = expression("Deny <transport> src <src:> dst <dst:> by access-group <rule>").match(
    ...     'Deny tcp src outside:192.0.2.7/40022(LOCAL\\\\anna) dst cell a:198.51.100.4/502 by access-group "plant"')
    >>> [found[name] for name in ("iif", "src", "sport", "suser", "oif", "dst", "dport", "rule")]
    ['outside', '192.0.2.7', '40022', 'LOCAL\\\\anna', 'cell a', '198.51.100.4', '502', '"plant"']
    """
    out: list[str] = []
    at = 0
    while at < len(template):
        letter = template[at]
        place = _PLACE.match(template, at) if letter == "<" else None
        if place is not None:
            out.append(_place(place[1]))
            at = place.end()
            continue
        if letter == "\\":
            at += 1
            out.append(re.escape(template[at]))
        elif letter == " ":
            out.append(" +")
        else:
            out.append(
                {"[": "(?:", "]": ")?", "{": "(?:", "}": ")", "|": "|", "$": "$"}.get(letter) or re.escape(letter)
            )
        at += 1
    return re.compile("".join(out))


def _place(name: str) -> str:
    side, _, form = name.partition(":")
    if side not in _SIDES:
        return _PLACES[name]
    letter, interface = _SIDES[side]
    pattern = rf"(?P<{side}>{_ADDRESS})(?:/(?P<{letter}port>[\w\-]{{1,24}}))?"
    if ":" in name:
        pattern = rf"(?P<{interface}>[^:]{{0,64}}): ?{pattern}"
    if form == "nat":
        pattern += rf" ?\((?P<{letter}nat>{_ADDRESS})(?:/(?P<{letter}natport>\d{{1,6}}))?\)"
    if form == "nat":  # behind a blank it is another user, of the whole connection
        return pattern + _USER.format(letter).replace(" ?", "", 1)
    return pattern + (_BARE if form == "u" else _USER).format(letter)
