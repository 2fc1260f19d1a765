"""The simulated osmo-hlr against the requests and answers that were observed at the real one, by octets."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.core import Fault
from tests.simulators.osmo_hlr import OsmoHlr
from tests.unit.simulators.octets import Wire

IMSI, OTHER = "001010000000001", "001010000000002"
KEY = "00112233445566778899aabbccddeeff"


def frame(text: str) -> bytes:
    """A control frame."""
    return (len(text) + 1).to_bytes(2, "big") + b"\xee\x00" + text.encode()


class OsmoHlrTests(SynchronousTestCase):
    """CTRL."""

    def setUp(self) -> None:
        self.hlr = OsmoHlr(Clock())
        self.wire = Wire(self.hlr)

    def says(self, asked: str, answer: str) -> None:
        """One command and the whole answer to it."""
        self.assertEqual(self.wire.send(frame(asked)), frame(answer))

    def test_recorded(self) -> None:
        """A command's octets, written out."""
        self.assertEqual(
            self.wire.send(b"\x00\x28\xee\x00SET 1 subscriber.create 001010000000001"), b"\x00\x20\xee\x00SET_REPLY 1 subscriber.create 1"
        )

    def test_life(self) -> None:
        """Created once, found by each selector, deleted once; numbers are not used again."""
        self.says(f"SET 1 subscriber.create {IMSI}", "SET_REPLY 1 subscriber.create 1")
        self.says(f"SET 2 subscriber.create {IMSI}", "ERROR 2 Subscriber already exists.")
        self.says(f"SET 3 subscriber.by-imsi-{IMSI}.msisdn 447700900123", f"SET_REPLY 3 subscriber.by-imsi-{IMSI}.msisdn OK")
        self.says("SET 4 subscriber.by-msisdn-447700900123.ps-enabled 0", "SET_REPLY 4 subscriber.by-msisdn-447700900123.ps-enabled OK")
        info = f"id\t1\nimsi\t{IMSI}\nmsisdn\t447700900123\nnam_cs\t1\nnam_ps\t0"
        self.says("GET 5 subscriber.by-id-1.info", f"GET_REPLY 5 subscriber.by-id-1.info {info}")
        self.says(f"SET 6 subscriber.delete {IMSI}", "SET_REPLY 6 subscriber.delete 1")
        self.says(f"SET 7 subscriber.delete {IMSI}", "ERROR 7 Subscriber doesn't exist.")
        self.says(f"GET 8 subscriber.by-imsi-{IMSI}.info", "ERROR 8 No such subscriber.")
        self.says(f"SET 9 subscriber.create {IMSI}", "SET_REPLY 9 subscriber.create 2")

    def test_keys(self) -> None:
        """Keys of both generations, and bad ones."""
        self.says(f"SET 1 subscriber.create {IMSI}", "SET_REPLY 1 subscriber.create 1")
        name = f"subscriber.by-imsi-{IMSI}"
        self.says(f"SET 2 {name}.aud3g milenage,{KEY},OPC,{KEY}", f"SET_REPLY 2 {name}.aud3g OK")
        self.says(f"SET 2 {name}.aud3g milenage,{KEY},OPC,{KEY},5", f"SET_REPLY 2 {name}.aud3g OK")
        self.says(f"SET 3 {name}.aud3g milenage,12,OPC,{KEY}", "ERROR 3 Invalid KI.")
        self.says(f"SET 4 {name}.aud2g comp128v1,{KEY}", f"SET_REPLY 4 {name}.aud2g OK")
        self.says(f"SET 5 {name}.aud2g comp128v1,zz", "ERROR 5 Invalid KI.")
        aud = f"aud2g.algo\tCOMP128V1\naud2g.ki\t{KEY}\naud3g.algo\tMILENAGE\naud3g.k\t{KEY}\naud3g.opc\t{KEY}\naud3g.ind_bitlen\t5"
        self.says(f"GET 6 {name}.info-aud", f"GET_REPLY 6 {name}.info-aud {aud}")
        self.says(f"SET 7 {name}.aud3g none", f"SET_REPLY 7 {name}.aud3g OK")
        self.assertEqual(self.hlr.subscribers[IMSI].aud3g, ())

    def test_number(self) -> None:
        """A number is one subscriber's; `none` takes it away."""
        for imsi in (IMSI, OTHER):
            self.wire.send(frame(f"SET 1 subscriber.create {imsi}"))
        first, second = (f"subscriber.by-imsi-{imsi}.msisdn" for imsi in (IMSI, OTHER))
        self.says(f"SET 1 {first} 4477", f"SET_REPLY 1 {first} OK")
        self.assertIn(b"ERROR 2 ", self.wire.send(frame(f"SET 2 {second} 4477")))
        self.says(f"SET 3 {first} none", f"SET_REPLY 3 {first} OK")
        self.says(f"SET 4 {second} 4477", f"SET_REPLY 4 {second} OK")
        self.assertIn(b"ERROR 5 ", self.wire.send(frame(f"SET 5 {second} +4477")))

    def test_wrong(self) -> None:
        """What is no command, no subscriber, no IMSI."""
        for asked, answer in (
            ("SET 1 subscriber.create 12ab", "ERROR 1 Invalid IMSI value."),
            (f"SET 2 subscriber.by-imsi-{IMSI}.msisdn 1", "ERROR 2 No such subscriber."),
            ("PUT 3 x y", "ERROR err Request type unknown"),
            ("GET", "ERROR err Missing ID"),
            ("GET x y", "ERROR err Invalid message ID number"),
            ("GET 4", "ERROR 4 GET incomplete"),
            ("SET 5 x", "ERROR 5 SET incomplete"),
            ("GET 6 x y", "ERROR 6 GET with trailing characters"),
            ("GET 7 nothing.here", "ERROR 7 Command not found"),
        ):
            self.says(asked, answer)

    def test_stream(self) -> None:
        """Frames are found wherever the octets are cut; a ping has its pong; other streams are passed over."""
        stream = b"\x00\x01\xfe\x00" + b"\x00\x02\x00\x01\x02" + frame(f"SET 1 subscriber.create {IMSI}")
        for cut in range(len(stream)):
            hlr = OsmoHlr(Clock())
            wire = Wire(hlr)
            got = wire.send(stream[:cut]) + wire.send(stream[cut:])
            self.assertEqual(got, b"\x00\x01\xfe\x01" + frame("SET_REPLY 1 subscriber.create 1"))

    def test_endless(self) -> None:
        """A frame that is longer than any command ends the connection."""
        self.wire.send(b"\xff\xff\xee\x00")
        self.assertTrue(self.wire.closed)

    def test_faults(self) -> None:
        """Silent: nothing done. Lost: done, no answer. Session lost: the connection ends before."""
        self.hlr.faults.on(Fault.SILENT, 1)
        self.assertEqual(self.wire.send(frame(f"SET 1 subscriber.create {IMSI}")), b"")
        self.assertEqual(self.hlr.subscribers, {})
        self.hlr.faults.on(Fault.BUSY, 1)
        self.says(f"SET 1 subscriber.create {IMSI}", "ERROR 1 Internal HLR error")
        self.hlr.faults.lose_every = 2
        self.assertEqual(self.wire.send(frame(f"SET 2 subscriber.create {IMSI}")), b"")
        self.assertIn(IMSI, self.hlr.subscribers)
        self.assertTrue(self.wire.closed)
        self.wire = Wire(self.hlr)
        self.hlr.faults.on(Fault.SESSION_LOST, 1)
        self.assertEqual(self.wire.send(frame(f"SET 3 subscriber.delete {IMSI}")), b"")
        self.assertTrue(self.wire.closed)
        self.assertIn(IMSI, self.hlr.subscribers)

    def test_record(self) -> None:
        """Keys are recorded, but never shown."""
        self.wire.send(frame(f"SET 1 subscriber.create {IMSI}"))
        self.wire.send(frame(f"SET 2 subscriber.by-imsi-{IMSI}.aud2g xor,{KEY}"))
        self.assertEqual(self.hlr.operations, ["SET subscriber.create", f"SET subscriber.by-imsi-{IMSI}.aud2g"])
        self.assertNotIn(KEY, str(self.hlr.asked[1]))
