"""
The role sip, put together for the one builder (`service`): sockets, the SIP endpoint, messaging and its tables.

    start: contacts of our dead connections are forgotten > ports
    stop: nothing new is taken > what was taken is answered > ports > connections > timers
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from os import getpid
from typing import Any

from twisted.internet.defer import Deferred

from portaswitch.config.listen import ListenAddress
from portaswitch.config.settings import Settings, SipSettings
from portaswitch.config.sip_section import host_port
from portaswitch.endpoints import listen
from portaswitch.endpoints.sip import SipServer
from portaswitch.endpoints.sip_courier import Courier
from portaswitch.endpoints.sip_domains import Domains, Peer
from portaswitch.endpoints.sip_edge import Edge
from portaswitch.endpoints.sip_login import Entrance
from portaswitch.endpoints.sip_message import MessageHandler
from portaswitch.endpoints.sip_ports import Place, TcpPort, UdpPort
from portaswitch.endpoints.sip_register import RegisterHandler
from portaswitch.endpoints.sip_third_party import ThirdParties
from portaswitch.endpoints.sip_throttle import Throttle
from portaswitch.endpoints.sip_trace import SipTrace
from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.rest import Rest
from portaswitch.messaging.notices import Notices
from portaswitch.messaging.notify import Notifier
from portaswitch.messaging.registrar import Registrar
from portaswitch.messaging.relay import Relay, Terms
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.message import Occasion
from portaswitch.model.registration import Terms as RegistrationTerms
from portaswitch.store.contacts import Contacts
from portaswitch.store.messages import Messages
from portaswitch.store.notices import NoticeTable
from portaswitch.store.pool import Pool
from portaswitch.store.registrations import Registrations
from portaswitch.trace.tracer import Tracer
from portaswitch.wire.sip.challenge import Guard, Nonces

#: Days that messages which are over are remembered, so that a sender who lost its answer is not charged again.
REMEMBERED = 2

#: What the key of secrets is made another one for, with which nonces are signed.
NONCES = "SIP nonces"
#: Seconds between two looks for what subscribers are to be told of.
NOTICED = 5.0
#: A SIP message may fill a datagram (RFC 3261 18.1.1).
DATAGRAM = 65536

Job = tuple[float, Callable[[], Awaitable[None]], str]
PagedJob = tuple[float, Callable[[Rest], Awaitable[None]], str]


def worker_of(settings: Settings) -> str:
    """The name of this process among those that deliver messages."""
    return f"{settings.instance}/{getpid()}"


class SipService:
    """
    Sockets and all behind them. `pool` has fixed plans: a fresh database has no statistics, and would look through all accounts for one. `secret` signs
    nonces: all processes of the database have it, also behind a restart. `ports` are by the name of their listener; `notifier` is `INotifier`.
    """

    def __init__(
        self, reactor: Any, settings: Settings, billing: IBilling, pool: Pool, catalogue: Callable[[], Catalogue], now: Callable[[], datetime],
        tracer: Tracer, secret: bytes,
    ) -> None:  # fmt: skip
        self._reactor, self._settings, sip = reactor, settings.sip, settings.sip
        self._reuse, self._longest = settings.reuse_port, settings.limits.decision_timeout + 1
        self._streams: list[listen.ListeningPort] = []
        self._datagrams: list[listen.ListeningPort] = []
        self._gone: set[str] = set()
        self._worker = worker_of(settings)
        self.ports: dict[str, UdpPort | TcpPort] = {}
        self._peers = [Peer(name, peer.address, peer.port, peer.domains, peer.prefixes) for name, peer in sip.peers.items()]
        throttle = Throttle(reactor.seconds, sip.source_rate, exempt=self._exempt())
        self.server = SipServer(reactor, throttle)
        self._domains = Domains(sip.domains, settings.environment, catalogue, self._peers)
        later = partial(reactor.callLater, 0)
        self._locations, self._messages = Registrations(pool, now, self._worker, sip.max_waiting, later), Messages(pool, self._worker, later)
        trace = SipTrace(tracer)
        courier = Courier(self.server, lambda: self.ports, self._domains.peers, self._worker, self._edge_address, trace, now)
        terms = Terms(sip.charge == "delivered", sip.max_waiting, int(sip.keep_for))
        self.relay = Relay(billing, self._locations, self._messages, courier, now, terms)
        self.notifier = Notifier(self.relay, self._locations, now, f"{sip.notify_sender}@{sip.domains[0]}")
        wanted = {Occasion.QUOTA: sip.notice_quota, Occasion.BALANCE: sip.notice_balance, Occasion.TOPUP: sip.notice_topup}
        texts = {occasion: text for occasion, text in wanted.items() if text is not None}
        self.notices = Notices(NoticeTable(pool), self.notifier, texts, sip.low_balance)
        guard = Guard(sip.realm or sip.domains[0], Nonces(secret, int(sip.nonce_lifetime), int(sip.legacy_nonce_lifetime)), sip.algorithms)
        entrance = Entrance(billing, guard, self._domains, throttle, now, f"{settings.instance}-s")
        self._handle(entrance, now, trace)
        self.server.on_closed = self._closed

    def _handle(self, entrance: Entrance, now: Callable[[], datetime], trace: SipTrace) -> None:
        sip = self._settings
        terms = RegistrationTerms(int(sip.shortest_expires), int(sip.longest_expires), int(sip.usual_expires), sip.max_contacts)
        third = ThirdParties(self.server, self._udp, [host_port(place) for place in sip.third_party_registrars])
        registrar = Registrar(self._locations, now, terms)
        register = RegisterHandler(entrance, self._domains, registrar, self.relay, now, terms, self._worker, self._edge_address, third.tell, trace)
        self.server.handlers["REGISTER"] = register.answer
        if sip.gateway is None:
            self.server.handlers["MESSAGE"] = MessageHandler(entrance, self._domains, self.relay, self.server.ours, frozenset(sip.edges), trace).answer
        else:
            self.server.proxies = True
            self.server.handlers["MESSAGE"] = Edge(self.server, lambda: self.ports, host_port(sip.gateway)).answer

    @property
    def contacts(self) -> Contacts:
        """What is remembered of where accounts can be reached."""
        return self._locations.memory

    def heard(self, channel: str, payload: str) -> None:
        """A NOTIFY; of the channel '' that some may have been missed."""
        if channel == "contacts":
            self.contacts.heard(payload, self._worker)
        elif channel == "subscribers":
            self.contacts.heard_of_subscriber(payload)
        else:
            self.contacts.drop_all()

    # -- sockets ----------------------------------------------------------------------------------------------------------------------------------

    async def open(self) -> list[str]:
        """Listen; gives the lines that say where."""
        await self._locations.lost(self._worker, ())
        return [self._listen(address) for address in self._settings.listen]

    def _listen(self, address: ListenAddress) -> str:
        name = str(address)
        what = f"SIP over {address.transport.upper()}"
        port: UdpPort | TcpPort
        if address.transport == "udp":
            port = UdpPort(self.server, name)
            # Never shared: the kernel would give the answers to what one process has sent to another.
            opened = listen.listen_udp(self._reactor, address.interface, address.port, port, False, what, DATAGRAM)
            self._datagrams.append(opened)
        else:
            port = TcpPort(self.server, name, address.transport.upper(), self._reactor)
            opened = listen.listen_stream(self._reactor, address, port, self._reuse, what)
            self._streams.append(opened)
        place = opened.getHost()
        port.sent_by = (self._public(place.host), place.port)
        self.server.ours.add(port.sent_by)
        self.ports[name] = port
        return f"{what} on {address.transport} {place.host}:{place.port}"

    def _public(self, host: str) -> str:
        if self._settings.public_host is not None:
            return self._settings.public_host
        if host in ("0.0.0.0", "::"):
            return self._settings.domains[0]
        return f"[{host}]" if ":" in host else host

    def _edge_address(self) -> str:
        """Our own address where we are an edge node, as the gateway's Routes name it; '' where we are none."""
        if self._settings.gateway is None:
            return ""
        udp = self._udp()
        return "" if udp is None else f"{udp.sent_by[0]}:{udp.sent_by[1]}"

    def _exempt(self) -> Iterator[str]:
        """Servers of ours, and peers: many users are behind their addresses."""
        sip: SipSettings = self._settings
        yield from sip.edges
        yield from (peer.address for peer in sip.peers.values())
        if sip.gateway is not None:
            yield host_port(sip.gateway)[0]

    def _udp(self) -> UdpPort | None:
        return next((port for port in self.ports.values() if isinstance(port, UdpPort)), None)

    def _closed(self, place: Place) -> None:
        self._gone.add(place.flow)

    async def _forget(self) -> None:
        """Forget what closed connections had registered: together, so that a thousand at once are one statement; what fails is done by the next pass."""
        flows = tuple(self._gone)
        if flows:
            await self._locations.lost(self._worker, flows)
            self._gone.difference_update(flows)

    # -- work that recurs, and the end ------------------------------------------------------------------------------------------------------------

    def jobs(self) -> list[Job]:
        """Seconds, work and name of each job."""

        async def sweep() -> None:
            for port in self.ports.values():
                if isinstance(port, TcpPort):
                    port.sweep()
            await self._forget()

        return [(1.0, self.relay.recover, "messages"), (2.0, sweep, "sip-connections")]

    def paged_jobs(self) -> list[PagedJob]:
        """The same of those of the role jobs, which rest between the pages of what they go through."""
        return [(60.0, self._purge, "sip-purge"), (NOTICED, self.notices.run, "notices")]

    async def _purge(self, rest: Rest) -> None:
        await self._locations.purge(rest)
        await self._messages.purge(REMEMBERED, rest)
        await self.notices.purge(rest)

    async def close(self) -> None:
        """
        Take nothing new, see what was taken to its end (a request for as long as a decision may take, a text until its phone says so), then close the sockets:
        an answer that could not leave any more would have its message sent again, and paid twice.
        """
        await listen.closed(self._streams)
        await Deferred.fromCoroutine(self._drained()).addTimeout(self._longest, self._reactor, lambda *_: None)
        await listen.closed(self._datagrams)
        for port in self.ports.values():
            if isinstance(port, TcpPort):
                self._gone.update(port.flows)
                port.close()
        self.server.stop()
        await self.relay.drained()
        with suppress(DatabaseDown):  # the next start forgets them all
            await self._forget()

    async def _drained(self) -> None:
        await self.server.drained()
        await self.relay.drained()
