"""The subscribers and the words of the ledgers' contract: what a test of it is written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from twisted.internet.defer import Deferred

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import Protection, RatePlan, ServicePolicy
from portaswitch.model.charge import CASH, Take
from portaswitch.model.ledger import Change, Member, Stale, Verdict, View
from portaswitch.model.money import Rounding
from portaswitch.model.party import Account, BillStatus, Customer, Funds
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Decision, Facts, Grant, Kind, Origin, Parties, QuotaKey, UnitRequest
from portaswitch.model.session import Leg, Opened, Quota, Role, Session, Status
from portaswitch.model.xdr import Storage, Xdr

NOW = datetime(2026, 3, 1, 12, 30, 15, 500_000, UTC)
#: The clocks of the real ledgers are real: these lie on the two sides of any of them.
PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
OK = Decision()
#: Text that would break out of a row literal that is not quoted well.
HOSTILE = """a"b\\c,d(e)f{g}h'i\ns NULL %s \u00e9\u4e2d\U0001f4de"""

PLAN = RatePlan(7, "Retail", "USD", 71, 72, "44", 30, 6, Decimal("0.0250"), Decimal("0.02"), 60, Decimal("0.05"), 4, Rounding.HALF)
POLICY = ServicePolicy(3, Protection.SLICE, 45, 2, 7200, 600, 0, 10**9)
GRANTED = Decision(
    (Grant(QuotaKey(1, 2), Base.TIME, 30, NOW, True, 5), Grant(QuotaKey(), Base.OCTETS, None, refusal=Refusal.FUNDS_LOCKED)),
    None, Facts("44123", 2, 1, "USD", "en", "Gold", "Retail", Decimal("1.25"), Decimal("7"), Decimal("0.1"), "44", "441", "442", False),
)  # fmt: skip

DEBIT, LIMITED, FREE, BELOW = 1, 2, 3, 4
#: Beneficiaries of DEBIT and LIMITED, which the tests that want them put in.
PAID, LENT = 5, 6


def customer(number: int, limit: str | None = None, **what: Any) -> Customer:
    """A customer in environment 1."""
    made = Customer(number, 1, 1, f"customer {number}", 0, "USD", BillStatus.OPEN, False, None if limit is None else Decimal(limit), None, None, 0, "UTC", "en")
    return replace(made, **what)


def account(number: int, name: str, i_customer: int, model: BillingModel, limit: str | None = None) -> Account:
    """An account in environment 1 without a password."""
    owed = None if limit is None else Decimal(limit)
    return Account(number, 1, 1, name, i_customer, 0, model, "USD", BillStatus.OPEN, False, owed, None, None, None, "en")


def xdr(i_account: int, amount: str) -> Xdr:
    """An xDR of an account's charge."""
    return Xdr(
        1, Storage.ACCOUNT, False, "s", "", HOSTILE, "44", NOW, NOW, NOW, 16, 60, "a", i_account, 0, 0, 0, 0, 60, Decimal(amount), HOSTILE, 0, 0, 0, 0, 0, "",
        "", "", 0, 1,
    )  # fmt: skip


