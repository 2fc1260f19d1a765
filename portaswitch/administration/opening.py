"""Opening a database for the time of one command, with every failure in one line that says what to do."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from getpass import getuser
from typing import Any, TypeVar

import psycopg2
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from portaswitch.errors import StartError
from portaswitch.model.actor import Actor
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.database import Database
from portaswitch.store.users import rights_of
from portaswitch.store.work import Books

T = TypeVar("T")

REACH_SECONDS = 5
"""Seconds that a database which is not ours may take to let us in."""


def operator(i_env: int) -> Actor:
    """Who sits at the command line: an administrator of that environment, under the system's name for him."""
    return Actor(f"cli:{login()}", i_env)


def login() -> str:
    """The system's name for who runs this, or its number: in a container nobody may have given it a name."""
    try:
        return getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


async def acting(database: Database, i_env: int, login: str) -> Actor:
    """
    The operator with the rights of an API user of the environment, to try what that user may and sees ('' as himself). It only takes rights away: who may read
    the configuration has them all. Errors: StartError when there is no such user.
    """
    by = operator(i_env)
    if not login:
        return by
    found = await asked(rights_of(database.pool, i_env, login, by))
    if found is None:
        raise StartError(f"--as {login}: no such user in environment {i_env}, or it is blocked: see `portaswitch user list`")
    return found


def desk(database: Database) -> Desk:
    """The desk of the operations on an open database."""
    return Desk(Books(database.pool, database.sealer, ENTITIES, database.hints.committed))


async def asked(answer: Awaitable[T]) -> T:
    """The answer of the database; its errors as one line of ours."""
    try:
        return await answer
    except psycopg2.Error as error:
        raise refused(error) from error


def refused(error: psycopg2.Error) -> StartError:
    """A database error as one of ours."""
    said = " ".join(str(error).split()) or type(error).__name__
    return StartError(f"the database refused or was lost: {said}")


async def opened(reactor: Any, dsn: str | None, database: Database) -> None:
    """Start or find the database; it can be asked then. Errors: StartError, SchemaError, EmbeddedError."""
    if dsn is not None:
        await reach(reactor, dsn)
    try:
        await shielded(Deferred.fromCoroutine(database.open(share=True)))
    except psycopg2.Error as error:
        raise refused(error) from error


async def reach(reactor: Any, dsn: str) -> None:
    """
    Fail at once, in libpq's words, when a database that isn't ours can't be reached: the pool itself would
    wait for it for ever.
    """

    def try_it() -> None:
        psycopg2.connect(dsn, connect_timeout=REACH_SECONDS).close()

    try:
        await deferToThreadPool(reactor, reactor.getThreadPool(), try_it)
    except psycopg2.Error as error:
        said = " ".join(str(error).split())
        raise StartError(
            f"can't connect to the database ({said}): start it, or correct `database:` in the configuration"
        ) from error


def shielded(work: Deferred[T]) -> Deferred[T]:
    """
    The result of `work`, but cancelling ends only the waiting: whoever cancelled closes what `work` was
    opening, which ends it.
    """
    waiter: Deferred[T] = Deferred(lambda _: None)

    def pass_on(result: Any) -> None:
        if not waiter.called:
            waiter.callback(result)

    _ = work.addBoth(pass_on)
    return waiter
