"""RADIUS requests as octets and packets, a client table, and a core and a transport that do as a test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.endpoints.client_habits import Habits
from portaswitch.endpoints.clients import Clients
from portaswitch.endpoints.radius_request import to_request
from portaswitch.interfaces.billing import IBilling
from portaswitch.model.catalogue import Catalogue, Node, Observe, RadiusClient
from portaswitch.model.request import AAARequest, Decision
from portaswitch.wire.radius.codec import decode, encode_request
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code, Packet
from tests.unit.builders import AT, NODE, catalogue

DICTIONARY = Dictionary.standard()
SECRET = b"a test secret"
HOST = "192.0.2.1"
PEER = (HOST, 40000)
CLIENT = RadiusClient(1, 1, HOST, SECRET, 7, Observe.AUTO, Observe.YES, False)
EXAMPLES = Path(__file__).parents[2] / "spec" / "examples" / "radius"

Attributes = Sequence[tuple[str, Value]]


def example(name: str) -> list[tuple[str, list[tuple[str, Value]]]]:
    """The messages of one example of the guide: packet kind and attributes as printed; an empty password is one that is absent on the wire."""
    (path,) = EXAMPLES.glob(f"{name}*.yaml")
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    pairs = [[(item["name"], item["value"]) for item in message["attributes"] if item["name"] != "Password"] for message in document["messages"]]
    return [(message["packet"], attributes) for message, attributes in zip(document["messages"], pairs, strict=True)]


def octets(code: int, attributes: Attributes, identifier: int = 5, authenticator: bytes | None = None, secret: bytes = SECRET) -> bytes:
    """A request as sent; Access-Requests are signed."""
    return encode_request(code, identifier, attributes, secret, DICTIONARY, authenticator)


def unsigned(attributes: Attributes, identifier: int = 5, authenticator: bytes = b"u" * 16) -> bytes:
    """An Access-Request without Message-Authenticator, as old equipment sends it."""
    signed = octets(Code.ACCESS_REQUEST, attributes, identifier, authenticator)
    body = signed[38:]
    length = 20 + len(body)
    return bytes((1, identifier, length >> 8, length & 255)) + authenticator + body


def packet(code: int, attributes: Attributes, secret: bytes = SECRET) -> Packet:
    """The same, received."""
    return decode(octets(code, attributes, secret=secret), secret, DICTIONARY)


def access(attributes: Attributes, client: RadiusClient = CLIENT) -> AAARequest:
    """What an Access-Request asks of the core."""
    return to_request(packet(Code.ACCESS_REQUEST, attributes), client, NODE, AT, "r1")


def accounting(attributes: Attributes, node: Node = NODE) -> AAARequest:
    """What an Accounting-Request asks of the core."""
    return to_request(packet(Code.ACCOUNTING_REQUEST, attributes), CLIENT, node, AT, "r1")


def table(*clients: RadiusClient, known: Catalogue | None = None) -> Clients:
    """A client table that has learnt nothing yet."""
    return Clients(replace(known or catalogue(), clients=clients or (CLIENT,)), Habits(lambda: AT))


@implementer(IBilling)
class Desk:
    """A core whose answers the test gives: `asked` has requests and their Deferreds."""

    def __init__(self) -> None:
        self.asked: list[tuple[AAARequest, Deferred[Decision]]] = []

    def handle(self, request: AAARequest) -> Deferred[Decision]:
        """See `IBilling.handle`."""
        self.asked.append((request, Deferred()))
        return self.asked[-1][1]

    def decide(self, decision: Decision, place: int = 0) -> None:
        """Answer one request."""
        self.asked.pop(place)[1].callback(decision)

    def fail(self, error: Exception, place: int = 0) -> None:
        """Fail one request."""
        self.asked.pop(place)[1].errback(error)


class Wire:
    """A datagram transport that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.broken = False

    def write(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Send one datagram, or raise as a full socket does."""
        if self.broken:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.sent.append((datagram, addr))
