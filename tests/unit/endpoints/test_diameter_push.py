"""RAR and ASR: what is said, to which host, and what becomes of the answers."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.diameter import REFUSED
from portaswitch.endpoints.diameter_push import PATIENCE, DiameterTeller
from portaswitch.endpoints.tasks import Never, NotNow, Verdict
from portaswitch.model.session_task import Outcome, SessionTask, TaskKind
from portaswitch.wire.diameter.message import Message, Pair
from tests.unit.endpoints.diameter_world import PGW, REALM, Caller, World, ccr, request


def task(kind: TaskKind = TaskKind.RAR, i_node: int = 1, i_env: int = 1, session: str = "pgw.example.com;1;2", **arguments: Any) -> SessionTask:
    """A task of a session."""
    return SessionTask(7, kind, i_env, i_node, f"{i_node}/{session}", arguments, 1, {"session": session})


def of(host: str, i_node: int, session: str = "s", realm: str = REALM) -> SessionTask:
    """A Re-Auth for a session whose CCR-I had this Origin-Host and Origin-Realm."""
    return SessionTask(7, TaskKind.RAR, 1, i_node, f"{i_node}/{session}", {}, 1, {"session": session, "origin_host": host, "origin_realm": realm})


class PushTests(SynchronousTestCase):
    """One connected peer."""

    def setUp(self) -> None:
        """It, and a teller."""
        self.world = World()
        self.caller = self.world.open()
        self.teller = DiameterTeller(self.world.endpoint, self.world.clock)

    def answer(self, caller: Caller, result: int) -> Message:
        """The peer answers; gives what it was asked."""
        (asked,) = caller.read()
        body: list[Pair] = [("Session-Id", asked.text("Session-Id") or ""), ("Result-Code", result), ("Origin-Host", PGW), ("Origin-Realm", "example.com")]
        caller.say(request(asked.code, body, 4, asked.hop_by_hop, asked.end_to_end, 0x40 | (0x20 if result < 4000 and result > 3000 else 0)))
        return asked

    def told(self, asked: Deferred[Verdict]) -> tuple[Outcome, str, bool]:
        """What came of it."""
        verdict = self.successResultOf(asked)
        return verdict.outcome, verdict.note, verdict.silent

    def test_reachable(self) -> None:
        """Who is connected."""
        self.assertEqual(self.teller.reachable(), {1})
        self.caller.protocol.connectionLost()
        self.assertEqual(self.teller.reachable(), set())

    def test_what_is_said(self) -> None:
        """RAR of a session, of a rating group, of a sub-session; ASR."""
        asked = self.teller.tell(task(rating_group=100))
        rar = self.answer(self.caller, 2002)
        names = ("Session-Id", "Origin-Host", "Destination-Host", "Destination-Realm", "Auth-Application-Id", "Re-Auth-Request-Type", "Rating-Group")
        self.assertEqual([rar.get(name) for name in names], ["pgw.example.com;1;2", "ocs.example.com", PGW, "example.com", 4, 0, 100])
        self.assertEqual(self.told(asked), (Outcome.DONE, "", False))
        _ = self.teller.tell(task(session="s;sub=9"))
        (rar,) = self.caller.read()
        self.assertEqual((rar.get("Session-Id"), rar.get("CC-Sub-Session-Id")), ("s", 9))
        _ = self.teller.tell(task(TaskKind.ASR))
        (asr,) = self.caller.read()
        self.assertEqual((asr.code, asr.get("Re-Auth-Request-Type")), (274, None))

    def test_answers(self) -> None:
        """Success and a session that is gone are done; what passes is tried again; all else is final, with its word."""
        outcomes = {
            2001: (Outcome.DONE, ""), 2002: (Outcome.DONE, ""), 5002: (Outcome.DONE, ""), 3004: (Outcome.AGAIN, "RAA 3004 (DIAMETER_TOO_BUSY)"),
            3002: (Outcome.AGAIN, "RAA 3002 (DIAMETER_UNABLE_TO_DELIVER)"), 5012: (Outcome.AGAIN, "RAA 5012 (DIAMETER_UNABLE_TO_COMPLY)"),
            3001: (Outcome.FAILED, "RAA 3001 (DIAMETER_COMMAND_UNSUPPORTED)"), 5999: (Outcome.FAILED, "RAA 5999"),
        }  # fmt: skip
        for result, (outcome, note) in outcomes.items():
            asked = self.teller.tell(task())
            self.answer(self.caller, result)
            self.assertEqual(self.told(asked), (outcome, note, False))

    def test_silence(self) -> None:
        """No answer in time, and a late one that nobody waits for; a connection that goes."""
        asked = self.teller.tell(task())
        self.world.clock.advance(PATIENCE)
        self.assertEqual(self.told(asked), (Outcome.AGAIN, "no answer in 10 s", True))
        self.assertEqual(self.world.endpoint._node.peers[PGW].requests, {})
        late = REFUSED.get("5012")
        self.answer(self.caller, 2001)
        self.assertEqual(REFUSED.get("5012"), late + 1)
        asked = self.teller.tell(task())
        self.caller.protocol.connectionLost()
        self.assertEqual(self.told(asked)[:1], (Outcome.AGAIN,))

    def test_not_now_and_never(self) -> None:
        """A node that is away or of another environment: later; a session without its id: never."""
        self.assertRaises(NotNow, self.teller.tell, task(i_node=5))
        self.assertRaises(NotNow, self.teller.tell, task(i_env=2))
        self.assertRaises(Never, self.teller.tell, task(session=""))
        self.assertRaises(Never, self.teller.tell, task(session="sha256:00"))

    def test_host_of_a_realm(self) -> None:
        """The host that the Session-Id names; else any."""
        callers = [self.world.open(f"{name}.{REALM}", REALM) for name in ("a", "b")]
        _ = self.teller.tell(task(i_node=2, session=f"b.{REALM};1;2"))
        self.assertEqual([len(caller.read()) for caller in callers], [0, 1])
        _ = self.teller.tell(task(i_node=2, session="elsewhere;1;2"))
        self.assertEqual(sum(len(caller.read()) for caller in callers), 1)

    def test_host_of_its_facts(self) -> None:
        """The host of the CCR-I, as it called itself, whatever the Session-Id begins with; where it is not here, no other one: its 5002 means nothing."""
        callers = [self.world.open(f"{name}.{REALM}", REALM) for name in ("a", "b")]
        _ = self.teller.tell(of(f"B.{REALM}", 2, f"a.{REALM};1;2"))
        (rar,) = callers[1].read()
        self.assertEqual((rar.get("Destination-Host"), rar.get("Destination-Realm")), (f"B.{REALM}", REALM))
        callers[1].protocol.connectionLost()
        self.assertRaises(NotNow, self.teller.tell, of(f"b.{REALM}", 2, f"a.{REALM};1;2"))
        self.assertEqual(callers[0].read(), [])

    def test_host_behind_an_agent(self) -> None:
        """By its agent under its own names, of several the right one; also where the agent is all that is known of the way."""
        self.caller.say(ccr(1, Origin_Host="x.example.org", Origin_Realm="example.org"), ccr(2, Origin_Host="y.example.org", Origin_Realm="example.org"))
        for host in ("x.example.org", "y.example.org", "forgotten.example.org"):
            _ = self.teller.tell(of(host, 1, "x.example.org;1;2", "example.org"))
            (rar,) = self.caller.read()
            self.assertEqual((rar.get("Destination-Host"), rar.get("Destination-Realm")), (host, "example.org"))
