r"""Nozomi Networks Guardian and Central Management Console (N2OS): alerts, audit and health events in CEF.

::

    CEF:0|Nozomi Networks|N2OS|22.6.0|SIGN:PROGRAM:DOWNLOAD|Program download|9|app=s7 dvchost=guardian-1 cs1=9.0 cs1Label=Risk src=192.0.2.7 spt=50211 smac=00:00:5e:00:53:01 dst=198.51.100.9 dpt=102 dmac=00:00:5e:00:53:02 proto=TCP msg=Program downloaded flexString1=T0843 flexString1Label=mitre_attack_techniques start=1767323045006
    CEF:0|Nozomi Networks|N2OS|22.6.0|AUDIT:SESSIONS:CREATE|User signed in|0|dvchost=guardian-1 src=192.0.2.7 suser=m.keller msg=User signed in start=1767323045006

What the keys of CEF mean is read by the envelope. An alert on an operation is an event of that operation.
"""  # noqa: E501  (records as they are sent)

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import monitors, nozomi

_SESSIONS = {
    "AUDIT:SESSIONS:CREATE": ("start", "success"),
    "AUDIT:SESSIONS:DESTROY": ("end", "success"),
    "AUDIT:SESSIONS:FAILED": ("start", "failure"),
    "AUDIT:SESSIONS:CREATE-FAILED": ("start", "failure"),
}
_SOURCE = LogSource(product="nozomi", service="alert")
_SOURCES = {
    "audit": LogSource(product="nozomi", service="audit"),
    "health": LogSource(product="nozomi", service="health"),
}
_LOGON = LogSource(product="nozomi", category="authentication", service="audit")


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or frame.opened is None:
        raise ParseError("nozomi_guardian: no CEF record of N2OS")
    monitors.mend(frame)
    kind, title = row.get("deviceEventClassId", "").strip(), row.get("name", "").strip()
    fields: Fields = {"observer.vendor": "Nozomi Networks", "event.action": title or kind}
    if kind.startswith("AUDIT:"):
        _audit(kind, title, fields)
    elif kind.startswith("HEALTH"):
        fields["event.kind"], fields["event.category"], fields["event.type"] = "event", ["host"], ["info"]
        fields["tieline.nozomi.kind"] = "health"
    else:
        nozomi.alert(kind, fields)
        fields["rule.id"] = kind
        if title:
            fields["rule.name"] = title
        monitors.acted(fields, nozomi.operation(kind), row.get("app"))
    monitors.transport(fields, row.get("proto"))
    labels = monitors.labels(row)
    monitors.techniques(fields, labels.get("mitre_attack_techniques"), labels.get("mitre_attack_for_ics"))
    risk = monitors.score(labels.get("Risk"))
    if risk is not None:
        fields["event.risk_score"] = risk
    browser = labels.get("browser")
    if browser:
        fields["user_agent.original"] = browser
    return fields


def _audit(kind: str, title: str, fields: Fields) -> None:
    fields["event.kind"], fields["tieline.nozomi.kind"] = "event", "audit"
    known = _SESSIONS.get(kind)
    if known is None and "signed in" in title.lower():
        known = ("start", "success")
    if known is not None:
        fields["event.category"], fields["event.type"] = ["authentication"], [known[0]]
        fields["event.outcome"] = known[1]
    else:
        change = next((one for word, one in (("CREATE", "creation"), ("DELETE", "deletion"), ("DESTROY", "deletion"))
                       if word in kind), "change")  # fmt: skip
        fields["event.category"], fields["event.type"] = ["configuration"], [change]


def route(fields: Fields) -> LogSource:
    if "authentication" in fields.get("event.category", ()):
        return _LOGON
    return monitors.source_of(fields, _SOURCES.get(fields.get("tieline.nozomi.kind", ""), _SOURCE))


FORMAT = LogFormat(
    id="nozomi_guardian",
    vendor="Nozomi Networks",
    product="Guardian, CMC (N2OS)",
    logsource=LogSource(product="nozomi"),
    spec="https://technicaldocs.nozominetworks.com/products/n2os",
    parse=parse,
    inside="cef",
    programs=("nozomi networks|n2os", "nozomi networks|guardian", "nozomi networks|vantage"),
    route=route,
)
