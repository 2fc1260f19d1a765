"""
What the core remembers of accounts, customers and sessions between requests: bounded, filled by the ledger's answers, dropped on any doubt.

Nothing here is ever the last word: a change names what it relied on and the row decides; a refusal is told only on a view that was just read.
"""

from __future__ import annotations

from portaswitch.billing.counter_moves import applied
from portaswitch.model.discount import NO_COUNTERS, Counters, Rows
from portaswitch.model.ledger import CounterMove, View
from portaswitch.model.oldest import forget_oldest
from portaswitch.model.party import Account, Customer, Funds
from portaswitch.model.session import Session


class Cache:
    """Least recently filled entries go first. Sizes are numbers of entries: about 1 kB an account, 1.5 kB a session."""

    def __init__(self, accounts: int, sessions: int) -> None:
        self._most_accounts, self._most_sessions = accounts, sessions
        self._names: dict[tuple[int, str], Account] = {}
        self._accounts: dict[int, tuple[Account, Funds]] = {}
        self._customers: dict[int, tuple[Customer, Funds, tuple[tuple[Customer, Funds], ...]]] = {}
        self._sessions: dict[str, Session] = {}
        self._reseller_funds: dict[int, Funds] = {}
        #: Only of accounts that have any; the rows that a customer shares are in each of them but count as in `_shared`.
        self._counters: dict[int, Counters] = {}
        self._shared: dict[int, Rows] = {}
        #: Departures of batches, and how many there had been when the counters of an account, and those that a customer shares, were read.
        self._departures = 0
        self._read: dict[int, int] = {}
        self._read_shared: dict[int, int] = {}

    def departed(self) -> int:
        """A batch departs: its number."""
        self._departures += 1
        return self._departures

    def account_number(self, i_env: int, user: str, session_key: str) -> int:
        """
        The i_account a request is about: its session's, else the one of that name; 0 where not known here.

        A name counts only for the very revision of the account it was found with: an id that has gone to another account is looked up anew.
        """
        session = self._sessions.get(session_key)
        if session is not None:
            return session.opened.i_account
        named = self._names.get((i_env, user))
        known = self._accounts.get(named.i_account) if named is not None else None
        return known[0].i_account if known is not None and known[0] is named else 0

    def view(self, i_account: int, session_key: str) -> View | None:
        """The remembered view, or None where the account or its customer is not here."""
        known = self._accounts.get(i_account)
        if known is None:
            return None
        account, funds = known
        party = self._customers.get(account.i_customer)
        if party is None:
            return None
        session = self._sessions.get(session_key)
        if session is not None and session.opened.i_account != i_account:
            return None  # the session owns its account: whoever asks under another one reads first
        customer, customer_funds, resellers = party
        if resellers:
            resellers = tuple((reseller, self._reseller_funds.get(reseller.i_customer, seen)) for reseller, seen in resellers)
        counters = self._standing(i_account, account.i_customer) if self._counters else NO_COUNTERS
        return View(account, customer, funds, customer_funds, session, resellers, counters)

    def _standing(self, i_account: int, i_customer: int) -> Counters:
        return self._counters.get(i_account, NO_COUNTERS).standing(None, self._shared.get(i_customer))

    def keep(self, view: View, i_env: int, user: str, session_key: str, by_name: bool = True) -> None:
        """Remember a fresh view; `by_name`: its account was found by the name `user`, and not by a session or number."""
        account, customer = view.account, view.customer
        if account is None or customer is None:
            return
        known = self._accounts.pop(account.i_account, None)
        if known is not None and known[0].revision == account.revision:
            account = known[0]
        self._accounts[account.i_account] = (account, view.funds)
        if account.id == user or (by_name and view.session is None):
            self._names[i_env, account.id if account.id == user else user] = account
            forget_oldest(self._names, self._most_accounts)
        self._customers.pop(customer.i_customer, None)
        self._customers[customer.i_customer] = (customer, view.customer_funds, view.resellers)
        self._keep_counters(account.i_account, customer.i_customer, view.counters)
        if view.counters is not NO_COUNTERS:
            self._read[account.i_account] = self._read_shared[customer.i_customer] = self._departures
            forget_oldest(self._read, self._most_accounts)
            forget_oldest(self._read_shared, self._most_accounts)
        forget_oldest(self._accounts, self._most_accounts)
        forget_oldest(self._customers, self._most_accounts)
        if session_key:
            self.keep_session(session_key, view.session)

    def _keep_counters(self, i_account: int, i_customer: int, counters: Counters) -> None:
        if counters is NO_COUNTERS:
            self._counters.pop(i_account, None)
            self._shared.pop(i_customer, None)
            return
        self._counters[i_account] = counters
        forget_oldest(self._counters, self._most_accounts)
        if counters.shared or i_customer in self._shared:
            self._shared[i_customer] = counters.shared
            forget_oldest(self._shared, self._most_accounts)

    def move_counters(self, i_account: int, i_customer: int, moves: tuple[CounterMove, ...], departure: int) -> None:
        """
        Move what is remembered of counters and wallets by a change that was applied by the batch of that number. What was read while that was in the air may
        have the moves in it or not: it is forgotten.
        """
        if i_account not in self._accounts:
            return
        if max(self._read.get(i_account, 0), self._read_shared.get(i_customer, 0)) >= departure:
            self.forget(i_account)
            return
        counters = self._standing(i_account, i_customer)
        self._keep_counters(i_account, i_customer, counters.put(*[applied(counters.find(move.key), move) for move in moves]))

    def keep_session(self, session_key: str, session: Session | None) -> None:
        """Remember a session's newest value; None: there is none."""
        self._sessions.pop(session_key, None)
        if session is not None:
            self._sessions[session_key] = session
            forget_oldest(self._sessions, self._most_sessions)

    def keep_funds(self, i_account: int, funds: Funds, i_customer: int, customer_funds: Funds | None) -> None:
        """Remember the money of an account, and of its customer where it moved."""
        known = self._accounts.get(i_account)
        if known is not None:
            self._accounts[i_account] = (known[0], funds)
        party = self._customers.get(i_customer)
        if party is not None and customer_funds is not None:
            self._customers[i_customer] = (party[0], customer_funds, party[2])

    def keep_resellers(self, funds: dict[int, Funds]) -> None:
        """Remember the folded figures of all resellers, read every second (DESIGN.md 3.7)."""
        self._reseller_funds = funds

    def forget(self, i_account: int, session_key: str = "") -> None:
        """Drop an account (and a session): the next request reads it again."""
        known = self._accounts.pop(i_account, None)
        self._counters.pop(i_account, None)
        if known is not None:
            self._customers.pop(known[0].i_customer, None)
            self._shared.pop(known[0].i_customer, None)
        self._sessions.pop(session_key, None)

    def forget_customer(self, i_customer: int) -> None:
        """Drop a customer: its accounts read it again; a reseller is part of many views, so they all go."""
        if i_customer in self._reseller_funds:
            self._customers.clear()
        self._customers.pop(i_customer, None)
        self._shared.pop(i_customer, None)

    def heard(self, payload: str) -> None:
        """A NOTIFY on the channel `subscribers`: 'a:17' an account, 'c:4' a customer, '*' more than could be named."""
        kind, _, number = payload.partition(":")
        if kind == "a" and number.isdigit():
            self.forget(int(number))
        elif kind == "c" and number.isdigit():
            self.forget_customer(int(number))
        else:
            self.forget_all()

    def forget_all(self) -> None:
        """Drop everything: after a reconnect nothing is known about what changed meanwhile."""
        self._names.clear()
        self._accounts.clear()
        self._customers.clear()
        self._sessions.clear()
        self._counters.clear()
        self._shared.clear()

    def sizes(self) -> tuple[int, int]:
        """Numbers of accounts and sessions remembered."""
        return len(self._accounts), len(self._sessions)
