"""
Session tasks over Diameter: Re-Auth-Request and Abort-Session-Request to the peer that has the session (RFC 8506 5.5, RFC 6733 8.3 and 8.5).

    rar  "ask again for this session": 2001 or 2002, and a CCR-U follows that gets what holds now      asr  "end it": a CCR-T follows
    5002 the peer knows no such session any more: done      no answer: once more, then what was granted runs out by its Validity-Time

Only the process that holds the connection can say it, so each claims the tasks of the nodes that it can reach (`tasks.TaskRunner`).
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred, TimeoutError
from twisted.python.failure import Failure

from portaswitch.endpoints.diameter import DiameterEndpoint
from portaswitch.endpoints.diameter_peers import DiameterPeer
from portaswitch.endpoints.tasks import Never, NotNow, Verdict
from portaswitch.metrics import Counter
from portaswitch.model.session_task import Outcome, SessionTask, TaskKind
from portaswitch.wire.diameter.definitions import PROXIABLE, REQUEST
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.faults import Result
from portaswitch.wire.diameter.message import Message, Pair

PUSHED = Counter("portaswitch_diameter_pushed_total", "Re-Auth and Abort-Session requests settled, by the answer's Result-Code", ("kind", "result"))

#: Seconds that an answer may take.
PATIENCE: Final = 10.0
CREDIT_CONTROL: Final = 4
#: Commands, and how the answers are called.
COMMANDS: Final = {TaskKind.RAR: (258, "RAA"), TaskKind.ASR: (274, "ASA")}
#: Result-Codes that are as good as done: success, LIMITED_SUCCESS (a CCR follows), UNKNOWN_SESSION_ID.
DONE: Final = frozenset((2001, 2002, 5002))
#: Result-Codes that pass: the peer, or an agent on the way, could not now.
PASSING: Final = frozenset((int(Result.UNABLE_TO_DELIVER), int(Result.TOO_BUSY), int(Result.UNABLE_TO_COMPLY)))


class DiameterTeller:
    """Implements `tasks.Teller` with the connections of an endpoint; `clock` runs its patience."""

    def __init__(self, endpoint: DiameterEndpoint, clock: Any) -> None:
        self._endpoint, self._clock = endpoint, clock

    def reachable(self) -> frozenset[int] | None:
        """The nodes that are connected to this process, and trusted by the watchdog."""
        return frozenset(self._endpoint.ready())

    def tell(self, task: SessionTask) -> Deferred[Verdict]:
        """See `tasks.Teller.tell`."""
        code, name = COMMANDS[task.kind]
        peer = self._peer(task)
        try:
            asked = self._endpoint.ask(peer.origin_host, REQUEST | PROXIABLE, code, CREDIT_CONTROL, body(task, peer))
        except LookupError as error:
            raise NotNow(str(error)) from error
        answered = asked.addTimeout(PATIENCE, self._clock)
        return answered.addCallbacks(lambda message: _verdict(task, name, message), lambda failure: _late(task, failure))

    def _peer(self, task: SessionTask) -> DiameterPeer:
        """
        By which host the one is reached that has the session. Its facts name that one where the node doesn't: it, or the node's own host, an agent, whose other
        hosts may be forgotten, but no other one, to which the session would be unknown. Else the one that its id names (RFC 6733 8.8), or any of the node.
        """
        hosts = [peer for peer in self._endpoint.hosts(task.i_node) if peer.i_env == task.i_env]
        if not hosts:
            raise NotNow("its node is not connected to this process")
        named = {peer.origin_host: peer for peer in hosts}
        host = task.facts.get("origin_host", "").lower()
        if not host:
            return named.get(task.facts.get("session", "").partition(";")[0].lower(), hosts[0])
        found = named.get(host) or named.get(hosts[0].node.origin_host)
        if found is None:
            raise NotNow(f"{host}, which has the session, is not connected to this process")
        return found


def body(task: SessionTask, peer: DiameterPeer) -> list[Pair]:
    """The AVPs of a request that goes by this peer. Raises Never when the session's id is not known."""
    session = task.facts.get("session", "")
    if not session or session.startswith("sha256:"):
        raise Never("the Session-Id is not known: the session has none, or one too long to be kept")
    session, _, part = session.partition(";sub=")
    pairs: list[Pair] = [
        ("Session-Id", session), ("Origin-Host", peer.local.origin_host), ("Origin-Realm", peer.local.origin_realm),
        ("Destination-Realm", task.facts.get("origin_realm") or peer.origin_realm),
        ("Destination-Host", task.facts.get("origin_host") or peer.origin_host), ("Auth-Application-Id", CREDIT_CONTROL),
    ]  # fmt: skip
    if task.kind is TaskKind.ASR:
        return pairs
    pairs.append(("Re-Auth-Request-Type", "AUTHORIZE_ONLY"))
    for name, value in (("CC-Sub-Session-Id", part), ("Rating-Group", task.arguments.get("rating_group"))):
        if value not in ("", None):
            pairs.append((name, int(str(value))))
    return pairs


def _verdict(task: SessionTask, name: str, answer: Message | None) -> Verdict:
    """What an answer means; None: the connection went before it."""
    if answer is None:
        PUSHED.inc(task.kind.value, "lost")
        return Verdict(Outcome.AGAIN, "the connection was lost before the answer")
    result = answer.integer("Result-Code") or 0
    PUSHED.inc(task.kind.value, str(result))
    if result in DONE:
        return Verdict(Outcome.DONE)
    word = Dictionary.standard().word("Result-Code", result)
    outcome = Outcome.AGAIN if result in PASSING else Outcome.FAILED
    return Verdict(outcome, f"{name} {result}{f' ({word})' if word else ''}")


def _late(task: SessionTask, failure: Failure) -> Verdict:
    """No answer in time; one that still comes is to no request any more."""
    failure.trap(TimeoutError)
    PUSHED.inc(task.kind.value, "none")
    return Verdict(Outcome.AGAIN, f"no answer in {PATIENCE:g} s", silent=True)
