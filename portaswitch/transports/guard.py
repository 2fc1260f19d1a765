"""
Requests to addresses that somebody else wrote down go only where such a request may go: not into our own network (server-side request forgery).

A name is resolved once, what it resolves to is judged, and the connection goes to what was judged: a second answer of the name's server can't redirect it.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IHostnameResolver, IReactorPluggableNameResolver, IResolutionReceiver, IStreamClientEndpoint
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory, IPolicyForHTTPS
from zope.interface import implementer

#: Addresses of translators to IPv4 (RFC 6052, RFC 8215): behind them may be anything.
_TRANSLATORS = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))


def public(address: str) -> bool:
    """Whether an address is out in the Internet: none of a private network, of this machine, of a link, of a tunnel into one of these, or of a group."""
    found = ip_address(address.partition("%")[0])
    if any(found in network for network in _TRANSLATORS):
        return False
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return found.is_global and not found.is_multicast


@implementer(IResolutionReceiver)
class _Judging:
    """Passes on what is public."""

    def __init__(self, receiver: Any) -> None:
        self._receiver = receiver

    def resolutionBegan(self, resolution: Any) -> None:
        """See Twisted."""
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:
        """See Twisted."""
        if public(address.host):
            self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:
        """See Twisted."""
        self._receiver.resolutionComplete()


@implementer(IHostnameResolver)
class _Resolver:
    def __init__(self, resolver: Any) -> None:
        self._resolver = resolver

    def resolveHostName(
        self, receiver: Any, hostName: str, portNumber: int = 0, addressTypes: Sequence[type[Any]] | None = None, transportSemantics: str = "TCP"
    ) -> Any:
        """See Twisted."""
        return self._resolver.resolveHostName(_Judging(receiver), hostName, portNumber, addressTypes, transportSemantics)


@implementer(IReactorPluggableNameResolver)
class GuardedReactor:
    """The reactor, but for the names that it resolves."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.nameResolver = _Resolver(reactor.nameResolver)

    def installNameResolver(self, resolver: Any) -> Any:
        """Names are resolved by the reactor's own resolver."""
        raise TypeError("the guard has the reactor's resolver")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


@implementer(IStreamClientEndpoint)
class _Quiet:
    """An endpoint whose connections leave no line in the log: a receiver that closes each one would fill it."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    def connect(self, protocolFactory: Any) -> Any:
        """See IStreamClientEndpoint."""
        protocolFactory.noisy = False
        return self._endpoint.connect(protocolFactory)


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Made once each: what they lead to is resolved at each connection."""

    def __init__(self, reactor: Any, policy: IPolicyForHTTPS, seconds: float) -> None:
        self._reactor, self._policy, self._seconds = reactor, policy, seconds
        self._made: dict[tuple[bytes, bytes, int], Any] = {}

    def endpointForURI(self, uri: URI) -> Any:
        """See IAgentEndpointFactory."""
        place = uri.scheme, uri.host, uri.port
        if place not in self._made:
            plain = HostnameEndpoint(self._reactor, uri.host, uri.port, timeout=self._seconds)
            secure = uri.scheme == b"https"
            self._made[place] = _Quiet(wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), plain) if secure else plain)
        return self._made[place]


def open_agent(reactor: Any, policy: IPolicyForHTTPS, seconds: float, pool: HTTPConnectionPool) -> Agent:
    """An agent that connects to any address, within so many seconds."""
    agent: Agent = Agent.usingEndpointFactory(reactor, _Endpoints(reactor, policy, seconds), pool)
    return agent


def guarded_agent(reactor: Any, policy: IPolicyForHTTPS, seconds: float, pool: HTTPConnectionPool) -> Agent:
    """An agent that connects to public addresses only; others are as names that there are not."""
    return open_agent(GuardedReactor(reactor), policy, seconds, pool)
