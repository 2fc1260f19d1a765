"""
What all simulators of vendors share: the faults that a test or an operator switches on, the answers that get lost, and the record of what was asked.

A simulator is written from the vendor's documents on the standard library and Twisted only. It shares nothing with the handler that it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from twisted.internet.interfaces import IProtocolFactory, IReactorTime

#: Parts of names of fields whose values are never printed.
SECRET = ("ki", "opc", "op", "pwd", "pass", "aud", "pin", "puk", "secret")


class Fault(Enum):
    """What a simulator does wrong while it is switched on; the values are the runner's words."""

    BUSY = "busy"  # refuses work as this vendor does when it has too much
    SILENT = "timeout"  # takes requests, does nothing and never answers
    SESSION_LOST = "session-lost"  # forgets all sessions before it looks at a request
    WRONG_PASSWORD = "wrong-password"  # refuses every log-in and every credential
    HALF = "half"  # acts, sends the first half of its answer and hangs up
    PAGE = "page"  # does nothing: a proxy in front of it answers with a web page, as if all were well (HTTP)
    MOVED = "moved"  # does nothing: what is in front of it sends to another host (HTTP)


class Refused(Exception):
    """The vendor says no: `code` is its number or word for it, the text what it says."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class Faults:
    """Which faults are on, and how many answers go before one is lost (`lose_every`: again and again, `lose_after`: once; 0: none is lost)."""

    def __init__(self, lose_every: int = 0) -> None:
        self.lose_every = lose_every
        self.lose_after = 0
        self.lost = 0
        self._left: dict[Fault, int | None] = {}
        self._before: dict[Fault, int] = {}
        self._answers = 0

    def on(self, fault: Fault, times: int | None = None, after: int = 0) -> None:
        """Switch a fault on, for the next `times` requests or until it is switched off; `after` requests go well before."""
        self._left[fault], self._before[fault] = times, after

    def off(self, fault: Fault) -> None:
        """Switch a fault off."""
        self._left.pop(fault, None)

    def waits(self, fault: Fault) -> bool:
        """Whether a fault is on still."""
        return fault in self._left

    def strikes(self, fault: Fault) -> bool:
        """Whether a fault strikes this request; asking uses one of its `times` up."""
        if fault not in self._left:
            return False
        if self._before[fault]:
            self._before[fault] -= 1
            return False
        left = self._left[fault]
        if left is not None:
            self._left[fault] = left - 1
            if left <= 1:
                del self._left[fault]
        return left is None or left > 0

    def loses(self) -> bool:
        """Whether the answer to what was just done is lost on its way."""
        self._answers += 1
        lost = bool(self.lose_every) and self._answers % self.lose_every == 0
        if self.lose_after:
            self.lose_after -= 1
            lost = lost or not self.lose_after
        self.lost += lost
        return lost


@dataclass(frozen=True)
class Asked:
    """One operation that was understood, whether it was then done or refused."""

    operation: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """A line for an operator's terminal, without secrets."""
        shown = (f"{name}={'***' if is_secret(name) else value}" for name, value in self.fields.items())
        return " ".join((self.operation, *shown))


def is_secret(name: str) -> bool:
    """Whether a field of this name holds a key or a password."""
    bare = name.lower()
    return any(bare == part or (len(part) > 2 and part in bare) for part in SECRET) or bare.startswith(("ki", "opc"))


class Simulator:
    """
    A vendor's system. `asked` are the operations in their order; `watch` is called with each, when it is set.

    `clock` is the reactor or a Clock: sessions grow old by it.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.watch: Callable[[Asked], None] | None = None

    def note(self, operation: str, fields: Mapping[str, str] | None = None) -> None:
        """Record an operation that was understood."""
        asked = Asked(operation, dict(fields or {}))
        self.asked.append(asked)
        if self.watch is not None:
            self.watch(asked)

    @property
    def operations(self) -> list[str]:
        """The names of what was asked, in order."""
        return [asked.operation for asked in self.asked]

    def forget_sessions(self) -> None:
        """Lose all log-in sessions; vendors without sessions have none to lose."""

    def factory(self) -> IProtocolFactory:
        """What makes the protocols of its connections."""
        raise NotImplementedError


class Sessions:
    """Log-in sessions that end when they are idle for `seconds`; at most `most` at once. Keys are what the vendor calls them."""

    def __init__(self, clock: IReactorTime, seconds: int, most: int = 200) -> None:
        self._clock, self.seconds, self.most = clock, seconds, most
        self._used: dict[str, float] = {}
        self._users: dict[str, str] = {}

    def open(self, key: str, user: str) -> bool:
        """Begin a session; False when there are too many."""
        self._expire()
        if len(self._used) >= self.most:
            return False
        self._used[key], self._users[key] = self._clock.seconds(), user
        return True

    def user(self, key: str) -> str | None:
        """Whose live session it is, which counts as use of it; None when there is none."""
        self._expire()
        if key in self._used:
            self._used[key] = self._clock.seconds()
        return self._users.get(key)

    def close(self, key: str) -> bool:
        """End a session; False when there was none."""
        self._expire()
        self._used.pop(key, None)
        return self._users.pop(key, None) is not None

    def clear(self) -> None:
        """End all."""
        self._used.clear()
        self._users.clear()

    def __len__(self) -> int:
        """How many are alive."""
        self._expire()
        return len(self._used)

    def _expire(self) -> None:
        now = self._clock.seconds()
        for key in [key for key, used in self._used.items() if now - used > self.seconds]:
            del self._used[key], self._users[key]
