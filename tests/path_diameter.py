"""The path of Gy requests for `tests.path`: data sessions of one P-GW, each I, U and T; octets > node > map > core > recorded rows > CCA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from time import process_time
from typing import Any, Final, cast

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from portaswitch.billing.core import Core
from portaswitch.endpoints import diameter_map
from portaswitch.endpoints.diameter import DiameterEndpoint, DiameterProtocol
from portaswitch.endpoints.diameter_peers import DiameterPeers, LocalIdentity
from portaswitch.interfaces.catalogue import ICatalogue
from portaswitch.interfaces.ledger import ILedger
from portaswitch.logs import BillingLog
from portaswitch.model.catalogue import Catalogue, Node, Protection, RatePlan, RatingEntry, Service, ServicePolicy, Tariff, Version
from portaswitch.model.request import Base
from portaswitch.wire.diameter.capabilities import Local
from portaswitch.wire.diameter.codec import encode
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.identifiers import Identifiers
from portaswitch.wire.diameter.message import Group, Pair
from tests.contract.origins import Origins
from tests.contract.ways import Ways

KINDS: Final = ("ccr-i", "ccr-u", "ccr-t")
PGW, REALM = "pgw.example", "example"
SLICE, USED = 10 << 20, 1 << 20
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def with_data(catalogue: Catalogue) -> Catalogue:
    """The catalogue with data by rating group 100 at 0.01 a MiB in slices of 10 MiB, and the P-GW."""
    plan = RatePlan(2, "data", "USD", 9000, 9000, "100", 1, 1, Decimal("0.01"), Decimal("0.01"), 1 << 20, Decimal(0))
    entry = RatingEntry(2, 2, 0, "", 2, 0, ServicePolicy(2, Protection.SLICE, SLICE, max_units=10**12))
    products = {number: replace(product, entries=(*product.entries, entry)) for number, product in catalogue.products.items()}
    return replace(
        catalogue, services={**catalogue.services, 2: Service(2, "Data", "Data", Base.OCTETS)}, products=products,
        tariffs={**catalogue.tariffs, 2: Tariff(2, "data", "USD", 2, {"100": (Version(LONG_AGO, plan),)}, 3)},
        nodes={**catalogue.nodes, 2: Node(2, 1, "pgw", "", "", origin_host=PGW, origin_realm=REALM)},
    )  # fmt: skip


def request(kind: str, number: int, run: int) -> bytes:
    """One CCR of a session, as diagen sends them."""
    step = KINDS.index(kind)
    units: list[Pair] = [] if kind == "ccr-t" else [("Requested-Service-Unit", Group())]
    units += [] if kind == "ccr-i" else [("Used-Service-Unit", Group([("CC-Total-Octets", USED)]))]
    body: list[Pair] = [
        ("Session-Id", f"{PGW};{run};{number}"), ("Origin-Host", PGW), ("Origin-Realm", REALM), ("Destination-Realm", "example.com"),
        ("Auth-Application-Id", 4), ("Service-Context-Id", "32251@3gpp.org"), ("CC-Request-Type", step + 1), ("CC-Request-Number", step),
        ("Subscription-Id", Group([("Subscription-Id-Type", 0), ("Subscription-Id-Data", f"user{number % 1000 + 1}")])),
        ("Multiple-Services-Credit-Control", Group([*units, ("Rating-Group", 100)])),
    ]  # fmt: skip
    return encode(0xC0, 272, 4, number, run << 16 | number, body, Dictionary.standard())


class DiameterLine:
    """The server's path between the P-GW's connection and its database; `flush` lets what was recorded answer."""

    def __init__(self, catalogue: Catalogue, books: ILedger, sold: ICatalogue, flush: Callable[[], None], now: datetime) -> None:
        identity, clock = LocalIdentity("ocs.example.com", "example.com"), Clock()
        local, peers = Local("ocs.example.com", "example.com", ("192.0.2.1",), 1), DiameterPeers(catalogue, identity)
        core = Core(books, sold, BillingLog(None))
        endpoint = DiameterEndpoint(local, lambda: peers, core, diameter_map, clock, lambda: now, Identifiers(1, 2), origins=Origins({2: PGW}), ways=Ways())
        self._wire, self._flush = StringTransport(), flush
        vars(self._wire).update({name: lambda *_: None for name in ("setTcpNoDelay", "setTcpKeepAlive")})
        self._protocol = cast(DiameterProtocol, endpoint.connection("192.0.2.5"))
        self._protocol.makeConnection(cast(Any, self._wire))
        cer: list[Pair] = [("Origin-Host", PGW), ("Origin-Realm", REALM), ("Auth-Application-Id", 4)]
        self._protocol.dataReceived(encode(0x80, 257, 0, 1, 1, cer, Dictionary.standard()))
        self._wire.clear()
        self.good = 0

    def run(self, messages: list[bytes], at_once: int) -> float:
        """CPU seconds for these requests."""
        before = process_time()
        for first in range(0, len(messages), at_once):
            for message in messages[first : first + at_once]:
                self._protocol.dataReceived(message)
            self._flush()
        took = process_time() - before
        self.good += self._wire.value().count(SUCCESS)
        self._wire.clear()
        return took


#: Result-Code 2001 right behind the Session-Id is that of the whole answer; those of groups have no Origin-Host behind them.
SUCCESS: Final = b"\x00\x00\x01\x0c\x40\x00\x00\x0c\x00\x00\x07\xd1\x00\x00\x01\x08"
