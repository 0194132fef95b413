"""Units that start, stop and fail, in the words of systemd 219 to 257."""

import re

from engine.model import Fields

_UNIT = r"([\w:\-.\\@]{1,255}\.(?:service|socket|timer|mount|scope|slice|target|path|swap|device|automount))"
_JOB = re.compile(
    rf"(Starting|Started|Stopping|Stopped|Reloading|Reloaded|Finished|Failed to start) (?:{_UNIT}(?: - .*)?|(.+?))"
    rf"(?:\.{{1,3}}|$)"
)
_OF_UNIT = re.compile(
    rf"{_UNIT}: (Main process exited|Control process exited|Failed with result|Deactivated successfully|Succeeded"
    rf"|Start request repeated|"
    r"Scheduled restart job|Service hold-off time over|Unit entered failed state|Killing process|Start operation"
    r" timed out|Changed|Consumed)(.*)",
    re.DOTALL,
)
_OLD_FAILED = re.compile(rf"Unit {_UNIT} entered failed state")
_STATUS = re.compile(r"code=(\w{1,16}), status=(\d{1,3})(?:/(\w{1,32}))?")
_KILLED = re.compile(r" (\d{1,10}) \(([^)]{1,64})\) with signal (\w{3,16})")
_ACTIONS = {
    "Starting": ("service_starting", "start"),
    "Started": ("service_started", "start"),
    "Finished": ("service_finished", "end"),
    "Stopping": ("service_stopping", "end"),
    "Stopped": ("service_stopped", "end"),
    "Reloading": ("service_reloading", "change"),
    "Reloaded": ("service_reloaded", "change"),
    "Failed to start": ("service_failed", "end"),
}
_FAILED = ("Failed with result", "Start request repeated", "Unit entered failed state", "Start operation timed out")


def unit(text: str) -> Fields:
    """
    >>> unit("Failed to start nginx.service - A web server.")["service.name"]
    'nginx'
    >>> unit("plc-gw.service: Failed with result 'exit-code'.")["event.outcome"]
    'failure'
    """
    text = text[:1024]
    found = _JOB.match(text)
    if found is not None:
        action, kind = _ACTIONS[found[1]]
        fields: Fields = {"event.action": action, "event.category": ["process"], "event.type": [kind]}
        if found[2] is not None:
            _name(fields, found[2])
        else:
            fields["tieline.systemd.description"] = found[3]
        if action in ("service_started", "service_stopped", "service_finished"):
            fields["event.outcome"] = "success"
        elif action == "service_failed":
            fields["event.outcome"] = "failure"
        return fields
    found = _OLD_FAILED.match(text)
    if found is not None:
        fields = {"event.action": "service_failed", "event.category": ["process"], "event.type": ["end"]}
        fields["event.outcome"] = "failure"
        _name(fields, found[1])
        return fields
    found = _OF_UNIT.match(text)
    return {} if found is None else _of_unit(*found.groups())


def _of_unit(name: str, said: str, rest: str) -> Fields:
    fields: Fields = {"event.category": ["process"], "event.type": ["info"]}
    _name(fields, name)
    if said in _FAILED:
        fields.update({"event.action": "service_failed", "event.type": ["end"], "event.outcome": "failure"})
        reason = rest.strip(" '.")
        if reason:
            fields["event.reason"] = reason
    elif said.endswith("process exited"):
        fields.update({"event.action": "service_process_exited", "event.type": ["end"]})
        status = _STATUS.search(rest)
        if status is not None:
            if status[1] == "exited":
                fields["process.exit_code"] = int(status[2])
            fields["event.reason"] = f"{status[1]} {status[3] or status[2]}"
    elif said in ("Deactivated successfully", "Succeeded"):
        fields.update({"event.action": "service_deactivated", "event.type": ["end"], "event.outcome": "success"})
    elif said == "Killing process":
        fields["event.action"] = "service_process_killed"
        killed = _KILLED.match(rest)
        if killed is not None:
            fields["event.reason"] = killed[3]
    elif said != "Consumed":
        fields["event.action"] = "service_restart_scheduled"
    return fields


def _name(fields: Fields, name: str) -> None:
    fields["tieline.systemd.unit"] = name
    if name.endswith(".service"):
        fields["service.name"] = name.removesuffix(".service")
