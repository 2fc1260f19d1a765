"""Datagrams and streams: where a message ends, pings, and what closes a connection."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.sip.fault import Fault
from portaswitch.wire.sip.framing import Item, Signal, Stream
from portaswitch.wire.sip.limits import Limits
from portaswitch.wire.sip.message import Request, Response
from tests.unit.wire.sip.making import asked, asking, faulty, replying, telling

FEW = settings(max_examples=100, deadline=None)


def shown(items: list[Item]) -> list[str]:
    """Items in a word each: a method, a status, a fault's reason, a signal."""
    names = []
    for item in items:
        match item:
            case Request():
                names.append(item.method)
            case Response():
                names.append(str(item.status))
            case Fault():
                names.append(item.reason)
            case Signal():
                names.append(item.value)
    return names


class DatagramTests(SynchronousTestCase):
    """One message, by its Content-Length."""

    def test_length(self) -> None:
        """Octets behind Content-Length are passed over; without it the body goes to the end; less is 400 (RFC 3261 18.3)."""
        self.assertEqual(asked(telling("hello") + b"more").body, b"hello")
        self.assertEqual(asked(telling("hello", {"Content-Length": None})).body, b"hello")
        self.assertEqual(
            (faulty(telling("hello", {"Content-Length": "6"})).status, faulty(telling("hello", {"Content-Length": "6"})).phrase),
            (400, "Body Shorter Than Content-Length"),
        )

    def test_line_ends_before(self) -> None:
        """Line ends before a message are passed over, alone they keep a hole in a NAT open: dropped, counted apart."""
        self.assertEqual(asked(b"\r\n\r\n" + telling()).body, b"hello")
        self.assertEqual([(faulty(octets).reason, faulty(octets).dropped) for octets in (b"", b"\r\n\r\n", b"\r\n")], [("keep-alive", True)] * 3)


class StreamTests(SynchronousTestCase):
    """RFC 3261 18.3, RFC 5626 4.4.1."""

    def test_several(self) -> None:
        """Several messages in one read, a ping between them."""
        stream = Stream()
        octets = telling() + b"\r\n\r\n" + replying() + b"\r\n" + asking()
        self.assertEqual(shown(stream.feed(octets)), ["MESSAGE", "ping", "200", "OPTIONS"])
        self.assertEqual((stream.waiting, stream.closed, stream.ended()), (0, False, None))

    @FEW
    @given(st.lists(st.integers(1, 400), max_size=20))
    def test_any_pieces(self, sizes: list[int]) -> None:
        """Wherever the reads cut, the same messages come out."""
        octets = b"\r\n\r\n" + telling("one") + b"\r\n\r\n" + telling("two\r\n\r\nINVITE") + b"\r\n\r\n" + replying()
        stream, items, at = Stream(), list[Item](), 0
        for size in (*sizes, len(octets)):
            items += stream.feed(octets[at : at + size])
            at += size
        self.assertEqual(shown(items), ["ping", "MESSAGE", "ping", "MESSAGE", "ping", "200"])
        self.assertEqual([item.body for item in items if isinstance(item, Request)], [b"one", b"two\r\n\r\nINVITE"])

    def test_octet_by_octet(self) -> None:
        """A message that comes octet by octet; pings too."""
        stream = Stream()
        self.assertEqual(shown([item for octet in b"\r\n\r\n\r\n" + telling() for item in stream.feed(bytes((octet,)))]), ["ping", "MESSAGE"])

    def test_pong(self) -> None:
        """Who pings gets a line end back at once."""
        self.assertEqual(shown(Stream(asks=True).feed(b"\r\n")), ["pong"])
        self.assertEqual(shown(Stream().feed(b"\r\n")), [])

    def test_no_length(self) -> None:
        """Without a Content-Length that can be read nothing behind it can be: 400, and the end of the connection."""
        for changes, reason in (
            ({"Content-Length": None}, "no-content-length"),
            ({"Content-Length": "x"}, "content-length"),
            ({"Content-Length": "99999999"}, "body-too-large"),
        ):
            stream = Stream()
            items = stream.feed(telling("hello", dict(changes)) + telling())
            self.assertEqual((shown(items), stream.closed, stream.waiting), ([reason], True, 0))
            self.assertEqual(stream.feed(telling()), [])
            assert isinstance(items[0], Fault)
            self.assertEqual(items[0].status, 413 if "large" in reason else 400)

    def test_fault_inside(self) -> None:
        """A fault that leaves the length known costs the message, not the connection."""
        stream = Stream()
        self.assertEqual(shown(stream.feed(telling("x", {"To": '"'}) + telling())), ["bad-to", "MESSAGE"])
        self.assertFalse(stream.closed)

    def test_garbage(self) -> None:
        """What isn't SIP closes; a head without end closes at its limit, with an answer if it began as a request."""
        for octets, reason, status in (
            (b"GET / HTTP/1.1\r\n\r\n", "garbage", 0),
            (b"\0" * 3000, "garbage", 0),
            (telling()[:300] + b"X: y\r\n" * 1000, "head-too-large", 513),
        ):
            stream = Stream(Limits(head=2000))
            items = [item for at in range(0, len(octets), 100) for item in stream.feed(octets[at : at + 100])]
            self.assertEqual((shown(items), stream.closed), ([reason], True))
            assert isinstance(items[0], Fault)
            self.assertEqual(items[0].status, status)

    def test_cut_off(self) -> None:
        """A connection that ends inside a head or a body."""
        for octets in (telling()[:40], telling()[:-1]):
            stream = Stream()
            stream.feed(octets)
            fault = stream.ended()
            assert fault is not None
            self.assertEqual((fault.reason, fault.dropped, stream.closed), ("cut-off", True, True))
