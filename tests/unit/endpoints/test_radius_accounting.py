"""Accounting-Requests as the core's values: kinds, keys, times and durations, and which legs are rated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.lenient import IGNORED
from portaswitch.endpoints.radius_request import Unmappable
from portaswitch.model.request import AAARequest, Base, Kind, Report, UnitRequest
from portaswitch.wire.radius.datatypes import Value
from tests.unit.builders import AT, CARD
from tests.unit.endpoints.radius_world import accounting

BASE: list[tuple[str, Value]] = [("User-Name", CARD), ("Called-Station-Id", "82"), ("h323-conf-id", "c1")]
CONNECT, ENDED = ("h323-connect-time", "00:16:21.164 PST Fri Mar 9 2007"), ("h323-disconnect-time", "00:17:31.893 PST Fri Mar 9 2007")


def report(status: str, *attributes: tuple[str, Value], origin: str = "originate") -> AAARequest:
    """An Accounting-Request of the originating leg."""
    leg: list[tuple[str, Value]] = [("h323-call-origin", origin), ("h323-call-type", "VoIP")] if origin else []
    return accounting([*BASE, ("Acct-Status-Type", status), *leg, *attributes])


class KindTests(SynchronousTestCase):
    """Kinds and keys."""

    def test_kinds(self) -> None:
        """By Acct-Status-Type; Alive is Interim-Update."""
        kinds = {"Start": Kind.START, "Alive": Kind.UPDATE, "Interim-Update": Kind.UPDATE, "Stop": Kind.STOP}
        kinds |= {"Accounting-On": Kind.ON_OFF, "Accounting-Off": Kind.ON_OFF}
        self.assertEqual({status: report(status).kind for status in kinds}, kinds)

    def test_restart(self) -> None:
        """Accounting-On is of the node: no session and no units, whatever it carries."""
        asked = report("Accounting-On", ("Acct-Session-Id", "00000000"), ("Acct-Session-Time", 5))
        self.assertEqual((asked.session, asked.units), ("", ()))
        accounting([("Acct-Status-Type", "Accounting-Off")])

    def test_keys(self) -> None:
        """Node, session, leg and status; an Alive by its counter; the delay and the time of sending do not count."""
        same = report("Stop", ("Acct-Session-Time", 5))
        self.assertEqual(report("Stop", ("Acct-Session-Time", 5), ("Acct-Delay-Time", 9), ("Event-Timestamp", 1_773_057_600)).key, same.key)
        others = [report("Start"), *(report("Alive", ("Acct-Session-Time", used)) for used in (5, 6)), *(report("Stop", origin=leg) for leg in ("answer", ""))]
        self.assertEqual(len({one.key for one in (same, *others)}), 6)
        self.assertTrue(same.key.startswith("7/"))

    def test_hunting(self) -> None:
        """The Stop of a leg that nobody answered is not that of the next one, which is: a gateway that hunts reports both by the same names."""
        silent = [report("Stop"), report("Stop", ("Acct-Session-Time", 0)), report("Stop", CONNECT, (ENDED[0], CONNECT[1]))]
        self.assertEqual(len({one.key for one in silent}), 1)
        self.assertNotEqual(silent[0].key, report("Stop", CONNECT, ENDED).key)

    def test_session_id(self) -> None:
        """A session is needed."""
        self.assertRaises(Unmappable, accounting, [("User-Name", CARD), ("Acct-Status-Type", "Stop")])
        self.assertEqual(accounting([("Acct-Session-Id", "a"), ("Acct-Status-Type", "Stop")]).session, "a")


class TimeTests(SynchronousTestCase):
    """When it was, and how long."""

    def test_event_time(self) -> None:
        """Event-Timestamp or receipt, minus the delay."""
        self.assertEqual((report("Stop").at, report("Stop").received), (AT, AT))
        self.assertEqual(report("Stop", ("Acct-Delay-Time", 30)).at, AT - timedelta(seconds=30))
        stamped = report("Stop", ("Event-Timestamp", 1_173_428_251), ("Acct-Delay-Time", 1))
        self.assertEqual((stamped.at, stamped.received), (datetime(2007, 3, 9, 8, 17, 30, tzinfo=UTC), AT))

    def test_duration(self) -> None:
        """Acct-Session-Time, else from connect to disconnect to the nearest second, never negative; a Stop that tells neither used nothing."""
        def used(*attributes: tuple[str, Value]) -> int | None:
            return report("Stop", *attributes).units[0].used

        self.assertEqual([used(CONNECT, ENDED), used(("Acct-Session-Time", 5), CONNECT, ENDED), used(CONNECT), used(ENDED), used()], [71, 5, 0, 0, 0])
        self.assertEqual(used(("h323-connect-time", ENDED[1]), ("h323-disconnect-time", CONNECT[1])), 0)

    def test_zone_unknown(self) -> None:
        """A call is not free because nobody has explained its zone: it lasted what its two times say; that they can't be read is counted."""
        before = IGNORED.get("h323-connect-time")
        asked = report("Stop", (CONNECT[0], CONNECT[1].replace("PST", "CST")), (ENDED[0], ENDED[1].replace("PST", "CST")))
        self.assertEqual((asked.units[0].used, asked.units[0].counters, asked.connected), (71, {Base.TIME: 71}, None))
        self.assertEqual(IGNORED.get("h323-connect-time") - before, 1)
        report("Stop", CONNECT, ENDED)
        report("Stop")
        self.assertEqual(IGNORED.get("h323-connect-time") - before, 1)

    def test_answered_for_a_moment(self) -> None:
        """A call of 0.4 s was connected: it is not an attempt that failed."""
        ended = ("h323-disconnect-time", "00:16:21.564 PST Fri Mar 9 2007")
        self.assertEqual(report("Stop", CONNECT, ended).units[0].used, 1)
        self.assertEqual(report("Stop", CONNECT, ("h323-disconnect-time", CONNECT[1])).units[0].used, 0)

    def test_connected(self) -> None:
        """The connect time by the node's zones; what is no time is none."""
        self.assertEqual(report("Start", CONNECT).connected, datetime(2007, 3, 9, 8, 16, 21, 164000, UTC))
        self.assertIsNone(report("Start", ("h323-connect-time", "yesterday")).connected)

    @settings(max_examples=80, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
    def test_any_number(self, used: int, delay: int, stamp: int) -> None:
        """Every number that the wire can carry."""
        asked = report("Stop", ("Acct-Session-Time", used), ("Acct-Delay-Time", delay), ("Event-Timestamp", stamp))
        self.assertEqual(asked.units[0].used, used)
        told = datetime.fromtimestamp(stamp - delay, UTC)
        self.assertEqual(asked.at, told if datetime(2000, 1, 1, tzinfo=UTC) <= told <= AT else AT)

    def test_clock_not_set(self) -> None:
        """A time that no clock has shown, or that has not come yet, is the receipt: no tariff is of 1970, and no hold lasts until 2106."""
        for stamp in (0, 946_684_799, 2**32 - 1, int(AT.timestamp()) + 1):
            self.assertEqual(report("Start", ("Event-Timestamp", stamp)).at, AT)
        self.assertEqual(report("Start", ("Event-Timestamp", 946_684_800)).at, datetime(2000, 1, 1, tzinfo=UTC))
        self.assertEqual(report("Stop", ("Acct-Delay-Time", 2**32 - 1)).at, AT)

    def test_begun(self) -> None:
        """Connected or set up, else the event less what it has lasted; not by the receipt, which is that of a repetition too."""
        stamp, setup = ("Event-Timestamp", int(AT.timestamp()) - 30), ("h323-setup-time", CONNECT[1])
        self.assertEqual(report("Start", stamp).begun, AT - timedelta(seconds=30))
        self.assertEqual(report("Stop", stamp, ("Acct-Session-Time", 60), ("Acct-Delay-Time", 5)).begun, AT - timedelta(seconds=95))
        self.assertEqual({report("Alive", stamp, time, ("Acct-Session-Time", 60)).begun for time in (CONNECT, setup)}, {report("Start", CONNECT).connected})
        unknown = [report("Stop", stamp), report("Start"), report("Stop", ("Acct-Session-Time", 60)), report("Start", ("Acct-Delay-Time", 5))]
        self.assertEqual({asked.begun for asked in unknown}, {None})

    def test_begun_by_a_wrong_clock(self) -> None:
        """A clock that is some seconds ahead is believed, one that is minutes ahead or was never set is not."""
        now, used = int(AT.timestamp()), ("Acct-Session-Time", 600)
        self.assertEqual(report("Stop", ("Event-Timestamp", now + 20), used).begun, AT - timedelta(seconds=580))
        for clock in (now + 40, now + 7200, 2**32 - 1, 86_400):
            self.assertIsNone(report("Stop", ("Event-Timestamp", clock), used).begun)
        self.assertIsNone(report("Start", ("h323-connect-time", "00:16:21.164 PST Fri Mar 9 2057")).begun)

    def test_session_of_octets(self) -> None:
        """A session id that is no text still names its session."""
        asked = accounting([("Acct-Session-Id", b"\xff\0"), ("Acct-Status-Type", "Stop"), ("User-Name", CARD)])
        self.assertEqual(asked.session, "ff00")


class LegTests(SynchronousTestCase):
    """Which legs report units."""

    def test_rated(self) -> None:
        """The originating leg; a leg that says nothing of itself if it tells a duration, or if the session is no voice conference."""
        final = UnitRequest(used=5, report=Report.FINAL, counters={Base.TIME: 5})
        self.assertEqual(report("Stop", ("Acct-Session-Time", 5)).units, (final,))
        self.assertEqual(report("Stop", ("Acct-Session-Time", 5), origin="answer").units, ())
        self.assertEqual(report("Stop", ("Acct-Session-Time", 5), origin="").units, (final,))
        self.assertEqual(report("Stop", origin="").units, ())
        data = accounting([("Acct-Session-Id", "a"), ("Acct-Status-Type", "Stop"), ("User-Name", CARD)])
        self.assertEqual(data.units, (UnitRequest(report=Report.FINAL),))
        failed = accounting([("Acct-Session-Id", "a"), ("Acct-Status-Type", "Failed"), ("User-Name", CARD)])
        self.assertEqual((failed.kind, failed.units, failed.key != data.key), (Kind.STOP, (UnitRequest(used=0, report=Report.FINAL),), True))

    def test_capitals(self) -> None:
        """AudioCodes' gateways write the origin with a capital: their answering leg is not rated either, and has the same key."""
        self.assertEqual(report("Stop", ("Acct-Session-Time", 5), origin="Answer").units, ())
        self.assertEqual(*[report("Stop", ("Acct-Session-Time", 5), origin=word).key for word in ("Originate", "originate")])

    def test_reports(self) -> None:
        """A Start reports nothing; an Alive its counter so far, or nothing."""
        self.assertEqual([report("Start").units, report("Alive").units], [(UnitRequest(),)] * 2)
        self.assertEqual(report("Alive", ("Acct-Session-Time", 30)).units, (UnitRequest(used=30, counters={Base.TIME: 30}),))

    def test_kept(self) -> None:
        """What travels to the xDR, from real attributes and from pairs, by our names; what is empty or no text is left out."""
        pairs: list[tuple[str, Value]] = [("Cisco-AVPair", "call-id=i@x"), ("Framed-IP-Address", "10.0.0.1"), ("h323-voice-quality", "20")]
        asked = report("Stop", *pairs, ("Acct-Session-Id", "a"), ("h323-remote-address", "192.0.2.77"), ("h323-disconnect-cause", "10"))
        wanted = {"call_id": "i@x", "subscriber_ip": "10.0.0.1", "voice_quality": "20", "acct_session_id": "a", "remote_address": "192.0.2.77"}
        self.assertEqual(asked.kept, {**wanted, "disconnect_cause": "10"})
        self.assertEqual(report("Stop").kept, {})
