"""
The runner of session tasks: what the server has to tell its nodes, from the table to the wire and back (DESIGN.md 5.7).

    a pass:  write what is settled > claim what is due, as much as each node may get now > send; nothing waits for an answer
    answer:  done | failed | again, later                                                (written by the next pass)

A node gets at most `rate` requests a second and `window` at once; one that is silent gets one at a time until it answers, so that a dead node
costs the others nothing. A process that is killed leaves leases behind: they run out, and the tasks are sent again, which is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.interfaces.tasks import ITasks
from portaswitch.metrics import Counter
from portaswitch.model.session_task import Claim, Outcome, SessionTask, Settled

TASKS = Counter("portaswitch_session_tasks_total", "What became of session tasks, attempt by attempt", ("kind", "result"))
#: Requests under way to one node, where its pacing does not say otherwise, and to all.
WINDOW: Final = 32
MOST_UNDER_WAY: Final = 1024
#: Seconds to the second attempt of a task, and the most between two.
FIRST_DELAY, LONGEST_DELAY = 30, 600

@dataclass(frozen=True, slots=True)
class Pacing:
    """
    Requests a second to one node (and at once, after a pause), attempts of a task in all (None: until it expires), and requests under way to one node.
    """

    rate: int = 50
    attempts: int | None = 5
    window: int = WINDOW


@dataclass(slots=True)
class _Pace:
    """How much one node may get: tokens of a bucket, as of a time, and requests under way of those that its window lets through."""

    tokens: float
    at: float
    under_way: int = 0
    window: int = WINDOW  # less while it is silent


class NotNow(Exception):
    """A task can't be sent now, but may be later; the text says why."""


class Never(Exception):
    """A task can't be sent, now or later; the text says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an attempt came to, and what the node said; `silent`: nothing, so that it gets one request at a time until it answers."""

    outcome: Outcome
    note: str = ""
    silent: bool = False


class Teller(Protocol):
    """The wire that tasks go over: `radius_tasks.RadiusTeller`, `accounting_copies.CopyTeller`, `diameter_push.DiameterTeller`."""

    def reachable(self) -> frozenset[int] | None:
        """The nodes that can be told something by this process (i_node); None: all."""

    def tell(self, task: SessionTask) -> Deferred[Verdict]:
        """Send the task's request; fires with what came of it, in bounded time. Cancelling forgets it. Raises NotNow, Never."""


