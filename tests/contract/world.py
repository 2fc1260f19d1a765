"""
A small world for the money laws: a catalogue in memory, its subscribers, and the requests that nodes send, over one or more real Cores on one ledger.

It knows no law and decides nothing: who drives it (a Hypothesis machine, a seeded walk) chooses each step, `tests.contract.laws` says what must hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.billing.core import Core
from portaswitch.billing.limits import Limits
from portaswitch.interfaces.catalogue import ICatalogue
from portaswitch.interfaces.ledger import ILedger
from portaswitch.logs import BillingLog
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.budget import Budget, SpendPeriod
from portaswitch.model.catalogue import EMPTY, Catalogue, Node, Product, Protection, RatePlan, RatingEntry, Service, ServicePolicy, Tariff, Version
from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.discount import HUNDRED, Combine, Counter, DiscountPlan, Item, ItemKind, Measure, Reset, Step
from portaswitch.model.ledger import SessionName
from portaswitch.model.money import ZERO, Rounding
from portaswitch.model.party import Account, BillStatus, Customer, Funds
from portaswitch.model.request import AAARequest, Base, Decision, Direction, Kind, Lock, Origin, Parties, QuotaKey, UnitRequest

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENV, NODE, RESELLER = 1, 1, 9
ORIGIN = Origin(NODE, ENV, "node")
VOICE, DATA, MESSAGE = 1, 2, 3

# -- the catalogue --------------------------------------------------------------------------------------------------------------------------------

SERVICES = {
    VOICE: Service(VOICE, "Calls", "Voice", Base.TIME),
    DATA: Service(DATA, "Internet", "Data", Base.OCTETS, 1024),
    MESSAGE: Service(MESSAGE, "Messages", "Msg", Base.QUANTITY),
}
PLANS = {
    VOICE: RatePlan(VOICE, "Calls", "USD", 1, 1, "44", 30, 6, Decimal("0.25"), Decimal("0.31"), 60, Decimal("0.05"), 2),
    DATA: RatePlan(DATA, "Internet", "USD", 2, 2, "NETACCESS", 10, 10, Decimal("0.00133"), Decimal("0.00117"), 1, Decimal(0), 3, Rounding.HALF),
    MESSAGE: RatePlan(MESSAGE, "Messages", "USD", 3, 3, "MSG", 1, 1, Decimal("0.07"), Decimal("0.07"), 1),
    RESELLER: RatePlan(RESELLER, "Wholesale", "USD", 9, 1, "44", 1, 1, Decimal("0.017"), Decimal("0.017"), 60),
}
#: By product: debit whole or by slices, credit checked only; always slices; always whole; never held. The last two are charged at their reports.
POLICIES = {
    1: ServicePolicy(1, None, 30, 1, 3600, 7200),
    2: ServicePolicy(2, Protection.SLICE, 30, 1, 3600, 7200),
    3: ServicePolicy(3, Protection.WHOLE, 30, 1, 3600, 7200, 60),
    4: ServicePolicy(4, Protection.NONE, 30, 1, 3600, 7200, 1),
}
#: Plans that the accounts of customer 3 have of their own, and that it shares: free calls of 90 s, then half price; a wallet of data; 200 s of calls in all.
OWN, SHARED = 1, 2
CALLS, PURSE, LIMIT = 1, 2, 3
DISCOUNTS = {
    OWN: DiscountPlan(
        OWN, "own", "USD", Combine.ORDERED,
        (
            Item(CALLS, VOICE, ItemKind.DISCOUNT, Measure.UNITS, Reset.NEVER, (Step(ZERO, HUNDRED), Step(Decimal(90), Decimal(50)))),
            Item(PURSE, DATA, ItemKind.WALLET, Measure.UNITS, Reset.NEVER, (Step(ZERO, HUNDRED),)),
        ),
    ),
    SHARED: DiscountPlan(
        SHARED, "shared", "USD", Combine.ORDERED,
        (Item(LIMIT, VOICE, ItemKind.QUOTA, Measure.UNITS, Reset.NEVER, (Step(ZERO), Step(Decimal(1500), ZERO, True))),),
    ),
}  # fmt: skip
#: A session in octets counts in kilobytes.
WIDE = {"slice": 30_720, "max_units": 3_686_400}


def _tariff(number: int, plan: RatePlan) -> Tariff:
    return Tariff(number, plan.tariff, "USD", number, {plan.prefix: (Version(BEGIN - timedelta(days=1), plan),)}, len(plan.prefix))


def _product(number: int, policy: ServicePolicy) -> Product:
    policies = {VOICE: policy, DATA: replace(policy, slice=WIDE["slice"], max_units=WIDE["max_units"]), MESSAGE: policy}
    entries = tuple(RatingEntry(10 * number + service, service, 0, "", service, 0, policies[service]) for service in SERVICES)
    return Product(number, f"product {number}", "USD", Decimal(0), entries)


CATALOGUE = replace(
    EMPTY,
    generation=1,
    services=SERVICES,
    products={number: _product(number, policy) for number, policy in POLICIES.items()},
    tariffs={number: _tariff(number, plan) for number, plan in PLANS.items()},
    discount_plans=DISCOUNTS,
    nodes={NODE: Node(NODE, ENV, "node", "192.0.2.1", "node", i_service=VOICE)},
)


@implementer(ICatalogue)
class FixedCatalogue:
    """An ICatalogue that never changes."""

    def __init__(self, catalogue: Catalogue = CATALOGUE) -> None:
        self._catalogue = catalogue

    def current(self) -> Catalogue:
        """See `ICatalogue.current`."""
        return self._catalogue


# -- the subscribers ------------------------------------------------------------------------------------------------------------------------------


def _customer(number: int, limit: str | None, i_parent: int = 0, i_tariff: int = 0) -> Customer:
    owed = None if limit is None else Decimal(limit)
    return Customer(number, ENV, 1, f"customer {number}", i_parent, "USD", BillStatus.OPEN, False, owed, None, None, i_tariff, "UTC", "en")


def _account(number: int, name: str, i_customer: int, product: int, model: BillingModel, limit: str | None) -> Account:
    owed = None if limit is None else Decimal(limit)
    return Account(number, ENV, 1, name, i_customer, product, model, "USD", BillStatus.OPEN, False, owed, None, None, None, "en")


FAMILY = 3
CUSTOMERS = (
    _customer(RESELLER, None, i_tariff=RESELLER), _customer(1, None), _customer(2, "4", RESELLER),
    replace(_customer(FAMILY, None), i_vd_plan=SHARED, budget=Budget(Decimal(1), SpendPeriod.MONTHLY)),
)  # fmt: skip
ACCOUNTS = (
    (_account(1, "debit", 1, 1, BillingModel.DEBIT, None), Funds(Decimal(5))),
    (_account(2, "sliced", 1, 2, BillingModel.DEBIT, None), Funds(Decimal(1))),
    (_account(3, "credit", 2, 2, BillingModel.CREDIT, "2"), Funds()),
    (_account(4, "whole", 2, 3, BillingModel.CREDIT, None), Funds()),
    (_account(5, "checked", 2, 4, BillingModel.CREDIT, "3"), Funds()),
    (replace(_account(6, "counted", FAMILY, 2, BillingModel.DEBIT, None), i_vd_plan=OWN), Funds(Decimal(1))),
    (replace(_account(7, "family", FAMILY, 3, BillingModel.CREDIT, "2"), i_vd_plan=OWN, budget=Budget(Decimal("0.5"), SpendPeriod.DAILY)), Funds()),
)
#: Accounts whose use another one pays for, with its number.
BENEFICIARIES = (
    (_account(8, "child", 1, 2, BillingModel.BENEFICIARY, None), 1),
    (_account(9, "ward", 2, 1, BillingModel.BENEFICIARY, None), 3),
    (_account(10, "lent", FAMILY, 2, BillingModel.BENEFICIARY, None), 6),
)
#: Octets in the wallets of accounts.
WALLETS = {6: (1, 60 * 1024), 7: (2, 100 * 1024)}
USERS = (*(account.id for account, _ in ACCOUNTS), *(account.id for account, _ in BENEFICIARIES))


def wallet_of(i_account: int) -> Counter:
    """The wallet of an account as it begins."""
    number, octets = WALLETS[i_account]
    return Counter(SourceKey(Source.WALLET, number), Decimal(-octets), i_vd_dg=PURSE)


# -- requests -------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A session slot of a subscriber: even ones are calls (the second one comes in), odd ones Internet sessions with two quota keys."""

    user: str
    slot: int

    @property
    def service(self) -> str:
        """The service type asked for."""
        return "Data" if self.slot % 2 else "Voice"

    @property
    def base(self) -> Base:
        """What it is counted in."""
        return Base.OCTETS if self.slot % 2 else Base.TIME

    @property
    def called(self) -> str:
        """The number as dialled; none for the Internet."""
        return "" if self.slot % 2 else "4420"

    def keys(self, which: int) -> tuple[QuotaKey, ...]:
        """Quota keys by a number from 0: the first, the second, both; a call has one."""
        both = (QuotaKey(), QuotaKey(1, 7))
        return both[:1] if not self.slot % 2 else (both[:1], both[1:], both)[which % 3]

    def units(self, count: int | None) -> int | None:
        """A count of seconds, as kilobytes where it is octets."""
        return None if count is None else count * 1024 - 1 if self.slot % 2 and count else count


