"""Handlers' steps, driven: what passes, what ends them, and that nothing of a foreign handler comes through."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.errors import LogInRefused, NotSendable, TransportFailed
from portaswitch.espf import interrupt
from portaswitch.espf.driver import MOST_STEPS, Drive
from portaswitch.espf.verdicts import Ended, HandlerStopped, Retries, retry_after
from portaswitch.handler import AssignAlias, FanOut, Http, LogIn, Reply, Soap, xml
from portaswitch.model.notification import Verdict
from tests.unit.espf.fakes import NOW, Acme, FakeTransport, wires

GET = Http("GET", "/")
Steps = Generator[Any, Any, None]


class DriverCase(SynchronousTestCase):
    """Drives scripts of the test."""

    def drive(self, script: Callable[[], Any], *answers: Any, handler: Acme | None = None) -> tuple[Drive, FakeTransport, Any]:
        """The drive, its transport and how it ended (None: well)."""
        transport = FakeTransport(answers)
        drive = Drive(wires(handler or Acme(), transport))
        ended: list[Any] = []
        _ = Deferred.fromCoroutine(drive.run(script)).addErrback(lambda failure: failure.value).addBoth(ended.append)
        return drive, transport, ended[0] if ended else "waits"

    def verdict(self, script: Callable[[], Any], *answers: Any) -> tuple[Verdict, str]:
        """How a script ends that does not end well."""
        _, _, end = self.drive(script, *answers)
        self.assertIsInstance(end, Ended)
        return end.verdict, end.note


class StepsTests(DriverCase):
    """What handlers yield."""

    def test_requests_and_effects(self) -> None:
        """The answer comes back to the step that asked; effects are gathered."""
        seen: list[Reply] = []

        def script() -> Steps:
            reply = yield GET
            seen.append(reply)
            yield AssignAlias("15550001")

        drive, transport, end = self.drive(script, Reply(200, "hello"))
        self.assertEqual((end, transport.sent, [reply.body for reply in seen]), (None, [GET], ["hello"]))
        self.assertEqual((drive.effects, drive.asked), ([AssignAlias("15550001")], 1))

    def test_bad_handlers_are_parked(self) -> None:
        """One that raises, yields nonsense, never ends, loops or is no generator: whatever it is, the engine goes on."""
        self.patch(interrupt, "STEP", 0.05)
        self.patch(interrupt.interrupted, "__defaults__", (0.05,))

        def raises() -> Steps:
            yield GET
            raise KeyError("iptv")

        def nonsense() -> Steps:
            yield {"method": "GET"}

        def endless() -> Steps:
            while True:
                yield GET

        def loops() -> Steps:
            yield GET
            while True:
                with contextlib.suppress(ArithmeticError):
                    pass

        def exits() -> Steps:
            yield GET
            raise StopIteration

        def twice() -> Steps:
            yield FanOut("Account/Blocked", "customer:1")
            yield FanOut("Account/Blocked", "customer:1")

        def again() -> Steps:
            try:
                yield {}
            finally:
                yield GET

        cases: list[tuple[Callable[[], Any], str]] = [
            (raises, "the handler raised KeyError: 'iptv' (test_driver.py, line "), (nonsense, "yields a dict"), (endless, f"{MOST_STEPS} steps"),
            (loops, "computes too long"), (exits, "RuntimeError"), (twice, "fans out twice"), (lambda: [GET], "no generator but list"),
            (again, "yields a dict"),
        ]  # fmt: skip
        for script, said in cases:
            verdict, note = self.verdict(script)
            self.assertEqual(verdict, Verdict.PARKED, said)
            self.assertIn(said, note)

    def test_unknown_target(self) -> None:
        """A request to a target that the handler does not have."""
        self.assertEqual(self.verdict(lambda: iter_of(Http("GET", "/", target="hss")))[0], Verdict.PARKED)


def iter_of(*yielded: Any) -> Steps:
    """Steps that yield these."""
    yield from (one for one in yielded)


class VerdictTests(DriverCase):
    """What answers mean."""

    def test_table(self) -> None:
        """Each answer with its verdict; None: the steps go on."""
        cases: list[tuple[Any, Verdict | None]] = [
            (Reply(200), None), (Reply(204), None), (Reply(409), None), (Reply(410), Verdict.DROPPED), (Reply(404), Verdict.PARKED),
            (Reply(401), Verdict.PARKED), (Reply(307), Verdict.PARKED), (Reply(408), Verdict.RETRY),
            (Reply(200, "\ufeff\n<!DOCTYPE html><p>repaired"), Verdict.RETRY), (Reply(200, "<HTML>"), Verdict.RETRY), (Reply(200, '["<html>"]'), None),
            (Reply(425), Verdict.RETRY),
            (Reply(429), Verdict.RETRY), (Reply(500), Verdict.RETRY), (Reply(503), Verdict.RETRY), (Reply(599), Verdict.RETRY),
            (Reply(0, fault="busy"), Verdict.RETRY), (Reply(0, fault="3001"), Verdict.PARKED), (TransportFailed("timeout"), Verdict.RETRY),
            (NotSendable("no XML"), Verdict.PARKED), (ValueError("a defect of the transport"), Verdict.PARKED),
        ]  # fmt: skip
        for answer, expected in cases:
            _, _, end = self.drive(lambda: iter_of(GET), answer)
            self.assertEqual(None if end is None else end.verdict, expected, str(answer))

    def test_accepted_faults_come_to_the_steps(self) -> None:
        """Even those that would be tried again."""
        seen = []

        def script() -> Steps:
            for _ in range(2):
                reply = yield Http("GET", "/", accepts=frozenset({"http 404", "http 503"}))
                seen.append(reply.status)

        self.assertIsNone(self.drive(script, Reply(404), Reply(503))[2])
        self.assertEqual(seen, [404, 503])

    def test_retry_after(self) -> None:
        """Seconds or a date (RFC 9110 10.2.3); nonsense is none, a wish beyond a day is a day."""
        cases = {"120": 120.0, "Sat, 31 Jan 2026 12:01:00 GMT": 60.0, "Sat, 31 Jan 2026 11:00:00 GMT": 0.0, "soon": 0.0, "": 0.0, "9" * 40: 86400.0, "-5": 0.0}
        for text, seconds in cases.items():
            self.assertEqual(retry_after(Reply(503, headers={"retry-after": text}), NOW), seconds, text)

    def test_pauses(self) -> None:
        """Twice as long each time up to a bound, spread by a quarter, never before what the vendor asks for."""
        retries = Retries(first=10, longest=100)
        self.assertEqual([retries.delay(n, 0.0, lambda: 0.5) for n in (1, 2, 3, 4, 5, 5000)], [10, 20, 40, 80, 100, 100])
        self.assertEqual([retries.delay(1, 0.0, chance) for chance in (lambda: 0.0, lambda: 1.0)], [7.5, 12.5])
        self.assertEqual(retries.delay(1, 300.0, lambda: 0.5), 300.0)


class Sessions(Acme):
    """With a log-in of its own: POST /login gives a key."""

    def log_in(self, target: str) -> Any:
        """One request."""
        reply = yield Http("POST", "/login")
        return {"key": reply.body}

    def logged_out(self, reply: Reply) -> bool:
        """The vendor's word for it."""
        return reply.body == "who are you?"


