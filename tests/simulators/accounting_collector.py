"""
A policy broker's RADIUS accounting listener: it learns from Start which subscriber has an address, and from Stop that nobody has it any more.

What it checks: the Request Authenticator of RFC 2866 section 3, lengths, User-Name, Acct-Session-Id, Acct-Status-Type Start or Stop, Framed-IP-Address, and
NAS-IP-Address or NAS-Identifier (RFC 2866 4.1). Anything else it discards in silence. Written by hand on the standard library; it shares nothing with the
server that accounts to it.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.protocol import DatagramProtocol

REQUEST, RESPONSE = 4, 5
START, STOP = 1, 2
USER_NAME, NAS_IP_ADDRESS, FRAMED_IP_ADDRESS, CALLING, NAS_IDENTIFIER, STATUS, DELAY, SESSION, EVENT_TIMESTAMP = 1, 4, 8, 31, 32, 40, 41, 44, 55
NEEDED = (USER_NAME, STATUS, SESSION, FRAMED_IP_ADDRESS)


class Wrong(Exception):
    """A request that is discarded; the text says why."""


class Account:
    """A request that was right in all. `attributes` are (type, octets) in the order of the wire."""

    def __init__(self, octets: bytes, secret: bytes) -> None:
        if len(octets) < 20:
            raise Wrong("short")
        self.octets, self._secret = octets, secret
        code, self.identifier, length = struct.unpack("!BBH", octets[:4])
        if code != REQUEST or length != len(octets):
            raise Wrong("code or length")
        if hashlib.md5(octets[:4] + bytes(16) + octets[20:] + secret).digest() != octets[4:20]:
            raise Wrong("authenticator")
        self.attributes = list(_attributes(octets[20:]))
        missing = [kind for kind in NEEDED if self.get(kind) is None]
        if missing or (self.get(NAS_IP_ADDRESS) is None and self.get(NAS_IDENTIFIER) is None):
            raise Wrong(f"without {missing or 'a NAS'}")
        if self.number(STATUS) not in (START, STOP):
            raise Wrong("status")

    def get(self, kind: int) -> bytes | None:
        """The first attribute of this type."""
        return next((octets for number, octets in self.attributes if number == kind), None)

    def number(self, kind: int) -> int:
        """The same as a number; -1 where there is none."""
        octets = self.get(kind)
        return -1 if octets is None else int.from_bytes(octets, "big")

    def text(self, kind: int) -> str:
        """The same as text."""
        return (self.get(kind) or b"").decode()

    @property
    def address(self) -> str:
        """Framed-IP-Address."""
        return ".".join(str(octet) for octet in self.get(FRAMED_IP_ADDRESS) or b"")

    @property
    def said(self) -> tuple[int, str, str, str]:
        """Status, session, subscriber, address."""
        return self.number(STATUS), self.text(SESSION), self.text(USER_NAME), self.address

    def answer(self, secret: bytes | None = None, identifier: int | None = None) -> bytes:
        """An Accounting-Response; another `secret` or `identifier` makes it a wrong one."""
        head = struct.pack("!BBH", RESPONSE, self.identifier if identifier is None else identifier, 20)
        return head + hashlib.md5(head + self.octets[4:20] + (self._secret if secret is None else secret)).digest()


def _attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    while octets:
        size = octets[1] if len(octets) > 1 else 0
        if not 2 <= size <= len(octets):
            raise Wrong("attribute")
        yield octets[0], octets[2:size]
        octets = octets[size:]


class AccountingCollector(DatagramProtocol):
    """
    `subscribers` by address, with the session that told it; `accounts` the right requests in their order, `wrong` why it discarded others. A repeated
    request changes nothing; a Stop of a session that does not have the address any more clears nothing.

    `behave` answers instead of it, while it is set, with the datagrams to send.
    """

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.subscribers: dict[str, tuple[str, str]] = {}
        self.accounts: list[Account] = []
        self.wrong: list[str] = []
        self.behave: Callable[[Account], list[bytes]] | None = None

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """A request, or something to discard."""
        try:
            account = Account(datagram, self.secret)
        except Wrong as error:
            self.wrong.append(str(error))
            return
        self.accounts.append(account)
        answers = [account.answer()] if self.behave is None else self.behave(account)
        if answers:
            self._take(account)
        transport: Any = self.transport
        for answer in answers:
            transport.write(answer, addr)

    def _take(self, account: Account) -> None:
        status, session, name, address = account.said
        if status == START:
            self.subscribers[address] = (name, session)
        elif self.subscribers.get(address) == (name, session):
            del self.subscribers[address]


def main() -> None:
    """
    Listen until Ctrl-C, for an operator who tries copies by hand; what is told, and what is discarded, is a line on the terminal.

        python -m tests.simulators.accounting_collector --port 1813 --secret testing123
    """
    from twisted.internet import reactor

    options = argparse.ArgumentParser(description="A collector of RADIUS accounting.")
    options.add_argument("--port", type=int, default=0, help="UDP port; 0 (the default) takes a free one and prints it")
    options.add_argument("--interface", default="127.0.0.1", help="address to listen on (default: loopback only)")
    options.add_argument("--secret", required=True, help="the shared secret")
    chosen = options.parse_args()
    clock: Any = reactor
    port = clock.listenUDP(chosen.port, _Printing(chosen.secret.encode()), interface=chosen.interface)
    print(f"listening on udp {port.getHost().host}:{port.getHost().port}; Ctrl-C stops it", flush=True)
    clock.run()


class _Printing(AccountingCollector):
    """A collector that prints."""

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """See `AccountingCollector`."""
        taken, wrong = len(self.accounts), len(self.wrong)
        super().datagramReceived(datagram, addr)
        for account in self.accounts[taken:]:
            status, session, name, address = account.said
            print(f"{'Start' if status == START else 'Stop'} {address} {name} (session {session}); now: {self.subscribers}", flush=True)
        for reason in self.wrong[wrong:]:
            print(f"discarded: {reason}", flush=True)


if __name__ == "__main__":
    main()
