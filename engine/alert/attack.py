"""Sigma's ``attack.`` tags as ECS ``threat.*``, for Enterprise and for ICS."""

import re
from collections.abc import Iterable
from typing import Any, Final

from engine.alert.attack_names import ENTERPRISE_TACTICS, ENTERPRISE_TECHNIQUES, ICS_TACTICS, ICS_TECHNIQUES

_TECHNIQUE: Final = re.compile(r"t(\d{4})(?:\.(\d{3}))?")
_TAG: Final = re.compile(r"attack(?:[.-]ics)?\.(.+)")
_SITE: Final = "https://attack.mitre.org"


def threat(tags: Iterable[str]) -> dict[str, Any]:
    """
    >>> found = threat(["attack.t0858", "attack.execution"])
    >>> found["threat.framework"], found["threat.tactic.id"], found["threat.technique.name"]
    ('MITRE ATT&CK for ICS', ['TA0104'], ['Change Operating Mode'])

    ICS numbers its techniques from T0800 and has tactics of its own under the same names: a tactic is read as one of
    the matrix that the rule's techniques belong to; without a technique as Enterprise's, unless only ICS has it.
    """
    words = [found[1].lower().replace("_", "-") for tag in tags if (found := _TAG.fullmatch(tag.strip().lower()))]
    techniques = [found for word in words if (found := _TECHNIQUE.fullmatch(word))]
    ics = [found for found in techniques if _is_ics(found[1])]
    tactics = [word for word in words if word in ENTERPRISE_TACTICS or word in ICS_TACTICS]
    only_ics = any(word in ICS_TACTICS and word not in ENTERPRISE_TACTICS for word in tactics)
    if not techniques and not tactics:
        return {}
    out: dict[str, Any] = {
        "threat.framework": "MITRE ATT&CK for ICS" if ics or (only_ics and not techniques) else "MITRE ATT&CK"
    }
    matrices = [ICS_TACTICS] if ics or (only_ics and not techniques) else []
    if len(techniques) > len(ics) or not matrices:
        matrices.append(ENTERPRISE_TACTICS)
    for word in tactics:
        for matrix in matrices if any(word in matrix for matrix in matrices) else (ICS_TACTICS, ENTERPRISE_TACTICS):
            if word in matrix:
                number, name = matrix[word]
                _add(out, "threat.tactic", number, name, f"{_SITE}/tactics/{number}/")
    for found in techniques:
        _technique(out, f"T{found[1]}", found[2])
    return out


def _is_ics(digits: str) -> bool:
    return f"T{digits}" in ICS_TECHNIQUES or digits.startswith("0")


def _technique(out: dict[str, Any], number: str, sub: str | None) -> None:
    names = ICS_TECHNIQUES if _is_ics(number[1:]) else ENTERPRISE_TECHNIQUES
    _add(out, "threat.technique", number, names.get(number), f"{_SITE}/techniques/{number}/")
    if sub is not None:
        whole = f"{number}.{sub}"
        _add(out, "threat.technique.subtechnique", whole, names.get(whole), f"{_SITE}/techniques/{number}/{sub}/")


def _add(out: dict[str, Any], root: str, number: str, name: str | None, reference: str) -> None:
    """An id once. An id without a name in our table stands in for it, so that the lists stay parallel."""
    names = out.setdefault(f"{root}.name", [])
    if (name or number) in names and number in out.get(f"{root}.id", [number]):
        return
    names.append(name or number)
    if number:
        out.setdefault(f"{root}.id", []).append(number)
        out.setdefault(f"{root}.reference", []).append(reference)
