"""The rows that operations work on: one transaction of one actor, who sees nothing outside of its realm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.model.actor import Actor
from portaswitch.model.operation import Claim, Entity, Row
from portaswitch.model.payment import Paid, Payment

T = TypeVar("T")


class IWork(Interface):
    """
    Implemented by `store.work.Work`. Every row that it changes or removes is one that the actor reaches; every row that it finds too, or is shared with it; of
    others it says that they are not there. A reseller finds itself, and locks (so changes) only what is below it: NotPermitted.

    Errors of all methods: `OperationRefused` where the database refuses a value.
    """

    def now() -> Deferred[datetime]:
        """The database's time at the beginning of the transaction."""

    def find(entity: Entity, key: str, parent: int = 0, lock: bool = False) -> Deferred[Row | None]:
        """
        The row of that key (below the outer thing of number `parent`), or None. `lock`: nobody changes it before the transaction ends; lock accounts before
        customers, and several of one kind by their numbers (DESIGN.md 3.7).
        """

    def get(entity: Entity, number: int, lock: bool = False) -> Deferred[Row | None]:
        """The row of that number, or None."""

    def lock_all(entity: Entity, numbers: Collection[int]) -> Deferred[list[Row]]:
        """The rows of these numbers, locked in their order; those that are not there, or out of reach, are left out."""

    def listing(entity: Entity, conditions: Mapping[str, Any], begin: str, limit: int) -> Deferred[list[Row]]:
        """Rows whose fields equal `conditions` (of references: numbers) and whose key begins with `begin`, in order, at most `limit` (0: all)."""

    def add(entity: Entity, values: Mapping[str, Any]) -> Deferred[int]:
        """A new row of these fields (of references: numbers); its number. The environment is the actor's."""

    def change(entity: Entity, number: int, values: Mapping[str, Any]) -> Deferred[bool]:
        """Set fields of a row; False when the actor reaches no such row."""

    def remove(entity: Entity, number: int) -> Deferred[bool]:
        """Remove a row; False when the actor reaches no such row."""

    def with_keys(entity: Entity, keys: Sequence[str]) -> Deferred[list[Row]]:
        """The rows of these keys, in any order; those that are not there, or out of reach, are left out."""

    def add_all(entity: Entity, rows: Sequence[Mapping[str, Any]]) -> Deferred[None]:
        """Many new rows at once, as `add`."""

    def remove_all(entity: Entity, keys: Sequence[str]) -> Deferred[None]:
        """Remove the rows of these keys that the actor reaches."""

    def ask(statement: str, values: Mapping[str, Any]) -> Deferred[list[tuple[Any, ...]]]:
        """One of the store's named statements (`store.work_statements`), for what is no plain row; it keeps to the actor's environment by itself."""

    def pay(payment: Payment) -> Deferred[Paid]:
        """Book a payment. The caller has locked the rows and decided that they allow it; the balances and the payment's row are settled here."""

    def pay_all(payments: Sequence[Payment]) -> Deferred[list[Paid]]:
        """Book several payments at once, as `pay`; what each of them leaves of its account's balance."""

    def seal(text: str) -> bytes:
        """A secret as it is kept in a column of its own."""

    def same_secret(sealed: bytes | None, text: str) -> bool:
        """Whether what is kept sealed (None: nothing is) is that text; what no key opens is another one."""

    def fingerprints(text: str) -> list[bytes]:
        """The keyed hashes under which a secret that is looked up may be kept (vouchers.id): that of the newest key first, by which new ones are kept."""

    def note(
        operation: str, entity: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, request: str | None = None
    ) -> Deferred[None]:
        """A line of the audit, in this transaction: who, when, what it was and what it is now; `request` where it is not the actor's."""

    def recall(claims: Sequence[Claim]) -> Deferred[list[Any]]:
        """
        What the operations of these keys, no two the same, gave: None of what was never done, and an OperationRefused where a key was used for something
        else. From here to the end of the transaction nobody else may do them.
        """

    def forget(keys: Sequence[str]) -> Deferred[None]:
        """Give keys back that this transaction claimed, for what it did not do."""

    def remember(key: str, answer: Any) -> Deferred[None]:
        """Keep what an operation gave under its key."""


class IBooks(Interface):
    """Implemented by `store.work.Books`."""

    def work(actor: Actor, body: Callable[[Any], Awaitable[T]]) -> Deferred[T]:
        """
        Run `body(IWork)` in one transaction, again when it loses against another one.

        Errors: `OperationRefused`, `MayHaveHappened` when the connection was lost, `DatabaseDown`.
        """


class IOperations(Interface):
    """Implemented by `operations.desk.Desk`: the one door of command line, API, console and USSD."""

    def operate(actor: Actor, operation: str, values: Mapping[str, str | None], key: str = "") -> Deferred[Row | list[Row]]:
        """
        Do an operation. `values` are texts as people write them, None empties a field; `key` makes it happen once however often it is asked.

        Errors: `NotPermitted`, `NotThere`, `OperationRefused` with all faults, `MayHaveHappened`, `DatabaseDown`.
        """

    def upload(actor: Actor, entity: str, head: Sequence[str], rows: Sequence[Sequence[str]], progress: Callable[[int, int, str], None]) -> Deferred[Row]:
        """
        Add and remove many rows of an entity in one transaction (`operations.upload`): a head line and the lines below it. Gives how many of each.

        Errors: as `operate`; a fault names its line and column.
        """

    def names() -> Sequence[str]:
        """All operations."""
