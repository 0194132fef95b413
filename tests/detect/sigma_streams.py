"""Rules and streams of events made at random, so that every way in which a detector remembers something is tried.

What an answer may be remembered by is what the traps lie in: 1, True and 1.0 are one key of a dictionary, a list cannot be
one, values repeat and then stop repeating, and an absent field is not a null.
"""

import random
from typing import Any

from engine.model import Event, LogSource

SOURCES = (
    {"category": "test"},
    {"product": "p"},
    {"product": "p", "service": "s"},
    {"product": "p", "category": "test"},
)
FIELDS = ("a", "b", "n", "c.d", "c.e.f", "Image", "CommandLine", "ip", "t")
START = 1_767_237_000_000_000_000  # 2026-01-01T03:10:00Z

WORDS = (
    "", "x", "ab", "AB", "Abc", "abc", "aab", "xab", "ß", "SS", "ss", "ſt", "ﬁn", "İ", "i̇", "Σας", "ΣΑΣ", "é", "e\u0301",
    "\u212a", "k", "a*b", "a?b", "*", "c:\\ab\\", "c:\\ab\\x.exe", "\\", "\\\\srv\\ab", "ab\n", "10", "10.0", "010", "1", "1.0",
    "0", "true", "True", "null", "-ab", "/ab", "\u2013ab", "x -ab /b", "x \u2014ab -b", "cmd /c -ab", "NaN", "1e3", " 7 ",
)  # fmt: skip
NEEDLES = (
    "ab",
    "a",
    "AB",
    "b",
    "x",
    "ß",
    "ss",
    "\\",
    "-ab",
    "abc",
    ".exe",
    "Σ",
    "k",
    "10",
    "1",
    "é",
    "st",
    "a\\*b",
    "a\\?b",
    "\\\\",
)
GLOBS = ("a*", "*b", "*a*b*", "a?b", "?b", "x*-ab*", "*\\\\*", "\\*", "a\\*b", "c:\\\\ab\\\\*.exe", "??", "*", "a**b", "*ss*", "?")  # fmt: skip
REGEXES = (
    "a+b",
    "^x",
    "[0-9]{2}",
    "b$",
    "(?:ab|x)c?",
    "A.c",
    "^(?!x).*b",
    "(a)\\1",
    "^a?$",
    "\\\\ab",
    "[^a-z]",
    "a{2}",
)
NUMBERS = (
    1,
    True,
    1.0,
    "1",
    "1.0",
    0,
    False,
    0.0,
    -0.0,
    "0",
    10,
    10.0,
    "10",
    -3,
    2**31,
    2**63,
    2**64,
    10**400,
    1.5,
    "1.5",
)
ODD = (None, [], {}, [None], [[]], float("nan"), float("inf"), b"ab\xff", b"", (), ("ab", 1), ["ab", None], ["x", ["Abc", [1]]],
       {"d": "ab"}, {"d": ["ab", 1]}, [{"d": "ab"}, {"d": None}], {"e": {"f": "x"}}, {"e.f": 10}, [[["ab"]]], [1, True, 1.0],
       [True], [1], [1.0], ["1"], ["ab"], ("ab",), ["AB", "x"], ["x", "AB"])  # fmt: skip
ADDRESSES = (
    "10.0.0.1",
    "10.1.0.1",
    "::ffff:10.0.0.9",
    "192.0.2.1",
    "2001:db8::1",
    "2001:DB8:0::1",
    "10.0.0",
    167772161,
    "",
)
TIMES = ("2026-01-01T03:30:00Z", "2026-02-28 23:59:59", "1767225600", 1767225600, "soon", "2026-12-31T23:30:00-02:00")
BASE64 = ("YWI=", "YQBiAA==", "eGFieA==", "eHhhYng=", "//5hAGIA", "AGEAYg==", "ywi=", "eGFieGFiYWI=")


