"""The order of a restore: the key is in its place before the database is filled, and only for its owner; what failed leaves none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.errors import StartError
from portaswitch.store import backup

KEYS = f"1 {'6b' * 32}\n"


class EmptyDatabase:
    """A pool on a database that holds nothing."""

    def query(self, sql: str) -> Deferred[list[tuple[Any, ...]]]:
        """No table is there."""
        return succeed([(None,)])


class RestoreTests(SynchronousTestCase):
    """pg_restore is a Deferred of the test's."""

    def setUp(self) -> None:
        """A backup, and a place for its key in which everybody may read what is new."""
        self.folder, state = Path(self.mktemp()), Path(self.mktemp())
        self.folder.mkdir()
        state.mkdir()
        self.key = state / "secret.key"
        (self.folder / backup.DUMP).touch()
        (self.folder / backup.KEY).write_text(KEYS)
        self.running: Deferred[None] = Deferred()
        self.patch(backup, "_program", lambda *_: succeed(Path("pg_restore")))
        self.patch(backup, "_run", lambda *_: self.running)
        self.addCleanup(os.umask, os.umask(0))

    def restore(self) -> Deferred[None]:
        """Begin; the key has to be there."""
        pool: Any = EmptyDatabase()
        done = Deferred.fromCoroutine(backup.restore(None, pool, "dbname=x", self.key, self.folder))
        self.assertEqual((self.key.read_text(), self.key.stat().st_mode & 0o777), (KEYS, 0o600))
        return done

    def test_key_first(self) -> None:
        """It stays when the database is filled."""
        done = self.restore()
        self.running.callback(None)
        self.successResultOf(done)
        self.assertTrue(self.key.exists())

    def test_failed(self) -> None:
        """A database that was not filled gets a key of its own, or another backup's; a key that was there before stays."""
        done = self.restore()
        self.running.errback(StartError("pg_restore failed"))
        self.failureResultOf(done, StartError)
        self.assertFalse(self.key.exists())
        self.key.write_text(KEYS)
        self.key.chmod(0o600)
        self.running = Deferred()
        done = self.restore()
        self.running.errback(StartError("pg_restore failed"))
        self.failureResultOf(done, StartError)
        self.assertTrue(self.key.exists())

    def test_interrupted(self) -> None:
        """pg_restore may go on alone: what it fills needs the key, and who begins again has the right one."""
        done = self.restore()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertTrue(self.key.exists())
