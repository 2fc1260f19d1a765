"""The tables of the ledger's twin in memory (`store.reference`), and the views that they give."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.discount import NO_COUNTERS, Counter, Counters
from portaswitch.model.ledger import NO_VIEW, Member, View
from portaswitch.model.money import ZERO
from portaswitch.model.party import Account, Customer, Funds, Payer, paid_by
from portaswitch.model.request import AAARequest, Decision
from portaswitch.model.session import Session
from portaswitch.model.xdr import Xdr

#: A counter or wallet: its customer, its account (0: the customer's), its key as seen from an account.
RowName = tuple[int, int, SourceKey]


@dataclass(slots=True)
class Books:
    """
    The tables. `names` leads from (i_env, account id or alias) to the account; `pending` sums the charges of resellers and vendors by (role, i_party);
    `locks` are the login locks with their ends, `spent` the counters and wallets that are exceeded, `payers` whose money beneficiaries use.
    """

    accounts: dict[int, Account] = field(default_factory=dict)
    funds: dict[int, Funds] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    customer_funds: dict[int, Funds] = field(default_factory=dict)
    names: dict[tuple[int, str], int] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    closed: dict[str, Session] = field(default_factory=dict)
    keys: dict[str, Decision] = field(default_factory=dict)
    xdrs: tuple[Xdr, ...] = ()
    pending: dict[tuple[str, int], Decimal] = field(default_factory=dict)
    orphans: dict[str, AAARequest] = field(default_factory=dict)
    locks: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    counters: dict[RowName, Counter] = field(default_factory=dict)
    spent: frozenset[RowName] = frozenset()
    payers: dict[int, int] = field(default_factory=dict)

    def copy(self) -> Books:
        """What a transaction works on: all values are frozen, so copies of the dicts are enough."""
        return Books(
            dict(self.accounts), dict(self.funds), dict(self.customers), dict(self.customer_funds), dict(self.names), dict(self.sessions), dict(self.closed),
            dict(self.keys), self.xdrs, dict(self.pending), dict(self.orphans), dict(self.locks), dict(self.counters), self.spent, dict(self.payers),
        )  # fmt: skip

    def session(self, key: str) -> Session | None:
        """A session, live or closed."""
        return self.sessions.get(key) or self.closed.get(key)

    def lock(self, i_account: int, now: datetime) -> str:
        """The session that has the account's login lock, '' none or expired."""
        locker, until = self.locks.get(i_account, ("", now))
        return locker if until > now else ""

    def figures(self, i_account: int, now: datetime) -> Funds:
        """The account's funds with its lock as it is now; of a beneficiary its payer's money."""
        money = self.funds[self.payers.get(i_account, i_account)]
        return replace(self.funds[i_account], balance=money.balance, held=money.held, locked_by=self.lock(i_account, now))

    def account(self, i_account: int) -> Account:
        """An account as views have it: a beneficiary with its payer."""
        account, i_payer = self.accounts[i_account], self.payers.get(i_account)
        if i_payer is None:
            return replace(account, pays=True) if i_account in self.payers.values() else account
        of = self.accounts[i_payer]
        return paid_by(account, Payer(
            i_payer, of.id, of.revision, of.i_product, of.billing_model, of.bill_status, of.blocked, of.credit_limit, of.activation_date, of.expiration_date,
            of.i_vd_plan, of.budget,
        ))  # fmt: skip

    def view(self, member: Member, now: datetime) -> View:
        """What a stale member is told: the account of its session, else the one of its number, else the one of its name."""
        request, session = member.request, self.session(member.session_key)
        named = member.i_account or self.names.get((request.origin.i_env, request.parties.user), 0)
        i_account = session.opened.i_account if session is not None else named
        if i_account not in self.accounts:
            return replace(NO_VIEW, session=session)
        account = self.account(i_account)
        chain = [account.i_customer]
        while parent := self.customers[chain[-1]].i_parent:
            chain.append(parent)
        (customer, customer_funds), *resellers = [(self.customers[number], self.customer_funds[number]) for number in chain]
        funds, counters = self.figures(account.i_account, now), self.standing(account)
        return View(account, customer, funds, customer_funds, session, tuple(resellers), counters)

    def standing(self, account: Account) -> Counters:
        """The counters and wallets of an account, and those that its customer shares; of a beneficiary its payer's."""
        pays = self.payers.get(account.i_account, account.i_account)
        mine = [
            row for (i_customer, i_account, _), row in self.counters.items()
            if i_customer == account.i_customer and i_account in (0, pays) and not _empty(row)
        ]  # fmt: skip
        return Counters().put(*mine) if mine else NO_COUNTERS


def _empty(row: Counter) -> bool:
    """Whether it is a wallet that has nothing left: no decision needs to know of it."""
    return row.key.source is Source.WALLET and row.used >= ZERO and not row.held
