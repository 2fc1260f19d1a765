"""
The client side of RADIUS: a NAS that sends requests to one port of a server, retransmits them, and checks the
answers.

    request (octets) >  2 s without an answer: the same octets again, three tries in all  > NoAnswer
                     <  the first answer whose authenticator and signature are right      > Answer

A retransmission is the same packet to the last octet, with its Identifier and authenticator (RFC 2865 2.5,
RFC 5080 2.2.1), so that the server can tell it from a new request. Answers that can't be ours are ignored;
why is said when no right one comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import randbelow
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import DatagramProtocol

from portaswitch.errors import PortaSwitchError
from portaswitch.wire.radius.codec import Malformed, encode_request, verify_reply
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Packet

#: How often a request is sent in all, and how many seconds an answer may take each time.
TRIES, WAIT = 3, 2.0

#: What to look for when answers came that had to be ignored, by the codec's reason.
ADVICE = {
    "authenticator": "its authenticator is wrong: the server's secret for this client is another one",
    "message-authenticator": "its signature is wrong: the server's secret for this client is another one",
}

SILENCE = (
    "is the server running there? It is silent to a client that is not in its radius_clients, to a wrong "
    "secret, and while its database is down"
)


class NoAnswer(PortaSwitchError):
    """No right answer to any try; the text says what may be the matter."""


@dataclass(frozen=True, slots=True)
class Answer:
    """
    The right answer: the packet, seconds from the first sending to its receipt, and how often the request was
    sent.
    """

    packet: Packet
    seconds: float
    tries: int


@dataclass(slots=True)
class _Asked:
    """A request under way."""

    octets: bytes
    since: float
    result: Deferred[Answer]
    tries: int = 0
    timer: IDelayedCall | None = None


class NasClient(DatagramProtocol):
    """
    Speaks to one port of one server: `reactor.listenUDP(0, NasClient(...))`. `host` is an IP address.
    The socket is not connected: Twisted gives a connected one up for good at the first ICMP error.

    `wait` is the time before a retransmission in seconds, `tries` the number of sendings in all.
    """

    def __init__(
        self, clock: IReactorTime, host: str, port: int, secret: bytes, tries: int = TRIES, wait: float = WAIT
    ) -> None:
        self._clock, self._host, self._port, self._secret = clock, host, port, secret
        self._tries, self._wait = tries, wait
        self._dictionary = Dictionary.standard()
        self._identifier = randbelow(256)
        self._asked: dict[int, _Asked] = {}
        self._reason = ""

    def ask(self, code: int, attributes: Sequence[tuple[str, Value]]) -> Deferred[Answer]:
        """
        Send a request and fire with its answer; cancelling forgets it.

        Fails with NoAnswer after the last try, and with ValueError for attributes that can't be encoded.
        """
        identifier = self._free()
        if identifier is None:
            return fail(
                NoAnswer(f"256 requests wait for answers of {self._place()} already: ask less at a time")
            )
        octets = encode_request(code, identifier, attributes, self._secret, self._dictionary)
        asked = _Asked(octets, self._clock.seconds(), Deferred(lambda _: self._cancelled(identifier)))
        self._asked[identifier], self._reason = asked, ""
        self._send(identifier, asked)
        return asked.result

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """The answer to one of the requests under way, or something to ignore."""
        asked = self._asked.get(datagram[1]) if len(datagram) > 1 else None
        if asked is None or tuple(addr[:2]) != (self._host, self._port):
            return
        try:
            packet = verify_reply(datagram, asked.octets, self._secret, self._dictionary)
        except Malformed as fault:
            self._reason = (
                f"an answer came, but {ADVICE.get(fault.reason, f'it is malformed ({fault.reason})')}"
            )
            return
        self._forget(datagram[1])
        asked.result.callback(Answer(packet, self._clock.seconds() - asked.since, asked.tries))

    def stopProtocol(self) -> None:
        """Give up what is still under way."""
        for identifier in tuple(self._asked):
            self._give_up(identifier, "the client was stopped")

    def _free(self) -> int | None:
        """The next Identifier that no request under way has, or None."""
        for step in range(1, 257):
            identifier = (self._identifier + step) % 256
            if identifier not in self._asked:
                self._identifier = identifier
                return identifier
        return None

    def _send(self, identifier: int, asked: _Asked) -> None:
        if asked.tries == self._tries:
            self._give_up(identifier, self._reason or SILENCE)
            return
        asked.tries += 1
        asked.timer = self._clock.callLater(self._wait, self._send, identifier, asked)
        transport: Any = self.transport
        try:
            transport.write(asked.octets, (self._host, self._port))
        except OSError as error:
            self._reason = f"it can't be reached ({error.strerror})"

    def _cancelled(self, identifier: int) -> None:
        self._forget(identifier)

    def _forget(self, identifier: int) -> _Asked:
        asked = self._asked.pop(identifier)
        if asked.timer is not None and asked.timer.active():
            asked.timer.cancel()
        return asked

    def _give_up(self, identifier: int, reason: str) -> None:
        asked = self._forget(identifier)
        sent = f"sent {asked.tries} time{'' if asked.tries == 1 else 's'}, {self._wait:g} s each"
        asked.result.errback(NoAnswer(f"{self._place()} did not answer ({sent}): {reason}"))

    def _place(self) -> str:
        return f"udp {self._host}:{self._port}"
