"""Talking to simulators by octets in memory."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.simulators.core import Simulator

HERE = IPv4Address("TCP", "127.0.0.1", 40000)
ELSEWHERE = IPv4Address("TCP", "127.0.0.1", 40001)


class Answer(NamedTuple):
    """An HTTP answer: its status, header lines and body; status 0 when none came."""

    status: int
    head: str
    body: str


class Wire:
    """One connection to a simulator. `octets` is what has come back since the last `send`."""

    def __init__(self, simulator: Simulator, peer: IPv4Address = HERE) -> None:
        self._transport = StringTransport(peerAddress=peer)
        self._protocol: Any = cast(Any, simulator.factory()).buildProtocol(peer)
        self._protocol.makeConnection(self._transport)

    def send(self, octets: bytes) -> bytes:
        """Send octets, return what is answered at once."""
        self._transport.clear()
        self._protocol.dataReceived(octets)
        return self.octets

    @property
    def octets(self) -> bytes:
        """What came."""
        octets: bytes = self._transport.value()
        return octets

    @property
    def closed(self) -> bool:
        """Whether the simulator has ended the connection."""
        return self._transport.disconnecting or self._transport.disconnected

    def close(self) -> None:
        """End the connection from our side."""
        self._protocol.connectionLost(Failure(ConnectionDone()))


def request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    """An HTTP/1.1 request as octets; `headers` are whole lines."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer_of(octets: bytes) -> Answer:
    """Read the octets of one HTTP answer."""
    if not octets:
        return Answer(0, "", "")
    head, _, body = octets.decode().partition("\r\n\r\n")
    return Answer(int(head.split()[1]), head + "\r\n", body)


def soap(simulator: Simulator, path: str, body: bytes, action: str = "Notification") -> Answer:
    """One request of SOAP 1.1 on a connection of its own."""
    return ask(simulator, "POST", path, body, "Content-Type: text/xml; charset=utf-8", f'SOAPAction: "{action}"')


def ask(simulator: Simulator, method: str, path: str, body: bytes = b"", *headers: str) -> Answer:
    """One request on a connection of its own."""
    return answer_of(Wire(simulator).send(request(method, path, body, *headers)))
