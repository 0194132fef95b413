"""What Cisco's ASA and FTD log of people: logons, VPN sessions, commands, and the devices that help them.

Reference: Cisco Secure Firewall ASA Series Syslog Messages, chapters 1 to 7; the wording of releases 7.0 to 9.22.
"""

from parsers._grammar.cisco_traffic import TRAFFIC, Meaning

_AUTHENTICATION = ("authentication",)
AUTHENTICATED = Meaning("aaa_authentication", _AUTHENTICATION, ("info",), "success")
REJECTED = Meaning("aaa_authentication", _AUTHENTICATION, ("info",), "failure")
AUTHORIZED = Meaning("aaa_authorization", ("network",), ("allowed",), "success")
UNAUTHORIZED = Meaning("aaa_authorization", ("network",), ("denied",), "failure")
AAA = Meaning("aaa_information", ("network",), ("info",))
LOGGED_IN = Meaning("device_login", _AUTHENTICATION, ("start",), "success")
LOGIN_FAILED = Meaning("device_login", _AUTHENTICATION, ("info",), "failure")
LOGGED_OUT = Meaning("logged_out", ("session",), ("end",), "success")
VPN_LOGIN = Meaning("vpn_login", _AUTHENTICATION, ("start",), "success")
VPN_REFUSED = Meaning("vpn_login", _AUTHENTICATION, ("info",), "failure")
VPN_DENIED = Meaning("vpn_session_refused", ("network", "session"), ("connection", "denied"), "failure")
VPN_STARTED = Meaning("vpn_session_started", ("network", "session"), ("connection", "start"), "success")
# the first message of a session that AnyConnect opens: who is named in it has logged on
VPN_LOGGED_ON = Meaning("vpn_session_started", ("authentication", "network", "session"), ("start",), "success")
VPN_ENDED = Meaning("vpn_session_ended", ("network", "session"), ("connection", "end"))
VPN_RESUMED = Meaning("vpn_session_resumed", ("network", "session"), ("connection", "start"), "success")
VPN_ADDRESS = Meaning("vpn_address_assigned", ("network", "session"), ("info",), "success")
VPN_NOTED = Meaning("vpn_information", ("network", "session"), ("connection", "info"))
WEB_GRANTED = Meaning("url_accessed", ("network", "web"), ("access", "allowed"), "success")
WEB_DENIED = Meaning("url_denied", ("network", "web"), ("access", "denied"), "failure")
CHANGED = Meaning("configuration_changed", ("configuration",), ("change",), "success")
COMMAND = Meaning("command_executed", ("configuration",), ("info",), "success")
CONFIGURATION = Meaning("configuration_read", ("configuration",), ("access",))
SAVED = Meaning("configuration_saved", ("configuration",), ("change",))
ERASED = Meaning("configuration_erased", ("configuration",), ("deletion",))
TLS = (("network.protocol", "ssl"),)
SSL_STARTED = Meaning("tls_handshake_started", type=("connection", "start"), outcome="success", also=TLS)
SSL_DONE = Meaning("tls_handshake_completed", type=("connection", "info"), outcome="success", also=TLS)
SSL_FAILED = Meaning("tls_handshake_failed", type=("connection", "end"), outcome="failure", also=TLS)
SSL_ENDED = Meaning("tls_session_ended", type=("connection", "end"), also=TLS)
SSL_NOTED = Meaning("tls_information", type=("connection", "info"), also=TLS)
SA_CREATED = Meaning("ipsec_sa_created", type=("connection", "start"), outcome="success")
SA_DELETED = Meaning("ipsec_sa_deleted", type=("connection", "end"), outcome="success")
IKE = Meaning("ike_information", type=("connection", "info"))
IKE_STARTED = Meaning("ike_negotiation_started", type=("connection", "start"), outcome="success")
IKE_FAILED = Meaning("ike_negotiation_failed", type=("connection", "start"), outcome="failure")
LEASED = Meaning("dhcp_lease_granted", type=("info",), also=(("network.protocol", "dhcp"),))
IAM_ADDED = Meaning("user_added", ("iam",), ("user", "creation"), "success")
IAM_DELETED = Meaning("user_deleted", ("iam",), ("user", "deletion"), "success")
IAM_PRIVILEGE = Meaning("privilege_level_changed", ("iam",), ("user", "change"), "success")
IDENTITY = Meaning("identity_mapped", ("network",), ("info",))

