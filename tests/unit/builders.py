"""
Values and small fakes for unit tests of billing and endpoints: one world of two nodes, one voice service and a retail customer below a reseller.

`Book` is the smallest thing that applies what `decide` wants, with the same conditions as the ledger, and checks the money laws after every step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from portaswitch.billing.session import decide
from portaswitch.billing.transition import session_key
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import Catalogue, Connection, DialRule, Node, Product, RatePlan, RatingEntry, Service, ServicePolicy, Tariff, Version
from portaswitch.model.discount import Counter, Counters, total
from portaswitch.model.ledger import Change, Party, View
from portaswitch.model.money import ZERO
from portaswitch.model.party import Account, BillStatus, Customer, Funds, room
from portaswitch.model.request import AAARequest, Base, Decision, Direction, Kind, Lock, Origin, Parties, UnitRequest
from portaswitch.model.session import Session, Status
from portaswitch.model.xdr import Storage, Xdr

#: When everything in these tests begins.
AT = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
CARD = "10086610975"
RATED = "82623634515"
FREE = "800555"
NODE = Node(7, 1, "gw", "164.9.9.100", "gw.example", dial_rules=(DialRule("011", ""),), zones={"PST": "America/Los_Angeles"})
VOICE = Service(3, "Voice calls", "Voice", Base.TIME)
MESSAGES = Service(4, "Messages", "Msg", Base.QUANTITY)
CARRIER = "192.0.2.77"


def money(text: str | int) -> Decimal:
    """An amount from its digits."""
    return Decimal(text)


def after(seconds: float) -> datetime:
    """`seconds` behind the beginning."""
    return AT + timedelta(seconds=seconds)


def plan(**what: Any) -> RatePlan:
    """A plan of 0.02 a minute by the second, but for what is named; prices may be text."""
    fields: dict[str, Any] = {
        "i_tariff": 1, "tariff": "PrepaidCard", "currency": "CAD", "i_rate": 11, "i_dest": 21, "prefix": "82", "interval_first": 1, "interval_n": 1,
        "price_first": "0.02", "price_n": "0.02",
    }  # fmt: skip
    fields |= what
    for name in ("price_first", "price_n", "connect_fee"):
        if name in fields:
            fields[name] = Decimal(fields[name])
    return RatePlan(**fields)


def tariff(i_tariff: int, *plans: RatePlan, name: str = "PrepaidCard") -> Tariff:
    """A tariff of these plans, each in force since long ago under its own prefix."""
    rates = {one.prefix: (Version(datetime(2000, 1, 1, tzinfo=UTC), one),) for one in plans}
    return Tariff(i_tariff, name, "CAD", 3, rates, max(map(len, rates)))


def account(**what: Any) -> Account:
    """The prepaid card of the guide's Appendix A."""
    fields: dict[str, Any] = {
        "i_account": 101, "i_env": 1, "revision": 1, "id": CARD, "i_customer": 201, "i_product": 5, "billing_model": BillingModel.DEBIT, "currency": "CAD",
        "bill_status": BillStatus.OPEN, "blocked": False, "credit_limit": None, "password": None, "activation_date": None, "expiration_date": None,
        "language": "en",
    }  # fmt: skip
    return Account(**(fields | what))


def customer(**what: Any) -> Customer:
    """The retail customer, without a limit of its own."""
    fields: dict[str, Any] = {
        "i_customer": 201, "i_env": 1, "revision": 1, "name": "Retail", "i_parent": 0, "currency": "CAD", "bill_status": BillStatus.OPEN, "blocked": False,
        "credit_limit": None, "temp_credit_limit": None, "temp_credit_until": None, "i_tariff": 0, "timezone": "UTC", "language": "en",
    }  # fmt: skip
    return Customer(**(fields | what))


def reseller(**what: Any) -> Customer:
    """A reseller that is charged by tariff 2."""
    return customer(**({"i_customer": 301, "name": "Reseller", "i_tariff": 2} | what))


def catalogue(policy: ServicePolicy | None = None, **plans: RatePlan) -> Catalogue:
    """
    Tariff 1 retail (82 paid, 800 free), 2 reseller, 3 vendor, 4 messages; `policy` of the voice entry.

    `retail`, `resale`, `vendor` and `message` replace one plan of their tariff.
    """
    retail, resale = plans.get("retail", plan()), plans.get("resale", plan(i_tariff=2, price_first="0.015", price_n="0.015"))
    vendor, message = plans.get("vendor", plan(i_tariff=3, price_first="0.01", price_n="0.01")), plans.get("message", plan(prefix="|", price_per=1))
    free = plan(prefix="800", price_first="0", price_n="0", i_dest=22)
    voice = RatingEntry(31, 3, 0, "", 1, 0, policy or ServicePolicy())
    product = Product(5, "EasyCall", "CAD", ZERO, (voice, RatingEntry(32, 4, 0, "", 4, 0, ServicePolicy())))
    tariffs = {1: tariff(1, retail, free), 2: tariff(2, resale, name="Resale"), 3: tariff(3, vendor, name="Carrier"), 4: tariff(4, message, name="SMS")}
    other = Node(8, 1, "gw2", "164.9.9.102", "gw2.example")
    nodes = {7: NODE, 8: other}
    return Catalogue(
        1, {3: VOICE, 4: MESSAGES}, {5: product}, tariffs, nodes, {(1, node.nas_ip): node for node in nodes.values()},
        {(1, node.nas_identifier): node for node in nodes.values()}, {(1, CARRIER): Connection(41, 51, 0, CARRIER, 3)}, (),
    )  # fmt: skip


