"""A backup made beside a running server, restored into a new database, key and passwords included."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from portaswitch.config.settings import load_text
from portaswitch.service import Server
from tests.server.database import empty_database, new_state_dir
from tests.server.harness import SECRET, World
from tests.server.test_cli import CARD, NUMBER, Command


class BackupTests(TestCase):
    """The world, one call in its books, and its backup."""

    timeout = 240

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

    async def test_drill(self) -> None:
        """
        A restore drill: the audit of the books says the same before and after, law by law and row by row, and a server on the restored database
        goes on where the other one was: it answers the card by the balance that is left, and charges it.
        """
        before = json.loads(await self.done(self.config, "verify", "--json"))
        account = json.loads(await self.done(self.config, "account", "show", CARD, "--json"))
        await self.done(self.config, "backup", str(self.backup))
        await self.done(self.config, "radius-test", "--secret", SECRET.decode(), CARD, NUMBER)  # behind the backup: lost with the old database
        dsn = await empty_database()
        self.empty.write_text(f"state_dir: {self.other}\ndatabase: '{dsn}'\n")
        await self.done(self.empty, "restore", str(self.backup))
        after = json.loads(await self.done(self.empty, "verify", "--json"))
        self.assertEqual((after["ok"], after), (True, before))
        self.assertEqual(json.loads(await self.done(self.empty, "account", "show", CARD, "--json")), account)
        server = Server(reactor, load_text(
            f"state_dir: {self.other}\ndatabase: '{dsn}'\nroles: [radius, jobs]\n"
            f"radius: {{auth_port: 0, acct_port: 0}}\nlogging: {{directory: {self.other}/log}}\n"
        ))  # fmt: skip
        server.startService()
        self.addCleanup(server.stopService)
        await server.ready
        ports = {name: protocol.transport.getHost().port for name, protocol in server.protocols.items() if protocol.transport is not None}
        self.empty.write_text(f"state_dir: {self.other}\ndatabase: '{dsn}'\nradius: {{auth_port: {ports['auth']}, acct_port: {ports['acct']}}}\n")
        await self.done(self.empty, "radius-test", "--secret", SECRET.decode(), CARD, NUMBER)
        charged = json.loads(await self.done(self.empty, "account", "show", CARD, "--json"))
        self.assertEqual(Decimal(charged["balance"]), Decimal(account["balance"]) - Decimal("0.02367"))
        self.assertIn("OK: the books agree", await self.done(self.empty, "verify"))

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
