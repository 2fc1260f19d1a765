"""
The desk: where every operation of people and of other systems passes.

    desk.operate(actor, "account.topup", {"id": "10086610975", "amount": "10.00"}, key="web-4711")

    read the values > rights > one transaction: the key, the names, the operation, its audit, the answer under the key
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.interfaces.work import IBooks, IOperations, IWork
from portaswitch.model.actor import Actor, Privilege, Realm
from portaswitch.model.operation import Claim, Mark, NotPermitted, Operation, OperationRefused, Outcome, RefusedButNoted, Row
from portaswitch.operations.reading import Texts, read, resolve
from portaswitch.operations.registry import OPERATIONS
from portaswitch.operations.stock import UPLOADS
from portaswitch.operations.together import Together, Waiting
from portaswitch.operations.upload import Progress, lines_of, upload


@implementer(IOperations)
class Desk:
    """Does operations on the rows of `books`."""

    def __init__(self, books: IBooks) -> None:
        self._books = books
        self._together = Together(books, self._alone)

    def names(self) -> Sequence[str]:
        """See `IOperations.names`."""
        return tuple(OPERATIONS)

    def operate(self, actor: Actor, operation: str, values: Texts, key: str = "") -> Deferred[Outcome]:
        """See `IOperations.operate`."""
        return Deferred.fromCoroutine(self._operate(actor, operation, values, key))

    def upload(self, actor: Actor, entity: str, head: Sequence[str], rows: Sequence[Sequence[str]], progress: Progress) -> Deferred[Row]:
        """See `IOperations.upload`."""
        return Deferred.fromCoroutine(self._upload(actor, entity, head, rows, progress))

    async def _upload(self, actor: Actor, entity: str, head: Sequence[str], rows: Sequence[Sequence[str]], progress: Progress) -> Row:
        asked = UPLOADS[entity]
        if not actor.may(asked.entity.privilege):
            raise NotPermitted([f"{entity}.upload: you may not do that; it takes the privilege {asked.entity.privilege}"])
        lines = lines_of(rows, head)
        return await self._books.work(actor, lambda work: upload(work, actor, asked, head, lines, progress))

    async def _operate(self, actor: Actor, name: str, texts: Texts, key: str) -> Outcome:
        operation = OPERATIONS.get(name)
        if operation is None:
            raise OperationRefused([f"there is no operation {name}"])
        if not operation.open_to(actor):
            raise NotPermitted([f"{name}: you may not do that; it takes the privilege {operation.privilege}"])
        if actor.in_self_care and operation.privilege is not Privilege.READ and not operation.self_care:
            raise NotPermitted([f"{name}: that is done by operators"])
        values = read(operation.arguments, texts)
        if len(key) > 128 or not key.isprintable():
            raise OperationRefused(["the key is too long, or holds a control character: at most 128 printable characters"])
        claim = Claim(key, name, _digest(actor, operation, values)) if key else None
        if operation.together is not None and operation.joins(values):
            return await self._together.ask(actor, operation, values, claim)
        return await self._once(actor, operation, values, claim)

    async def _alone(self, actor: Actor, operation: Operation, waiting: Waiting) -> Outcome:
        return await self._once(actor, operation, waiting.asked.values, waiting.claim)

    async def _once(self, actor: Actor, operation: Operation, values: Mapping[str, Any], claim: Claim | None) -> Outcome:
        """The operation, or what it gave when it was done under that key before."""
        outcome = await self._books.work(actor, lambda work: _noted(work, actor, operation, values, claim))
        if isinstance(outcome, RefusedButNoted):
            raise outcome
        return outcome


async def _noted(work: IWork, actor: Actor, operation: Operation, values: Mapping[str, Any], claim: Claim | None) -> Outcome | RefusedButNoted:
    """What is refused and noted is an outcome here, so that the note is committed."""
    try:
        return await _keyed(work, actor, operation, values, claim)
    except RefusedButNoted as refused:
        return refused


async def _keyed(work: IWork, actor: Actor, operation: Operation, values: Mapping[str, Any], claim: Claim | None) -> Outcome:
    if claim is None:
        return await _done(work, actor, operation, values)
    (known,) = await work.recall([claim])
    if isinstance(known, OperationRefused):
        raise known
    if known is not None:
        found: Outcome = known
        return found
    answer = await _done(work, actor, operation, values)
    kept = {name: value for name, value in answer.items() if name not in operation.secrets} if isinstance(answer, Mapping) else answer
    await work.remember(claim.key, kept)
    return answer


async def _done(work: IWork, actor: Actor, operation: Operation, values: Mapping[str, Any]) -> Outcome:
    return await operation.run(work, actor, await resolve(work, operation.arguments, values))


def _digest(actor: Actor, operation: Operation, values: Mapping[str, Any]) -> str:
    """
    What was asked, and on whose side, so that a key stands for one question only and nobody is told the answer to somebody else's. Of a secret only that it
    was there: a digest of it could be searched.
    """
    secret = {field.name for field in operation.arguments if field.has(Mark.SECRET)}
    asked = {name: "secret" if name in secret else str(value) for name, value in sorted(values.items())}
    side = [] if actor.realm is Realm.ADMIN else [actor.realm.value, actor.i_customer, actor.i_account]
    return hashlib.sha256(json.dumps([operation.name, asked, *side]).encode()).hexdigest()
