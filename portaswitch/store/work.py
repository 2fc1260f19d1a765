"""
`IBooks` and `IWork` on PostgreSQL: one transaction of one actor.

Locks are those of a charge (accounts, then customers, each by id; DESIGN.md 3.7), so that operations and charges wait for each other and never in a circle.
Money moves by conditional deltas under these locks; the payment's row, the balances, the audit and the key of the operation commit together.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final, TypeVar

import psycopg2
from psycopg2 import errors
from psycopg2.extras import Json
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from portaswitch.interfaces.work import IBooks, IWork
from portaswitch.model.actor import Actor, Realm
from portaswitch.model.operation import Claim, Entity, Mark, MayHaveHappened, NotPermitted, OperationRefused, Place, Row
from portaswitch.model.payment import Paid, Payment
from portaswitch.store import passwords, work_sql
from portaswitch.store.arrays import array
from portaswitch.store.audit_trail import difference, document
from portaswitch.store.loading_merge import TYPES
from portaswitch.store.pool import ConnectionLost, Pool
from portaswitch.store.secrets import Sealer, SealError
from portaswitch.store.transaction import Cursor
from portaswitch.store.work_statements import ANSWERS, CLAIM, CLAIMED, FREE, NOTES, PAY, STATEMENTS

T = TypeVar("T")
Texts = dict[tuple[str, Realm, str], tuple[list[str], str]]
"""Statements that read, by entity, realm and condition; conditions come from fields only, so that there are few."""

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

TAKEN: Final = re.compile(r"^Key \(i_env, (?:name|id|login|prefix|imsi|number)\)=\([0-9]+, (.*)\) already exists")
"""The name in a refusal of what is unique in the environment: whoever gave it knows it."""


@implementer(IBooks)
class Books:
    """
    Transactions with the connections of `pool`; `entities` by name, for references; secrets are sealed with `sealer`; `committed` is told of each that was
    committed.
    """

    def __init__(self, pool: Pool, sealer: Sealer, entities: Mapping[str, Entity], committed: Callable[[], None] = lambda: None) -> None:
        self._pool, self._sealer, self._entities, self._committed = pool, sealer, entities, committed
        self._texts: Texts = {}

    def work(self, actor: Actor, body: Callable[[Any], Awaitable[T]]) -> Deferred[T]:
        """See `IBooks.work`."""
        return Deferred.fromCoroutine(self._work(actor, body))

    async def _work(self, actor: Actor, body: Callable[[Any], Awaitable[T]]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                found = await self._pool.transaction(lambda cursor: self._body(cursor, actor, body))
            except ConnectionLost as error:
                raise MayHaveHappened("the connection to the database was lost: look whether it was done, or repeat it with the same key") from error
            except (errors.DeadlockDetected, errors.SerializationFailure) as error:
                if attempt == ATTEMPTS:
                    raise OperationRefused(["charges and other operations were in the way: try again"]) from error
            except psycopg2.Error as error:
                raise OperationRefused([_reason(error)]) from error
            else:
                self._committed()
                return found
        raise AssertionError("the last attempt returns or raises")

    async def _body(self, cursor: Cursor, actor: Actor, body: Callable[[Any], Awaitable[T]]) -> T:
        work = Work(cursor, self._sealer, self._entities, actor, self._texts)
        found = await body(work)
        work.finish()
        return found


@implementer(IWork)
class Work:
    """See `IWork`."""

    def __init__(self, cursor: Cursor, sealer: Sealer, entities: Mapping[str, Entity], actor: Actor, texts: Texts) -> None:
        self._cursor, self._sealer, self._entities, self._actor, self._texts = cursor, sealer, entities, actor, texts
        self._standing = work_sql.standing(actor)
        self._notes: list[tuple[str | None, ...]] = []
        self._answers: list[tuple[str, str]] = []

    def now(self) -> Deferred[datetime]:
        """See `IWork.now`."""
        return self._cursor.query("select now()").addCallback(lambda rows: rows[0][0])

    def find(self, entity: Entity, key: str, parent: int = 0, lock: bool = False) -> Deferred[Row | None]:
        """See `IWork.find`."""
        stored = entity.field(entity.key).stored
        if stored == entity.identity:
            return self.get(entity, _number(key), lock)
        condition = f"t.{stored}::text = %(key)s"
        if entity.parent and parent:
            condition += f" and t.{entity.field(entity.parent).stored} = %(parent)s"
        return Deferred.fromCoroutine(self._one(entity, condition, {"key": key, "parent": parent}, lock))

    def get(self, entity: Entity, number: int, lock: bool = False) -> Deferred[Row | None]:
        """See `IWork.get`."""
        return Deferred.fromCoroutine(self._one(entity, f"t.{entity.identity} = %(number)s", {"number": number}, lock))

    def lock_all(self, entity: Entity, numbers: Collection[int]) -> Deferred[list[Row]]:
        """See `IWork.lock_all`."""
        end = f" order by t.{entity.identity}{work_sql.LOCK}"
        return Deferred.fromCoroutine(self._rows(entity, f"t.{entity.identity} = any (%(numbers)s::bigint[])", {"numbers": list(numbers)}, end))

    async def _one(self, entity: Entity, condition: str, values: dict[str, Any], lock: bool) -> Row | None:
        rows = await self._rows(entity, condition, values, work_sql.LOCK if lock else "")
        if lock and rows and self._is_own(entity, rows[0]):
            raise NotPermitted([f"{entity.name} {rows[0][entity.key]}: that is yourself: who stands above you does that"])
        return rows[0] if rows else None

    def _is_own(self, entity: Entity, row: Row) -> bool:
        """Whether it is the reseller who asks: it sees itself, and neither its limit, its money, its prices nor its block are its own to change."""
        return self._actor.realm is Realm.RESELLER and entity.identity == entity.customer and row["_id"] == self._actor.i_customer

    def listing(self, entity: Entity, conditions: Mapping[str, Any], begin: str, limit: int) -> Deferred[list[Row]]:
        """See `IWork.listing`."""
        key = work_sql.column(entity.field(entity.key))
        parts = [_equal(work_sql.column(entity.field(name)), name, value) for name, value in conditions.items()]
        if begin:
            parts.append(f"starts_with({key}::text, %(begin)s)")
        order = entity.order or key
        values = {"begin": begin, "limit": limit, **{f"where_{name}": value for name, value in conditions.items()}}
        return Deferred.fromCoroutine(self._rows(entity, " and ".join(parts) or "true", values, f" order by {order} limit nullif(%(limit)s, 0)"))

    async def _rows(self, entity: Entity, condition: str, values: dict[str, Any], end: str = "") -> list[Row]:
        kind = entity.name, self._actor.realm, condition
        if kind not in self._texts:
            self._texts[kind] = work_sql.select(self._entities, entity, self._actor, condition)
        names, sql = self._texts[kind]
        rows = await self._cursor.query(sql + end, {**self._standing, **values})
        kinds = {field.name: field.kind for field in entity.fields if field.kind.words or field.kind.show}
        found: list[Row] = [{name: kinds[name].shown(value) if name in kinds else value for name, value in zip(names, row, strict=True)} for row in rows]
        if self._actor.in_self_care:
            unseen = dict.fromkeys(field.name for field in entity.fields if field.has(Mark.INTERNAL))
            found = [{**row, **unseen} for row in found]
        return found

    def add(self, entity: Entity, values: Mapping[str, Any]) -> Deferred[int]:
        """See `IWork.add`."""
        return Deferred.fromCoroutine(self._add(entity, values))

    async def _add(self, entity: Entity, values: Mapping[str, Any]) -> int:
        columns, parameters = self._written(entity, values)
        rows = await self._cursor.query(work_sql.insert(entity, columns[Place.OWN]), parameters)
        number = int(rows[0][0])
        if columns[Place.DETAILS]:
            await self._touch(work_sql.detail(self._entities, entity, self._actor, columns[Place.DETAILS]), {**parameters, "number": number})
        return number

    def change(self, entity: Entity, number: int, values: Mapping[str, Any]) -> Deferred[bool]:
        """See `IWork.change`."""
        return Deferred.fromCoroutine(self._change(entity, number, values))

    async def _change(self, entity: Entity, number: int, values: Mapping[str, Any]) -> bool:
        columns, parameters = self._written(entity, values)
        statements = {Place.OWN: work_sql.update, Place.DETAILS: work_sql.detail}
        return all([
            await self._touch(statements[place](self._entities, entity, self._actor, named), {**parameters, "number": number})
            for place, named in columns.items() if named
        ])  # fmt: skip

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

    def _written(self, entity: Entity, values: Mapping[str, Any]) -> tuple[dict[Place, dict[str, str]], dict[str, Any]]:
        """Parameters by column, of each of the entity's tables, and the values of all parameters; secrets are sealed."""
        columns: dict[Place, dict[str, str]] = {place: {} for place in Place}
        parameters = dict(self._standing)
        for name, value in values.items():
            field = entity.field(name)
            columns[field.place][field.stored] = f"new_{name}"
            if field.has(Mark.SECRET) and isinstance(value, str):
                value = passwords.hashed(value) if field.has(Mark.HASHED) else self._sealer.seal(value)
            parameters[f"new_{name}"] = Json(value) if isinstance(value, dict) else value
        return columns, parameters

    def ask(self, statement: str, values: Mapping[str, Any]) -> Deferred[list[tuple[Any, ...]]]:
        """See `IWork.ask`."""
        return self._cursor.query(STATEMENTS[statement], {**self._standing, **values})

    def pay(self, payment: Payment) -> Deferred[Paid]:
        """See `IWork.pay`."""
        return self.pay_all([payment]).addCallback(lambda paid: paid[0])

    def pay_all(self, payments: Sequence[Payment]) -> Deferred[list[Paid]]:
        """See `IWork.pay_all`."""
        columns = {name: array(values) for name, values in _columns(payments).items()}
        return self._cursor.query(PAY, {**self._standing, **columns}).addCallback(lambda rows: [Paid(*row) for row in rows])

    def seal(self, text: str) -> bytes:
        """See `IWork.seal`."""
        return self._sealer.seal(text)

    def same_secret(self, sealed: bytes | None, text: str) -> bool:
        """See `IWork.same_secret`."""
        try:
            return sealed is not None and self._sealer.open(sealed) == text
        except SealError:
            return False

    def fingerprints(self, text: str) -> list[bytes]:
        """See `IWork.fingerprints`."""
        return self._sealer.fingerprints(text)

    def note(
        self, operation: str, entity: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, request: str | None = None
    ) -> Deferred[None]:
        """See `IWork.note`. Notes are written together at the end of the transaction."""
        self._notes.append((request or self._actor.request_id, operation, entity, *difference(before, after)))
        return succeed(None)

    def recall(self, claims: Sequence[Claim]) -> Deferred[list[Any]]:
        """See `IWork.recall`."""
        return Deferred.fromCoroutine(self._recall(claims))

    async def _recall(self, claims: Sequence[Claim]) -> list[Any]:
        # Whoever else has claimed a key is waited for: then it is either done, or free.
        columns = {"keys": [one.key for one in claims], "operations": [one.operation for one in claims], "digests": [one.digest for one in claims]}
        claimed = await self._cursor.query(CLAIM, {**self._standing, **{name: array(values) for name, values in columns.items()}})
        mine = {key for (key,) in claimed}
        others = [one.key for one in claims if one.key not in mine]
        known = {row[0]: row[1:] for row in await self._cursor.query(CLAIMED, {**self._standing, "keys": others})} if others else {}
        # One that has no answer was claimed for something that was not done (RefusedButNoted).
        return [None if one.key in mine else _answer(one, known[one.key]) for one in claims]

    def forget(self, keys: Sequence[str]) -> Deferred[None]:
        """See `IWork.forget`."""
        return self._cursor.execute(FREE, {**self._standing, "keys": list(keys)})

    def remember(self, key: str, answer: Any) -> Deferred[None]:
        """See `IWork.remember`. It is written at the end of the transaction."""
        self._answers.append((key, document(answer)))
        return succeed(None)

    def finish(self) -> None:
        """Write the notes, and the answers under their keys: one statement, which goes with the COMMIT."""
        actor, parts = self._actor, []
        values = {**self._standing, "user": actor.i_user, "actor": actor.name}
        if self._notes:
            parts.append(NOTES)
            values |= _arrays(("requests", "noted", "entities", "befores", "afters"), self._notes)
        if self._answers:
            parts.append(ANSWERS)
            values |= _arrays(("keys", "answers"), self._answers)
        if parts:
            self._cursor.last(parts[0] if len(parts) == 1 else f"with noted as ({parts[0]}) {parts[1]}", values)