@dataclass(slots=True)
class Sent:
    """A request on its way into a core, and every answer to it (there must be one)."""

    request: AAARequest
    core: int
    answers: list[Decision | Failure] = field(default_factory=list)
    deferred: Deferred[Decision] | None = None
    lost: bool = False  # its process died


class World:
    """
    Cores, the wall clock, and the nodes' memory of what they sent. `ledgers` are the cores' ways to the one ledger, `answered` is told every answer when
    it comes.
    """

    def __init__(self, ledgers: Sequence[ILedger], limits: Limits, answered: Callable[[Sent], None]) -> None:
        self.now = BEGIN
        self.sent: list[Sent] = []
        self._limits, self._answered = limits, answered
        self._rounds: dict[Place, int] = {}
        self.cores = [self._core(ledger) for ledger in ledgers]

    def _core(self, ledger: ILedger) -> Core:
        return Core(ledger, FixedCatalogue(), BillingLog(None), self._limits, lambda: (self.now - BEGIN).total_seconds())

    def crash(self, core: int, ledger: ILedger) -> None:
        """A process dies with all it knows, and another takes its place, with a way to the ledger of its own."""
        for sent in self.sent:
            sent.lost = sent.lost or (sent.core == core and not sent.answers)
        self.cores[core] = self._core(ledger)

    def submit(self, core: int, request: AAARequest, then: Callable[[], None] | None = None) -> Sent:
        """Hand a request to a core; `then` runs from within its answer."""
        sent = Sent(request, core)
        self.sent.append(sent)
        sent.deferred = self.cores[core].handle(request)

        def took(answer: Decision | Failure) -> None:
            sent.answers.append(answer)
            if not sent.lost:
                self._answered(sent)
                if then is not None:
                    then()

        _ = sent.deferred.addBoth(took)
        return sent

    def name(self, place: Place) -> str:
        """The session id of the slot's present session."""
        return f"{place.user}-{place.slot}-{self._rounds.get(place, 0)}"

    def hang_up(self, place: Place) -> None:
        """The slot's next request is of a new session."""
        self._rounds[place] = self._rounds.get(place, 0) + 1

    def _request(self, kind: Kind, place: Place, key: str, units: tuple[UnitRequest, ...], lock: Lock = Lock.DEFAULT) -> AAARequest:
        name = self.name(place)
        return AAARequest(
            kind, f"r{len(self.sent)}", ORIGIN, name, f"{name}/{key}", Parties(place.user, called=place.called), self.now, self.now, units, None, "",
            place.service, lock=lock, direction=Direction.INCOMING if place.slot == 2 else Direction.OUTGOING,
        )  # fmt: skip

    def authorize(self, place: Place, which: int, minimum: int | None, most: int | None, used: int | None) -> AAARequest:
        """May it go on, for how long? With `minimum` by a client that can ask again; with `used` it reports as well."""
        asked = tuple(
            UnitRequest(key, place.base, place.units(most) or 0, place.units(minimum), place.units(used)) for key in place.keys(which)
        )
        return self._request(Kind.AUTH, place, f"auth/{len(self.sent)}", asked)

    def start(self, place: Place) -> AAARequest:
        """The session began."""
        return self._request(Kind.START, place, "start", (UnitRequest(),))

    def update(self, place: Place, which: int, used: int) -> AAARequest:
        """So much was used since it began."""
        return self._request(Kind.UPDATE, place, f"update/{which}/{used}", self._used(place, which, used))

    def stop(self, place: Place, which: int, used: int) -> AAARequest:
        """It is over, and so much was used."""
        return self._request(Kind.STOP, place, f"stop/{which}/{used}", self._used(place, which, used))

    def _used(self, place: Place, which: int, used: int) -> tuple[UnitRequest, ...]:
        return tuple(UnitRequest(key, used=place.units(used)) for key in place.keys(which))

    def unlock(self, place: Place) -> AAARequest:
        """Another leg of the session ends, which frees the lock."""
        return self._request(Kind.STOP, place, "answer/stop", (), Lock.UNLOCK)

    def event(self, user: str, count: int) -> AAARequest:
        """Some messages, paid at once."""
        number = len(self.sent)
        parties, asked = Parties(user, called="MSG"), (UnitRequest(base=Base.QUANTITY, requested=count),)
        return AAARequest(Kind.EVENT, f"r{number}", ORIGIN, "", f"event/{number}", parties, self.now, self.now, asked, service="Msg")

    def login(self, place: Place, lock: Lock) -> AAARequest:
        """Who is this? It names the slot's session, and says what to do with the login lock."""
        number = len(self.sent)
        parties = Parties(place.user)
        return AAARequest(
            Kind.AUTH, f"r{number}", ORIGIN, "", f"login/{number}", parties, self.now, self.now, service=place.service, lock=lock, login=self.name(place)
        )

    def on_off(self) -> AAARequest:
        """The node restarted."""
        return AAARequest(Kind.ON_OFF, f"r{len(self.sent)}", ORIGIN, "", f"on/{len(self.sent)}", Parties(""), self.now, self.now)

    def expire(self, name: SessionName) -> AAARequest:
        """What the sweeper asks for a dead session."""
        key = f"expire/{name.node}/{name.session}/{name.version}"
        return AAARequest(Kind.EXPIRE, f"r{len(self.sent)}", ORIGIN, name.session, key, Parties(name.account_id), self.now, self.now)
