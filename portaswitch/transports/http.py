"""
HTTP and SOAP to one target: persistent connections, a time limit, bodies capped, redirects never followed (a 307 is data for those who use it so).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from zope.interface import implementer

from portaswitch.errors import NotSendable, TransportFailed
from portaswitch.handler.requests import Http, Reply, Request, Soap
from portaswitch.handler.targets import Auth, Basic, Bearer, Header, HttpTarget, NamedHeader, Webhook
from portaswitch.interfaces.transport import ITransport
from portaswitch.transports import soap
from portaswitch.transports.asking import Browsing, Client, Direct
from portaswitch.transports.carried import carried
from portaswitch.transports.guard import guarded_agent, open_agent
from portaswitch.transports.limits import Gate
from portaswitch.transports.signing import signatures
from portaswitch.transports.xml_reading import read, soap_content

#: No provisioning answer is larger; what is more is cut off and the request fails.
LARGEST_BODY = 4 * 1024 * 1024
#: Idle connections are closed after that many seconds: a vendor that closes them sooner costs one more connection, no error.
IDLE = 30


@implementer(ITransport)
class HttpTransport:
    """The transport of an `HttpTarget`; `agent` is for tests and for receivers whose address is checked first (webhooks)."""

    def __init__(self, reactor: Any, name: str, target: HttpTarget, values: Mapping[str, Any], agent: Any = None) -> None:
        self.name = name
        self._reactor, self._url, self._seconds = reactor, str(values[target.url]).rstrip("/"), target.seconds
        self._auth, self._secrets = authorization(target.auth, values), signing_secrets(target.auth, values)
        self._gate = Gate(reactor, target.parallel, target.rate)
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        self._pool.maxPersistentPerHost = max(target.parallel, 1)
        self._pool.cachedConnectionTimeout = IDLE
        asks = agent or _agent(reactor, target, values, self._pool)
        self._client: Client = Browsing(asks, reactor) if target.auth is None else Direct(asks)

    def send(self, request: Request) -> Deferred[Reply]:
        """See `ITransport`."""
        return self._gate.run(lambda: Deferred.fromCoroutine(self._send(request)))

    def close(self) -> Deferred[None]:
        """See `ITransport`."""
        self._gate.close()
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed

    async def _send(self, request: Request) -> Reply:
        method, url, fields, body = self._octets(request)
        fields |= signatures(self._secrets, fields.get("webhook-id", ""), int(time.time()), body or b"")
        headers = Headers({name: [value] for name, value in fields.items()})
        try:
            response, octets = await Deferred.fromCoroutine(self._exchange(method, url, headers, body)).addTimeout(self._seconds, self._reactor)
        except NotSendable:
            raise
        except Exception as error:
            raise TransportFailed(f"{self.name}: {reason(error)}") from error
        return _reply(response, octets, isinstance(request, Soap))

    async def _exchange(self, method: str, url: str, headers: Headers, body: bytes | None) -> tuple[Any, bytes]:
        response = await self._client.ask(method, url, headers, body)
        return response, await _Body.of(response)

    def _octets(self, request: Request) -> tuple[str, str, dict[str, str], bytes | None]:
        if isinstance(request, Soap):
            return "POST", self._url + request.path, {**soap.headers(request), **self._auth, **request.headers}, soap.envelope(request)
        plain = carried(request, Http, self.name)
        query = f"?{urlencode(plain.query)}" if plain.query else ""
        content, body = _body(plain)
        return plain.method, self._url + plain.path + query, {**content, **self._auth, **plain.headers}, body


def authorization(auth: Auth | None, values: Mapping[str, Any]) -> dict[str, str]:
    """The headers that prove who sends; none for a Basic log-in without a name."""
    if isinstance(auth, Basic):
        if not values[auth.user]:
            return {}
        pair = f"{values[auth.user]}:{values[auth.password]}".encode()
        return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
    if isinstance(auth, Bearer):
        return {"authorization": f"Bearer {values[auth.token]}"}
    if isinstance(auth, Header | NamedHeader):
        name = auth.header if isinstance(auth, Header) else str(values[auth.name])
        return {name.lower(): str(values[auth.option])} if values[auth.option] else {}
    if isinstance(auth, Webhook):
        name, _, value = str(values[auth.header]).partition(":")
        return {**authorization(Basic(auth.user, auth.password), values), **({name.strip().lower(): value.strip()} if name else {})}
    return {}


def signing_secrets(auth: Auth | None, values: Mapping[str, Any]) -> tuple[str, ...]:
    """The secrets by which requests are signed, the new one and the one that goes."""
    return tuple(values[auth.secrets]) if isinstance(auth, Webhook) else ()


def _agent(reactor: Any, target: HttpTarget, values: Mapping[str, Any], pool: HTTPConnectionPool) -> Agent:
    policy = _policy(target, values)
    if target.private and not values[target.private]:
        return guarded_agent(reactor, policy, target.seconds, pool)
    return open_agent(reactor, policy, target.seconds, pool)


def reason(error: BaseException) -> str:
    """What went wrong on the way, in a few words: names of errors only, since texts may hold URLs with secrets."""
    reasons = getattr(error, "reasons", None)
    inner = [reason(failure.value) for failure in reasons or ()]
    return f"{type(error).__name__} ({', '.join(inner)})" if inner else type(error).__name__


def _policy(target: HttpTarget, values: Mapping[str, Any]) -> BrowserLikePolicyForHTTPS:
    path = values.get(target.ca_file) if target.ca_file else None
    if not path:
        return BrowserLikePolicyForHTTPS()
    return BrowserLikePolicyForHTTPS(trustRootFromCertificates([Certificate.loadPEM(Path(path).read_bytes())]))


def _body(request: Http) -> tuple[dict[str, str], bytes | None]:
    if request.json is not None:
        return {"content-type": "application/json"}, json.dumps(request.json, ensure_ascii=False, separators=(",", ":")).encode()
    if request.form is not None:
        return {"content-type": "application/x-www-form-urlencoded"}, urlencode(request.form).encode()
    return {}, request.body


def _reply(response: Any, octets: bytes, envelope: bool) -> Reply:
    headers = {name.decode("latin-1").lower(): values[-1].decode("latin-1") for name, values in response.headers.getAllRawHeaders() if values}
    text = octets.decode("utf-8", "replace")
    reply = Reply(response.code, text, None, headers)
    markup = text.lstrip().startswith("<") and not reply.page and (envelope or "xml" in headers.get("content-type", ""))
    if not markup:
        return reply
    try:
        return replace(reply, xml=soap_content(read(text)))
    except NotSendable:
        if reply.status < 400:
            raise
        return reply  # an error page of what stands before the vendor: its status says what it is


class _Body(Protocol):
    """Collects a body up to `LARGEST_BODY`; what is more ends the connection."""

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._abort())
        self._pieces: list[bytes] = []
        self._room = LARGEST_BODY

    @classmethod
    def of(cls, response: Any) -> Deferred[bytes]:
        """The body of a response."""
        body = cls()
        response.deliverBody(body)
        return body.done

    def dataReceived(self, data: bytes) -> None:
        """See Twisted."""
        self._room -= len(data)
        if self._room < 0 and not self.done.called:
            self.done.errback(NotSendable(f"an answer of more than {LARGEST_BODY} octets"))
            self._abort()
        self._pieces.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See Twisted."""
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(b"".join(self._pieces))
        else:
            self.done.errback(reason)

    def _abort(self) -> None:
        abort = getattr(self.transport, "abortConnection", None) or getattr(self.transport, "loseConnection", None)
        if abort is not None:
            abort()
