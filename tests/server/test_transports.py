"""Transports over real connections on loopback: what comes back, and what becomes of a server that is slow, gone or hostile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase
from twisted.web.http import Request as Asked
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from portaswitch.errors import LogInRefused, NotSendable, TransportFailed
from portaswitch.handler import (
    OSMO_CTRL,
    Basic,
    Dialect,
    File,
    FileTarget,
    Http,
    HttpTarget,
    Line,
    LineTarget,
    Soap,
    Target,
    fields,
    xml,
)
from portaswitch.interfaces.transport import ITransport
from portaswitch.transports import transport
from portaswitch.transports.http import LARGEST_BODY

reactor: Any = installed
PASSWORD = "not-to-be-seen"
MML = Dialect("mml", ";\r\n", r"---\s*END\s*", 'LGI:OPNAME="{user}",PWD="{password}"', "SUCCESS", "LGO:")


class Vendor(Resource):
    """An HTTP server that answers by path, and remembers what it was asked."""

    isLeaf = True

    def __init__(self) -> None:
        Resource.__init__(self)
        self.asked: list[tuple[bytes, bytes, Mapping[str, str], bytes]] = []
        self.hanging: list[Asked] = []

    def render(self, request: Asked) -> Any:
        """Answer as the path says."""
        headers = {name.decode().lower(): values[0].decode() for name, values in request.requestHeaders.getAllRawHeaders()}
        body = request.content.read() if request.content else b""
        self.asked.append((request.method, request.uri, headers, body))
        answer: Callable[[Asked], Any] = getattr(self, "on_" + request.path.decode().strip("/"), lambda _: b"ok")
        return answer(request)

    def on_moved(self, request: Asked) -> bytes:
        """A redirect, which nobody follows."""
        request.setResponseCode(307)
        request.setHeader(b"location", b"http://127.0.0.1:1/token")
        return b""

    def on_soap(self, request: Asked) -> bytes:
        """An answer with a fault of the vendor's own."""
        request.setHeader(b"content-type", b"text/xml")
        return b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><R><Code>7</Code></R></e:Body></e:Envelope>'

    def on_bomb(self, request: Asked) -> bytes:
        """A document type."""
        request.setHeader(b"content-type", b"text/xml")
        return b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>'

    def on_hang(self, request: Asked) -> int:
        """Never an answer."""
        self.hanging.append(request)
        return NOT_DONE_YET

    def on_cookie(self, request: Asked) -> bytes:
        """A session in a cookie."""
        request.addCookie(b"s", b"17")
        return b""

    def on_dripping(self, request: Asked) -> int:
        """An answer that begins and has no end."""
        request.write(b"x")
        self.hanging.append(request)
        return NOT_DONE_YET

    def on_lost(self, request: Asked) -> int:
        """The connection goes."""
        transport: Any = request.transport
        transport.abortConnection()
        return NOT_DONE_YET

    def on_huge(self, request: Asked) -> bytes:
        """More than anybody wants."""
        return b"x" * (LARGEST_BODY + 1)


class TransportCase(TestCase):
    """A port on loopback, and transports that are closed after the test."""

    def listen(self, factory: Any) -> int:
        """Listen on a free port."""
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)

    def transport(self, target: Target, **values: Any) -> ITransport:
        """The transport of a target, closed after the test."""
        made = transport(reactor, "vendor", target, {"password": PASSWORD, **values})
        self.addCleanup(made.close)
        return made

    async def fails(self, sent: Deferred[Any], *errors: type[Exception]) -> str:
        """The text of the failure of `sent`, which shows no secret."""
        try:
            await sent
        except errors as error:
            self.assertNotIn(PASSWORD, f"{error} {error!r}")
            return str(error)
        raise AssertionError("it went well")


