"""Copies of accounting and the kill -9 of the server: what was answered is told, in order, by whoever is there next."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults

from tests.server.harness import START, STOP
from tests.server.pools import until
from tests.server.test_accounting_copies import NAS, CollectorCase

ROOT: Final = Path(__file__).parents[2]
LISTENING: Final = re.compile(rb"RADIUS acct on udp 127\.0\.0\.1:(\d+)")
SESSIONS: Final = 20


class Server:
    """A server process of its own on ports that the system chooses."""

    def __init__(self, folder: Path, dsn: str, instance: str) -> None:
        self.log, file = folder / f"{instance}.out", folder / f"{instance}.yaml"
        file.write_text(
            f"state_dir: {folder}\ndatabase: '{dsn}'\nroles: [radius, jobs]\ninstance: {instance}\nlogging: {{directory: {folder}/{instance}}}\n"
            "radius: {auth_port: 0, acct_port: 0, coa_first_wait: 0.2s, coa_tries: 3}\n"
        )
        arguments = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=", "portaswitch", "--config", str(file)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(arguments, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)

    async def port(self) -> int:
        """Its accounting port, once it listens."""
        await until(lambda: LISTENING.search(self.log.read_bytes()) is not None, f"the server: {self.log}", 120)
        found = LISTENING.search(self.log.read_bytes())
        assert found is not None
        return int(found[1])

    def kill(self) -> None:
        """kill -9, and wait for its end."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class CrashTests(CollectorCase):
    """A server that is killed while its collector is slow."""

    timeout = 300

    async def _begin(self) -> None:
        await super()._begin()
        await self.world.stop()

    def server(self, instance: str) -> Server:
        """A process that ends with the test."""
        server = Server(self.world.folder, self.world._dsn, instance)
        self.addCleanup(server.kill)
        return server

    def ask(self, port: int, status: int, number: int) -> Deferred[bytes]:
        """An Accounting-Request of a session to a process; fires with the answer."""
        pairs: list[tuple[str, Any]] = [("NAS-IP-Address", NAS), ("User-Name", f"user{number % 5 + 1}"), ("Called-Station-Id", "net")]
        pairs += [("Acct-Status-Type", status), ("Acct-Session-Id", f"s{number}"), ("Framed-IP-Address", f"10.1.0.{number}")]
        packet = self.world.packet("acct", pairs)
        answer: Deferred[bytes] = Deferred()
        octets = packet.RequestPacket()
        self.world._nas.waiting[octets[1]] = answer
        transport: Any = self.world._nas.transport
        transport.write(octets, ("127.0.0.1", port))
        return answer.addTimeout(60, self.world._reactor)

    async def test_killed(self) -> None:
        """Starts, and Stops of half of them, are answered; the collector lost every second copy. The next process tells what is missing, Starts first."""
        self.collector.behave = lambda account: [account.answer()] if len(self.collector.accounts) % 2 else []
        first = self.server("one")
        port = await first.port()
        await gatherResults([self.ask(port, START, number) for number in range(SESSIONS)])
        await gatherResults([self.ask(port, STOP, number) for number in range(SESSIONS // 2)])
        first.kill()
        pending = await self.world.one("select count(*) from session_tasks where kind = 'copy' and status = 'pending'")
        self.assertGreater(pending, 0)
        self.assertEqual(await self.world.one("select count(*) from session_tasks where kind = 'copy'"), SESSIONS + SESSIONS // 2)
        self.collector.behave = None
        await self.world.pool.execute("update session_tasks set locked_until = now()")  # as if the killed one's leases had run out
        await self.server("two").port()
        await until(self._all_done, "all copies")
        living = {f"10.1.0.{number}": (f"user{number % 5 + 1}", f"s{number}") for number in range(SESSIONS // 2, SESSIONS)}
        self.assertEqual((self.collector.subscribers, self.collector.wrong), (living, []))
        for number in range(SESSIONS // 2):
            statuses = [status for status, session, _, _ in self.said() if session == f"s{number}"]
            self.assertEqual(statuses, [1, 2])

    async def _all_done(self) -> bool:
        return bool(await self.world.one("select bool_and(status = 'done') from session_tasks where kind = 'copy'"))
