"""The sizes and times of the core."""

from __future__ import annotations

from dataclasses import dataclass

#: Milliseconds that what has no company waits for a landing; as a rule it is one or two, but a batch may wait for a lock.
LONG = 20
#: A request turned back that often meets a defect, not a race.
MOST_TRIES = 50


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Sizes and times of the core (configuration section `limits`); seconds, numbers of members, requests and entries. `password_tries`: wrong passwords from one
    source for one account within `password_window` seconds; 0 any number. `company`: accounts that are worth a further batch beside one that is on its way.
    """

    batch: int = 32
    flights: int = 2
    waiting: int = 4096
    timeout: float = 2
    cache_accounts: int = 200_000
    cache_sessions: int = 200_000
    password_tries: int = 10
    password_window: float = 60
    company: int = 8


DEFAULTS = Limits()