class HttpTests(TransportCase):
    """HTTP and SOAP."""

    def setUp(self) -> None:
        """A vendor, and a transport that logs in by Basic."""
        self.vendor = Vendor()
        self.port = self.listen(Site(self.vendor))
        self.http = self.transport(HttpTarget(auth=Basic(), seconds=1), url=f"http://127.0.0.1:{self.port}/", user="u", parallel=2)

    async def test_requests(self) -> None:
        """Method, path, query, body by kind, log-in."""
        reply = await self.http.send(Http("PUT", "/a", {"q": "x y"}, json={"name": "Zoë"}))
        await self.http.send(Http("POST", "/b", form={"k": "v&w"}))
        self.assertEqual((reply.status, reply.body), (200, "ok"))
        (put, uri, headers, body), (_, _, form_headers, form) = self.vendor.asked
        self.assertEqual((put, uri, body), (b"PUT", b"/a?q=x+y", '{"name":"Zoë"}'.encode()))
        self.assertTrue(headers["authorization"].startswith("Basic "))
        self.assertEqual((form, form_headers["content-type"]), (b"k=v%26w", "application/x-www-form-urlencoded"))

    async def test_soap(self) -> None:
        """The content goes in an envelope and the answer's content comes out of one."""
        reply = await self.http.send(Soap("/soap", xml("Ask", *fields(Imsi="1")), action="urn:ask"))
        assert reply.xml is not None
        self.assertEqual((reply.xml.tag, reply.xml.value("Code")), ("R", "7"))
        _, _, headers, body = self.vendor.asked[0]
        self.assertEqual(headers["soapaction"], '"urn:ask"')
        self.assertIn(b"<Ask><Imsi>1</Imsi></Ask>", body)

    async def test_moved(self) -> None:
        """A redirect is an answer like any other."""
        reply = await self.http.send(Http("GET", "/moved"))
        self.assertEqual((reply.status, reply.headers["location"]), (307, "http://127.0.0.1:1/token"))
        self.assertEqual(len(self.vendor.asked), 1)

    async def test_failures(self) -> None:
        """No answer, a lost connection, nobody there: tried again later. A hostile answer: parked."""
        await self.fails(self.http.send(Http("GET", "/hang")), TransportFailed)
        self.assertIn("TimeoutError", await self.fails(self.http.send(Http("GET", "/dripping")), TransportFailed))
        await self.fails(self.http.send(Http("GET", "/lost")), TransportFailed)
        await self.fails(self.http.send(Http("GET", "/bomb")), NotSendable)
        await self.fails(self.http.send(Http("GET", "/huge")), NotSendable)
        await self.fails(self.http.send(Line("GET x")), NotSendable)
        nobody = self.transport(HttpTarget(seconds=1), url="http://127.0.0.1:9")
        await self.fails(nobody.send(Http("GET", "/")), TransportFailed)
        self.assertEqual((await self.http.send(Http("GET", "/again"))).body, "ok")


    async def test_no_line_a_connection(self) -> None:
        """A vendor that closes each connection does not fill the server's log."""
        told = EventLoggingObserver.createWithCleanup(self, globalLogPublisher)
        for _ in range(2):
            await self.fails(self.http.send(Http("GET", "/lost")), TransportFailed)
        self.assertEqual([event for event in told if "_HTTP11ClientFactory" in str(event.get("log_namespace"))], [])

    async def test_cookies(self) -> None:
        """A target without a log-in of HTTP's own may keep its session in a cookie; where a header proves who asks there is none to keep."""
        plain = self.transport(HttpTarget(), url=f"http://127.0.0.1:{self.port}")
        for http in (plain, self.http):
            self.vendor.asked.clear()
            await http.send(Http("POST", "/cookie"))
            await http.send(Http("POST", "/ü", json={}))
            self.assertEqual(self.vendor.asked[1][1], b"/%C3%BC")
            self.assertEqual(self.vendor.asked[1][2].get("cookie"), "s=17" if http is plain else None)


class Talker(Protocol):
    """A text session: a log-in, commands, a clear end."""

    transport: Any
    password = PASSWORD
    connections = 0

    def connectionMade(self) -> None:
        """Count."""
        type(self).connections += 1
        self.kept = b""

    def dataReceived(self, data: bytes) -> None:
        """One answer a command."""
        *commands, self.kept = (self.kept + data).split(b";\r\n")
        for command in commands:
            text = command.decode()
            if text.startswith("LGI"):
                good = f'PWD="{self.password}"' in text
                self.say("SUCCESS0001:in" if good else "ERR1018:wrong password")
            elif text == "HANG":
                continue
            elif text == "BYE":
                self.transport.loseConnection()
            else:
                self.say(f"SUCCESS0001:{text}")

    def say(self, line: str) -> None:
        """An answer in MML's frame."""
        self.transport.write(f"+++ HLR\r\n{line}\r\n---    END\r\n".encode())


