"""Stack traces behind a log line: lines of Java, .NET and Python that belong to the record before them."""

import re

FIRST_BYTES = frozenset(bytes((one,)) for one in b" \tCSTDabcdefghijklmnopqrstuvwxyzABEFGHIJKLMNOPQRUVWXYZ_.")
"""What the first line of a trace may begin with; most log lines begin otherwise, and are not looked at."""

_FRAME = re.compile(
    rb"[ \t]+at [\w.$<>/@~`\[\]+\-]+ ?\(|[ \t]+at [\w.$<>`\[\]+]+\.[\w.$<>`\[\]+]+ in |"
    rb"[ \t]*\.\.\. \d{1,6} (?:more|common frames)|[ \t]*(?:Caused by|Suppressed): [\w.$]+|"
    rb"Traceback \(most recent call last\):|  File \"[^\"]{1,1024}\", line \d+|"
    rb"(?:Exception in thread \"[^\"]{1,256}\" )?(?:[A-Za-z_$][\w$]{0,64}\.){1,12}[A-Z][\w$]{0,96}?"
    rb"(?:Exception|Error|Throwable)(?:: |$)"
)
_INSIDE = re.compile(
    rb"[ \t]|[A-Za-z_][\w.]{0,128}(?:Error|Exception|Warning|Interrupt|Exit|Iteration|Timeout|Refused)(?:: |$)|"
    rb"(?:During handling of|The above exception was)\b|--- End of "
)
_PROMISES = re.compile(rb"\b(?:ERROR|FATAL|SEVERE|CRITICAL|WARN|WARNING)\b|Exception|Traceback|Error(?::|$)")


def continues(line: bytes, inside: bool) -> bool:
    r"""Whether a line belongs to the trace of the record before it; ``inside``: a trace has begun.

    >>> continues(b"\tat com.example.Pump.start(Pump.java:41)", False), continues(b"java.io.IOException: no", False)
    (True, True)
    >>> continues(b"    raise ValueError", False), continues(b"    raise ValueError", True)
    (False, True)
    >>> continues(b"ValueError: x", False), continues(b"ValueError: x", True)
    (False, True)
    >>> continues(b"Jan  2 03:04:05 gw-1 sshd[7]: error: x", True)
    False
    """
    return _FRAME.match(line) is not None or (inside and _INSIDE.match(line) is not None)


def promises(line: bytes) -> bool:
    """Whether a trace may follow this line, so that it is worth to wait for the next one."""
    return line[:1] not in (b"{", b"<") and _PROMISES.search(line, 0, 4096) is not None
