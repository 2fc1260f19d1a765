"""
The sockets of SIP (RFC 3261 18): datagrams, and connections with their framing, keep-alive and limits of time.

Whatever arrives goes to a `Switch` as messages and faults, with the `Place` that it came from; the octets of answers go back by the same place.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol
from weakref import WeakSet

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import DatagramProtocol, Factory, connectionDone
from twisted.internet.protocol import Protocol as Connection
from twisted.logger import Logger
from twisted.python.failure import Failure

from portaswitch.metrics import Counter, Gauge
from portaswitch.wire.sip.fault import Fault
from portaswitch.wire.sip.framing import PONG, Item, Signal, Stream
from portaswitch.wire.sip.parse import parse

FLOWS = Gauge("portaswitch_sip_connections", "SIP connections open now")
FLOWS_CLOSED = Counter("portaswitch_sip_connections_closed_total", "SIP connections closed by the server", ("reason",))

#: Seconds that a message may take to arrive whole, and that a connection may be silent: clients ping every two minutes at most (RFC 5626 4.4.1). Until its
#: first message a connection has less: a client that opens one has something to say, and TLS is part of the time.
WHOLE, SILENT, FIRST = 10.0, 600.0, 30.0
#: Places of datagrams that a socket remembers.
PLACES = 10_000
#: Connections in all, and of one address.
MOST, MOST_OF_ONE = 20_000, 200
#: Octets that may wait to be sent to a peer that does not read, and octets of messages which have not arrived whole, of all connections of a socket.
UNREAD, UNFINISHED = 200_000, 64_000_000


class Place(Protocol):
    """Where messages come from and go to. Two places are equal when they are one."""

    @property
    def transport(self) -> str:
        """UDP, TCP or TLS."""

    @property
    def host(self) -> str:
        """The other side's address, and"""

    @property
    def number(self) -> int:
        """its port."""

    @property
    def listener(self) -> str:
        """The name of our socket."""

    @property
    def sent_by(self) -> tuple[str, int]:
        """What our Via names: host and port of ours."""

    @property
    def flow(self) -> str:
        """The name of the connection in this process; '' of datagrams."""

    def write(self, octets: bytes) -> bool:
        """Send; False when that can't be done."""


class Switch(Protocol):
    """What messages go to."""

    def received(self, item: Item, place: Place, octets: int) -> None:
        """A message or fault has arrived. Nothing is raised."""

    def closed(self, place: Place) -> None:
        """A connection is gone."""


@dataclass(frozen=True, slots=True)
class Datagrams:
    """A place that is reached by datagrams through a socket of ours."""

    port: UdpPort
    host: str
    number: int
    transport: str = "UDP"
    flow: str = ""

    @property
    def listener(self) -> str:
        """See `Place`."""
        return self.port.name

    @property
    def sent_by(self) -> tuple[str, int]:
        """See `Place`."""
        return self.port.sent_by

    def write(self, octets: bytes) -> bool:
        """See `Place`."""
        return self.port.send(octets, self.host, self.number)


class UdpPort(DatagramProtocol):
    """One UDP socket. `name` is the listener's, `sent_by` what its Vias say: set when the port is open."""

    noisy = False

    def __init__(self, switch: Switch, name: str) -> None:
        self._switch = switch
        self.name = name
        self.sent_by = ("", 0)
        #: Places that were heard of last, which thousands of transactions have in common.
        self._places: dict[tuple[Any, ...], Datagrams] = {}

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """One datagram: a message, or something else."""
        place = self._places.get(addr)
        if place is None:
            if len(self._places) >= PLACES:
                self._places.clear()
            place = self._places[addr] = Datagrams(self, addr[0], addr[1])
        self._switch.received(parse(datagram), place, len(datagram))

    def send(self, octets: bytes, host: str, number: int) -> bool:
        """Send a datagram; False when the system does not take it."""
        transport: Any = self.transport
        if transport is None:
            return False
        try:
            transport.write(octets, (host, number))
        except (OSError, ValueError):  # no way there, larger than a datagram, or no address
            return False
        return True


