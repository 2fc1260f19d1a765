"""Line protocols: commands to octets, octets to answers."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.errors import NotSendable
from portaswitch.handler.targets import MML, OSMO_CTRL, Dialect
from portaswitch.transports.dialects import LONGEST_ANSWER, codec

ANSWER = b"+++    HLR9820   2026-11-29 10:00:00\r\nSMU    #1\r\n%%LST SUB%%\r\nRETCODE = 0  SUCCESS0001:done\r\n\r\n---    END\r\n"


class MmlTests(SynchronousTestCase):
    """MML: commands end with a semicolon, answers with a line of their own."""

    def test_command(self) -> None:
        """The end mark is the codec's, whether the handler wrote it or not."""
        self.assertEqual(codec(MML).encode('LST SUB:IMSI="1"'), b'LST SUB:IMSI="1";\r\n')
        self.assertEqual(codec(MML).encode('LST SUB:IMSI="1";'), b'LST SUB:IMSI="1";\r\n')

    def test_injection(self) -> None:
        """A value can't end the command and begin another."""
        for text in ('LST SUB:IMSI="1";RMV SUB:IMSI="2"', "LST SUB\r\nRMV SUB", "LST \x00"):
            with self.assertRaises(NotSendable):
                codec(MML).encode(text)

    def test_answers(self) -> None:
        """Answers are found wherever the octets are cut, and two at once are two."""
        for cut in range(len(ANSWER)):
            line = codec(MML)
            answers = line.feed(ANSWER[:cut]) + line.feed(ANSWER[cut:] + ANSWER)
            self.assertEqual(len(answers), 2)
            self.assertIn("RETCODE = 0", answers[0])

    def test_endless(self) -> None:
        """An answer that never ends is a fault, not a full memory."""
        line = codec(MML)
        with self.assertRaises(NotSendable):
            for _ in range(3):
                line.feed(b"x" * (LONGEST_ANSWER // 2))

    def test_endless_in_lines(self) -> None:
        """Empty lines without an end are no full memory either; whole answers one after the other are no endless one."""
        endless = codec(MML)
        with self.assertRaises(NotSendable):
            for _ in range(100):
                endless.feed(b"\r\n" * 32_768)
        whole = codec(MML)
        answer = b"x" * 60_000 + b"\n---    END\n"
        self.assertEqual([len(whole.feed(answer)) for _ in range(100)], [1] * 100)

    def test_one_line(self) -> None:
        """A dialect without an end mark of answers answers by lines."""
        self.assertEqual(codec(Dialect("plain", end="\n")).feed(b"OK\nER"), ["OK"])


class OsmoTests(SynchronousTestCase):
    """Osmocom's CTRL interface (vendors' facts: frames observed at osmo-hlr 1.5.0)."""

    def test_frame(self) -> None:
        """Length, 0xEE, 0x00, then the numbered command."""
        line = codec(OSMO_CTRL)
        self.assertEqual(line.encode("SET subscriber.create 901700000000001"), b"\x00\x28\xee\x00SET 1 subscriber.create 901700000000001")
        self.assertIn(b"GET 2 subscriber", line.encode("GET subscriber.by-imsi-1.info"))

    def test_refused(self) -> None:
        """What is no GET or SET, or has a line end inside, is not sent."""
        for text in ("TRAP x", "GET", "SET a b\nSET c d"):
            with self.assertRaises(NotSendable):
                codec(OSMO_CTRL).encode(text)

    def test_answers(self) -> None:
        """Answers are cut out of the stream; traps and other IPA protocols are passed over."""
        text = b"SET_REPLY 1 subscriber.create 7"
        frame = (len(text) + 1).to_bytes(2, "big") + b"\xee\x00" + text
        trap = b"\x00\x07\xee\x00TRAP x"
        ping = b"\x00\x01\xfe\x00"
        stream = trap + ping + frame
        for cut in range(len(stream)):
            line = codec(OSMO_CTRL)
            self.assertEqual(line.feed(stream[:cut]) + line.feed(stream[cut:]), [text.decode()])