def _arrays(names: Sequence[str], rows: Sequence[tuple[str | None, ...]]) -> dict[str, str]:
    """The columns of some rows as array literals, by name."""
    return {name: array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _answer(claim: Claim, known: tuple[Any, ...]) -> Any:
    """What a key that was claimed before has to say."""
    operation, digest, answer = known
    if (operation, digest) != (claim.operation, claim.digest):
        return OperationRefused([f"the key {claim.key} was used for another operation or other values: take a new one"])
    return answer


def _columns(payments: Sequence[Payment]) -> dict[str, list[Any]]:
    """The values of the payments' rows, by the parameters of `PAY`."""
    return {
        "accounts": [one.i_account for one in payments], "customers": [one.i_customer for one in payments], "amounts": [one.amount for one in payments],
        "actions": [one.action.value for one in payments], "ats": [one.at for one in payments], "visibles": [one.comments.visible for one in payments],
        "internals": [one.comments.internal for one in payments], "refunds": [one.refunds for one in payments],
        "transactions": [one.i_payment_transaction for one in payments],
    }  # fmt: skip


def _number(key: str) -> int:
    """The number that a key names, 0 (nobody's) where it is none."""
    return int(key) if key.isascii() and key.isdigit() and len(key) < 19 else 0


def _equal(column: str, name: str, value: Any) -> str:
    """The condition that a column has a value; only this form of it is served by an index."""
    return f"{column} is null" if value is None else f"{column} = %(where_{name})s"


def _reason(error: psycopg2.Error) -> str:
    reason = next((text for kind, text in REASONS.items() if isinstance(error, kind)), None)
    if reason is None:
        return f"the database refused it, and nothing was changed: {error.diag.message_primary or type(error).__name__}"
    if isinstance(error, errors.UniqueViolation) and (taken := TAKEN.search(error.diag.message_detail or "")) is not None:
        return f"{taken[1]} {reason}"
    where = error.diag.column_name or (error.diag.constraint_name or "").removeprefix(f"{error.diag.table_name}_").removesuffix("_key").removesuffix("_check")
    return f"{error.diag.table_name or 'it'} {where.removesuffix('_fkey')}: {reason}".replace(" : ", ": ")
