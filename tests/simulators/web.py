"""The HTTP side of simulators: a request as a value, an answer as a value, faults between them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tests.simulators.core import Fault, Simulator

LONGEST_BODY = 1 << 20


@dataclass(frozen=True)
class Ask:
    """A request. Header names are in lower case; the path is percent-decoded, without the query; `peer` is the other end of its connection."""

    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""

    def is_kind(self, kind: str) -> bool:
        """Whether the body's media type is this one, whatever its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == kind.partition(";")[0]

    def basic(self) -> tuple[str, str] | None:
        """User and password of HTTP Basic, None without any or when they can't be read (RFC 7617)."""
        scheme, _, blob = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, colon, password = base64.b64decode(blob, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (user, password) if colon else None

    def json(self) -> dict[str, Any] | None:
        """The body as a JSON object, None when it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def form(self) -> dict[str, list[str]]:
        """The body as application/x-www-form-urlencoded, blank values kept."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    body: bytes = b""
    kind: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()
    #: Octets of the body that are sent before the connection ends; None: all, and it stays.
    cut: int | None = None


#: Instead of a Reply: nothing comes, ever; or the connection ends with no answer.
NEVER = Reply(0)
LOST = Reply(-1)
_PAGE = Reply(200, b"<!DOCTYPE html>\n<html><body>The service is being repaired.</body></html>", "text/html; charset=utf-8")


def as_json(value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(value).encode(), "application/json", headers)


class HttpSimulator(Simulator):
    """A simulator behind HTTP. `received` are all requests as they came; `active` how many are being answered; `takes` seconds an answer takes."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self.received: list[Ask] = []
        self.active = 0
        self.takes: float = 0

    def answer(self, ask: Ask) -> Reply:
        """Do what is asked."""
        raise NotImplementedError

    def busy(self, ask: Ask) -> Reply:
        """What a busy system says."""
        return Reply(503, b"busy", headers=(("Retry-After", "1"),))

    def respond(self, ask: Ask) -> Reply:
        """Answer, or go wrong as the switches say."""
        self.received.append(ask)
        if self.faults.strikes(Fault.SILENT):
            return NEVER
        if self.faults.strikes(Fault.BUSY):
            return self.busy(ask)
        if self.faults.strikes(Fault.SESSION_LOST):
            self.forget_sessions()
        if self.faults.strikes(Fault.PAGE):
            return _PAGE
        if self.faults.strikes(Fault.MOVED):
            return Reply(307, headers=(("Location", "http://192.0.2.1/elsewhere"),))
        half = self.faults.strikes(Fault.HALF)
        reply = Reply(413) if len(ask.body) > LONGEST_BODY else self.answer(ask)
        if half:
            return replace(reply, cut=len(reply.body) // 2) if reply.body else LOST
        return LOST if self.faults.loses() else reply

    def factory(self) -> IProtocolFactory:
        """A site that hands every request to `respond`."""
        # Twisted's Site has no type for a clock, and no time-out of its own is wanted: a Clock would keep it for ever.
        return cast(IProtocolFactory, Site(_Leaf(self), timeout=None, reactor=cast(Any, self.clock)))


class _Leaf(Resource):
    """All methods and paths."""

    isLeaf = True

    def __init__(self, simulator: HttpSimulator) -> None:
        super().__init__()
        self._simulator = simulator

    def render(self, request: Request) -> int:
        """Read a request, answer it now or after the time that it takes."""
        simulator = self._simulator
        simulator.active += 1
        open_requests = [request]

        def left(_: object) -> None:
            open_requests.clear()
            simulator.active -= 1

        gone: Any = request.notifyFinish()
        gone.addBoth(left)
        reply = simulator.respond(_ask(request))
        if reply is LOST:
            request.loseConnection()
        elif reply is not NEVER and simulator.takes:
            simulator.clock.callLater(simulator.takes, _send_to, open_requests, reply)
        elif reply is not NEVER:
            _send(request, reply)
        return NOT_DONE_YET


def _send_to(open_requests: list[Request], reply: Reply) -> None:
    """Answer a request if its client has not gone."""
    for request in open_requests[:]:
        _send(request, reply)


def _ask(request: Request) -> Ask:
    parts = urlsplit(request.uri.decode("latin-1"))
    headers = {
        name.decode("latin-1").lower(): values[-1].decode("latin-1") for name, values in request.requestHeaders.getAllRawHeaders() if values
    }
    query = parse_qs(parts.query, keep_blank_values=True)
    content: Any = request.content
    client: Any = request.getClientAddress()
    peer = f"{client.host}:{client.port}"
    return Ask(request.method.decode("latin-1"), unquote(parts.path), query, headers, content.read(), peer)


def _send(request: Request, reply: Reply) -> None:
    request.setResponseCode(reply.status)
    request.setHeader("Content-Type", reply.kind)
    request.setHeader("Content-Length", str(len(reply.body)))
    for name, value in reply.headers:
        request.setHeader(name, value)
    if reply.cut is None:
        request.write(reply.body)
        request.finish()
    else:
        request.write(reply.body[: reply.cut])
        request.loseConnection()
