"""What Cisco's ASA and FTD log of traffic: message number, what it means, and its text in Cisco's own words.

Reference: Cisco Secure Firewall ASA Series Syslog Messages, chapters 1 to 4; the wording of releases 7.0 to 9.22.
"""

from typing import NamedTuple


class Meaning(NamedTuple):
    """What a message says, in ECS's words. ``also`` are fields that every such message carries."""

    action: str
    category: tuple[str, ...] = ("network",)
    type: tuple[str, ...] = ("info",)
    outcome: str | None = None
    also: tuple[tuple[str, str], ...] = ()


ICMP = (("network.transport", "icmp"),)
TCP = (("network.transport", "tcp"),)
UDP = (("network.transport", "udp"),)

DENIED = Meaning("denied", type=("connection", "denied"), outcome="failure")
DENIED_TCP = DENIED._replace(also=TCP)
DENIED_UDP = DENIED._replace(also=UDP)
DENIED_ICMP = DENIED._replace(also=ICMP)
ALLOWED = Meaning("allowed", type=("connection", "allowed"), outcome="success")
BY_VERDICT = Meaning("access_list", type=("connection",))
STARTED = Meaning("connection_started", type=("connection", "start"), outcome="success")
ENDED = Meaning("connection_finished", type=("connection", "end"), outcome="success")
NOTED = Meaning("connection_noted", type=("connection", "info"))
TERMINATED = Meaning("connection_terminated", type=("connection", "end"))
TRANSLATED = Meaning("translation_created", type=("start",), outcome="success")
RELEASED = Meaning("translation_removed", type=("end",), outcome="success")
FAILED = Meaning("connection_failed", type=("connection", "denied"), outcome="failure")
LIMITED = Meaning("connection_limit_exceeded", type=("connection", "denied"), outcome="failure")
INSPECTED = Meaning("inspection_matched", type=("connection", "info"))
FILTERED = Meaning("dynamic_filter_matched", type=("connection", "info"))
DETECTED = Meaning("intrusion_detected", ("network", "intrusion_detection"), ("info",))
SHUNNED = Meaning("shunned", type=("connection", "denied"), outcome="failure")
THREAT = Meaning("threat_rate_exceeded", ("network", "intrusion_detection"), ("info",))
SPOOFED = Meaning("spoofing_denied", ("network", "intrusion_detection"), ("denied",), "failure")
URL = Meaning("url_accessed", ("network", "web"), ("access", "allowed"), "success")
URL_DENIED = Meaning("url_denied", ("network", "web"), ("access", "denied"), "failure")
FTP = Meaning("ftp_transfer", ("network", "file"), ("access",), "success", (("network.protocol", "ftp"),))

_PAIR = "from <src:> to <dst:>"
_MATCHED = "<*>matched <*> in policy-map <*>from <src:> to <dst:>"
_FILTER = (
    "Dynamic {F|f}ilter <verdict> <list>[ listed|list] <transport> traffic from <src:nat> to <dst:nat>, "
    "{source|destination} <n> resolved from <n> list: <domain>"
    "[/<n>][, threat-level: <level>[, category: <category>]]"
)

