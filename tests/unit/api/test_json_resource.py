"""JSON over HTTP by the octets of a connection: what strangers send costs little and is no defect of ours, and a client that goes is none either."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request
from zope.interface import implementer

from portaswitch.api.json_resource import LARGEST_BODY, REQUESTS, Body, JsonResource
from portaswitch.api.status import site
from portaswitch.interfaces.users import IUsers
from portaswitch.model.actor import Actor

TOKEN = b"Authorization: Bearer good\r\n"


@implementer(IUsers)
class Users:
    """Knows the token 'good', and notes who was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def by_password(self, login: str, password: str, address: str) -> Deferred[Actor | None]:
        """Nobody has a password."""
        self.asked.append(login)
        return succeed(None)

    def by_token(self, token: str, address: str) -> Deferred[Actor | None]:
        """See the class."""
        self.asked.append(token)
        return succeed(Actor("api:test", 1) if token == "good" else None)


class Kept(Resource):
    """Tells how much of a body was kept."""

    isLeaf = True

    def render_POST(self, request: Request) -> bytes:
        """Its length."""
        assert request.content is not None
        return b"%d octets" % len(request.content.read())


class JsonResourceTests(SynchronousTestCase):
    """One connection to a site with a resource whose work ends when the test says so."""

    def setUp(self) -> None:
        """Connect."""
        self.users, self.work = Users(), Deferred[Mapping[str, Any]]()
        root = Resource()
        root.putChild(b"json", JsonResource(self.users, "test", self.body))
        root.putChild(b"kept", Kept())
        self.channel, self.transport = site(root).buildProtocol(None), StringTransport()
        self.channel.makeConnection(self.transport)
        self.addCleanup(self.lost)
        self.is_lost = False

    def lost(self) -> None:
        """The connection is lost."""
        if not self.is_lost:
            self.is_lost = True
            self.channel.connectionLost(Failure(ConnectionLost()))

    async def body(self, actor: Actor, body: Body) -> Mapping[str, Any]:
        """The work of the resource."""
        return await self.work

    def send(self, headers: bytes, body: bytes, path: bytes = b"/json") -> bytes:
        """The answer so far to a POST."""
        self.transport.clear()
        self.channel.dataReceived(b"POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n%s" % (path, headers, body))
        said: bytes = self.transport.value()
        return said

    def length(self, body: bytes) -> bytes:
        """The header of its length."""
        return b"Content-Length: %d\r\n" % len(body)

    def test_answer(self) -> None:
        """What the work gives, when it does."""
        self.assertEqual(self.send(TOKEN + self.length(b"{}"), b"{}"), b"")
        self.work.callback({"done": 1})
        head, _, told = self.transport.value().partition(b"\r\n\r\n")
        self.assertEqual((head.split(b"\r\n")[0], b'{"done": 1}' in told), (b"HTTP/1.1 200 OK", True))

    def test_large(self) -> None:
        """Of a body one octet more is kept than may be read, be its length told or not, and a form no other than the rest; who sends it hears 413."""
        body = b"x" * (3 * LARGEST_BODY)
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        form = b"Content-Type: application/x-www-form-urlencoded\r\n"
        for headers, sent in ((self.length(body), body), (b"Transfer-Encoding: chunked\r\n", chunked), (form + self.length(body), body)):
            self.assertIn(b"%d octets" % (LARGEST_BODY + 1), self.send(headers, sent, b"/kept"))
            self.assertIn(b"413", self.send(TOKEN + headers, sent).split(b"\r\n")[0])
        whole = json.dumps("x" * (LARGEST_BODY - 2)).encode()
        self.assertIn(b"%d octets" % LARGEST_BODY, self.send(self.length(whole), whole, b"/kept"))

    def test_client_gone(self) -> None:
        """Its work is given up; that is no defect, and no answer."""
        before = dict(REQUESTS.values)
        given_up: list[Failure] = []

        def noted(failure: Failure) -> Failure:
            given_up.append(failure)
            return failure

        _ = self.work.addErrback(noted)
        self.send(TOKEN + self.length(b"{}"), b"{}")
        self.lost()
        self.assertEqual([failure.type for failure in given_up], [CancelledError])
        self.assertEqual((dict(REQUESTS.values), self.flushLoggedErrors()), (before, []))

    def test_strange_log_ins(self) -> None:
        """Octets that are no text, base64 or log-in are nobody (401), and no defect of ours."""
        nul = base64.b64encode(b"a\0b:password")
        for given in (b"Basic \xff\xfe", "Basic é".encode(), b"Basic " + nul, b"Basic " + base64.b64encode(b"\xff:x"), b"Bearer \xff", b"\xff", b"Basic"):
            answer = self.send(b"Authorization: %s\r\n" % given + self.length(b"{}"), b"{}")
            self.assertIn(b"401", answer.split(b"\r\n")[0], given)
        self.assertEqual((self.users.asked, self.flushLoggedErrors()), (["\ufffd", ""], []))
