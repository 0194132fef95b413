"""What Cisco's switches and routers log (IOS, IOS XE, IOS XR, NX-OS): mnemonic, meaning, and where the facts stand.

Reference: Cisco IOS XE and NX-OS System Messages guides. A mnemonic that is not
here keeps what FACTS finds in any text.
"""

# ruff: noqa: E501, ISC004  (an expression reads better whole than broken)

import re

from parsers._grammar.cisco_traffic import Meaning

_AUTHENTICATION = ("authentication",)
_IP = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45})"
_MAC = r"[0-9A-Fa-f]{2,4}(?:[.:\-][0-9A-Fa-f]{2,4}){2,5}"
_PORT = r"[A-Za-z][A-Za-z\-]{1,30} ?\d{1,5}(?:[/:]\d{1,5}){0,4}(?:\.\d{1,9})?"

LOGIN = Meaning("device_login", _AUTHENTICATION, ("start",), "success")
LOGIN_FAILED = Meaning("device_login", _AUTHENTICATION, ("info",), "failure")
QUIET = Meaning("login_quiet_mode", ("host",), ("info",))
LOGOUT = Meaning("logged_out", ("session",), ("end",), "success")
PRIVILEGE = Meaning("privilege_level_changed", ("iam",), ("user", "change"), "success")
PRIVILEGE_FAILED = Meaning("privilege_escalation_failed", _AUTHENTICATION, ("info",), "failure")
CHANGED = Meaning("configuration_changed", ("configuration",), ("change",), "success")
CHANGE_FAILED = Meaning("configuration_failed", ("configuration",), ("change",), "failure")
COMMAND = Meaning("command_executed", ("configuration",), ("info",))
RELOADED = Meaning("device_reloaded", ("host",), ("start",))
LOGGING = Meaning("logging_changed", ("configuration",), ("change",))
LINK = Meaning("interface_changed", ("network",), ("info",))
LINK_UP = Meaning("interface_up", ("network",), ("info",))
LINK_DOWN = Meaning("interface_down", ("network",), ("info",))
DISABLED = Meaning("interface_disabled", ("network",), ("info",))
SECURED = Meaning("port_security_violation", ("network", "intrusion_detection"), ("denied",))
PORT_AUTHENTICATED = Meaning("port_authentication", _AUTHENTICATION, ("start",), "success")
PORT_REFUSED = Meaning("port_authentication", _AUTHENTICATION, ("info",), "failure")
PORT_AUTHORIZED = Meaning("port_authorization", ("network",), ("allowed",), "success")
PORT_UNAUTHORIZED = Meaning("port_authorization", ("network",), ("denied",), "failure")
PORT_NOTED = Meaning("port_authentication_noted", ("network",), ("info",))
SNMP_FAILED = Meaning("snmp_authentication", _AUTHENTICATION, ("info",), "failure", (("network.protocol", "snmp"),))
SSH = (("network.protocol", "ssh"),)
FLAPPING = Meaning("mac_address_moved", ("network", "intrusion_detection"), ("info",))
SPOOFED = Meaning("spoofing_denied", ("network", "intrusion_detection"), ("denied",))
SPANNING_TREE = Meaning("spanning_tree_guard", ("network", "intrusion_detection"), ("info",))
NEIGHBOUR = Meaning("neighbour_changed", ("network",), ("info",))
BAD_DIGEST = Meaning("tcp_authentication_failed", ("network",), ("connection", "denied"), "failure")
PACKET = Meaning("access_list", ("network",), ("connection",))
SESSION = Meaning("connection_finished", ("network",), ("connection", "end"), "success")
DROPPED = Meaning("denied", ("network",), ("connection", "denied"), "failure")
NOTED = Meaning("", ("network",), ("info",))

