"""How something went, by the words of an appliance that has no field for it."""

import re

_BAD = re.compile(
    r"unsuccess|fail|denied|reject|invalid|incorrect|\bbad\b|\bnot (?:allowed|permitted|found|authori)|locked|\berror\b"
    r"|refused|wrong|unauthori|mismatch|disallowed|unknown user|no such user|time[ds]? ?out|expired|cannot|can't"
)
_GOOD = re.compile(r"success|succeed|accepted|allowed|authenticated|granted|permitted|logged in|\bok\b|established")


def outcome(text: str) -> str | None:
    """
    >>> outcome("User login denied due to bad credentials"), outcome("Successful administrator login"), outcome("ping")
    ('failure', 'success', None)
    """
    text = text[:512].lower()
    if _BAD.search(text) is not None:
        return "failure"
    return "success" if _GOOD.search(text) is not None else None
