"""
The pools of database connections (DESIGN.md 4: hot 2, work 4, listen 1).

    query, execute, transaction > a live and free connection, else the queue > the answer
                                                     (up to `wait` seconds, then DatabaseDown)

A statement that failed with DatabaseDown was never sent.  One whose connection died while it ran fails with
ConnectionLost (a psycopg2.OperationalError): whether it took effect is settled by its idempotency key, never
by a guess.  Errors of the statement itself are psycopg2's.

`query` and `execute` are plain callbacks: with batches of 50 they are called thousands of times a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from twisted.logger import Logger

from portaswitch.errors import DatabaseDown
from portaswitch.store.link import ConnectionLost, Link, Parameters
from portaswitch.store.prepared import Prepared
from portaswitch.store.transaction import Cursor, Row, nothing, rows, transact

__all__ = ["HOT_SETTINGS", "ConnectionLost", "Cursor", "Pool"]

T = TypeVar("T")

HOT_SETTINGS: Mapping[str, str] = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "enable_material": "off",
    "jit": "off",
    # Below the decision timeout of 2 s (DESIGN.md 4), in milliseconds.
    "statement_timeout": "1500",
}
"""
What the connections of the money path fix, so that a fresh database, which has no statistics yet, gets the
same plans as a full one (SPIKE_FACTS.md 1: else it runs three times slower until autovacuum).
"""

TELL = 5.0
"""Seconds between two lines in the log while a pool has no live connection."""

GRACE = 5.0
"""Seconds that `close` waits for work in flight."""


class _Job:
    """Something that waits for, and then holds, one connection; `start` is called with it."""

    __slots__ = ("result", "timer", "link", "body", "start", "stop")

    def __init__(
        self, pool: Pool, start: Callable[[_Job, Link], None], stop: Callable[[_Job, Link], None]
    ) -> None:
        self.result: Deferred[Any] = Deferred(lambda _: pool._withdraw(self))
        self.timer: IDelayedCall | None = None
        self.link: Link | None = None
        self.body: Deferred[Any] | None = None
        self.start = start
        self.stop = stop


class Pool:
    """A fixed number of connections, each of which comes back by itself."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        dsn: str,
        *,
        size: int,
        name: str = "pool",
        settings: Mapping[str, str] | None = None,
        wait: float = 2.0,
        on_free: Callable[[], None] | None = None,
    ) -> None:
        """
        `dsn` is a libpq connection string, `settings` are set on every connection (see HOT_SETTINGS), `wait`
        is how many seconds a call waits for a connection.

        `on_free` is called whenever a connection is free and nothing waits for one; so a batcher sends its
        next batch from there, after the callbacks of the one before have run.
        """
        self.name, self.size, self.on_free = name, size, on_free
        self._reactor, self._wait = reactor, wait
        own = {"application_name": f"portaswitch {name}", "TimeZone": "UTC", **(settings or {})}
        self._links = tuple(
            Link(reactor, dsn, f"{name}[{number}]", own, self._link_up, self._link_down)
            for number in range(size)
        )
        self._free: deque[Link] = deque()
        self._waiting: deque[_Job] = deque()
        self._held: dict[Link, _Job] = {}
        self._starting: Deferred[None] | None = None
        self._closing: Deferred[None] | None = None
        self._telling: IDelayedCall | None = None
        self._since = 0.0

    @property
    def idle(self) -> int:
        """How many live connections are free."""
        return len(self._free)

    @property
    def live(self) -> int:
        """How many connections are alive, free or not."""
        return sum(link.live for link in self._links)

    @property
    def waiting(self) -> int:
        """How many calls wait for a connection."""
        return len(self._waiting)

    def start(self) -> Deferred[None]:
        """
        Connect; fires when all connections are up.  Without a database that may take long: it waits, and says
        so.
        """
        started: Deferred[None] = Deferred(lambda _: None)
        self._starting = started
        self._since = self._reactor.seconds()
        self._telling = self._reactor.callLater(TELL, self._tell)
        for link in self._links:
            link.open()
        return started

    def close(self) -> Deferred[None]:
        """Refuse what waits, let the work in flight end (at most GRACE seconds), disconnect."""
        self._closing = Deferred()
        if self._telling is not None and self._telling.active():
            self._telling.cancel()
        for job in tuple(self._waiting):
            self._refuse(job, "the pool is closed")
        self._waiting.clear()
        if self._starting is not None and not self._starting.called:  # whoever waited may have given up
            self._starting.errback(DatabaseDown(f"database pool {self.name}: closed before it was connected"))
        running = [_copy(job.result) for job in self._held.values()]
        ended = DeferredList(running).addCallback(nothing) if running else succeed(None)
        return ended.addTimeout(GRACE, self._reactor).addBoth(self._disconnect)

    def query(self, sql: str | Prepared, params: Parameters = ()) -> Deferred[list[Row]]:
        """Run one statement, a transaction of its own; fires with its rows (none when it gives none)."""
        return self._submit(lambda job, link: self._run(job, link, sql, params, rows), _stop_statement)

    def execute(self, sql: str, params: Parameters = ()) -> Deferred[None]:
        """Run one statement, a transaction of its own, for its effect."""
        return self._submit(lambda job, link: self._run(job, link, sql, params, nothing), _stop_statement)

    def transaction(self, fn: Callable[[Cursor], Awaitable[T]]) -> Deferred[T]:
        """
        Run an `async def` in one transaction: commit when it returns, roll back when it raises.

        Cancelling rolls back; after the COMMIT has left it changes nothing any more.
        """

        def start(job: _Job, link: Link) -> None:
            def committing() -> None:
                job.stop = _stop_nothing

            job.body = Deferred.fromCoroutine(transact(link, fn, committing))
            _ = job.body.addBoth(lambda result: self._finish(job, link, result))

        return self._submit(start, _stop_transaction)

    def _submit(
        self, start: Callable[[_Job, Link], None], stop: Callable[[_Job, Link], None]
    ) -> Deferred[Any]:
        job = _Job(self, start, stop)
        if self._free and not self._waiting:
            self._begin(job)
        elif self._closing is not None:
            self._refuse(job, "the pool is closed")
        else:
            job.timer = self._reactor.callLater(self._wait, self._expire, job)
            self._waiting.append(job)
        return job.result

    def _begin(self, job: _Job) -> None:
        job.link = link = self._free.popleft()
        self._held[link] = job
        job.start(job, link)

    def _run(
        self, job: _Job, link: Link, sql: str | Prepared, params: Parameters, read: Callable[[Any], Any]
    ) -> None:
        """One statement."""
        running = link.execute(sql, params) if isinstance(sql, str) else link.run(sql, params)
        if running.called:
            # One that can't be formatted fails at once: not here, lest a queue of them becomes a recursion.
            running = deferLater(self._reactor, 0, lambda failed=running: failed)
        _ = (
            running.addCallback(read)
            .addErrback(link.failed)
            .addBoth(lambda result: self._finish(job, link, result))
        )

    def _finish(self, job: _Job, link: Link, result: object) -> None:
        """Take the connection back, give the answer, and only then look for more work."""
        if link.cancelling:
            # A cancellation that is still on its way would hit the next statement.
            _ = link.cancelled().addCallback(lambda _: self._finish(job, link, result))
            return
        del self._held[link]
        if link.live and self._closing is None:
            self._free.append(link)
        # A cancelled one has had its answer.
        if not job.result.called:
            job.result.callback(result)
        self._pump()

    def _pump(self) -> None:
        """Start what waits; when nothing does, say that a connection is free."""
        while self._free and self._waiting:
            job = self._waiting.popleft()
            if job.timer is not None:
                job.timer.cancel()
            self._begin(job)
        if self._free and self.on_free is not None:
            try:
                self.on_free()
            except Exception:
                self._log.failure("{name}: on_free failed", name=self.name)

    def _withdraw(self, job: _Job) -> None:
        """A caller cancelled: what waits is forgotten, what runs is stopped; his Deferred fails at once."""
        if job.link is not None:
            job.stop(job, job.link)
            return
        if job.timer is not None:
            job.timer.cancel()
        self._waiting.remove(job)

    def _expire(self, job: _Job) -> None:
        self._waiting.remove(job)
        job.timer = None
        state = f"all {self.size} connections are busy" if self.live == self.size else self._down_because()
        self._refuse(job, f"no free connection within {self._wait} s: {state}")

    def _refuse(self, job: _Job, reason: str) -> None:
        if job.timer is not None:
            job.timer.cancel()
        job.result.errback(DatabaseDown(f"database pool {self.name}: {reason}"))

    def _down_because(self) -> str:
        """Why connections are down, in the words of the last attempt."""
        reasons = [link.reason for link in self._links if not link.live]
        return f"{len(reasons)} of {self.size} connections are down ({reasons[0] if reasons else 'none'})"

    def _link_up(self, link: Link) -> None:
        if link.epoch > 1:
            self._log.info(
                "{name}: a connection is back, {live} of {size} live",
                name=self.name,
                live=self.live,
                size=self.size,
            )
        # One that died while a transaction held it comes to the free ones when the transaction lets go.
        if link not in self._held:
            self._free.append(link)
        if self._starting is not None and self.live == self.size:
            started, self._starting = self._starting, None
            started.callback(None)
        self._pump()

    def _link_down(self, link: Link) -> None:
        if link in self._free:
            self._free.remove(link)
        if self._telling is None or not self._telling.active():
            self._since = self._reactor.seconds()
            self._telling = self._reactor.callLater(TELL, self._tell)

    def _tell(self) -> None:
        """One line as long as connections are down, and no more when all are up."""
        if self.live == self.size:
            return
        self._log.warn(
            "database pool {name}: waiting for the database for {seconds:.0f} s: {reason}",
            name=self.name,
            seconds=self._reactor.seconds() - self._since,
            reason=self._down_because(),
        )
        self._telling = self._reactor.callLater(TELL, self._tell)

    def _disconnect(self, result: object) -> None:
        for link in self._links:
            link.close()
        self._free.clear()


def _copy(result: Deferred[Any]) -> Deferred[None]:
    """Fires when `result` has fired, and leaves its value or failure to whoever waits for it."""
    waiter: Deferred[None] = Deferred()

    def passing(value: Any) -> Any:
        if not waiter.called:
            waiter.callback(None)
        return value

    _ = result.addBoth(passing)
    return waiter


def _stop_statement(job: _Job, link: Link) -> None:
    link.cancel()


def _stop_transaction(job: _Job, link: Link) -> None:
    if job.body is not None:
        job.body.cancel()


def _stop_nothing(job: _Job, link: Link) -> None:
    return None
