"""kill -9 of a server process between the hold and the delivery of a message: it is delivered by the next one, and paid once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.server.phones import BOB, DOMAIN, MONEY, REALM, SipCase, headers, status

ROOT = Path(__file__).parents[2]
_reactor: Any = reactor


class CrashTests(SipCase):
    """The server is a process of its own."""

    async def _begin(self) -> None:
        await super()._begin()
        await self.world.server.stopService()

    def spawn(self, port: int) -> subprocess.Popen[bytes]:
        """A server process on that UDP port."""
        world, file = self.world, self.world.folder / "crash.yaml"
        file.write_text(
            f"state_dir: {world.folder}\ndatabase: '{world.dsn}'\nroles: [sip, jobs]\nlogging: {{directory: {world.folder}/log}}\n"
            f"sip: {{listen: ['udp:{port}'], domains: [{DOMAIN}], realm: {REALM}, charge: delivered}}\n"
        )
        twistd = "from twisted.scripts.twistd import run; run()"
        arguments = [sys.executable, "-c", twistd, "-n", "--pidfile=", "portaswitch", "--config", str(file)]
        with open(world.folder / "crash.log", "ab") as log:
            return subprocess.Popen(arguments, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)

    async def test_killed_before_delivery(self) -> None:
        """The recipient has not answered yet when the process is killed: its successor sends the same request again, and charges when it is answered."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        alice, bob = self.world.phone(), self.world.phone(BOB)
        self.world.fixed = port
        process = self.spawn(port)
        try:
            await self.answering(alice)
            self.assertEqual(status(await bob.register()), 200)
            bob.answers = None
            self.assertEqual(status(await alice.message(BOB)), 202)
            while not bob.requests:
                await deferLater(_reactor, 0.02)
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.assertEqual(await self.world.one("select state || '/' || charge from messages"), "waiting/held")
            self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal("0.02")))
            await self.world.pool.execute("update messages set locked_until = now(), next_try = now()")  # the dead one's lease, 45 s, is over
            bob.answers = 200
            process = self.spawn(port)
            await self.world.until("select state || '/' || charge from messages", "delivered/settled")
            self.assertEqual({headers(octets, "Call-ID")[0] for octets in bob.requests}, {f"{alice.call}~1o"})
            self.assertEqual(await self.world.one(MONEY), (Decimal("9.98"), Decimal(0)))
            self.assertEqual(await self.world.one("select count(*) from xdr"), 1)
        finally:
            process.kill()
            process.wait()

    async def answering(self, phone: Any) -> None:
        """Wait until the process answers."""
        while not any(octets.startswith(b"SIP/2.0 200") for octets in phone.got):
            phone.send(phone.request("OPTIONS", f"sip:{DOMAIN}"))
            await deferLater(_reactor, 0.3)
