"""
One transaction on one connection: begin, the caller's `async def`, commit or roll back.

txpostgres' own runInteraction must not be given an `async def`: it commits before the body has run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg2
from twisted.internet.defer import Deferred

from portaswitch.store.link import ConnectionLost, Link, Parameters

T = TypeVar("T")
Row = tuple[Any, ...]


class Cursor:
    """One open transaction; it is of use only inside the function that it was given to."""

    def __init__(self, link: Link) -> None:
        """Made by `Pool.transaction` only."""
        self._link: Link | None = link
        self.epoch = link.epoch
        self.rowcount = -1
        self._begin = "begin; "
        self.ending: tuple[str, Parameters] = ("", ())

    @property
    def begun(self) -> bool:
        """Whether a statement was sent: BEGIN goes with the first one, which saves a round trip."""
        return not self._begin

    def query(self, sql: str, params: Parameters = ()) -> Deferred[list[Row]]:
        """Run a statement in the transaction; fires with its rows (none when it gives none)."""
        return self.run(sql, params).addCallback(rows)

    def execute(self, sql: str, params: Parameters = ()) -> Deferred[None]:
        """Run a statement in the transaction; `rowcount` then holds the number of rows that it touched."""
        return self.run(sql, params).addCallback(nothing)

    def run(self, sql: str, params: Parameters) -> Deferred[Any]:
        """As `query`, but fires with the driver's cursor."""
        if self._link is None:
            raise RuntimeError("a statement after the end of its transaction")
        if self._link.epoch != self.epoch or not self._link.live:
            # A new connection in the same slot knows nothing of this transaction.
            raise ConnectionLost("the connection to the database was lost inside the transaction")
        begin, self._begin = self._begin, ""
        return self._link.statement(begin + sql, params).addCallback(self._count)

    def _count(self, cursor: Any) -> Any:
        self.rowcount = cursor.rowcount
        return cursor

    def last(self, sql: str, params: Parameters = ()) -> None:
        """A statement that goes with the COMMIT, which saves a round trip: when it fails, nothing is committed."""
        self.ending = f"{sql}; ", params

    def finish(self) -> None:
        """Refuse statements from now on."""
        self._link = None


async def transact(link: Link, fn: Callable[[Cursor], Awaitable[T]], committing: Callable[[], None]) -> T:
    """
    Run `fn` in a transaction on `link`, which nobody else uses meanwhile.

    `committing` is called when the COMMIT leaves: from there on cancelling must not reach it, as the effect
    stands. Raises ConnectionLost when the connection died, then nothing is known of the effect; and
    psycopg2.InternalError when `fn` had ignored a failed statement, then there is none.
    """
    cursor = Cursor(link)
    try:
        value = await fn(cursor)
        await link.settled()
        ending, params = cursor.ending
        if not cursor.begun and not ending:
            return value
        commit = cursor.run(f"{ending}commit", params)
    except BaseException:
        await _roll_back(link, cursor.epoch)
        raise
    finally:
        cursor.finish()
    committing()
    try:
        answer = await commit
    except psycopg2.Error:
        await _roll_back(link, cursor.epoch)
        raise
    if answer.statusmessage != "COMMIT":
        # The server answers ROLLBACK, and no error, when a statement had failed.
        raise psycopg2.InternalError("the transaction was rolled back: an error inside it had been ignored")
    return value


async def _roll_back(link: Link, epoch: int) -> None:
    """Leave no open transaction on the connection; when that can't be known the connection is given up."""
    try:
        await link.settled()
        if link.live and link.epoch == epoch:
            await link.statement("rollback")
    except psycopg2.Error:
        if link.live and link.epoch == epoch:
            link.abandon()


def rows(cursor: Any) -> list[Row]:
    """The rows of an executed statement, none when it gives none."""
    found: list[Row] = cursor.fetchall() if cursor.description else []
    return found


def nothing(result: object) -> None:
    """Forget a result."""
    return None
