"""
Credit control in tests: a client's requests as octets, through the map and a real core on the ledger in memory, and the answers as plain mappings.

The world: one debit account of 10.00 (and its aliases), a blocked one, one without money; data by rating group (100 at 1.00 a GiB, 10 free), voice at 0.60 a
minute, messages at 0.10, USSD in steps of 20 s at 0.20.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.core import Core
from portaswitch.endpoints.diameter_map import to_reply, to_request
from portaswitch.endpoints.diameter_peers import DiameterPeer, LocalIdentity
from portaswitch.logs import BillingLog
from portaswitch.model.access_policy import AccessPolicy
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import EMPTY, Catalogue, DialRule, Node, Product, RatePlan, RatingEntry, Service, ServicePolicy, Tariff, Version
from portaswitch.model.money import Rounding
from portaswitch.model.party import Account, BillStatus, Customer, Funds
from portaswitch.model.request import AAARequest, Base, Decision, Kind, Origin, Parties
from portaswitch.model.session import Session
from portaswitch.model.xdr import Xdr
from portaswitch.store.reference import ReferenceLedger
from portaswitch.store.reference_books import Books
from portaswitch.wire.diameter.codec import decode, encode, encode_again
from portaswitch.wire.diameter.message import Group, Message
from tests.contract.world import FixedCatalogue
from tests.unit.rows import read_back
from tests.unit.wire.diameter.test_examples import DICTIONARY, pairs_of

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
USER, ALIAS, IMSI, BLOCKED, POOR = "380630000001", "380630000011", "255010000000001", "380630000002", "380630000003"
GIB = 2**30
NODE = Node(1, 1, "pgw", "192.0.2.1", "pgw.example", origin_host="pgw.example", dial_rules=(DialRule("411", "12055576061"),))
LOCAL = LocalIdentity("ocs.portaone.com", "portaone.com")
DATA, VOICE, SMS, USSD = 1, 2, 3, 4
SERVICES = {
    DATA: Service(DATA, "Data", "Data", Base.OCTETS),
    VOICE: Service(VOICE, "Voice", "Voice", Base.TIME),
    SMS: Service(SMS, "Messages", "Msg", Base.QUANTITY),
}


def _plan(tariff: int, prefix: str, price: str, step: int, per: int, i_rate: int) -> RatePlan:
    cost = Decimal(price)
    return RatePlan(tariff, f"tariff {tariff}", "USD", i_rate, i_rate, prefix, step, step, cost, cost, per, Decimal(0), 5, Rounding.AWAY)


def _tariff(number: int, *plans: RatePlan) -> Tariff:
    rates = {plan.prefix: (Version(datetime(2000, 1, 1, tzinfo=UTC), plan),) for plan in plans}
    return Tariff(number, f"tariff {number}", "USD", number, rates, max(map(len, rates)))


TARIFFS = {
    DATA: _tariff(DATA, _plan(DATA, "100", "1.00", 1, GIB, 1), _plan(DATA, "10", "0", 1, GIB, 2), _plan(DATA, "NETACCESS", "2.00", 1, GIB, 3)),
    VOICE: _tariff(VOICE, _plan(VOICE, "380", "0.60", 1, 60, 4), _plan(VOICE, "1", "0.60", 1, 60, 5), _plan(VOICE, "INCOMING", "0.06", 1, 60, 6)),
    SMS: _tariff(SMS, _plan(SMS, "380", "0.10", 1, 1, 7)),
    USSD: _tariff(USSD, _plan(USSD, "120", "0.60", 20, 60, 8), _plan(USSD, "121", "0", 20, 60, 9)),
}
POLICIES = {
    DATA: ServicePolicy(1, slice=GIB, max_units=10**15),
    VOICE: ServicePolicy(2),
    SMS: ServicePolicy(3, slice=1),
    USSD: ServicePolicy(4, charge_every=1),
}
ENTRIES = (
    RatingEntry(1, DATA, 0, "", DATA, 0, POLICIES[DATA]),
    RatingEntry(2, VOICE, 0, "", VOICE, 0, POLICIES[VOICE]),
    RatingEntry(3, SMS, 0, "", SMS, 0, POLICIES[SMS]),
    RatingEntry(4, VOICE, 0, "OUTGOING.SI120", USSD, 0, POLICIES[USSD]),
)


def catalogue(portal: str = "") -> Catalogue:
    """The catalogue; with a portal the product's access policy has one."""
    product = Product(1, "Mobile", "USD", Decimal(0), ENTRIES, 1 if portal else 0)
    policies = {1: AccessPolicy(1, 1, "Mobile", portal=portal)} if portal else {}
    return replace(EMPTY, generation=1, services=SERVICES, products={1: product}, tariffs=TARIFFS, nodes={1: NODE}, access_policies=policies)


