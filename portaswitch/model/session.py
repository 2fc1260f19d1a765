"""
A session: what it was opened with (never changes), and the state of its quota keys (changes with every request).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import RatePlan, ServicePolicy
from portaswitch.model.charge import Take, held
from portaswitch.model.discount import Stretch
from portaswitch.model.money import ZERO
from portaswitch.model.request import Base, Decision, Direction, QuotaKey
from portaswitch.model.value import dataclass


class Status(StrEnum):
    """The life of a session."""

    OPEN = "o"
    PROVISIONAL = "p"  # closed without its Stop (sweeper, restart of its node): a late report charges the difference
    CLOSED = "c"


class Role(StrEnum):
    """Who is charged by a leg; legs are rated in this order."""

    ACCOUNT = "a"
    CUSTOMER = "c"  # a reseller of the chain
    VENDOR = "v"


@dataclass(frozen=True, slots=True)
class Leg:
    """One charged party and the plan of the session's start by which it is charged. `i_party`: account, customer or vendor."""

    role: Role
    i_party: int
    plan: RatePlan


@dataclass(frozen=True, slots=True)
class Quota:
    """
    One quota key of a session.

    `used` and `granted` are cumulative units from the start of the session; `holds` is what it holds of funds now; `charged` what each leg has been charged
    so far, in the order of `legs`; `quantity` the charged units so far (account leg); `pieces` the number of xDRs per leg so far. `bought` are units that were
    charged before they were used (a purchase): what is charged is the price of the greater of both. `parts`: sub-sessions (name, highest figure), of which
    `used` is the sum; empty where the session has no parts. `past`: what discounts took off the units charged so far (account leg). `final`: the client has
    been told that nothing follows what it has (Final-Unit-Indication, 4012), so that it asks no more of its own accord (`billing.final_units`).
    """

    key: QuotaKey
    base: Base
    legs: tuple[Leg, ...]
    rated: str
    used: int = 0
    granted: int = 0
    holds: tuple[Take, ...] = ()
    charged: tuple[Decimal, ...] = ()
    quantity: int = 0
    pieces: int = 0
    bought: int = 0
    parts: tuple[tuple[str, int], ...] = ()
    past: tuple[Stretch, ...] = ()
    final: bool = False

    def reported(self, used: int) -> Quota:
        """The same with a higher use."""
        return self.of_parts(used, self.parts)

    def of_parts(self, used: int, parts: tuple[tuple[str, int], ...]) -> Quota:
        """The same with a higher use, made of these parts."""
        return Quota(
            self.key, self.base, self.legs, self.rated, used, self.granted, self.holds, self.charged, self.quantity, self.pieces, self.bought, parts,
            self.past, self.final,
        )  # fmt: skip

    def holding(self, holds: tuple[Take, ...], granted: int) -> Quota:
        """The same with other holds and grants."""
        return Quota(
            self.key, self.base, self.legs, self.rated, self.used, granted, holds, self.charged, self.quantity, self.pieces, self.bought, self.parts,
            self.past, self.final,
        )  # fmt: skip

    def settled(self, charged: tuple[Decimal, ...], quantity: int, pieces: int, past: tuple[Stretch, ...] = ()) -> Quota:
        """The same without holds, charged so far as given."""
        return Quota(
            self.key, self.base, self.legs, self.rated, self.used, self.granted, (), charged, quantity, pieces, self.bought, self.parts, past, self.final,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opened:
    """What a session was opened with. `cld` as dialled, `number` translated; `user` is the name the account was asked for by; `kept` are
    attributes for its xDRs; usage is counted in whole `unit`s of the service's base."""

    session: str
    i_env: int
    i_node: int
    i_account: int
    i_customer: int
    account_id: str
    user: str
    product: str
    i_service: int
    service_type: str
    unit: int
    i_accessibility: int
    cli: str
    cld: str
    number: str
    started: datetime
    policy: ServicePolicy
    billing_model: BillingModel
    kept: Mapping[str, str]
    direction: Direction = Direction.OUTGOING


@dataclass(frozen=True, slots=True)
class Session:
    """
    A session as the store has it; `version` rises by one with every change, `last_key` and `answer` are its last request and what it was told.

    `connected`: when its use began, as far as anybody said; `charged_at`: when an open session was last charged for what it used so far (None: not yet).
    `brought`: kept attributes by which its NAS knows it, where accounting named them and the authorization had not. `numbers`: the runs (first, last) of
    request numbers that have counted, of wires that number them; ascending, apart. `opening_legs`: those that its first key had in its first version, by
    which its row knows the legs of keys that have the same; None: it has no row yet. `refunded`: what operators have given back of its account's charges, which
    a client's refund leaves over.
    """

    key: str
    version: int
    status: Status
    opened: Opened
    quotas: tuple[Quota, ...]
    expires: datetime
    updated: datetime
    last_key: str
    answer: Decision
    connected: datetime | None = None
    charged_at: datetime | None = None
    brought: Mapping[str, str] = field(default_factory=dict)
    numbers: tuple[tuple[int, int], ...] = ()
    opening_legs: tuple[Leg, ...] | None = field(default=None, compare=False)
    refunded: Decimal = ZERO

    @property
    def charged(self) -> Decimal:
        """What its account was charged, all quota keys together, without what a client had given back."""
        return sum([quota.charged[0] for quota in self.quotas if quota.legs], ZERO)

    @property
    def held(self) -> Decimal:
        """What the session holds of its account's funds, all quota keys together."""
        total = ZERO
        for quota in self.quotas:
            if quota.holds:
                total += held(quota.holds)
        return total
