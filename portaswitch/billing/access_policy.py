"""The chooser: which level of an access policy holds at a moment, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from portaswitch.billing.local_time import matches, next_change
from portaswitch.model.access_policy import AccessPolicy, Level, LevelName, Phase, PolicyState, Speed

LOOK_AHEAD: Final = timedelta(days=31)
"""How far `until` is looked for: no session is granted more in one go."""

MOST_TURNS: Final = 64
"""Changes of phase without a change of level that are passed over in search of one."""

UNLIMITED: Final = Speed()


def level_of(policy: AccessPolicy, at: datetime, zone: ZoneInfo, state: PolicyState = PolicyState.NORMAL) -> Level:
    """
    The level of `policy` at `at` (aware UTC) for a subscriber whose customer lives in `zone`.

    Without quota it is the exceeded level, whatever the time; without funds the blocked one where the policy has a portal, else the exceeded one.
    """
    if state is not PolicyState.NORMAL:
        hotline = state is PolicyState.NO_FUNDS and policy.portal
        return _level(policy, LevelName.BLOCKED if hotline else policy.exceeded_level, "", None)
    phase = _phase(policy, at, zone)
    return _level(policy, _name(policy, phase), phase.name if phase is not None else "", _until(policy, at, zone))


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


def _until(policy: AccessPolicy, at: datetime, zone: ZoneInfo) -> datetime | None:
    """When the level changes: at the first beginning or end of a phase that really makes another level."""
    name, last = _name(policy, _phase(policy, at, zone)), at + LOOK_AHEAD
    for _ in range(MOST_TURNS):
        turns = [found for phase in policy.phases if (found := next_change(phase.period, at, zone, last - at)) is not None]
        if not turns:
            return None
        at = min(turns)
        if _name(policy, _phase(policy, at, zone)) is not name:
            return at
    return at