_LOGGED_IN = r"Log[io]n [Ss]uccess \[user: ?(?P<user>[^\]]{0,256})\] \[Source: ?(?P<src>[^\]\s]{0,64})\] \[localport: ?(?P<dport>\d{1,5})\]"
_LOGIN_REFUSED = (
    r".{0,128}?\[user: ?(?P<user>[^\]]{0,256})\] \[Source: ?(?P<src>[^\]\s]{0,64})\] \[localport: ?(?P<dport>\d{1,5})\]"
    r"(?: \[Reason: ?(?P<reason>[^\]]{0,256})\])?"
)
_BY = rf"(?: by (?P<user>[^\s@]{{1,256}}))?(?: on (?P<tty>[\w/]{{1,32}}))?(?: ?\((?P<src>{_IP})\))?"
_ACL = (
    rf"(?:.{{0,64}}?: +)?(?:access-)?list (?P<rule>\S{{1,256}}) (?P<verdict>permitted|denied|permit|deny) "
    rf"(?:(?P<transport>\w{{1,24}}) )?(?:(?P<mac>{_MAC}) )?(?P<src>{_IP})(?:\((?P<sport>\d{{1,5}})\))?"
    rf"(?: ?\((?P<iif>[A-Za-z][^()\s]{{0,64}}) ?(?P<smac>{_MAC})?\))?"
    rf"(?:(?: (?P<in>[A-Za-z][^\s>]{{0,64}}?))? ?-> ?(?P<dst>{_IP})(?:\((?P<dport>\d{{1,5}})\))?)?"
)
_STATE = rf"(?:Line protocol on )?Interface (?P<iif>{_PORT})(?: \(description:.{{0,128}}?\))?,? (?:changed state to|is) ?(?P<state>[\w \-]{{1,40}})"
_CLIENT = (
    rf".{{0,200}}?(?:client|host|MAC) \(?(?P<mac>{_MAC}|[Uu]nknown MAC)?\)?"
    rf"(?: with reason \((?P<reason>[^)]{{0,128}})\))?.{{0,32}}?(?: on [Ii]nterface (?P<iif>{_PORT}))"
    rf"(?:.{{0,200}}?[Uu]ser(?:name)?: ?(?P<user>\S{{1,128}}))?(?:.{{0,200}}?[Ff]ailure [Rr]eason: ?(?P<cause>[^.]{{1,128}}))?"
)
_SSH = (
    rf"(?:User '(?P<user>[^']{{0,256}})' authentication for )?SSH2? [Ss]ession (?:request )?from (?P<src>{_IP}|\S{{1,128}})"
    rf"(?:.{{0,64}}? for user '(?P<closed>[^']{{0,256}})')?.{{0,300}}?(?P<how>[Ss]ucceeded|[Ff]ailed|closed|terminated|$)"
)
_GUARD = rf".{{0,128}}?(?:MAC address|bridge|due to MAC address) ?(?P<mac>{_MAC})?.{{0,64}}?port (?P<iif>{_PORT})"