class LedgerCase:
    """
    What the contract's tests need of a ledger: mixed with a trial TestCase by a subclass whose `build` makes `ledger`.

    Subscribers: debit account 1 with 10 under customer 1 and an alias 'other'; under customer 2 with a limit of 10 the credit accounts 2 with a limit of 6
    and 3 without one; credit account 4 under customer 3 under the resellers 8 and 9.
    """

    ledger: Any
    assertEqual: Any
    assertIsInstance: Any
    assertIsNone: Any

    async def build(self) -> None:
        """Make `ledger`, empty."""
        raise NotImplementedError

    async def put_customer(self, row: Customer, funds: Funds) -> None:
        """Open a customer."""
        raise NotImplementedError

    async def put_account(self, row: Account, funds: Funds) -> None:
        """Open an account."""
        raise NotImplementedError

    async def put_alias(self, i_env: int, alias: str, master: Account) -> None:
        """One more name of an account."""
        raise NotImplementedError

    async def put_beneficiary(self, row: Account, i_payer: int) -> None:
        """Open an account whose use another one pays for."""
        raise NotImplementedError

    async def change_account(self, i_account: int, **what: Any) -> None:
        """What an operator changes; the revision rises."""
        raise NotImplementedError

    async def change_customer(self, i_customer: int, **what: Any) -> None:
        """The same of a customer."""
        raise NotImplementedError

    async def charged(self, i_account: int) -> Decimal:
        """The sum of the account's xDRs."""
        raise NotImplementedError

    async def failures(self) -> list[str]:
        """The session ids of failed xDRs, sorted."""
        raise NotImplementedError

    async def pending(self) -> dict[tuple[str, int], Decimal]:
        """Charges of resellers and vendors, by role and number."""
        raise NotImplementedError

    async def orphans(self) -> list[str]:
        """The keys of the orphan records."""
        raise NotImplementedError

    def setUp(self) -> Any:
        """The ledger and its subscribers."""
        return Deferred.fromCoroutine(self._prepare())

    async def _prepare(self) -> None:
        await self.build()
        for row, balance in (customer(9), "3"), (customer(8, i_parent=9), "2"), (customer(1), "0"), (customer(2, "10"), "0"), (customer(3, i_parent=8), "0"):
            await self.put_customer(row, Funds(Decimal(balance)))
        debit = account(DEBIT, "debit", 1, BillingModel.DEBIT)
        await self.put_account(debit, Funds(Decimal(10)))
        await self.put_alias(1, "other", debit)
        await self.put_account(account(LIMITED, "limited", 2, BillingModel.CREDIT, "6"), Funds())
        await self.put_account(account(FREE, "free", 2, BillingModel.CREDIT), Funds())
        await self.put_account(account(BELOW, HOSTILE, 3, BillingModel.CREDIT), Funds())

    # -- words of the tests -----------------------------------------------------------------------------------------------------------------------

    def request(self, key: str = "k", session: str = "", user: str = "", i_env: int = 1) -> AAARequest:
        """Some request; the ledger looks at the environment, the user and the key only."""
        return AAARequest(Kind.STOP, "r1", Origin(5, i_env), session, key, Parties(user, called="44"), NOW, NOW, (UnitRequest(used=60),), None)

    async def exchange(self, *members: Member) -> list[Verdict]:
        """One batch."""
        verdicts: list[Verdict] = await self.ledger.exchange(members)
        self.assertEqual(len(verdicts), len(members))
        return verdicts

    async def view(self, i_account: int = 0, session: str = "", user: str = "", i_env: int = 1) -> View:
        """A member that only reads."""
        (verdict,) = await self.exchange(Member(self.request(user=user, i_env=i_env), f"5/{session}" if session else "", i_account))
        assert isinstance(verdict, Stale)
        return verdict.view

    def reader(self, i_account: int, seen: View, session_key: str = "") -> Member:
        """A member that only reads, and remembers a view."""
        return Member(self.request(), session_key, i_account, None, seen)

    async def change(self, i_account: int, key: str = "k", session: Session | None = None, **what: Any) -> Member:
        """A member whose conditions hold but for what is said: a one-shot, or the next value of a session."""
        seen = await self.view(i_account)
        of, above = seen.account, seen.customer
        assert of is not None and above is not None
        shared = of.billing_model is not BillingModel.DEBIT
        base = Change(
            key, OK, i_account, of.revision, above.i_customer, above.revision, shared, of.billing_model.owes, session=session, once=session is None,
            relied=session.version - 1 if session is not None else 0, i_payer=0 if of.payer is None else of.payer.i_account,
        )  # fmt: skip
        amounts: dict[str, Any] = {name: Decimal(value) if name in ("debit", "hold", "need") else value for name, value in what.items()}
        return Member(self.request(key), session.key if session is not None else "", i_account, replace(base, **amounts))

    async def funds(self, i_account: int) -> Any:
        """Balance and held of the account, then of its customer, as plain numbers."""
        seen = await self.view(i_account)
        return self.told(seen.funds, seen.customer_funds)

    def told(self, *funds: Funds) -> Any:
        """Figures without their trailing zeros."""
        return tuple(format(figure.normalize(), "f") for row in funds for figure in (row.balance, row.held))

    def kinds(self, verdicts: Sequence[Verdict]) -> list[str]:
        """The verdicts' names."""
        return [type(verdict).__name__ for verdict in verdicts]

    def session(self, i_account: int, version: int = 1, held: str = "0", status: Status = Status.OPEN, name: str = "one", key: str = "s1") -> Session:
        """A session with two quota keys, of which the second has legs of its own."""
        i_customer = {DEBIT: 1, LIMITED: 2, FREE: 2, BELOW: 3, PAID: 1, LENT: 2}[i_account]
        kept = {"call_id": HOSTILE, "empty": ""}
        opened = Opened(
            name, 1, 5, i_account, i_customer, "named", HOSTILE, "Gold", 4, "Voice", 1024, 6, HOSTILE, "0044", "44", NOW, POLICY, BillingModel.CREDIT, kept
        )
        legs = (Leg(Role.ACCOUNT, i_account, PLAN), Leg(Role.VENDOR, 12, replace(PLAN, precision=2, rounding=Rounding.NICKEL)))
        takes = (Take(CASH, Decimal(held)),) if held != "0" else ()
        quotas = (
            Quota(QuotaKey(), Base.TIME, legs, HOSTILE, 61, 90, takes, (Decimal("0.10"), Decimal("1E-5")), 66, 1, 90, ((HOSTILE, 60), ("b", 1))),
            Quota(QuotaKey(10, 20), Base.OCTETS, legs[:1], "44", 5, 0, (), (Decimal(0),)),
        )
        return Session(f"5/{name}", version, status, opened, quotas, NOW + timedelta(hours=1), NOW, key, OK, NOW - timedelta(seconds=1), NOW)