TRAFFIC: dict[str, tuple[Meaning, str]] = {
    "106001": (DENIED, "<direction> <transport> connection denied from <src> to <dst> flags <*> on interface <in>"),
    "106002": (DENIED, "<transport> {C|c}onnection denied by <direction> list <rule> src <src> dest <dst>"),
    "106006": (DENIED, "Deny <direction> <transport> from <src> to <dst>[ on interface <in>]"),
    "106007": (DENIED, "Deny <direction> <transport> from <src> to <dst> due to <app>"),
    "106010": (DENIED, "Deny <direction> <transport> src <src:> [<*>]dst <dst:>"),
    "106011": (DENIED, "Deny <direction> (No xlate) <transport> src <src:> dst <dst:>[ (type <icmp>, code <code>)]"),
    "106012": (DENIED, "Deny IP from <src> to <dst>, <reason>"),
    "106013": (DENIED_ICMP, "Dropping echo request from <src> to PAT address <dst>"),
    "106014": (DENIED, "Deny <direction> <transport> src <src:> dst <dst:>[ (type <icmp>, code <code>)]"),
    "106015": (DENIED, "Deny <transport> (no connection) from <src> to <dst> flags <*> on interface <in>"),
    "106016": (DENIED, "Deny IP spoof from (<src>) to <dst> on interface <in>"),
    "106017": (DENIED, "Deny IP due to Land Attack from <src> to <dst>"),
    "106018": (DENIED, "<transport> packet type <icmp> denied by <direction> list <rule> src <src> dest <dst>"),
    "106020": (DENIED, "Deny IP teardrop fragment (size = <n> offset = <n> from <src> to <dst>"),
    "106021": (DENIED, "Deny <transport> reverse path check from <src> to <dst> on interface <in>"),
    "106022": (DENIED, "Deny <transport> connection spoof from <src> to <dst> on interface <in>"),
    "106023": (
        DENIED,
        "Deny <transport> src <src:> dst <dst:>[ (][ type <icmp>, code <code>][)][,] by access-group <rule>",
    ),
    "106027": (DENIED, "[<n> ]Deny src <src> dst <dst> by access-group <rule>"),
    "106100": (
        BY_VERDICT,
        "access-list <rule> <verdict> <transport> <in/src> -> <out/dst> hit-cnt <n> ",
    ),
    "106102": (BY_VERDICT, "access-list <rule> <verdict> <transport> for user <user> <in/src> -> <out/dst>"),
    "106103": (BY_VERDICT, "access-list <rule> <verdict> <transport> for user <user> <in/src> -> <out/dst>"),
    "108003": (TERMINATED, "Terminating <*> connection; <*> from <src:> to <dst:>"),
    "110001": (FAILED, "No route to <dst> from <src>"),
    "110002": (FAILED, "<reason,> for <transport> from <src:> to <dst>"),
    "110003": (FAILED, "<reason,> for <transport> from <src:> to <dst:>"),
    "113042": (DENIED_TCP, "Non-HTTP connection from <src:> to <dst:> denied by redirect filter"),
    "201003": (LIMITED, "Embryonic limit exceeded <n> for <src>[ (<n>)] <dst> on interface <in>"),
    "201010": (LIMITED, "<*>limit exceeded <n> for <*> packet from <src> to <dst> on interface <in>"),
    "202010": (FAILED, "<*>Unable to create <transport> connection from <src:> to <dst:>"),
    "209003": (DENIED, "Fragment database limit of <n> exceeded: src = <src>, dest = <dst>, proto = <transport>,"),
    "209004": (DENIED, "Invalid IP fragment, size = <*>: src = <src>, dest = <dst>, proto = <transport>,"),
    "209005": (DENIED, "Discard IP fragment set with more than <*>: src = <src>, dest = <dst>, proto = <transport>,"),
    "302003": (STARTED, "Built H245 connection for <*>address <src> <*>address <dst>"),
    "302004": (NOTED, "Pre-allocate <n> <transport> backconnection for <*>address <src> to <*>address <dst>"),
    "302013": (
        STARTED,
        "Built <direction> [Probe ]<transport> connection <number> for <src:nat> to <dst:nat>[ (<user…>)]",
    ),
    "302014": (
        ENDED,
        (
            "Teardown [Probe ]<transport> [state-bypass ]connection <number> {for|from} <src:u> to <dst:u>"
            "[ duration <duration>][, ][ bytes <bytes>][, ][ <ended>]"
        ),
    ),
    "302017": (STARTED, "Built <direction> <transport> connection <n> from <src:nat> to <dst:nat>[ (<user…>)]"),
    "302018": (
        ENDED,
        "Teardown <transport> connection <n> from <src:>[ (<n>)] to <dst:>[ (<n>)] duration <duration> bytes <bytes>",
    ),
    "302020": (
        STARTED,
        (
            "Built <direction> <transport> connection for faddr <faddr> gaddr <gaddr> laddr <laddr>[ (<user…>)]"
            "[ type <icmp> code <code>]"
        ),
    ),
    "302021": (
        ENDED,
        (
            "Teardown <transport> connection for faddr <faddr> gaddr <gaddr> laddr <laddr>[ (<user…>)]"
            "[ type <icmp> code <code>]"
        ),
    ),
    "302022": (STARTED, "Built <*> stub <transport> connection for <src:>[ (<*>)] to <dst:>"),
    "302023": (
        ENDED,
        (
            "Teardown [<*> ]stub <transport> connection for <src:> to <dst:> duration <duration> "
            "forwarded bytes <bytes>[ <reason>]"
        ),
    ),
    "302033": (NOTED, "Pre-allocated <n> <*>for faddr <src:> to laddr <dst:>"),
    "302303": (
        STARTED,
        "Built <transport> state-bypass connection <number> {from|for} <src:nat> to <dst:nat>[ (<user…>)]",
    ),
    "303002": (
        FTP,
        "FTP connection from <src:> to <dst:>, user <user> {Stored|Retrieved|stored|retrieved|<n>} file <file>",
    ),
    "303004": (TERMINATED._replace(also=(("network.protocol", "ftp"),)), f"<*>terminating connection {_PAIR}"),
    "304001": (URL, "[<user@>]<srcu> Accessed <*>URL <urldst>:<url>"),
    "304002": (URL_DENIED, "Access denied URL <url> SRC <srcu> DEST <dst>[ on interface <in>]"),
    "305005": (FAILED, "No translation group found for <transport> src <src:> dst <dst:>[ (type <icmp>, code <code>)]"),
    "305006": (FAILED, "<*>translation creation failed for <transport> src <src:> dst <dst:>"),
    "305009": (TRANSLATED, "Built <n> translation from <src:>[ (<*>)] to <dst:>"),
    "305010": (RELEASED, "Teardown <n> translation from <src:>[ (<*>)] to <dst:>[ duration <duration>]"),
    "305011": (TRANSLATED, "Built <n> <transport> translation from <src:> to <dst:>"),
    "305012": (RELEASED, "Teardown <n> <transport> translation from <src:> to <dst:>[ duration <duration>]"),
    "305013": (FAILED, "Asymmetric NAT rules matched <*>onnection[ for] <transport> src <src:> dst <dst:>"),
    "305014": (TRANSLATED, "Allocated <*>block of ports for translation from <src:> to <dst:>"),
    "305015": (RELEASED, "Released <*>block of ports for translation from <src:> to <dst:>"),
    "305016": (FAILED, "Unable to create <transport> connection from <src:> to <dst:> due to <reason>"),
    "313001": (DENIED, "Denied <transport> type=<icmp>, code=<code> from <src> on interface <in>"),
    "313004": (DENIED, "Denied <transport> type=<icmp>, from[ laddr] <src> on interface <in> to <dst>:"),
    "313005": (
        DENIED,
        (
            "No matching connection for ICMP error message: <transport> src <src:> dst <dst:> "
            "(type <icmp>, code <code>) on <*>interface"
        ),
    ),
    "313009": (DENIED, "Denied invalid <transport> code <code>, for <src:nat> to <dst:nat>"),
    "322001": (SPOOFED, "Deny MAC address <mac>, possible spoof attempt on interface <in>"),
    "322002": (SPOOFED, "ARP inspection check failed for arp <n> received from host <mac> on interface <in>"),
    "322004": (DENIED, "<*>Dropping protocol <transport> packet from <src:> to <dst:>"),
    "324000": (DENIED, "Drop GTPv<n> message <*>from <src:> to <dst:>[ Reason: <reason>]"),
    "338001": (FILTERED, _FILTER),
    "338301": (
        NOTED,
        "Intercepted DNS reply for <*>domain <domain> from <src:> to <dst:>, matched",
    ),
    "400000": (DETECTED, "IDS:<signature_id> <signature> from <src> to <dst> on interface <in>"),
    "401002": (Meaning("shun_added", ("network",), ("info",)), "Shun added: <src> <dst>[ <n> <n>]"),
    "401003": (Meaning("shun_removed", ("network",), ("info",)), "Shun deleted: <src>"),
    "401004": (SHUNNED, "Shunned packet: <src> {=|==>} <dst> on interface <in>"),
    "402116": (DENIED, "IPSEC: Received an <transport> packet <*>from <src> [(user= <user>) ]to <dst>"),
    "402117": (DENIED, "IPSEC: Received a non-IPSec packet (protocol= <transport>) from <src> to <dst>"),
    "405001": (
        SPOOFED._replace(type=("info",), outcome=None),
        "Received ARP <n> collision from <src>[ on interface <in>]",
    ),
    "405002": (SPOOFED._replace(type=("info",), outcome=None), "Received mac mismatch collision from <src> for"),
    "407001": (LIMITED, "Deny traffic for local-host <src:>, license limit"),
    "410001": (DENIED_UDP, "Dropped <transport> DNS <n> from <src:> to <dst:>; <reason>"),
    "418001": (
        DENIED,
        "Through-the-device packet to/from management-only network is denied: <transport> <*>from <src:> to <dst:>",
    ),
    "419001": (DENIED_TCP, "Dropping TCP packet from <src:> to <dst:>, reason: <reason>"),
    "419002": (NOTED._replace(also=TCP), "<reason,> from <src:> to <dst:> with different"),
    "419003": (NOTED._replace(also=TCP), "Cleared TCP urgent flag from <src:> to <dst:>"),
    "420002": (DENIED, "IPS requested to drop <transport> packet[s] from <src:> to <dst:>"),
    "420003": (DENIED, "IPS requested to reset <transport> connection from <src:> to <dst:>"),
    "424001": (DENIED, "Packet denied <transport> <src:> <dst:>."),
    "434002": (DENIED, "<n> requested to drop <transport> packet from <src:> to <dst:>"),
    "434004": (NOTED, "<n> requested <*> to bypass <*>process <transport> flow from <src:> to <dst:>"),
    "500003": (DENIED_TCP, "<reason,>(<*>) from <src> to <dst>, flags: <*>, on interface <in>"),
    "500004": (DENIED, "Invalid transport field for protocol=<transport>, from <src> to <dst>"),
    "507003": (
        TERMINATED,
        "[The flow of type ]<transport> flow from <src:> to <dst:> terminated by <*>reason - <reason>",
    ),
    "607001": (NOTED, "Pre-allocate <app> [<n> ]<transport> secondary channel for <dst:> to <src:> from <*> message"),
    "608001": (NOTED, "Pre-allocate <app> [<n> ]<transport> secondary channel for <dst:> to <src:> from <*> message"),
    "609001": (STARTED, "Built local-host <src:>"),
    "609002": (ENDED, "Teardown local-host <src:>[ duration <duration>]"),
    "616001": (NOTED, "Pre-allocate <app> <n> connection for <src:> to <dst:> from"),
    "620001": (NOTED, "Pre-allocate <app> <n> secondary channel for <dst:> to <src:> from"),
    "710001": (
        ALLOWED._replace(action="access_requested", outcome=None),
        "<transport> access requested from <src> to <dst:>",
    ),
    "710002": (ALLOWED, "<transport> access permitted from <src> to <dst:>"),
    "710003": (DENIED, "<transport> access denied by ACL from <src> to <dst:>"),
    "710004": (LIMITED, "<transport> connection limit exceeded from <src> to <dst:>"),
    "710005": (DENIED, "<transport> request discarded from <src> to <dst:>"),
    "710006": (DENIED, "<app> request discarded from <src> to <dst:>"),
    "710007": (NOTED, "NAT-T keepalive received from <src> to <dst:>"),
    "733100": (THREAT, "\\[ ?<object>\\] drop <n> exceeded"),
    "733101": (THREAT, "{Host|Subnet|Object} <attacker> is <how>"),
    "733102": (Meaning("shun_added", ("network",), ("info",)), "Threat-detection adds host <src> to shun list"),
    "733103": (Meaning("shun_removed", ("network",), ("info",)), "Threat-detection removes host <src> from shun list"),
    "733104": (THREAT, "TCP Intercept SYN flood attack detected to <dst>"),
    "805001": (
        STARTED._replace(action="flow_offloaded"),
        "Offloaded <transport> Flow for connection <number> from <src:nat> to <dst:nat>",
    ),
    "805002": (
        ENDED._replace(action="flow_no_longer_offloaded"),
        "<transport> Flow is no longer offloaded for connection <number> from <src:nat> to <dst:nat>",
    ),
    "852001": (NOTED, "Received <*>event from application <app> for <transport> flow <src> to <dst>"),
}

_SAME = {
    "302013": ("302015", "302035"),
    "302014": ("302016", "302036", "302304", "302306"),
    "302022": ("302024", "302026"),
    "302023": ("302025", "302027"),
    "302303": ("302305",),
    "313001": ("313008",),
    "322002": ("322003",),
    "338001": ("338002", "338003", "338004", "338101", "338102", "338103", "338104", "338201", "338202"),
    "201010": ("201011", "201012", "201013"),
    "402116": ("402118", "402119", "402120", "402123", "402124"),
    "400000": tuple(f"4000{number:02d}" for number in range(1, 51)),
    "733104": ("733105",),
    "852001": ("852002",),
}
for _first, _others in _SAME.items():
    for _other in _others:
        TRAFFIC[_other] = TRAFFIC[_first]
for _dropped in ("338005", "338006", "338007", "338008", "338203", "338204"):
    TRAFFIC[_dropped] = (DENIED, _FILTER)