class Flow(Connection):
    """One connection."""

    _log = Logger()

    def __init__(self, ports: TcpPort, name: str) -> None:
        self._ports, self._stream = ports, Stream()
        self.flow, self.transport_name = name, ports.transport
        self.host, self.number = "", 0
        self._opened: float | None = ports.clock.seconds()
        self._heard = ports.clock.seconds()
        self._begun: float | None = None
        self._left = 0

    @property
    def listener(self) -> str:
        """See `Place`."""
        return self._ports.name

    @property
    def sent_by(self) -> tuple[str, int]:
        """See `Place`."""
        return self._ports.sent_by

    def connectionMade(self) -> None:
        """Refuse it when there are too many."""
        channel: Any = self.transport
        peer = channel.getPeer()
        self.host, self.number = peer.host, peer.port
        channel.setTcpNoDelay(True)
        if not self._ports.admit(self):
            self.close("too-many")

    def dataReceived(self, data: bytes) -> None:
        """Octets of messages, pings, or neither."""
        self._heard = self._ports.clock.seconds()
        items = self._stream.feed(data)
        for item in items:
            if item is Signal.PING:
                self.write(PONG)
            elif not isinstance(item, Signal):
                self._opened = None if not isinstance(item, Fault) else self._opened
                self._ports.switch.received(item, StreamPlace(self), len(data))
        if items or self._begun is None:
            self._begun = self._heard
        if not self._stream.unfinished:
            self._begun = None
        if self._stream.closed:
            self.close("unreadable", at_once=False)
        elif not self._keeps(self._stream.waiting):
            self.close("crowded")

    def _keeps(self, left: int) -> bool:
        """Count the octets of an unfinished message that are kept now; False when there is no room for more of them."""
        more, self._left = left - self._left, left
        self._ports.unfinished += more
        return more <= 0 or self._ports.unfinished <= UNFINISHED

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone."""
        self._keeps(0)
        self._ports.gone(self)

    def late(self, now: float) -> str:
        """Why the connection is to be closed; '' for not at all."""
        if self._begun is not None and now - self._begun > WHOLE:
            return "slow"
        if self._opened is not None and now - self._opened > FIRST:
            return "mute"
        return "silent" if now - self._heard > SILENT else ""

    def write(self, octets: bytes) -> bool:
        """See `Place`. Who does not read is given up."""
        channel: Any = self.transport
        if channel is None or not self._ports.has(self):
            return False
        channel.write(octets)
        if len(getattr(channel, "dataBuffer", b"")) + getattr(channel, "_tempDataLen", 0) > UNREAD:
            self.close("unread")
        return True

    def close(self, reason: str, at_once: bool = True) -> None:
        """End it; what was written before still goes out, unless it is to end at once."""
        FLOWS_CLOSED.inc(reason)
        channel: Any = self.transport
        if at_once:
            channel.abortConnection()
        else:
            channel.loseConnection()


#: The sockets whose connections are counted.
_PORTS: WeakSet[TcpPort] = WeakSet()


@dataclass(frozen=True, slots=True)
class StreamPlace:
    """A connection as a place."""

    connection: Flow

    @property
    def transport(self) -> str:
        """See `Place`."""
        return self.connection.transport_name

    @property
    def host(self) -> str:
        """See `Place`."""
        return self.connection.host

    @property
    def number(self) -> int:
        """See `Place`."""
        return self.connection.number

    @property
    def listener(self) -> str:
        """See `Place`."""
        return self.connection.listener

    @property
    def sent_by(self) -> tuple[str, int]:
        """See `Place`."""
        return self.connection.sent_by

    @property
    def flow(self) -> str:
        """See `Place`."""
        return self.connection.flow

    def write(self, octets: bytes) -> bool:
        """See `Place`."""
        return self.connection.write(octets)


class TcpPort(Factory):
    """One TCP or TLS socket and its connections; `transport` is TCP or TLS, `unfinished` how many octets its connections keep of messages that aren't whole."""

    noisy = False
    _numbers = count(1)

    def __init__(self, switch: Switch, name: str, transport: str, clock: IReactorTime) -> None:
        self.switch, self.name, self.transport, self.clock = switch, name, transport, clock
        self.sent_by = ("", 0)
        self.flows: dict[str, Flow] = {}
        self.unfinished = 0
        self._of_host: dict[str, int] = {}
        self._places: dict[tuple[str, int], Flow] = {}
        _PORTS.add(self)
        FLOWS.read = lambda: sum(len(port.flows) for port in _PORTS)

    def buildProtocol(self, addr: Any) -> Flow:
        """A connection begins."""
        return Flow(self, f"{self.transport}{next(self._numbers)}")

    def admit(self, flow: Flow) -> bool:
        """Count a connection; False when it is one too many."""
        if len(self.flows) >= MOST or self._of_host.get(flow.host, 0) >= MOST_OF_ONE:
            return False
        self.flows[flow.flow] = self._places[flow.host, flow.number] = flow
        self._of_host[flow.host] = self._of_host.get(flow.host, 0) + 1
        return True

    def at(self, host: str, number: int) -> Flow | None:
        """The connection with that address and port on its other side; None without one."""
        return self._places.get((host, number))

    def has(self, flow: Flow) -> bool:
        """Whether the connection lives."""
        return self.flows.get(flow.flow) is flow

    def gone(self, flow: Flow) -> None:
        """Forget a connection."""
        if self.flows.pop(flow.flow, None) is None:
            return
        if self._places.get((flow.host, flow.number)) is flow:
            del self._places[flow.host, flow.number]
        left = self._of_host[flow.host] - 1
        if left:
            self._of_host[flow.host] = left
        else:
            del self._of_host[flow.host]
        self.switch.closed(StreamPlace(flow))

    def sweep(self) -> None:
        """Close connections that are slow on purpose, or dead."""
        now = self.clock.seconds()
        for flow in list(self.flows.values()):
            reason = flow.late(now)
            if reason:
                flow.close(reason)

    def close(self) -> None:
        """Close all connections: the server stops."""
        for flow in list(self.flows.values()):
            flow.close("stopping", at_once=False)
