"""A node with three known peers, and what peers send it."""

from __future__ import annotations

from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.diameter.capabilities import Local
from portaswitch.wire.diameter.codec import decode, encode, encode_answer
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.faults import Fault, Result
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Message, Pair
from portaswitch.wire.diameter.node import Node
from portaswitch.wire.diameter.outputs import Connection, Output, Send

DICTIONARY = Dictionary.standard()
LOCAL = Local("ocs.example.com", "example.com", ("192.0.2.1",), state=7)
PGW = "pgw.example.com"
KNOWN = {PGW, "a.example.com", "z.example.com"}
T = TypeVar("T")


def admit(connection: Connection, cer: Message) -> Fault | None:
    """The three are known."""
    known = (cer.text("Origin-Host") or "").lower() in KNOWN
    return None if known else Fault(Result.UNKNOWN_PEER, "unknown peer")


def request(code: int, body: list[Pair], application: int = 0, hop: int = 1, flags: int = 0x80) -> bytes:
    """A request of a peer."""
    return encode(flags, code, application, hop, hop + 1000, body, DICTIONARY)


def origin(host: str = PGW) -> list[Pair]:
    """Who sends."""
    return [("Origin-Host", host), ("Origin-Realm", "example.com")]


def cer(host: str = PGW, more: list[Pair] | None = None) -> bytes:
    """A CER for credit control."""
    return request(257, [*origin(host), *([("Auth-Application-Id", 4)] if more is None else more)])


def ccr(hop: int = 5) -> bytes:
    """A sound CCR."""
    body: list[Pair] = [("Session-Id", "s"), *origin(), ("Destination-Realm", "example.com")]
    body += [("Service-Context-Id", "32251@3gpp.org"), ("CC-Request-Type", 1), ("CC-Request-Number", 0)]
    return request(272, body, 4, hop, 0xC0)


def only(outputs: list[Output], kind: type[T]) -> list[T]:
    """The outputs of a kind."""
    return [output for output in outputs if isinstance(output, kind)]


def sent(outputs: list[Output]) -> list[Message]:
    """What is sent, decoded."""
    return [decode(output.octets, DICTIONARY) for output in only(outputs, Send)]


def reply(message: Message, host: str = PGW, result: int = 2001, more: list[Pair] | None = None) -> bytes:
    """A peer's answer."""
    return encode_answer(message, [("Result-Code", result), *origin(host), *(more or [])], DICTIONARY)


class NodeCase(SynchronousTestCase):
    """A node that knows three peers."""

    def setUp(self) -> None:
        """No jitter; a watchdog of 30 s."""
        self.node = Node(LOCAL, admit, Identifiers(1, 2), lambda: 0)

    def open(self, connection: Connection = "c", host: str = PGW, now: float = 0) -> list[Output]:
        """A peer comes in."""
        self.assertEqual(self.node.connected(connection, now), [])
        return self.node.received(connection, cer(host), now)