# A prefix before the message proper, by its first words; the rest is read by FOLLOWING, else it is the reason.
_WHO = r"(?P<{0}>[^>]{{0,256}})"
_OPEN_GROUP, _OPEN_USER, _OPEN_IP = (_WHO.format(name) for name in ("group", "user", "src"))
_REST = r"(?P<rest>.*)"
PREFIXES: dict[str, tuple[str, ...]] = {
    "Group": (
        rf"Group(?:Policy)? <{_OPEN_GROUP}>,? User(?: ?<{_OPEN_USER}>)?,? IP(?: ?<{_OPEN_IP}>)?[:,]? ?{_REST}",
        (
            rf"Group = (?P<group>[^,]{{0,256}}), (?:Username = (?P<user>[^,]{{0,256}}), )?"
            rf"(?:IP = (?P<src>[^,\s]{{1,64}}),? ?)?{_REST}"
        ),
        (
            rf"Group(?:Policy)? (?P<group>\S{{1,256}}?),? User ?(?P<user>.{{0,256}}?),? "
            rf"IP (?P<src>[0-9A-Fa-f.:]{{2,45}}?)[:,]? {_REST}"
        ),
        rf"Group <?(?P<group>[^\s>]{{1,256}})>?,? {_REST}",
    ),
    "TunnelGroup": (
        rf"TunnelGroup <[^>]{{0,256}}> GroupPolicy <{_OPEN_GROUP}> User <{_OPEN_USER}> IP <{_OPEN_IP}> {_REST}",
    ),
    "Username": (rf"Username = (?P<user>[^,]{{0,256}}), (?:IP = (?P<src>[^,\s]{{1,64}}),? ?)?{_REST}",),
    "IP": (rf"IP = (?P<src>[^,\s]{{1,64}}),? ?{_REST}",),
    "Local:": (
        (
            r"Local: ?(?P<src>\S{1,64}?):(?P<sport>\d{1,5}) Remote: ?(?P<dst>\S{1,128}?):(?P<dport>\d{1,5}) "
            rf"Username: ?(?P<user>\S{{0,256}}) (?:IKEv2 Group: ?(?P<group>\S{{1,256}}) )?{_REST}"
        ),
    ),
}
PREFIXES["GroupPolicy"] = PREFIXES["Group"]

FOLLOWING: dict[str, str] = {
    "113019": r"Session disconnected\. Session Type: (?P<type>[^,]{0,64}), Duration: (?P<duration>[^,]{0,32}), "
    r"Bytes xmt: (?P<sbytes>\d{1,19}), Bytes rcv: (?P<dbytes>\d{1,19})(?:, Reason: (?P<reason>.{0,256}))?",
    "713049": r"(?P<reason>[^,]{0,256})",
    "713050": r".{0,256}?Reason: (?P<reason>.{1,64}?)(?: {2,}|\.?$)",
    "713259": r".{0,256}?Reason: (?P<reason>.{0,256})",
    "716002": r"WebVPN session terminated: (?P<reason>.{0,256}?)\.?\s*$",
    "716003": r'WebVPN access "?GRANTED: "?(?P<url>[^"\s]{1,4096})',
    "716004": r'WebVPN access "?DENIED[^:]{0,64}: "?(?P<url>[^"\s]{1,4096})',
    "716038": r"Authentication: \w{1,32}, Session Type: (?P<type>[^.]{0,64})",
    "716039": r"Authentication: \w{1,32}, Session Type: (?P<type>[^.]{0,64})",
    "716059": r".{0,64}?[Cc]onnection from(?: IP)? <?(?P<now>[0-9A-Fa-f.:]{2,45}?)>?\.?\s*$",
    "722022": r"(?P<transport>TCP|UDP) SVC connection (?P<reason>.{0,256})",
    "722023": r"(?P<transport>TCP|UDP) SVC connection (?P<reason>.{0,256})",
    "722032": r"New (?:(?P<transport>TCP|UDP) )?SVC connection,? ?(?P<reason>.{0,256})",
    "722033": r"First (?P<transport>TCP|UDP) SVC connection (?P<reason>.{0,256})",
    "722034": r"New (?P<transport>TCP|UDP) SVC connection, (?P<reason>.{0,256})",
    "722051": r"IPv4 Address <(?P<assigned>[^>]{0,45})> IPv6 address <(?P<assigned6>[^>]{0,45})>",
    "722055": r"Client Type: (?P<agent>.{1,512})",
    "751025": r"IPv4 Address=(?P<assigned>\S{0,45}) IPv6 address=(?P<assigned6>\S{0,45})",
}

