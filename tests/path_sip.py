"""
The path of MESSAGEs for `tests.path`: phones of 1,000 accounts, each to the next one.

    octets > log-in > core > recorded rows > 202, and the delivering MESSAGE > its 200 > settled
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from json import loads
from time import process_time
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from portaswitch.billing.core import Core
from portaswitch.config.settings import load_text
from portaswitch.endpoints.sip_ports import UdpPort
from portaswitch.interfaces.catalogue import ICatalogue
from portaswitch.interfaces.ledger import ILedger
from portaswitch.logs import BillingLog
from portaswitch.model.catalogue import Catalogue, Node, RatePlan, RatingEntry, Service, ServicePolicy, Tariff, Version
from portaswitch.model.request import Base
from portaswitch.service_sip import SipService
from portaswitch.store.pool import Pool
from portaswitch.trace.tracer import silent

KINDS: Final = ("message",)
DOMAIN, SENDERS, PHONES = "sip.example", ("192.0.2.7", 40000), ("192.0.2.7", 40001)
USERS = 1000
#: Seconds between two groups: 2,000 messages a second.
STEP = 0.064
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NONCE: Final = re.compile(rb'nonce="([0-9a-f]+)", algorithm=MD5')
_COPIED: Final = re.compile(rb"(?:Via|From|To|Call-ID|CSeq): [^\r]*\r\n")


def with_messages(catalogue: Catalogue) -> Catalogue:
    """The catalogue with messages to accounts of ours at 0.02, and the node that is the domain."""
    plan = RatePlan(3, "messages", "USD", 9001, 9001, "MSG", 1, 1, Decimal("0.02"), Decimal("0.02"), 1, Decimal(0))
    entry = RatingEntry(3, 3, 0, "", 3, 0, ServicePolicy(3))
    products = {number: replace(product, entries=(*product.entries, entry)) for number, product in catalogue.products.items()}
    return replace(
        catalogue, services={**catalogue.services, 3: Service(3, "Messages", "Msg", Base.QUANTITY)}, products=products,
        tariffs={**catalogue.tariffs, 3: Tariff(3, "messages", "USD", 3, {"MSG": (Version(LONG_AGO, plan),)}, 3)},
        nodes={**catalogue.nodes, 3: Node(3, 1, "sip", "", DOMAIN)},
    )  # fmt: skip


class Located:
    """In the pool's place: every account has one contact, and what is settled is settled."""

    def __init__(self, now: datetime) -> None:
        self._expires = now + timedelta(hours=1)
        self._waiting: list[tuple[Deferred[Any], Any]] = []
        self.settled = 0

    def query(self, sql: str, values: Any = ()) -> Deferred[Any]:
        """See `Pool.query`."""
        done: Deferred[Any] = Deferred()
        self._waiting.append((done, [self._contact(place, loads(names)[0]) for place, names in enumerate(values[1], 1)]))
        return done

    def execute(self, sql: str, values: Any = ()) -> Deferred[Any]:
        """See `Pool.execute`."""
        done: Deferred[Any] = Deferred()
        self.settled += len(values[0])
        self._waiting.append((done, None))
        return done

    def flush(self) -> bool:
        """Answer what is asked; whether anything was."""
        waiting, self._waiting = self._waiting, []
        for done, rows in waiting:
            done.callback(rows)
        return bool(waiting)

    def _contact(self, place: int, user: str) -> tuple[Any, ...]:
        number = int(user.removeprefix("user"))
        uri = f"sip:{user}@{PHONES[0]}:{PHONES[1]}"
        return (place, number, user, 0, number, uri, "UDP", *PHONES, "udp", "call", 1, self._expires, "", "", 1000, "", "path", number)


