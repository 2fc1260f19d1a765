"""
The money laws under everything that nodes, operators, networks and crashes do: a Hypothesis state machine over real Cores on the reference ledger.

Two processes (Cores) share the ledger. Batches are held back at a gate, committed and answered in any order, lost before or behind the commit. The laws are
checked at every commit, at every answer and after every step; at the end all is delivered, every request must have its one answer, and the sweeper must
bring every hold to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from twisted.internet.defer import CancelledError
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider

from portaswitch.billing.limits import Limits
from portaswitch.errors import DatabaseDown, Overloaded
from portaswitch.model.ledger import SessionName
from portaswitch.model.party import NO_LIMITS, SessionLimits
from portaswitch.model.request import AAARequest, Kind, Lock
from portaswitch.store.reference import ReferenceLedger
from tests.contract import laws
from tests.contract.gate import Gate
from tests.contract.world import ACCOUNTS, BENEFICIARIES, CUSTOMERS, USERS, WALLETS, Place, Sent, World, wallet_of

CORES = st.sampled_from((0, 0, 0, 1))
PLACES = st.builds(Place, st.sampled_from(USERS), st.integers(0, 3))
WHICH = st.integers(0, 2)
MOST = st.sampled_from((None, None, 1, 1, 2, 0))
#: As the store reads them: a row without limits has the one NO_LIMITS.
LIMIT = st.builds(SessionLimits, MOST, MOST, MOST).map(lambda limits: NO_LIMITS if limits == NO_LIMITS else limits)
USE = st.sampled_from((0, 1, 29, 30, 31, 36, 37, 60, 61, 100, 400, 1200))
PICK = st.integers(0, 1000)
#: Small batches, so that a step needs several; requests wait at most 100 s of the world's clock.
LIMITS = Limits(batch=3, flights=2, company=1, waiting=1000, timeout=100)

PROFILE = settings(
    database=None, deadline=None, max_examples=max(400, settings().max_examples), stateful_step_count=40,
    suppress_health_check=list(HealthCheck), print_blob=False,
)


class MoneyMachine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = ReferenceLedger(lambda: self.world.now)
        for customer in CUSTOMERS:
            self.ledger.put_customer(customer)
        for account, funds in ACCOUNTS:
            self.ledger.put_account(account, funds)
        for account, i_payer in BENEFICIARIES:
            self.ledger.put_beneficiary(account, i_payer)
        for number in WALLETS:
            self.ledger.put_counters(number, wallet_of(number))
        self.ledger.put_alias(1, "alias", 1)
        self.opening, self.paid = self.ledger.books.copy(), dict[int, Decimal]()
        self.gate = Gate(self.ledger)
        self.lines = [self.gate.line(), self.gate.line()]
        self.world = World(self.lines, LIMITS, self.answered)
        self.faults: list[str] = []

        @provider(ILogObserver)
        def observer(event: Mapping[str, Any]) -> None:
            if event.get("log_failure") is not None:
                self.faults.append(event["log_failure"].getTraceback())

        self._observer = observer
        globalLogPublisher.addObserver(observer)

    def answered(self, sent: Sent) -> None:
        """Every answer of a living process; what is wrong with it is kept for the invariant, since a Deferred would swallow it."""
        answer = sent.answers[-1]
        try:
            if isinstance(answer, Failure):
                assert answer.check(Overloaded, DatabaseDown, CancelledError), answer.getTraceback()
            else:
                laws.check_answer(self.ledger.books, sent.request, answer)
        except AssertionError as fault:
            self.faults.append(str(fault))

    # -- nodes ------------------------------------------------------------------------------------------------------------------------------------

    @rule(core=CORES, place=PLACES, which=WHICH, minimum=st.none() | st.sampled_from((1, 20)), most=st.none() | st.sampled_from((30, 90)), used=st.none() | USE)
    def authorize(self, core: int, place: Place, which: int, minimum: int | None, most: int | None, used: int | None) -> None:
        """May it go on? A slot whose session is over gets a new one."""
        if self.world.name(place) in {session.opened.session for session in self.ledger.books.closed.values()}:
            self.world.hang_up(place)
        self.world.submit(core, self.world.authorize(place, which, minimum, most, used if minimum else None))

    @rule(core=CORES, place=PLACES)
    def start(self, core: int, place: Place) -> None:
        """The session began, authorized or not."""
        self.world.submit(core, self.world.start(place))

    @rule(core=CORES, place=PLACES, which=WHICH, used=USE)
    def update(self, core: int, place: Place, which: int, used: int) -> None:
        """Counters that rise, repeat and go back."""
        self.world.submit(core, self.world.update(place, which, used))

    @rule(core=CORES, place=PLACES, which=WHICH, used=USE)
    def stop(self, core: int, place: Place, which: int, used: int) -> None:
        """The session is over, or never was."""
        self.world.submit(core, self.world.stop(place, which, used))

    @rule(core=CORES, place=PLACES, used=USE)
    def disorder(self, core: int, place: Place, used: int) -> None:
        """All at once and in the wrong order."""
        for request in self.world.stop(place, 0, used), self.world.update(place, 2, used // 2), self.world.start(place):
            self.world.submit(core, request)

    @rule(core=CORES, place=PLACES, used=USE)
    def in_answer(self, core: int, place: Place, used: int) -> None:
        """A client that goes on from within the answer, whatever that is."""
        self.world.submit(core, self.world.start(place), lambda: self._then(core, self.world.stop(place, 0, used)))

    def _then(self, core: int, request: AAARequest) -> None:
        self.world.submit(core, request)

    @rule(core=CORES, place=PLACES)
    def unlock(self, core: int, place: Place) -> None:
        """A leg that isn't rated ends."""
        self.world.submit(core, self.world.unlock(place))

    @rule(core=CORES, user=st.sampled_from((*USERS, "alias", "nobody")), count=st.integers(1, 20))
    def event(self, core: int, user: str, count: int) -> None:
        """Messages."""
        self.world.submit(core, self.world.event(user, count))

    @rule(core=CORES)
    def sweep(self, core: int) -> None:
        """The sweeper."""
        found: list[SessionName] = []
        _ = self.ledger.dead_sessions(10).addCallback(found.extend)
        for name in found:
            self.world.submit(core, self.world.expire(name))

    @rule(core=CORES, pick=PICK)
    def restart(self, core: int, pick: int) -> None:
        """The node restarted, now and then."""
        if pick % 4 == 0:
            self.world.submit(core, self.world.on_off())

    @precondition(lambda self: self.world.sent)
    @rule(core=CORES, pick=PICK)
    def repeat(self, core: int, pick: int) -> None:
        """A retransmission of one of the last requests, or of any."""
        sent = self.world.sent[-1 - pick % min(len(self.world.sent), 5 if pick % 2 else 1000)]
        self.world.submit(core, sent.request)

    @precondition(lambda self: self.ledger.books.keys)
    @rule(core=CORES, pick=PICK)
    def repeat_event(self, core: int, pick: int) -> None:
        """A retransmission of a one-shot that was charged; nobody but its key remembers it."""
        known = [sent.request for sent in self.world.sent if sent.request.key in self.ledger.books.keys]
        self.world.submit(core, known[-1 - pick % len(known)])

    @precondition(lambda self: self.world.sent)
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        """The client does not want to know any more."""
        sent = self.world.sent[-1 - pick % len(self.world.sent)]
        if sent.deferred is not None and not sent.answers and sent.request.kind is not Kind.ON_OFF:
            sent.deferred.cancel()

    # -- operators --------------------------------------------------------------------------------------------------------------------------------

    @rule(i_account=st.integers(1, 5), cents=st.sampled_from((1, 30, 150, -40)))
    def top_up(self, i_account: int, cents: int) -> None:
        """A payment, or its return."""
        amount = Decimal(cents).scaleb(-2)
        self.ledger.top_up(i_account, amount)
        self.paid[i_account] = self.paid.get(i_account, Decimal(0)) + amount
        self._heard(f"a:{i_account}")

    @rule(i_account=st.sampled_from((1, 2, 3, 4, 5, 8)), heard=st.booleans())
    def block(self, i_account: int, heard: bool) -> None:
        """An account is blocked, or no longer; the notice of it may be lost."""
        self.ledger.change_account(i_account, blocked=not self.ledger.books.accounts[i_account].blocked)
        self._heard(f"a:{i_account}" if heard else "")

    @rule(limit=st.sampled_from((None, "1", "4", "9")), heard=st.booleans())
    def limit(self, limit: str | None, heard: bool) -> None:
        """The limit of the customer of three accounts is another one."""
        self.ledger.change_customer(2, credit_limit=None if limit is None else Decimal(limit))
        self._heard("c:2" if heard else "")

    @rule(who=st.sampled_from(("account 2", "account 3", "account 5", "customer 1", "customer 2")), most=LIMIT, heard=st.booleans())
    def places(self, who: str, most: SessionLimits, heard: bool) -> None:
        """So many sessions at once, of an account or of all accounts of a customer."""
        kind, number = who.split()
        (self.ledger.change_account if kind == "account" else self.ledger.change_customer)(int(number), sessions=most)
        self._heard(f"{kind[0]}:{number}" if heard else "")

    @rule(user=st.sampled_from(("credit", "checked", "sliced")), most=st.integers(1, 2))
    def rush(self, user: str, most: int) -> None:
        """Two processes that know a limit let sessions in at the same time."""
        number = next(account.i_account for account in self.ledger.books.accounts.values() if account.id == user)
        self.ledger.change_account(number, sessions=SessionLimits(most))
        for slot in range(4):
            self.authorize(slot % 2, Place(user, slot), 0, 1, 30, None)

    @rule(payer=st.sampled_from((("debit", "child"), ("credit", "ward"), ("counted", "lent"))), most=st.none() | st.just(90))
    def one_purse(self, payer: tuple[str, str], most: int | None) -> None:
        """A payer and its beneficiary ask for the same money, each at another process."""
        for core, user in enumerate(payer):
            for slot in (0, 1):
                self.authorize(core, Place(user, slot), 0, 1, most, None)

    @rule(core=CORES, place=PLACES, lock=st.sampled_from(Lock))
    def login(self, core: int, place: Place, lock: Lock) -> None:
        """A user logs in; of a debit account that locks it."""
        self.world.submit(core, self.world.login(place, lock))

    @rule(heard=st.booleans())
    def swap(self, heard: bool) -> None:
        """Two accounts exchange their names, as when a number moves to another subscriber."""
        one, two = (self.ledger.books.accounts[number].id for number in (1, 2))
        self.ledger.change_account(1, id="in between")
        self.ledger.change_account(2, id=one)
        self.ledger.change_account(1, id=two)
        for number in (1, 2) if heard else ():
            self._heard(f"a:{number}")

    def _heard(self, notice: str) -> None:
        for core in self.world.cores if notice else ():
            core.cache.heard(notice)

    @rule(seconds=st.sampled_from((1, 50, 101, 900, 8000)))
    def wait(self, seconds: int) -> None:
        """Time goes by."""
        self.world.now += timedelta(seconds=seconds)

    # -- the database and the processes -----------------------------------------------------------------------------------------------------------

    def _flight(self, pick: int, act: Callable[[Any], None]) -> None:
        act(self.gate.flights[pick % len(self.gate.flights)])

    @precondition(lambda self: self.gate.flights)
    @rule(pick=PICK)
    def commit(self, pick: int) -> None:
        """A batch is committed; its answer stays away yet."""
        self._flight(pick, self.gate.commit)

    @precondition(lambda self: self.gate.flights)
    @rule(pick=PICK, count=st.integers(1, 4))
    def land(self, pick: int, count: int) -> None:
        """Answers arrive, not in the order of the commits."""
        for _ in range(min(count, len(self.gate.flights))):
            self._flight(pick, self.gate.land)

    @precondition(lambda self: self.gate.flights)
    @rule(pick=PICK)
    def lose(self, pick: int) -> None:
        """A connection breaks, before the commit or behind it."""
        self._flight(pick, self.gate.lose)

    @rule()
    def deliver(self) -> None:
        """Everything arrives."""
        for _ in range(1000):
            if not self.gate.flights:
                return
            self.gate.land(self.gate.flights[0])
        raise AssertionError("the queues never come to rest")

    @rule(core=CORES, pick=PICK)
    def crash(self, core: int, pick: int) -> None:
        """A process dies; its batches were committed or not, and nobody hears of it."""
        self.gate.cut(self.lines[core], pick)
        self.lines[core] = self.gate.line()
        self.world.crash(core, self.lines[core])

    # -- laws -------------------------------------------------------------------------------------------------------------------------------------

    @invariant()
    def books(self) -> None:
        """Balances, holds, sessions and one-shots agree, and nothing went wrong unseen."""
        assert not self.faults, self.faults[0]
        laws.check_books(self.ledger.books, self.opening, self.paid)
        for key, count in self.gate.applied.items():
            # What frees (test_unlocked_again) or asks anew acts on what is there by then; it moves no money.
            assert count == 1 or "/auth/" in key or "login/" in key or key.endswith("/answer/stop"), f"{key} took effect {count} times"
        assert all(len(sent.answers) <= 1 for sent in self.world.sent), "a request was answered twice"

    def teardown(self) -> None:
        """All is delivered: every request has one answer, queues are empty; then the sweeper frees every hold."""
        try:
            self.deliver()
            silent = [sent.request.key for sent in self.world.sent if not sent.answers and not sent.lost]
            assert not silent, f"never answered: {silent}"
            drained: list[None] = []
            for core in self.world.cores:
                _ = core.drained().addCallback(drained.append)
            assert len(drained) == 2, "a queue isn't empty"
            self.wait(100_000)
            while self.ledger.books.sessions:
                self.sweep(0)
                self.deliver()
            self.books()
            assert laws.nothing_held(self.ledger.books), "holds without sessions"
        finally:
            globalLogPublisher.removeObserver(self._observer)


