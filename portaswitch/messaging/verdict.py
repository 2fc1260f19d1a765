"""What the answers of a recipient's devices mean for the message (RFC 3261 21)."""

from __future__ import annotations

from collections.abc import Sequence

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
    if any(200 <= status < 300 for status in statuses):
        return State.DELIVERED
    lasting = [status >= 300 and status not in PASSING for status in statuses]
    for_all = any(status > 600 for status in statuses)
    return State.FAILED if statuses and (for_all or all(lasting)) else State.WAITING


def pause(attempts: int) -> int:
    """Seconds until a message that could not be delivered in so many attempts is tried again."""
    return min(FIRST << min(max(attempts - 1, 0), 10), LAST)
