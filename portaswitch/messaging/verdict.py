"""What the answers of a recipient's devices mean for the message (RFC 3261 21)."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from portaswitch.model.message import State

#: Refusals that say nothing of the message: the same one may be taken later.
PASSING = frozenset((401, 407, 408, 423, 429, 430, 480, 486, 487, 500, 502, 503, 504, 580, 600))
#: Seconds to the second attempt; each further wait is twice as long, up to the last.
FIRST, LAST = 30, 3600


def verdict(statuses: Sequence[int]) -> State:
    """
    One device that takes the message is enough. It has failed for good when each refuses it for good, or one does so for all (6xx); else it waits. A status
    of 0 is no answer; no statuses: there was nobody to ask.
    """
    if any(map(_taken, statuses)):
        return State.DELIVERED
    lasting = [status >= 300 and status not in PASSING for status in statuses]
    for_all = any(status > 600 for status in statuses)
    return State.FAILED if statuses and (for_all or all(lasting)) else State.WAITING


def outcome(asked: Sequence[Deferred[int]]) -> Deferred[list[int]]:
    """
    The statuses of all that were asked; or those that are there as soon as one has taken the message, whose sender need not wait until it is clear that another
    device is gone. At least one is asked; a failure is that of the first to fail.
    """
    done: Deferred[list[int]] = Deferred()
    statuses: list[int] = []

    def heard(status: int) -> None:
        statuses.append(status)
        if not done.called and (_taken(status) or len(statuses) == len(asked)):
            done.callback(list(statuses))

    def failed(failure: Failure) -> Failure | None:
        if done.called:
            return failure
        done.errback(failure)
        return None

    for one in asked:
        _ = one.addCallbacks(heard, failed)
    return done


def _taken(status: int) -> bool:
    return 200 <= status < 300


def pause(attempts: int) -> int:
    """Seconds until a message that could not be delivered in so many attempts is tried again."""
    return min(FIRST << min(max(attempts - 1, 0), 10), LAST)
