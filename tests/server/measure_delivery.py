"""
How fast events leave: events a second to a webhook receiver on this machine, and the CPU that one costs this process and the database. Not a test: a measure
for whoever changes the runner or the transports.

    python -m tests.server.measure_delivery [events] [rounds] [requests at once] [--profile]

The receiver is a process of its own that answers at once. CPU time counts most, so that a busy machine matters little.
"""

from __future__ import annotations

import cProfile
import pstats
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater, react

from portaswitch.espf.internal.event_sender import SENDER
from portaswitch.espf.options import Reading
from portaswitch.espf.reports import AttemptLog, Digest, Redaction
from portaswitch.espf.runner import Runner, Work
from portaswitch.espf.wires import Wires
from portaswitch.logs import LineFile
from portaswitch.provisioning import CONNECTIONS, PLANS
from portaswitch.store.events import Events
from portaswitch.store.pool import Pool
from portaswitch.store.secrets import Sealer
from portaswitch.transports import transport
from tests.server.database import fresh_database
from tests.server.harness import WORLD
from tests.server.measure_events import worked
from tests.server.provisioning import handler

ACCOUNTS = 1000
FILL = """
with queued as (
    insert into event_queue (i_env, event_type, entity, variables)
    select 1, 'Account/Blocked', 'account:' || 1000 + n %% %s, jsonb_build_object('i_env', 1, 'i_account', 1000 + n %% %s) from generate_series(1, %s) n
    returning i_event, entity)
insert into event_notifications (i_event, i_handler, entity) select i_event, 1, entity from queued
"""
RECEIVER = """
import asyncio
class Answers(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.kept = transport, b""
    def data_received(self, octets):
        self.kept += octets
        while True:
            head, blank, rest = self.kept.partition(b"\\r\\n\\r\\n")
            if not blank:
                return
            length = next((int(line[15:]) for line in head.split(b"\\r\\n") if line.lower().startswith(b"content-length:")), 0)
            if len(rest) < length:
                return
            self.kept = rest[length:]
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
async def main():
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


async def begin(reactor: Any, port: int, parallel: int) -> tuple[Pool, Runner]:
    """A database, and a runner of the receiver's handler."""
    dsn = await fresh_database()
    pool = Pool(reactor, dsn, size=CONNECTIONS, name="espf", settings=PLANS, wait=60)
    await pool.start()
    await pool.execute(WORLD)
    await handler(pool, 1, "crm", "EventSender")
    reading = Reading(SENDER, {"url": f"http://127.0.0.1:{port}/events", "allow_private": True, "parallel": parallel})
    sender = SENDER.configured(reading.values)
    wire = transport(reactor, "crm", sender.reach()[""], reading.values)
    events = Events(pool, Sealer({1: b"k" * 32}), "measure")
    (row,) = await events.handlers()
    work = Work(sender, Wires(sender, {"": wire}, now, reactor.seconds), parallel, reading.retries, Redaction(reading.secrets))
    log = AttemptLog(LineFile(Path(mkdtemp()) / "provisioning.log", 1_000_000, 2, 1_000_000), now)
    return pool, Runner(row, work, events, reactor, log, Digest("", "", lambda message: succeed(None), now), now)


async def drain(reactor: Any, pool: Pool, runner: Runner, count: int) -> tuple[float, float, float]:
    """Events a second, and CPU microseconds of this process and of the database for one."""
    await pool.execute(FILL, (ACCOUNTS, ACCOUNTS, count))
    backends = [pid for (pid,) in await pool.query("select pid from pg_stat_activity where application_name ~ '^portaswitch espf'")]
    wall, own, database = time.monotonic(), time.process_time(), worked(backends)
    runner.wake()
    while await pool.query("select 1 from event_queue limit 1"):
        await deferLater(reactor, 0.1)
    took = time.monotonic() - wall
    return count / took, 1e6 * (time.process_time() - own) / count, 1e6 * (worked(backends) - database) / count


async def measure(reactor: Any, count: int, rounds: int, parallel: int, profiled: bool) -> None:
    """Some rounds and their medians."""
    receiver = subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    try:
        pool, runner = await begin(reactor, int(receiver.stdout.readline()), parallel)
        await drain(reactor, pool, runner, count // 4)
        profile = cProfile.Profile()
        if profiled:
            profile.enable()
        found = [await drain(reactor, pool, runner, count) for _ in range(rounds)]
        if profiled:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        for name, figures in zip(("events/s", "us of this process an event", "us of the database an event"), zip(*found, strict=True), strict=True):
            print(f"{median(figures):8.0f} {name} ({min(figures):.0f} to {max(figures):.0f})")
        await runner.stop()
        await pool.close()
    finally:
        receiver.kill()
        receiver.wait()


def main(reactor: Any, *arguments: str) -> Deferred[None]:
    """Events, rounds and requests at once from the command line."""
    numbers = [int(one) for one in arguments if one.isdigit()]
    count, rounds, parallel = [*numbers, *(4000, 3, 8)[len(numbers) :]]
    return Deferred.fromCoroutine(measure(reactor, count, rounds, parallel, "--profile" in arguments))


if __name__ == "__main__":
    react(main, sys.argv[1:])
