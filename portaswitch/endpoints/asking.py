"""
Requests under way from one UDP port to another: Identifiers, retransmission, and which answer is the right one.

What a RADIUS client is made of, whatever it asks: `radius_client` (a NAS) and `dynamic` (CoA, Disconnect).
A retransmission is the same packet to the last octet, with its Identifier and authenticator (RFC 2865 2.5,
RFC 5080 2.2.1, RFC 5176 2.3), so that who is asked can tell it from a new request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import randbelow

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from portaswitch.errors import PortaSwitchError
from portaswitch.wire.radius.codec import Malformed, encode_request, verify_reply
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Packet

#: Identifiers of one pair of ports (RFC 2865 3).
IDENTIFIERS = 256

#: What to look for when answers came that had to be ignored, by the codec's reason.
ADVICE = {
    "authenticator": "its authenticator is wrong: the secret at the other side is another one",
    "message-authenticator": "its signature is wrong: the secret at the other side is another one",
}


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


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often a request is sent in all, and how many seconds the n-th sending (from 1) is waited for."""

    tries: int
    wait: Callable[[int], float]


@dataclass(slots=True)
class _Asked:
    """A request under way; `reason` is why its last answer was ignored."""

    octets: bytes
    secret: bytes
    since: float
    result: Deferred[Answer]
    tries: int = 0
    timer: IDelayedCall | None = None
    reason: str = ""


class Asking:
    """
    The requests from one port of ours to the one at `place` (address, port); `send` writes a datagram to it.

    `silence` is what a request without any answer is told.
    """

    def __init__(
        self, clock: IReactorTime, place: tuple[str, int], send: Callable[[bytes], None], schedule: Schedule, silence: str
    ) -> None:
        self._clock, self._place, self._write, self._schedule, self._silence = clock, place, send, schedule, silence
        self._dictionary = Dictionary.standard()
        self._identifier = randbelow(IDENTIFIERS)
        self._asked: dict[int, _Asked] = {}
        self._spent: set[int] = set()

    @property
    def under_way(self) -> int:
        """How many requests wait for their answers."""
        return len(self._asked)

    def ask(self, code: int, attributes: Sequence[tuple[str, Value]], secret: bytes) -> Deferred[Answer]:
        """
        Send a request and fire with its answer; cancelling forgets it.

        Fails with NoAnswer after the last try or when all Identifiers are in use. Raises ValueError for
        attributes that can't be encoded.
        """
        identifier = self._free()
        if identifier is None:
            return fail(NoAnswer(f"{IDENTIFIERS} requests wait for answers of {self._name()} already: ask less at a time"))
        octets = encode_request(code, identifier, attributes, secret, self._dictionary)
        asked = _Asked(octets, secret, self._clock.seconds(), Deferred(lambda _: self._cancelled(identifier)))
        self._asked[identifier] = asked
        self._send(identifier, asked)
        return asked.result

    def received(self, datagram: bytes) -> str:
        """
        A datagram from the place. '' when it is an answer that was waited for, else why it is ignored: `short`,
        `late` (to a request that is settled), `unasked`, or the codec's word.
        """
        if len(datagram) < 2:
            return "short"
        asked = self._asked.get(datagram[1])
        if asked is None:
            return "late" if datagram[1] in self._spent else "unasked"
        try:
            packet = verify_reply(datagram, asked.octets, asked.secret, self._dictionary)
        except Malformed as fault:
            asked.reason = f"an answer came, but {ADVICE.get(fault.reason, f'it is malformed ({fault.reason})')}"
            return fault.reason
        self._forget(datagram[1])
        asked.result.callback(Answer(packet, self._clock.seconds() - asked.since, asked.tries))
        return ""

    def stop(self) -> None:
        """Give up what is still under way."""
        for identifier in tuple(self._asked):
            self._give_up(identifier, "the client was stopped")

    def _free(self) -> int | None:
        """The next Identifier that no request under way has, or None; in turn, so that a late answer meets no new request."""
        for step in range(1, IDENTIFIERS + 1):
            identifier = (self._identifier + step) % IDENTIFIERS
            if identifier not in self._asked:
                self._identifier = identifier
                return identifier
        return None

    def _send(self, identifier: int, asked: _Asked) -> None:
        if asked.tries == self._schedule.tries:
            self._give_up(identifier, asked.reason or self._silence)
            return
        asked.tries += 1
        asked.timer = self._clock.callLater(self._schedule.wait(asked.tries), self._send, identifier, asked)
        try:
            self._write(asked.octets)
        except OSError as error:
            asked.reason = f"it can't be reached ({error.strerror})"

    def _cancelled(self, identifier: int) -> None:
        self._forget(identifier)

    def _forget(self, identifier: int) -> _Asked:
        asked = self._asked.pop(identifier)
        self._spent.add(identifier)
        if asked.timer is not None and asked.timer.active():
            asked.timer.cancel()
        return asked

    def _give_up(self, identifier: int, reason: str) -> None:
        asked = self._forget(identifier)
        times = "once" if asked.tries == 1 else f"{asked.tries} times"
        seconds = self._clock.seconds() - asked.since
        asked.result.errback(NoAnswer(f"{self._name()} did not answer (sent {times} in {seconds:.3g} s): {reason}"))

    def _name(self) -> str:
        host, port = self._place
        return f"udp {f'[{host}]' if ':' in host else host}:{port}"
