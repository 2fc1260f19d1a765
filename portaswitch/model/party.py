"""
Accounts and customers as the core sees them.

What rarely changes (`Account`, `Customer`, with a revision) is kept apart from what every charge changes (`Funds`), so that a charge replaces two
numbers and not thirty fields.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.budget import Budget
from portaswitch.model.money import ZERO
from portaswitch.model.value import dataclass

#: What the clocks of a server and its database may differ by, with the time that a request waits (a greater step of a clock alarms: DESIGN.md 3.8).
CLOCKS_DIFFER = timedelta(seconds=10)


class BillStatus(StrEnum):
    """Letters of bill_status (PORTABILLING.md a.2); `blocked` is a column of its own beside it."""

    OPEN = "O"
    SUSPENDED = "S"
    CLOSED = "C"
    DEACTIVATED = "D"
    EXPORTED = "E"
    INACTIVE = "I"


@dataclass(frozen=True, slots=True)
class Funds:
    """
    What moves in one row. Money: balance in the row's own sense (money left, or money owed), and the sum of what sessions hold of it. Open sessions of each
    direction (of a customer only while it has a limit, `SessionLimits`). `locked_by`: the session that has the login lock on an account, '' none or expired.
    """

    balance: Decimal = ZERO
    held: Decimal = ZERO
    outgoing: int = 0
    incoming: int = 0
    locked_by: str = ""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Most sessions open at once: in all, and of each direction; None: no limit."""

    total: int | None = None
    outgoing: int | None = None
    incoming: int | None = None


#: Compared by identity: most accounts and customers have it, and theirs costs nothing.
NO_LIMITS = SessionLimits()


@dataclass(frozen=True, slots=True)
class Customer:
    """
    A retail customer or a reseller. `i_parent` is the reseller above it (0: none); `limit` None means no limit. `sessions` of all its accounts together;
    `barred` are the prefixes that its call barring forbids.
    """

    i_customer: int
    i_env: int
    revision: int
    name: str
    i_parent: int
    currency: str
    bill_status: BillStatus
    blocked: bool
    credit_limit: Decimal | None
    temp_credit_limit: Decimal | None
    temp_credit_until: datetime | None
    i_tariff: int
    timezone: str
    language: str
    sessions: SessionLimits = NO_LIMITS
    barred: tuple[str, ...] = ()
    i_vd_plan: int = 0  # the discount plan that its accounts share
    budget: Budget | None = None  # what all its credit accounts may spend

    def limit(self, at: datetime) -> Decimal | None:
        """The credit limit in force at `at`: the temporary one until its end, then the permanent one."""
        if self.temp_credit_until is not None and at < self.temp_credit_until:
            return self.temp_credit_limit
        return self.credit_limit

    def cautious_limit(self, at: datetime) -> Decimal | None:
        """
        The limit to grant by at `at`: around the end of a temporary limit the lower of both. The ledger compares the end with the database's clock; a grant by
        a clock that is a little behind would be turned back again and again.
        """
        end = self.temp_credit_until
        if end is None or abs(end - at) > CLOCKS_DIFFER:
            return self.limit(at)
        return least(self.temp_credit_limit, self.credit_limit)


@dataclass(frozen=True, slots=True)
class Payer:
    """
    The account that pays for a beneficiary, as far as decisions look at it: how its money, plans and budget are counted, and whether it may still pay.
    `i_product` and `addons` are those whose discount plans and budget it has.
    """

    i_account: int
    id: str
    revision: int
    i_product: int
    billing_model: BillingModel
    bill_status: BillStatus
    blocked: bool
    credit_limit: Decimal | None = None
    activation_date: datetime | None = None
    expiration_date: datetime | None = None
    i_vd_plan: int = 0
    budget: Budget | None = None
    addons: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """
    An account (an alias is resolved to its master before). `password` is the service password in clear, None where none is needed; `sessions` how many it may
    have at once; `barred` the prefixes that its call barring forbids; `aliases` the further ids that it is known by.
    `expiration_date` is its end, by its date or by its life time (`life_end`).
    `barring` is its letter of that feature: Y its own prefixes, N none, ~ as the product says, ^ as the customer says, '' whatever these two say.
    `payer`: of a beneficiary whose use another account pays for; then model, limit, plan, budget and revision are those of `paid_by`.
    """

    i_account: int
    i_env: int
    revision: int
    id: str
    i_customer: int
    i_product: int
    billing_model: BillingModel
    currency: str
    bill_status: BillStatus
    blocked: bool
    credit_limit: Decimal | None
    password: str | None
    activation_date: datetime | None
    expiration_date: datetime | None
    language: str
    i_access_policy: int = 0  # its own Internet access policy; 0: the product's
    static_ip: str = ""  # service attribute netaccess_static_ip/address; '' none
    sessions: SessionLimits = NO_LIMITS
    barred: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    barring: str = ""
    i_vd_plan: int = 0  # its own discount plan
    inactive_from: datetime | None = None  # when it has not been used for too long
    budget: Budget | None = None  # its own spending budget; None: the product's
    payer: Payer | None = None
    pays: bool = False  # for beneficiaries: sessions of others use its money

    def __repr__(self) -> str:
        return f"Account({self.id!r}, i_account={self.i_account}, revision={self.revision})"


def paid_by(account: Account, payer: Payer) -> Account:
    """
    A beneficiary as decisions see it: itself in all that it is and may, its payer in all that is money. Revisions only rise, so that the sum of both says
    whether either row has changed.
    """
    return replace(
        account, billing_model=payer.billing_model, credit_limit=payer.credit_limit, i_vd_plan=payer.i_vd_plan, budget=payer.budget,
        revision=account.revision + payer.revision, payer=payer,
    )  # fmt: skip


def life_end(expiration_date: datetime | None, first_usage: datetime | None, life_time: int | None) -> datetime | None:
    """When an account ends: at its date, or `life_time` days after its first use, whichever is first (PORTABILLING.md a.3)."""
    lived = days_after(first_usage, life_time)
    return lived if expiration_date is None or (lived is not None and lived < expiration_date) else expiration_date


def days_after(use: datetime | None, days: int | None) -> datetime | None:
    """So many days after a use; None where there was none, or nothing is counted from it."""
    return None if use is None or days is None else use + timedelta(days=days)


def room(model: BillingModel, funds: Funds, limit: Decimal | None) -> Decimal | None:
    """
    What may still be spent or held of one row: limit - balance - held, or balance - held of a debit account; None where nothing limits.

    The same expression stands in `exchange` as the condition a decision relied on.
    """
    if model is BillingModel.DEBIT:
        return funds.balance - funds.held
    return None if limit is None else limit - funds.balance - funds.held


def least(*rooms: Decimal | None) -> Decimal | None:
    """The smallest of several rooms, None counting as no limit."""
    known = [room for room in rooms if room is not None]
    return min(known) if known else None
