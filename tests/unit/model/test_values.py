"""Parties, billing models, charges, sessions, requests: the arithmetic of values on themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import EMPTY
from portaswitch.model.charge import CASH, NOTHING, Charge, Segment, Source, SourceKey, Take, held
from portaswitch.model.money import ZERO
from portaswitch.model.party import Funds, least, room
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import WHOLE, Credentials, Decision, Login, QuotaKey
from portaswitch.model.verify import Verify
from tests.unit.builders import AT, Book, account, auth, catalogue, customer, money, prepaid


class PartyTests(SynchronousTestCase):
    """Rooms and limits."""

    def test_room(self) -> None:
        """Money left less holds; limit less debts and holds; none without a limit."""
        funds = Funds(money(3), money(1))
        self.assertEqual(room(BillingModel.DEBIT, funds, money(99)), money(2))
        self.assertEqual([room(model, funds, money(5)) for model in (BillingModel.CREDIT, BillingModel.INTERNAL)], [money(1)] * 2)
        self.assertIsNone(room(BillingModel.CREDIT, funds, None))

    def test_least(self) -> None:
        """None is no limit."""
        self.assertEqual([least(), least(None, None), least(None, money(2)), least(money(-1), money(2), None)], [None, None, money(2), money(-1)])

    def test_temporary_limit(self) -> None:
        """In force until its end, to the instant; a temporary 'no limit' too."""
        raised = customer(credit_limit=money(5), temp_credit_limit=money(9), temp_credit_until=AT)
        self.assertEqual([raised.limit(AT - timedelta(microseconds=1)), raised.limit(AT)], [money(9), money(5)])
        self.assertIsNone(replace(raised, temp_credit_limit=None).limit(AT - timedelta(seconds=1)))
        self.assertIsNone(customer().limit(AT))

    def test_repr_is_short(self) -> None:
        """No password in it."""
        self.assertEqual(repr(account(password="sesame")), "Account('10086610975', i_account=101, revision=1)")


class BillingModelTests(SynchronousTestCase):
    """Three encodings (PORTABILLING.md a.3)."""

    def test_encodings(self) -> None:
        """API, xDR, RADIUS, and the sign of a charge."""
        found = {int(model): (model.xdr, model.h323, model.owes) for model in BillingModel}
        self.assertEqual(found, {-1: (-1, "1", -1)} | dict.fromkeys((0, 1, 2, 3, 4), (1, "0", 1)))


class ChargeTests(SynchronousTestCase):
    """Segments, takes, histories."""

    def test_texts(self) -> None:
        """As documented in the module."""
        connect, first = Segment(money("0.05"), money("0.05"), name="connect"), Segment(money("0.01"), money("0.020"), 1, 30, 60)
        further = Segment(money("0.014"), money("0.02"), 7, 6, 60)
        self.assertEqual([one.text for one in (connect, first, further)], ["connect 0.05", "30@0.02/60", "7*6@0.02/60"])
        self.assertEqual([one.units for one in (connect, first, further)], [0, 30, 42])
        charge = Charge(money("0.074"), money("0.0740"), 72, (connect, first, further), ())
        self.assertEqual(charge.history, "connect 0.05 + 30@0.02/60 + 7*6@0.02/60 = 0.074")
        self.assertEqual(NOTHING.history, "free = 0")

    def test_held(self) -> None:
        """Money only: units of counters and wallets are held there."""
        takes = (Take(CASH, money(1)), Take(SourceKey(Source.COUNTER, 7), money(5), 60), Take(CASH, money(2)), Take(SourceKey(Source.WALLET, 8), money(9), 1))
        self.assertEqual((held(takes), held(())), (money(3), ZERO))


class SessionTests(SynchronousTestCase):
    """A session holds what its quota keys hold."""

    def test_held(self) -> None:
        """All of them together."""
        book = Book(prepaid())
        book.ask(auth())
        session = book.sessions["7/s1"]
        other = replace(session.quotas[0], key=QuotaKey(1), holds=(Take(CASH, Decimal("0.5")),))
        self.assertEqual((session.held, replace(session, quotas=(*session.quotas, other)).held), (money(10), money("10.5")))


class RequestTests(SynchronousTestCase):
    """Requests and decisions."""

    def test_quota_keys(self) -> None:
        """Ordered, hashable, one name for 'the only one'."""
        self.assertEqual(sorted({QuotaKey(2), QuotaKey(1, 5), QuotaKey(1), WHOLE, QuotaKey(0, 0)}), [WHOLE, QuotaKey(1), QuotaKey(1, 5), QuotaKey(2)])

    def test_accepted(self) -> None:
        """Without a refusal of the whole."""
        self.assertEqual([Decision().accepted, Decision(refusal=Refusal.NOT_AVAILABLE).accepted], [True, False])

    def test_verify_is_abstract(self) -> None:
        """A proof without arithmetic of its own is a defect, not an open door."""
        self.assertRaises(TypeError, Credentials(Login.PAP, Verify()).verify, "")


class CatalogueTests(SynchronousTestCase):
    """The empty catalogue, and look-ups that are walls."""

    def test_empty(self) -> None:
        """Knows nothing."""
        self.assertEqual((EMPTY.generation, EMPTY.clients, dict(EMPTY.nodes_by_ip)), (0, (), {}))

    def test_environments(self) -> None:
        """Nodes are found with their environment only."""
        known = catalogue()
        self.assertEqual((known.nodes_by_ip[1, "164.9.9.100"].i_node, (2, "164.9.9.100") in known.nodes_by_ip), (7, False))