class Faulty(Acme):
    """The body of an answer is its fault, as the element of a SOAP fault would be."""

    harmless = frozenset({"exists"})
    dropped = frozenset({"gone"})

    def fault(self, reply: Reply) -> str:
        """The vendor's word."""
        return reply.body


class LogInTests(DriverCase):
    """Sessions are the engine's."""

    def script(self) -> Steps:
        """One request within a session."""
        yield from self.handler.call(lambda session: Http("GET", f"/{session['key']}"))

    def setUp(self) -> None:
        """A handler."""
        self.handler = Sessions()

    def test_kept_and_replaced(self) -> None:
        """A session is opened once, and once more when the vendor lost it."""
        transport = FakeTransport([Reply(200, "k1"), Reply(200), Reply(200), Reply(403, "who are you?"), Reply(200, "k2"), Reply(200)])
        ways = wires(self.handler, transport)
        for _ in range(3):
            self.successResultOf(Deferred.fromCoroutine(Drive(ways).run(self.script)))
        self.assertEqual([request.path for request in transport.sent], ["/login", "/k1", "/k1", "/k1", "/login", "/k2"])

    def test_opened_once_for_all(self) -> None:
        """Two that need it at the same time share one log-in."""
        waiting: Deferred[Reply] = Deferred()
        transport = FakeTransport([waiting])
        ways = wires(self.handler, transport)
        both = [Deferred.fromCoroutine(Drive(ways).run(self.script)) for _ in range(2)]
        waiting.callback(Reply(200, "k1"))
        for one in both:
            self.successResultOf(one)
        self.assertEqual([request.path for request in transport.sent], ["/login", "/k1", "/k1"])

    def test_one_refusal_for_all(self) -> None:
        """Who waits for a log-in that is refused is refused with it, and who comes later too: systems lock accounts after a few."""
        waiting: Deferred[Reply] = Deferred()
        transport = FakeTransport([waiting])
        ways = wires(self.handler, transport)
        three = [Deferred.fromCoroutine(Drive(ways).run(self.script)) for _ in range(3)]
        waiting.callback(Reply(401))
        for one in (*three, Deferred.fromCoroutine(Drive(ways).run(self.script))):
            self.failureResultOf(one, HandlerStopped)
        self.assertEqual([request.path for request in transport.sent], ["/login"])

    def test_one_failure_for_all(self) -> None:
        """A log-in without an answer is the failure of all who waited; who comes later tries anew, and so does the next when one is cancelled."""
        silent, cancelled = (Deferred[Reply]() for _ in range(2))
        transport = FakeTransport([silent, cancelled, Reply(200, "k1")])
        ways = wires(self.handler, transport)
        both = [Deferred.fromCoroutine(Drive(ways).run(self.script)) for _ in range(2)]
        silent.errback(TransportFailed("timeout"))
        for one in both:
            self.assertIs(self.failureResultOf(one, Ended).value.verdict, Verdict.RETRY)
        first, second = (Deferred.fromCoroutine(Drive(ways).run(self.script)) for _ in range(2))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.successResultOf(second)
        self.assertEqual([request.path for request in transport.sent], ["/login", "/login", "/login", "/k1"])

    def test_lost_at_once(self) -> None:
        """A vendor that no longer knows even the new session ends the attempt by its fault."""
        lost = Reply(403, "who are you?")
        end = self.drive(self.script, Reply(200, "k1"), lost, Reply(200, "k2"), lost, handler=self.handler)[2]
        self.assertEqual((end.verdict, end.note), (Verdict.PARKED, "the vendor answered http 403"))

    def test_lost_and_not_noticed(self) -> None:
        """Steps that do not log in again are ended by the fault."""

        def script() -> Steps:
            yield LogIn()
            yield GET

        end = self.drive(script, Reply(200, "k1"), Reply(403, "who are you?"), handler=self.handler)[2]
        self.assertEqual((end.verdict, end.note), (Verdict.PARKED, "the vendor answered http 403"))

    def test_credentials_refused(self) -> None:
        """So does any request that is told that name or password are wrong, for vendors that are told them in each."""
        refused = type("Refused", (type(self.handler),), {"credentials_refused": frozenset({"http 418"})})()
        self.assertIsInstance(self.drive(self.script, Reply(200, "k1"), Reply(418), handler=refused)[2], HandlerStopped)

    def test_refused(self) -> None:
        """A refused log-in stops the handler: trying again would lock the account."""
        for answer in (Reply(401), LogInRefused("acme: the log-in was refused")):
            self.assertIsInstance(self.drive(self.script, answer, handler=self.handler)[2], HandlerStopped)