_USER_IS = "{u|U}ser = <user…>[[ ]: {u|U}ser IP = <src>][ ]$"
_ON = "from <src> to <dst>[ on interface <in>]"
_PEER = "{client|server|peer|host} <src:>[ to <dst>][ for]"
_IPSEC = "IPSEC: An <direction> <tunnel> SA (SPI= <n>) between <src> and <dst> ([user= ]<user…>) has"

SESSIONS: dict[str, tuple[Meaning, str | None]] = {
    "109001": (AAA, "Auth start for user <user> from <src> to <dst>"),
    "109002": (REJECTED, "Auth from <src> to <dst> failed"),
    "109005": (AUTHENTICATED, f"Authentication succeeded for user <user> {_ON}"),
    "109006": (REJECTED, f"Authentication failed for user <user> {_ON}"),
    "109007": (AUTHORIZED, f"Authorization permitted for user <user> {_ON}"),
    "109008": (UNAUTHORIZED, f"Authorization denied for user <user> {_ON}"),
    "109010": (REJECTED, "Auth from <src> to <dst> failed"),
    "109011": (AAA, "Authen Session Start: user <user>, sid"),
    "109012": (AAA, "Authen Session End: user <user>, sid"),
    "109017": (UNAUTHORIZED, "User at <src> exceeded"),
    "109023": (UNAUTHORIZED, "User from <src> to <dst> on interface <in> must"),
    "109024": (UNAUTHORIZED, "Authorization denied from <src> to <dst>"),
    "109025": (UNAUTHORIZED, "Authorization denied (acl=<n>) for user <user> from <src> to <dst>"),
    "109033": (REJECTED, "Authentication failed for admin user <user> from <src>."),
    "109034": (REJECTED, "Authentication failed for network user <user> from <src> to <dst>."),
    "109100": (AAA, "Received CoA update from <n> for user <user>, with"),
    "109201": (IDENTITY, "UAUTH: Session=<n>, User=<user>, Assigned IP=<who>, <reason>"),
    "111001": (SAVED, "Begin configuration: <src> writing to <n>"),
    "111002": (CONFIGURATION, "Begin configuration: <src> reading from <n>"),
    "111003": (ERASED, "<src> Erase configuration"),
    "111004": (SAVED._replace(action="configuration_ended"), "<src> end configuration: <verdict>"),
    "111008": (COMMAND, "User <user> executed the <command>"),
    "111009": (COMMAND._replace(type=("access",)), "User <user> executed cmd: <command>"),
    "111010": (CHANGED, "User <user>, running <quoted> from IP <src>, executed <command>"),
    "113004": (AUTHENTICATED, "AAA user <aaa> Successful[ ]: server = <dst> {:|,} {u|U}ser = <user…>[ ]$"),
    "113005": (REJECTED, f"AAA user <aaa> Rejected[ ]: reason = <cause>[ ]: server = <dst>[ ]: {_USER_IS}"),
    "113006": (Meaning("account_locked", ("iam",), ("user", "info")), "User <user> locked out on exceeding"),
    "113007": (Meaning("account_unlocked", ("iam",), ("user", "change")), "User <user> unlocked by"),
    "113008": (AUTHENTICATED, "AAA transaction status ACCEPT[ ]: {u|U}ser = <user…>[ ]$"),
    "113009": (AAA, "AAA retrieved default group policy <policy> for user [= ]<user…>[ ]$"),
    "113010": (AAA, "AAA challenge received for user <user> from server <dst>"),
    "113011": (AAA, "AAA retrieved user specific group policy <policy> for user [= ]<user…>[ ]$"),
    "113012": (AUTHENTICATED, "AAA user <aaa> Successful[ ]: local database[ ]: {u|U}ser = <user…>[ ]$"),
    "113013": (REJECTED, f"AAA unable to complete the request Error[ ]: reason = <cause>[ ]: {_USER_IS}"),
    "113014": (REJECTED, f"AAA authentication server not accessible[ ]: server = <dst>[ ]: {_USER_IS}"),
    "113015": (REJECTED, f"AAA user <aaa> Rejected[ ]: reason = <cause>[ ]: local database[ ]: {_USER_IS}"),
    "113016": (REJECTED, f"AAA credentials rejected[ ]: reason = <cause>[ ]: server = <dst>[ ]: {_USER_IS}"),
    "113017": (REJECTED, f"AAA credentials rejected[ ]: reason = <cause>[ ]: local database[ ]: {_USER_IS}"),
    "113019": (VPN_ENDED, None),
    "113021": (LOGIN_FAILED, "Attempted console login failed. User <user> did"),
    "113022": (Meaning("aaa_server_failed", outcome="failure"), "AAA Marking <app> server <dst> in"),
    "113023": (Meaning("aaa_server_active", outcome="success"), "AAA Marking <app> server <dst> in"),
    "113039": (VPN_LOGGED_ON, None),
    "113040": (VPN_DENIED, "Terminating the VPN connection attempt from <group>. Reason: <reason>"),
    "315011": (
        Meaning(
            "ssh_session_ended", ("network", "session"), ("connection", "end"), None, (("network.protocol", "ssh"),)
        ),
        (
            "SSH session from [<src> ]on interface <in> for user <user> "
            "{terminated normally|disconnected by SSH server, reason: <reason>}"
        ),
    ),
    "502101": (IAM_ADDED, "New user added to local dbase: Uname: <user> Priv:"),
    "502102": (IAM_DELETED, "User deleted from local dbase: Uname: <user> Priv:"),
    "502103": (IAM_PRIVILEGE, "User priv level changed: Uname: <user> From: <n> To: <n>"),
    "602303": (SA_CREATED, _IPSEC),
    "602304": (SA_DELETED, _IPSEC),
    "603104": (
        VPN_STARTED,
        (
            "<n> Tunnel created, tunnel_id is <*>remote_peer_ip is <src>, <*>client_dynamic_ip is <assigned>, "
            "username is <user>"
        ),
    ),
    "603105": (VPN_ENDED, "<n> Tunnel deleted, tunnel_id <*>remote_peer_ip[ ]=[ ]<src>"),
    "604103": (LEASED, "DHCP daemon interface <in>: address granted <mac> (<assigned>)"),
    "605004": (LOGIN_FAILED, "Login denied from <src> to <dst:> for user <user…>[ ]$"),
    "605005": (LOGGED_IN, "Login permitted from <src> to <dst:> for user <user…>[ ]$"),
    "606001": (Meaning("asdm_session_started", ("session",), ("start",)), "ASDM <*>from <src> started"),
    "606002": (Meaning("asdm_session_ended", ("session",), ("end",)), "ASDM <*>from <src> ended"),
    "611101": (LOGGED_IN, "User authentication succeeded: [IP address: <src>, ]Uname: <user…>[ ]$"),
    "611102": (LOGIN_FAILED, "User authentication failed: [IP address: <src>, ]Uname: <user…>[ ]$"),
    "611103": (LOGGED_OUT, "User logged out: Uname: <user…>[ ]$"),
    "713049": (IKE._replace(action="ike_negotiation_completed", outcome="success"), None),
    "713050": (IKE._replace(action="ike_connection_terminated", type=("connection", "end")), None),
    "713120": (IKE._replace(action="ike_phase2_completed", outcome="success"), None),
    "713901": (IKE._replace(outcome="failure"), None),
    "713902": (IKE._replace(outcome="failure"), None),
    "716001": (VPN_LOGGED_ON, None),
    "716002": (VPN_ENDED, None),
    "716003": (WEB_GRANTED, None),
    "716004": (WEB_DENIED, None),
    "716038": (VPN_LOGIN, None),
    "716039": (VPN_REFUSED, "Authentication: rejected, group = <group> user = <user> , Session Type:"),
    "716058": (VPN_ENDED._replace(action="vpn_connection_lost"), None),
    "716059": (VPN_RESUMED, None),
    "721016": (VPN_STARTED, "(<n>) WebVPN session for client user <user>, <n> <client> has been created"),
    "721017": (VPN_DENIED, "(<n>) Fail to create WebVPN session for user <user>, <n> <client>"),
    "721018": (VPN_ENDED, "(<n>) WebVPN session for client user <user>, <n> <client> has been deleted"),
    "722023": (VPN_ENDED, None),
    "722028": (VPN_ENDED, None),
    "722032": (VPN_STARTED, None),
    "722033": (VPN_STARTED, None),
    "722037": (VPN_ENDED, None),
    "722051": (VPN_ADDRESS, "(<n>) WebVPN session for client user <user>, <n> <client> has been created"),
    "725001": (SSL_STARTED, f"Starting SSL handshake with {_PEER}"),
    "725002": (SSL_DONE, f"Device completed SSL handshake with {_PEER}"),
    "725003": (SSL_NOTED, f"<*> {_PEER}"),
    "725006": (SSL_FAILED, f"Device failed SSL handshake with {_PEER}"),
    "725007": (SSL_ENDED, f"SSL session with {_PEER}"),
    "734001": (VPN_NOTED, "DAP: User <user>, Addr <addr>[[ ]{:|,}]"),
    "737016": (VPN_NOTED, "IPAA: [Session=<n>, ]Freeing <*>address <assigned>$"),
    "737026": (VPN_ADDRESS, "IPAA: [Session=<n>, ]Client assigned[ from local pool] <assigned>{ from|$}"),
    "746012": (IDENTITY, "user-identity: {Add|Delete} IP-User mapping <src> - <idfw> {Succeeded|Failed|<n>} - "),
    "750002": (IKE_STARTED, None),
    "750003": (IKE_FAILED, None),
    "750006": (IKE._replace(action="ike_sa_up", type=("connection", "start"), outcome="success"), None),
    "750007": (IKE._replace(action="ike_sa_down", type=("connection", "end")), None),
    "751025": (VPN_ADDRESS, None),
}

