"""
Events on their way to a receiver of webhooks on this machine: how soon when nothing else is to do, how many a second in order, what a backlog changes, and
what the triggers cost a charge when nobody listens. A server and a database of its own, with the role espf; each figure says where events were lost, doubled or
out of order.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bench import load, scenarios, subscribers
from bench.cluster import Cluster
from bench.operators import Figure
from bench.process import BenchError, Daemon, cpu_seconds
from bench.server import ROOT, Server

EVENTS = "events"
"""The name of all this among the scenarios, and of its database."""

BACKLOG = subscribers.HERE / "events.sql"
RUNS: Final = 5
PATIENCE: Final = 300.0
CHARGING = next(scenario for scenario in scenarios.SCENARIOS if scenario.name == "acct")

BLOCK = "update accounts set blocked = true where not blocked and id in (select 'user' || n from generate_series(1, :count) n);"
"""Account/Blocked of so many accounts, by the triggers, in one statement."""
UNBLOCK = "update accounts set blocked = false where blocked;"
"""Nobody is told."""
ONE = """
update accounts set blocked = true where id = 'user1';
select extract(epoch from clock_timestamp());
notify provisioning;
update accounts set blocked = false where id = 'user1';
"""
"""One event, and when it was committed; then the hint that each process of ours gives after its commits."""
TIMED = f"select clock_timestamp() as begun \\gset\n{BLOCK}\nselect extract(epoch from clock_timestamp() - :'begun');\n{UNBLOCK}"
HALT = "update event_handlers set stopped = 'bench', worker = null, leased_until = null where name = 'crm'"
GO_ON = "update event_handlers set stopped = null where name = 'crm'; notify provisioning"
ENQUEUED = "select count(*) from event_notifications"
TOP_UP = "select i_event, extract(epoch from created) from event_history where event_type = 'Account/BalanceChanged' and status = 'done'"
TRIGGERS = "select format('alter table %s {} trigger %I;', tgrelid::regclass, tgname) from pg_trigger where tgname ~ '_events_(insert|update|delete)$'"


class Size(load.Size, Protocol):
    """How much of each (`measure.Size`)."""

    @property
    def repeats(self) -> int:
        """Runs whose median counts; here at least five, but for one."""

    @property
    def events(self) -> int:
        """Events of a run."""

    @property
    def backlog(self) -> int:
        """Notifications that wait."""

    @property
    def tree(self) -> Path:
        """Whose code the server is."""


@dataclass(frozen=True, slots=True)
class Came:
    """An event at the receiver: when, which, of which account."""

    at: float
    i_event: int
    account: int


class Receiver:
    """The receiver's process, and what came; `next` gives what came since it was last asked."""

    def __init__(self, folder: Path) -> None:
        self._lines, self._read, self._part = folder / "received.txt", 0, ""
        words = [sys.executable, "-m", "bench.receiver", str(self._lines)]
        self._daemon = Daemon("the receiver", words, folder / "receiver.log", as_service=False, cwd=ROOT)
        self._daemon.until(lambda: (folder / "receiver.log").read_text().endswith("\n"), 20)
        self.url = f"http://127.0.0.1:{int((folder / 'receiver.log').read_text().split()[-1])}/events"
        self.all: list[Came] = []

    def next(self) -> list[Came]:
        """What came since."""
        with self._lines.open() as stream:
            stream.seek(self._read)
            text = stream.read()
            self._read = stream.tell()
        *lines, self._part = (self._part + text).split("\n")
        found = [Came(float(at), int(event), int(account)) for at, event, account in (line.split() for line in lines)]
        self.all += found
        return found

    def wait(self, count: int) -> list[Came]:
        """The next so many. BenchError when they do not come."""
        found, end = self.next(), time.monotonic() + PATIENCE
        while len(found) < count:
            if time.monotonic() > end:
                raise BenchError(f"{len(found)} of {count} events came in {PATIENCE:.0f} s")
            time.sleep(0.1)
            found += self.next()
        return found

    def stop(self) -> None:
        """End it."""
        self._daemon.stop()


def faults(came: Sequence[Came]) -> list[str]:
    """Events that came twice, or before an older one of their account: one line each kind."""
    twice = len(came) - len({one.i_event for one in came})
    last: dict[int, int] = {}
    late = 0
    for one in came:
        late += last.get(one.account, 0) > one.i_event
        last[one.account] = one.i_event
    return ([f"{twice} events came twice"] if twice else []) + ([f"{late} events came after a newer one of their account"] if late else [])


