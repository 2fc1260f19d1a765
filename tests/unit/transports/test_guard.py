"""Where requests to other people's URLs may go."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import BrowserLikePolicyForHTTPS, HTTPConnectionPool
from zope.interface import implementer

from portaswitch.transports.guard import guarded_agent, public

INSIDE = (
    "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1",
    "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::", "ff02::1", "64:ff9b:1::1",
)  # fmt: skip
OUTSIDE = ("1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1")


@implementer(IHostnameResolver)
class Names:
    """A resolver that says what it was told; each name once."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self.answers = answers

    def resolveHostName(self, receiver: Any, hostName: str, portNumber: int = 0, addressTypes: Any = None, transportSemantics: str = "TCP") -> Any:
        """See Twisted."""
        receiver.resolutionBegan(self)
        for address in self.answers.pop(hostName, [hostName]):
            receiver.addressResolved((IPv6Address if ":" in address else IPv4Address)("TCP", address, portNumber))
        receiver.resolutionComplete()


class GuardTests(SynchronousTestCase):
    """Addresses, and agents that connect to them."""

    def test_public(self) -> None:
        """Nothing that leads into a network of our own is public, however it is written."""
        self.assertEqual([address for address in INSIDE if public(address)], [])
        self.assertEqual([address for address in OUTSIDE if not public(address)], [])

    def ask(self, url: bytes, answers: dict[str, list[str]]) -> tuple[Any, list[str]]:
        """What a request comes to, and where was connected to."""
        reactor: Any = MemoryReactorClock()
        reactor.nameResolver = Names(answers)
        agent = guarded_agent(reactor, BrowserLikePolicyForHTTPS(), 1.0, HTTPConnectionPool(reactor, persistent=False))
        request = agent.request(b"GET", url)
        reactor.advance(0.1)
        return request, [client[0] for client in reactor.tcpClients]

    def test_refused(self) -> None:
        """A name that leads inside is as one that there is not, and so is an address."""
        for url, answers in ((b"http://evil.example/", {"evil.example": ["169.254.169.254", "::1"]}), (b"http://127.0.0.1:5432/", {}), (b"http://[::1]/", {})):
            request, connected = self.ask(url, dict(answers))
            self.assertEqual(connected, [])
            self.failureResultOf(request, DNSLookupError)

    def test_pinned(self) -> None:
        """The connection goes to the address that was judged; of several only to those outside."""
        request, connected = self.ask(b"http://shop.example/", {"shop.example": ["10.0.0.1", "1.1.1.1"]})
        self.assertEqual(connected, ["1.1.1.1"])
        request.addErrback(lambda _: None)
        request.cancel()
