"""
Duplicate detection of RADIUS requests (RFC 5080 2.2.2).

Keyed by source address and port, receiving socket (one cache a socket), Identifier and Request Authenticator. Answered: the same octets again. In progress:
dropped. The same first part with another authenticator: a new request that replaces the old.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

Peer = tuple[str, int]


class Entry:
    """One request: its authenticator, and the reply once there is one."""

    __slots__ = ("authenticator", "reply")

    def __init__(self, authenticator: bytes) -> None:
        self.authenticator = authenticator
        self.reply: bytes | None = None


class Duplicates:
    """Remembers requests for `window` seconds, at most `most` of one peer address: a flood pushes out its own entries only."""

    def __init__(self, seconds: Callable[[], float], window: float, most: int = 65536) -> None:
        self._seconds, self._window, self._most = seconds, window, most
        self._entries: dict[tuple[str, int, int], Entry] = {}
        self._order: dict[str, deque[tuple[float, tuple[str, int, int], Entry]]] = {}

    def find(self, peer: Peer, identifier: int, authenticator: bytes) -> Entry | None:
        """The entry of this very request, or None: it is new."""
        entry = self._entries.get((peer[0], peer[1], identifier))
        return entry if entry is not None and entry.authenticator == authenticator else None

    def add(self, peer: Peer, identifier: int, authenticator: bytes) -> Entry:
        """Remember a new request, in progress."""
        key = (peer[0], peer[1], identifier)
        entry = self._entries[key] = Entry(authenticator)
        now = self._seconds()
        order = self._order.get(peer[0])
        if order is None:
            order = self._order[peer[0]] = deque()
        order.append((now, key, entry))
        while order[0][0] < now - self._window or len(order) > self._most:
            self._drop(*order.popleft()[1:])
        return entry

    def discard(self, peer: Peer, identifier: int, entry: Entry) -> None:
        """Forget a request that will not be answered: its retransmission is a new try."""
        self._drop((peer[0], peer[1], identifier), entry)

    def _drop(self, key: tuple[str, int, int], entry: Entry) -> None:
        if self._entries.get(key) is entry:
            del self._entries[key]

    def sweep(self) -> None:
        """Drop what is older than the window, of peers that fell silent too; called by a looping call."""
        oldest = self._seconds() - self._window
        for host, order in list(self._order.items()):
            while order and order[0][0] < oldest:
                self._drop(*order.popleft()[1:])
            if not order:
                del self._order[host]

    def __len__(self) -> int:
        return len(self._entries)
