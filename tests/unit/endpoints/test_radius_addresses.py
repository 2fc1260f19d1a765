"""The address step: what it asks of the leases for which decision, and that accounting never hangs on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from portaswitch.endpoints.radius_addresses import AddressStep
from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.addresses import IAddresses
from portaswitch.model.lease import Holder, Want
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Facts, Kind
from tests.unit.builders import AT, NODE, alive, auth, kept, request, start, stop
from tests.unit.endpoints.radius_world import Desk

BRAS = replace(NODE, i_ip_pool=4)
NET = Decision(facts=Facts(i_account=101, more={"service": "Netaccess", "session_timeout": "3600", "framed_ip": "192.0.2.9"}))


@implementer(IAddresses)
class Shelf:
    """Leases that answer as told; `asked` is what was asked of them."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answer: Any = "10.0.0.1"

    def _answer(self, *asked: object) -> Deferred[Any]:
        self.asked.append(asked if len(asked) > 1 else asked[0])
        return fail(self.answer) if isinstance(self.answer, Exception) else succeed(self.answer)

    def take(self, want: Want) -> Deferred[str | None]:
        """See `IAddresses.take`."""
        return self._answer(want)

    def renew(self, holder: Holder) -> Deferred[bool]:
        """See `IAddresses.renew`."""
        return self._answer("renew", holder)

    def free(self, holder: Holder) -> Deferred[bool]:
        """See `IAddresses.free`."""
        return self._answer("free", holder)

    def free_node(self, i_node: int, before: datetime) -> Deferred[int]:
        """See `IAddresses.free_node`."""
        return self._answer("free_node", i_node, before)


class StepTests(SynchronousTestCase):
    """`AddressStep.settle`."""

    def setUp(self) -> None:
        """A step of its own."""
        self.shelf, self.desk, self.clock = Shelf(), Desk(), Clock()
        self.step = AddressStep(self.shelf, self.desk, self.clock.seconds)

    def settle(self, decision: Decision, asked: AAARequest) -> Deferred[Decision]:
        """What becomes of a decision."""
        settled = self.step.settle(decision, asked, BRAS)
        return settled if isinstance(settled, Deferred) else succeed(settled)

    def test_interface(self) -> None:
        """The twin is one."""
        self.assertTrue(verifyObject(IAddresses, self.shelf))

    def test_an_accept(self) -> None:
        """The pool's address goes before the static one; the lease lasts as long as the session may."""
        told = self.successResultOf(self.settle(NET, auth()))
        self.assertEqual((told.facts.more["framed_ip"], told.facts.more["service"]), ("10.0.0.1", "Netaccess"))
        self.assertEqual(self.shelf.asked, [Want(4, "7/s1", 101, "10086610975", 7, False, timedelta(hours=1))])
        self.successResultOf(self.settle(NET, auth("auth-00ff")))
        self.assertTrue(self.shelf.asked[1].provisional)

    def test_who_gets_none(self) -> None:
        """A refusal, a call, and an authentication ask for nothing."""
        for decision, asked in ((Decision(refusal=Refusal.ZERO_BALANCE), auth()), (Decision(), auth()), (NET, request(Kind.AUTH, ""))):
            self.assertIs(self.successResultOf(self.settle(decision, asked)), decision)
        self.assertEqual(self.shelf.asked, [])

    def test_an_exhausted_pool(self) -> None:
        """The session that was opened ends before the refusal is told; the log is told once a minute."""
        self.shelf.answer = None
        settled = self.settle(NET, auth())
        self.assertNoResult(settled)
        ended = self.desk.asked[0][0]
        self.assertEqual((ended.kind, ended.key, [unit.used for unit in ended.units]), (Kind.STOP, "7/s1/auth/0/no-address", [0]))
        self.desk.decide(Decision())
        self.assertIs(self.successResultOf(settled).refusal, Refusal.NOT_AVAILABLE)
        for seconds, lines in ((10, 1), (60, 2)):
            self.clock.advance(seconds)
            self.assertNoResult(self.settle(NET, auth("s2")))
            self.assertEqual(len(self.step._told), 1)
            self.assertEqual(self.step._told[4], 0.0 if lines == 1 else self.clock.seconds())

    def test_no_database(self) -> None:
        """An authorization has no answer then: the NAS asks again."""
        self.shelf.answer = DatabaseDown("gone")
        self.failureResultOf(self.settle(NET, auth()), DatabaseDown)

    def test_accounting(self) -> None:
        """Start and Alive keep the lease, Stop frees it, a restart of the node all of them."""
        self.shelf.answer = True
        told = kept(subscriber_ip="10.0.0.1")
        holder = Holder(1, "7/s1", "10086610975", "10.0.0.1")
        for asked in (start(kept=told), alive(60, kept=told), stop(90, kept=told), request(Kind.ON_OFF, "", at=5)):
            self.assertEqual(self.successResultOf(self.settle(Decision(), asked)), Decision())
        self.assertEqual(self.shelf.asked, [("renew", holder), ("renew", holder), ("free", holder), ("free_node", 7, AT + timedelta(seconds=5))])

    def test_accounting_is_answered(self) -> None:
        """Its money is settled, whatever becomes of the lease."""
        for answer in (DatabaseDown("gone"), False):
            self.shelf.answer = answer
            self.assertEqual(self.successResultOf(self.settle(Decision(), stop(90))), Decision())