def prepaid(balance: str = "10", **what: Any) -> View:
    """The view of a debit account with so much money."""
    return View(account(**what), customer(), Funds(money(balance)))


def postpaid(limit: str | None = "5", above: str | None = None, owed: str = "0", **what: Any) -> View:
    """The view of a credit account with a limit, under a customer with a limit, both owing `owed`."""
    own, top = (None if limit is None else money(limit)), (None if above is None else money(above))
    who = account(billing_model=BillingModel.CREDIT, credit_limit=own, **what)
    return View(who, customer(credit_limit=top), Funds(money(owed)), Funds(money(owed)))


# -- requests -------------------------------------------------------------------------------------------------------------------------------------


def request(kind: Kind, session: str = "s1", at: float = 0, **what: Any) -> AAARequest:
    """A request of node 7 by the card to the rated number; `called` and `user` for short."""
    called, user = what.pop("called", RATED), what.pop("user", CARD)
    fields: dict[str, Any] = {
        "kind": kind, "id": "r1", "origin": Origin(7, 1, "gw"), "session": session, "key": f"7/{session}/{kind.value}/{at}",
        "parties": Parties(user, "6045550193", called), "at": after(at), "received": after(at),
    }  # fmt: skip
    return AAARequest(**(fields | what))


def auth(session: str = "s1", at: float = 0, requested: int | None = 0, minimum: int | None = None, used: int | None = None, **what: Any) -> AAARequest:
    """An authorization; with a minimum the client shows that it can re-authorize."""
    return request(Kind.AUTH, session, at, units=(UnitRequest(requested=requested, minimum=minimum, used=used),), **what)


def start(session: str = "s1", at: float = 0, **what: Any) -> AAARequest:
    """A Start of the rated leg."""
    return request(Kind.START, session, at, **({"units": (UnitRequest(),)} | what))


def alive(used: int, session: str = "s1", **what: Any) -> AAARequest:
    """An Alive of the rated leg, keyed by its counter."""
    return request(Kind.UPDATE, session, what.pop("at", used), **({"units": (UnitRequest(used=used),), "key": f"7/{session}/update/{used}"} | what))


def stop(used: int, session: str = "s1", **what: Any) -> AAARequest:
    """A Stop of the rated leg."""
    return request(Kind.STOP, session, what.pop("at", used), **({"units": (UnitRequest(used=used),), "key": f"7/{session}/stop"} | what))


def unlock(session: str = "s1", at: float = 70) -> AAARequest:
    """The Stop of the answering leg: not rated, and it says unlock."""
    return request(Kind.STOP, session, at, lock=Lock.UNLOCK, called="6045551600", leg="answer/", key=f"7/{session}/answer/stop")


def expire(session: str = "s1", at: float = 1e6) -> AAARequest:
    """The sweeper's request."""
    return request(Kind.EXPIRE, session, at)


def event(pieces: int, key: str = "e1", **what: Any) -> AAARequest:
    """One-time use of messages without a session."""
    return request(Kind.EVENT, "", key=key, service="Msg", units=(UnitRequest(requested=pieces, base=Base.QUANTITY),), **what)


# -- the fold -------------------------------------------------------------------------------------------------------------------------------------


def moved_view(view: View, change: Change, old: Session | None, key: str) -> View:
    """The view behind a change that was applied, reckoned by other ways than the code's."""
    new, step, me = change.session, change.places.step, change.places.locker or key
    moved = (new is not None and new.status is Status.OPEN) - (new is not None and old is not None and old.status is Status.OPEN)
    way = "incoming" if new is not None and new.opened.direction is Direction.INCOMING else "outgoing"
    funds = replace(view.funds, balance=view.funds.balance + change.owes * change.debit, held=view.funds.held + change.hold)
    funds = replace(funds, **{way: getattr(funds, way) + moved})
    if step in "st" and step:
        funds = replace(funds, locked_by=me)
    elif step == "c" or (view.funds.locked_by == me and ((step in "lf" and step) or (new is not None and new.status is not Status.OPEN))):
        funds = replace(funds, locked_by="")
    above = view.customer_funds
    if change.shared:
        above = replace(above, balance=above.balance + change.debit, held=above.held + change.hold)
    if change.places.counted:
        above = replace(above, **{way: getattr(above, way) + moved})
    return replace(view, funds=funds, customer_funds=above, counters=_counted(view, change))