def _account(number: int, name: str, **what: Any) -> Account:
    return Account(number, 1, 1, name, 1, 1, BillingModel.DEBIT, "USD", BillStatus.OPEN, what.get("blocked", False), None, None, None, None, "en")


def books(balance: str = "10") -> Books:
    """The tables at the beginning."""
    found = Books(customers={1: Customer(1, 1, 1, "Demo", 0, "USD", BillStatus.OPEN, False, None, None, None, 0, "UTC", "en")}, customer_funds={1: Funds()})
    for number, name, funds in ((1, USER, balance), (2, BLOCKED, "10"), (3, POOR, "0")):
        found.accounts[number] = _account(number, name, blocked=name == BLOCKED)
        found.funds[number] = Funds(Decimal(funds))
        found.names[1, name] = number
    found.names[1, ALIAS] = 1
    return found


def plain(group: Group) -> dict[str, Any]:
    """AVPs as a mapping; what comes more than once as a list."""
    told: dict[str, Any] = {}
    for name, value in group.pairs:
        shown: Any = plain(value) if isinstance(value, Group) else value
        told[name] = [*told[name], shown] if isinstance(told.get(name), list) else [told[name], shown] if name in told else shown
    return told


def ccr(kind: int, number: int, session: str = "s1", **avps: Any) -> dict[str, Any]:
    """A request with what each one has; AVPs by their names with _ for -; one that is None is left out."""
    told: dict[str, Any] = {
        "Session-Id": session, "Origin-Host": "pgw.example", "Origin-Realm": "example", "Destination-Realm": "portaone.com", "Auth-Application-Id": "4",
        "Service-Context-Id": "32251@3gpp.org", "CC-Request-Type": ("INITIAL", "UPDATE", "TERMINATION", "EVENT")[kind - 1] + "_REQUEST",
        "CC-Request-Number": str(number), "Subscription-Id": user(USER),
    }  # fmt: skip
    told |= {name.replace("_", "-"): value for name, value in avps.items()}
    return {name: value for name, value in told.items() if value is not None}


def user(data: str, kind: str = "END_USER_E164") -> dict[str, str]:
    """A Subscription-Id."""
    return {"Subscription-Id-Type": kind, "Subscription-Id-Data": data}


def mscc(group: int | None = 100, asked: Mapping[str, Any] | None = None, used: Any = None, service: int | None = None, **more: Any) -> dict[str, Any]:
    """A Multiple-Services-Credit-Control."""
    named = {"Rating-Group": group, "Service-Identifier": service}
    told: dict[str, Any] = {name: str(value) for name, value in named.items() if value is not None}
    told |= {name: value for name, value in (("Requested-Service-Unit", asked), ("Used-Service-Unit", used)) if value is not None}
    return told | {name.replace("_", "-"): value for name, value in more.items()}


def octets(count: int) -> dict[str, str]:
    """Units in octets."""
    return {"CC-Total-Octets": str(count)}


def seconds(count: int) -> dict[str, str]:
    """Units in seconds."""
    return {"CC-Time": str(count)}


def call(called: str = "380938508705", **more: Any) -> dict[str, Any]:
    """Service-Information of a call."""
    return {"IMS-Information": {"Node-Functionality": "S-CSCF", "Calling-Party-Address": USER, "Called-Party-Address": called, **more}}


