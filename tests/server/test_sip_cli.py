"""`portaswitch sip-test` against the whole server: what it prints, and its status."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.utils import getProcessOutputAndValue

from tests.server.phones import ALICE, BOB, DOMAIN, PASSWORD, SipCase

ROOT = Path(__file__).parents[2]
_reactor: Any = reactor


class SipTestTests(SipCase):
    """The command as a process of its own."""

    async def command(self, *arguments: str, password: str = PASSWORD) -> tuple[str, int]:
        """What it prints, and its status."""
        config = self.world.folder / "cli.yaml"
        config.write_text(f"state_dir: {self.world.folder}\ndatabase: '{self.world.dsn}'\nsip: {{listen: ['udp:{self.world.udp}'], domains: [{DOMAIN}]}}\n")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PORTASWITCH_PASSWORD": password}
        given = ["-m", "portaswitch.cli", "--config", str(config), "sip-test", *arguments]
        out, err, code = await getProcessOutputAndValue(sys.executable, given, env=environment, reactor=_reactor)
        return out.decode() + err.decode(), int(code)

    async def test_phones(self) -> None:
        """One waits for messages, the other sends one: both end well, and no password is shown."""
        taken: Deferred[tuple[str, int]] = Deferred.fromCoroutine(self.command("register", "--wait", "100", "--messages", "1", BOB))
        await self.world.until("select count(*) from registrations", 1)
        told, code = await self.command("message", ALICE, BOB, "hello world")
        self.assertIn("<- 202 Accepted", told)
        self.assertIn("OK: 202 Accepted", told)
        self.assertIn("Authorization: (hidden)", told)
        self.assertEqual(code, 0)
        told, code = await taken
        self.assertIn(f"message from sip:{ALICE}@{DOMAIN}: hello world", told)
        self.assertNotIn(PASSWORD, told)
        self.assertEqual((code, await self.world.one("select count(*) from registrations")), (0, 0))

    async def test_refused(self) -> None:
        """A wrong password, nobody's number, no password at all: status 1, with what to do; as JSON too."""
        told, code = await self.command("message", ALICE, BOB, "x", password="wrong")
        self.assertEqual((code, "REFUSED: 401 Unauthorized" in told), (1, True))
        told, code = await self.command("message", "--json", ALICE, "19995550000", "x")
        self.assertEqual((code, json.loads(told)["verdict"]), (1, "REFUSED: 404 Not Found"))
        told, code = await self.command("register", BOB, password="")
        self.assertEqual((code, "give --password" in told), (1, True))
