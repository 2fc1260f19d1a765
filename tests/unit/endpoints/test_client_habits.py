"""What clients were seen to send: learnt once, kept seldom, and taken up again after a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import LogLevel, globalLogPublisher
from twisted.test.proto_helpers import EventLoggingObserver
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.client_habits import KEEP_EVERY, Habits
from portaswitch.endpoints.clients import Clients
from portaswitch.model.catalogue import EMPTY, Observe, RadiusClient, Seen
from portaswitch.wire.radius.packet import Packet
from tests.unit.builders import AT, catalogue
from tests.unit.endpoints.radius_world import CLIENT
from tests.unit.endpoints.test_clients import EAP, PLAIN, PROXIED, SIGNED

AUTO = replace(CLIENT, limit_proxy_state=Observe.AUTO)
FREE = replace(CLIENT, require_message_authenticator=Observe.NO, limit_proxy_state=Observe.NO)
NETWORK = replace(AUTO, address="192.0.2.0/24")
MINUTE = timedelta(minutes=1)


class HabitCase(SynchronousTestCase):
    """A client table with a clock and a place where what was seen is kept."""

    def setUp(self) -> None:
        """Nothing seen yet."""
        self.begin(CLIENT)

    def begin(self, *clients: RadiusClient) -> None:
        """A server that has just started with these clients."""
        self.now: datetime = AT
        self.kept: list[tuple[int, Seen]] = []
        self.table = Clients(replace(catalogue(), clients=clients), Habits(lambda: self.now, lambda *seen: self.kept.append(seen)))

    def restart(self, client: RadiusClient) -> RadiusClient:
        """Start again with what was kept."""
        again = replace(client, seen=self.kept[-1][1])
        self.begin(again)
        return again

    def said(self, client: RadiusClient, *packets: Packet) -> list[str | None]:
        """What is said of packets a minute apart."""
        reasons = []
        for one in packets:
            reasons.append(self.table.untrusted(client, one))
            self.now += MINUTE
        return reasons


class KeptTests(HabitCase):
    """When something is kept."""

    def test_signed(self) -> None:
        """Once, with its time; a day of signed packets later nothing more."""
        self.said(CLIENT, *[SIGNED] * 1500)
        self.assertEqual(self.kept, [(CLIENT.i_client, Seen(authenticator=AT))])

    def test_unsigned(self) -> None:
        """The first one, and then one an hour."""
        self.said(CLIENT, *[PLAIN] * 130)
        self.assertEqual([seen.without for _, seen in self.kept], [AT, AT + KEEP_EVERY, AT + 2 * KEEP_EVERY])

    def test_to_and_fro(self) -> None:
        """A client of two minds is written as seldom; what came last is written in the end."""
        self.said(FREE, PLAIN, *[SIGNED, PLAIN] * 20)
        self.assertEqual([seen for _, seen in self.kept], [Seen(without=AT)])
        self.said(FREE, *[SIGNED] * 30)
        self.assertEqual([seen for _, seen in self.kept[1:]], [Seen(AT + 41 * MINUTE, AT + 40 * MINUTE)])

    def test_news(self) -> None:
        """What was never seen before is kept at once."""
        self.said(FREE, SIGNED, PLAIN, PROXIED, PROXIED)
        self.assertEqual(
            [seen for _, seen in self.kept], [Seen(AT), Seen(None, AT + MINUTE), Seen(None, AT + 2 * MINUTE, AT + 2 * MINUTE)]
        )  # fmt: skip

    def test_refused_teaches_nothing(self) -> None:
        """Anybody can forge an unsigned packet: not the habit of a client that signs, not the first one with Proxy-State."""
        self.assertEqual(self.said(CLIENT, PROXIED, SIGNED, PLAIN), ["proxy-state", None, "unsigned"])
        self.assertEqual(self.kept, [(CLIENT.i_client, Seen(AT + MINUTE))])
        self.begin(CLIENT)
        required = replace(CLIENT, require_message_authenticator=Observe.YES)
        self.assertEqual((self.said(required, PLAIN), self.kept), (["unsigned"], []))

    def test_eap(self) -> None:
        """It has to be signed anyway, so it says nothing of the client."""
        self.said(CLIENT, EAP)
        self.assertEqual(self.kept, [])


class RestartTests(HabitCase):
    """What was kept counts after a restart as if there had been none."""

    def test_signing_is_required(self) -> None:
        """The first packet after the restart may be a forged one."""
        self.said(CLIENT, SIGNED)
        client = self.restart(CLIENT)
        self.assertEqual(self.said(client, PLAIN, SIGNED, PLAIN), ["unsigned", None, "unsigned"])
        self.assertEqual(self.kept, [])

    def test_old_equipment_is_served(self) -> None:
        """It was unsigned first; a signed packet in between does not shut it out."""
        self.said(CLIENT, PLAIN, SIGNED)
        client = self.restart(CLIENT)
        self.assertEqual(self.said(client, SIGNED, PLAIN), [None, None])

    def test_old_proxies_are_served(self) -> None:
        """Proxy-State without signature is kept apart from a mere lack of signature."""
        self.said(AUTO, PROXIED)
        self.assertEqual(self.said(self.restart(AUTO), PLAIN, PROXIED), [None, None])
        self.begin(AUTO)
        self.said(AUTO, PLAIN)
        self.assertEqual(self.said(self.restart(AUTO), PROXIED, PLAIN), ["proxy-state", None])

    def test_networks(self) -> None:
        """Nothing is ever required of a network, its Proxy-State is limited, and the operator sees what came."""
        self.assertEqual(self.said(NETWORK, SIGNED, PLAIN, PROXIED), [None, None, "proxy-state"])
        self.assertEqual([seen for _, seen in self.kept], [Seen(AT), Seen(None, AT + MINUTE)])
        self.begin(NETWORK)
        self.said(NETWORK, SIGNED)
        self.assertEqual(self.said(self.restart(NETWORK), PLAIN), [None])

    @given(st.lists(st.sampled_from((SIGNED, PLAIN, PROXIED, EAP)), min_size=1, max_size=12), st.sampled_from((CLIENT, AUTO, NETWORK)))
    @settings(max_examples=200, deadline=None)
    def test_law(self, packets: list[Packet], client: RadiusClient) -> None:
        """After any history a server that was restarted says the same of every packet as one that was not."""
        self.begin(client)
        self.said(client, *packets)
        if not self.kept:
            return
        probes = [SIGNED, PLAIN, PROXIED, EAP]
        expected = [self.said(client, probe) for probe in probes]
        again = self.restart(client)
        self.assertEqual([self.said(again, probe) for probe in probes], expected)


class ExposedTests(HabitCase):
    """Clients of whom nothing is asked."""

    def warnings(self, table: Clients, before: Clients) -> list[str]:
        """The addresses that are warned of."""
        observer = EventLoggingObserver.createWithCleanup(cast(Any, self), globalLogPublisher)
        table.warn(before)
        return [event["address"] for event in observer if event["log_level"] is LogLevel.warn]

    def test_warned_of(self) -> None:
        """Once for each, at the start and when a load makes one so; one setting alone is no cause."""
        habits = Habits(lambda: AT)
        none, one = Clients(EMPTY, habits), Clients(replace(EMPTY, clients=(FREE, replace(AUTO, address="192.0.2.2"))), habits)
        other = replace(FREE, address="192.0.2.3")
        two = Clients(replace(EMPTY, clients=(FREE, other)), habits)
        self.assertEqual([self.warnings(one, none), self.warnings(two, one), self.warnings(two, two)], [[FREE.address], [other.address], []])
        self.assertEqual([len(table.exposed) for table in (none, one, two)], [0, 1, 2])
        half = replace(FREE, require_message_authenticator=Observe.AUTO)
        self.assertEqual(Clients(replace(EMPTY, clients=(half, CLIENT)), habits).exposed, frozenset())
