"""
The runner of session tasks: what the server has to tell its RADIUS nodes, from the table to the wire and back (DESIGN.md 5.7).

    a pass:  write what is settled > claim what is due, as much as each node may get now > send; nothing waits for an answer
    answer:  done | failed | again, later                                                (written by the next pass)

A node gets at most `rate` requests a second and WINDOW at once; one that is silent gets one at a time until it answers, so that a dead node
costs the others nothing. A process that is killed leaves leases behind: they run out, and the tasks are sent again, which is harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.endpoints.clients import Clients
from portaswitch.endpoints.dynamic import Acked, DynamicAuthorization, Place, Refused, Result, Silent
from portaswitch.endpoints.error_causes import Law, law
from portaswitch.endpoints.profiles import Attributes, Profile, Unsayable
from portaswitch.interfaces.tasks import ITasks
from portaswitch.metrics import Counter
from portaswitch.model.catalogue import Node
from portaswitch.model.session_task import Claim, Outcome, SessionTask, Settled, TaskKind

TASKS = Counter("portaswitch_session_tasks_total", "What became of session tasks, attempt by attempt", ("kind", "result"))
#: Requests under way to one node, and to all.
WINDOW: Final = 32
MOST_UNDER_WAY: Final = 1024
#: Seconds to the second attempt of a task, and the most between two.
FIRST_DELAY, LONGEST_DELAY = 30, 600
#: The words of RFC 5176 for a refusal.
NAKS: Final = {TaskKind.COA: "CoA-NAK", TaskKind.POD: "Disconnect-NAK"}


@dataclass(frozen=True, slots=True)
class Pacing:
    """Requests a second to one node (and at once, after a pause), attempts of a task in all, and the port where neither node nor profile names one."""

    rate: int = 50
    attempts: int = 5
    port: int = 3799


@dataclass(slots=True)
class _Pace:
    """How much one node may get: tokens of a bucket, as of a time, and requests under way of those that its window lets through."""

    tokens: float
    at: float
    under_way: int = 0
    window: int = WINDOW


class NotNow(Exception):
    """A task can't be sent now, but may be later; the text says why."""


