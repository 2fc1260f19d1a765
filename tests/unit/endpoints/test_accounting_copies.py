"""Copies of accounting from tasks to a collector: packets, pacing, and what keeps a copy waiting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.accounting_copies import IGNORED, PACING, REQUESTS, CopyTeller
from portaswitch.endpoints.client_habits import Habits
from portaswitch.endpoints.clients import Clients
from portaswitch.endpoints.outgoing import Timing
from portaswitch.endpoints.profiles import Profile, read_profile, shipped
from portaswitch.endpoints.tasks import LONGEST_DELAY, TaskRunner
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.session_task import Outcome, SessionTask, Settled, TaskKind
from tests.simulators.accounting_collector import CALLING, DELAY, EVENT_TIMESTAMP, NAS_IDENTIFIER, NAS_IP_ADDRESS, Account
from tests.unit.builders import AT
from tests.unit.endpoints.test_dynamic import NODE, SECRET, Net
from tests.unit.endpoints.test_tasks import Table, catalogue, node

FACTS = {"account": "alice", "user": "alice@isp", "acct_session_id": "0001", "subscriber_ip": "10.0.0.1", "session": "auth-1", "calling": "00-11"}
#: A collector's own profile, which knows nothing of CoA.
OWN = 'accounting_port: 1646\naccounting: {User-Name: "{user}", Framed-IP-Address: "{subscriber_ip}", Acct-Session-Id: "{session}", NAS-Identifier: "{node}"}\n'


def world(**collector: Any) -> Catalogue:
    """The collector 1 of the node 2."""
    return replace(catalogue(node(1, nas_identifier="spb", **collector), node(2, coa_address="")), collectors={2: 1})


class CopyTests(SynchronousTestCase):
    """One runner with its table and net."""

    def setUp(self) -> None:
        """A collector with the generic profile."""
        self.net, self.table, self.time = Net(), Table(), AT.timestamp() + 7
        self.clients = Clients(world(), Habits(lambda: AT))
        own, _ = read_profile("own", OWN, "own.yaml")
        assert own is not None
        profiles: dict[str, Profile] = {**shipped(), "own": own}
        teller = CopyTeller(self.net, Timing(), lambda: self.clients, profiles, now=lambda: self.time, vary=lambda low, high: 0.0)
        self.runner = TaskRunner(self.table, teller, self.net, PACING)

    def add(self, number: int = 1, attempts: int = 1, status: str = "Start", **facts: str) -> None:
        """A copy in the table."""
        arguments = {"status": status, "at": int(AT.timestamp())}
        self.table.tasks.append(SessionTask(number, TaskKind.COPY, 1, 1, f"2/{number}", arguments, attempts, {**FACTS, **facts}))

    def run_pass(self) -> None:
        """One pass."""
        self.successResultOf(Deferred.fromCoroutine(self.runner.run()))

    def settled(self) -> Settled:
        """What the next pass writes, one task."""
        self.table.settled.clear()
        self.run_pass()
        (one,) = self.table.settled
        return one

    def account(self, place: int = -1) -> Account:
        """A request as the collector reads it."""
        return Account(self.net.sent[place][1], SECRET)

    def answer(self, octets: bytes, sent: int = -1) -> None:
        """An answer from where the request went."""
        port, _, place = self.net.sent[sent]
        port.protocol.datagramReceived(octets, place)

    def test_packet(self) -> None:
        """To port 1813 of the collector; of the NAS' node, of the account, of the time of the event. The answer ends it."""
        before = REQUESTS.get("n1", "answered")
        self.add(status="Stop", session_time="61", terminate_cause="User-Request")
        self.run_pass()
        self.assertEqual(self.net.sent[0][2], (NODE[0], 1813))
        account = self.account()
        self.assertEqual(account.said, (2, "0001", "alice", "10.0.0.1"))
        self.assertEqual((account.text(NAS_IDENTIFIER), account.get(NAS_IP_ADDRESS), account.text(CALLING)), ("bras", bytes((192, 0, 2, 1)), "00-11"))
        self.assertEqual((account.number(DELAY), account.number(EVENT_TIMESTAMP)), (7, int(AT.timestamp())))
        self.assertEqual((account.number(46), account.number(49), account.get(80)), (61, 1, None))  # how long, why; unsigned (RFC 2869 5.19)
        self.answer(account.answer())
        one = self.settled()
        self.assertEqual((one.outcome, one.note, REQUESTS.get("n1", "answered") - before), (Outcome.DONE, "", 1))

    def test_profile(self) -> None:
        """Words and port of the collector's own profile; its coa_port before that of the profile; a clock that goes back makes no negative delay."""
        self.time = 0
        for collector, port in (({}, 1646), ({"coa_port": 1700}, 1700)):
            self.clients = Clients(world(profile="own", **collector), Habits(lambda: AT))
            self.add()
            self.run_pass()
            account = self.account()
            self.assertEqual((self.net.sent[-1][2][1], account.said[1:3], account.text(NAS_IDENTIFIER)), (port, ("auth-1", "alice@isp"), "n2"))
            self.assertEqual((account.number(DELAY), account.get(CALLING)), (0, None))

    def test_silence(self) -> None:
        """Five sendings of the same octets, then later and later, for ever: what ends a copy is its day. A silent collector gets one at a time."""
        self.add(attempts=1000)
        self.run_pass()
        self.net.pump([2, 4, 8, 8, 8])
        self.assertEqual((len(self.net.sent), len({octets for _, octets, _ in self.net.sent})), (5, 1))
        self.add(2)
        self.add(3)
        one = self.settled()
        self.assertEqual((one.outcome, one.delay, "RADIUS accounting" in one.note), (Outcome.AGAIN, LONGEST_DELAY, True))
        self.assertEqual((self.table.rooms, len(self.net.sent)), ({1: 1}, 6))
        self.answer(self.account().answer())
        self.run_pass()
        self.assertEqual(self.table.rooms, {1: PACING.window})

    def test_window(self) -> None:
        """A collector gets as many at once as one port has Identifiers."""
        for number in range(300):
            self.add(number)
        self.run_pass()
        self.assertEqual(len({(id(port), octets[1]) for port, octets, _ in self.net.sent}), 256)

    def test_wrong_answers(self) -> None:
        """Another secret is ignored and counted, and is what silence is explained by."""
        before = IGNORED.get("authenticator")
        self.add()
        self.run_pass()
        self.answer(self.account().answer(b"another secret"))
        self.assertEqual(IGNORED.get("authenticator") - before, 1)
        self.net.pump([2, 4, 8, 8, 8])
        self.assertIn("the secret at the other side is another one", self.settled().note)

    def test_not_now(self) -> None:
        """What is missing in the catalogue makes a copy wait, and says what."""
        elsewhere = replace(catalogue(node(1), i_env=2), collectors={2: 1})
        for known, word in (
            (world(coa_address=""), "no coa_address"), (elsewhere, "no radius_clients entry of environment 1"),
            (world(profile="none"), "none of"), (world(profile="ivr"), "profile ivr has no words for copies"),
            (replace(catalogue(node(1, i_env=2)), collectors={2: 1}), "no node 1 in environment 1"),
        ):  # fmt: skip
            self.clients = Clients(known, Habits(lambda: AT))
            self.add()
            self.run_pass()
            one = self.settled()
            self.assertEqual((one.outcome, word in one.note, self.net.sent), (Outcome.AGAIN, True, []), one.note)

    def test_nobody(self) -> None:
        """Where no node has a collector nobody looks for copies."""
        self.clients = Clients(catalogue(node()), Habits(lambda: AT))
        unasked = self.table.rooms = {9: 9}
        self.add()
        self.run_pass()
        self.assertEqual((len(self.table.tasks), self.net.sent, self.table.rooms), (1, [], unasked))
