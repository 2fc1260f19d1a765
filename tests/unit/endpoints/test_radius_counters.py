"""Use in accounting: octets with gigawords, pieces, seconds, the keys of Alives, and the sub-sessions of a PDSN."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.lenient import IGNORED
from portaswitch.endpoints.radius_request import to_request
from portaswitch.model.request import AAARequest, Base, Kind, Report, UnitRequest
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Code
from tests.unit.builders import AT, CARD
from tests.unit.endpoints.radius_world import CLIENT, accounting, example, packet
from tests.unit.endpoints.test_radius_request import BRAS, ivr, world

WORDS = st.integers(0, 2**32 - 1)


def report(status: str, *attributes: tuple[str, Value]) -> AAARequest:
    """Accounting of an Internet session."""
    return accounting([("User-Name", CARD), ("Acct-Session-Id", "81707b87"), ("Acct-Status-Type", status), *attributes])


def counters(*attributes: tuple[str, Value]) -> dict[Base, int]:
    """What an Alive reports."""
    return dict(report("Alive", *attributes).units[0].counters)


class ExampleTests(SynchronousTestCase):
    """Accounting of the guide's Appendix A."""

    def test_internet_session(self) -> None:
        """Example 08: Start, Alive and Stop of one session, in seconds and octets; no number."""
        start, alive, stop = (
            to_request(packet(Code.ACCOUNTING_REQUEST, [pair for pair in attributes if pair[0] != "Unknown-Attribute"]), CLIENT, BRAS, AT, "r1", world())
            for kind, attributes in example("08") if kind == "Accounting-Request"
        )  # fmt: skip
        self.assertEqual([(one.kind, one.session, one.parties.called) for one in (start, alive, stop)], [
            (kind, "81707b87", "") for kind in (Kind.START, Kind.UPDATE, Kind.STOP)
        ])  # fmt: skip
        self.assertEqual(start.units, (UnitRequest(),))
        self.assertEqual(alive.units, (UnitRequest(used=1800, counters={Base.TIME: 1800, Base.OCTETS: 1_612_225}),))
        self.assertEqual(stop.units, (UnitRequest(used=3725, report=Report.FINAL, counters={Base.TIME: 3725, Base.OCTETS: 68_283_730}),))
        self.assertEqual(stop.at, datetime.fromtimestamp(1_514_303_597, UTC))
        self.assertEqual(stop.kept, {
            "subscriber_ip": "41.213.82.27", "acct_session_id": "81707b87", "terminate_cause": "Lost-Carrier", "called_station": "pppoe-service1",
            "nas_port": "15760440", "nas_port_id": "vlan140", "nas_port_type": "Ethernet", "service_kind": "Framed-User", "framed_protocol": "PPP",
            "realm": "ibhighspeed.co.za", "xmit_rate": "20000000", "authentic": "RADIUS", "input_octets": "2668094", "output_octets": "65615636",
            "input_packets": "20697", "output_packets": "52139",
        })  # fmt: skip

    def test_music_download(self) -> None:
        """Example 07: one piece, which is not its 3175 seconds."""
        stop = accounting(example("07")[-1][1])
        self.assertEqual((stop.kind, stop.service, stop.parties.called, stop.leg), (Kind.STOP, "Quantity", "JAZZ", "originate/Telephony"))
        self.assertEqual(stop.units, (UnitRequest(used=3175, report=Report.FINAL, counters={Base.TIME: 3175, Base.QUANTITY: 1}),))
        self.assertEqual([stop.units[0].reported(base) for base in (Base.QUANTITY, Base.OCTETS)], [1, None])
        self.assertEqual(stop.kept["setup_time"], "8000")


