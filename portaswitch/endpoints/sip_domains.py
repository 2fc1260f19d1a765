"""The domains that this server answers for, the node that each is, and the ways out: peers by domain or by prefix of the number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from portaswitch.model.catalogue import Catalogue
from portaswitch.model.request import Origin
from portaswitch.wire.sip.uri import SipUri, TelUri, Uri


@dataclass(frozen=True, slots=True)
class Peer:
    """A SIP server outside that takes messages by datagrams: for its domains, and for numbers that begin with its prefixes."""

    name: str
    host: str
    port: int
    domains: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


NOBODY = Peer("", "", 0)


@dataclass(frozen=True, slots=True)
class Party:
    """
    Who a URI means: `number` as it is rated and shown, `address` as user@domain, `names` the ids that an account of ours might have (none: it is outside),
    `peer` the way out where there is no such account.
    """

    number: str
    address: str
    names: tuple[str, ...]
    peer: Peer = NOBODY


class Domains:
    """
    `names` are those of the configuration. Which environment a domain is in is told by the node whose NAS-Identifier it is; one without a node serves nobody.
    Of nodes of several environments the one of `i_env` counts.
    """

    def __init__(self, names: Iterable[str], i_env: int, catalogue: Callable[[], Catalogue], peers: Iterable[Peer] = ()) -> None:
        self.names = tuple(name.lower() for name in names)
        self._i_env, self._catalogue, self.peers = i_env, catalogue, {peer.name: peer for peer in peers}
        self._read: Catalogue | None = None
        self._origins: dict[str, Origin] = {}

    def origin(self, domain: str) -> Origin | None:
        """The node and environment of a domain of ours; None for another one, or one without a node."""
        catalogue = self._catalogue()
        if catalogue is not self._read:
            self._read, self._origins = catalogue, {}
            nodes = sorted(catalogue.nodes.values(), key=lambda node: (node.i_env == self._i_env, -node.i_env))
            for node in nodes:
                if node.nas_identifier and node.nas_identifier.lower() in self.names:
                    self._origins[node.nas_identifier.lower()] = Origin(node.i_node, node.i_env, node.name)
        return self._origins.get(domain.lower())

    def party(self, uri: Uri, origin: Origin) -> Party:
        """Whom a URI of a request of that origin means."""
        if isinstance(uri, TelUri):
            number = uri.digits.removeprefix("+")
            return Party(number, f"{number}@{self.names[0]}", (number,), self._by_prefix(number))
        if not isinstance(uri, SipUri):
            return Party("", str(uri), ())
        user, host = uri.user_text, uri.host.lower()
        number = user.removeprefix("+") if user.removeprefix("+").isdigit() else user
        theirs = self.origin(host)
        if theirs is not None and theirs.i_env == origin.i_env:
            return Party(number, f"{user}@{host}", (number, f"{user}@{host}") if user else (), self._by_prefix(number))
        return Party(number, f"{user}@{host}", (), NOBODY if host in self.names else self._by_domain(host))

    def accounts(self, username: str, domain: str) -> tuple[str, ...]:
        """The account ids that a log-in's user name may mean, in the order they are tried; `domain` is that of the address the user wants to be."""
        user, at, told = username.rpartition("@")
        if not at:
            return username, f"{username}@{domain}"
        return (user, username) if told.lower() in self.names else (username,)

    def _by_domain(self, host: str) -> Peer:
        return next((peer for peer in self.peers.values() if host in peer.domains or host == peer.host), NOBODY)

    def _by_prefix(self, number: str) -> Peer:
        best, longest = NOBODY, -1
        for peer in self.peers.values() if number.isdigit() else ():
            for prefix in peer.prefixes:
                if number.startswith(prefix) and len(prefix) > longest:
                    best, longest = peer, len(prefix)
        return best
