"""One notification on its way: what a state-based handler is asked to do, and what is known of the vendor afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf.delivery import Delivery
from portaswitch.espf.loader import Loader
from portaswitch.espf.neighbours import Neighbours
from portaswitch.espf.options import Reading
from portaswitch.handler import NO_RECORD, Condition, EventHandler, Record, Reply, Subscriber
from portaswitch.model.notification import Settled, Verdict
from tests.rules.source import ROOT
from tests.unit.espf.fakes import FakeTransport, notification, wires

ANN = Subscriber(101, 1, "16045550101", 4, "Ann", password="made up word")
VIEWER = replace(ANN, features=frozenset({"iptv"}))
OK = Reply(200, '{"status": "OK", "results": true}')


class Records:
    """The parts of `IEvents` that a delivery asks, in memory."""

    def __init__(self, **others: Record) -> None:
        self.kept: list[tuple[str, Record]] = []
        self.others = others

    def holders(self, i_handler: int, entity: str, keys: Mapping[str, tuple[str, ...]]) -> Deferred[Mapping[str, Record]]:
        """See `IEvents.holders`."""
        return succeed(self.others)

    def doubted(self, *values: Any) -> Deferred[None]:
        """See `IEvents.doubted`."""
        return succeed(None)

    def keep(self, i_handler: int, i_env: int, entity: str, record: Record) -> Deferred[None]:
        """See `IEvents.keep`."""
        self.kept.append((entity, record))
        return succeed(None)


class IptvTests(SynchronousTestCase):
    """IPTV, which passes over accounts that never had the service."""

    def setUp(self) -> None:
        """The handler, and a platform to which all is well."""
        loader = Loader([ROOT / "handlers"])
        loader.scan()
        found = loader.handlers()["IPTV"]
        reading = Reading(found, {"url": "http://tv.example.com", "user": "api", "password": "made-up"})
        self.handler: EventHandler = found.configured(reading.values)
        self.transport = FakeTransport()
        self.record = NO_RECORD

    def bring(self, subscriber: Subscriber, events: Records) -> list[tuple[str, str]]:
        """One event of an account, and what the platform was asked."""
        self.transport.sent.clear()
        self.transport.answers = [OK] * 9
        store: Any = events
        delivery = Delivery(notification(), self.handler, wires(self.handler, self.transport), store, self.handler.events, Neighbours())
        settled: Settled = self.successResultOf(Deferred.fromCoroutine(delivery.run(subscriber, self.record)))
        self.assertIs(settled.verdict, Verdict.DONE)
        self.record = self.record if settled.record is None else settled.record
        return [(request.method, request.path.rpartition("/")[2]) for request in self.transport.sent]

    def test_without_the_service(self) -> None:
        """However many events there are of an account without IPTV, the platform is asked nothing, and nothing is noted of it."""
        events = Records()
        barred = replace(ANN, conditions=frozenset({Condition.BLOCKED}))
        for subscriber in (ANN, barred, ANN, replace(ANN, id="16045550102")):
            self.assertEqual(self.bring(subscriber, events), [])
        self.assertEqual((events.kept, self.record), ([], NO_RECORD))

    def test_with_the_service_and_without_it_again(self) -> None:
        """The account is made once it has IPTV, switched off when it has it no more, and goes when it is closed."""
        events = Records()
        self.assertEqual(self.bring(ANN, events), [])
        self.assertEqual(self.bring(VIEWER, events), [("POST", "accounts")])
        self.assertEqual(self.record.keys["login"], (ANN.id,))
        self.assertEqual(self.bring(ANN, events), [("PUT", ANN.id)])
        self.assertEqual(self.bring(replace(ANN, conditions=frozenset({Condition.CLOSED})), events), [("DELETE", ANN.id)])
        self.assertEqual((self.record, self.bring(ANN, events)), (NO_RECORD, []))

    def test_an_id_that_another_account_had(self) -> None:
        """It is taken from that one only when this one is made."""
        events = Records(other=Record("", {"login": (ANN.id,)}, b"hash"))
        self.assertEqual(self.bring(ANN, events), [])
        self.assertEqual(self.bring(VIEWER, events), [("DELETE", ANN.id), ("POST", "accounts")])
        self.assertEqual([entity for entity, _ in events.kept], ["other", "account:101"])