class Events:
    """The measurements, on a server that is running."""

    def __init__(self, receiver: Receiver, cluster: Cluster, server: Server, size: Size, generator: Path) -> None:
        self._receiver, self._cluster, self._server, self._size, self._generator = receiver, cluster, server, size, generator
        self._each = min(size.events, size.accounts - RUNS)
        self._rates: list[float] = []
        self._enqueued: list[float] = []
        self._costs: list[tuple[float, float]] = []

    def _sql(self, text: str, **values: int) -> str:
        return self._cluster.query(EVENTS, text, **values)

    def idle(self) -> Figure:
        """One event after the other, each when the one before has come."""
        late = []
        for _ in range(60 if self._size.repeats > 1 else 10):
            committed = float(self._sql(ONE).split()[0])
            (came,) = self._receiver.wait(1)
            late.append(1000 * (came.at - committed))
        told = f"p50 {statistics.median(late):.1f} ms, worst {max(late):.1f} ms"
        return Figure("idle", "commit to first octet, idle", told, "p50 < 30 ms", 0, faults(self._receiver.all))

    def sustained(self) -> Figure:
        """All at once, from the triggers to the receiver."""
        for _ in range(RUNS):
            self._cluster.settle()
            self._enqueued.append(self._enqueue())
            before = self._spent()
            self._sql(GO_ON)
            came = self._receiver.wait(self._each)
            self._costs.append(self._cost(before, self._each))
            self._rates.append(len(came) / (came[-1].at - came[0].at))
        own, database = (statistics.median(cost[one] for cost in self._costs) for one in (0, 1))
        told = f"{_spread(self._rates, '/s')}; CPU an event: server {own:.0f} us, database {database:.0f} us"
        return Figure("events", f"{self._each:,} events of {self._each:,} accounts, {RUNS} times", told, ">= 1,000/s, in order", 0, self._wrong())

    def _spent(self) -> tuple[float, float]:
        """CPU seconds so far: of the server, of the database's lasting connections."""
        return cpu_seconds(self._server.pid), cpu_seconds(self._cluster.pid)

    def _cost(self, before: tuple[float, float], events: int) -> tuple[float, float]:
        """Microseconds an event since."""
        own, database = (1e6 * (after - then) / events for after, then in zip(self._spent(), before, strict=True))
        return own, database

    def _enqueue(self) -> float:
        """Microseconds of an event in the statement that raises it, while nobody delivers."""
        self._sql(HALT)
        self._quiet()
        before = int(self._sql(ENQUEUED))
        took = 1e6 * float(self._sql(TIMED, count=self._each).split()[-1]) / self._each
        if (raised := int(self._sql(ENQUEUED)) - before) != self._each:
            raise BenchError(f"{raised} events were raised, not {self._each}")
        return took

    def _quiet(self) -> None:
        """Wait until what was under way is over."""
        end = time.monotonic() + PATIENCE
        while int(self._sql("select count(*) from event_notifications where locked_until > now()")):
            if time.monotonic() > end:
                raise BenchError("events are under way although their handler is stopped")
            time.sleep(0.2)

    def behind(self) -> Figure:
        """The same behind a backlog, and top-ups meanwhile."""
        self._sql(HALT)
        self._sql(BACKLOG.read_text(), count=self._size.backlog)
        enqueued = [self._enqueue() for _ in range(RUNS)]
        self._cluster.settle()
        self._receiver.next()
        self._sql(GO_ON)
        self._receiver.wait(1)
        rates: list[float] = []
        late: list[float] = []
        costs: list[tuple[float, float]] = []
        for number in range(RUNS):
            self._receiver.next()
            before = self._spent()
            time.sleep(max(self._size.seconds / 2, 1))
            came = self._receiver.next()
            if int(self._sql(ENQUEUED)) == 0 and rates:  # a small backlog is gone before all is measured
                break
            if len(came) < 2:
                raise BenchError("nothing is delivered behind the backlog")
            costs.append(self._cost(before, len(came)))
            rates.append(len(came) / (came[-1].at - came[0].at))
            late.append(self._topped_up(number))
        self._sql(HALT)
        self._quiet()
        time.sleep(1)
        self._receiver.next()
        told = (
            f"enqueueing {_ratio(self._enqueued, enqueued)} ({_spread(enqueued, ' us')}, {_spread(self._enqueued, ' us')} without); "
            f"draining {_ratio(self._rates, rates)} ({_spread(rates, '/s')}), by CPU {_ratio([*map(sum, self._costs)], [*map(sum, costs)])}; "
            f"a top-up's event after {max(late):.2f} s at most"
        )
        return Figure("backlog", f"behind {self._size.backlog:,} notifications", told, "ratios of 1 within the spread; < 1 s", 0, self._wrong())

    def _topped_up(self, number: int) -> float:
        """Seconds from the beginning of a top-up's transaction to the first octet of its event; of an account that has nothing older in the backlog."""
        self._server.administer("account", "topup", f"user{self._size.accounts - number}", "1.00")
        end = time.monotonic() + PATIENCE
        while True:
            rows = dict(line.split("|") for line in self._sql(TOP_UP).splitlines())
            if len(rows) > number:
                break
            if time.monotonic() > end:
                raise BenchError("the event of a top-up did not come")
            time.sleep(0.2)
        newest = max(rows, key=int)
        while not (found := [one.at for one in self._receiver.all if one.i_event == int(newest)]):
            time.sleep(0.3)
            self._receiver.next()
        return found[0] - float(rows[newest])

    def _wrong(self) -> list[str]:
        """What the receiver and the database disagree about."""
        done = int(self._sql("select count(*) from event_history where status = 'done'"))
        came = len({one.i_event for one in self._receiver.all})
        return faults(self._receiver.all) + ([f"{came} events came, but {done} are done"] if came < done else [])

    def triggers(self) -> Figure:
        """Charges with the triggers, which find that nobody listens, and without them, in turn."""
        self._sql("truncate event_queue, event_notifications; delete from event_subscriptions")
        found: dict[str, list[float]] = {"enable": [], "disable": []}
        for turn in range(RUNS + 1):
            for word, costs in found.items():
                self._sql(self._sql(TRIGGERS.format(word)))
                self._cluster.settle()
                before = cpu_seconds(self._cluster.pid)
                work = scenarios.work_of(CHARGING, self._size.seconds / 2, self._size.window, self._size.accounts, ours=True)
                measured = load.generate(self._generator, self._server.wire, work)
                if turn:  # the first turn warms up
                    costs.append(1e6 * (cpu_seconds(self._cluster.pid) - before) / measured.answered)
        told = f"{_ratio(found['disable'], found['enable'])} ({_spread(found['enable'], ' us')}, {_spread(found['disable'], ' us')} without triggers)"
        return Figure("triggers", "CPU of the database for an answer, triggers that nobody listens to", told, "1 within the spread", 0)


