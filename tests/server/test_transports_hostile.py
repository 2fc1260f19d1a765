"""
Transports over real connections to servers that speak nonsense: octets that are no answer, half of one, more than anybody wants, a TLS that nobody trusts.

Each ends its request as the table says, within its time, and the next request goes well.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.web.server import Site

from portaswitch.errors import NotSendable, TransportFailed
from portaswitch.handler import Http, HttpTarget, Line, LineTarget, Soap, xml
from portaswitch.transports.http import LARGEST_BODY
from tests.server.test_diameter_tls import certificate
from tests.server.test_transports import MML, TransportCase, Vendor, reactor

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"


def body(octets: bytes, *headers: bytes, length: int | None = None) -> bytes:
    """An answer with a body; `length` is what it claims."""
    return HEAD + b"".join(line + b"\r\n" for line in headers) + b"Content-Length: %d\r\n\r\n" % (len(octets) if length is None else length) + octets


#: What is sent, whether the connection ends after it, and what becomes of the request.
ANSWERS: tuple[tuple[str, bytes, bool, type[Exception]], ...] = (
    ("no HTTP", b"220 mail.example.com ESMTP\r\n", True, TransportFailed),
    ("no HTTP, and silence", b"\x16\x03\x01\x02\x00" * 100, False, TransportFailed),
    ("a status that is no number", b"HTTP/1.1 OK 200\r\n\r\n", True, TransportFailed),
    ("half of a head", HEAD, True, TransportFailed),
    ("a head without an end", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000, False, TransportFailed),
    ("a line without an end", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, False, TransportFailed),
    ("half of a body", body(b"<a>", length=100), True, TransportFailed),
    ("half of a body, and silence", body(b"<a>", length=100), False, TransportFailed),
    ("a length that is none", HEAD + b"Content-Length: many\r\n\r\n<a/>", True, TransportFailed),
    ("two lengths", HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n<a/>", True, TransportFailed),
    ("a piece without its size", HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n<a/>\r\n0\r\n\r\n", True, TransportFailed),
    ("half of the pieces", HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\n<a/>\r\n", True, TransportFailed),
    ("half of a document", body(b"<Envelope><Body><a>"), False, NotSendable),
    ("an envelope without a body", body(b"<Envelope/>"), False, NotSendable),
    ("a document within a document", body(b"<a/><b/>"), False, NotSendable),
    ("signs that are no XML", body(b"<a>\x00</a>"), False, NotSendable),
    ("too deep", body(b"<a>" * 100_000), False, NotSendable),
    ("10 MB", body(b"<a>" + b"x" * 10_000_000 + b"</a>"), False, NotSendable),
)


class Saying(Protocol):
    """Says its octets to whoever speaks; good ones once the bad ones are said."""

    transport: Any
    octets = heard = b""
    ends = False

    def dataReceived(self, data: bytes) -> None:
        """Answer."""
        kind = type(self)
        kind.heard += data
        said, ends = (kind.octets, kind.ends) if kind.octets else (self.good(), False)
        kind.octets = b""
        self.transport.write(said)
        if ends:
            self.transport.loseConnection()

    def good(self) -> bytes:
        """An answer as it should be."""
        return GOOD


class HttpTests(TransportCase):
    """HTTP and SOAP."""

    async def test_answers(self) -> None:
        """By the table, and then a good one."""
        for what, octets, ends, error in ANSWERS:
            saying = type("Octets", (Saying,), {"octets": octets, "ends": ends})
            http = self.transport(HttpTarget(seconds=1), url=f"http://127.0.0.1:{self.listen(Factory.forProtocol(saying))}")
            try:
                await http.send(Soap("/", xml("ask")))
            except (NotSendable, TransportFailed) as told:
                self.assertIsInstance(told, error, f"{what}: {told}")
            else:
                self.fail(f"{what}: it went well")
            self.assertEqual((await http.send(Http("GET", "/"))).body, "ok", what)

    async def test_compressed(self) -> None:
        """Nobody asks for compressed answers; one that is compressed all the same is what it is, whole or not: no document, and never an empty one."""
        whole = gzip.compress(b"<a>" + b"x" * 10_000_000)
        for octets in (whole, whole[:50], b"no gzip"):
            saying: Any = type("Octets", (Saying,), {"octets": body(octets, b"Content-Encoding: gzip"), "heard": b""})
            http = self.transport(HttpTarget(seconds=5), url=f"http://127.0.0.1:{self.listen(Factory.forProtocol(saying))}")
            reply = await http.send(Soap("/", xml("ask")))
            self.assertIsNone(reply.xml)
            self.assertEqual(reply.body, octets.decode("utf-8", "replace"))
            self.assertNotIn(b"accept-encoding", saying.heard.lower())

    async def test_error_pages(self) -> None:
        """A page of a balancer in the place of a document: its status tells what it is, so that it is tried again."""
        pages = (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html/>', b"<!-- down --><h1>Sorry", b"<h1>Sorry</h1><p>")
        for page in pages:
            saying = type("Octets", (Saying,), {"octets": body(page).replace(b" 200 OK", b" 503 Sorry", 1)})
            http = self.transport(HttpTarget(seconds=5), url=f"http://127.0.0.1:{self.listen(Factory.forProtocol(saying))}")
            reply = await http.send(Soap("/", xml("ask")))
            self.assertEqual((reply.status, reply.xml, reply.body), (503, None, page.decode()))

    async def test_the_largest(self) -> None:
        """What is just not too large is taken."""
        saying = type("Octets", (Saying,), {"octets": body(b"x" * LARGEST_BODY)})
        http = self.transport(HttpTarget(seconds=20), url=f"http://127.0.0.1:{self.listen(Factory.forProtocol(saying))}")
        self.assertEqual(len((await http.send(Http("GET", "/"))).body), LARGEST_BODY)

    async def test_tls(self) -> None:
        """A certificate that nobody vouches for, one of another name, a server without TLS: nothing is asked, no secret goes out."""
        vendor = Vendor()
        folder = Path(self.mktemp())
        folder.mkdir()
        file, key = certificate(folder)
        options = PrivateCertificate.loadPEM(file.read_bytes() + key.read_bytes()).options()
        port = reactor.listenSSL(0, Site(vendor), options, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        plain = self.listen(Site(vendor))
        for address, values in (
            (f"localhost:{port.getHost().port}", {}), (f"localhost:{port.getHost().port}", {"ca": str(file)}), (f"localhost:{plain}", {}),
        ):  # fmt: skip
            target = HttpTarget(seconds=5, ca_file="ca") if values else HttpTarget(seconds=5)
            http = self.transport(target, url=f"https://{address}", **values)
            await self.fails(http.send(Http("GET", "/")), TransportFailed)
        self.assertEqual(vendor.asked, [])


class Mml(Saying):
    """Lets everybody in, then says its octets."""

    said = b"RETCODE = 0 SUCCESS0001:ok\r\n---    END\r\n"

    def dataReceived(self, data: bytes) -> None:
        """A log-in goes well."""
        if data.startswith(b"LGI"):
            self.transport.write(self.good())
        elif not data.startswith(b"LGO"):
            super().dataReceived(data)

    def good(self) -> bytes:
        """Success."""
        return self.said


class LineTests(TransportCase):
    """MML."""

    async def test_answers(self) -> None:
        """Half an answer, none, too much of one: the session ends, and the next command gets its own answer."""
        for octets, ends, error in (
            (Mml.said[:20], True, TransportFailed), (Mml.said[:20], False, TransportFailed), (b"---    END", False, TransportFailed),
            (b"\xff" * 100, False, TransportFailed), (b"x" * 2_000_000, False, NotSendable), (b"x\r\n" * 600_000, False, NotSendable),
        ):  # fmt: skip
            saying = type("Octets", (Mml,), {"octets": octets, "ends": ends})
            address = f"127.0.0.1:{self.listen(Factory.forProtocol(saying))}"
            line = self.transport(LineTarget(dialect=MML, seconds=1), address=address, user="u")
            await self.fails(line.send(Line("LST SUB:IMSI=1")), error)
            self.assertIn("SUCCESS0001", (await line.send(Line("LST SUB:IMSI=2"))).body)

    async def test_more_than_was_asked(self) -> None:
        """A second answer to one command is nobody's, and not the next one's."""
        saying = type("Octets", (Mml,), {"octets": Mml.said + b"RETCODE = 3001 ERR3001:not yours\r\n---    END\r\n"})
        line = self.transport(LineTarget(dialect=MML, seconds=1), address=f"127.0.0.1:{self.listen(Factory.forProtocol(saying))}", user="u")
        replies = [(await line.send(Line(f"LST SUB:IMSI={number}"))).body for number in range(2)]
        self.assertEqual(["3001" in reply for reply in replies], [False, False])
