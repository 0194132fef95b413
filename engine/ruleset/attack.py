"""The ids and tactics of ATT&CK (enterprise, ICS) that tags may name. A table, so that no check opens a socket.

Numbers only, as of version 18 and the first of 19; https://attack.mitre.org says what they mean.
"""

import re

_ENTERPRISE = """
    1001:1-3 1003:1-8 1005 1006 1007 1008 1010 1011:1 1012 1014 1016:1-2 1018 1020:1 1021:1-8 1025 1027:1-17 1029
    1030 1033 1036:1-12 1037:1-5 1039 1040 1041 1046 1047 1048:1-3 1049 1052:1 1053:2-3,5-7 1055:1-5,8-9,11-15
    1056:1-4 1057 1059:1-13 1068 1069:1-3 1070:1-10 1071:1-5 1072 1074:1-2 1078:1-4 1080 1082 1083 1087:1-4 1090:1-4
    1091 1092 1095 1098:1-7 1102:1-3 1104 1105 1106 1110:1-4 1111 1112 1113 1114:1-3 1115 1119 1120 1123 1124 1125
    1127:1-3 1129 1132:1-2 1133 1134:1-5 1135 1136:1-3 1137:1-6 1140 1176:1-2 1185 1187 1189 1190 1195:1-3 1197 1199
    1200 1201 1202 1203 1204:1-5 1205:1-2 1207 1210 1211 1212 1213:1-6 1216:1-2 1217 1218:1-5,7-15 1219:1-3 1220
    1221 1222:1-2 1480:1-2 1482 1484:1-2 1485:1 1486 1489 1490 1491:1-2 1495 1496:1-4 1497:1-3 1498:1-2 1499:1-4
    1505:1-6 1518:1-2 1525 1526 1528 1529 1530 1531 1534 1535 1537 1538 1539 1542:1-5 1543:1-5 1546:1-18
    1547:1-10,12-15 1548:1-6 1550:1-4 1552:1-8 1553:1-6 1554 1555:1-6 1556:1-9 1557:1-4 1558:1-5 1559:1-3 1560:1-3
    1561:1-2 1562:1-4,6-13 1563:1-2 1564:1-14 1565:1-3 1566:1-4 1567:1-4 1568:1-3 1569:1-3 1570 1571 1572 1573:1-2
    1574:1,4-14 1578:1-5 1580 1583:1-8 1584:1-8 1585:1-3 1586:1-3 1587:1-4 1588:1-7 1589:1-3 1590:1-6 1591:1-4
    1592:1-4 1593:1-3 1594 1595:1-3 1596:1-5 1597:1-2 1598:1-4 1599:1 1600:1-2 1601:1-2 1602:1-2 1606:1-2 1608:1-6
    1609 1610 1611 1612 1613 1614:1 1615 1619 1620 1621 1622 1647 1648 1649 1650 1651 1652 1653 1654 1656 1657 1659
    1665 1666 1667 1668 1669 1671 1672 1673 1674 1675 1677 1678 1679 1680 1681 1685:1-2,4-6 1686:1-3 1689 1690
"""
_ICS = "800-875 877-895"
_NEWER = 100  # numbers this far above the highest known may be of a newer version

TACTICS = frozenset(
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
_TECHNIQUE = re.compile(r"t(\d{4})(?:\.(\d{3}))?")
_OTHER = re.compile(r"(?:ta|g|s|c|m|ds|da|det|an|dc)\d{4}")


def _numbers(text: str) -> set[int]:
    found: set[int] = set()
    for piece in text.replace(",", " ").split():
        first, _, last = piece.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _techniques() -> frozenset[str]:
    found = {f"t{number:04}" for number in _numbers(_ICS)}
    for entry in _ENTERPRISE.split():
        base, _, subs = entry.partition(":")
        found.add(f"t{base}")
        found.update(f"t{base}.{number:03}" for number in _numbers(subs))
    return frozenset(found)


TECHNIQUES = _techniques()
_HIGHEST = max(int(technique[1:5]) for technique in TECHNIQUES)


def complaint(name: str) -> tuple[bool, str] | None:
    """What is wrong with ``attack.<name>``: whether it is certain, and in words. None: nothing.

    >>> complaint("t0855"), complaint("t1110.003"), complaint("impair_process_control")
    (None, None, None)
    >>> complaint("t0999")
    (True, 'ATT&CK has no technique T0999')
    """
    name = name.lower()
    if name.replace("_", "-") in TACTICS or name in TECHNIQUES or _OTHER.fullmatch(name):
        return None
    technique = _TECHNIQUE.fullmatch(name)
    if technique is None:
        return True, f"'{name}' is neither a tactic nor an id of ATT&CK"
    if _HIGHEST < int(technique[1]) <= _HIGHEST + _NEWER:
        return False, f"the technique {name.upper()} is not in the table of ATT&CK ids (it may be newer)"
    return True, f"ATT&CK has no technique {name.upper()}"
