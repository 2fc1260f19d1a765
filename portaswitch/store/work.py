"""
`IBooks` and `IWork` on PostgreSQL: one transaction of one actor.

Locks are those of a charge (accounts, then customers, each by id; DESIGN.md 3.7), so that operations and charges wait for each other and never in a circle.
Money moves by conditional deltas under these locks; the payment's row, the balances, the audit and the key of the operation commit together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final, TypeVar

import psycopg2
from psycopg2 import errors
from psycopg2.extras import Json
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from portaswitch.interfaces.work import IBooks, IWork
from portaswitch.model.actor import Actor
from portaswitch.model.operation import Entity, Mark, MayHaveHappened, OperationRefused, Row
from portaswitch.store import audit_trail, work_sql
from portaswitch.store.arrays import array
from portaswitch.store.loading_merge import TYPES
from portaswitch.store.pool import ConnectionLost, Pool
from portaswitch.store.secrets import Sealer
from portaswitch.store.transaction import Cursor
from portaswitch.store.wakeups import Wakeups
from portaswitch.store.work_statements import PAY, RECALL, STATEMENTS

T = TypeVar("T")

ATTEMPTS: Final = 4
"""How often a transaction is tried that loses against a charge or another operation."""

REASONS: Final = {
    errors.UniqueViolation: "exists already: give it another name, or change the one that there is",
    errors.ForeignKeyViolation: "is in use by something else: take it away there first",
    errors.CheckViolation: "is not allowed",
    errors.NotNullViolation: "lacks a value",
    errors.DataError: "is no value that fits",
}
"""What the database's refusals mean to an operator; its own words name tables and values, and stay out."""


