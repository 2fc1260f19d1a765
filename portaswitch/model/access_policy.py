"""Internet access policies: which speed when, what happens without quota or funds, and the attributes that go with each level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from portaswitch.model.period import Period
from portaswitch.model.value import dataclass


class LevelName(StrEnum):
    """The four levels of service that a policy knows."""

    REGULAR = "regular"
    TURBO = "turbo"
    LIMITED = "limited"
    BLOCKED = "blocked"


class PolicyState(StrEnum):
    """What a subscriber's quota and funds say when a level is chosen."""

    NORMAL = "normal"
    EXCEEDED = "exceeded"  # the quota is used up
    NO_FUNDS = "no funds"


@dataclass(frozen=True, slots=True)
class Speed:
    """The speed of a level in bit/s, seen from the subscriber; None: unlimited."""

    upload: int | None = None
    download: int | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """The times in which another level than the default one holds; where phases overlap the one of the lowest `order` does."""

    name: str
    period: Period
    level: LevelName
    order: int = 0


@dataclass(frozen=True, slots=True)
class PolicyAttribute:
    """
    An attribute for network elements, in the group of one vendor or wire ('radius_response', 'lte' ...). `operator`: = adds where there is none, += adds one
    more, := replaces (spec/radius.yaml, response_templates). `level` None: of every level.
    """

    level: LevelName | None
    group: str
    name: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """
    A compiled policy, phases in the order they are tried.

    `portal`: the URL where blocked subscribers are sent ('' none: they are refused). `interim`: seconds between accounting messages; `idle_timeout`: seconds
    without traffic after which the NAS ends the session (None: its own rule). `pdn_context_id` of mobile cores.
    """

    i_access_policy: int
    i_env: int
    name: str
    default_level: LevelName = LevelName.REGULAR
    exceeded_level: LevelName = LevelName.LIMITED
    portal: str = ""
    interim: int = 600
    idle_timeout: int | None = None
    pdn_context_id: int | None = None
    phases: tuple[Phase, ...] = ()
    speeds: Mapping[LevelName, Speed] = field(default_factory=dict)
    attributes: tuple[PolicyAttribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Level:
    """
    The level that holds: speeds in bit/s (None: unlimited), the attributes that go with it, the name of the phase it comes by ('' none), and when another
    one begins (aware UTC; None: not within the time that was looked at).
    """

    name: LevelName
    upload: int | None
    download: int | None
    attributes: tuple[PolicyAttribute, ...]
    phase: str = ""
    until: datetime | None = None
