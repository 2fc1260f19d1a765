"""Whom detail is switched on for, until when: rows of `trace_watches`, as a process keeps them."""

from __future__ import annotations

from collections.abc import Sequence

from portaswitch.model.request import AAARequest
from portaswitch.model.value import dataclass

#: What can be watched. A number is one that takes part in a call; a peer is an address.
KINDS = ("account", "number", "nas", "peer")
#: Sessions of watched requests that are remembered, since accounting may name its user otherwise.
SESSIONS = 10_000
#: The fewest digits of a number by which a longer one, dialled with a prefix, is known.
SUFFIX = 6


@dataclass(frozen=True, slots=True)
class Watch:
    """
    One watch. `names`: account ids (with aliases), or the number; `i_node` of a NAS, else 0; `addresses` of a NAS or peer, by which packets are known before
    they are understood; `seconds` is how long it still lasts.
    """

    i_watch: int
    i_env: int
    kind: str
    name: str
    seconds: float
    names: tuple[str, ...] = ()
    i_node: int = 0
    addresses: tuple[str, ...] = ()


class Watched:
    """The watches that are on, made for the question whether a request is meant. `until` is when the first of them ends, by the process' own clock."""

    def __init__(self, watches: Sequence[Watch], now: float) -> None:
        self._ends = [(now + watch.seconds, watch) for watch in watches if watch.seconds > 0]
        self.watches = tuple(watch for _, watch in self._ends)
        self.until = min((end for end, _ in self._ends), default=float("inf"))
        self._users = {(watch.i_env, name) for watch in self.watches if watch.kind in ("account", "number") for name in watch.names}
        self._numbers = [(watch.i_env, name) for watch in self.watches if watch.kind == "number" for name in watch.names]
        self._nodes = {watch.i_node for watch in self.watches if watch.i_node}
        self.addresses = {address for watch in self.watches for address in watch.addresses}
        self._sessions: dict[tuple[int, str], None] = {}

    def later(self, now: float) -> Watched:
        """Those that are left at `now`."""
        left = Watched([_left(watch, end - now) for end, watch in self._ends], now)
        left._sessions = self._sessions
        return left

    def means(self, request: AAARequest, peer: str = "") -> bool:
        """Whether a request is watched: by its account, a number in it, its node, its sender, or a session that was."""
        session = (request.origin.i_node, request.session or request.login)
        if not (self._by_name(request) or request.origin.i_node in self._nodes or peer in self.addresses or session in self._sessions):
            return False
        if session[1]:
            self._sessions[session] = None
            if len(self._sessions) > SESSIONS:
                del self._sessions[next(iter(self._sessions))]
        return True

    def _by_name(self, request: AAARequest) -> bool:
        env, parties = request.origin.i_env, request.parties
        if (env, parties.user) in self._users:
            return True
        return any(env == there and (same(parties.called, number) or same(parties.calling, number)) for there, number in self._numbers)


def _left(watch: Watch, seconds: float) -> Watch:
    return Watch(watch.i_watch, watch.i_env, watch.kind, watch.name, seconds, watch.names, watch.i_node, watch.addresses)


def same(dialled: str, number: str) -> bool:
    """Whether a number as dialled, maybe with a prefix before it, is `number`."""
    return dialled == number or (len(number) >= SUFFIX and dialled.endswith(number))