def _spread(figures: Sequence[float], unit: str) -> str:
    """Median and extremes."""
    return f"{statistics.median(figures):,.0f}{unit} ({min(figures):,.0f} to {max(figures):,.0f})"


def _ratio(before: Sequence[float], after: Sequence[float]) -> str:
    """How many times the median of before, and the spread of before around it."""
    middle = statistics.median(before)
    return f"{statistics.median(after) / middle:.2f} of {min(before) / middle:.2f} to {max(before) / middle:.2f}"


@contextmanager
def started(folder: Path, cluster: Cluster, size: Size) -> Iterator[tuple[Receiver, Server]]:
    """A receiver, and a server whose handler `crm` sends it what the measurements raise."""
    cluster.create_database(EVENTS)
    receiver = Receiver(folder)
    try:
        handler = {"class": "EventSender", "environment": 1, "url": receiver.url, "allow_private": True}
        server = Server(folder / EVENTS, cluster, database=EVENTS, tree=size.tree)
        server.initialise(cluster)
        server.provide({"handlers": {"crm": handler}})
        subscribers.load(cluster, EVENTS, size.accounts, 1)
        server.start()
        try:
            cluster.query(EVENTS, "delete from event_subscriptions")
            server.administer("evctl", "handler", "sub", "crm", "Account/Blocked", "Account/BalanceChanged")
            server.administer("evctl", "handler", "enable", "crm")
            yield receiver, server
        finally:
            server.stop()
    finally:
        receiver.stop()


def measure(generator: Path, cluster: Cluster, size: Size) -> list[Figure]:
    """All of it, one after the other; each is told as soon as it is there."""
    figures = []
    with started(generator.parent, cluster, size) as (receiver, server):
        events = Events(receiver, cluster, server, size, generator)
        for one in (events.idle, events.sustained, events.behind, events.triggers):
            cluster.settle()
            figure = one()
            print(f"  {figure.name:9} {figure.measured} (wanted {figure.wanted})", flush=True)
            figures.append(figure)
    return figures
