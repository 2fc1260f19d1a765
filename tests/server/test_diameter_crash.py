"""One credit control session over two server processes and the kill -9 of one of them: everything is charged, and charged once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

from portaswitch.store.audit import audit
from tests.server.diameter_client import Client, DiameterCase, initial, termination, update
from tests.server.diameter_octets import CER, PROXIABLE, REQUEST, RETRANSMITTED, cer
from tests.server.pools import pause
from tests.server.test_diameter import GRANTED, MSCC, TIME

ROOT: Final = Path(__file__).parents[2]
NAME: Final = "pgw.example.com;7;1"
AGAIN: Final = REQUEST | PROXIABLE | RETRANSMITTED
LISTENING: Final = re.compile(rb"Diameter on tcp 127\.0\.0\.1:(\d+)")
_reactor: Any = reactor


class Server:
    """A server process of its own on a port that the system chooses; `instance` names it."""

    def __init__(self, folder: Path, dsn: str, instance: str) -> None:
        self._log, file = folder / f"{instance}.out", folder / f"{instance}.yaml"
        file.write_text(
            f"state_dir: {folder}\ndatabase: '{dsn}'\nroles: [diameter, jobs]\ninstance: {instance}\nlogging: {{directory: {folder}/{instance}}}\n"
            f"diameter: {{listen: ['tcp:0:interface=127.0.0.1'], origin_host: {instance}.example.com, origin_realm: example.com}}\n"
        )
        twistd = "from twisted.scripts.twistd import run; run()"
        arguments = [sys.executable, "-c", twistd, "-n", "--pidfile=", "portaswitch", "--config", str(file)]
        self._log.write_bytes(b"")
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(arguments, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)

    async def peer(self) -> Client:
        """The client's connection to it, once it listens."""
        for _ in range(1200):
            found = LISTENING.search(self._log.read_bytes())
            if found is not None:
                break
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {self._log.read_text()}")
            await pause(0.05)
        else:
            raise AssertionError(f"the server does not listen: {self._log.read_text()}")
        client: Client = await connectProtocol(TCP4ClientEndpoint(_reactor, "127.0.0.1", int(found[1])), Client())
        cea = await client.ask(cer())
        if (cea.code, cea.result) != (CER, 2001):
            raise AssertionError(f"CEA {cea.result}")
        return client

    def kill(self) -> None:
        """kill -9, and wait for its end."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class CrashTests(DiameterCase):
    """A client that fails over between two processes."""

    timeout = 300

    async def _begin(self) -> None:
        await super()._begin()
        await self.world.server.stopService()
        self.servers: list[Server] = []

    async def _finish(self) -> None:
        for server in self.servers:
            server.kill()
        await super()._finish()

    def server(self, instance: str) -> Server:
        """A process that ends with the test."""
        server = Server(self.world.folder, self.world._dsn, instance)
        self.servers.append(server)
        return server

    async def test_two_processes(self) -> None:
        """I to one, U to the other, a U that the first may or may not have charged when it is killed again to the other, T to the restarted one."""
        first, second = self.server("one"), self.server("two")
        one, two = await first.peer(), await second.peer()
        self.clients += [one, two]
        self.assertEqual((await one.ask(initial(10, NAME))).find(MSCC, GRANTED, TIME), 30)
        self.assertEqual((await two.ask(update(11, NAME, 1, 30))).find(MSCC, GRANTED, TIME), 30)
        one.say(update(12, NAME, 2, 25, end=77))
        first.kill()
        await one.closed
        self.assertEqual((await two.ask(update(12, NAME, 2, 25, end=77, flags=AGAIN))).find(MSCC, GRANTED, TIME), 30)
        again = self.server("one")
        one = await again.peer()
        self.clients.append(one)
        self.assertEqual((await one.ask(update(13, NAME, 2, 25, end=77, flags=AGAIN))).find(MSCC, GRANTED, TIME), 30)
        answers = [await one.ask(termination(14, NAME, 3, 20)), await two.ask(termination(15, NAME, 3, 20, end=5014, flags=AGAIN))]
        self.assertEqual([answer.result for answer in answers], [2001, 2001])
        self.assertEqual(await self.world.one("select count(*), sum(used_quantity), sum(charged_amount) from xdr"), (1, 75, Decimal("0.025")))
        self.assertEqual(await self.world.one("select balance, held, open_outgoing from accounts where i_account = 101"), (Decimal("9.975"), 0, 0))
        self.assertEqual([found for found in (await audit(self.world.pool)).findings if found.differ], [])

    async def test_killed_between(self) -> None:
        """Requests of many sessions are on their way when the process is killed; all that are sent again are charged once, whichever had been."""
        first, second = self.server("one"), self.server("two")
        one = await first.peer()
        self.clients.append(one)
        names = [f"pgw.example.com;8;{number}" for number in range(20)]
        for number, name in enumerate(names):
            await one.ask(initial(100 + number, name, requested=10))
        waits = [one.expect(200 + number) for number in range(len(names))]
        for wait in waits:
            _ = wait.addErrback(lambda _: None)
        one.say(b"".join(termination(200 + number, name, 1, 5) for number, name in enumerate(names)))
        await waits[0]
        first.kill()
        await one.closed
        two = await second.peer()
        self.clients.append(two)
        for number, name in enumerate(names):
            answer = await two.ask(termination(300 + number, name, 1, 5, end=5200 + number, flags=AGAIN))
            self.assertEqual(answer.result, 2001)
        self.assertEqual(await self.world.one("select count(*), sum(used_quantity) from xdr"), (20, 100))
        self.assertEqual(await self.world.one("select held from accounts where i_account = 101"), 0)
        self.assertEqual([found for found in (await audit(self.world.pool)).findings if found.differ], [])