class CounterTests(SynchronousTestCase):
    """Use in each base that is told."""

    @settings(max_examples=80, deadline=None)
    @given(WORDS, WORDS, WORDS, WORDS)
    def test_octets(self, low_in: int, high_in: int, low_out: int, high_out: int) -> None:
        """Both directions with their gigawords, each kept by itself; sums that no 64 bits hold too."""
        asked = report("Alive", ("Acct-Input-Octets", low_in), ("Acct-Input-Gigawords", high_in), ("Acct-Output-Octets", low_out),
                       ("Acct-Output-Gigawords", high_out))  # fmt: skip
        read, written = high_in * 2**32 + low_in, high_out * 2**32 + low_out
        self.assertEqual(asked.units[0].counters, {Base.OCTETS: read + written})
        self.assertEqual((asked.kept["input_octets"], asked.kept["output_octets"]), (str(read), str(written)))

    def test_absent(self) -> None:
        """A counter that is absent is absent and no 0; one direction alone is a counter, gigawords alone are none."""
        self.assertEqual(counters(), {})
        self.assertEqual(counters(("Acct-Output-Octets", 5)), {Base.OCTETS: 5})
        self.assertEqual(counters(("Acct-Output-Gigawords", 5)), {})
        self.assertEqual(counters(("Acct-Session-Time", 0), ("Acct-Input-Octets", 0)), {Base.TIME: 0, Base.OCTETS: 0})
        (unit,) = report("Stop", ("Acct-Input-Octets", 9)).units
        self.assertEqual([unit.reported(base) for base in Base], [None, None, 9])
        (bare,) = report("Stop").units
        self.assertEqual([bare.reported(base) for base in Base], [None, None, None])
        (ended,) = report("Stop", ("h323-disconnect-time", "00:17:31.893 PST Fri Mar 9 2007")).units
        self.assertEqual(ended.reported(Base.TIME), 0)

    def test_used_resource(self) -> None:
        """Amount or value, in any base; it counts before what the NAS says of the session."""
        for text, wanted in {
            "base=quantity;amount=2": {Base.QUANTITY: 2}, "base=quantity;value=2": {Base.QUANTITY: 2}, "base=session-time;value=70": {Base.TIME: 70},
            "Base=Octets; amount=7": {Base.OCTETS: 7},
        }.items():  # fmt: skip
            self.assertEqual(counters(("PortaOne-Used-Resource", text)), wanted, text)
            self.assertEqual(counters(*ivr(f"PortaOne-Used-Resource:{text}")), wanted, text)
        both = [("PortaOne-Used-Resource", text) for text in ("base=session-time;value=70", "base=quantity;value=2")]
        self.assertEqual(counters(("Acct-Session-Time", 99), *ivr("Used-Service-Unit:5"), *both), {Base.TIME: 70, Base.QUANTITY: 2})

    def test_nonsense(self) -> None:
        """Use that is no number, negative, huge or in no base is not told, and counted; seconds that lead beyond the calendar are huge."""
        for attribute, texts in {
            "Used-Service-Unit": ("-1", "x", "9" * 40, "1.5", ""),
            "PortaOne-Used-Resource": ("", "base=quantity", "value=5", "base=x;value=5", "base=octets;value=-2", "base=session-time;value=4294967296"),
        }.items():  # fmt: skip
            before = IGNORED.get(attribute)
            for text in texts:
                self.assertEqual(counters(("Cisco-AVPair", f"{attribute}={text}")), {}, text)
            self.assertEqual(IGNORED.get(attribute) - before, len(texts))

    def test_impossible_times(self) -> None:
        """A call that was connected before there were telephones did not last a thousand years."""
        early, late = "00:00:00.000 UTC Fri Mar 9 1007", "00:00:00.000 UTC Fri Mar 9 2007"
        self.assertEqual(counters(("h323-connect-time", early), ("h323-disconnect-time", late)), {})
        self.assertEqual(counters(("h323-connect-time", late), ("h323-disconnect-time", early)), {})
        self.assertEqual(counters(("h323-connect-time", late), ("h323-disconnect-time", late.replace("2007", "1997"))), {Base.TIME: 0})
        far = "23:59:59.999 PST Fri Dec 31 9999"
        self.assertEqual(counters(("h323-connect-time", far), ("h323-disconnect-time", far)), {})

    def test_setup_time(self) -> None:
        """Until the phone rang, else until it was answered; nothing where the clock went back."""
        def delay(**times: str) -> str | None:
            texts = [(f"{name.replace('_', '-')}", f"00:16:{second} PST Fri Mar 9 2007") for name, second in times.items()]
            leg: list[tuple[str, Value]] = [("h323-call-origin", "originate"), *texts]
            return report("Stop", *leg).kept.get("setup_time")

        setup = {"h323_setup_time": "18.192"}
        self.assertEqual(delay(**setup, h323_connect_time="21.164"), "2972")
        self.assertEqual(delay(**setup, h323_connect_time="21.164", alert_timepoint="19.000"), "808")
        self.assertEqual([delay(**setup), delay(**setup, h323_connect_time="11.164"), delay(h323_connect_time="21.164")], [None] * 3)

    def test_leg_type(self) -> None:
        """PortaOne-Leg-Type says the side where h323-call-origin does not."""
        answered = report("Stop", ("PortaOne-Leg-Type", "1"), ("h323-conf-id", "c"), ("Acct-Session-Time", 5))
        self.assertEqual((answered.units, answered.leg), ((), "answer/"))
        originated = report("Stop", ("PortaOne-Leg-Type", "1"), ("h323-call-origin", "originate"), ("Acct-Session-Time", 5))
        self.assertEqual((len(originated.units), originated.leg), (1, "originate/"))


