"""
HTTP clients of a target, each over the same connections: `Direct` for those where a header proves who asks, `Browsing` (treq) for those that keep a session
in cookies. At a thousand requests a second a jar of cookies and a parsed URL a request cost more than the request.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

from hyperlink import EncodedURL
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer

#: URLs of a target that are kept as they go out: a receiver of webhooks has one.
URLS = 1024


class Client(Protocol):
    """Sends a request; fires with the response (IResponse) when its head is there. No redirects are followed. Errors: those of the connection."""

    def ask(self, method: str, url: str, headers: Headers, body: bytes | None) -> Deferred[Any]:
        """One request; cancelling ends it at its wire."""


class Direct:
    """Twisted's agent as it is: no cookies, no compressed answers."""

    def __init__(self, agent: Any) -> None:
        self._agent = agent

    def ask(self, method: str, url: str, headers: Headers, body: bytes | None) -> Deferred[Any]:
        """See `Client`."""
        asked: Deferred[Any] = self._agent.request(method.encode("ascii"), encoded(url), headers, None if body is None else _Octets(body))
        return asked


class Browsing:
    """treq, with its jar of cookies."""

    def __init__(self, agent: Any, reactor: Any) -> None:
        self._client, self._reactor = HTTPClient(_Plain(agent)), reactor

    def ask(self, method: str, url: str, headers: Headers, body: bytes | None) -> Deferred[Any]:
        """See `Client`."""
        return self._client.request(method, url, headers=headers, data=body, allow_redirects=False, unbuffered=True, reactor=self._reactor)


@implementer(IAgent)
class _Plain:
    """
    Beneath treq: nobody asks for compressed answers, and those that are all the same stay as they came. They are short, and of half of one, or of nonsense,
    treq's decoder makes an empty or a whole one.
    """

    def __init__(self, agent: Any) -> None:
        self._agent = agent

    def request(self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None) -> Deferred[Any]:
        """See IAgent."""
        asked = Headers() if headers is None else headers.copy()
        asked.removeHeader(b"accept-encoding")
        answer: Deferred[Any] = self._agent.request(method, uri, asked, bodyProducer)
        return answer.addCallback(_as_it_came)


def _as_it_came(response: Any) -> Any:
    response.headers.removeHeader(b"content-encoding")
    return response


@lru_cache(URLS)
def encoded(url: str) -> bytes:
    """A URL as it goes out: names by IDNA, other characters by per cent (RFC 3986, RFC 3987)."""
    octets: bytes = EncodedURL.from_text(url).to_uri().to_text().encode("ascii")
    return octets


@implementer(IBodyProducer)
class _Octets:
    """A body that is there already: it leaves in the same segment as the head."""

    def __init__(self, octets: bytes) -> None:
        self._octets, self.length = octets, len(octets)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """See IBodyProducer."""
        consumer.write(self._octets)
        return succeed(None)

    def pauseProducing(self) -> None:
        """See IBodyProducer: all is written."""

    def resumeProducing(self) -> None:
        """See IBodyProducer: all is written."""

    def stopProducing(self) -> None:
        """See IBodyProducer: all is written."""