def _counted(view: View, change: Change) -> Counters:
    """Counters and wallets behind a change, whose conditions must hold."""
    rows = []
    for move in change.counters:
        row = view.counters.find(move.key) or Counter(move.key, carried=move.carried, start=move.start, end=move.end, relied=move.start)
        if row.relied != move.relied:
            raise AssertionError("a change relies on another period of a counter")
        if move.start != move.relied:
            row = replace(row, used=ZERO, carried=move.carried, start=move.start, end=move.end, relied=move.start)
        if (move.start == move.relied and row.used < move.least) or row.used + row.held > move.most:
            raise AssertionError("a change relies on another step of a counter")
        rows.append(replace(row, used=row.used + move.used, held=row.held + move.held))
    return view.counters.put(*rows) if rows else view.counters


class Book:
    """One account's money, sessions and xDRs, moved by `decide` alone; `ask` checks each step against the laws of DESIGN.md 3."""

    def __init__(self, view: View, known: Catalogue | None = None) -> None:
        self.view, self.opening = view, view.funds.balance
        self.catalogue = known or catalogue()
        self.sessions: dict[str, Session] = {}
        self.answers: dict[str, Decision] = {}
        self.xdrs: list[Xdr] = []
        self.parties: list[Party] = []
        self.changes: list[Change] = []

    def ask(self, asked: AAARequest) -> Decision:
        """Decide one request, apply its change and return what was told."""
        key = session_key(asked)
        seen = replace(self.view, session=self.sessions.get(key))
        outcome = decide(seen, asked, self.catalogue)
        if outcome.change is None:
            if outcome.view != seen:
                raise AssertionError("a view moved without a change")
            return outcome.decision
        if outcome.change.once and asked.key in self.answers:
            return self.answers[asked.key]
        self._apply(outcome.change, key)
        if replace(outcome.view, session=None) != self.view or outcome.decision != outcome.change.decision:
            raise AssertionError("the view told is not the view that the change makes")
        return outcome.decision

    def _apply(self, change: Change, key: str) -> None:
        view, old = self.view, self.sessions.get(key)
        who = view.account
        if who is None or change.relied != (old.version if old is not None else 0):
            raise AssertionError("a change relies on what is not")
        if change.need is not None:
            rooms = [room(who.billing_model, view.funds, who.credit_limit)]
            if change.shared and view.customer is not None:
                rooms.append(room(who.billing_model, view.customer_funds, view.customer.credit_limit))
            if any(left is not None and left < change.need for left in rooms):
                raise AssertionError("a change needs more than there is")
        self.view = moved_view(view, change, old, key)
        if change.session is not None:
            self.sessions[key] = change.session
        elif change.once:
            self.answers[change.key] = change.decision
        self.changes.append(change)
        self.xdrs += change.xdrs
        self.parties += change.parties
        self._check(change)

    def _check(self, change: Change) -> None:
        charged = sum((row.charged_amount for row in self.xdrs if row.storage is Storage.ACCOUNT), ZERO)
        if self.view.funds.balance != self.opening + change.owes * charged:
            raise AssertionError("balance is not opening and xDRs")
        if self.view.funds.held != sum((session.held for session in self.sessions.values()), ZERO) or self.view.funds.held < 0:
            raise AssertionError("held is not the sum of the holds")
        takes = tuple([take for session in self.sessions.values() for quota in session.quotas for take in quota.holds])
        standing = {row.key: row.held for row in (*self.view.counters.own.values(), *self.view.counters.shared.values()) if row.held}
        if standing != total(takes):
            raise AssertionError(f"held of the counters {standing} is not the sum of the holds {total(takes)}")
        live = [session.opened.direction for session in self.sessions.values() if session.status is Status.OPEN]
        if (self.view.funds.outgoing, self.view.funds.incoming) != (live.count(Direction.OUTGOING), live.count(Direction.INCOMING)):
            raise AssertionError("the counts are not those of the open sessions")

    @property
    def balance(self) -> Decimal:
        """The account's balance."""
        return self.view.funds.balance

    @property
    def held(self) -> Decimal:
        """What all sessions hold."""
        return self.view.funds.held

    def granted(self, asked: AAARequest) -> int | None:
        """The units granted for an authorization that must be accepted."""
        decision = self.ask(asked)
        if decision.refusal is not None or not decision.grants:
            raise AssertionError(f"refused: {decision.refusal}")
        return decision.grants[0].units


def kept(**what: str) -> Mapping[str, str]:
    """Attributes that travel to the xDR."""
    return what
