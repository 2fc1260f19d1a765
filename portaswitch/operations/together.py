"""
One operation that many ask for at the same time, done by pages: a transaction a page, in place of one each.

    asked > waits beside those of the same actor > a page leaves, at most FLIGHTS at once > one transaction > each has its own outcome

Nobody waits for company: who comes while nothing is under way leaves at once and alone. A page whose transaction is refused as a whole is done one by one, so
that only who is at fault hears of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from portaswitch.interfaces.work import IBooks, IWork
from portaswitch.model.actor import Actor
from portaswitch.model.operation import Asked, Claim, Operation, OperationRefused, Outcome

PAGE: Final = 64
"""Operations of one transaction: as many as a batch of charges, which waits for the rows that a page has locked."""
FLIGHTS: Final = 2
"""Pages under way at once: one is prepared while the other commits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits: what was asked, the claim of its key (None: without a key), and where the outcome goes."""

    asked: Asked
    claim: Claim | None
    answer: Deferred[Outcome]


Alone = Callable[[Actor, Operation, Waiting], Awaitable[Outcome]]
"""Does one operation in a transaction of its own."""


class Together:
    """Pages in the transactions of `books`; `alone` does a page of one."""

    def __init__(self, books: IBooks, alone: Alone) -> None:
        self._books, self._alone = books, alone
        self._queues: dict[tuple[Actor, str], tuple[Operation, deque[Waiting]]] = {}
        self._flights: list[tuple[Sequence[Waiting], Deferred[None]]] = []

    def ask(self, actor: Actor, operation: Operation, values: Mapping[str, Any], claim: Claim | None) -> Deferred[Outcome]:
        """Do it with others. Errors: those of the operation, `MayHaveHappened`, `DatabaseDown`."""
        answer: Deferred[Outcome] = Deferred(self._give_up)
        kind = replace(actor, request_id=None), operation.name
        self._queues.setdefault(kind, (operation, deque()))[1].append(Waiting(Asked(values, actor.request_id), claim, answer))
        self._leave()
        return answer

    def _give_up(self, answer: Deferred[Outcome]) -> None:
        """Nobody waits for that one any more: a page that is under way for nobody else is given up too, as long as it can be."""
        for page, flight in list(self._flights):
            if any(one.answer is answer for one in page) and all(one.answer is answer or one.answer.called for one in page):
                flight.cancel()

    def _leave(self) -> None:
        while self._queues and len(self._flights) < FLIGHTS:
            kind = next(iter(self._queues))
            operation, queue = self._queues.pop(kind)
            page = _page(queue)
            if queue:
                self._queues[kind] = operation, queue  # behind those of the others
            if page:
                gate: Deferred[None] = Deferred()
                self._flights.append((page, Deferred.fromCoroutine(self._fly(kind[0], operation, page, gate))))
                gate.callback(None)

    async def _fly(self, actor: Actor, operation: Operation, page: Sequence[Waiting], gate: Deferred[None]) -> None:
        await gate  # until it is counted among those under way
        outcomes = await self._outcomes(actor, operation, page)
        self._flights = [flight for flight in self._flights if flight[0] is not page]
        self._leave()
        for one, outcome in zip(page, outcomes, strict=True):
            if one.answer.called:
                continue  # given up meanwhile: the effect stands
            if isinstance(outcome, Exception):
                one.answer.errback(Failure(outcome))
            else:
                one.answer.callback(outcome)

    async def _outcomes(self, actor: Actor, operation: Operation, page: Sequence[Waiting]) -> Sequence[Outcome | Exception]:
        if len(page) > 1:
            try:
                return await self._books.work(actor, lambda work: _done(work, actor, operation, page))
            except OperationRefused:
                pass  # something about one of them
            except Exception as error:
                return [error] * len(page)
        return [await self._by_itself(actor, operation, one) for one in page]

    async def _by_itself(self, actor: Actor, operation: Operation, one: Waiting) -> Outcome | Exception:
        try:
            return await self._alone(replace(actor, request_id=one.asked.request), operation, one)
        except Exception as error:
            return error


def _page(queue: deque[Waiting]) -> list[Waiting]:
    """Take the next page: no key twice, as the second is answered by what the first has left; nobody who gave it up."""
    page: list[Waiting] = []
    keys: set[str] = set()
    while queue and len(page) < PAGE:
        one = queue[0]
        if one.claim is not None and one.claim.key in keys:
            break
        queue.popleft()
        if one.answer.called:
            continue
        page.append(one)
        if one.claim is not None:
            keys.add(one.claim.key)
    return page


async def _done(work: IWork, actor: Actor, operation: Operation, page: Sequence[Waiting]) -> list[Outcome | Exception]:
    """One transaction: what is known of the keys, the rest done together, its answers kept, the keys of what was refused free again."""
    claims = [one.claim for one in page if one.claim is not None]
    known = iter(await work.recall(claims) if claims else [])
    outcomes: list[Any] = [None if one.claim is None else next(known) for one in page]
    fresh = [place for place, outcome in enumerate(outcomes) if outcome is None]
    answers = await _run(work, actor, operation, [page[place].asked for place in fresh])
    refused: list[str] = []
    for place, answer in zip(fresh, answers, strict=True):
        outcomes[place], claim = answer, page[place].claim
        if claim is None:
            continue
        if isinstance(answer, OperationRefused):
            refused.append(claim.key)
        else:
            await work.remember(claim.key, answer)
    if refused:
        await work.forget(refused)
    return outcomes


async def _run(work: IWork, actor: Actor, operation: Operation, asked: Sequence[Asked]) -> Sequence[Outcome | OperationRefused]:
    if operation.together is None or not asked:
        return []
    return await operation.together(work, actor, asked)
