"""
A network access server that takes CoA-Request and Disconnect-Request (RFC 5176): it checks what it gets as a careful one does, keeps sessions,
and misbehaves when it is told to. Written by hand on the standard library; it shares nothing with the server that it is asked by.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import DatagramProtocol

DISCONNECT, DISCONNECT_ACK, DISCONNECT_NAK, COA, COA_ACK, COA_NAK = 40, 41, 42, 43, 44, 45
ACKS = {DISCONNECT: DISCONNECT_ACK, COA: COA_ACK}
NAKS = {DISCONNECT: DISCONNECT_NAK, COA: COA_NAK}
USER_NAME, NAS_IP_ADDRESS, FRAMED_IP_ADDRESS, FILTER_ID, NAS_IDENTIFIER, ACCT_SESSION_ID, EVENT_TIMESTAMP = 1, 4, 8, 11, 32, 44, 55
MESSAGE_AUTHENTICATOR, ERROR_CAUSE = 80, 101
NOT_FOUND = 503

#: What a request is answered with: the datagrams, in their order.
Behaviour = Callable[["Request"], list[bytes]]


class Wrong(Exception):
    """A request that a node discards in silence; the text says why."""


class Request:
    """A request whose authenticator and Message-Authenticator were right. `attributes` are (type, octets) in the order of the wire."""

    def __init__(self, octets: bytes, secret: bytes) -> None:
        self.octets, self.secret = octets, secret
        self.code, self.identifier, length = struct.unpack("!BBH", octets[:4])
        if length != len(octets) or self.code not in ACKS:
            raise Wrong("length or code")
        self.authenticator = octets[4:20]
        if hashlib.md5(octets[:4] + bytes(16) + octets[20:] + secret).digest() != self.authenticator:
            raise Wrong("authenticator")
        self.attributes = list(_attributes(octets[20:]))
        self._check_signature()

    def _check_signature(self) -> None:
        if not self.attributes or self.attributes[0][0] != MESSAGE_AUTHENTICATOR or len(self.attributes[0][1]) != 16:
            raise Wrong("Message-Authenticator is not first")
        zeroed = self.octets[:4] + bytes(16) + self.octets[20:22] + bytes(16) + self.octets[38:]
        if hmac.new(self.secret, zeroed, "md5").digest() != self.attributes[0][1]:
            raise Wrong("Message-Authenticator")

    def get(self, number: int) -> bytes | None:
        """The first attribute of this type."""
        return next((octets for kind, octets in self.attributes if kind == number), None)

    def answer(self, code: int, cause: int | None = None, signed: bool = True, secret: bytes | None = None, identifier: int | None = None) -> bytes:
        """An answer; another `secret` or `identifier` makes it a wrong one."""
        body = b"" if cause is None else bytes((ERROR_CAUSE, 6)) + cause.to_bytes(4, "big")
        key, number = self.secret if secret is None else secret, self.identifier if identifier is None else identifier
        head = struct.pack("!BBH", code, number, 20 + len(body) + (18 if signed else 0))
        if signed:
            front = bytes((MESSAGE_AUTHENTICATOR, 18))
            body = front + hmac.new(key, head + self.authenticator + front + bytes(16) + body, "md5").digest() + body
        return head + hashlib.md5(head + self.authenticator + body + key).digest() + body

    def ack(self) -> bytes:
        """It is done."""
        return self.answer(ACKS[self.code])

    def nak(self, cause: int | None) -> bytes:
        """It is not."""
        return self.answer(NAKS[self.code], cause)


def _attributes(octets: bytes) -> Any:
    while octets:
        size = octets[1] if len(octets) > 1 else 0
        if not 2 <= size <= len(octets):
            raise Wrong("attribute")
        yield octets[0], octets[2:size]
        octets = octets[size:]


class SimulatedNas(DatagramProtocol):
    """
    `sessions` are the Acct-Session-Ids that it has; `requests` the right ones that it got, `wrong` why it discarded others.

    `behave` answers instead of it, while it is set; `elsewhere` is a second socket, which answers from another port.
    """

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.sessions: set[str] = set()
        self.requests: list[Request] = []
        self.wrong: list[str] = []
        self.policies: dict[str, str] = {}
        self.behave: Behaviour | None = None
        self.elsewhere: Any = None
        self.senders: list[Any] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """A request, or something to discard."""
        try:
            request = Request(datagram, self.secret)
        except Wrong as error:
            self.wrong.append(str(error))
            return
        self.requests.append(request)
        self.senders.append(addr)
        transport: Any = self.transport
        sender = transport if self.elsewhere is None else self.elsewhere
        for answer in self._answers(request) if self.behave is None else self.behave(request):
            sender.write(answer, addr)

    def _answers(self, request: Request) -> list[bytes]:
        """What a node does that has sessions."""
        name = (request.get(ACCT_SESSION_ID) or b"").decode()
        if name not in self.sessions:
            return [request.nak(NOT_FOUND)]
        if request.code == DISCONNECT:
            self.sessions.remove(name)
        else:
            self.policies[name] = (request.get(FILTER_ID) or b"").decode()
        return [request.ack()]
