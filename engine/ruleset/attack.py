"""The ids and names of ATT&CK (enterprise, ICS, mobile). A table beside this file, so that no check opens a socket.

Version 18.1 with what version 19 added; ids that 19 revoked are still good, as most rules carry them.
"""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Literal

import msgspec

VERSION: Final = "19"
_TABLE: Final = Path(__file__).with_suffix(".tsv")


class Technique(msgspec.Struct, frozen=True):
    """``gone``: revoked or deprecated before version 19; ``successor`` is then the id that took its place, or None."""

    id: str
    name: str
    matrix: Literal["enterprise", "ics", "mobile"]
    gone: bool = False
    successor: str | None = None


TACTICS: Final = frozenset(
    {
        "collection",
        "command-and-control",
        "credential-access",
        "defense-evasion",
        "defense-impairment",
        "discovery",
        "evasion",
        "execution",
        "exfiltration",
        "impact",
        "impair-process-control",
        "inhibit-response-function",
        "initial-access",
        "lateral-movement",
        "persistence",
        "privilege-escalation",
        "reconnaissance",
        "resource-development",
        "stealth",
    }
)
_MATRICES: Final[dict[str, Literal["enterprise", "ics", "mobile"]]] = {"E": "enterprise", "I": "ics", "M": "mobile"}
_TECHNIQUE: Final = re.compile(r"t(\d{4})(?:\.(\d{3}))?")
_OTHER: Final = re.compile(r"(?:ta|g|s|c|m|ds|da|det|an|dc)\d{4}")


def _read() -> dict[str, Technique]:
    found: dict[str, Technique] = {}
    for line in _TABLE.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        number, matrix, name, *note = line.split("\t")
        word, _, successor = note[0].partition(" ") if note else ("", "", "")
        found[number.lower()] = Technique(number, name, _MATRICES[matrix], word == "gone", successor or None)
    return found


TECHNIQUES: Final = _read()
"""By id in lower case."""

_NEWEST: Final = max(technique[1:5] for technique in TECHNIQUES)


class Complaint(msgspec.Struct, frozen=True):
    what: str
    mend: str


_LOOK_UP: Final = "look it up at https://attack.mitre.org"


def complaint(name: str) -> Complaint | None:
    """What is wrong with ``attack.<name>``.

    >>> complaint("t0855"), complaint("t1110.003"), complaint("impair_process_control")
    (None, None, None)
    >>> complaint("t1086").mend, complaint("lateral_movment").mend
    ("write 't1059.001' (PowerShell)", "did you mean 'lateral-movement'?")
    """
    name = name.lower()
    if name.replace("_", "-") in TACTICS or _OTHER.fullmatch(name):
        return None
    known = TECHNIQUES.get(name)
    if known is not None:
        return _gone(known) if known.gone else None
    found = _TECHNIQUE.fullmatch(name)
    if found is None:
        what = f"'{name[:60]}' is neither a tactic nor an id of ATT&CK"
        close = get_close_matches(name.replace("_", "-"), TACTICS, 1)
        return Complaint(what, f"did you mean '{close[0]}'?" if close else _LOOK_UP)
    what = f"ATT&CK (version {VERSION}) has no technique {name.upper()}"
    if found[1] > _NEWEST and found[1][0] == _NEWEST[0]:
        return Complaint(what + "; it may be newer", _LOOK_UP)
    base = TECHNIQUES.get(f"t{found[1]}")
    if base is not None and found[2]:
        subs = [one for one in TECHNIQUES if one.startswith(f"t{found[1]}.")]
        known_subs = f"{subs[0]} to {subs[-1]}" if len(subs) > 1 else "".join(subs) or "no sub-technique"
        return Complaint(what, f"{base.name} has {known_subs}")
    close = get_close_matches(name, TECHNIQUES, 1)
    return Complaint(what, f"did you mean '{close[0]}' ({TECHNIQUES[close[0]].name})?" if close else _LOOK_UP)


def _gone(known: Technique) -> Complaint:
    if known.successor is None:
        return Complaint(f"the technique {known.id} ({known.name}) is deprecated in ATT&CK", _LOOK_UP)
    successor = TECHNIQUES[known.successor.lower()]
    what = f"the technique {known.id} ({known.name}) was revoked in ATT&CK"
    return Complaint(what, f"write '{successor.id.lower()}' ({successor.name})")