def sms(called: str = "380938508705") -> dict[str, Any]:
    """Service-Information of a message."""
    return {"SMS-Information": {"Recipient-Info": {"Recipient-Address": {"Address-Type": "MSISDN", "Address-Data": called}}}}


class TalkCase(SynchronousTestCase):
    """`say` sends a request as octets and returns the answer; time stands still but for `wait`."""

    def setUp(self) -> None:
        """A client of the generic profile."""
        self.begin()

    def begin(self, profile: str = "generic", balance: str = "10", portal: str = "", known: Catalogue | None = None) -> None:
        """Begin again."""
        self.peer = DiameterPeer(1, 1, "pgw", "pgw.example", "example", profile, LOCAL, NODE)
        self.now = BEGIN
        self.ledger = ReferenceLedger(lambda: self.now)
        self.ledger.books = books(balance)
        self.core = Core(self.ledger, FixedCatalogue(known or catalogue(portal)), BillingLog(None), seconds=Clock().seconds)
        self.asked: list[AAARequest] = []

    def wait(self, passed: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=passed)

    def message(self, avps: Mapping[str, Any]) -> Message:
        """A request as it arrives."""
        message = decode(encode(0xC0, 272, 4, 7, 9, pairs_of(dict(avps)), DICTIONARY), DICTIONARY)
        self.assertIsNone(message.fault)
        return message

    def decide(self, message: Message) -> tuple[AAARequest, Decision]:
        """What the core says to it."""
        request = to_request(message, self.peer, self.now, "r1")
        self.asked.append(request)
        return request, self.successResultOf(self.core.handle(request))

    def say(self, avps: Mapping[str, Any]) -> dict[str, Any]:
        """The answer, once through octets and sound."""
        message = self.message(avps)
        request, decision = self.decide(message)
        reply = to_reply(message, request, decision, self.peer, self.now)
        read = decode(encode_again(reply, DICTIONARY), DICTIONARY)
        self.assertIsNone(read.fault)
        self.assertEqual((read.hop_by_hop, read.end_to_end, read.is_request, read.is_proxiable), (7, 9, False, True))
        return plain(read.body)

    def code(self, avps: Mapping[str, Any]) -> tuple[Any, ...]:
        """The Result-Code of an answer, then those of its groups."""
        told = self.say(avps)
        groups = told.get("Multiple-Services-Credit-Control", [])
        return told["Result-Code"], *(group.get("Result-Code") for group in (groups if isinstance(groups, list) else [groups]))

    def sweep(self) -> None:
        """Close provisionally whatever has expired."""
        names = self.successResultOf(self.ledger.dead_sessions(100))
        request = AAARequest(Kind.EXPIRE, "sweep", Origin(1, 1), "", "", Parties(""), self.now, self.now)
        self.successResultOf(Deferred.fromCoroutine(self.core.close_all(names, request, Kind.EXPIRE)))

    def forget(self) -> None:
        """The server is started again: nothing is remembered but the tables, and sessions are what their rows say."""
        for sessions in self.ledger.books.sessions, self.ledger.books.closed:
            sessions.update({key: read_back(session) for key, session in sessions.items()})
        self.core = Core(self.ledger, FixedCatalogue(catalogue()), BillingLog(None), seconds=Clock().seconds)

    @property
    def funds(self) -> tuple[str, str]:
        """Balance and hold of the account."""
        found = self.ledger.books.funds[1]
        return format(found.balance.normalize(), "f"), format(found.held.normalize(), "f")

    @property
    def xdrs(self) -> list[tuple[str, int]]:
        """Amount and use of the account's xDRs that are no failures."""
        return [(format(row.charged_amount.normalize(), "f"), row.used_quantity) for row in self.rows if not row.failed]

    @property
    def rows(self) -> tuple[Xdr, ...]:
        """All xDRs."""
        return self.ledger.books.xdrs

    def session(self, name: str = "s1") -> Session | None:
        """A session, live or closed."""
        return self.ledger.books.session(f"1/{name}")
