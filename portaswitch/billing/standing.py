"""
Where living Internet sessions stand: which of them have to end or to be told of another level of their access policy, while nobody asks (DESIGN.md 3.2, 5.7).

A session that was paid for and may not go on (blocked, suspended, another product or access policy) ends, so that its next log-in meets what is in force; so
does a hotline whose money has come. Where the timetable of a policy turns, its sessions are told the new level.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from portaswitch.billing.access_policy import MOST_TURNS, level_of
from portaswitch.model.access_policy import AccessPolicy, Level
from portaswitch.model.money import ZERO
from portaswitch.model.value import dataclass

#: How far back a turn is looked for; sessions that live through weeks of one level have been told of it long ago.
LOOK_BACK: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Standing:
    """
    A living session beside its account as it is now. `open_now`: account and customer are open and not blocked; `product` and `policy` (row ids, 0: none)
    are those of the account, `was_product` and `was_policy` those of the session's beginning (None: not known); `hotline`: the funds that a session
    without money began with, None for others; `funds` now, None without limit.
    """

    open_now: bool
    product: int
    was_product: int | None
    policy: int
    was_policy: int | None
    hotline: Decimal | None
    funds: Decimal | None


def must_end(seen: Standing) -> bool:
    """Whether the session has to end now."""
    if seen.hotline is not None:
        return seen.open_now and (seen.funds is None or seen.funds > max(seen.hotline, ZERO))
    same = seen.was_product in (None, seen.product) and seen.was_policy in (None, seen.policy)
    return not (seen.open_now and same)


def level_since(policy: AccessPolicy, at: datetime, zone: ZoneInfo) -> tuple[Level, datetime]:
    """The level at `at`, and since when it holds by the timetable; `LOOK_BACK` ago where there was no turn since."""
    begin = at - LOOK_BACK
    for _ in range(MOST_TURNS):
        level = level_of(policy, begin, zone)
        if level.until is None or level.until > at:
            break
        begin = level.until
    return level_of(policy, at, zone), begin


def words(level: Level) -> dict[str, Any]:
    """What a CoA says of a level, by the words of node profiles (docs/dynamic-authorization.rst); a direction without limit is not named."""
    speeds = {"speed_down": level.download, "speed_up": level.upload}
    return {"policy": level.name.value, **{word: speed for word, speed in speeds.items() if speed is not None}}
