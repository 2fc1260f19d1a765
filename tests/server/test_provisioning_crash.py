"""kill -9 of a server process with the role espf, before, during and after the call: no event is lost, and only what nobody confirmed is repeated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from tests.server.espf import EspfCase

ROOT = Path(__file__).parents[2]
_reactor: Any = reactor
CARD = "10086610975"
#: Accounts that all have an event at once.
CROWD = 60
#: Events that the receiver answers between two kills.
ANSWERED = 10
#: Requests at once.
PARALLEL = 4
MANY = """
insert into accounts (i_env, id, i_customer, i_product, billing_model, currency)
select 1, '7' || n, 101, 101, -1, 'CAD' from generate_series(1, %s) n
"""
#: What a dead process leaves of its event: status, attempts, leased.
LEFT = "select status, attempts, locked_until > now() from event_notifications"
SUBSCRIBED = """
with made as (insert into event_handlers (i_env, name, class, enabled) values (1, 'crm', %s, true) returning i_handler)
insert into event_subscriptions select i_handler, e from made, unnest(array['Account/Blocked', 'Account/Unblocked']) e
"""
#: A backend that waits for a row that a test holds.
WAITING = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like %s"


class Receiver(Resource):
    """A receiver: `came` are the events by number (or where a handler sends them), in order. From the request `shut_from` on its answers wait."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.came: list[str] = []
        self.waiting: list[Any] = []
        self.shut_from: int | None = None

    def render(self, request: Any) -> Any:
        """Any method."""
        self.came.append((request.getHeader("webhook-id") or request.uri.decode()).removeprefix("evt_"))
        if self.shut_from is None or len(self.came) <= self.shut_from:
            return b""
        self.waiting.append(request)
        request.notifyFinish().addErrback(lambda _: self.waiting.remove(request))
        return NOT_DONE_YET

    def open(self) -> None:
        """Answer all that waits, and whatever comes."""
        self.shut_from, waiting = None, self.waiting.copy()
        for request in waiting:
            request.finish()
        self.waiting.clear()


