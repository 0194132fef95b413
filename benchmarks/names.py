"""Who is in the made-up company: people, hosts, addresses, drawn as often as they would be seen."""

import random
from bisect import bisect
from itertools import accumulate

_FIRST = (
    "anna",
    "ben",
    "clara",
    "david",
    "emma",
    "felix",
    "greta",
    "hugo",
    "ida",
    "jan",
    "karla",
    "lena",
    "max",
    "nora",
)
_LAST = ("adler", "brandt", "conrad", "dietz", "ebert", "fuchs", "graf", "haas", "iversen", "jung", "keller", "lang")
_KINDS = ("web", "db", "files", "mail", "build", "jump")
_PORTS = (443, 53, 80, 123, 445, 22, 25, 8080, 3389, 389, 636, 88, 135, 5061, 9100, 161, 514)

GUESSED = ("root", "admin", "oracle", "postgres", "test", "ubuntu", "guest", "ftp", "git", "deploy", "jenkins", "pi")


class Zipf:
    """Draws from ``values``, the first most often."""

    def __init__(self, values: list[str], exponent: float = 1.05) -> None:
        self.values = values
        self._sums = list(accumulate(1 / (rank + 1) ** exponent for rank in range(len(values))))

    def draw(self, rng: random.Random) -> str:
        return self.values[bisect(self._sums, rng.random() * self._sums[-1])]


class Names:
    """Three hundred workstations and people, four dozen servers, four thousand addresses inside."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.users = [f"{one[0]}{turn}.{last}" for turn in (1, 2) for one in _FIRST for last in _LAST]
        self.hosts = [f"{kind}-{number}" for number in range(1, 9) for kind in _KINDS]
        self._user = Zipf(self.users)
        self._host = Zipf(self.hosts)
        self._workstation = Zipf([f"PC-{number:03}" for number in range(300)])
        self._inside = Zipf([f"10.20.{a}.{b}" for a in range(16) for b in range(10, 250)])
        self._port = Zipf([str(port) for port in _PORTS])
        self._home = {user: self._inside.values[at * 3] for at, user in enumerate(self.users)}
        self._outside = {user: f"198.51.100.{at % 254 + 1}" for at, user in enumerate(self.users)}
        self._typos = 0

    def user(self) -> str:
        return self._user.draw(self._rng)

    def host(self) -> str:
        return self._host.draw(self._rng)

    def workstation(self) -> str:
        return self._workstation.draw(self._rng)

    def inside(self) -> str:
        return self._inside.draw(self._rng)

    def service(self) -> int:
        return int(self._port.draw(self._rng))

    def port(self) -> int:
        return self._rng.randrange(32_768, 61_000)

    def pid(self) -> int:
        return self._rng.randrange(1_000, 60_000)

    def home(self, user: str) -> str:
        """Where a user comes from: nearly always from one address."""
        return self._home[user] if self._rng.random() < 0.97 else self.inside()

    def outside(self, user: str) -> str:
        return self._outside[user]

    def mistyping(self) -> str:
        """Addresses for typing mistakes: so many that no one of them comes near a threshold."""
        self._typos += 1
        return f"10.{64 + self._typos // 65_025 % 64}.{self._typos // 255 % 255}.{self._typos % 255}"

    def forgetful(self) -> tuple[str, str]:
        """A user and a host for a mistyped sudo, each pair seldom."""
        self._typos += 1
        return self.users[self._typos * 13 % len(self.users)], self.hosts[self._typos * 7 % len(self.hosts)]
