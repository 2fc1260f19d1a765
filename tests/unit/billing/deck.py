"""A ledger whose batches land when a test says so, with verdicts from rows that the test can read and change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from portaswitch.billing.batch import Batcher
from portaswitch.billing.cache import Cache
from portaswitch.billing.limits import Limits
from portaswitch.interfaces.catalogue import ICatalogue
from portaswitch.interfaces.ledger import ILedger
from portaswitch.model.catalogue import Catalogue, Protection, ServicePolicy
from portaswitch.model.ledger import Applied, Change, Member, Repeated, SessionName, Short, Stale, Verdict, View
from portaswitch.model.party import room
from portaswitch.model.request import AAARequest, Decision, Kind
from portaswitch.model.session import Session
from tests.unit.builders import catalogue, moved_view, prepaid, request

SLICED = catalogue(ServicePolicy(protection=Protection.SLICE))
OTHER = prepaid(i_account=102, id="102")


@implementer(ICatalogue)
class Shelf:
    """A catalogue that never changes."""

    def __init__(self, known: Catalogue) -> None:
        self._known = known

    def current(self) -> Catalogue:
        """See `ICatalogue.current`."""
        return self._known


@implementer(ILedger)
class Deck:
    """`flights` are the batches in the air; `land` gives the first one its verdicts from the rows, or those that are given."""

    def __init__(self, *views: View) -> None:
        self.views: dict[int, View] = {}
        for view in views or (prepaid(),):
            assert view.account is not None
            self.views[view.account.i_account] = view
        self.sessions: dict[str, Session] = {}
        self.keys: dict[str, Decision] = {}
        self.flights: list[tuple[list[Member], Deferred[list[Verdict]]]] = []
        self.landed: list[list[Member]] = []
        self.orphans: list[tuple[Member, Deferred[None]]] = []
        self.released: list[tuple[Session, Deferred[None]]] = []
        self.names: list[SessionName] = []
        self.asked: list[tuple[int, datetime]] = []

    def exchange(self, members: Sequence[Member]) -> Deferred[list[Verdict]]:
        """See `ILedger.exchange`; holds what the interface demands of the caller."""
        keys = [member.session_key for member in members if member.session_key]
        once = [member.change.key for member in members if member.change is not None]
        assert members and len(keys) == len(set(keys)) and len(once) == len(set(once)), "two members of one session or key in a batch"
        self.flights.append((list(members), Deferred()))
        return self.flights[-1][1]

    def record_orphan(self, member: Member) -> Deferred[None]:
        """See `ILedger.record_orphan`."""
        self.orphans.append((member, Deferred()))
        return self.orphans[-1][1]

    def release_name(self, session: Session) -> Deferred[None]:
        """See `ILedger.release_name`."""
        self.released.append((session, Deferred()))
        return self.released[-1][1]

    def node_sessions(self, i_node: int, until: datetime) -> Deferred[list[SessionName]]:
        """See `ILedger.node_sessions`."""
        done: Deferred[list[SessionName]] = Deferred()
        self.asked.append((i_node, until))
        done.callback(self.names)
        return done

    def dead_sessions(self, limit: int) -> Deferred[list[SessionName]]:
        """See `ILedger.dead_sessions`."""
        done: Deferred[list[SessionName]] = Deferred()
        done.callback(self.names[:limit])
        return done

    def land(self, *verdicts: Verdict, place: int = 0) -> list[Member]:
        """Land one flight; without verdicts as the rows have it."""
        members, answer = self.flights.pop(place)
        self.landed.append(members)
        answer.callback(list(verdicts) or [self._verdict(member) for member in members])
        return members

    def land_all(self) -> None:
        """Land whatever flies until nothing does."""
        for _ in range(200):
            if not self.flights:
                return
            self.land()
        raise AssertionError("batches fly for ever")

    def crash(self, error: Exception, place: int = 0) -> None:
        """Fail one flight."""
        self.flights.pop(place)[1].errback(error)

    def view(self, member: Member) -> View:
        """The rows as they are: by session, by number, by id."""
        session = self.sessions.get(member.session_key)
        i_account = session.opened.i_account if session is not None else member.i_account
        for view in self.views.values():
            named = view.account is not None and view.account.id == member.request.parties.user
            if view.account is not None and (view.account.i_account == i_account if i_account else named):
                return replace(view, session=session)
        return View(session=session)

    def _verdict(self, member: Member) -> Verdict:
        change = member.change
        if change is None:
            return Stale(self.view(member))
        session = self.sessions.get(member.session_key)
        if session is not None and session.last_key == change.key:
            return Repeated(session.answer)
        if change.once and change.key in self.keys:
            return Repeated(self.keys[change.key])
        view = self.views[change.i_account]
        assert view.account is not None
        if change.relied != (session.version if session is not None else 0) or change.account_revision != view.account.revision:
            return Stale(self.view(member))
        left = room(view.account.billing_model, view.funds, view.account.credit_limit)
        if change.need is not None and left is not None and left < change.need:
            return Short(view.funds, view.customer_funds)
        return self._applied(member, change, view)

    def _applied(self, member: Member, change: Change, view: View) -> Applied:
        after = moved_view(view, change, self.sessions.get(member.session_key), member.session_key)
        self.views[change.i_account], funds = replace(after, session=None), after.funds
        above = after.customer_funds
        if change.session is not None:
            self.sessions[member.session_key] = change.session
        if change.once:
            self.keys[change.key] = change.decision
        return Applied(funds, above)


class BatchCase(SynchronousTestCase):
    """A batcher of 3 members a batch, 2 flights, 8 waiting requests and 2 s, over a deck of two accounts; a second flight leaves with any `company`."""

    company = 1

    def setUp(self) -> None:
        """A new one; what it logs as a defect is kept."""
        self.begin(prepaid("0.03"), OTHER)

    def begin(self, *views: View) -> None:
        """Begin again with these accounts."""
        self.clock = Clock()
        self.deck = Deck(*views)
        self.cache = Cache(100, 100)
        limits = Limits(3, 2, 8, company=self.company)
        self.batcher = Batcher(self.deck, Shelf(SLICED), self.cache, limits, lambda *_: None, self.clock.seconds, later=self.later)

    def later(self, work: Callable[[], None]) -> None:
        """Turns of the reactor are as short as can be."""
        work()

    def know(self, *users: str) -> None:
        """Have accounts remembered, so that their next requests are decided at once."""
        for user in users:
            done = self.batcher.submit(request(Kind.AUTH, "", user=user, called=""))
            self.deck.land_all()
            self.successResultOf(done)
        self.deck.landed.clear()

    def ask(self, *asked: AAARequest) -> list[Deferred[Decision]]:
        """Submit requests."""
        return [self.batcher.submit(one) for one in asked]

    def sessions(self, place: int = 0) -> list[str]:
        """The sessions of a flight."""
        return [member.session_key for member in self.deck.flights[place][0]]

    def attempts(self) -> list[str]:
        """The failed attempts that the first flight keeps."""
        return [member.change.attempt for member in self.deck.flights[0][0] if member.change is not None and member.change.attempt]

    def word(self, done: Deferred[Decision]) -> str:
        """The answer's word; a Deferred that has not fired is 'waits'. May be asked again."""
        if not done.called:
            return "waits"
        decision = self.successResultOf(done)
        _ = done.addCallback(lambda _: decision)
        return "ok" if decision.refusal is None else decision.refusal.word
