"""Operations done by pages: who leaves when, with whom, and what each hears."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from portaswitch.interfaces.work import IBooks
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Asked, Claim, MayHaveHappened, Operation, OperationRefused, Outcome
from portaswitch.operations.together import FLIGHTS, PAGE, Together, Waiting

ROOT = Actor("test:root", 1)


class Work:
    """A transaction that remembers keys as long as its books live."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def recall(self, claims: Sequence[Claim]) -> Deferred[list[Any]]:
        """What was kept."""
        return succeed([self.books.kept.get(claim.key) for claim in claims])

    def forget(self, keys: Sequence[str]) -> Deferred[None]:
        """Said to the books."""
        self.books.forgotten += keys
        return succeed(None)

    def remember(self, key: str, answer: Any) -> Deferred[None]:
        """Kept."""
        self.books.kept[key] = answer
        return succeed(None)


@implementer(IBooks)
class Books:
    """Transactions that begin when `go` is called; `fault` ends the next page."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.forgotten: list[str] = []
        self.waiting: list[Deferred[None]] = []
        self.fault: Exception | None = None

    def work(self, actor: Actor, body: Callable[[Any], Awaitable[Any]]) -> Deferred[Any]:
        """Wait for `go`."""
        gate: Deferred[None] = Deferred()
        self.waiting.append(gate)

        async def run() -> Any:
            await gate
            if self.fault is not None:
                raise self.fault
            return await body(Work(self))

        return Deferred.fromCoroutine(run())

    def go(self) -> None:
        """Let the oldest transaction run."""
        self.waiting.pop(0).callback(None)


class TogetherTests(SynchronousTestCase):
    """`Together` on books that wait."""

    def setUp(self) -> None:
        """Values with a word under 'refuse' are refused."""
        self.books, self.pages, self.lone = Books(), [], []  # type: Books, list[tuple[str, list[Any]]], list[Any]

        async def all_of_them(work: Any, actor: Actor, asked: Sequence[Asked]) -> list[Outcome | OperationRefused]:
            self.pages.append((actor.name, [one.values["n"] for one in asked]))
            return [OperationRefused([str(one.values["refuse"])]) if "refuse" in one.values else {"n": one.values["n"]} for one in asked]

        async def one(work: Any, actor: Actor, values: Mapping[str, Any]) -> Outcome:
            raise AssertionError("the fake desk does those that are alone")

        async def alone(actor: Actor, operation: Operation, waiting: Waiting) -> Outcome:
            self.lone.append((actor.request_id, waiting.asked.values["n"]))
            gate: Deferred[None] = Deferred()
            self.books.waiting.append(gate)
            await gate
            if "refuse" in waiting.asked.values:
                raise OperationRefused(["alone"])
            return {"n": waiting.asked.values["n"]}

        self.operation = Operation("test.do", "do it", Privilege.MONEY, one, together=all_of_them)
        self.together = Together(self.books, alone)

    def ask(self, number: int, actor: Actor = ROOT, key: str = "", **more: Any) -> Deferred[Outcome]:
        """Somebody asks."""
        return self.together.ask(actor, self.operation, {"n": number, **more}, Claim(key, "test.do", "") if key else None)

    def fill(self, actor: Actor = ROOT) -> list[Deferred[Outcome]]:
        """As many as leave at once, so that who comes next has to wait."""
        return [self.ask(-number, actor) for number in range(1, FLIGHTS + 1)]

    def test_alone(self) -> None:
        """Who comes first leaves at once and alone, under its own request; the rest waits and leaves together."""
        first = [self.ask(number, Actor("test:root", 1, request_id=f"r{number}")) for number in range(5)]
        self.assertEqual((self.lone, self.pages), ([("r0", 0), ("r1", 1)], []))
        self.books.go()
        self.assertEqual(self.successResultOf(first[0]), {"n": 0})
        self.books.go()
        self.books.go()
        self.assertEqual(self.pages, [("test:root", [2, 3, 4])])
        self.assertEqual([self.successResultOf(one) for one in first[1:]], [{"n": number} for number in range(1, 5)])

    def test_size(self) -> None:
        """A page has at most PAGE, and no more than FLIGHTS are under way."""
        self.fill()
        found = [self.ask(number) for number in range(2 * PAGE + 1)]
        self.assertEqual(len(self.books.waiting), FLIGHTS)
        while self.books.waiting:
            self.assertLessEqual(len(self.books.waiting), FLIGHTS)
            self.books.go()
        self.assertEqual([len(page) for _, page in self.pages], [PAGE, PAGE])
        self.assertEqual(self.lone[FLIGHTS:], [(None, 2 * PAGE)])
        self.assertEqual([self.successResultOf(one) for one in found], [{"n": number} for number in range(2 * PAGE + 1)])

    def test_same_key(self) -> None:
        """A key stands in a page once; the second is answered by what the first has left."""
        self.fill()
        found = [self.ask(1, key="k"), self.ask(2, key="l"), self.ask(3, key="k"), self.ask(4)]
        while self.books.waiting:
            self.books.go()
        self.assertEqual([page for _, page in self.pages], [[1, 2], [4]])
        self.assertEqual([self.successResultOf(one) for one in found], [{"n": 1}, {"n": 2}, {"n": 1}, {"n": 4}])

    def test_refused(self) -> None:
        """A refusal is one's own: it keeps nobody back, and its key is free again."""
        self.fill()
        found = [self.ask(1, key="a"), self.ask(2, key="b", refuse="no"), self.ask(3)]
        while self.books.waiting:
            self.books.go()
        self.assertEqual((self.successResultOf(found[0]), self.successResultOf(found[2])), ({"n": 1}, {"n": 3}))
        self.assertEqual(self.failureResultOf(found[1], OperationRefused).value.faults, ("no",))
        self.assertEqual((self.books.kept, self.books.forgotten), ({"a": {"n": 1}}, ["b"]))

    def test_refused_whole(self) -> None:
        """A page that the database refuses is done one by one: only who is at fault hears of it."""
        self.fill()
        found = [self.ask(1), self.ask(2, refuse="no"), self.ask(3)]
        self.books.fault = OperationRefused(["a value that fits nowhere"])
        while self.books.waiting:
            self.books.go()
        self.assertEqual([number for _, number in self.lone[FLIGHTS:]], [1, 2, 3])
        self.assertEqual((self.successResultOf(found[0]), self.successResultOf(found[2])), ({"n": 1}, {"n": 3}))
        self.assertEqual(self.failureResultOf(found[1], OperationRefused).value.faults, ("alone",))

    def test_lost(self) -> None:
        """When nobody knows what became of a page, all of it hear so, and the next page leaves."""
        self.fill()
        found = [self.ask(1), self.ask(2)]
        self.books.fault = MayHaveHappened("lost")
        while self.books.waiting:
            self.books.go()
        for one in found:
            self.failureResultOf(one, MayHaveHappened)
        self.books.fault = None
        later = [*self.fill(), self.ask(3), self.ask(4)]
        while self.books.waiting:
            self.books.go()
        self.assertEqual(len([self.successResultOf(one) for one in later]), FLIGHTS + 2)

    def test_actors(self) -> None:
        """Pages are of one actor, and actors take turns; requests of one actor are its own whatever their ids."""
        other = Actor("test:other", 1)
        self.fill()
        found = [*(self.ask(number) for number in range(PAGE + 2)), *(self.ask(number, other) for number in range(2))]
        while self.books.waiting:
            self.books.go()
        self.assertEqual([(name, len(page)) for name, page in self.pages], [("test:root", PAGE), ("test:other", 2), ("test:root", 2)])
        self.assertEqual(len([self.successResultOf(one) for one in found]), PAGE + 4)

    def test_given_up(self) -> None:
        """Who gives up while waiting is not done; who gives up later was done, and nothing breaks."""
        self.fill()
        found = [self.ask(1), self.ask(2), self.ask(3), self.ask(4)]
        found[1].cancel()
        self.failureResultOf(found[1], CancelledError)
        self.books.go()
        found[2].cancel()
        self.failureResultOf(found[2], CancelledError)
        while self.books.waiting:
            self.books.go()
        self.assertEqual([page for _, page in self.pages], [[1, 3, 4]])
        self.assertEqual(self.successResultOf(found[3]), {"n": 4})

    def test_given_up_by_all(self) -> None:
        """A page under way that nobody waits for any more is given up itself, and the next one leaves."""
        first = self.fill()
        found = [self.ask(1), self.ask(2)]
        for one in first:
            one.cancel()
            self.failureResultOf(one, CancelledError)
        self.books.go()
        self.assertEqual(self.pages, [])
        self.books.waiting = self.books.waiting[-1:]
        self.books.go()
        self.assertEqual((self.pages, [self.successResultOf(one) for one in found]), ([("test:root", [1, 2])], [{"n": 1}, {"n": 2}]))