class TaskRunner:
    """Runs the tasks of kind coa and pod. `clients` gives the clients and nodes in force; `clock` has `seconds()`."""

    _log = Logger()

    def __init__(
        self,
        tasks: ITasks,
        dynamic: DynamicAuthorization,
        clients: Callable[[], Clients],
        profiles: Mapping[str, Profile],
        clock: Any,
        pacing: Pacing,
    ) -> None:
        self._tasks, self._dynamic, self._clients, self._profiles, self._clock, self._pacing = tasks, dynamic, clients, profiles, clock, pacing
        self._paces: dict[int, _Pace] = {}
        self._asked: dict[int, Deferred[Any]] = {}
        self._settled: list[Settled] = []

    async def run(self) -> None:
        """One pass. Errors of the database end it; what was to be written is written by a later one."""
        await self._write()
        limit = MOST_UNDER_WAY - len(self._asked)
        if limit <= 0:
            return
        claim = await self._tasks.claim(self._rooms(), min(self._pacing.rate, WINDOW), limit)
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
            if pace.tokens == rate and not pace.under_way and pace.window == WINDOW:
                del self._paces[i_node]
        return {i_node: max(0, min(int(pace.tokens), pace.window - pace.under_way)) for i_node, pace in self._paces.items()}

    def _pace(self, i_node: int) -> _Pace:
        pace = self._paces.get(i_node)
        if pace is None:
            pace = self._paces[i_node] = _Pace(self._pacing.rate, self._clock.seconds())
        return pace

    # -- one task ---------------------------------------------------------------------------------------------------------------------------------

    def _begin(self, task: SessionTask) -> None:
        stale = self._asked.get(task.i_task)
        if stale is not None:  # our own lease ran out (a database that was away long): the new attempt takes over
            stale.cancel()
        try:
            node, profile = self._node(task)
            place, secret = self._place(task, node, profile)
            asked = self._dynamic.ask(place, task.kind, _attributes(task, node, profile), secret)
        except NotNow as error:
            self._settle(task, Outcome.AGAIN, str(error))
            return
        except (Unsayable, ValueError) as error:
            self._settle(task, Outcome.FAILED, str(error))
            return
        pace = self._pace(task.i_node)
        pace.tokens -= 1
        pace.under_way += 1
        self._asked[task.i_task] = asked
        _ = asked.addCallbacks(lambda result: self._answered(task, profile, result), lambda failure: self._broken(task, failure)).addErrback(self._defect)

    def _node(self, task: SessionTask) -> tuple[Node, Profile]:
        node = self._clients().catalogue.nodes.get(task.i_node)
        if node is None or node.i_env != task.i_env:
            raise NotNow(f"the catalogue has no node {task.i_node} in environment {task.i_env}")
        profile = self._profiles.get(node.profile)
        if profile is None:
            raise Unsayable(f"node {node.name} has the profile {node.profile}, which is none of {', '.join(sorted(self._profiles))}")
        return node, profile

    def _place(self, task: SessionTask, node: Node, profile: Profile) -> tuple[Place, bytes]:
        """Where the request goes, and the secret: that of the RADIUS client of the address."""
        if not node.coa_address:
            raise Unsayable(f"node {node.name} takes no CoA and no Disconnect: it has no coa_address in the catalogue")
        client = self._clients().find(node.coa_address)
        if client is None or client.i_env != node.i_env:
            raise Unsayable(f"no radius_clients entry of environment {node.i_env} covers {node.coa_address}, the coa_address of node {node.name}")
        return (node.coa_address, node.coa_port or profile.port_for(task.kind) or self._pacing.port), client.secret

    def _answered(self, task: SessionTask, profile: Profile, result: Result) -> None:
        self._over(task, WINDOW if not isinstance(result, Silent) else 1)
        match result:
            case Acked():
                self._settle(task, Outcome.DONE)
            case Silent(reason):
                self._settle(task, Outcome.AGAIN, reason)
            case Refused(cause, word):
                why = "without Error-Cause" if cause is None else f"Error-Cause {cause}" if word in ("", str(cause)) else f"Error-Cause {cause} ({word})"
                outcome = {Law.DONE: Outcome.DONE, Law.FINAL: Outcome.FAILED, Law.LATER: Outcome.AGAIN}[law(cause, profile.success[task.kind])]
                self._settle(task, outcome, f"{NAKS[task.kind]} {why}")

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
        if outcome is Outcome.AGAIN and task.attempts >= self._pacing.attempts:
            outcome = Outcome.FAILED
        TASKS.inc(task.kind.value, outcome.value)
        if outcome is Outcome.FAILED:
            self._log.warn("{kind} of session {session} failed: {note}", kind=task.kind.value, session=task.session_key, note=note)
        doubled = min(task.attempts - 1, 10)  # a power of a count from the table has to have a bound
        delay = min(FIRST_DELAY << doubled, LONGEST_DELAY) if outcome is Outcome.AGAIN else 0
        self._settled.append(Settled(task, outcome, note, delay))


def _attributes(task: SessionTask, node: Node, profile: Profile) -> Attributes:
    """What the request says. Raises Unsayable."""
    facts = facts_of(task, node)
    found = profile.identify(facts)
    return found + profile.words(task.arguments, facts) if task.kind is TaskKind.COA else found


def facts_of(task: SessionTask, node: Node) -> dict[str, str]:
    """The facts that templates may use (`profiles.FACTS`): those of the session's row and of its node."""
    facts = {**task.facts, "nas_identifier": node.nas_identifier, "nas_ip": node.nas_ip, "node": node.name}
    session = facts.get("session", "")
    # A session's id is h323-conf-id unless it is another id that the node gave, or one that we made up for an Access-Request without any.
    if session not in (facts.get("acct_session_id"), facts.get("call_id")) and not session.startswith("auth-"):
        facts["h323_conf_id"] = session
    return facts