# By mnemonic; "FACILITY-MNEMONIC" where a mnemonic alone says too little.
MNEMONICS: dict[str, tuple[Meaning, str | None]] = {
    **dict.fromkeys(
        (
            "IPACCESSLOGP",
            "IPACCESSLOGDP",
            "IPACCESSLOGNP",
            "IPACCESSLOGRP",
            "IPACCESSLOGSP",
            "IPACCESSLOGS",
            "ACCESSLOGP",
            "ACCESSLOGDP",
            "ACCESSLOGNP",
            "ACCESSLOGSP",
            "IPV6ACCESSLOGP",
            "IPV6ACCESSLOGDP",
            "IPV6ACCESSLOGSP",
            "IPV6ACCESSLOGNP",
            "IPV6_ACCESSLOGP",
            "ACL_LOG",
        ),
        (PACKET, _ACL),
    ),
    "ACLLOG_FLOW_INTERVAL": (
        PACKET,
        rf".{{0,256}}?(?:Src|Source) ?IP: ?(?P<src>{_IP}), (?:Dst|Destination) ?IP: ?(?P<dst>{_IP}), (?:Src|Source) ?Port: ?(?P<sport>\d{{1,5}}), "
        rf"(?:Dst|Destination) ?Port: ?(?P<dport>\d{{1,5}}), (?:Src|Source) ?(?:Intf|Interface): ?(?P<iif>[^,]{{1,64}}), Protocol: ?\"?(?P<transport>\w{{1,16}})"
        rf"(?:.{{0,64}}?ACL Name: ?(?P<rule>[^,\s]{{1,128}}))?(?:.{{0,64}}?ACE Action: ?(?P<verdict>Permit|Deny))?",
    ),
    "LOGIN_SUCCESS": (LOGIN, _LOGGED_IN),
    "LOGIN_FAILED": (LOGIN_FAILED, _LOGIN_REFUSED),
    "QUIET_MODE_ON": (QUIET, _LOGIN_REFUSED),
    "LOGOUT": (LOGOUT, rf"User (?P<user>\S{{0,256}}) ?has exited tty session \d{{1,5}}(?:\((?P<src>{_IP})\))?"),
    "LOGIN_PASSED": (
        LOGIN,
        rf".{{0,64}}?Login Successful from host (?P<src>{_IP})(?: by user '?(?P<user>[^'\s]{{1,256}}))?",
    ),
    "WEBSERVER-LOGIN_FAILED": (
        LOGIN_FAILED,
        rf".{{0,64}}?Login Un-?[Ss]uccessful from host (?P<src>{_IP})(?: by user '?(?P<user>[^'\s]{{1,256}}))?",
    ),
    "AUTH_PASSED": (
        LOGIN,
        rf".{{0,64}}?User '(?P<user>[^']{{0,256}})' authenticated successfully from (?P<src>{_IP}):(?P<sport>\d{{1,5}})",
    ),
    "AUTHENTICATION_FAILED": (
        LOGIN_FAILED,
        rf".{{0,64}}?Authentication failure from (?P<src>{_IP}):(?P<sport>\d{{1,5}})(?: for user '?(?P<user>[^'\s]{{1,256}}))?",
    ),
    "PRIV_AUTH_PASS": (PRIVILEGE, rf"Privilege level set to \d{{1,2}}{_BY}"),
    "PRIV_AUTH_FAIL": (PRIVILEGE_FAILED, rf"Authentication to [Pp]rivilege level \d{{1,2}} failed{_BY}"),
    "CONFIG_I": (CHANGED, rf".{{0,64}}?Configured from (?P<from>\S{{1,64}}){_BY}"),
    "CONFIG_P": (
        CHANGED,
        rf"Configured programmatically by process (?P<process>.{{1,64}}?) from (?P<from>\S{{1,64}}?)(?: as (?P<user>\S{{1,256}}))?(?: on \S{{1,32}})?(?: \((?P<src>{_IP})\))?$",
    ),
    "VSHD_SYSLOG_CONFIG_I": (
        CHANGED,
        rf"Configured from (?P<from>\S{{1,64}}) by (?P<user>\S{{1,256}}) on (?:(?P<src>{_IP})@)?\S{{1,64}}",
    ),
    "DB_COMMIT": (CHANGED, r".{0,64}?Configuration committed by user '(?P<user>[^']{0,256})'"),
    "CONFIG_RESOLVE_FAILURE": (CHANGE_FAILED, None),
    "CFGLOG_LOGGEDCMD": (CHANGED, r"User: ?(?P<user>.{0,256}?) +logged command: ?(?P<command>.{1,2048})"),
    "ACCTLOCAL": (COMMAND, r"Username: (?P<user>\S{1,256}) Privilege level: \d{1,2} Command: (?P<command>.{1,2048})"),
    "VSHD_SYSLOG_CMD_EXEC": (COMMAND, r"User: ?(?P<user>\S{1,256}) executed the command: ?(?P<command>.{1,2048})"),
    "AAA_ACCOUNTING_MESSAGE": (
        COMMAND,
        rf"(?:start|stop|update|event):(?:(?P<src>{_IP})@)?[^:]{{0,64}}:(?P<user>[^:]{{0,256}}):(?P<command>.{{0,2048}})",
    ),
    "RELOAD": (RELOADED, rf"Reload requested{_BY}"),
    "RESTART": (RELOADED, None),
    "COLDSTART": (RELOADED, None),
    "LOGGINGHOST_STARTSTOP": (LOGGING, rf"Logging to host (?P<dst>{_IP})(?: port (?P<dport>\d{{1,5}}))?"),
    "LOGGINGHOST_FAIL": (
        LOGGING._replace(type=("info",), outcome="failure"),
        rf"Logging to host (?P<dst>{_IP})(?: port (?P<dport>\d{{1,5}}))?",
    ),
    "TTY_EXPIRE_TIMER": (
        LOGOUT,
        rf"\(exec timer expired, tty \d{{1,5}} \((?P<src>{_IP})\)\), user (?P<user>\S{{1,256}})",
    ),
    "UPDOWN": (LINK, _STATE),
    "CHANGED": (LINK, _STATE),
    "IF_UP": (LINK_UP, _STATE),
    **dict.fromkeys(
        (
            "IF_DOWN_ADMIN_DOWN",
            "IF_DOWN_LINK_FAILURE",
            "IF_DOWN_CFG_CHANGE",
            "IF_DOWN_NONE",
            "IF_DOWN_INITIALIZING",
            "IF_DOWN_PORT_CHANNEL_MEMBERS_DOWN",
            "IF_DOWN_INTERFACE_REMOVED",
            "IF_DOWN_PARENT_ADMIN_DOWN",
        ),
        (LINK_DOWN, _STATE),
    ),
    "IF_DOWN_ERROR_DISABLED": (DISABLED, _STATE),
    "ERR_DISABLE": (DISABLED, rf"(?P<reason>[\w\-]{{1,64}}) error detected on (?P<iif>{_PORT})"),
    "ERR_RECOVER": (
        LINK,
        rf"Attempting to recover from (?P<reason>[\w\-]{{1,64}}) err-disable state on (?P<iif>{_PORT})",
    ),
    **dict.fromkeys(
        (
            "PSECURE_VIOLATION",
            "PSECURE_VIOLATION_MAC_MOVE",
            "PSECURE_VIOLATION_VLAN",
            "SECURITY_VIOLATION",
            "ETH_PORT_SEC_SECURITY_VIOLATION_MAX_MAC_VLAN",
            "ETH_PORT_SEC_SECURITY_VIOLATION_MAC_MOVE",
            "ETH_PORT_SEC_SECURITY_VIOLATION_ANOTHER_PORT",
        ),
        (SECURED, None),
    ),
    "AUTHMGR-START": (PORT_NOTED, _CLIENT),
    "AUTHMGR-RESULT": (PORT_NOTED, _CLIENT),
    "AUTHMGR-SUCCESS": (PORT_AUTHORIZED, _CLIENT),
    "AUTHMGR-FAIL": (PORT_UNAUTHORIZED, _CLIENT),
    "AUTHMGR-UNAUTHORIZED": (PORT_UNAUTHORIZED, _CLIENT),
    "SESSION_MGR-START": (PORT_NOTED, _CLIENT),
    "SESSION_MGR-SUCCESS": (PORT_AUTHORIZED, _CLIENT),
    "SESSION_MGR-FAIL": (PORT_UNAUTHORIZED, _CLIENT),
    "MAB-SUCCESS": (PORT_AUTHENTICATED, _CLIENT),
    "MAB-FAIL": (PORT_REFUSED, _CLIENT),
    "DOT1X-SUCCESS": (PORT_AUTHENTICATED, _CLIENT),
    "DOT1X-FAIL": (PORT_REFUSED, _CLIENT),
    "DOT1X-RESULT_OVERRIDE": (PORT_NOTED, _CLIENT),
    "AUTHFAIL": (SNMP_FAILED, rf"Authentication failure for SNMP req(?:uest)? from host (?P<src>{_IP})"),
    "SSH2_SESSION": (Meaning("ssh_session_started", ("network", "session"), ("connection", "start"), None, SSH), _SSH),
    "SSH2_USERAUTH": (LOGIN._replace(also=SSH), _SSH),
    "SSH2_CLOSE": (Meaning("ssh_session_ended", ("network", "session"), ("connection", "end"), None, SSH), _SSH),
    "MACFLAP_NOTIF": (
        FLAPPING,
        rf"Host (?P<mac>{_MAC}) in vlan (?P<vlan>\d{{1,4}}) is flapping between port (?P<iif>{_PORT}) and port (?P<oif>{_PORT})",
    ),
    "DHCP_SNOOPING_DENY": (
        SPOOFED,
        rf".{{0,64}}? on (?P<iif>{_PORT}), vlan (?P<vlan>\d{{1,4}})\.?\(\[(?P<mac>{_MAC})/(?P<src>{_IP})/(?P<dmac>{_MAC})/(?P<dst>{_IP})/",
    ),
    "DHCP_SNOOPING_UNTRUSTED_PORT": (SPOOFED, rf".{{0,200}}?MAC sa: (?P<mac>{_MAC})"),
    "DHCP_SNOOPING_MATCH_MAC_FAIL": (SPOOFED, rf".{{0,200}}?MAC sa: (?P<mac>{_MAC})"),
    "DUPADDR": (
        SPOOFED._replace(type=("info",)),
        rf"Duplicate address (?P<src>{_IP}) on (?P<iif>{_PORT}), sourced by (?P<mac>{_MAC})",
    ),
    "DUP_SRC_IP": (
        SPOOFED._replace(type=("info",)),
        rf".{{0,64}}?Source address of packet received from (?P<mac>{_MAC}) on (?P<iif>\S{{1,64}}) is duplicate of local, (?P<src>{_IP})",
    ),
    "STCKYARPOVR": (
        SPOOFED,
        rf"Attempt to overwrite Sticky ARP entry: (?P<src>{_IP}), hw: (?P<mac>{_MAC}) by hw: {_MAC}",
    ),
    "BLOCK_BPDUGUARD": (SPANNING_TREE, rf"Received BPDU (?:from bridge (?P<mac>{_MAC}) )?on port (?P<iif>{_PORT})"),
    "ROOTGUARD_BLOCK": (SPANNING_TREE, rf"Root guard blocking port (?P<iif>{_PORT}) on (?:VLAN)?(?P<vlan>\d{{1,4}})"),
    "LOOPGUARD_BLOCK": (SPANNING_TREE, rf"Loop guard blocking port (?P<iif>{_PORT}) on (?:VLAN)?(?P<vlan>\d{{1,4}})"),
    "ROOTCHANGE": (
        SPANNING_TREE._replace(action="spanning_tree_root_changed"),
        r"Root Changed for vlan (?P<vlan>\d{1,4})",
    ),
    "OSPF-ADJCHG": (NEIGHBOUR, rf"Process \w{{1,16}}, Nbr (?P<src>{_IP}) on (?P<iif>\S{{1,64}}) from"),
    "ADJCHANGE": (NEIGHBOUR, rf"neighbor (?P<src>{_IP})"),
    "BADAUTH": (
        BAD_DIGEST,
        rf"(?:No|Invalid) MD5 digest from (?P<src>{_IP}|\S{{1,64}}?)(?:\(|:)(?P<sport>\d{{1,5}})\)? to (?P<dst>{_IP}|\S{{1,64}}?)(?:\(|:)(?P<dport>\d{{1,5}})",
    ),
    "SESS_AUDIT_TRAIL": (
        SESSION,
        rf".{{0,256}}?initiator \((?P<src>{_IP}):(?P<sport>\d{{1,5}})\) sent (?P<sbytes>\d{{1,18}}) bytes -- responder "
        rf"\((?P<dst>{_IP}):(?P<dport>\d{{1,5}})\) sent (?P<dbytes>\d{{1,18}}) bytes(?:,? from (?P<iif>[^\s,]{{1,64}}))?",
    ),
    "SESS_AUDIT_TRAIL_START": (
        SESSION._replace(action="connection_started", type=("connection", "start")),
        rf".{{0,256}}?initiator \((?P<src>{_IP}):(?P<sport>\d{{1,5}})\) -- responder \((?P<dst>{_IP}):(?P<dport>\d{{1,5}})\)",
    ),
    "DROP_PKT": (
        DROPPED,
        rf"Dropping (?P<transport>\w{{1,16}}) (?:pkt|session|packet) (?:from (?P<iif>[A-Za-z]\S{{0,64}}) )?(?P<src>{_IP}):(?P<sport>\d{{1,5}}) "
        rf"?=> ?(?P<dst>{_IP}):(?P<dport>\d{{1,5}})(?:.{{0,128}}?due to +(?P<reason>.{{1,64}}?) with)?",
    ),
    "INVALID_RP_JOIN": (
        NOTED._replace(action="multicast_join", outcome="failure"),
        rf"Received .{{0,128}}? from (?P<src>{_IP}) for invalid RP (?P<dst>{_IP})",
    ),
    "RECVD_PKT_NOT_IPSEC": (
        DROPPED,
        rf".{{0,128}}?dest_addr= ?/?(?P<dst>{_IP}), src_addr= ?(?P<src>{_IP}), prot= ?(?P<transport>\d{{1,3}})",
    ),
    "USER_RESET": (
        Meaning("account_unlocked", ("iam",), ("user", "change")),
        rf"User (?P<target>\S{{1,256}}) failed attempts reset by (?P<user>\S{{1,256}})(?: on \S{{1,32}})?(?: \((?P<src>{_IP})\))?",
    ),
    "USER_LOCKED": (Meaning("account_locked", ("iam",), ("user", "info")), r"User (?P<user>\S{1,256}) locked out"),
    "USERNAME_CONFIGURATION": (
        Meaning("user_added", ("iam",), ("user", "creation"), "success"),
        r"user with username: ?(?P<user>\S{1,256}) configured",
    ),
    "MODEL_RPC_I": (
        COMMAND,
        rf".{{0,300}}? invoked from (?P<src>{_IP}):(?P<sport>\d{{1,5}}) via \S{{1,16}} user (?P<user>\S{{1,256}})",
    ),
    "SYSTEM_MSG": (NOTED, None),
}

# What any message may say, each in words that leave no doubt.
FACTS = (
    re.compile(rf"(?:MAC address|MAC|client|host|[Hh]ost mac) \(?(?P<mac>{_MAC})\)?"),
    re.compile(rf"\b(?:on|the)? ?(?:[Ii]nterface|port) (?P<iif>{_PORT})"),
    re.compile(r"\b(?:on |in )?(?:VLAN|vlan|Vlan) ?(?P<vlan>\d{1,4})\b"),
    re.compile(rf"\bfrom (?:host )?(?P<src>{_IP})(?::(?P<sport>\d{{1,5}}))?(?=[\s,.)]|$)"),
)
