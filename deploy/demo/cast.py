"""The cast of the story: hosts, addresses, people. Documentation and private addresses, invented names."""

from __future__ import annotations

ATTACKER = "203.0.113.66"
HOME = "198.51.100.23"
VPN_OUTSIDE = "203.0.113.10"
JUMP = "10.30.0.5"
FILES = "10.20.0.11"
PC = "10.20.0.21"
EWS = "10.99.0.20"
HMI = "10.99.0.10"
PLC_S7 = "10.99.0.31"
PLC_MODBUS = "10.99.0.32"

# interface@bridge → address. The gateways route and translate nothing: every log names the true client.
PLUGS = {
    "attacker": {"eth0@br-internet": f"{ATTACKER}/24"},
    "home": {"eth0@br-internet": f"{HOME}/24"},
    "vpn-gw": {
        "eth0@br-internet": f"{VPN_OUTSIDE}/24",
        "eth1@br-dmz": "10.30.0.1/24",
        "eth2@br-office": "10.20.0.1/24",
    },
    "files-1": {"eth0@br-office": f"{FILES}/24"},
    "pc-1": {"eth0@br-office": f"{PC}/24"},
    "jump-1": {"eth0@br-dmz": f"{JUMP}/24"},
    "ot-gw": {"eth0@br-dmz": "10.30.0.2/24", "eth1@br-cell": "10.99.0.1/24"},
    "ews-1": {"eth0@br-cell": f"{EWS}/24"},
    "hmi-1": {"eth0@br-cell": f"{HMI}/24"},
    "plc-1": {"eth0@br-cell": f"{PLC_S7}/24"},
    "plc-2": {"eth0@br-cell": f"{PLC_MODBUS}/24"},
}
ROUTES = {
    "attacker": [],
    "home": [f"{VPN_OUTSIDE}/32 dev eth0"],
    "vpn-gw": ["198.51.100.0/24 dev eth0", "10.99.0.0/24 via 10.30.0.2"],
    "files-1": ["default via 10.20.0.1"],
    "pc-1": ["default via 10.20.0.1"],
    "jump-1": ["default via 10.30.0.1", "10.99.0.0/24 via 10.30.0.2"],
    "ot-gw": ["default via 10.30.0.1"],
    "ews-1": ["default via 10.99.0.1"],
    "hmi-1": [],
    "plc-1": [],
    "plc-2": [],
}

# Two styles and a half, as plants have them: RFC 5424, the traditional file format, ISO times behind a priority.
LOG_STYLE = {
    "vpn-gw": "RSYSLOG_SyslogProtocol23Format",
    "jump-1": "RSYSLOG_TraditionalFileFormat",
    "ews-1": "RSYSLOG_SyslogProtocol23Format",
    "files-1": "ForwardFile",
}

STAFF = (
    "a.weber",
    "b.schulz",
    "d.fischer",
    "h.braun",
    "j.vogel",
    "k.richter",
    "l.hoffmann",
    "m.keller",
    "p.neumann",
    "s.krause",
    "t.wagner",
)
# In the order in which the attacker tries them, with one password for all; nobody is called "administrator".
SPRAYED = (
    "administrator",
    "b.schulz",
    "h.braun",
    "j.vogel",
    "k.richter",
    "l.hoffmann",
    "p.neumann",
    "s.krause",
    "t.wagner",
    "m.keller",
)
VICTIM = "m.keller"
SPRAY_PASSWORD = "Herbst2026!"
WRONG_PASSWORD = "Fruehling2025!"


def password(user: str) -> str:
    """
    >>> password("m.keller"), password("d.fischer")
    ('Herbst2026!', 'own-word-of-d.fischer')
    """
    return SPRAY_PASSWORD if user == VICTIM else f"own-word-of-{user}"
