"""A backup made beside a running server, restored into a new database, key and passwords included."""

from __future__ import annotations

import json
import shutil
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.server.database import new_state_dir
from tests.server.harness import SECRET, World
from tests.server.test_cli import CARD, NUMBER, Command


class BackupTests(TestCase):
    """The world, one call in its books, and its backup."""

    timeout = 120

    def setUp(self) -> Any:
        """Start the world and charge a call."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.world = await World.made()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.world.end()))
        self.backup = self.world.folder / "backup"
        self.config = self.world.folder / "portaswitch.yaml"
        self.config.write_text(
            f"state_dir: {self.world.folder}\ndatabase: '{self.world._dsn}'\n"
            f"radius: {{auth_port: {self.world.port('auth')}, acct_port: {self.world.port('acct')}}}\n"
        )
        self.other = new_state_dir()
        self.addCleanup(shutil.rmtree, self.other, True)
        self.empty = self.other / "portaswitch.yaml"
        self.empty.write_text(f"state_dir: {self.other}\n")
        await self.done(self.config, "radius-test", "--secret", SECRET.decode(), CARD, NUMBER)

    async def done(self, config: Any, *words: str) -> str:
        """The output of a command that has to succeed."""
        status, out, err = await Command("--config", str(config), *words).ended
        self.assertEqual((status, err), (0, ""), out)
        return out

    async def refused(self, config: Any, *words: str) -> str:
        """The one line of a command that has to fail."""
        status, out, err = await Command("--config", str(config), *words).ended
        self.assertEqual((status, out, err.count("\n")), (1, "", 1), err)
        return err

    async def test_there_and_back(self) -> None:
        """The books agree behind it, the charge is there once, sealed passwords open; only the owner can read the folder."""
        said = await self.done(self.config, "backup", str(self.backup))
        self.assertIn("1 xDRs", said)
        self.assertEqual(self.backup.stat().st_mode & 0o777, 0o700)
        self.assertIn(said.partition(" holds ")[2], await self.done(self.empty, "restore", str(self.backup)))
        self.assertIn("OK: the books agree", await self.done(self.empty, "verify"))
        charges = json.loads(await self.done(self.empty, "xdr", "list", "--json"))
        self.assertEqual([(charge["account"], charge["amount"]) for charge in charges], [(CARD, "0.02367")])
        self.assertEqual((self.other / "secret.key").read_bytes(), (self.world.folder / "secret.key").read_bytes())
        self.assertIn("is not empty", await self.refused(self.empty, "restore", str(self.backup)))

    async def test_refused(self) -> None:
        """Nothing is overwritten, and nothing is taken for a backup that is none; another key is not replaced."""
        self.backup.mkdir()
        self.assertIn("exists", await self.refused(self.config, "backup", str(self.backup)))
        self.assertIn("it lacks database.dump and secret.key", await self.refused(self.empty, "restore", str(self.backup)))
        (self.backup / "database.dump").write_bytes(b"none")
        (self.backup / "secret.key").write_bytes(b"one")
        (self.other / "secret.key").write_bytes(b"two")
        self.assertIn("is another key", await self.refused(self.empty, "restore", str(self.backup)))
        (self.other / "secret.key").unlink()
        self.assertIn("pg_restore failed", await self.refused(self.empty, "restore", str(self.backup)))
        self.assertFalse((self.other / "secret.key").exists())
