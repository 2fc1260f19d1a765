"""
The watchdog of RFC 3539 3.4.1 as one table; the comments beside its rows are the RFC's.

It says what *we* may send to a peer: in SUSPECT and REOPEN no requests of ours. What a peer in REOPEN asks
is served, though the RFC has it thrown away: a client reads silence as an outage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, IntEnum, auto
from types import MappingProxyType
from typing import Final

#: The least Tw (RFC 3539 3.4.1), and how far jitter may move it, in seconds.
LEAST_TW: Final = 6.0
JITTER: Final = 2.0
#: Answers that a peer which was down must give before it is trusted (RFC 3539 3.4.1).
_TRUSTED: Final = 3


class Health(IntEnum):
    """RFC 3539 3.4.1."""

    INITIAL = auto()
    OKAY = auto()
    SUSPECT = auto()
    DOWN = auto()
    REOPEN = auto()


class Duty(Enum):
    """What the peer is to do for its watchdog."""

    SEND_DWR = auto()
    CLOSE = auto()


class _Input(IntEnum):
    UP = auto()
    ANSWER = auto()
    TRAFFIC = auto()
    TIMER = auto()
    LOST = auto()


class Watchdog:
    """
    One peer's.

    :ivar health: the RFC's STATUS.
    :ivar pending: a DWR is not answered yet.
    :ivar deadline: when :meth:`expired` is to be called, in the caller's seconds; None while there is no
        connection.
    """

    __slots__ = ("_answers", "_jitter", "_tw", "deadline", "health", "pending")

    def __init__(self, tw: float, jitter: Callable[[], float]) -> None:
        """
        :param tw: seconds of silence after which a DWR is sent, and again how long its answer may take.
        :param jitter: gives -2 to 2 seconds (RFC 3539 3.4.1), for all peers not to be asked at once.
        :raises ValueError: for a Tw under 6 s.
        """
        if tw < LEAST_TW:
            raise ValueError(f"a watchdog of {tw} s is under the {LEAST_TW} s of RFC 3539")
        self._tw = tw
        self._jitter = jitter
        self._answers = 0
        self.health = Health.INITIAL
        self.pending = False
        self.deadline: float | None = None

    def up(self, now: float) -> list[Duty]:
        """The connection is open; after one that was lost the peer is on trial."""
        return self._step(_Input.UP, now)

    def answered(self, now: float) -> list[Duty]:
        """A DWA came."""
        self.pending = False
        return self._step(_Input.ANSWER, now)

    def heard(self, now: float) -> list[Duty]:
        """Anything else came."""
        return self._step(_Input.TRAFFIC, now)

    def expired(self, now: float) -> list[Duty]:
        """The deadline has passed."""
        return self._step(_Input.TIMER, now)

    def lost(self) -> None:
        """The connection is gone."""
        self.health, self.pending, self.deadline = Health.DOWN, False, None

    def ask(self) -> list[Duty]:
        """A DWR before its time, unless one is under way."""
        if self.pending:
            return []
        self.pending = True
        return [Duty.SEND_DWR]

    def _step(self, entered: _Input, now: float) -> list[Duty]:
        """One row of the table."""
        if entered is not _Input.UP and self.deadline is None:
            return []
        step = _ROWS.get((self.health, entered))
        if step is None:
            return []
        # What a peer on trial sends does not move its timer, answers neither: the next DWR goes out after Tw.
        if self.health is not Health.REOPEN or entered is _Input.TIMER:
            self.deadline = now + self._tw + self._jitter()
        return step(self)

    def _opened(self) -> list[Duty]:
        self.health, self.pending = Health.OKAY, False
        return []

    def _reopened(self) -> list[Duty]:
        self.health, self._answers = Health.REOPEN, 0
        return self.ask()

    def _well(self) -> list[Duty]:
        self.health = Health.OKAY
        return []

    def _trial(self) -> list[Duty]:
        self._answers += 1
        if self._answers >= _TRUSTED:
            self.health = Health.OKAY
            return []
        return []

    def _silent(self) -> list[Duty]:
        if self.pending:
            self.health = Health.SUSPECT
            return []
        return self.ask()

    def _dead(self) -> list[Duty]:
        return [Duty.CLOSE]

    def _untrusted(self) -> list[Duty]:
        if not self.pending:
            return self.ask()
        if self._answers < 0:
            return [Duty.CLOSE]
        self._answers = -1
        return []

    def _nothing(self) -> list[Duty]:
        return []


_H, _I = Health, _Input
_ROWS: Final[Mapping[tuple[Health, _Input], Callable[[Watchdog], list[Duty]]]] = MappingProxyType(
    {
        # STATE         Event                Actions                 New State
        # INITIAL       Connection up        SetWatchdog()           OKAY
        (_H.INITIAL, _I.UP): Watchdog._opened,
        # DOWN          Connection up        NumDWA = 0              REOPEN
        #                                    SendWatchdog()
        #                                    Pending = TRUE
        (_H.DOWN, _I.UP): Watchdog._reopened,
        # OKAY          Receive DWA          Pending = FALSE         OKAY
        # OKAY          Receive non-DWA      SetWatchdog()           OKAY
        (_H.OKAY, _I.ANSWER): Watchdog._nothing,
        (_H.OKAY, _I.TRAFFIC): Watchdog._nothing,
        # SUSPECT       Receive DWA          Pending = FALSE         OKAY
        #                                    Failback()
        # SUSPECT       Receive non-DWA      Failback()              OKAY
        (_H.SUSPECT, _I.ANSWER): Watchdog._well,
        (_H.SUSPECT, _I.TRAFFIC): Watchdog._well,
        # REOPEN        Receive DWA          Pending = FALSE         REOPEN, or
        #                                    NumDWA++                OKAY at the third  (no SetWatchdog)
        (_H.REOPEN, _I.ANSWER): Watchdog._trial,
        # REOPEN        Receive non-DWA      Throwaway()             REOPEN  (not by us, see above)
        (_H.REOPEN, _I.TRAFFIC): Watchdog._nothing,
        # OKAY          Timer expires, not   SendWatchdog()          OKAY
        #               Pending              Pending = TRUE
        # OKAY          Timer expires,       Failover()              SUSPECT
        #               Pending
        (_H.OKAY, _I.TIMER): Watchdog._silent,
        # SUSPECT       Timer expires        CloseConnection()       DOWN
        (_H.SUSPECT, _I.TIMER): Watchdog._dead,
        # REOPEN        Timer expires, not   SendWatchdog()          REOPEN
        #               Pending              Pending = TRUE
        # REOPEN        Timer expires,       NumDWA = -1             REOPEN
        #               Pending, NumDWA >= 0
        # REOPEN        Timer expires,       CloseConnection()       DOWN
        #               Pending, NumDWA < 0
        (_H.REOPEN, _I.TIMER): Watchdog._untrusted,
    }
)
