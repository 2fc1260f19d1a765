"""A ledger that answers when it is told to: between a batch and its commit, and between the commit and the answer, anything may happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.ledger import ILedger
from portaswitch.model.ledger import Applied, Failed, Member, SessionName, Verdict
from portaswitch.model.session import Session
from portaswitch.store.reference import ReferenceLedger
from portaswitch.store.reference_books import Books
from tests.contract import laws


def taken(deferred: Deferred[list[Verdict]]) -> list[Verdict]:
    """The result of a Deferred that has fired."""
    results: list[list[Verdict]] = []
    _ = deferred.addCallback(results.append)
    return results[0]


@implementer(ILedger)
class Line:
    """One process' way to the ledger through a gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def exchange(self, members: Sequence[Member]) -> Deferred[list[Verdict]]:
        """See `ILedger.exchange`."""
        keys = [member.session_key for member in members if member.session_key]
        assert len(keys) == len(set(keys)), f"two members of one session in a batch: {keys}"
        self._gate.flights.append(Flight(tuple(members), self))
        return self._gate.flights[-1].answer

    def record_orphan(self, member: Member) -> Deferred[None]:
        """See `ILedger.record_orphan`."""
        return self._gate.ledger.record_orphan(member)

    def release_name(self, session: Session) -> Deferred[None]:
        """See `ILedger.release_name`."""
        return self._gate.ledger.release_name(session)

    def node_sessions(self, i_node: int, until: datetime) -> Deferred[list[SessionName]]:
        """See `ILedger.node_sessions`."""
        return self._gate.ledger.node_sessions(i_node, until)

    def dead_sessions(self, limit: int) -> Deferred[list[SessionName]]:
        """See `ILedger.dead_sessions`."""
        return self._gate.ledger.dead_sessions(limit)


@dataclass(slots=True, eq=False)
class Flight:
    """A batch on its way; `verdicts` once it is committed."""

    members: tuple[Member, ...]
    line: Line
    answer: Deferred[list[Verdict]] = field(default_factory=Deferred)
    verdicts: list[Verdict] | None = None


class Gate:
    """Holds the batches for `ledger` in `flights`, in the order they came. Every commit is checked against the laws, member by member."""

    def __init__(self, ledger: ReferenceLedger) -> None:
        self.ledger = ledger
        self.flights: list[Flight] = []
        self.applied: dict[str, int] = {}

    @property
    def books(self) -> Books:
        """The books as they are."""
        return self.ledger.books

    def line(self) -> Line:
        """A way in for one more process."""
        return Line(self)

    def commit(self, flight: Flight) -> None:
        """Apply a batch; its answer stays on the way. Batches are atomic, and mean the same as their members one by one."""
        if flight.verdicts is not None:
            return
        single = ReferenceLedger(self.ledger.now)
        single.books = self.books.copy()
        for member in flight.members:
            before = single.books.copy()
            (verdict,) = taken(single.exchange([member]))
            assert not isinstance(verdict, Failed), f"{member.request.key} failed: {verdict.reason}"
            if isinstance(verdict, Applied) and member.change is not None:
                laws.check_applied(before, single.books, member)
            if isinstance(verdict, Applied) and member.change is not None and not laws.only_frees(member.change):
                self.applied[member.change.key] = self.applied.get(member.change.key, 0) + 1
        flight.verdicts = taken(self.ledger.exchange(flight.members))
        assert self.books == single.books, "a batch is not the same as its members one by one"


    def land(self, flight: Flight) -> None:
        """The answer arrives."""
        self.commit(flight)
        self.flights.remove(flight)
        flight.answer.callback(flight.verdicts or [])

    def lose(self, flight: Flight) -> None:
        """The connection breaks: nobody learns whether the batch was committed."""
        self.flights.remove(flight)
        flight.answer.errback(DatabaseDown("the connection was lost"))

    def cut(self, line: Line, committed: int) -> None:
        """The process at the end of a line is dead: of its batches those are committed whose bit is set, and no answer arrives."""
        for place, flight in enumerate(flight for flight in tuple(self.flights) if flight.line is line):
            if committed >> place & 1:
                self.commit(flight)
            self.flights.remove(flight)