class KeyTests(SynchronousTestCase):
    """Idempotency keys of Alives."""

    def test_every_counter(self) -> None:
        """Two Alives with equal octets but a later time are two; the same counters are one, whenever they are sent."""
        octets, later = ("Acct-Input-Octets", 7), ("Acct-Session-Time", 61)
        first, second = report("Alive", octets, ("Acct-Session-Time", 60)), report("Alive", octets, later)
        self.assertNotEqual(first.key, second.key)
        self.assertEqual(second.key, report("Alive", octets, later, ("Acct-Delay-Time", 3), ("Event-Timestamp", 9)).key)
        mistaken = report("Alive", ("Acct-Session-Time", 7)), report("Alive", octets), report("Alive", *ivr("Used-Service-Unit:7"))
        self.assertEqual(len({one.key for one in mistaken}), 3)


class PdsnTests(SynchronousTestCase):
    """A session that moves between base stations (3GPP2 X.S0011-005)."""

    SHARED = ("3GPP2-Correlation-Id", "0000A1B2")

    def part(self, status: str, own: str, *attributes: tuple[str, Value]) -> AAARequest:
        """Accounting of one sub-session."""
        return accounting([("User-Name", CARD), ("Acct-Session-Id", own), ("Acct-Status-Type", status), *attributes])

    def test_one_session(self) -> None:
        """Sub-sessions are parts of the session they share; a Stop that continues is no end."""
        used: list[tuple[str, Value]] = [("Acct-Session-Time", 60), ("Acct-Input-Octets", 10)]
        moved = self.part("Stop", "1", self.SHARED, ("3GPP2-Session-Continue", 1), *used)
        self.assertEqual((moved.kind, moved.session, moved.kept["part"], moved.kept["acct_session_id"]), (Kind.UPDATE, "0000A1B2", "1", "1"))
        self.assertEqual(moved.units, (UnitRequest(used=60, counters={Base.TIME: 60, Base.OCTETS: 10}),))
        for attributes in ((self.SHARED,), (self.SHARED, ("3GPP2-Session-Continue", 0))):
            over = self.part("Stop", "2", *attributes, *used)
            self.assertEqual((over.kind, over.session, over.kept["part"], over.units[0].report), (Kind.STOP, "0000A1B2", "2", Report.FINAL))

    def test_keys(self) -> None:
        """The second sub-session's messages are not repetitions of the first one's."""
        messages = [("Start", ()), ("Alive", (("Acct-Session-Time", 5),)), ("Stop", (("3GPP2-Session-Continue", 1), ("Acct-Session-Time", 9))), ("Stop", ())]
        keys = {self.part(status, own, self.SHARED, *attributes).key for own in ("1", "2") for status, attributes in messages}
        self.assertEqual(len(keys), 8)

    def test_multi_session(self) -> None:
        """Acct-Multi-Session-Id names the session at a PDSN only: elsewhere each link ends for itself."""
        bundle = ("Acct-Multi-Session-Id", "m1")
        for mark in (("3GPP2-BSID", "0AF0"), ("3GPP2-Session-Continue", 0), ("3GPP2-Begin-Session", 1)):
            self.assertEqual(self.part("Start", "1", bundle, mark).session, "m1", mark)
        link = self.part("Stop", "1", bundle)
        self.assertEqual((link.session, link.kept["multi_session_id"], "part" in link.kept), ("1", "m1", False))
        self.assertEqual(self.part("Stop", "1", ("3GPP2-Session-Continue", 1)).kind, Kind.STOP)

    def test_without_its_own_id(self) -> None:
        """A sub-session that has no id is the session's only part."""
        asked = accounting([("User-Name", CARD), ("Acct-Status-Type", "Stop"), self.SHARED, ("3GPP2-Session-Continue", 1)])
        self.assertEqual((asked.kind, asked.kept["part"]), (Kind.UPDATE, "0000A1B2"))

    def test_unknown_node_data(self) -> None:
        """What names the cell is kept for Internet sessions."""
        attributes = [("User-Name", CARD), ("Acct-Session-Id", "1"), ("Acct-Status-Type", "Start"), self.SHARED, ("3GPP2-BSID", "0AF0"), ("3GPP2-ESN", "8F")]
        asked = to_request(packet(Code.ACCOUNTING_REQUEST, attributes), CLIENT, replace(BRAS), AT, "r1", world())
        self.assertEqual((asked.kept["bsid"], asked.kept["esn"]), ("0AF0", "8F"))
