"""
What an answer means for a notification: the verdict tables of the core (DESIGN.md 5.4). Handlers name faults; what follows from them is here.

    the handler accepts the fault, or it is harmless    the steps go on
    408, 425, 429, 5xx, a web page, a busy word,
    no answer                                           retry, later each time; Retry-After is kept to
    a fault that ends the event for good                dropped
    our name or password is refused                     the handler stops
    anything else                                       parked
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from portaswitch.handler import PAGE, EventHandler, Reply, Request
from portaswitch.model.notification import Verdict
from portaswitch.model.value import dataclass

#: Answers of HTTP that a repetition may change (RFC 9110 15.5.9, 15.6; RFC 8470 5.2; RFC 6585 4).
TRIED_AGAIN: Final = frozenset({408, 425, 429, *range(500, 600)})
#: Seconds that a vendor's Retry-After may ask for at most.
LONGEST_WISH: Final = 86_400.0


class Ended(Exception):
    """
    The steps of a notification end here. `sick`: the target did not answer, or says that it can't: counts for its circuit breaker. `asked` False: the target
    was not asked at all.
    """

    def __init__(self, verdict: Verdict, note: str, delay: float = 0.0, sick: bool = False, asked: bool = True) -> None:
        super().__init__(note)
        self.verdict, self.note, self.delay, self.sick, self.asked = verdict, note, delay, sick, asked


class HandlerStopped(Exception):
    """The handler must not go on: the vendor refuses its log-in. The text says why."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a notification is tried, and how long it waits between: `first` seconds, then twice as long each time up to `longest`."""

    attempts: int = 20
    first: float = 10.0
    longest: float = 3600.0

    def delay(self, attempts: int, wish: float, chance: Callable[[], float]) -> float:
        """Seconds to the next attempt after so many, spread by a quarter (`chance` from 0 to 1) so that not all come at once; never before `wish`."""
        pause = min(self.first * (1 << min(attempts - 1, 30)), self.longest)
        return max(pause * (0.75 + chance() / 2), wish)


def passes(handler: EventHandler, request: Request, fault: str) -> bool:
    """Whether the steps go on with an answer that has this fault."""
    return not fault or fault in request.accepts or fault in handler.harmless


def judge(handler: EventHandler, request: Request, reply: Reply, now: datetime) -> None:
    """Let an answer pass to the handler's steps. Errors: `Ended` with the verdict, `HandlerStopped`; whatever the handler's own `fault` raises."""
    fault = handler.fault(reply)
    if passes(handler, request, fault):
        return
    note = f"{request.target or 'the vendor'} answered {fault}"
    if fault in handler.credentials_refused:
        raise HandlerStopped(f"name or password is refused ({fault}): correct them, then enable the handler again")
    if fault in handler.dropped:
        raise Ended(Verdict.DROPPED, note)
    if fault == PAGE or fault in handler.busy or reply.status in TRIED_AGAIN:
        raise Ended(Verdict.RETRY, note, retry_after(reply, now), sick=reply.status >= 500)
    raise Ended(Verdict.PARKED, note)


def retry_after(reply: Reply, now: datetime) -> float:
    """Seconds that the Retry-After header asks for (RFC 9110 10.2.3), 0 where there is none that can be read."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        wish = float(text[:9])
    else:
        try:
            wish = (parsedate_to_datetime(text) - now).total_seconds()
        except (TypeError, ValueError):
            return 0.0
    return min(max(wish, 0.0), LONGEST_WISH)