class LineTests(TransportCase):
    """MML and Osmocom's CTRL interface."""

    def line(self, password: str = PASSWORD) -> tuple[ITransport, type[Talker]]:
        """A transport and the class of its server's sessions."""
        talker = type("Talking", (Talker,), {"password": password, "connections": 0})
        port = self.listen(Factory.forProtocol(talker))
        return self.transport(LineTarget(dialect=MML, seconds=1, parallel=3), address=f"127.0.0.1:{port}", user="u"), talker

    async def test_order(self) -> None:
        """Commands share one session, and each gets its own answer."""
        line, talker = self.line()
        replies = await gatherResults([line.send(Line(f"LST SUB:N={number}")) for number in range(9)])
        self.assertEqual([f"N={number}" in reply.body for number, reply in enumerate(replies)], [True] * 9)
        self.assertEqual(talker.connections, 1)

    async def test_broken(self) -> None:
        """An answer that stays away, or a lost connection, ends the session; the next command opens another."""
        line, talker = self.line()
        await self.fails(line.send(Line("HANG")), TransportFailed)
        await self.fails(line.send(Line("BYE")), TransportFailed)
        self.assertIn("LST", (await line.send(Line("LST"))).body)
        self.assertEqual(talker.connections, 3)

    async def test_refused(self) -> None:
        """A refused log-in has an error of its own, since it must not be tried again: not by those who wait for it either, nor by who comes later."""
        line, talker = self.line("another")
        for sent in [line.send(Line("LST")) for _ in range(4)]:
            await self.fails(sent, LogInRefused)
        await self.fails(line.send(Line("LST")), LogInRefused)
        self.assertEqual(talker.connections, 1)

    async def test_osmo(self) -> None:
        """A CTRL command and its answer in IPA frames."""

        class Ctrl(Protocol):
            """Answers the command it expects."""

            transport: Any

            def dataReceived(self, data: bytes) -> None:
                """See the frame."""
                text = data[4:].decode().replace("SET", "SET_REPLY").encode()
                self.transport.write((len(text) + 1).to_bytes(2, "big") + b"\xee\x00" + text)

        port = self.listen(Factory.forProtocol(Ctrl))
        osmo = self.transport(LineTarget(dialect=OSMO_CTRL, seconds=1), address=f"127.0.0.1:{port}")
        self.assertEqual((await osmo.send(Line("SET subscriber.create 1"))).body, "SET_REPLY 1 subscriber.create 1")


class FileTests(TransportCase):
    """Batch files."""

    def files(self, target: FileTarget) -> tuple[ITransport, Path]:
        """A transport and its folder."""
        folder = Path(self.mktemp())
        folder.mkdir()
        return self.transport(target, directory=str(folder)), folder

    async def test_batches(self) -> None:
        """Rows that come together share a file; numbers have no gap, and nothing half written is left."""
        files, folder = self.files(FileTarget(pattern="{sequence}.csv"))
        first = await gatherResults([files.send(File((str(number), "a,b"))) for number in range(3)])
        second = await files.send(File(("x",)))
        self.assertEqual({reply.body for reply in first} | {second.body}, {"00000001.csv", "00000002.csv"})
        self.assertEqual((folder / "00000001.csv").read_text(), '0,"a,b"\n1,"a,b"\n2,"a,b"\n')
        self.assertEqual(sorted(path.name for path in folder.glob("*.csv*")), ["00000001.csv", "00000002.csv"])

    async def test_acknowledged(self) -> None:
        """The reply waits for the acknowledgement; one that stays away is tried again."""
        files, folder = self.files(FileTarget(pattern="{sequence}.csv", acknowledgement="{name}.ack", seconds=2))
        (folder / "00000001.csv.ack").write_text("OK")
        self.assertEqual((await files.send(File(("x",)))).body, "OK")
        await self.fails(files.send(File(("y",))), TransportFailed)

    async def test_full(self) -> None:
        """A folder that is gone, as a full disk: tried again later, and no number is lost."""
        files, folder = self.files(FileTarget(pattern="{sequence}.csv"))
        moved = folder.rename(folder.with_name(f"{folder.name}-moved"))
        await self.fails(files.send(File(("x",))), TransportFailed)
        moved.rename(folder)
        self.assertEqual((await files.send(File(("x",)))).body, "00000001.csv")

    async def test_kinds(self) -> None:
        """A request of another wire is refused at once."""
        files, _ = self.files(FileTarget())
        await self.fails(files.send(Http("GET", "/")), NotSendable)
