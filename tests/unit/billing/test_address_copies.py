"""What a collector is told of a session's address, and what it is not told again."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.address_copies import TOLD
from portaswitch.model.request import AAARequest, Kind
from portaswitch.model.session import Status
from portaswitch.model.session_task import AddressCopy
from tests.unit.billing.test_internet import net, shelf
from tests.unit.builders import CARD, Book, after, alive, auth, expire, prepaid, start, stop

COLLECTOR = 90
ONE, TWO = "10.0.0.1", "10.0.0.2"


def at(asked: AAARequest, address: str = ONE, **kept: str) -> AAARequest:
    """The same of Internet access, with a Framed-IP-Address ('': none)."""
    told = {"acct_session_id": "0001"} | ({"subscriber_ip": address} if address else {}) | kept
    return net(replace(asked, kept={**asked.kept, **told}))


class CopyTests(SynchronousTestCase):
    """Sessions at a node that has a collector."""

    def setUp(self) -> None:
        """An account at such a node."""
        self.book = Book(prepaid("10"), replace(shelf(None), collectors={7: COLLECTOR}))

    def told(self) -> list[tuple[str, str]]:
        """Status and address of all copies so far."""
        return [(copy.status.value, copy.facts["subscriber_ip"]) for copy in self.copies()]

    def copies(self) -> list[AddressCopy]:
        """All copies so far."""
        return [copy for change in self.book.changes for copy in change.copies]

    def test_start_and_stop(self) -> None:
        """An authorized session: its Start tells the address, though nothing else is new in it; its Stop clears it. Repetitions and Alives tell nothing."""
        self.book.ask(at(auth()))
        self.assertEqual(self.told(), [])
        self.book.ask(at(start()))
        self.assertEqual(self.told(), [("Start", ONE)])
        self.book.ask(at(start(at=5)))
        self.book.ask(at(alive(30)))
        self.assertEqual(self.told(), [("Start", ONE)])
        self.book.ask(at(stop(60), terminate_cause="User-Request"))
        self.assertEqual(self.told(), [("Start", ONE), ("Stop", ONE)])
        self.assertNotIn(TOLD, self.book.sessions["7/s1"].brought)
        self.book.ask(at(stop(60)))
        self.assertEqual(len(self.told()), 2)

    def test_facts(self) -> None:
        """Whom it is of, which session, when; of the Stop also how long it was and why it ended."""
        self.book.ask(at(start(at=3), nas_port="7"))
        self.book.ask(at(stop(60, at=63), terminate_cause="User-Request"))
        first, last = self.copies()
        self.assertEqual((first.i_node, first.at, last.at), (COLLECTOR, after(3), after(63)))
        facts = {"account": CARD, "user": CARD, "session": "s1", "acct_session_id": "0001", "subscriber_ip": ONE, "nas_port": "7"}
        self.assertLessEqual(facts.items(), first.facts.items())
        self.assertNotIn("session_time", first.facts)
        self.assertLessEqual({**facts, "session_time": "60", "terminate_cause": "User-Request"}.items(), last.facts.items())

    def test_address_comes_late(self) -> None:
        """A Start without an address tells nothing, nor with one that is none; the Alive that has one does, though its counters stand still."""
        self.book.ask(at(start(), ""))
        self.book.ask(at(start(at=1), "0.0.0.0"))
        self.assertEqual(self.told(), [])
        self.book.ask(at(alive(0, at=2)))
        self.assertEqual(self.told(), [("Start", ONE)])
        self.book.ask(at(stop(60), ""))
        self.assertEqual(self.told(), [("Start", ONE), ("Stop", ONE)])

    def test_another_address(self) -> None:
        """The old one is cleared before the new one is told, by one change."""
        self.book.ask(at(start()))
        self.book.ask(at(alive(30), TWO))
        self.book.ask(at(stop(60), TWO))
        self.assertEqual(self.told(), [("Start", ONE), ("Stop", ONE), ("Start", TWO), ("Stop", TWO)])

    def test_swept(self) -> None:
        """A session that the sweeper closes is cleared; what its node reports later of it is told again, and cleared again."""
        self.book.ask(at(start()))
        self.book.ask(expire())
        self.assertEqual((self.told(), self.book.sessions["7/s1"].status), ([("Start", ONE), ("Stop", ONE)], Status.PROVISIONAL))
        self.assertEqual(self.copies()[1].facts["acct_session_id"], "0001")
        self.book.ask(at(alive(30, at=1e6 + 1)))
        self.book.ask(at(stop(60, at=1e6 + 31)))
        self.assertEqual(self.told()[2:], [("Start", ONE), ("Stop", ONE)])

    def test_lone_stop(self) -> None:
        """A Stop of a session never seen clears its address; a failed attempt, and one without an address, clear nothing."""
        self.book.ask(at(stop(60)))
        self.assertEqual(self.told(), [("Stop", ONE)])
        self.book.ask(at(stop(0, "s2"), failed="yes"))
        self.book.ask(at(stop(60, "s3"), ""))
        self.assertEqual(len(self.told()), 1)

    def test_elsewhere(self) -> None:
        """Sessions at other nodes, and at all nodes where there is no collector, leave no copies and keep nothing."""
        for known in (replace(shelf(None), collectors={8: COLLECTOR}), shelf(None)):
            book = Book(prepaid("10"), known)
            for asked in (start(), alive(30), stop(60)):
                book.ask(at(asked))
            self.assertEqual([change.copies for change in book.changes if change.copies], [])
            self.assertNotIn(TOLD, book.sessions["7/s1"].brought)

    def test_restarted_node(self) -> None:
        """What Accounting-On carries is the node's: the session ends by its own names."""
        self.book.ask(at(start(), nas_port="7"))
        self.book.ask(replace(expire(), kind=Kind.ON_OFF, kept={"acct_session_id": "0", "subscriber_ip": TWO}))
        facts = self.copies()[1].facts
        self.assertEqual((facts["acct_session_id"], facts["subscriber_ip"], facts["nas_port"]), ("0001", ONE, "7"))