@implementer(IBooks)
class Books:
    """Transactions with the connections of `pool`; `entities` by name, for references; secrets are sealed with `sealer`."""

    def __init__(self, pool: Pool, sealer: Sealer, entities: Mapping[str, Entity]) -> None:
        self._pool, self._sealer, self._entities = pool, sealer, entities
        self._wakeups = Wakeups(pool)

    def work(self, actor: Actor, body: Callable[[Any], Awaitable[T]]) -> Deferred[T]:
        """See `IBooks.work`."""
        return Deferred.fromCoroutine(self._work(actor, body))

    async def _work(self, actor: Actor, body: Callable[[Any], Awaitable[T]]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                value, moved = await self._pool.transaction(lambda cursor: self._transaction(Work(cursor, self._sealer, self._entities, actor), body))
            except ConnectionLost as error:
                raise MayHaveHappened("the connection to the database was lost: look whether it was done, or repeat it with the same key") from error
            except (errors.DeadlockDetected, errors.SerializationFailure) as error:
                if attempt == ATTEMPTS:
                    raise OperationRefused(["charges and other operations were in the way: try again"]) from error
            except psycopg2.Error as error:
                raise OperationRefused([_reason(error)]) from error
            else:
                await self._wakeups.tell(moved)
                return value
        raise AssertionError("the last attempt returns or raises")

    async def _transaction(self, work: Work, body: Callable[[Any], Awaitable[T]]) -> tuple[T, Set[str]]:
        value = await body(work)
        await work.settle()
        return value, work.moved


@implementer(IWork)
class Work:
    """See `IWork`."""

    def __init__(self, cursor: Cursor, sealer: Sealer, entities: Mapping[str, Entity], actor: Actor) -> None:
        self._cursor, self._sealer, self._entities, self._actor = cursor, sealer, entities, actor
        self._standing = work_sql.standing(actor)
        self.moved: set[str] = set()  # whose balances have moved, for caches (`store.wakeups`)
        self._pending: list[tuple[str, Mapping[str, Any]]] = []

    async def settle(self) -> None:
        """Write what nobody waited for, the audit and the operation's key, in one journey at the end of the transaction."""
        statements = [sql.replace("%(", f"%(of_{place}_") for place, (sql, _) in enumerate(self._pending)]
        parameters = {f"of_{place}_{name}": value for place, (_, values) in enumerate(self._pending) for name, value in values.items()}
        self._pending.clear()
        if statements:
            await self._cursor.execute("; ".join(statements), parameters)

    def _later(self, sql: str, parameters: Mapping[str, Any]) -> Deferred[None]:
        self._pending.append((sql, parameters))
        return succeed(None)

    def now(self) -> Deferred[datetime]:
        """See `IWork.now`."""
        return self._cursor.query("select now()").addCallback(lambda rows: rows[0][0])

    def find(self, entity: Entity, key: str, parent: int = 0, lock: bool = False) -> Deferred[Row | None]:
        """See `IWork.find`."""
        condition = f"t.{entity.field(entity.key).stored}::text = %(key)s"
        if entity.parent and parent:
            condition += f" and t.{entity.field(entity.parent).stored} = %(parent)s"
        return Deferred.fromCoroutine(self._one(entity, condition, {"key": key, "parent": parent}, lock))

    def get(self, entity: Entity, number: int, lock: bool = False) -> Deferred[Row | None]:
        """See `IWork.get`."""
        return Deferred.fromCoroutine(self._one(entity, f"t.{entity.identity} = %(number)s", {"number": number}, lock))

    async def _one(self, entity: Entity, condition: str, values: dict[str, Any], lock: bool) -> Row | None:
        # The lock and the reading are two statements of one journey: the second sees what whoever had the lock has left.
        first = f"{work_sql.lock(self._entities, entity, self._actor, condition)}; " if lock else ""
        rows = await self._rows(entity, condition, values, before=first)
        return rows[0] if rows else None

    def listing(self, entity: Entity, conditions: Mapping[str, Any], begin: str, limit: int) -> Deferred[list[Row]]:
        """See `IWork.listing`."""
        key = entity.field(entity.key).stored
        parts = [f't."{entity.field(name).stored}" is not distinct from %(where_{name})s' for name in conditions]
        if begin:
            parts.append(f"starts_with(t.{key}::text, %(begin)s)")
        order = entity.order or f"t.{key}"
        values = {"begin": begin, "limit": limit, **{f"where_{name}": value for name, value in conditions.items()}}
        return Deferred.fromCoroutine(self._rows(entity, " and ".join(parts) or "true", values, f" order by {order} limit nullif(%(limit)s, 0)"))

    async def _rows(self, entity: Entity, condition: str, values: dict[str, Any], end: str = "", before: str = "") -> list[Row]:
        names, sql = work_sql.select(self._entities, entity, self._actor, condition)
        rows = await self._cursor.query(before + sql + end, {**self._standing, **values})
        kinds = {field.name: field.kind for field in entity.fields if field.kind.words}
        return [{name: kinds[name].shown(value) if name in kinds else value for name, value in zip(names, row, strict=True)} for row in rows]

    def add(self, entity: Entity, values: Mapping[str, Any]) -> Deferred[int]:
        """See `IWork.add`."""
        columns, parameters = self._written(entity, values)
        sql = work_sql.insert(entity, columns)
        return self._cursor.query(sql, parameters).addCallback(lambda rows: int(rows[0][0]))

    def change(self, entity: Entity, number: int, values: Mapping[str, Any]) -> Deferred[bool]:
        """See `IWork.change`."""
        columns, parameters = self._written(entity, values)
        return self._touch(work_sql.update(self._entities, entity, self._actor, columns), {**parameters, "number": number})

    def remove(self, entity: Entity, number: int) -> Deferred[bool]:
        """See `IWork.remove`."""
        return self._touch(work_sql.delete(self._entities, entity, self._actor), {**self._standing, "number": number})

    def with_keys(self, entity: Entity, keys: Sequence[str]) -> Deferred[list[Row]]:
        """See `IWork.with_keys`."""
        condition = f"t.{entity.field(entity.key).stored}::text = any (%(keys)s)"
        return Deferred.fromCoroutine(self._rows(entity, condition, {"keys": list(keys)}))

    def add_all(self, entity: Entity, rows: Sequence[Mapping[str, Any]]) -> Deferred[None]:
        """See `IWork.add_all`."""
        return Deferred.fromCoroutine(self._add_all(entity, rows))

    async def _add_all(self, entity: Entity, rows: Sequence[Mapping[str, Any]]) -> None:
        types: dict[str, str] = dict(await self._cursor.query(TYPES, (entity.table,)))
        for names, group in groupby(sorted(rows, key=sorted), key=sorted):
            page = [self._written(entity, row)[1] for row in group]
            columns = [entity.field(name).stored for name in names]
            sql = work_sql.insert_all(entity, columns, types)
            arrays = {f"all_{column}": array(parameters[f"new_{name}"] for parameters in page) for name, column in zip(names, columns, strict=True)}
            await self._cursor.execute(sql, {**self._standing, **arrays})

    def remove_all(self, entity: Entity, keys: Sequence[str]) -> Deferred[None]:
        """See `IWork.remove_all`."""
        condition = f"t.{entity.field(entity.key).stored}::text = any (%(keys)s)"
        sql = f"delete from {entity.table} t where {condition} and {work_sql.reached(self._entities, entity, self._actor)}"
        return self._cursor.execute(sql, {**self._standing, "keys": list(keys)})

    def _touch(self, sql: str, parameters: Mapping[str, Any]) -> Deferred[bool]:
        return self._cursor.execute(sql, parameters).addCallback(lambda _: self._cursor.rowcount == 1)

    def _written(self, entity: Entity, values: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
        """Parameters by column, and the values of all parameters; secrets are sealed."""
        columns: dict[str, str] = {}
        parameters = dict(self._standing)
        for name, value in values.items():
            field = entity.field(name)
            columns[field.stored] = f"new_{name}"
            if field.has(Mark.SECRET) and isinstance(value, str):
                value = self._sealer.seal(value)
            parameters[f"new_{name}"] = Json(value) if isinstance(value, dict) else value
        return columns, parameters

    def ask(self, statement: str, values: Mapping[str, Any]) -> Deferred[list[tuple[Any, ...]]]:
        """See `IWork.ask`."""
        return self._cursor.query(STATEMENTS[statement], {**self._standing, **values})

    def pay(self, i_account: int | None, i_customer: int, amount: Decimal, action: str, comments: tuple[str, str], at: datetime | None) -> Deferred[int]:
        """See `IWork.pay`."""
        visible, internal = comments
        values = {"i_account": i_account, "i_customer": i_customer, "amount": amount, "action": action, "visible": visible, "internal": internal, "at": at}
        return self._cursor.query(PAY, {**self._standing, **values}).addCallback(self._paid)

    def _paid(self, rows: list[tuple[Any, ...]]) -> int:
        ((i_payment, moved),) = rows
        self.moved |= set(moved)
        return int(i_payment)

    def note(self, operation: str, entity: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Deferred[None]:
        """See `IWork.note`."""
        return self._later(audit_trail.NOTE, audit_trail.line(self._actor, operation, entity, before, after))

    def recall(self, key: str, operation: str, digest: str) -> Deferred[Any]:
        """See `IWork.recall`."""
        return Deferred.fromCoroutine(self._recall(key, operation, digest))

    async def _recall(self, key: str, operation: str, digest: str) -> Any:
        values = {**self._standing, "key": key}
        rows = await self._cursor.query(RECALL, values)
        if rows and rows[0][:2] != (operation, digest):
            raise OperationRefused([f"the key {key} was used for another operation or other values: take a new one"])
        return rows[0][2] if rows else None

    def remember(self, key: str, operation: str, digest: str, answer: Any) -> Deferred[None]:
        """See `IWork.remember`."""
        return self._later(
            "insert into operation_keys (i_env, key, operation, digest, answer) values (%(i_env)s, %(key)s, %(operation)s, %(digest)s, %(answer)s)",
            {**self._standing, "key": key, "operation": operation, "digest": digest, "answer": audit_trail.document(answer)},
        )


def _reason(error: psycopg2.Error) -> str:
    reason = next((text for kind, text in REASONS.items() if isinstance(error, kind)), None)
    if reason is None:
        return f"the database refused it, and nothing was changed: {error.diag.message_primary or type(error).__name__}"
    where = error.diag.column_name or (error.diag.constraint_name or "").removeprefix(f"{error.diag.table_name}_").removesuffix("_key").removesuffix("_check")
    return f"{error.diag.table_name or 'it'} {where.removesuffix('_fkey')}: {reason}".replace(" : ", ": ")
