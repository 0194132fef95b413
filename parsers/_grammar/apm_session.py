"""What BIG-IP's access policies (APM) say of a session, and how BIG-IP writes two endpoints."""

import re

from engine.model import Fields
from parsers._grammar.addresses import ip
from parsers._grammar.conversation import endpoints, transport
from parsers._grammar.outcomes import outcome
from parsers._grammar.people import account, remote

POLICY = re.compile(r"(?:(/[^\s:]{1,200}):([^\s:]{1,64}):)?([0-9a-f]{6,8}): (.*)", re.DOTALL)
_ADDRESS = r"[0-9A-Fa-f:.%]{2,64}"
BETWEEN = re.compile(
    rf"(?:(?P<transport>[A-Za-z]{{2,5}}) )?(?P<src>{_ADDRESS})[:.](?P<sport>\d{{1,5}})"
    rf" -> (?P<dst>{_ADDRESS})[:.](?P<dport>\d{{1,5}})"
)
_NEW = re.compile(r"New session from client IP (\S{2,64}) .{0,256}?at VIP (\S{2,64})(?: Listener (\S{1,256}))?")
_NAMED = re.compile(r"Username '(.{1,256}?)'")
_WITH = re.compile(
    r"(?P<how>[\w ]{1,40}?): .{0,80}?(?:authenticate|authentication) with '(?P<user>[^']{1,256})'(?P<rest>.{0,512})",
    re.DOTALL,
)
_RESULT = re.compile(r"Access policy result: (\S{1,64})")
_FOLLOWING = re.compile(
    r"Following rule '(.{1,256}?)' from item '(.{1,256}?)' to (?:ending|terminalout|item) '(.{1,256}?)'"
)
_BYTES = re.compile(r"Session statistics - bytes in: (\d{1,18}), bytes out: (\d{1,18})")
_CLIENT = re.compile(r"session\.user\.clientip is (\S{2,64})")
_AGENT = re.compile(r"(?:session\.user\.agent is|Received User-Agent header:) (.{1,1024}?)\.?$")
_ASSIGNED = re.compile(r"Assigned PPP (?:Dynamic )?IPv[46]: (\S{2,64})")
_ACL = re.compile(r"(allow|discard|reject|continue) ACL: (\S{1,256}?)(?::\d{1,9})? packet: (.*)")


def between(fields: Fields, found: re.Match[str]) -> None:
    endpoints(fields, found["src"], found["sport"], found["dst"], found["dport"])
    if found["transport"] and found["transport"].lower() in ("tcp", "udp", "icmp", "sctp"):
        transport(fields, found["transport"])


def policy(fields: Fields, found: re.Match[str]) -> None:
    """APM: what a session of an access policy does."""
    profile, _, session, said = found.groups()
    fields["event.category"], fields["tieline.f5.session"] = ["session"], session
    if profile:
        fields["tieline.f5.profile"] = fields["rule.name"] = profile
    fields["event.reason"] = said[:1024].strip() or session
    if (one := _NEW.search(said)) is not None:
        fields["event.action"], fields["event.type"] = "new_session", ["start"]
        endpoints(fields, one[1], None, one[2], None)
        if one[3]:
            fields["tieline.f5.listener"] = one[3]
    elif (one := _WITH.search(said)) is not None:
        result = outcome(one["rest"]) or "unknown"
        fields["event.category"], fields["event.action"] = ["authentication"], "authenticate"
        fields["event.type"] = ["start" if result == "success" else "info"]
        fields["event.outcome"], fields["tieline.auth.method"] = result, one["how"].strip() or "APM"
        account(fields, one["user"])
    elif (one := _NAMED.search(said)) is not None:
        account(fields, one[1])
        fields["event.action"] = "username"
    elif (one := _RESULT.search(said)) is not None:
        denied = "deny" in one[1].lower()
        fields["event.action"], fields["event.outcome"] = "access_policy_result", "failure" if denied else "success"
        fields["event.type"] = ["info"] if denied else ["start"]
    elif (one := _FOLLOWING.search(said)) is not None:
        fields["event.action"], fields["rule.name"] = "following_rule", one[1]
        if "ending" in said or "terminalout" in said:
            fields["event.outcome"] = "failure" if "deny" in one[3].lower() else "success"
    elif (one := _BYTES.search(said)) is not None:
        fields["event.action"], fields["event.type"] = "session_statistics", ["end"]
        sent, received = int(one[1]), int(one[2])
        fields["source.bytes"], fields["destination.bytes"], fields["network.bytes"] = sent, received, sent + received
    elif (one := _CLIENT.search(said)) is not None:
        remote(fields, one[1])
    elif (one := _AGENT.search(said)) is not None:
        fields["user_agent.original"] = one[1]
    elif (one := _ASSIGNED.search(said)) is not None:
        fields["event.action"] = "address_assigned"
        leased = ip(one[1])
        if leased is not None:
            fields["related.ip"] = [leased]
    elif (one := _ACL.search(said)) is not None:
        allowed = one[1] in ("allow", "continue")
        fields["event.category"], fields["event.action"] = ["network"], one[1]
        fields["event.type"] = ["connection", "allowed" if allowed else "denied"]
        fields["event.outcome"] = "success" if allowed else "failure"
        fields["rule.name"] = one[2]
        packet = BETWEEN.search(one[3])
        if packet is not None:
            between(fields, packet)
    elif "deleted" in said or "Session closed" in said:
        fields["event.action"], fields["event.type"] = "session_deleted", ["end"]
