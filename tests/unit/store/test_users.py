"""Passwords of API users are tried one after the other, and not by any number of strangers at once."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.errors import Overloaded
from portaswitch.model.actor import Actor
from portaswitch.store import users


class Nobody:
    """A pool on a database without users."""

    def query(self, sql: str, values: Any) -> Deferred[list[tuple[Any, ...]]]:
        """No row."""
        return succeed([])


class TryingTests(SynchronousTestCase):
    """Threads are Deferreds of the test's."""

    def setUp(self) -> None:
        """Users, and the tries that have begun."""
        self.threads: list[Deferred[bool]] = []
        self.patch(users, "deferToThread", self.begun)
        self.patch(users, "MOST_WAITING", 2)
        pool: Any = Nobody()
        self.users = users.Users(pool)

    def begun(self, *what: object) -> Deferred[bool]:
        """A thread that tries a password."""
        self.threads.append(Deferred())
        return self.threads[-1]

    def log_in(self) -> Deferred[Actor | None]:
        """Somebody who is not there."""
        return self.users.by_password("somebody", "a password", "192.0.2.1")

    def test_one_after_the_other(self) -> None:
        """The next one begins when the thread of the one before is free, not when its client has gone."""
        first, second = self.log_in(), self.log_in()
        self.assertEqual(len(self.threads), 1)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(len(self.threads), 1)
        self.threads[0].callback(False)
        self.assertEqual(len(self.threads), 2)
        self.threads[1].callback(False)
        self.assertIsNone(self.successResultOf(second))

    def test_turned_away(self) -> None:
        """So many wait and no more; who goes makes room."""
        asked = [self.log_in() for _ in range(3)]
        self.failureResultOf(self.log_in(), Overloaded)
        asked[1].cancel()
        self.failureResultOf(asked[1], CancelledError)
        last = self.log_in()
        self.assertNoResult(last)
        for place in range(3):
            self.threads[place].callback(False)
        self.assertEqual([self.successResultOf(one) for one in (asked[0], asked[2], last)], [None, None, None])