class Made:
    """Everything drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._hot: dict[str, list[Any]] = {}
        self._count = 0

    def rules(self, count: int) -> list[dict[str, Any]]:
        return [
            {
                "title": f"rule {at}",
                "name": f"r{at}",
                "logsource": self.rng.choice(SOURCES),
                "detection": self._detection(),
            }
            for at in range(count)
        ]

    def _detection(self) -> dict[str, Any]:
        rng = self.rng
        names = rng.sample(("s1", "s2", "s3", "filter", "_own"), rng.randint(1, 4))
        found: dict[str, Any] = {name: self._search() for name in names}
        a, b, c = rng.choices(names, k=3)
        shown = any(not name.startswith("_") for name in names)
        conditions = [a, a, f"{a} and {b}", f"{a} or {b}", f"{a} and not {b}", f"not {a}", f"not ({a} and {b}) or {c}",
                      f"({a} or {b}) and not {c}", f"not not {a}", [f"{a} and {b}", c], f"1 of {a[0]}*", f"{a} and not 1 of {b[0]}*",
                      f"all of {a[:2]}*"]  # fmt: skip
        if shown:
            conditions += ["1 of them", "all of them", "any of them", f"{a} and 1 of them"]
        found["condition"] = rng.choice(conditions)
        return found

    def _search(self) -> Any:
        rng = self.rng
        kind = rng.random()
        if kind < 0.72:
            return self._map(rng.choice((1, 1, 2, 2, 3, 4)))
        if kind < 0.84:
            return [self._map(rng.randint(1, 3)) for _ in range(rng.randint(1, 3))]
        words = [
            rng.choice(("evil", "ab", "x -ab", "a*b", "Σ", "10", 10, "ß", "true")) for _ in range(rng.randint(2, 3))
        ]
        if kind < 0.94:
            return words
        return {rng.choice(("|all", "|re")): [str(word) for word in words if word != "a*b"] + ["b"]}

    def _map(self, size: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while len(found) < size:
            key, value = self._item()
            found.setdefault(key, value)
        return found

    def _item(self) -> tuple[str, Any]:
        rng = self.rng
        field = rng.choice((*FIELDS, "a", "b", "n", "@timestamp", "event.original"))
        if field == "ip" and rng.random() < 0.7:
            return "ip|cidr", self._some(
                ("10.0.0.0/24", "10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32", "::ffff:10.0.0.0/104")
            )
        if field in ("t", "@timestamp") and rng.random() < 0.8:
            part, number = rng.choice(
                (("hour", 3), ("minute", 30), ("day", 1), ("week", 1), ("month", 1), ("year", 2026))
            )
            return f"{field}|{part}" + rng.choice(("", "", "|gte", "|lt")), number
        if field == "n" and rng.random() < 0.7:
            return f"n|{rng.choice(('lt', 'lte', 'gt', 'gte'))}", rng.choice((0, 1, 2, 10, -3, 1.5, 2**40))
        how = rng.random()
        if how < 0.22:
            plain = [word for word in WORDS if "\n" not in word]
            return field, self._some((*plain, *GLOBS, 1, 10, True, False, 0), most=8)
        if how < 0.27:
            return field, None
        if how < 0.52:
            way = rng.choice(("contains", "startswith", "endswith"))
            more = rng.choice(("", "", "", "|cased", "|all", "|neq"))
            if more == "|all":
                return f"{field}|{way}|all", rng.sample(NEEDLES, 2)
            return f"{field}|{way}{more}", self._some(NEEDLES, most=6)
        if how < 0.57:
            return f"{field}|cased", self._some(("AB", "Abc", "a*", "ΣΑΣ", "10"))
        if how < 0.62:
            return f"{field}|neq", self._some(("ab", "x", 1, True, "a*"))
        if how < 0.72:
            return f"{field}|re{rng.choice(('', '', '|i', '|i|s', '|m'))}", self._some(REGEXES)
        if how < 0.78:
            return f"{field}|exists", rng.random() < 0.7
        if how < 0.86:
            other = rng.choice(("a", "b", "n", "c.d"))
            return (
                f"{field}{rng.choice(('', '', '|cased'))}|fieldref{rng.choice(('', '|contains', '|startswith', '|endswith', '|neq'))}",
                other,
            )
        if how < 0.93:
            return f"{field}|windash{rng.choice(('', '|contains', '|startswith', '|contains|all'))}", [
                "-ab",
                "x -ab",
                "x -ab -b",
            ]
        chain = rng.choice(
            (
                "base64",
                "base64offset|contains",
                "wide|base64offset|contains",
                "utf16|base64",
                "utf16be|base64offset|contains",
            )
        )
        return f"{field}|{chain}", "ab"

    def _some(self, pool: tuple[Any, ...], most: int = 3) -> Any:
        count = self.rng.choice((0, 0, 2, most))
        return self.rng.choice(pool) if not count else self.rng.sample(pool, min(count, len(pool)))

    def event(self, novelty: float = 0.1) -> Event:
        """``novelty``: how many of the values have never been seen before."""
        rng = self.rng
        self._count += 1
        fields: dict[str, Any] = {}
        names = list(FIELDS)
        rng.shuffle(names)  # the order of an event's fields means nothing
        for name in (*names, "c", "other"):
            chance = rng.random()
            if chance < (0.3 if name not in ("c", "other") else 0.85):
                continue
            if chance > 1 - novelty:
                fields[name] = (
                    f"{rng.choice(('x', 'cmd', 'AB'))} {rng.choice(NEEDLES)}{self._count}{rng.choice(('', ' -ab', '.exe'))}"
                )
            else:
                fields[name] = rng.choice(self._hot.setdefault(name, self._pool(name)))
        product, category, service = rng.choice(
            (
                ("p", None, None),
                ("p", "test", None),
                (None, "test", None),
                ("p", None, "s"),
                ("p", "test", "s"),
                ("q", None, None),
            )
        )
        original = rng.choice((b"", b"", b"<13>so EVIL today", b'{"evil": "ab"}', b"\xff ab"))
        return Event(
            fields, START + self._count, f"e{self._count}", LogSource(product, category, service), original=original
        )

    def _pool(self, name: str) -> list[Any]:
        rng = self.rng
        own = {"ip": ADDRESSES, "t": TIMES, "n": NUMBERS}.get(name, (*WORDS, *BASE64))
        pool = rng.sample(own, min(len(own), 14)) + rng.sample(ODD, 4) + rng.sample(NUMBERS, 5)
        rng.shuffle(pool)
        return pool