_SAME = {
    "109002": ("109003",),
    "109100": ("109101", "109103"),
    "109201": tuple(f"1092{number:02d}" for number in range(2, 14)),
    "111002": ("111007",),
    "111004": ("111005",),
    "606001": ("606003",),
    "606002": ("606004",),
    "725003": ("725004", "725005", "725008", "725009", "725010", "725012", "725013", "725016", "725017"),
    "734001": ("734002", "734003", "734004"),
    "746012": ("746013",),
}
for _first, _others in _SAME.items():
    for _other in _others:
        SESSIONS[_other] = SESSIONS[_first]
SESSIONS.update(dict.fromkeys((f"1130{number}" for number in range(29, 39) if number != 37), (VPN_DENIED, None)))

MESSAGES: dict[str, tuple[Meaning, str | None]] = {**TRAFFIC, **SESSIONS}

# By the first three digits, what a message is about that no table has: Cisco's logging classes.
CLASSES: dict[str, Meaning] = {
    **dict.fromkeys(("713", "714", "715", "750", "751", "752", "753"), IKE),
    **dict.fromkeys(("716", "720", "721", "722", "723", "724", "734", "737"), VPN_NOTED),
    **dict.fromkeys(("101", "102", "103", "104", "105", "210", "311", "709"), Meaning("failover")),
    **dict.fromkeys(("725", "717"), Meaning("certificate_information", outcome=None)),
    **dict.fromkeys(("747",), Meaning("cluster_information")),
}