class KilledTests(EspfCase):
    """The server is a process of its own; the test is its vendor, and holds it up where it wants."""

    timeout = 300

    async def prepare(self, handler: str = "class: EventSender, allow_private: true, parallel: 4") -> None:
        """A database, a receiver that is subscribed, and no server yet."""
        await self.begin()
        await self.server.stopService()
        self.receiver = Receiver()
        port = _reactor.listenTCP(0, Site(self.receiver), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.file = self.folder / "crash.yaml"
        self.file.write_text(
            f"state_dir: {self.folder}\ndatabase: '{self.dsn}'\nroles: [espf]\nlogging: {{directory: {self.folder}/log}}\n"
            f"espf: {{handlers: {{crm: {{environment: 1, url: 'http://127.0.0.1:{port.getHost().port}', {handler}}}}}}}\n"
        )
        await self.db.execute(SUBSCRIBED, (handler.split()[1].rstrip(","),))
        self.processes: list[subprocess.Popen[bytes]] = []
        self.addCleanup(self.clear)

    def clear(self) -> None:
        """End the processes that are left."""
        for process in self.processes:
            process.kill()
            process.wait()

    def spawn(self) -> None:
        """A server process."""
        twistd = "from twisted.scripts.twistd import run; run()"
        arguments = [sys.executable, "-c", twistd, "-n", "--pidfile=", "portaswitch", "--config", str(self.file)]
        with open(self.folder / "crash.log", "ab") as log:
            self.processes.append(subprocess.Popen(arguments, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log))

    def kill(self) -> None:
        """kill -9."""
        self.processes[-1].send_signal(signal.SIGKILL)
        self.processes[-1].wait()

    async def heir(self) -> None:
        """Another process of the instance takes over, whatever the dead one had leased; returns when nothing is on its way."""
        self.receiver.open()
        self.spawn()

        async def none() -> bool:
            return not await self.db.query("select 1 from event_queue limit 1")

        await self.until(none)

    async def ended(self) -> list[str]:
        """The numbers of delivered events."""
        rows = await self.db.query("select i_event::text from event_history where status = 'done' order by i_event")
        return [number for (number,) in rows]

    def hold(self, statement: str) -> Callable[[], None]:
        """Lock something in a transaction of its own; what lets it go."""
        connection = psycopg2.connect(self.dsn)
        self.addCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute(statement)
        return connection.rollback

    async def waits(self, query: str) -> None:
        """Until the process waits for what is held, in such a query."""

        async def there() -> bool:
            return bool(await self.db.query(WAITING, (query,)))

        await self.until(there)

    async def test_before_the_claim(self) -> None:
        """The process is just claiming the event when it dies: its call is made once, by the heir."""
        await self.prepare()
        await self.operate("account.block", id=CARD)
        release = self.hold("lock table event_queue in access exclusive mode")
        self.spawn()
        await self.waits("%event_notifications n join event_queue q%")
        self.kill()
        release()
        self.assertEqual(self.receiver.came, [])
        await self.heir()
        self.assertEqual((self.receiver.came, len(self.receiver.came)), (await self.ended(), 1))

    async def test_before_the_call(self) -> None:
        """The process has claimed the event, and reads what its handler has to know, when it dies: its call is made once, by the heir."""
        await self.prepare("class: DemoHandler, token: sesame-1")
        await self.operate("account.block", id=CARD)
        release = self.hold("lock table remote_records in access exclusive mode")
        self.spawn()
        await self.waits("%remote_records%")
        self.kill()
        release()
        self.assertEqual((self.receiver.came, await self.db.query(LEFT)), ([], [("pending", 1, True)]))
        await self.heir()
        self.assertEqual((len(self.receiver.came), len(await self.ended())), (1, 1))

    async def test_during_the_call(self) -> None:
        """The receiver has the event and has not answered: it gets it once more, under the same number."""
        await self.prepare()
        self.receiver.shut_from = 0
        await self.operate("account.block", id=CARD)
        self.spawn()
        await self.until(lambda: self.receiver.waiting)
        self.kill()
        await self.until(lambda: not self.receiver.waiting)
        self.assertEqual(await self.db.query(LEFT), [("pending", 1, True)])
        await self.heir()
        self.assertEqual((self.receiver.came, len(self.receiver.came)), (await self.ended() * 2, 2))

    async def test_after_the_answer(self) -> None:
        """The receiver has answered, and the process dies while it writes so: that is one message, which the database carries out whole. It comes once."""
        await self.prepare()
        self.receiver.shut_from = 0
        await self.operate("account.block", id=CARD)
        self.spawn()
        await self.until(lambda: self.receiver.waiting)
        release = self.hold("select from event_queue for update")
        self.receiver.open()
        await self.waits("%event_queue q%for update%")
        self.kill()
        self.assertEqual(await self.db.query(LEFT), [("pending", 1, True)])
        release()
        await self.heir()
        self.assertEqual((self.receiver.came, len(self.receiver.came)), (await self.ended(), 1))

    async def test_in_a_crowd(self) -> None:
        """Killed three times while many events are on their way: each arrives, and only those that were asked or not yet written are repeated."""
        await self.prepare()
        await self.db.execute(MANY, (CROWD,))
        await self.db.execute("update accounts set blocked = true where id like '7%'")
        for _ in range(3):
            self.receiver.shut_from = len(self.receiver.came) + ANSWERED
            self.spawn()
            await self.until(lambda: len(self.receiver.waiting) == PARALLEL)
            self.kill()
            await self.until(lambda: not self.receiver.waiting)
        await self.heir()
        ended, came = await self.ended(), self.receiver.came
        self.assertEqual((len(ended), sorted(set(came), key=int)), (CROWD, sorted(ended, key=int)))
        # What is answered while earlier answers are being written is not written yet when the next ones are asked.
        self.assertTrue(3 * PARALLEL <= len(came) - CROWD <= 3 * (PARALLEL + ANSWERED), len(came))
