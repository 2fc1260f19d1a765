"""
The ledger's twin in memory: the same verdicts as the SQL function `exchange`, on dicts and by the shortest way, so that it can be read and believed.

It is the ILedger of unit tests and the oracle that PostgreSQL is compared with (DESIGN.md 8). Nothing is durable; all happens within the call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from portaswitch.billing import counter_moves
from portaswitch.billing.reused import left_name
from portaswitch.interfaces.ledger import ILedger
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.budget import key_of
from portaswitch.model.charge import Source
from portaswitch.model.discount import Counter
from portaswitch.model.ledger import Applied, Change, CounterMove, Failed, LockStep, Member, Repeated, SessionName, Short, Stale, Verdict
from portaswitch.model.money import ZERO
from portaswitch.model.party import NO_LIMITS, Account, Customer, Funds, SessionLimits
from portaswitch.model.request import Decision, Direction, Kind
from portaswitch.model.session import Session, Status
from portaswitch.model.xdr import Storage, Xdr
from portaswitch.store.literals import ONE_ATTEMPT
from portaswitch.store.reference_books import Books, RowName
from portaswitch.store.reference_waiting import last_part_stands

NO_FUNDS = Funds()
NO_ANSWER = Decision()
Party = TypeVar("Party", Account, Customer)
#: Steps of the login lock that another session's lock stands against.
GUARDED = frozenset((LockStep.KEEP, LockStep.SEIZE, LockStep.LEAVE))


class Broken(Exception):
    """A rule of the tables is broken, as a check or a missing row would say: nothing of the batch is kept."""


@implementer(ILedger)
class ReferenceLedger:
    """Implements `ILedger`. `now` is the clock that temporary limits and expiries are compared with, the database's as it were."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.books = Books()
        self.now = now

    def exchange(self, members: Sequence[Member]) -> Deferred[list[Verdict]]:
        """See `ILedger.exchange`."""
        return succeed(self._transaction(members))

    def _transaction(self, members: Sequence[Member]) -> list[Verdict]:
        """All members at once; where that breaks a rule, one by one, so that only the culprit fails."""
        before, self.books = self.books, self.books.copy()
        try:
            self._make_counters(members)
            verdicts = [self._decide(member) for member in members]
            self._check()
        except Broken as fault:
            self.books = before
            return [Failed(str(fault))] if len(members) == 1 else [verdict for member in members for verdict in self._transaction([member])]
        return [self._told(verdict, member) for verdict, member in zip(verdicts, members, strict=True)]

    def _decide(self, member: Member) -> Verdict | type[Verdict]:
        """The conditions, in their order; the first that does not hold decides. What is told beside the verdict is read when the batch is through."""
        books, change = self.books, member.change
        if change is None:
            if member.request.kind is Kind.EVENT and member.request.key in books.keys:
                return Repeated(books.keys[member.request.key])  # what changes nothing now may have changed something before
            return Applied if self._holds(member) else Stale
        if change.i_account not in books.accounts or change.i_customer not in books.customers:
            raise Broken("no such account or customer")
        session = books.session(member.session_key)
        if change.once:
            if change.key in books.keys:
                return Repeated(books.keys[change.key])
        elif session is not None and session.last_key == change.key:
            return Repeated(session.answer)
        elif change.relied != (0 if session is None else session.version):
            return Stale
        elif session is not None and session.opened.i_account != change.i_account:
            return Stale  # a session belongs to the account it began with
        if books.account(change.i_account).revision != change.account_revision or books.customers[change.i_customer].revision != change.customer_revision:
            return Stale
        if not all(self._stands(change, move) for move in change.counters) or not last_part_stands(books, change):
            return Stale
        if change.need is not None and any(room < change.need for room in self._rooms(change)):
            return Short
        moved = _places(session, change)
        if (moved > 0 and not self._fits(change)) or (change.places.step in GUARDED and self._lock_of(change) not in ("", _locker(member))):
            return Short
        if change.attempt and any(self._same_attempt(change, row) for row in books.xdrs):
            if change.session is None:
                return Repeated(NO_ANSWER)
            change = replace(change, xdrs=())
        self._lock(member, change)
        self._apply(member, change, moved)
        return Applied

    def _make_counters(self, members: Sequence[Member]) -> None:
        """The rows of counters that are met for the first time: they are there whatever becomes of the members."""
        for change in [member.change for member in members if member.change is not None]:
            for move in change.counters:
                if move.fresh:
                    made = Counter(move.key, self._spent(change, move), carried=move.carried, start=move.start, end=move.end, relied=move.start)
                    self.books.counters.setdefault(_row_name(change, move), made)

    def _spent(self, change: Change, move: CounterMove) -> Decimal:
        """What a new counter begins with: of an account's budget what its xDRs of the period, and those of its beneficiaries, say, else nothing."""
        if move.key != key_of(False) or move.start is None:
            return ZERO
        of = {_pays(change), *(number for number, i_payer in self.books.payers.items() if i_payer == _pays(change))}
        own = [row for row in self.books.xdrs if row.i_account in of and row.storage is Storage.ACCOUNT and row.bill_time >= move.start]
        return sum([row.charged_amount for row in own], ZERO)

    def _stands(self, change: Change, move: CounterMove) -> bool:
        """Whether a counter is as the prices relied on: of the same period, and in the same steps."""
        row = self.books.counters.get(_row_name(change, move))
        if row is None:
            raise Broken("no such counter or wallet")
        new = move.start != move.relied
        return row.start == move.relied and (new or row.used >= move.least) and (ZERO if new else row.used) + row.held <= move.most

    def _count(self, change: Change, move: CounterMove) -> None:
        name = _row_name(change, move)
        row = self.books.counters[name] = counter_moves.applied(self.books.counters.get(name), move)
        was = move.key.source is Source.WALLET and row.used >= ZERO and name in self.books.spent
        spent = was if move.limit is None else row.used >= move.limit
        self.books.spent = self.books.spent | {name} if spent else self.books.spent - {name}

    def _fits(self, change: Change) -> bool:
        """Whether one more session of this direction has a place, with the account and with the customer."""
        assert change.session is not None
        incoming = change.session.opened.direction is Direction.INCOMING
        rows: list[tuple[SessionLimits, Funds]] = [(change.places.account, self.books.funds[change.i_account])]
        if change.places.customer is not NO_LIMITS:
            rows.append((change.places.customer, self.books.customer_funds[change.i_customer]))
        for limits, open_now in rows:
            way, count = (limits.incoming, open_now.incoming) if incoming else (limits.outgoing, open_now.outgoing)
            if (limits.total is not None and open_now.outgoing + open_now.incoming >= limits.total) or (way is not None and count >= way):
                return False
        return True

    def _lock_of(self, change: Change) -> str:
        return self.books.lock(change.i_account, self.now())

    def _same_attempt(self, change: Change, row: Xdr) -> bool:
        since = change.xdrs[0].bill_time - ONE_ATTEMPT
        return row.h323_conf_id == change.attempt and row.i_account == change.i_account and row.bill_time > since

    def _lock(self, member: Member, change: Change) -> None:
        """The login lock behind the change."""
        step, me, locked = change.places.step, _locker(member), self._lock_of(change)
        over = change.session is not None and change.session.status is not Status.OPEN
        until = change.places.until
        if until is not None and (step in (LockStep.SEIZE, LockStep.TAKE) or (step is LockStep.KEEP and locked == me)):
            self.books.locks[change.i_account] = me, until
        elif step is LockStep.CLEAR or ((over or step in (LockStep.LEAVE, LockStep.FREE)) and locked == me):
            self.books.locks.pop(change.i_account, None)

    def _holds(self, member: Member) -> bool:
        """Whether the rows are as a reader remembers them, but for the money; of a beneficiary, whose money is in another row, a reader gets all anew."""
        basis, books, session = member.basis, self.books, self.books.session(member.session_key)
        if basis is None or basis.account is None or basis.customer is None or member.i_account not in books.accounts or basis.account.payer is not None:
            return False
        account = books.accounts[member.i_account]
        relied, version = (0 if it is None else it.version for it in (basis.session, session))
        revisions = account.revision, books.customers[account.i_customer].revision
        return relied == version and revisions == (basis.account.revision, basis.customer.revision)

    def _rooms(self, change: Change) -> list[Decimal]:
        """limit - balance - held of every row that limits the change; balance - held where the balance is money left."""
        account, customer = self.books.accounts[_pays(change)], self.books.customers[change.i_customer]
        funds, above = self.books.funds[_pays(change)], self.books.customer_funds[change.i_customer]
        rooms = []
        if change.owes < 0:
            rooms.append(funds.balance - funds.held)
        elif account.credit_limit is not None:
            rooms.append(account.credit_limit - funds.balance - funds.held)
        limit = customer.limit(self.now())
        if change.shared and limit is not None:
            rooms.append(limit - above.balance - above.held)
        return rooms

    def _apply(self, member: Member, change: Change, moved: int) -> None:
        books, session = self.books, change.session
        incoming = session is not None and session.opened.direction is Direction.INCOMING
        for move in change.counters:
            self._count(change, move)
        _move(books.funds, _pays(change), change.owes * change.debit, change.hold)
        _move(books.funds, change.i_account, ZERO, ZERO, moved, incoming)
        if change.shared:
            _move(books.customer_funds, change.i_customer, change.debit, change.hold)
        if change.places.counted:
            _move(books.customer_funds, change.i_customer, ZERO, ZERO, moved, incoming)
        if change.once:
            books.keys[change.key] = change.decision
        elif session is not None:
            books.sessions.pop(member.session_key, None)
            books.closed.pop(member.session_key, None)
            kept = replace(session, key=member.session_key, version=change.relied + 1, last_key=change.key, answer=change.decision)
            (books.sessions if session.status is Status.OPEN else books.closed)[member.session_key] = kept
        if change.aside:
            books.orphans.setdefault(change.key, member.request)
        books.xdrs += change.xdrs
        for party in change.parties:
            books.pending[party.role, party.i_party] = books.pending.get((party.role, party.i_party), ZERO) + party.amount

    def _check(self) -> None:
        """Holds and counts are never negative."""
        if any(min(funds.outgoing, funds.incoming) < 0 for funds in (*self.books.funds.values(), *self.books.customer_funds.values())):
            raise Broken("a count of open sessions would be negative")
        rows: list[Funds | Counter] = [*self.books.funds.values(), *self.books.customer_funds.values(), *self.books.counters.values()]
        if min([row.held for row in rows] + [session.held for session in self.books.sessions.values()], default=ZERO) < ZERO:
            raise Broken("held would be negative")

    def _told(self, verdict: Verdict | type[Verdict], member: Member) -> Verdict:
        """The verdict with the figures after the batch."""
        books, change = self.books, member.change
        if not isinstance(verdict, type):
            return verdict
        if verdict is Stale:
            return Stale(books.view(member, self.now()))
        if change is None:
            return Applied(books.figures(member.i_account, self.now()), books.customer_funds[books.accounts[member.i_account].i_customer])
        above = books.customer_funds[change.i_customer] if change.locks_customer else NO_FUNDS
        return (Applied if verdict is Applied else Short)(books.figures(change.i_account, self.now()), above)

    def record_orphan(self, member: Member) -> Deferred[None]:
        """See `ILedger.record_orphan`."""
        self.books.orphans.setdefault(member.request.key, member.request)
        return succeed(None)

    def release_name(self, session: Session) -> Deferred[None]:
        """See `ILedger.release_name`."""
        kept = self.books.closed.get(session.key)
        if kept is not None and kept.version == session.version:
            del self.books.closed[session.key]
            self.books.closed[left_name(session)] = replace(kept, key=left_name(session))
        return succeed(None)

    def node_sessions(self, i_node: int, until: datetime) -> Deferred[list[SessionName]]:
        """See `ILedger.node_sessions`."""
        return succeed([self._name(it) for it in self.books.sessions.values() if it.opened.i_node == i_node and it.opened.started < until])

    def dead_sessions(self, limit: int) -> Deferred[list[SessionName]]:
        """See `ILedger.dead_sessions`."""
        dead = sorted((it for it in self.books.sessions.values() if it.expires < self.now()), key=lambda it: it.expires)
        return succeed([self._name(it) for it in dead[:limit]])

    def _name(self, session: Session) -> SessionName:
        opened = session.opened
        return SessionName(opened.i_env, opened.i_node, session.key.partition("/")[2], self.books.accounts[opened.i_account].id, session.version)

    # -- what operators do, for tests -------------------------------------------------------------------------------------------------------------

    def put_customer(self, customer: Customer, funds: Funds = NO_FUNDS) -> None:
        """Open a customer or reseller."""
        self.books.customers[customer.i_customer], self.books.customer_funds[customer.i_customer] = customer, funds

    def put_account(self, account: Account, funds: Funds = NO_FUNDS) -> None:
        """Open an account of a customer that is there."""
        self.books.accounts[account.i_account], self.books.funds[account.i_account] = account, funds
        self.books.names[account.i_env, account.id] = account.i_account

    def put_beneficiary(self, account: Account, i_payer: int) -> None:
        """Open an account whose use another one pays for."""
        self.put_account(account)
        self.books.payers[account.i_account] = i_payer

    def put_counters(self, i_account: int, *rows: Counter) -> None:
        """Counters and wallets of an account, or that its customer shares, as they are now."""
        i_customer = self.books.accounts[i_account].i_customer
        for row in rows:
            self.books.counters[i_customer, 0 if row.key.shared else i_account, row.key] = row

    def put_alias(self, i_env: int, alias: str, i_account: int) -> None:
        """One more name of an account."""
        self.books.names[i_env, alias] = i_account
        account = self.books.accounts[i_account]
        self.books.accounts[i_account] = replace(account, aliases=(*account.aliases, alias))

    def top_up(self, i_account: int, amount: Decimal) -> None:
        """A payment: more money left, or less money owed by the account and by its customer."""
        account = self.books.accounts[i_account]
        _move(self.books.funds, i_account, -account.billing_model.owes * amount, ZERO)
        if account.billing_model is not BillingModel.DEBIT:
            _move(self.books.customer_funds, account.i_customer, -amount, ZERO)

    def change_account(self, i_account: int, **what: Any) -> None:
        """Change what is not money (block, limit, product, id); the revision rises."""
        before = self.books.accounts[i_account]
        after = _revised(before, what)
        self.books.names.pop((before.i_env, before.id))
        self.books.accounts[i_account] = after
        self.books.names[after.i_env, after.id] = i_account

    def change_customer(self, i_customer: int, **what: Any) -> None:
        """The same for a customer; its first limit counts its accounts' sessions, and without one they are not counted."""
        before, after = self.books.customers[i_customer], _revised(self.books.customers[i_customer], what)
        self.books.customers[i_customer] = after
        was, limited = before.sessions != NO_LIMITS, after.sessions != NO_LIMITS
        if was != limited:
            rows = [self.books.funds[it.i_account] for it in self.books.accounts.values() if it.i_customer == i_customer] if limited else []
            funds = self.books.customer_funds[i_customer]
            outgoing, incoming = sum(row.outgoing for row in rows), sum(row.incoming for row in rows)
            self.books.customer_funds[i_customer] = replace(funds, outgoing=outgoing, incoming=incoming)


def _revised(before: Party, what: dict[str, Any]) -> Party:
    """The row with its changes; its revision rises when anything really changed, as the trigger has it."""
    after = replace(before, **what)
    return before if after == before else replace(after, revision=before.revision + 1)


def _row_name(change: Change, move: CounterMove) -> RowName:
    return change.i_customer, 0 if move.key.shared else _pays(change), move.key


def _pays(change: Change) -> int:
    """The account whose money and counters move."""
    return change.i_payer or change.i_account


def _locker(member: Member) -> str:
    assert member.change is not None
    return member.change.places.locker or member.session_key


def _places(session: Session | None, change: Change) -> int:
    """1 where the change opens a session, -1 where it ends one, else 0."""
    if change.session is None:
        return 0
    was, is_open = session is not None and session.status is Status.OPEN, change.session.status is Status.OPEN
    return int(is_open) - int(was)


def _move(table: dict[int, Funds], number: int, balance: Decimal, held: Decimal, moved: int = 0, incoming: bool = False) -> None:
    row = table[number]
    out, come = (0, moved) if incoming else (moved, 0)
    table[number] = Funds(row.balance + balance, row.held + held, row.outgoing + out, row.incoming + come)
