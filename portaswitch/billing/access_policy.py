"""The chooser: which level of an access policy holds at a moment, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from portaswitch.billing.local_time import matches, next_change
from portaswitch.model.access_policy import AccessPolicy, Level, LevelName, Phase, PolicyState, Speed
from portaswitch.model.value import dataclass

LOOK_AHEAD: Final = timedelta(days=31)
"""How far `until` is looked for: no session is granted more in one go."""

FRESH: Final = timedelta(days=1)
"""How long an answer without a turn in sight is remembered."""

MOST_TURNS: Final = 64
"""Changes of phase without a change of level that are passed over in search of one."""

MOST_KEPT: Final = 10_000
UNLIMITED: Final = Speed()


@dataclass(frozen=True, slots=True)
class Stretch:
    """The level of a policy from one moment to another, before which no phase begins or ends."""

    policy: AccessPolicy
    begin: datetime
    end: datetime
    level: Level


#: The stretch that was last asked for, by policy and zone: a search among phases takes half a millisecond, and thousands of sessions begin in one stretch.
_kept: dict[tuple[int, str], Stretch] = {}


def level_of(policy: AccessPolicy, at: datetime, zone: ZoneInfo, state: PolicyState = PolicyState.NORMAL) -> Level:
    """
    The level of `policy` at `at` (aware UTC) for a subscriber whose customer lives in `zone`.

    Without quota it is the exceeded level, whatever the time; without funds the blocked one where the policy has a portal, else the exceeded one.
    `until` None: the level holds for 30 days at least.
    """
    if state is not PolicyState.NORMAL:
        hotline = state is PolicyState.NO_FUNDS and policy.portal
        return _level(policy, LevelName.BLOCKED if hotline else policy.exceeded_level, "", None)
    if not policy.phases:
        return _level(policy, policy.default_level, "", None)
    key = policy.i_access_policy, zone.key
    known = _kept.get(key)
    if known is not None and known.policy is policy and known.begin <= at < known.end:
        return known.level
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    found = _kept[key] = _stretch(policy, at, zone)
    return found.level


def _stretch(policy: AccessPolicy, at: datetime, zone: ZoneInfo) -> Stretch:
    phase = _phase(policy, at, zone)
    turn, until = _turns(policy, at, zone, phase)
    return Stretch(policy, at, turn or at + FRESH, _level(policy, _name(policy, phase), phase.name if phase is not None else "", until))


def _level(policy: AccessPolicy, name: LevelName, phase: str, until: datetime | None) -> Level:
    speed = policy.speeds.get(name, UNLIMITED)
    attributes = tuple([attribute for attribute in policy.attributes if attribute.level in (None, name)])
    return Level(name, speed.upload, speed.download, attributes, phase, until)


def _phase(policy: AccessPolicy, at: datetime, zone: ZoneInfo) -> Phase | None:
    """The first phase whose period has the moment."""
    for phase in policy.phases:
        if matches(phase.period, at, zone):
            return phase
    return None


def _name(policy: AccessPolicy, phase: Phase | None) -> LevelName:
    return policy.default_level if phase is None else phase.level


def _turns(policy: AccessPolicy, at: datetime, zone: ZoneInfo, phase: Phase | None) -> tuple[datetime | None, datetime | None]:
    """When a phase begins or ends next, and when that makes another level than that of `phase`."""
    name, last, first = _name(policy, phase), at + LOOK_AHEAD, None
    for _ in range(MOST_TURNS):
        found = [turn for other in policy.phases if (turn := next_change(other.period, at, zone, last - at)) is not None]
        if not found:
            return first, None
        at = min(found)
        first = first or at
        if _name(policy, _phase(policy, at, zone)) is not name:
            break
    return first, at
