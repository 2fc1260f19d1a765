"""
What passes between a decision and the ledger: the `View` it was made on, the `Change` it wants, and the ledger's verdict.

The ledger knows rows and conditions, no tariff and no reason (DESIGN.md 3.0).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from portaswitch.model.charge import SourceKey
from portaswitch.model.discount import ENDLESS, NO_COUNTERS, Counters
from portaswitch.model.money import ZERO
from portaswitch.model.party import NO_LIMITS, Account, Customer, Funds, SessionLimits
from portaswitch.model.request import AAARequest, Decision
from portaswitch.model.session import Session
from portaswitch.model.session_task import AddressCopy
from portaswitch.model.value import dataclass
from portaswitch.model.xdr import Xdr


@dataclass(frozen=True, slots=True)
class View:
    """
    What a decision is made on. `account` None: no such account; money, counters and wallets of a beneficiary are its payer's. `resellers` is the chain above
    the customer, nearest first, each with its folded funds.
    """

    account: Account | None = None
    customer: Customer | None = None
    funds: Funds = Funds()
    customer_funds: Funds = Funds()
    session: Session | None = None
    resellers: tuple[tuple[Customer, Funds], ...] = ()
    counters: Counters = NO_COUNTERS


NO_VIEW = View()


@dataclass(frozen=True, slots=True)
class Party:
    """A reseller's or vendor's charge, to be folded into its balance row: role 'c' or 'v'."""

    role: str
    i_party: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class CounterMove:
    """
    What a change does to one counter or wallet: `used` and `held` more of it (a wallet's balance falls by `used`).

    The condition: the row is of the period that began at `relied`, what it has used is at least `least`, and that with all that is held at most `most`, so that
    the use stays in the steps it was priced by. Where `start` is another than `relied`, a new period begins: used counts from 0, `carried` and `end` (None:
    never) are set. `fresh`: the row may have to be made. From `limit` on the counter is exceeded (None: never, or of an empty
    wallet, as it was), from `notify` on its subscriber is told (None: never). `floor`: with what is held it is used up to there at least, which a last part
    relied on (None: it is none).
    """

    key: SourceKey
    used: Decimal = ZERO
    held: Decimal = ZERO
    least: Decimal = -ENDLESS
    most: Decimal = ENDLESS
    relied: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    carried: Decimal = ZERO
    limit: Decimal | None = None
    notify: Decimal | None = None
    fresh: bool = False
    floor: Decimal | None = None


class LockStep(StrEnum):
    """
    What a change does with the login lock of its account. PASS, KEEP, SEIZE and LEAVE are conditions too: they are short while another session has the lock.
    The end of a session always frees its own.
    """

    IGNORE = ""  # neither sets nor checks
    KEEP = "k"  # the session's own lock lasts until another time, where one is given; none is set
    SEIZE = "s"  # set where it is free or the session's own
    LEAVE = "l"  # the session's own is freed
    TAKE = "t"  # set, whoever has it
    CLEAR = "c"  # freed, whoever has it
    FREE = "f"  # the session's own is freed, another's stays


@dataclass(frozen=True, slots=True)
class Occupancy:
    """
    What a change means for the places that sessions take. The counts themselves follow from the rows: one more with a session that opens, one less with one
    that ends.

    `counted`: the customer has a limit, so its sessions are counted. `account`, `customer`: the limits that a session which opens must fit in (`NO_LIMITS` for
    what is already happening). `step` and `until`: the login lock; `locker`: its session where the member has none.
    """

    counted: bool = False
    account: SessionLimits = NO_LIMITS
    customer: SessionLimits = NO_LIMITS
    step: LockStep = LockStep.IGNORE
    until: datetime | None = None
    locker: str = ""


FREELY = Occupancy()


@dataclass(frozen=True, slots=True)
class Freed:
    """
    Whom a change leaves more for: sessions in their final state (`billing.final_units`) of its account; `shared`: of all accounts of its customer; `owing`: of
    those that owe with it. They are asked to ask again, the session itself only where `itself` says so.
    """

    shared: bool = False
    owing: bool = False
    itself: bool = False


@dataclass(frozen=True, slots=True)
class Pressed:
    """A counter of which less than `least` is left to be granted, while others hold more: the one that holds most of it is asked to report."""

    key: SourceKey
    least: Decimal


@dataclass(frozen=True, slots=True)
class Change:
    """
    What one decision changes, and the conditions it relied on.

    Money: `debit` is taken from the account (and from its customer too when `shared`), `hold` is added to held (negative: given back), both in the account's
    currency; `owes` is +1 where a balance is money owed, -1 where it is money left. `need` is the room that must be there before (None: the change
    happens whatever the funds are, as for real usage). Session: `session` is its next value (version one above `relied`), None leaves it alone;
    `relied` is the version the decision was made on, 0 "there is none". One-shots have `once` set: their key gets a row of its own. A change with neither
    stands beside the session (a lock, a failed attempt). `attempt` is the session id of a failed attempt, whose xDR is written unless that session of the
    account has one already (then the verdict is Repeated where nothing else is wanted). `places`: see `Occupancy`. `aside`: why the request
    can't be true; it is kept with the orphans for an operator ('': nothing of the kind). `counters`: what else than money moves (of environment `i_env`).
    `i_payer`: the account whose money and counters move, where it is another one (a beneficiary's); 0: the account itself.

    Sessions that wait for more: `spent` is what is spent and held of account and customer, which a last part relied on not to have become less (None: it is
    none); `frees` whom the change leaves more for; `presses` counters whose largest holder has to report.

    `copies`: what a collector is to be told of the session's address, in this order (`billing.address_copies`).
    """

    key: str
    decision: Decision
    i_account: int
    account_revision: int
    i_customer: int
    customer_revision: int
    shared: bool = False
    owes: int = 1
    debit: Decimal = ZERO
    hold: Decimal = ZERO
    need: Decimal | None = None
    session: Session | None = None
    relied: int = 0
    once: bool = False
    xdrs: tuple[Xdr, ...] = ()
    parties: tuple[Party, ...] = ()
    places: Occupancy = FREELY
    attempt: str = ""
    aside: str = ""
    counters: tuple[CounterMove, ...] = ()
    i_env: int = 0
    i_payer: int = 0
    spent: tuple[Decimal, Decimal] | None = None
    frees: Freed | None = None
    presses: tuple[Pressed, ...] = ()
    copies: tuple[AddressCopy, ...] = ()

    @property
    def locks_customer(self) -> bool:
        """Whether the customer's row is locked: its money, its count of sessions or a counter that it shares moves."""
        return self.shared or self.places.counted or (self.counters != () and any([move.key.shared for move in self.counters]))


@dataclass(frozen=True, slots=True)
class Member:
    """
    One member of a batch. `change` None only reads: the verdict is `Applied` with the money as it is when the revisions and the session's version of `basis`
    are those of the rows, else (and of a beneficiary always) `Stale` with a fresh view.

    `i_account` 0 looks the account up: by the session if there is one, else by (i_env, account_id).
    """

    request: AAARequest
    session_key: str
    i_account: int
    change: Change | None = None
    basis: View | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The change is committed, or what a reader relied on holds; `funds` are those after the batch."""

    funds: Funds
    customer_funds: Funds


@dataclass(frozen=True, slots=True)
class Repeated:
    """The key was seen before: nothing changed, and this is what was decided then."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Stale:
    """Something the decision relied on is otherwise, or a view was asked for: here is the fresh one."""

    view: View


@dataclass(frozen=True, slots=True)
class Short:
    """The funds did not cover `need`, no place was left, or another session has the lock; nothing changed; fresh funds to decide again."""

    funds: Funds
    customer_funds: Funds


@dataclass(frozen=True, slots=True)
class Failed:
    """The member could not be applied for a reason that is nobody's decision (a defect, broken data); nothing changed."""

    reason: str


Verdict = Applied | Repeated | Stale | Short | Failed


@dataclass(frozen=True, slots=True)
class SessionName:
    """Enough to ask for a session's end: where it is, whose it is, and the version that was seen."""

    i_env: int
    node: int
    session: str
    account_id: str
    version: int