class TaskRunner:
    """Runs the tasks of a teller's kinds, which `tasks` claims. `clock` has `seconds()`."""

    _log = Logger()

    def __init__(self, tasks: ITasks, teller: Teller, clock: Any, pacing: Pacing) -> None:
        self._tasks, self._teller, self._clock, self._pacing = tasks, teller, clock, pacing
        self._paces: dict[int, _Pace] = {}
        self._asked: dict[int, Deferred[Any]] = {}
        self._settled: list[Settled] = []

    async def run(self) -> None:
        """One pass. Errors of the database end it; what was to be written is written by a later one."""
        await self._write()
        limit = MOST_UNDER_WAY - len(self._asked)
        if limit <= 0:
            return
        rooms, room, reachable = self._rooms(), min(self._pacing.rate, self._pacing.window), self._teller.reachable()
        if reachable is not None:
            if not reachable:
                return
            rooms, room = {i_node: rooms.get(i_node, room) for i_node in reachable}, 0
        claim = await self._tasks.claim(rooms, room, limit)
        self._count(claim)
        for task in claim.tasks:
            self._begin(task)

    async def stop(self) -> None:
        """Give back what is under way, so that another process can send it at once, and write what is settled."""
        for asked in tuple(self._asked.values()):
            asked.cancel()
        try:
            await self._write()
        except Exception as error:  # the leases run out by themselves
            self._log.warn("what became of session tasks could not be written, they are sent again: {error}", error=str(error).strip())

    async def _write(self) -> None:
        batch, self._settled = self._settled, []
        if not batch:
            return
        try:
            await self._tasks.settle(batch)
        except BaseException:
            self._settled = batch + self._settled
            raise

    @staticmethod
    def _count(claim: Claim) -> None:
        for result, counts in (("gone", claim.gone), ("expired", claim.expired)):
            for kind, count in counts.items():
                TASKS.inc(kind.value, result, by=count)

    # -- pacing -----------------------------------------------------------------------------------------------------------------------------------

    def _rooms(self) -> dict[int, int]:
        """What each node that was asked lately may get now; those that may get all are forgotten."""
        now, rate = self._clock.seconds(), self._pacing.rate
        for i_node, pace in tuple(self._paces.items()):
            pace.tokens, pace.at = min(rate, pace.tokens + (now - pace.at) * rate), now
            if pace.tokens == rate and not pace.under_way and pace.window == self._pacing.window:
                del self._paces[i_node]
        return {i_node: max(0, min(int(pace.tokens), pace.window - pace.under_way)) for i_node, pace in self._paces.items()}

    def _pace(self, i_node: int) -> _Pace:
        pace = self._paces.get(i_node)
        if pace is None:
            pace = self._paces[i_node] = _Pace(self._pacing.rate, self._clock.seconds(), window=self._pacing.window)
        return pace

    # -- one task ---------------------------------------------------------------------------------------------------------------------------------

    def _begin(self, task: SessionTask) -> None:
        stale = self._asked.get(task.i_task)
        if stale is not None:  # our own lease ran out (a database that was away long): the new attempt takes over
            stale.cancel()
        try:
            asked = self._teller.tell(task)
        except NotNow as error:
            self._settle(task, Outcome.AGAIN, str(error))
            return
        except (Never, ValueError) as error:
            self._settle(task, Outcome.FAILED, str(error))
            return
        pace = self._pace(task.i_node)
        pace.tokens -= 1
        pace.under_way += 1
        self._asked[task.i_task] = asked
        _ = asked.addCallbacks(lambda verdict: self._answered(task, verdict), lambda failure: self._broken(task, failure)).addErrback(self._defect)

    def _answered(self, task: SessionTask, verdict: Verdict) -> None:
        self._over(task, 1 if verdict.silent else self._pacing.window)
        self._settle(task, verdict.outcome, verdict.note)

    def _broken(self, task: SessionTask, failure: Failure) -> None:
        """Cancelled, or a defect of ours: somebody tries again."""
        self._over(task, self._pace(task.i_node).window)
        if failure.check(CancelledError) is None:
            self._log.failure("a session task broke", failure)
            self._settle(task, Outcome.AGAIN, f"a defect: {failure.getErrorMessage()}")
            return
        self._settled.append(Settled(task, Outcome.AGAIN, "given back by a process that stopped"))

    def _defect(self, failure: Failure) -> None:
        self._log.failure("an answer to a session task could not be used", failure)

    def _over(self, task: SessionTask, window: int) -> None:
        self._asked.pop(task.i_task, None)
        pace = self._pace(task.i_node)
        pace.under_way -= 1
        pace.window = window

    def _settle(self, task: SessionTask, outcome: Outcome, note: str = "") -> None:
        if outcome is Outcome.AGAIN and self._pacing.attempts is not None and task.attempts >= self._pacing.attempts:
            outcome = Outcome.FAILED
        TASKS.inc(task.kind.value, outcome.value)
        if outcome is Outcome.FAILED:
            self._log.warn("{kind} of session {session} failed: {note}", kind=task.kind.value, session=task.session_key, note=note)
        doubled = min(task.attempts - 1, 10)  # a power of a count from the table has to have a bound
        delay = min(FIRST_DELAY << doubled, LONGEST_DELAY) if outcome is Outcome.AGAIN else 0
        self._settled.append(Settled(task, outcome, note, delay))
