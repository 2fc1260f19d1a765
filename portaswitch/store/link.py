"""
One database connection that comes back by itself.

txpostgres gives the asynchronous connection; what is added here are the cures of its traps (measured):

- a dead connection fails at once, for ever: each link has its own detector, which reconnects with growing
pauses; - txpostgres' own detector takes any OperationalError for a death, a deadlock and a statement timeout
too: ours asks
  the connection itself;
- an idle connection that dies raises out of `doRead`, which fills the log with tracebacks: the error is
returned; - a statement timeout looks like a cancelled Deferred: it stays psycopg2's QueryCanceled; -
cancelling raises out of `cancel()` and blocks in libpq: here it goes through a thread, and never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import psycopg2
from psycopg2.extensions import parse_dsn
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Cooperator, deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from txpostgres import txpostgres
from txpostgres.reconnection import DeadConnectionDetector

from portaswitch.store.prepared import Prepared

CONNECT_TIMEOUT = 10.0
"""Seconds for one attempt to connect; libpq ignores its own connect_timeout on asynchronous connections."""

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""
Seconds between two attempts to connect: each pause is twice the one before.  The first attempt comes at once.
"""

NETWORK = {"keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 10_000}
"""
libpq parameters that find a dead network (the last in milliseconds), unless the connection string has its
own; on unix sockets they mean nothing.
"""

GONE = ("57P01", "57P02", "57P03")
"""SQLSTATEs with which a server ends a connection: admin_shutdown, crash_shutdown, cannot_connect_now."""

Parameters = Sequence[object] | Mapping[str, object] | None
"""
Values for the placeholders of a statement (%s or %(name)s); with none, a % in the statement is just a %.
"""


class ConnectionLost(psycopg2.OperationalError):
    """The connection died while a statement ran: whether the statement took effect is not known."""


def _read(descriptor: Any, read: Callable[[], None]) -> Exception | None:
    """
    The doRead of a connection or cursor.

    An error that is returned (not raised) makes the reactor call connectionLost without a traceback in the
    log. libpq may close the socket while psycopg2 still believes in the connection: the descriptor is then
    -1, which the reactor refuses with a ValueError.
    """
    try:
        read()
    except psycopg2.Error as reason:
        return reason
    except ValueError:
        descriptor.pollable().close()
        return error.ConnectionLost("the server closed the connection")
    return None


class _Cursor(txpostgres.Cursor):  # type: ignore[misc]
    """A cursor whose failures stay what they are."""

    def doRead(self) -> Exception | None:
        """See _read."""
        return _read(self, super().doRead)

    def _handleCancellation(self, failure: Failure) -> Failure:
        """Txpostgres would make CancelledError of every QueryCanceled, a statement timeout included."""
        return failure


class _Connection(txpostgres.Connection):  # type: ignore[misc]
    """A connection whose death while idle is reported to the detector and not to the log."""

    cursorFactory = _Cursor

    def doRead(self) -> Exception | None:
        """See _read."""
        return _read(self, super().doRead)


class _Detector(DeadConnectionDetector):  # type: ignore[misc]
    """Txpostgres' detector, with the link's judgement of death and the link's reconnection."""

    def __init__(self, link: Link, reactor: Any) -> None:
        super().__init__(deathChecker=link.killed_by, reactor=reactor)
        self._link = link
        # Dead until the first connection: the link reconnects already.
        self.connectionIsDead = True

    def startReconnecting(self, failure: Failure) -> None:
        """Called once for each death."""
        self._link.lost(failure)


class Link:
    """
    One slot for a connection.  `up` and `down` are called when it can be used and when it no longer can.

    `settings` are set on every new connection (set_config), `commands` are run after them.  `epoch` counts
    the connections: work that spans statements compares it, so that it never goes on upon the next
    connection.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        dsn: str,
        name: str,
        settings: Mapping[str, str],
        up: Callable[[Link], None],
        down: Callable[[Link], None],
        commands: Sequence[str] = (),
    ) -> None:
        """Nothing is connected before `open`; `name` is how log lines call it."""
        self._reactor, self._dsn, self._name = reactor, dsn, name
        self._settings, self._commands = settings, commands
        self._up, self._down = up, down
        self._detector = _Detector(self, reactor)
        # txpostgres' default cooperator would run on the global reactor.
        cooperator = Cooperator(scheduler=lambda step: reactor.callLater(0, step))
        self.connection: Any = _Connection(reactor, cooperator, self._detector)
        self.epoch = 0
        self.reason = "not tried yet"
        self._connecting: Deferred[None] | None = None
        self._cancelling: Deferred[None] = succeed(None)
        self._statement: Deferred[Any] | None = None
        self._prepared: set[str] = set()

    @property
    def live(self) -> bool:
        """Whether it can be used, as far as is known."""
        return not self._detector.connectionIsDead

    def open(self) -> None:
        """Connect, and keep connected until `close`."""
        self._connecting = Deferred.fromCoroutine(self._connect_for_ever())
        _ = self._connecting.addErrback(self._never).addErrback(self._bug)

    def close(self) -> None:
        """Disconnect for good; a running statement fails with ConnectionLost."""
        self._detector.connectionIsDead = True
        if self._connecting is not None:
            self._connecting.cancel()
        self._disconnect()

    def execute(self, sql: str, params: Parameters = None) -> Deferred[Any]:
        """
        Run one statement; fires with the txpostgres cursor.  Only one at a time.

        The Deferred is the driver's own: never cancel it (see `statement`), use `failed` on its failures.
        """
        try:
            running: Deferred[Any] = self.connection.cursor().execute(sql, params or None)
        except (psycopg2.Error, ValueError):
            return fail(Failure())
        return running

    def run(self, prepared: Prepared, params: Parameters = None) -> Deferred[Any]:
        """As `execute`, of a statement that the connection is told of before it runs it for the first time."""
        if prepared.name in self._prepared:
            return self.execute(prepared.call, params)
        return self.execute(prepared.making).addCallback(self._made, prepared, params)

    def _made(self, cursor: Any, prepared: Prepared, params: Parameters) -> Deferred[Any]:
        self._prepared.add(prepared.name)
        return self.execute(prepared.call, params)

    def statement(self, sql: str, params: Parameters = None) -> Deferred[Any]:
        """As `execute`, but fires with failures explained, may be cancelled, and `settled` waits for it."""
        answer: Deferred[Any] = Deferred(lambda _: self.cancel())

        def over(result: object) -> None:
            self._statement = None
            explained = self.failed(result) if isinstance(result, Failure) else result
            # A cancelled one has had its answer.
            if not answer.called:
                answer.callback(explained)

        self._statement = self.execute(sql, params)
        _ = self._statement.addBoth(over).addErrback(self._bug)
        return answer

    async def settled(self) -> None:
        """Wait until neither a statement nor a cancellation is under way on the connection."""
        if self._statement is not None:
            idle: Deferred[None] = Deferred()
            _ = self._statement.addBoth(lambda _: idle.callback(None))
            await idle
        await self.cancelled()

    def cancel(self) -> None:
        """Ask the server to cancel the running statement; its Deferred fires when the server has answered."""
        raw = self.connection.pollable()
        pool = self._reactor.getThreadPool()
        self._cancelling = deferToThreadPool(self._reactor, pool, raw.cancel).addErrback(lambda failure: None)

    def cancelled(self) -> Deferred[None]:
        """
        Fires when no cancellation is under way: only then is a late one sure not to hit the next statement.
        """
        waiter: Deferred[None] = Deferred()

        def passed(result: None) -> None:
            waiter.callback(None)

        _ = self._cancelling.addCallback(passed)
        return waiter

    @property
    def cancelling(self) -> bool:
        """Whether a cancellation is under way."""
        return not self._cancelling.called

    def failed(self, failure: Failure) -> Failure:
        """Tell the detector of a statement's failure; a death comes back as ConnectionLost."""
        if not self.killed_by(failure):
            return failure
        self._detector.checkForDeadConnection(failure)
        return Failure(ConnectionLost(f"the connection to the database was lost: {first_line(failure)}"))

    def abandon(self) -> None:
        """Give the connection up, as its state is not known, and make a new one."""
        self._detector.checkForDeadConnection(Failure(error.ConnectionAborted("abandoned")))

    def killed_by(self, failure: Failure) -> bool:
        """Whether a failure means that the connection is dead; a deadlock or a timeout does not."""
        raw = self.connection.pollable()
        # A descriptor of -1: libpq has closed the socket (see _read).
        if raw is None or raw.closed or raw.fileno() < 0:
            return True
        if failure.check(error.ConnectionClosed, error.ConnectionAborted):
            return True
        return getattr(failure.value, "pgcode", None) in GONE

    def lost(self, failure: Failure) -> None:
        """The detector's news of a death: one line in the log, and a new connection."""
        self.reason = first_line(failure)
        self._log.warn("{name}: connection lost: {reason}; reconnecting", name=self._name, reason=self.reason)
        self._down(self)
        self.open()

    async def _connect_for_ever(self) -> None:
        pauses = _pauses()
        while True:
            self._disconnect()
            try:
                await self._connect()
                break
            except CancelledError:
                raise
            except Exception as reason:
                # Whatever it is: a link that stopped trying would never come back.
                self.reason = first_line(Failure(reason))
            await deferLater(self._reactor, next(pauses))
        self.epoch += 1
        self._detector.connectionIsDead = False
        self._up(self)

    async def _connect(self) -> None:
        own = parse_dsn(self._dsn)
        extra = {key: value for key, value in NETWORK.items() if key not in own}
        timer: IDelayedCall = self._reactor.callLater(CONNECT_TIMEOUT, self._disconnect)
        self._prepared.clear()
        try:
            await self._closing(self.connection.connect(self._dsn, **extra))
            if self._settings:
                calls = ", ".join(["set_config(%s, %s, false)"] * len(self._settings))
                await self._closing(
                    self.execute(f"select {calls}", [x for kv in self._settings.items() for x in kv])
                )
            for command in self._commands:
                await self._closing(self.execute(command))
        finally:
            if timer.active():
                timer.cancel()

    def _closing(self, running: Deferred[Any]) -> Deferred[Any]:
        """A Deferred of the same result whose cancellation closes the connection."""

        def cancel(answer: Deferred[Any]) -> None:
            # The waiter first: closing fails `running` with an error that would look like a lost connection.
            answer.errback(CancelledError())
            self._disconnect()

        answer: Deferred[Any] = Deferred(cancel)
        _ = running.addBoth(lambda result: None if answer.called else answer.callback(result)).addErrback(
            self._bug
        )
        return answer

    def _disconnect(self) -> None:
        """Close what there is; the driver calls back into the detector, which already knows."""
        if self.connection.pollable() is not None:
            self.connection.close()

    def _never(self, failure: Failure) -> None:
        """The loop ends only by being cancelled."""
        failure.trap(CancelledError)

    def _bug(self, failure: Failure) -> None:
        self._log.failure("{name}: unexpected", failure=failure, name=self._name)


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)


def first_line(failure: Failure) -> str:
    """The first line of an error's text, or its name when it has none."""
    lines = str(failure.value).strip().splitlines()
    return lines[0] if lines else type(failure.value).__name__
