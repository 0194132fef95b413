"""Names of MITRE ATT&CK, by matrix. The techniques stand in the table that the lint of rules uses, too.

https://attack.mitre.org/tactics/ics/, https://attack.mitre.org/tactics/enterprise/
"""

from typing import Final

from engine.ruleset.attack import TECHNIQUES

ICS_TACTICS: Final[dict[str, tuple[str, str]]] = {
    "collection": ("TA0100", "Collection"),
    "command-and-control": ("TA0101", "Command and Control"),
    "discovery": ("TA0102", "Discovery"),
    "evasion": ("TA0103", "Evasion"),
    "execution": ("TA0104", "Execution"),
    "impact": ("TA0105", "Impact"),
    "impair-process-control": ("TA0106", "Impair Process Control"),
    "inhibit-response-function": ("TA0107", "Inhibit Response Function"),
    "initial-access": ("TA0108", "Initial Access"),
    "lateral-movement": ("TA0109", "Lateral Movement"),
    "persistence": ("TA0110", "Persistence"),
    "privilege-escalation": ("TA0111", "Privilege Escalation"),
}

ENTERPRISE_TACTICS: Final[dict[str, tuple[str, str]]] = {
    "collection": ("TA0009", "Collection"),
    "command-and-control": ("TA0011", "Command and Control"),
    "credential-access": ("TA0006", "Credential Access"),
    "defense-evasion": ("TA0005", "Defense Evasion"),
    "discovery": ("TA0007", "Discovery"),
    "execution": ("TA0002", "Execution"),
    "exfiltration": ("TA0010", "Exfiltration"),
    "impact": ("TA0040", "Impact"),
    "initial-access": ("TA0001", "Initial Access"),
    "lateral-movement": ("TA0008", "Lateral Movement"),
    "persistence": ("TA0003", "Persistence"),
    "privilege-escalation": ("TA0004", "Privilege Escalation"),
    "reconnaissance": ("TA0043", "Reconnaissance"),
    "resource-development": ("TA0042", "Resource Development"),
    "stealth": ("TA0005", "Stealth"),  # version 19 split Defense Evasion in two
    "defense-impairment": ("TA0112", "Defense Impairment"),
}

ICS_TECHNIQUES: Final = {one.id: one.name for one in TECHNIQUES.values() if one.matrix == "ics"}

ENTERPRISE_TECHNIQUES: Final = {one.id: one.name for one in TECHNIQUES.values() if one.matrix == "enterprise"}
