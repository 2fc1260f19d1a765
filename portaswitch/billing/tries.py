"""
Wrong passwords: who gives too many of them for one account is refused without a look at it (spec/radius.yaml, retries_exceeded).

Counted per account name and source (the node, and the calling number or address behind it), from the first wrong one for a fixed time: an attacker locks out
nobody who comes from elsewhere, and nobody at all for longer than that. Kept in memory, bounded; a right password forgets the wrong ones.
"""

from __future__ import annotations

from collections.abc import Callable

from portaswitch.model.oldest import forget_oldest
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Kind, Login

#: Sources remembered at most; the oldest go first.
MOST = 50_000
TOO_MANY = Decision(refusal=Refusal.RETRIES_EXCEEDED)

Source = tuple[int, str, int, str]


class Tries:
    """`most` wrong passwords (0: any number) within `window` seconds of the clock `seconds`."""

    def __init__(self, most: int, window: float, seconds: Callable[[], float]) -> None:
        self._most, self._window, self._seconds = most, window, seconds
        self._wrong: dict[Source, tuple[int, float]] = {}

    def exceeded(self, request: AAARequest) -> bool:
        """True while the source of `request` has given too many wrong passwords for its account."""
        if not self._wrong or request.credentials is None:
            return False
        count, since = self._wrong.get(_source(request), (0, 0))
        return count >= self._most and self._seconds() - since < self._window

    def told(self, request: AAARequest, decision: Decision) -> None:
        """Note what a request was told."""
        if (request.kind is not Kind.AUTH and request.credentials is None) or not self._most:
            return
        if decision.refusal is Refusal.INVALID_PASSWORD:
            self._note(_source(request))
        elif self._wrong and decision.refusal is None and request.credentials is not None and request.credentials.login is not Login.NONE:
            self._wrong.pop(_source(request), None)

    def _note(self, source: Source) -> None:
        count, since = self._wrong.pop(source, (0, 0))
        now = self._seconds()
        fresh = count and now - since < self._window
        self._wrong[source] = (count + 1, since) if fresh else (1, now)
        forget_oldest(self._wrong, MOST)


def _source(request: AAARequest) -> Source:
    origin, parties = request.origin, request.parties
    return origin.i_env, parties.user, request.access_node or origin.i_node, request.kept.get("subscriber_ip", "") or parties.calling
