"""
What RADIUS clients were seen to send, and what `auto` has learnt from it (CVE-2024-3596; PROTOCOLS.md 1.2).

    first Access-Request that is served:  signed > signatures are required from then on
                                          unsigned > they never are; with Proxy-State too > Proxy-State is not limited either

It outlives a reload in memory and a restart in the rows of `radius_clients`: `keep` is called when something is seen for the first time, and for
what is seen again and again once an hour, never per packet. Refused packets teach nothing: anybody can forge one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from portaswitch.model.catalogue import RadiusClient, Seen

#: How often at most what a client goes on doing is kept.
KEEP_EVERY = timedelta(hours=1)
#: Keeps what was seen of the client with this i_client.
Keep = Callable[[int, Seen], None]


def keep_nothing(i_client: int, seen: Seen) -> None:
    """For whoever has no place to keep it (tests)."""


class Habit:
    """
    One client's: `require` and `limit` are what `auto` stands for, of `require_message_authenticator` and `limit_proxy_state`.

    A network of clients has no single habit: nothing is required of it, and its Proxy-State is limited.
    """

    __slots__ = ("_kept", "_late", "limit", "require", "seen")

    def __init__(self, client: RadiusClient, signed: bool, proxied: bool) -> None:
        seen = self.seen = client.seen
        self._kept: datetime | None = None
        self._late = False
        if not client.single:
            self.require, self.limit = False, True
        elif seen.authenticator is None and seen.without is None:
            self.require, self.limit = signed, signed or not proxied
        else:
            self.require, self.limit = seen.without is None, seen.proxy_state is None

    @property
    def settled(self) -> bool:
        """One more signed packet tells nothing new."""
        return self.seen.authenticator is not None and not self._late

    def note(self, signed: bool, proxied: bool, now: datetime) -> Seen | None:
        """Note one packet that was served; gives what is to be kept now, or None: not yet."""
        before = self.seen
        if signed:
            after = Seen(before.authenticator or now, before.without, before.proxy_state)
        else:
            after = Seen(None, now, now if proxied else before.proxy_state)
        self.seen = after
        self._late = True
        if self._kept is not None and now - self._kept < KEEP_EVERY and not _new(before, after):
            return None
        self._kept, self._late = now, False
        return after


def _new(before: Seen, after: Seen) -> bool:
    """Something was seen that had never been seen; that a client goes to and fro is no news."""
    return (before.without is None and (after.without is not None or before.authenticator is None)) or (
        before.proxy_state is None and after.proxy_state is not None
    )


class Habits:
    """All clients' habits, by address. `now` is the wall clock (aware UTC)."""

    def __init__(self, now: Callable[[], datetime], keep: Keep = keep_nothing) -> None:
        self._now, self._keep = now, keep
        self._known: dict[str, Habit] = {}

    def of(self, client: RadiusClient, signed: bool, proxied: bool) -> Habit:
        """The habit of a client; of one not seen yet, what this packet would make it."""
        known = self._known.get(client.address)
        return Habit(client, signed, proxied) if known is None else known

    def served(self, client: RadiusClient, habit: Habit, signed: bool, proxied: bool) -> None:
        """A packet without EAP-Message was served: EAP has to be signed anyway, so it proves nothing (RFC 3579 3.1)."""
        self._known[client.address] = habit
        if signed and habit.settled:
            return
        kept = habit.note(signed, proxied, self._now())
        if kept is not None:
            self._keep(client.i_client, kept)