class Wire:
    """In the transport's place: what is sent is kept."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, octets: bytes, to: tuple[str, int]) -> None:
        """One datagram."""
        self.sent.append(octets)


class SipLine:
    """The server's path between the phones and its database; `flush` lets what the ledger recorded answer."""

    def __init__(self, catalogue: Catalogue, books: ILedger, sold: ICatalogue, flush: Callable[[], None], now: datetime) -> None:
        self._clock, self._wire, self._flush, self._located = Clock(), Wire(), flush, Located(now)
        settings = load_text(f"sip:\n  domains: [{DOMAIN}]\n  source_rate: 0\n", environ={})
        core = Core(books, sold, BillingLog(None))
        self._service = SipService(self._clock, settings, core, cast(Pool, self._located), lambda: catalogue, lambda: now, silent(), b"path")
        self._port = self._service.ports["udp"] = UdpPort(self._service.server, "udp")
        self._port.sent_by = ("198.51.100.1", 5060)
        self._service.server.ours.add(self._port.sent_by)
        self._port.transport = cast(Any, self._wire)
        self._nonces: dict[int, str] = {}
        self.delivered = self.accepted = 0

    @property
    def settled(self) -> int:
        """Messages whose delivery was written down."""
        return self._located.settled

    def packets(self, run: int, calls: int) -> list[bytes]:
        """One MESSAGE of each call, its log-in made for this server."""
        return [self._request(run, number) for number in range(calls)]

    def _request(self, run: int, number: int) -> bytes:
        user = number % USERS
        if user not in self._nonces:
            self._port.datagramReceived(_message(user, f"challenge{user}", 1, ""), SENDERS)
            found = _NONCE.search(self._wire.sent.pop())
            assert found is not None
            self._nonces[user] = found[1].decode()
        return _message(user, f"{run:08X}-{number}", number // USERS + run * 16 + 1, self._nonces[user])

    def run(self, messages: list[bytes], at_once: int) -> float:
        """CPU seconds for these requests."""
        took = 0.0
        for first in range(0, len(messages), at_once):
            before = process_time()
            for message in messages[first : first + at_once]:
                self._port.datagramReceived(message, SENDERS)
            self._answer()
            took += process_time() - before
            sent, self._wire.sent = self._wire.sent, []
            self.accepted += sum(octets.startswith(b"SIP/2.0 202 ") for octets in sent)
            answers = [_taken(octets) for octets in sent if octets.startswith(b"MESSAGE ")]
            self.delivered += len(answers)
            before = process_time()
            for answer in answers:
                self._port.datagramReceived(answer, PHONES)
            self._answer()
            self._clock.advance(STEP)
            took += process_time() - before
        return took

    def _answer(self) -> None:
        asked = True
        while asked:
            asked = self._located.flush()
            self._flush()


def _taken(octets: bytes) -> bytes:
    """A phone's answer."""
    return b"SIP/2.0 200 OK\r\n" + b"".join(_COPIED.findall(octets)) + b"Content-Length: 0\r\n\r\n"


def _message(user: int, call: str, count: int, nonce: str) -> bytes:
    """As sipgen writes it; without a nonce there is no log-in."""
    sender, target = f"user{user + 1}", f"sip:user{(user + 1) % USERS + 1}@{DOMAIN}"
    proof = ""
    if nonce:
        secret, asked = _md5(f"{sender}:{DOMAIN}:pw1"), _md5(f"MESSAGE:{target}")
        response = _md5(f"{secret}:{nonce}:{count:08x}:c0ffee:auth:{asked}")
        proof = (
            f'Authorization: Digest username="{sender}", realm="{DOMAIN}", nonce="{nonce}", uri="{target}", response="{response}", algorithm=MD5, '
            f'cnonce="c0ffee", qop=auth, nc={count:08x}\r\n'
        )
    body = f"message {call}"
    return (
        f"MESSAGE {target} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:40000;rport;branch=z9hG4bK{call}.{count}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:{sender}@{DOMAIN}>;tag={user:x}\r\nTo: <{target}>\r\nCall-ID: {call}@path\r\nCSeq: {count} MESSAGE\r\nUser-Agent: path\r\n{proof}"
        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