class MoneyLaws(SynchronousTestCase):
    """Runs the machine; the same walks every time."""

    def test_budget_of_two_keys(self) -> None:
        """Found by a hunt: the first report of a session that was never authorized tells use of two keys, which together are more than the budget leaves."""
        machine = MoneyMachine()
        machine.update(core=0, place=Place("family", 1), used=400, which=2)
        machine.deliver()
        machine.books()

    def test_read_while_a_batch_is_in_the_air(self) -> None:
        """Found by a hunt: a view that was read behind a batch, and the moves of that batch, which are in it: a wallet counted twice pays for nothing more."""
        machine = MoneyMachine()
        machine.start(core=0, place=Place("child", 0))
        machine.in_answer(core=0, place=Place("credit", 3), used=36)
        machine.in_answer(core=0, place=Place("family", 3), used=61)
        machine.in_answer(core=0, place=Place("family", 1), used=60)
        machine.unlock(core=0, place=Place("family", 1))
        machine.teardown()

    def test_unlocked_again(self) -> None:
        """
        Found by a hunt: the end of a leg that is not rated comes before its session has a row, and again behind its authorization. It frees the lock each time,
        and no money.
        """
        machine, place = MoneyMachine(), Place("debit", 0)
        machine.login(core=0, place=place, lock=Lock.LOCK)
        machine.deliver()
        for _ in range(3):
            machine.unlock(core=0, place=place)
            machine.deliver()
        machine.login(core=0, place=place, lock=Lock.LOCK)
        machine.deliver()
        machine.authorize(core=0, place=place, which=0, minimum=None, most=None, used=None)
        machine.deliver()
        locked = machine.ledger.books.locks
        machine.unlock(core=0, place=place)
        machine.deliver()
        self.assertEqual((bool(locked), machine.ledger.books.locks, machine.ledger.books.funds[1].held), (True, {}, 0))
        machine.books()
        machine.teardown()

    def test_machine(self) -> None:
        """No walk breaks a law."""
        run_state_machine_as_test(MoneyMachine, settings=PROFILE)