class BreakerTests(DriverCase):
    """A target that does not answer is left alone, and tried by one request from time to time."""

    def test_opens_and_closes(self) -> None:
        """Five failures in a row open it; then one request a pause, twice as long each time; an answer closes it."""
        clock = Clock()
        transport = FakeTransport([TransportFailed("timeout")] * 6)
        ways = wires(Acme(), transport, clock)

        def asked() -> Any:
            ended: list[Any] = []
            _ = Deferred.fromCoroutine(Drive(ways).run(lambda: iter_of(GET))).addErrback(lambda failure: failure.value).addBoth(ended.append)
            return ended[0]

        for _ in range(5):
            self.assertIsNone(ways.room)
            self.assertTrue(asked().sick)
        self.assertEqual(ways.room, 0)
        self.assertFalse(asked().asked)
        clock.advance(5)
        self.assertEqual(ways.room, 1)
        self.assertTrue(asked().sick)
        clock.advance(9.9)
        self.assertEqual(ways.room, 0)
        clock.advance(0.1)
        self.assertIsNone(asked())
        self.assertEqual((ways.room, len(transport.sent)), (None, 7))

    def test_faults_that_are_answers(self) -> None:
        """A SOAP fault comes with HTTP 500: one that is accepted, harmless, or the end of the event is an answer like any other; others are none."""
        missing = Soap("/", xml("Delete"), accepts=frozenset({"missing"}))
        cases = (("missing", None, None), ("exists", None, None), ("gone", Verdict.DROPPED, None), ("broken", Verdict.RETRY, 0))
        for fault, verdict, room in cases:
            ways = wires(Faulty(), FakeTransport([Reply(500, fault)] * 6))
            for _ in range(6 if room is None else 5):
                ended: list[Any] = []
                _ = Deferred.fromCoroutine(Drive(ways).run(lambda: iter_of(missing))).addErrback(lambda failure: failure.value).addBoth(ended.append)
                self.assertEqual(ended[0] and ended[0].verdict, verdict, fault)
            self.assertEqual(ways.room, room, fault)

    def test_rests(self) -> None:
        """A target that asks for a pause is sent nothing meanwhile, and does not count as down; it may not ask for more than the longest pause."""
        clock = Clock()
        transport = FakeTransport([Reply(429, headers={"retry-after": "30"}), Reply(200), Reply(503, headers={"retry-after": "86400"})])
        ways = wires(Acme(), transport, clock)
        for pause in (30, 120):
            while ways.room is None:
                _ = Deferred.fromCoroutine(Drive(ways).run(lambda: iter_of(GET))).addErrback(lambda failure: None)
            self.assertEqual((ways.room, ways.breakers[""].open, round(ways.breakers[""].waits)), (0, False, pause))
            sent = len(transport.sent)
            _ = Deferred.fromCoroutine(Drive(ways).run(lambda: iter_of(GET))).addErrback(lambda failure: None)
            self.assertEqual(len(transport.sent), sent)
            clock.advance(pause)
        self.assertEqual((ways.room, len(transport.sent)), (None, 3))
