"""What is wrong with a rule file: where, what, and how to mend it."""

from collections.abc import Iterable
from typing import Literal

import msgspec

Severity = Literal["error", "warning"]


class Problem(msgspec.Struct, frozen=True, order=True):
    """
    >>> str(Problem("rules/a.yml", 7, "error", "unknown modifier 'contain'", "write 'contains'"))
    "rules/a.yml:7: error: unknown modifier 'contain'; write 'contains'"
    """

    path: str
    line: int
    severity: Severity
    what: str
    mend: str = ""

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.severity}: {self.what}" + (f"; {self.mend}" if self.mend else "")


class Refused(ValueError):
    """A document, or a part of it, cannot be read; becomes a Problem where the file is known."""

    def __init__(self, what: str, mend: str = "", line: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend
        self.line = line

    def problem(self, path: str, line: int = 0) -> Problem:
        return Problem(path, self.line or line, "error", self.what, self.mend)


def errors(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]
